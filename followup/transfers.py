"""A transfer: the patient is passed on to another agent, to a number of the directory, or to somebody of his own."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from followup.calls import CallId, LegId
from followup.dialing_rules import Mode
from followup.states import follow


class TransferState(StrEnum):
    """Where a transfer is; everything before handed_over, back and ended is live, and a call has one live at most."""

    DIALING = "dialing"  # the one asked for is being rung; the patient hears music
    CONSULTING = "consulting"  # agent and third party talk; the patient hears music
    TOGETHER = "together"  # all three talk
    HANDED_OVER = "handed_over"  # patient and third party talk, the agent is out
    BACK = "back"  # patient and agent talk, the third party is out
    ENDED = "ended"  # the call was over before the transfer was


class TransferTrigger(StrEnum):
    """What moves a transfer."""

    ANSWER = "answer"
    HAND_OVER = "hand_over"
    JOIN = "join"
    GIVE_BACK = "give_back"
    END = "end"


_LIVE = (TransferState.DIALING, TransferState.CONSULTING, TransferState.TOGETHER)
LIVE_TRANSFERS = frozenset(_LIVE)

TRANSFER_TRANSITIONS: dict[tuple[TransferState, TransferTrigger], TransferState] = {
    (TransferState.DIALING, TransferTrigger.ANSWER): TransferState.CONSULTING,
    (TransferState.CONSULTING, TransferTrigger.JOIN): TransferState.TOGETHER,
    **{(state, TransferTrigger.HAND_OVER): TransferState.HANDED_OVER for state in _LIVE},
    **{(state, TransferTrigger.GIVE_BACK): TransferState.BACK for state in _LIVE},
    **{(state, TransferTrigger.END): TransferState.ENDED for state in _LIVE},
}


def next_transfer_state(state: TransferState, trigger: TransferTrigger) -> TransferState:
    """The state after `trigger`; IllegalTransitionError if the transfer cannot do that now."""
    return follow("transfer", TRANSFER_TRANSITIONS, state, trigger)


class TransferTarget(StrEnum):
    """Who takes the patient or joins the talk."""

    AGENT = "agent"  # on the headset she has up
    DIRECTORY = "directory"  # a number of the hospital's list
    CONTACT = "contact"  # a number of the patient's own record: a relative
    NUMBER = "number"  # typed in; only where a supervisor allowed it


@dataclass(kw_only=True, eq=False)
class Transfer:
    """One transfer of one call. `mode` is blind or consult, in call control's words."""

    id: str
    call_id: CallId
    leg_id: LegId
    mode: str
    target: TransferTarget
    agent_id: str | None = None  # the agent it goes to
    directory_id: str | None = None
    contact_point_id: str | None = None
    number: str  # what is dialed; leaves the database only towards the trunk
    state: TransferState = TransferState.DIALING
    asked_by: str  # the user
    asked_at: datetime
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    reason: str = ""  # why it came to nothing


class DirectoryKind(StrEnum):
    """What is at the other end of a number of the list."""

    DEPARTMENT = "department"
    INTERPRETER = "interpreter"
    ON_CALL = "on_call"  # the doctor or nurse on duty
    OTHER = "other"


@dataclass(kw_only=True, eq=False)
class DirectoryEntry:
    """A number that agents may transfer to."""

    id: str
    name: str
    kind: DirectoryKind
    number: str  # E.164, or an extension of the hospital's exchange
    language: str | None = None
    active: bool = True
    created_at: datetime


def number_refusal(number: str, *, mode: Mode, on_allow_list: bool, trunk_is_loopback: bool) -> str | None:
    """Why this installation may not dial a third party's number; None where it may. Agents' headsets are not asked."""
    if mode is Mode.DEMO and not trunk_is_loopback:
        return "the demo dials nobody outside this machine"
    if mode is Mode.TRIAL and not on_allow_list:
        return f"a trial dials only the numbers of SUIFANG_TRIAL_ALLOW_LIST, and none of them ends in {number[-4:]}"
    return None
