"""What listeners add to a recording: comments at a second, and corrections of what the engine misheard."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from followup.recordings import Turn


@dataclass(kw_only=True, eq=False)
class RecordingComment:
    """What somebody noted at a second; a comment that was taken back is not shown any more."""

    id: str
    recording_id: str
    second: float
    words: str
    by: str
    at: datetime
    withdrawn_at: datetime | None = None


@dataclass(kw_only=True, eq=False)
class TurnCorrection:
    """What was really said in a turn; the transcript itself stays, and so does every earlier correction."""

    id: str
    recording_id: str
    transcript_id: str
    position: int  # of the turn in the transcript
    words: str
    written: str  # with numbers in figures, empty where that is the same
    by: str
    at: datetime


def newest_by_turn(corrections: Sequence[TurnCorrection]) -> dict[int, TurnCorrection]:
    """The correction that holds for each turn; `corrections` are given oldest first."""
    return {correction.position: correction for correction in corrections}


def corrected(turns: Sequence[Turn], corrections: Sequence[TurnCorrection]) -> list[Turn]:
    """The turns as people corrected them; seconds and confidence stay those of the engine."""
    newest = newest_by_turn(corrections)
    return [
        replace(turn, text=newest[position].words, written=newest[position].written, words=())
        if position in newest
        else turn
        for position, turn in enumerate(turns)
    ]
