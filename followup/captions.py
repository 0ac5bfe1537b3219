"""Captions of a call that goes on: what is being said, until the recording's transcript takes their place."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from followup.recordings import Channel, Recording, RecordingState, Turn

FOLLOWER_SILENT = timedelta(seconds=6)
"""A follower that has told nothing for so long has died: another may take its call."""

KEPT_FOR = timedelta(hours=24)
"""Captions whose transcript never came are kept no longer."""

BEHIND_SECONDS = 3.0
"""What is shown later than this is told to be late."""

CAPTIONED = frozenset({RecordingState.RECORDING, RecordingState.CAPTURED, RecordingState.STORED})
"""States in which a recording may have captions: before its transcript, and never once it was refused."""


class CaptionsState(StrEnum):
    """How the captions of a call are."""

    LIVE = "live"
    BEHIND = "behind"  # the machine is too busy: the newest is written, older stretches wait for the transcript
    PAUSED = "paused"  # the recording is paused: nobody listens
    MISSING = "missing"  # nobody writes any: switched off, or more calls than this machine can follow
    ENDED = "ended"  # the call is over, its transcript is being made
    REPLACED = "replaced"  # the transcript is there


@dataclass(kw_only=True, eq=False)
class Caption:
    """One stretch of one side; the first `stable` characters of `text` will not change while it is being said."""

    id: str
    recording_id: str
    channel: Channel
    start: float
    end: float
    text: str
    written: str = ""
    stable: int
    final: bool
    confidence: float

    def turn(self) -> Turn:
        """The same as a turn."""
        return Turn(
            channel=self.channel,
            start=self.start,
            end=self.end,
            text=self.text,
            written=self.written,
            confidence=self.confidence,
        )


@dataclass(kw_only=True, eq=False)
class Following:
    """Who writes the captions of a recording, and how well that goes."""

    recording_id: str
    follower: str
    language: str
    seen_at: datetime
    heard_until: float = 0.0  # second of the recording up to which there is nothing left to hear
    behind: float = 0.0  # seconds that the sound waits
    left_out: int = 0  # stretches given up because newer speech came first
    ended: bool = False

    def is_alive(self, now: datetime) -> bool:
        """Whether somebody follows the call now."""
        return not self.ended and now - self.seen_at <= FOLLOWER_SILENT


def captions_state(
    recording: Recording | None, following: Following | None, *, transcribed: bool, now: datetime
) -> CaptionsState:
    """What a reader is told of the captions of a call."""
    if recording is None or recording.state is RecordingState.FAILED:
        return CaptionsState.MISSING
    if transcribed:
        return CaptionsState.REPLACED
    if recording.state is not RecordingState.RECORDING:
        return CaptionsState.ENDED if following is not None else CaptionsState.MISSING
    if is_paused(recording.pauses):
        return CaptionsState.PAUSED
    if following is None or not following.is_alive(now):
        return CaptionsState.MISSING
    return CaptionsState.BEHIND if following.behind > BEHIND_SECONDS else CaptionsState.LIVE


def is_paused(pauses: Sequence[dict[str, float | None]]) -> bool:
    """Whether the recording is paused now."""
    return bool(pauses) and pauses[-1]["to"] is None
