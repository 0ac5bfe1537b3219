"""A call and its legs: the machine of states, why a call ended, and whose doing it was."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NewType

from followup.states import follow

CallId = NewType("CallId", str)
LegId = NewType("LegId", str)


class CallState(StrEnum):
    """Where the call is. Why and whose doing are EndReason and Party, never a state."""

    PLANNED = "planned"  # saved; nothing was sent
    DIALING = "dialing"  # an INVITE is about to leave or has left
    RINGING = "ringing"
    ANSWERED = "answered"  # the patient's side was picked up; nobody of ours is joined
    BRIDGED = "bridged"  # the patient is joined with somebody: agent, third party or both
    HELD = "held"
    ENDED = "ended"


class CallTrigger(StrEnum):
    """What moves a call."""

    DIAL = "dial"
    RING = "ring"
    ANSWER = "answer"
    BRIDGE = "bridge"
    UNBRIDGE = "unbridge"
    HOLD = "hold"
    RESUME = "resume"
    END = "end"


CALL_TRANSITIONS: dict[tuple[CallState, CallTrigger], CallState] = {
    (CallState.PLANNED, CallTrigger.DIAL): CallState.DIALING,
    (CallState.DIALING, CallTrigger.RING): CallState.RINGING,
    (CallState.DIALING, CallTrigger.ANSWER): CallState.ANSWERED,
    (CallState.RINGING, CallTrigger.ANSWER): CallState.ANSWERED,
    (CallState.ANSWERED, CallTrigger.BRIDGE): CallState.BRIDGED,
    (CallState.BRIDGED, CallTrigger.UNBRIDGE): CallState.ANSWERED,
    (CallState.BRIDGED, CallTrigger.HOLD): CallState.HELD,
    (CallState.ANSWERED, CallTrigger.HOLD): CallState.HELD,  # joined while the far end holds the line
    (CallState.HELD, CallTrigger.UNBRIDGE): CallState.ANSWERED,
    (CallState.HELD, CallTrigger.RESUME): CallState.BRIDGED,
    **{(state, CallTrigger.END): CallState.ENDED for state in CallState if state is not CallState.ENDED},
}


def next_call_state(state: CallState, trigger: CallTrigger) -> CallState:
    """The state after `trigger`; IllegalTransitionError if the call cannot do that now."""
    return follow("call", CALL_TRANSITIONS, state, trigger)


class EndReason(StrEnum):
    """Why a call ended, as observed on the line (technical, never chosen by a person)."""

    HANG_UP = "hang_up"  # a talking party hung up
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    INVALID_NUMBER = "invalid_number"
    UNREACHABLE = "unreachable"  # switched off, out of service, no route at the far end
    CONGESTION = "congestion"
    MACHINE = "machine"  # an answering machine or voicemail took the call
    NETWORK_FAILURE = "network_failure"
    CANCELLED = "cancelled"  # we gave up before an answer, by an agent's or supervisor's wish
    REFUSED_BY_GATE = "refused_by_gate"  # nothing was sent: the call was not allowed
    TIME_LIMIT = "time_limit"
    WORKER_LOST = "worker_lost"  # our call worker died with the call


class CauseCode(StrEnum):
    """Why a call ended, as finely as the network told it: what the agent reads (content/end_reasons.yaml)."""

    HUNG_UP = "hung_up"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    BLOCKED = "blocked"  # the phone's or the network's filter refuses our number
    EMPTY_NUMBER = "empty_number"
    CHANGED_NUMBER = "changed_number"
    INCOMPLETE_NUMBER = "incomplete_number"
    SWITCHED_OFF = "switched_off"
    OUT_OF_REACH = "out_of_reach"
    SUSPENDED = "suspended"  # the subscriber's line is closed, usually for an unpaid bill
    OUT_OF_SERVICE = "out_of_service"
    NO_ROUTE = "no_route"
    CONGESTION = "congestion"
    CARRIER_FAULT = "carrier_fault"
    NOT_PERMITTED = "not_permitted"  # the carrier does not let this line call there
    OUR_CREDENTIALS = "our_credentials"
    NO_COMMON_SOUND = "no_common_sound"  # no codec or no encryption that both ends speak
    SILENT_TRUNK = "silent_trunk"
    LINE_BROKE = "line_broke"
    MACHINE = "machine"
    CANCELLED = "cancelled"
    REFUSED_BY_GATE = "refused_by_gate"
    TIME_LIMIT = "time_limit"
    WORKER_LOST = "worker_lost"


class Party(StrEnum):
    """Whose doing the end of a call was."""

    PATIENT = "patient"
    AGENT = "agent"
    CARRIER = "carrier"
    US = "us"


class LegRole(StrEnum):
    """Who speaks on a leg."""

    PATIENT = "patient"
    AGENT = "agent"
    THIRD_PARTY = "third_party"
    SUPERVISOR = "supervisor"
    INTERNAL = "internal"  # a line between two of our own call workers


class Answered(StrEnum):
    """Who or what seems to have picked up."""

    HUMAN = "human"
    MACHINE = "machine"
    UNKNOWN = "unknown"


class EarlySound(StrEnum):
    """What was heard before the answer, as far as the network let us hear it."""

    NOTHING = "nothing"  # no sound was sent
    SILENCE = "silence"
    RINGBACK = "ringback"
    BUSY_TONE = "busy_tone"
    CONGESTION_TONE = "congestion_tone"
    SPECIAL_TONE = "special_tone"  # the three rising tones before "this number is not in use"
    SONG = "song"  # a song instead of the ringing tone
    SPEECH = "speech"  # somebody speaks: an announcement
    UNCLEAR = "unclear"


class Announcement(StrEnum):
    """What an announcement of the network says of the number."""

    EMPTY_NUMBER = "empty_number"  # 空号
    SWITCHED_OFF = "switched_off"  # 关机
    SUSPENDED = "suspended"  # 停机
    OUT_OF_REACH = "out_of_reach"  # 暂时无法接通, 不在服务区
    BUSY = "busy"  # 正在通话中
    NO_ANSWER = "no_answer"  # 暂时无人接听
    BARRED = "barred"  # 已设置呼入限制


@dataclass(kw_only=True, eq=False)
class Call:
    """One conversation with a patient over one line; its attempt says what it was for."""

    id: CallId
    attempt_id: str
    patient_id: str
    queue_id: str
    agent_id: str | None
    number: str  # E.164; leaves the database only towards the trunk
    node: str
    trunk: str | None = None
    state: CallState = CallState.PLANNED
    worker: str | None = None
    sip_call_id: str | None = None
    planned_at: datetime
    invite_at: datetime | None = None
    ringing_at: datetime | None = None
    answered_at: datetime | None = None
    bridged_at: datetime | None = None
    parting_at: datetime | None = None  # since then an apology plays before his line is ended
    silent_since: datetime | None = None  # nothing is heard of the patient since then; kept if the call ends so
    ended_at: datetime | None = None
    end_reason: EndReason | None = None
    party: Party | None = None
    cause: CauseCode | None = None
    recorded: bool = True  # False: the patient does not want it; told, and no recorder is begun
    screened: bool = False  # who answers is judged before any machine of ours speaks
    answered_by: Answered | None = None
    answered_by_confidence: float | None = None
    answered_by_after: float | None = None  # seconds of sound that the verdict took
    answered_by_why: str | None = None
    early_sound: EarlySound | None = None  # what was heard before the end of a call that nobody answered
    announcement: Announcement | None = None
    heard_code: str | None = None  # what the transcript of the first seconds held: a phrase's code, never the words
    digits: str = ""
    flow_step: str | None = None
    flow_values: dict[str, str] = field(default_factory=dict)  # what was entered in the flow; never logged
    joined: list[str] = field(default_factory=list)  # legs that hear and are heard by the patient
    held_by: list[str] = field(default_factory=list)  # us, far_end or both
    legs: list["Leg"] = field(default_factory=list)


@dataclass(kw_only=True, eq=False)
class Leg:
    """One party's line in a call. A headset leg outlives its calls and belongs to a desk."""

    id: LegId
    call_id: CallId
    role: LegRole
    trunk: str | None = None
    caller_id: str | None = None  # the number the far end was shown
    replaces: LegId | None = None  # the leg over another trunk that ended without ringing, which this one stands in for
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    cause: CauseCode | None = None
