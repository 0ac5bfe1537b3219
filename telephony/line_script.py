"""Line scripts: what the far end of a loopback line does, step by step ("ring, answer, press 1, hang up")."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class LineAct(StrEnum):
    """What the far end of a scripted line can do."""

    RING = "ring"
    EARLY_MEDIA = "early_media"
    ANSWER = "answer"
    PRESS = "press"
    REFUSE = "refuse"
    HANG_UP = "hang_up"
    HOLD = "hold"
    RESUME = "resume"
    REFUSE_HOLDS = "refuse_holds"
    ANSWERED_BY = "answered_by"
    FALL_SILENT = "fall_silent"
    SPEAK_AGAIN = "speak_again"
    FILL_DISK = "fill_disk"


@dataclass(frozen=True, slots=True, kw_only=True)
class LineStep:
    """One act of the far end, `after` so many seconds from the step before it (the first: from the INVITE)."""

    act: LineAct
    after: float = 0.0
    digit: str = ""
    sip_status: int = 0
    who: str = ""
    confidence: float = 0.0


LineScript = Sequence[LineStep]


def ring(after: float = 0.1) -> LineStep:
    """The phone begins to ring."""
    return LineStep(act=LineAct.RING, after=after)


def answer(after: float = 0.5) -> LineStep:
    """Somebody picks up."""
    return LineStep(act=LineAct.ANSWER, after=after)


def press(digit: str, after: float = 0.5) -> LineStep:
    """Somebody presses a key."""
    return LineStep(act=LineAct.PRESS, after=after, digit=digit)


def hang_up(after: float = 5.0) -> LineStep:
    """The far end hangs up."""
    return LineStep(act=LineAct.HANG_UP, after=after)


def refuse(sip_status: int, after: float = 0.1) -> LineStep:
    """The call is turned down before an answer; `telephony.causes` says what the status means."""
    return LineStep(act=LineAct.REFUSE, after=after, sip_status=sip_status)


def far_hold(after: float = 0.5) -> LineStep:
    """The far end puts us on hold."""
    return LineStep(act=LineAct.HOLD, after=after)


def far_resume(after: float = 0.5) -> LineStep:
    """The far end takes us from hold."""
    return LineStep(act=LineAct.RESUME, after=after)


def refuse_holds(sip_status: int, after: float = 0.0) -> LineStep:
    """From now on the far end does not agree to be held."""
    return LineStep(act=LineAct.REFUSE_HOLDS, after=after, sip_status=sip_status)


def answered_by(who: str, confidence: float = 0.9, after: float = 1.5) -> LineStep:
    """Of a screened leg: it is judged who answered (human, machine or unknown)."""
    return LineStep(act=LineAct.ANSWERED_BY, after=after, who=who, confidence=confidence)


def fall_silent(after: float = 5.0) -> LineStep:
    """Nothing has been received for so long; it is told at once."""
    return LineStep(act=LineAct.FALL_SILENT, after=after)


def speak_again(after: float = 1.0) -> LineStep:
    """Sound is back."""
    return LineStep(act=LineAct.SPEAK_AGAIN, after=after)


def fill_disk(after: float = 1.0) -> LineStep:
    """Our own disk takes no more of the recording."""
    return LineStep(act=LineAct.FILL_DISK, after=after)


ANSWERS: LineScript = (ring(), answer())
BUSY: LineScript = (refuse(486),)
REJECTS: LineScript = (ring(), refuse(603, after=0.5))
NO_ANSWER: LineScript = (ring(),)
UNREACHABLE: LineScript = (refuse(480),)
