"""A recording and its transcripts."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from followup.events import DomainEvent, EventKind
from followup.states import follow

REASON_LENGTH = 500
NEVER_BEGUN = "the recording could not be begun (disk full, or its folder cannot be written): nothing is recorded"
REFUSED_BY_PATIENT = "the patient refused the recording; it was destroyed"
NOBODY_SPOKE = "nobody of ours came to the line, and nothing was announced; it was destroyed"
STORE_AWAY = "it waits in its spool and is asked for again every few minutes"
"""How the reason of a captured recording begins while the vault takes nothing."""

DISK_FULL = "the disk took no more: the rest is not recorded; make room, what was written before is kept"


class RecordingState(StrEnum):
    """Where a recording is."""

    EXPECTED = "expected"
    RECORDING = "recording"
    CAPTURED = "captured"  # both files lie in the spool
    STORED = "stored"
    TRANSCRIBED = "transcribed"
    EXPIRED = "expired"
    FAILED = "failed"


class RecordingTrigger(StrEnum):
    """What moves a recording."""

    START = "start"
    CAPTURE = "capture"
    STORE = "store"
    TRANSCRIBE = "transcribe"
    EXPIRE = "expire"
    FAIL = "fail"


RECORDING_TRANSITIONS: dict[tuple[RecordingState, RecordingTrigger], RecordingState] = {
    (RecordingState.EXPECTED, RecordingTrigger.START): RecordingState.RECORDING,
    (RecordingState.EXPECTED, RecordingTrigger.FAIL): RecordingState.FAILED,
    (RecordingState.RECORDING, RecordingTrigger.CAPTURE): RecordingState.CAPTURED,
    (RecordingState.RECORDING, RecordingTrigger.FAIL): RecordingState.FAILED,
    (RecordingState.CAPTURED, RecordingTrigger.STORE): RecordingState.STORED,
    (RecordingState.CAPTURED, RecordingTrigger.FAIL): RecordingState.FAILED,
    (RecordingState.STORED, RecordingTrigger.TRANSCRIBE): RecordingState.TRANSCRIBED,
    (RecordingState.STORED, RecordingTrigger.FAIL): RecordingState.FAILED,
    (RecordingState.STORED, RecordingTrigger.EXPIRE): RecordingState.EXPIRED,
    (RecordingState.TRANSCRIBED, RecordingTrigger.EXPIRE): RecordingState.EXPIRED,
    # A failure deletes nothing, so what failed may be tried again once its cause is mended.
    (RecordingState.FAILED, RecordingTrigger.STORE): RecordingState.STORED,
    (RecordingState.FAILED, RecordingTrigger.TRANSCRIBE): RecordingState.TRANSCRIBED,
    (RecordingState.FAILED, RecordingTrigger.EXPIRE): RecordingState.EXPIRED,
}


def next_recording_state(state: RecordingState, trigger: RecordingTrigger) -> RecordingState:
    """The state after `trigger`; IllegalTransitionError if the recording cannot do that now."""
    return follow("recording", RECORDING_TRANSITIONS, state, trigger)


class Channel(StrEnum):
    """Who is on a channel: the agent on the left, the patient on the right."""

    AGENT = "agent"
    PATIENT = "patient"


class FaultKind(StrEnum):
    """What is doubtful about a recording that was stored all the same."""

    START_UNKNOWN = "start_unknown"  # nothing says when the sides began: they were taken to begin together
    SIDE_MISSING = "side_missing"  # the side has no file: it is silence
    SIDE_EMPTY = "side_empty"  # the side's file ends before any sound
    SIDE_SHORT = "side_short"  # the side ends so many seconds before the other
    DISK_FULL = "disk_full"  # the rest was never written


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingFault:
    """One doubt, of which side, and how many seconds are missing where that is known."""

    kind: FaultKind
    channel: Channel | None = None
    seconds: float | None = None


@dataclass(kw_only=True, eq=False)
class Recording:
    """The sound of one call: one stereo FLAC once it is stored; `sha256` is of that file before any encryption."""

    id: str
    call_id: str
    patient_id: str
    state: RecordingState = RecordingState.EXPECTED
    reason: str = ""  # why it failed, or what is doubtful about it
    spool: str | None = None
    uri: str | None = None
    sha256: str | None = None
    samples_sha256: str | None = (
        None  # of the samples alone, interleaved 16-bit little-endian: whatever file holds them
    )
    started_at: datetime | None = None
    seconds: float | None = None
    channels: int | None = None
    sample_rate: int | None = None
    size: int | None = None
    encrypted: bool = False
    legal_hold: bool = False
    pauses: list[dict[str, float | None]] = field(default_factory=list)  # {"from": second, "to": second}
    peaks: dict[str, object] | None = None  # {"per_second": int, "agent": [0..100, ...], "patient": [...]}
    stored_at: datetime | None = None
    faults: list[RecordingFault] = field(default_factory=list)

    def fail(self, reason: str) -> DomainEvent:
        """Park it with the reason; nothing of it is deleted. IllegalTransitionError when it is past failing."""
        self.state = next_recording_state(self.state, RecordingTrigger.FAIL)
        self.reason = reason[:REASON_LENGTH]
        return self.event(EventKind.RECORDING_FAILED)

    def event(self, kind: EventKind) -> DomainEvent:
        """An event about this recording."""
        return DomainEvent(kind=kind, subject=self.id, ids={"call": self.call_id, "patient": self.patient_id})


@dataclass(frozen=True, slots=True, kw_only=True)
class WordTime:
    """When a word was said, in seconds from the recording's start; `at` is where it begins in the turn's text."""

    at: int
    start: float
    end: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What one side said without the other: seconds from the recording's start, confidence 0 to 1.

    `text` is as it was spoken (一百四十), `written` as it would be written down (140); empty where both are the same.
    `words` is empty where the engine timed none.
    """

    channel: Channel
    start: float
    end: float
    text: str
    confidence: float
    written: str = ""
    words: tuple[WordTime, ...] = ()

    @property
    def as_written(self) -> str:
        """The text with its numbers in figures, to look for values in."""
        return self.written or self.text


@dataclass(kw_only=True, eq=False)
class Transcript:
    """The text of a recording by one model; another run adds another transcript."""

    id: str
    recording_id: str
    language: str
    engine: str
    model: str
    parameters: dict[str, object]
    turns: list[Turn]
    created_at: datetime
