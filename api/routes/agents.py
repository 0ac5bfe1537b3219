"""Agents: their own desk, and the board that supervisors watch."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import StringConstraints

from api import desks, found
from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Ask, Instant
from api.permissions import AgentCommanding, AgentOnly, Allowed, SupervisorOnly
from api.problems import Kind, Problem, problems
from api.wiring import wiring_of
from db.users import Role
from followup.queues import Agent, AgentState, HeadsetKind, HeadsetState, can_be_given_a_call

router = APIRouter(tags=["agents"], route_class=Route)

# A PBX extension or SIP user, or the phone's own address; anything else is refused before a node sees it.
_HEADSET = r"^([A-Za-z0-9._-]{1,64}|sips?:[A-Za-z0-9._-]{1,64}@[A-Za-z0-9.-]{1,100}(:\d{1,5})?)$"


class StateAsk(Ask):
    """Where the agent wants to be; during a call it is kept until the wrap-up ends."""

    state: Literal[AgentState.AVAILABLE, AgentState.BREAK, AgentState.TRAINING, AgentState.OFFLINE]
    reason: Annotated[str, StringConstraints(max_length=200)] = ""


class HeadsetAsk(Ask):
    """The phone to ring: a SIP user or extension, or a sip: address."""

    headset: Annotated[str, StringConstraints(pattern=_HEADSET)]


class DeskAnswer(Answer):
    """An agent's desk. `ready`: a call can be given now."""

    agent_id: str
    state: AgentState
    state_since: Instant
    state_reason: str
    wanted_state: AgentState | None
    heartbeat_at: Instant | None
    headset: str
    headset_kind: HeadsetKind
    headset_wanted: bool
    headset_state: HeadsetState
    headset_lost_at: Instant | None
    ready: bool
    languages: list[str]
    queues: list[str]


class BoardRow(Answer):
    """One agent on the board, with what he works on."""

    desk: DeskAnswer
    display_name: str
    attempt_id: str | None
    call_id: str | None


class BoardAnswer(Answer):
    """Every agent, and the instant all this was true."""

    as_of: Instant
    agents: list[BoardRow]


@router.get("/agents/me/state", responses=problems(Kind.UNKNOWN_AGENT))
def read_own_state(caller: AgentOnly, uow: Work) -> DeskAnswer:
    """The caller's desk."""
    return _desk(found.own_desk(uow, caller), uow.now)


@router.post("/agents/me/state", responses=problems(Kind.UNKNOWN_AGENT, Kind.NOT_POSSIBLE_NOW))
def ask_for_state(ask: StateAsk, caller: AgentCommanding, uow: Work) -> DeskAnswer:
    """Become available, take a break, train or go offline."""
    agent = found.own_desk(uow, caller)
    desks.ask_for_state(uow, agent, ask.state, ask.reason)
    return _desk(agent, uow.now)


@router.post("/agents/me/heartbeat", responses=problems(Kind.UNKNOWN_AGENT))
def heartbeat(
    caller: Annotated[Caller, Depends(Allowed(Role.AGENT, repeatable="it says only that the console is open"))],
    uow: Work,
) -> DeskAnswer:
    """Say that the console is open; without it for 15 seconds no call is given."""
    agent = found.own_desk(uow, caller)
    agent.heartbeat_at = uow.now
    return _desk(agent, uow.now)


@router.post("/agents/me/headset", status_code=202, responses=problems(Kind.UNKNOWN_AGENT, Kind.NOT_POSSIBLE_NOW))
def attach_headset(ask: HeadsetAsk, caller: AgentCommanding, uow: Work) -> DeskAnswer:
    """Have the headset rung; it stays up for the shift."""
    agent = found.own_desk(uow, caller)
    if agent.headset_state is not HeadsetState.DOWN and agent.headset != ask.headset:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "headset", "another headset of yours is up; detach it first")
    desks.attach_headset(uow, agent, ask.headset)
    return _desk(agent, uow.now)


@router.delete("/agents/me/headset", responses=problems(Kind.UNKNOWN_AGENT, Kind.NOT_POSSIBLE_NOW))
def detach_headset(request: Request, caller: AgentOnly, uow: Work) -> DeskAnswer:
    """Have the headset's line ended; not during a call."""
    agent = found.own_desk(uow, caller)
    if agent.state in (AgentState.RESERVED, AgentState.ON_CALL):
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "headset", "you are in a call; hang up first")
    desks.detach_headset(uow, agent)
    if agent.headset_kind is HeadsetKind.BROWSER:
        wiring_of(request).headsets.leave(agent.id)
    return _desk(agent, uow.now)


@router.get("/agents")
def board(caller: SupervisorOnly, uow: Work) -> BoardAnswer:  # noqa: ARG001
    """Every agent: where he is since when, and what he works on."""
    names = {user.id: user.display_name for user in uow.users.all()}
    attempts = {attempt.agent_id: attempt.id for attempt in uow.attempts.live() if attempt.agent_id}
    calls = {call.attempt_id: call.id for call in uow.calls.live()}
    rows = [
        BoardRow(
            desk=_desk(agent, uow.now),
            display_name=names[agent.id],
            attempt_id=attempts.get(agent.id),
            call_id=calls.get(attempts.get(agent.id, "")),
        )
        for agent in uow.queues.agents()
    ]
    return BoardAnswer(as_of=uow.now, agents=rows)


def _desk(agent: Agent, now: Instant) -> DeskAnswer:
    return DeskAnswer(
        agent_id=agent.id,
        state=agent.state,
        state_since=agent.state_since,
        state_reason=agent.state_reason,
        wanted_state=agent.wanted_state,
        heartbeat_at=agent.heartbeat_at,
        headset=agent.headset,
        headset_kind=agent.headset_kind,
        headset_wanted=agent.headset_wanted,
        headset_state=agent.headset_state,
        headset_lost_at=agent.headset_lost_at,
        ready=can_be_given_a_call(agent, now),
        languages=agent.languages,
        queues=agent.queues,
    )
