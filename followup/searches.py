"""What somebody looks for in what was said, in terms of the index, and what he finds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from care.consent import Purpose
from followup.alerts import AlertLevel
from followup.outcomes import AttemptOutcome
from followup.recordings import Channel


@dataclass(frozen=True, slots=True, kw_only=True)
class Lexeme:
    """A word as the index has it, so many places behind the first of its phrase."""

    text: str
    place: int = 0
    begins: bool = False  # any word that begins so


Phrase = tuple[Lexeme, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One thing looked for: any of its phrases will do (another spelling, another name of the medicine)."""

    any_of: tuple[Phrase, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnQuery:
    """Turns that hold every term of one of the readings of what was typed, and none of the unwanted."""

    readings: tuple[tuple[Term, ...], ...]
    none_of: tuple[Term, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnFilter:
    """Which turns are looked at; what is left out does not matter."""

    departments: tuple[str, ...] = ()  # of the visit that the call was about
    queue_ids: tuple[str, ...] = ()
    agent_ids: tuple[str, ...] = ()
    patient_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    outcomes: tuple[AttemptOutcome, ...] = ()
    purposes: tuple[Purpose, ...] = ()
    alert_levels: tuple[AlertLevel, ...] = ()
    channel: Channel | None = None
    least_confidence: float | None = None
    shortest_seconds: float | None = None  # of the recording
    longest_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnMark:
    """A turn's place in the order of hits, newest first."""

    at: datetime
    turn_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnHit:
    """A turn in which something was found; seconds are from the recording's start."""

    mark: TurnMark
    recording_id: str
    call_id: str
    patient_id: str
    transcript_id: str
    position: int  # of the turn in its transcript
    channel: Channel
    start: float
    end: float
    text: str
    written: str
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HitCount:
    """How many turns and recordings; where `more` is true, at least so many."""

    turns: int
    recordings: int
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedTurn:
    """A turn as it goes into the index: the places of each word."""

    position: int
    channel: Channel
    start: float
    end: float
    text: str
    written: str
    confidence: float
    places: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
