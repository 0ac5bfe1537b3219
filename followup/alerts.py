"""An alert: a sign of danger that was heard or answered, and the clock that runs until a person takes care of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from followup.duty import DutyRole
from followup.states import follow


class AlertLevel(StrEnum):
    """How soon a person must act."""

    RED = "red"
    AMBER = "amber"
    YELLOW = "yellow"


LEVEL_ORDER = {AlertLevel.RED: 0, AlertLevel.AMBER: 1, AlertLevel.YELLOW: 2}
"""The most urgent first."""


HOLD_THEIR_TASK = frozenset({AlertLevel.RED, AlertLevel.AMBER})
"""Levels that keep their task from ending before their outcome is typed; a doctor's review in days does not."""


class AlertState(StrEnum):
    """Where an alert is."""

    RAISED = "raised"
    ACKNOWLEDGED = "acknowledged"  # somebody has said: I take care of it; the clock stops
    IN_PROGRESS = "in_progress"
    CLOSED = "closed"  # with a typed outcome


class AlertTrigger(StrEnum):
    """What moves an alert."""

    ACKNOWLEDGE = "acknowledge"
    BEGIN = "begin"
    CLOSE = "close"


ALERT_TRANSITIONS: dict[tuple[AlertState, AlertTrigger], AlertState] = {
    (AlertState.RAISED, AlertTrigger.ACKNOWLEDGE): AlertState.ACKNOWLEDGED,
    (AlertState.ACKNOWLEDGED, AlertTrigger.BEGIN): AlertState.IN_PROGRESS,
    (AlertState.ACKNOWLEDGED, AlertTrigger.CLOSE): AlertState.CLOSED,
    (AlertState.IN_PROGRESS, AlertTrigger.CLOSE): AlertState.CLOSED,
}


def next_alert_state(state: AlertState, trigger: AlertTrigger) -> AlertState:
    """The state after `trigger`; IllegalTransitionError if the alert cannot do that now."""
    return follow("alert", ALERT_TRANSITIONS, state, trigger)


class AlertOutcome(StrEnum):
    """What came of an alert, as the person who took care of it judged."""

    EMERGENCY_SERVICES = "emergency-services"  # an ambulance was called or is under way
    ADMITTED = "admitted"
    SEEN_TODAY = "seen-today"  # comes or came to the clinic the same day
    APPOINTMENT_MADE = "appointment-made"
    TREATMENT_CHANGED = "treatment-changed"
    ADVISED = "advised"  # a clinician advised, nothing more was needed
    ALREADY_KNOWN = "already-known"
    FALSE_ALARM = "false-alarm"
    NOT_REACHED = "not-reached"  # after the protocol that the doctor decided on
    DECEASED = "deceased"


class AlertSource(StrEnum):
    """By what an alert was raised."""

    TRANSCRIPT = "transcript"
    ANSWER = "answer"
    PERSON = "person"  # an agent pressed the button


class AlertEventKind(StrEnum):
    """What happened to an alert."""

    RAISED = "raised"
    TOLD = "told"  # somebody on duty was told
    OUTCOME_MISSING = "outcome_missing"  # somebody took it long ago and has not said what came of it
    NOBODY_ON_DUTY = "nobody_on_duty"  # the roster has a gap where somebody should have been told
    CALL_BACK_PLANNED = "call_back_planned"
    CALL_BACK_IMPOSSIBLE = "call_back_impossible"
    ACKNOWLEDGED = "acknowledged"
    BEGUN = "begun"
    OVERDUE = "overdue"
    CLOSED = "closed"


@dataclass(kw_only=True, eq=False)
class Alert:
    """A sign of danger (FHIR Flag): where it was heard or answered, its clock, and what came of it."""

    id: str
    patient_id: str
    attempt_id: str | None = None
    recording_id: str | None = None
    task_id: str | None = None
    response_id: str | None = None
    department: str = ""
    source: AlertSource = AlertSource.TRANSCRIPT
    code: str
    level: AlertLevel
    at_second: float = 0.0  # of the recording
    raised_at: datetime
    state: AlertState = AlertState.RAISED
    due_at: datetime | None = None  # somebody has to acknowledge it by then
    steps_taken: int = 0  # of its clock
    next_step_at: datetime | None = None  # when its clock is looked at again
    call_back_task_id: str | None = None
    acknowledged_by: str | None = None
    acknowledged_at: datetime | None = None
    closed_by: str | None = None
    closed_at: datetime | None = None
    outcome: AlertOutcome | None = None
    evidence: dict[str, object] = field(default_factory=dict)
    finding: str | None = None  # of what is heard, its code: once for a recording; older alerts tell none

    @property
    def is_open(self) -> bool:
        """Whether its outcome is still owed."""
        return self.state is not AlertState.CLOSED


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockStep:
    """Who is told when nobody has acknowledged `after` so long: the person on duty in `role`."""

    after: timedelta
    role: DutyRole


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertClock:
    """What a level demands (content/alert_levels.yaml): until when, who is told when, and whether we call back."""

    level: AlertLevel
    acknowledge_within: timedelta | None  # None: `working_days` counts
    working_days: int | None
    steps: tuple[ClockStep, ...]  # in order; the first at once
    call_back_within: timedelta | None  # a person rings the patient within so long; None: nobody does
    emergency: bool  # the call back is made at any hour
    outcome_within: timedelta  # so long after somebody took it, and again, the last of the chain is reminded
    advice: Mapping[str, str]  # by language: what is said to the patient at once

    def __post_init__(self) -> None:
        if not self.steps or self.steps[0].after != timedelta(0):
            raise ValueError(f"level {self.level.value}: its first step tells somebody at once (after_minutes: 0)")
        if [step.after for step in self.steps] != sorted({step.after for step in self.steps}):
            raise ValueError(f"level {self.level.value}: its steps must come one after another")
        if (self.acknowledge_within is None) == (self.working_days is None):
            raise ValueError(
                f"level {self.level.value}: give either acknowledge_within_minutes or acknowledge_within_working_days"
            )


def due_steps(clock: AlertClock, *, raised_at: datetime, taken: int, now: datetime) -> Sequence[ClockStep]:
    """The steps whose time has come and that were not taken yet: several at once when the clock was looked at late."""
    return tuple(step for step in clock.steps[taken:] if raised_at + step.after <= now)


def step_after(clock: AlertClock, *, raised_at: datetime, taken: int) -> datetime | None:
    """When the next step is due; None when all are taken."""
    return raised_at + clock.steps[taken].after if taken < len(clock.steps) else None
