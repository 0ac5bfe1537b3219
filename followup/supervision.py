"""A supervisor on the line: how she is there, why, and who is shown that she is."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from followup.calls import CallId, LegId
from followup.states import follow

SUPERVISOR_REJOIN_LIMIT = timedelta(seconds=5)
"""How long a supervisor's line outlives her browser: a reload's length, for nobody waits for her."""


class SupervisionMode(StrEnum):
    """How a supervisor is on the line (the same words as call control's MonitorMode)."""

    LISTEN = "listen"
    WHISPER = "whisper"
    BARGE = "barge"
    TAKE_OVER = "take_over"


class SupervisionReason(StrEnum):
    """Why a supervisor goes on a call: picked, never typed."""

    TRAINING = "training"
    QUALITY_CHECK = "quality_check"
    AGENT_ASKED = "agent_asked"
    COMPLAINT = "complaint"
    SAFETY = "safety"
    TECHNICAL_CHECK = "technical_check"


REASON_WORDS: dict[SupervisionReason, tuple[str, str]] = {
    SupervisionReason.TRAINING: ("带教培训", "training"),
    SupervisionReason.QUALITY_CHECK: ("质量检查", "quality check"),
    SupervisionReason.AGENT_ASKED: ("坐席请求协助", "the agent asked for help"),
    SupervisionReason.COMPLAINT: ("投诉处理", "complaint"),
    SupervisionReason.SAFETY: ("患者安全", "safety of the patient"),
    SupervisionReason.TECHNICAL_CHECK: ("通话质量与设备检查", "technical check"),
}
"""Each reason in Chinese and English."""


class SupervisionShown(StrEnum):
    """What an agent is shown of a supervisor on her call; a queue's setting."""

    ALWAYS = "always"
    SPEAKING = "speaking"  # whisper, barge and take over, but not listening
    HIDDEN = "hidden"


class SupervisionState(StrEnum):
    """Where a supervision is."""

    RINGING = "ringing"  # the supervisor's telephone is being rung
    ON_LINE = "on_line"
    ENDED = "ended"


class SupervisionTrigger(StrEnum):
    """What moves a supervision."""

    MONITOR = "monitor"  # the line says that she is in, or in another way than before
    END = "end"


SUPERVISION_TRANSITIONS: dict[tuple[SupervisionState, SupervisionTrigger], SupervisionState] = {
    (SupervisionState.RINGING, SupervisionTrigger.MONITOR): SupervisionState.ON_LINE,
    (SupervisionState.ON_LINE, SupervisionTrigger.MONITOR): SupervisionState.ON_LINE,
    (SupervisionState.RINGING, SupervisionTrigger.END): SupervisionState.ENDED,
    (SupervisionState.ON_LINE, SupervisionTrigger.END): SupervisionState.ENDED,
}


def next_supervision_state(state: SupervisionState, trigger: SupervisionTrigger) -> SupervisionState:
    """The state after `trigger`; IllegalTransitionError if the supervision cannot do that now."""
    return follow("supervision", SUPERVISION_TRANSITIONS, state, trigger)


@dataclass(kw_only=True, eq=False)
class Supervision:
    """One visit of one supervisor on one call; a call has one live at most, for a worker's lines are four."""

    id: str
    call_id: CallId
    leg_id: LegId
    supervisor_id: str
    agent_id: str | None
    phone: str  # what is rung: an extension or SIP address of hers, or of her browser's link
    in_browser: bool = False
    mode: SupervisionMode  # wanted; what is true is the open stretch
    reason: SupervisionReason
    state: SupervisionState = SupervisionState.RINGING
    asked_at: datetime
    ended_at: datetime | None = None
    ended_because: str = ""


@dataclass(kw_only=True, eq=False)
class Stretch:
    """A stretch of a supervision in one mode, as the line told it. Written once; only its end is added."""

    id: str
    supervision_id: str
    call_id: CallId
    supervisor_id: str
    mode: SupervisionMode
    reason: SupervisionReason
    began_at: datetime
    ended_at: datetime | None = None


def is_shown(shown: SupervisionShown, mode: SupervisionMode) -> bool:
    """True if the agent is shown a supervisor who is there in this mode."""
    return shown is SupervisionShown.ALWAYS or (
        shown is SupervisionShown.SPEAKING and mode is not SupervisionMode.LISTEN
    )


def oversees_queue(overseen: list[str], queue_id: str) -> bool:
    """True if a supervisor with this list of queues may supervise a call of the queue; an empty list means all."""
    return not overseen or queue_id in overseen
