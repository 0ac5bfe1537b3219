"""Recorded calls as a list shows them, and what narrows the list."""

from dataclasses import dataclass
from datetime import datetime

from followup.alerts import AlertLevel
from followup.calls import EndReason, Party
from followup.outcomes import AttemptOutcome
from followup.recording_gaps import GapKind, GapState
from followup.recordings import RecordingState


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedCallFilter:
    """What is left empty does not matter."""

    departments: tuple[str, ...] = ()  # of the visit that the call was about
    agent_ids: tuple[str, ...] = ()
    queue_ids: tuple[str, ...] = ()
    outcomes: tuple[AttemptOutcome, ...] = ()
    alert_levels: tuple[AlertLevel, ...] = ()
    states: tuple[RecordingState, ...] = ()
    patient_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    shortest_seconds: float | None = None
    longest_seconds: float | None = None
    gap: bool | None = None  # whether something of the recording is missing
    commented: bool | None = None
    least_score: float | None = None
    most_score: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterChoices:
    """By what the list can be narrowed: names, or ids with their names."""

    departments: tuple[str, ...]
    queues: tuple[tuple[str, str], ...]
    agents: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedCallMark:
    """The last one of a page."""

    at: datetime
    recording_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedCall:
    """A recording with the call it is of; a name is empty where the row it stands in is gone."""

    id: str
    call_id: str
    attempt_id: str
    patient_id: str
    patient_name: str
    queue_id: str
    queue_name: str
    agent_id: str | None
    agent_name: str
    department: str
    number: str
    at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    end_reason: EndReason | None
    party: Party | None
    trunk: str | None
    outcome: AttemptOutcome | None
    state: RecordingState
    reason: str
    seconds: float | None
    has_transcript: bool
    legal_hold: bool
    alert_levels: tuple[AlertLevel, ...]
    comments: int
    gap: GapKind | None
    gap_state: GapState | None
    score: float | None
