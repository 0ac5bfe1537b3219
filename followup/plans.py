"""Plan template, plan and tasks: what is owed to a patient, when, and for what purpose."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NewType

from care.consent import Purpose
from care.patients import PatientId
from followup.outcomes import TaskOutcome
from followup.states import follow

PlanId = NewType("PlanId", str)
TaskId = NewType("TaskId", str)


class TaskMode(StrEnum):
    """Who speaks for the hospital."""

    AGENT = "agent"
    AUTOMATED = "automated"


class TaskState(StrEnum):
    """Where a task is."""

    PLANNED = "planned"
    DUE = "due"  # its window has opened
    QUEUED = "queued"  # allowed, waiting for an agent or line, or for its next attempt's hour
    IN_PROGRESS = "in_progress"  # an attempt is live
    COMPLETED = "completed"
    PARTIALLY_COMPLETED = "partially_completed"
    REFUSED = "refused"
    LOST_TO_FOLLOW_UP = "lost_to_follow_up"
    CANCELLED = "cancelled"


OPEN_TASK_STATES = frozenset({TaskState.PLANNED, TaskState.DUE, TaskState.QUEUED, TaskState.IN_PROGRESS})


class TaskTrigger(StrEnum):
    """What moves a task."""

    FALL_DUE = "fall_due"
    QUEUE = "queue"
    RESERVE = "reserve"
    CALL_AGAIN = "call_again"
    COMPLETE = "complete"
    COMPLETE_PARTIALLY = "complete_partially"
    REFUSE = "refuse"
    LOSE = "lose"
    CANCEL = "cancel"
    RESTORE = "restore"  # a decision of the system is undone


TASK_TRANSITIONS: dict[tuple[TaskState, TaskTrigger], TaskState] = {
    (TaskState.PLANNED, TaskTrigger.FALL_DUE): TaskState.DUE,
    (TaskState.DUE, TaskTrigger.QUEUE): TaskState.QUEUED,
    (TaskState.QUEUED, TaskTrigger.RESERVE): TaskState.IN_PROGRESS,
    (TaskState.IN_PROGRESS, TaskTrigger.CALL_AGAIN): TaskState.QUEUED,
    (TaskState.IN_PROGRESS, TaskTrigger.COMPLETE): TaskState.COMPLETED,
    (TaskState.IN_PROGRESS, TaskTrigger.COMPLETE_PARTIALLY): TaskState.PARTIALLY_COMPLETED,
    (TaskState.IN_PROGRESS, TaskTrigger.REFUSE): TaskState.REFUSED,
    (TaskState.IN_PROGRESS, TaskTrigger.LOSE): TaskState.LOST_TO_FOLLOW_UP,
    (TaskState.QUEUED, TaskTrigger.LOSE): TaskState.LOST_TO_FOLLOW_UP,
    (TaskState.DUE, TaskTrigger.LOSE): TaskState.LOST_TO_FOLLOW_UP,
    (TaskState.QUEUED, TaskTrigger.RESTORE): TaskState.QUEUED,
    (TaskState.LOST_TO_FOLLOW_UP, TaskTrigger.RESTORE): TaskState.QUEUED,
    **{(state, TaskTrigger.CANCEL): TaskState.CANCELLED for state in OPEN_TASK_STATES},
}


def next_task_state(state: TaskState, trigger: TaskTrigger) -> TaskState:
    """The state after `trigger`; IllegalTransitionError if the task cannot do that now."""
    return follow("task", TASK_TRANSITIONS, state, trigger)


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateStep:
    """One contact of a template: offsets from the anchor, and what to ask or play."""

    key: str
    target: timedelta
    earliest: timedelta
    latest: timedelta
    mode: TaskMode
    queue: str
    form: str | None = None
    flow: str | None = None
    priority: int = 50

    def __post_init__(self) -> None:
        if not self.earliest <= self.target <= self.latest:
            raise ValueError(f"step {self.key}: earliest, target and latest must stand in this order")
        if self.mode is TaskMode.AUTOMATED and self.flow is None:
            raise ValueError(f"step {self.key}: an automated call needs a flow")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanTemplate:
    """A versioned template (FHIR PlanDefinition), read from content/plans."""

    id: str
    version: int
    title: str
    purpose: Purpose
    status: str  # draft or active
    source: str
    steps: tuple[TemplateStep, ...]


@dataclass(kw_only=True, eq=False)
class Plan:
    """A patient's own copy of a template (FHIR CarePlan)."""

    id: PlanId
    patient_id: PatientId
    encounter_id: str
    template_id: str
    template_version: int
    purpose: Purpose
    anchor_at: datetime
    created_at: datetime
    cancelled_at: datetime | None = None


WISHED_AT = "wished_at"
WISHED_NUMBER = "wished_number"
WISHED_OF = "wished_of"
"""What a task's variables say of a patient's wish to be rung back: since when, the contact point, the agent meant."""


@dataclass(kw_only=True, eq=False)
class Task:
    """One contact that is owed (FHIR Task): due between earliest and latest, best at target."""

    id: TaskId
    plan_id: PlanId | None
    patient_id: PatientId
    queue_id: str
    purpose: Purpose
    mode: TaskMode
    state: TaskState = TaskState.PLANNED
    priority: int = 50  # lower is sooner
    earliest_at: datetime
    target_at: datetime
    latest_at: datetime
    next_attempt_at: datetime
    form: str | None = None
    flow: str | None = None
    attempts_made: int = 0
    outcome: TaskOutcome | None = None
    next_action: str | None = None  # of the last decision: done, call_again, other_channel, escalate, give_up
    next_at: datetime | None = None
    created_at: datetime
    raised_at: datetime | None = None  # since then a person knows that its window is about to close
    variables: dict[str, str] = field(default_factory=dict)
    language: str | None = None  # demanded of the agent, besides what the queue demands
    dialect: str | None = None
    skills: list[str] = field(default_factory=list)
    owner_id: str | None = None  # the agent to whom it belongs until `owner_until`
    owner_until: datetime | None = None
    owner_reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskWindow:
    """Earliest, target and latest instant of one step, reckoned from the anchor."""

    step: TemplateStep
    earliest_at: datetime
    target_at: datetime
    latest_at: datetime


def windows(template: PlanTemplate, anchor_at: datetime) -> tuple[TaskWindow, ...]:
    """The windows of every step for an anchor (a discharge, an appointment), in order of their targets."""
    if anchor_at.tzinfo is None:
        raise ValueError("anchor_at must carry its time zone")
    # In a zone with summer time Python adds wall-clock hours; a window is counted in hours that pass.
    anchor_at = anchor_at.astimezone(UTC)
    found = [
        TaskWindow(
            step=step,
            earliest_at=anchor_at + step.earliest,
            target_at=anchor_at + step.target,
            latest_at=anchor_at + step.latest,
        )
        for step in template.steps
    ]
    return tuple(sorted(found, key=lambda w: (w.target_at, w.step.key)))
