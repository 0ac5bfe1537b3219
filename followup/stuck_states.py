"""States that last too long, as a supervisor's wall shows them: pure rules over an agent or a call and the hour."""

from datetime import datetime, timedelta
from enum import StrEnum

from followup.calls import Call, CallState
from followup.queues import HEARTBEAT_LIMIT, Agent, AgentState, HeadsetState

RESERVED_LIMIT = timedelta(seconds=30)
"""An agent is reserved for a call that is about to be placed; a preview has a limit of its own."""

RING_MARGIN = timedelta(seconds=15)
UNJOINED_LIMIT = timedelta(seconds=10)
"""A patient who answered an agent's call hears somebody within half a second; after this nobody comes any more."""

FORGOTTEN_WRAP_UP = timedelta(minutes=15)


class Stuck(StrEnum):
    """What does not go on as it should."""

    NOT_HEARD = "not_heard"  # the console is not heard while its agent seems to be at work
    HEADSET_AWAY = "headset_away"  # no call can be given: the headset is down, or its browser is away
    RESERVED_TOO_LONG = "reserved_too_long"
    NO_CALL = "no_call"  # on a call, and there is none
    WRAP_UP_FORGOTTEN = "wrap_up_forgotten"
    RINGS_TOO_LONG = "rings_too_long"  # planned, dialing or ringing past the queue's ring time
    NOBODY_JOINED = "nobody_joined"  # answered, and nobody of ours came to the line
    SILENT_LINE = "silent_line"  # nothing is heard of the patient


_AT_WORK = frozenset(AgentState) - {AgentState.OFFLINE}
_TAKES_CALLS = frozenset({AgentState.AVAILABLE, AgentState.RESERVED, AgentState.ON_CALL})


def stuck_agent(agent: Agent, *, has_call: bool, previews: bool, now: datetime) -> Stuck | None:
    """Why an agent's state wants a look, the gravest first; None when all is well."""
    age = now - agent.state_since
    if agent.state is AgentState.ON_CALL and not has_call:
        return Stuck.NO_CALL
    if agent.state in _AT_WORK and (agent.heartbeat_at is None or now - agent.heartbeat_at >= 2 * HEARTBEAT_LIMIT):
        return Stuck.NOT_HEARD
    if agent.state in _TAKES_CALLS and (
        agent.headset_state is not HeadsetState.UP or agent.headset_lost_at is not None
    ):
        return Stuck.HEADSET_AWAY
    if agent.state is AgentState.RESERVED and not has_call and not previews and age > RESERVED_LIMIT:
        return Stuck.RESERVED_TOO_LONG
    if agent.state is AgentState.WRAP_UP and age > FORGOTTEN_WRAP_UP:
        return Stuck.WRAP_UP_FORGOTTEN
    return None


def stuck_call(call: Call, *, ring_seconds: int, now: datetime) -> Stuck | None:
    """Why a call wants a look; None when all is well. A call of no agent is a machine's: nobody has to come."""
    if call.state in (CallState.PLANNED, CallState.DIALING, CallState.RINGING):
        limit = timedelta(seconds=ring_seconds) + RING_MARGIN
        return Stuck.RINGS_TOO_LONG if now - (call.invite_at or call.planned_at) > limit else None
    if call.state is CallState.ENDED:
        return None
    waits_for_us = call.state is CallState.ANSWERED and call.agent_id is not None and call.bridged_at is None
    if waits_for_us and call.answered_at is not None and now - call.answered_at > UNJOINED_LIMIT:
        return Stuck.NOBODY_JOINED
    return Stuck.SILENT_LINE if call.silent_since is not None else None


def call_state_since(call: Call) -> datetime:
    """Since when the call is about where it is, by the last of its instants."""
    instants = (call.planned_at, call.invite_at, call.ringing_at, call.answered_at, call.bridged_at, call.ended_at)
    return max(each for each in instants if each is not None)
