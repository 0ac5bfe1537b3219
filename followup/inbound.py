"""Inbound callers: somebody rings us back, or presses 0 in an automated call; who is offered him, what comes of it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType

from followup.calls import LegId
from followup.closing import move_agent, release_agent
from followup.events import DomainEvent
from followup.inbound_menu import DEFAULT_MENU, REFUSAL_KEY, InboundMenu, MenuAction
from followup.queues import Agent, AgentState, AgentTrigger
from followup.states import follow

InboundId = NewType("InboundId", str)


class InboundOrigin(StrEnum):
    """How the caller came to us."""

    RANG_US = "rang_us"
    KEY_ZERO = "key_zero"  # of an automated call: the call and its attempt exist already


class InboundState(StrEnum):
    """Where the caller is."""

    RINGING = "ringing"
    GREETED = "greeted"  # he hears who we are, that it is recorded, and which keys there are
    WAITING = "waiting"  # for an agent
    OFFERED = "offered"  # an agent is reserved and sees him on her screen
    CONNECTED = "connected"
    FAREWELL = "farewell"  # he hears what follows, and is hung up behind it
    ENDED = "ended"


class InboundTrigger(StrEnum):
    """What moves an inbound caller."""

    ANSWER = "answer"
    SEEK = "seek"
    OFFER = "offer"
    TAKE_BACK = "take_back"  # declined, not accepted in time, or the agent's headset was lost
    CONNECT = "connect"
    PART = "part"
    END = "end"


INBOUND_TRANSITIONS: dict[tuple[InboundState, InboundTrigger], InboundState] = {
    (InboundState.RINGING, InboundTrigger.ANSWER): InboundState.GREETED,
    (InboundState.GREETED, InboundTrigger.SEEK): InboundState.WAITING,
    (InboundState.WAITING, InboundTrigger.OFFER): InboundState.OFFERED,
    (InboundState.OFFERED, InboundTrigger.TAKE_BACK): InboundState.WAITING,
    (InboundState.OFFERED, InboundTrigger.CONNECT): InboundState.CONNECTED,
    (InboundState.CONNECTED, InboundTrigger.TAKE_BACK): InboundState.WAITING,
    (InboundState.GREETED, InboundTrigger.PART): InboundState.FAREWELL,
    (InboundState.WAITING, InboundTrigger.PART): InboundState.FAREWELL,
    (InboundState.OFFERED, InboundTrigger.PART): InboundState.FAREWELL,
    **{(state, InboundTrigger.END): InboundState.ENDED for state in InboundState if state is not InboundState.ENDED},
}


def next_inbound_state(state: InboundState, trigger: InboundTrigger) -> InboundState:
    """The state after `trigger`; IllegalTransitionError if the caller cannot go there now."""
    return follow("inbound call", INBOUND_TRANSITIONS, state, trigger)


class InboundReason(StrEnum):
    """What came of an inbound caller."""

    ANSWERED_BY_AGENT = "answered_by_agent"
    CALL_BACK_WISHED = "call_back_wished"
    HUNG_UP = "hung_up"  # he gave up before anybody spoke with him and wished nothing
    NO_AGENT = "no_agent"  # nobody was free, and there was no number to ring back
    AFTER_HOURS = "after_hours"  # the same, outside the hours in which anybody could be free
    LOST = "lost"  # our call worker or node was lost with him


TAKES_KEYS = frozenset({InboundState.GREETED, InboundState.WAITING, InboundState.OFFERED})
"""States in which a key means something to us; later keys are the conversation's own."""

WRONG_ANSWERS_LIMIT = 2
"""So often may somebody fail to say who he is; then the record stays closed for this call."""


@dataclass(kw_only=True, eq=False)
class InboundCall:
    """One caller, from the ringing to the wrap-up. `caller` is E.164, None when withheld or not a number."""

    id: InboundId
    leg_id: LegId
    node: str
    origin: InboundOrigin = InboundOrigin.RANG_US
    caller: str | None = None
    sip_call_id: str | None = None
    candidates: list[str] = field(default_factory=list)  # patients who have this number
    language: str = "zh"
    queue_id: str | None = None  # that called him last, else the queue for callers
    called_by: str | None = None  # the agent who called him last
    agent_id: str | None = None  # offered to, or connected with
    declined_by: list[str] = field(default_factory=list)
    state: InboundState = InboundState.RINGING
    reason: InboundReason | None = None
    to_say: list[str] = field(default_factory=list)  # prompts still to be said, the one that plays first
    patient_id: str | None = None  # whose identity was confirmed
    identity_confirmed_at: datetime | None = None
    wrong_answers: int = 0
    call_id: str | None = None  # of the attempt that this conversation is, once it is one
    task_id: str | None = None  # fulfilled by it, or made by his wish
    note: str = ""
    spool: str | None = None  # where the sound lies until it belongs to a call's recording
    recording_started_at: datetime | None = None
    recording_refused: bool = False
    recording_failed: str | None = None  # why nothing is recorded (any more)
    rang_at: datetime
    answered_at: datetime | None = None
    waiting_since: datetime | None = None
    comforted_at: datetime | None = None
    offered_at: datetime | None = None
    accepted_at: datetime | None = None
    connected_at: datetime | None = None
    ended_at: datetime | None = None
    wrapped_up_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundRules:
    """How long is waited, and how far back a call to the same number counts."""

    patience: timedelta = timedelta(seconds=30)
    offer: timedelta = timedelta(seconds=15)
    join: timedelta = timedelta(seconds=5)
    remember: timedelta = timedelta(days=14)
    comfort: timedelta = timedelta(seconds=10)


UNRECORDED = "recording_refused"
"""Said in the place of the notice to whoever is not recorded."""


def first_words(call: InboundCall, *, open_now: bool, menu: InboundMenu = DEFAULT_MENU) -> list[str]:
    """What a caller hears first. Nobody is asked for anything before he knows who we are and that it is recorded."""
    if not open_now:
        return [*menu.greeting, *menu.closed, *last_words(call)]
    greeting = [*menu.greeting, UNRECORDED if call.recording_refused else menu.notice]
    return greeting if call.caller is None else [*greeting, *menu.choices]


def last_words(call: InboundCall) -> list[str]:
    """The good-bye that says what follows."""
    return ["ring_again"] if call.caller is None else ["call_back_promised"]


class InboundMove(StrEnum):
    """What is to be done next with a caller."""

    SEEK_AGENT = "seek_agent"
    NOTE_WISH = "note_wish"
    REFUSE_RECORDING = "refuse_recording"
    OTHER_LANGUAGE = "other_language"
    HANG_UP = "hang_up"
    TAKE_BACK = "take_back"
    GIVE_UP = "give_up"  # nobody is free: a wish where there is a number, else a good-bye


def move_after_key(call: InboundCall, key: str, menu: InboundMenu = DEFAULT_MENU) -> InboundMove | None:
    """What a key asks for: 8 no recording, every other what the menu says."""
    if key == REFUSAL_KEY:
        refuses = call.spool is not None and not call.recording_refused and call.state is not InboundState.ENDED
        return InboundMove.REFUSE_RECORDING if refuses else None
    match menu.keys.get(key):
        case MenuAction.PERSON if call.state is InboundState.GREETED:
            return InboundMove.SEEK_AGENT
        case MenuAction.CALL_BACK if call.state in TAKES_KEYS and call.caller is not None and _rang_us(call):
            return InboundMove.NOTE_WISH
        case MenuAction.OTHER_LANGUAGE if call.state is InboundState.GREETED and _rang_us(call):
            return InboundMove.OTHER_LANGUAGE
    return None


def _rang_us(call: InboundCall) -> bool:
    return call.origin is InboundOrigin.RANG_US


def move_after_words(call: InboundCall) -> InboundMove | None:
    """What follows when everything there was to say has been heard; who presses nothing wants a person."""
    if call.state is InboundState.GREETED:
        return InboundMove.SEEK_AGENT
    return InboundMove.HANG_UP if call.state is InboundState.FAREWELL else None


def end_caller(
    call: InboundCall, agent: Agent | None, *, reason: InboundReason, at: datetime, now: datetime
) -> tuple[DomainEvent, ...]:
    """The caller is gone: an agent who spoke with him has to say what came of it, one only reserved is free."""
    talked = call.state is InboundState.CONNECTED
    call.state = next_inbound_state(call.state, InboundTrigger.END)
    call.ended_at = at
    call.reason = call.reason or reason
    if agent is None:
        return ()
    if not talked:
        call.agent_id = None
        return release_agent(agent, now=now)
    if call.call_id is None and agent.state is AgentState.ON_CALL:
        return (move_agent(agent, AgentTrigger.BEGIN_WRAP_UP, now=now),)
    return ()


def move_of_time(call: InboundCall, rules: InboundRules, now: datetime) -> InboundMove | None:
    """What the passing of time asks for."""
    if call.state is InboundState.OFFERED:
        since, limit = (call.accepted_at, rules.join) if call.accepted_at else (call.offered_at, rules.offer)
        return InboundMove.TAKE_BACK if since is not None and now - since >= limit else None
    if call.state is InboundState.WAITING and call.waiting_since is not None:
        return InboundMove.GIVE_UP if now - call.waiting_since >= rules.patience else None
    return None
