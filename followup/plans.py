"""Plan template, plan and tasks: what is owed to a patient, when, and for what purpose."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import combinations
from typing import NewType

from care.consent import Purpose
from care.patients import PatientId
from followup.offsets import Offset
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
    ANSWER = "answer"  # its questions were answered without a call
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
    (TaskState.PLANNED, TaskTrigger.ANSWER): TaskState.COMPLETED,
    (TaskState.DUE, TaskTrigger.ANSWER): TaskState.COMPLETED,
    (TaskState.QUEUED, TaskTrigger.ANSWER): TaskState.COMPLETED,
    (TaskState.LOST_TO_FOLLOW_UP, TaskTrigger.RESTORE): TaskState.QUEUED,
    **{(state, TaskTrigger.CANCEL): TaskState.CANCELLED for state in OPEN_TASK_STATES},
}


def next_task_state(state: TaskState, trigger: TaskTrigger) -> TaskState:
    """The state after `trigger`; IllegalTransitionError if the task cannot do that now."""
    return follow("task", TASK_TRANSITIONS, state, trigger)


class PlanState(StrEnum):
    """Where a patient's plan is."""

    RUNNING = "running"
    PAUSED = "paused"  # the patient is in hospital again: nothing of it is called
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class PlanTrigger(StrEnum):
    """What moves a plan."""

    PAUSE = "pause"
    RESUME = "resume"
    COMPLETE = "complete"
    CANCEL = "cancel"


PLAN_TRANSITIONS: dict[tuple[PlanState, PlanTrigger], PlanState] = {
    (PlanState.RUNNING, PlanTrigger.PAUSE): PlanState.PAUSED,
    (PlanState.PAUSED, PlanTrigger.RESUME): PlanState.RUNNING,
    (PlanState.RUNNING, PlanTrigger.COMPLETE): PlanState.COMPLETED,
    (PlanState.RUNNING, PlanTrigger.CANCEL): PlanState.CANCELLED,
    (PlanState.PAUSED, PlanTrigger.CANCEL): PlanState.CANCELLED,
}


def next_plan_state(state: PlanState, trigger: PlanTrigger) -> PlanState:
    """The state after `trigger`; IllegalTransitionError if the plan cannot do that now."""
    return follow("plan", PLAN_TRANSITIONS, state, trigger)


class Anchor(StrEnum):
    """What a plan's times are counted from."""

    DISCHARGE = "discharge"
    ENROLMENT = "enrolment"
    OPERATION = "operation"
    END_OF_TREATMENT = "end_of_treatment"
    TREATMENT_START = "treatment_start"
    REPORT = "report"
    EVENT = "event"
    CASE_CLOSED = "case_closed"
    APPOINTMENT = "appointment"


class HolidayRule(StrEnum):
    """Where a contact goes that falls on a day off; it never leaves its window for that."""

    NONE = "none"
    NEXT = "next"  # the next working day
    PREVIOUS = "previous"  # the working day before


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateStep:
    """One contact of a template: offsets from the anchor, and what to ask or play.

    With `every` it comes again, each time so long after the time before, until `until` from the anchor, or until
    somebody stops it. One occurrence is planned when the one before it has ended.
    """

    key: str
    target: Offset
    earliest: Offset
    latest: Offset
    mode: TaskMode
    queue: str
    form: str | None = None
    flow: str | None = None
    priority: int = 50
    holidays: HolidayRule = HolidayRule.NONE
    every: Offset | None = None
    until: Offset | None = None

    def __post_init__(self) -> None:
        if not (self.earliest.is_at_most(self.target) and self.target.is_at_most(self.latest)):
            raise ValueError(
                f"step {self.key}: earliest, target and latest must stand in this order, whatever the month and the "
                f"zone; they are {self.earliest}, {self.target}, {self.latest}"
            )
        if self.mode is TaskMode.AUTOMATED and self.flow is None:
            raise ValueError(f"step {self.key}: an automated call needs a flow")
        if self.until is not None and self.every is None:
            raise ValueError(f"step {self.key}: until says when a repetition stops; say with every how often it comes")
        if self.every is not None and self._width > self.every.shortest_hours:
            raise ValueError(
                f"step {self.key}: it comes every {self.every}, but its window is longer: two occurrences would overlap"
            )

    @property
    def _width(self) -> float:
        return self.latest.longest_hours - self.earliest.shortest_hours


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
    anchor: Anchor = Anchor.DISCHARGE
    zone: str | None = None  # the hospital's if not given
    red_flags: tuple[str, ...] = ()  # sets of signs to listen for, besides the general one
    rules: str | None = None  # the topic by whose rules its results change the plan

    def __post_init__(self) -> None:
        keys = [step.key for step in self.steps]
        if len(set(keys)) != len(keys):
            raise ValueError(f"template {self.id}: a step's key is used twice among {', '.join(keys)}")
        for one, two in combinations(self.steps, 2):
            if one.queue == two.queue and _overlap(one, two):
                raise ValueError(
                    f"template {self.id}: the windows of steps {one.key} and {two.key} overlap in queue {one.queue}: "
                    "the patient would be called twice for the same; part them, or give one another queue"
                )


def _overlap(one: TemplateStep, two: TemplateStep) -> bool:
    """True if a window of one may meet a window of the other."""
    if one.every is not None and two.every is not None:
        return _first_meets(one, two) and _first_meets(two, one)
    return _meets(one, two) if two.every is None else _meets(two, one)


def _first_meets(repeated: TemplateStep, later: TemplateStep) -> bool:
    """True if a repetition still goes on when another one begins."""
    return repeated.until is None or not repeated.until.is_at_most(later.target)


def _meets(repeated: TemplateStep, once: TemplateStep) -> bool:
    """True if an occurrence of `repeated`, or its only one, meets the window of `once`."""
    shift, ahead = 0.0, 0
    while True:
        starts = repeated.earliest.shortest_hours + shift
        if once.latest.is_at_most(repeated.earliest) if not ahead else once.latest.longest_hours <= starts:
            return False
        ended = (
            repeated.latest.is_at_most(once.earliest)
            if not ahead
            else (repeated.latest.longest_hours + shift <= once.earliest.shortest_hours)
        )
        if not ended:
            return True
        if repeated.every is None:
            return False
        ahead += 1
        shift = repeated.every.times(ahead).shortest_hours
        if repeated.until is not None and repeated.target.shortest_hours + shift > repeated.until.longest_hours:
            return False


class PlanEnd(StrEnum):
    """Why a plan was cancelled."""

    BY_HAND = "by_hand"
    DISCHARGE_CANCELLED = "discharge_cancelled"
    DECEASED = "deceased"


@dataclass(kw_only=True, eq=False)
class Plan:
    """A patient's own copy of a template (FHIR CarePlan): its steps are his, a new template does not touch them."""

    id: PlanId
    patient_id: PatientId
    encounter_id: str
    template_id: str
    template_version: int
    purpose: Purpose
    anchor_at: datetime
    created_at: datetime
    cancelled_at: datetime | None = None
    zone: str
    state: PlanState = PlanState.RUNNING
    state_since: datetime
    end: PlanEnd | None = None
    steps: list[TemplateStep] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)  # keys of steps that somebody took out
    changed: bool = False  # somebody moved, added or dropped a step
    red_flags: list[str] = field(default_factory=list)
    rules: str | None = None
    variables: dict[str, str] = field(default_factory=dict)

    def step(self, key: str) -> TemplateStep | None:
        """The step with this key, if the plan (still) has it."""
        return next((step for step in self.steps if step.key == key and key not in self.dropped), None)


class PlanChange(StrEnum):
    """What happened to a plan, for its history."""

    STARTED = "started"
    STEP_MOVED = "step_moved"
    STEP_ADDED = "step_added"
    STEP_DROPPED = "step_dropped"
    REPLANNED = "replanned"  # a result asked for more contacts
    PAUSED = "paused"
    RESUMED = "resumed"
    UPGRADED = "upgraded"
    MERGED = "merged"
    TREATMENT_DECIDED = "treatment_decided"  # a doctor decided on a proposal
    COMPLETED = "completed"
    CANCELLED = "cancelled"


WISHED_AT = "wished_at"
WISHED_NUMBER = "wished_number"
WISHED_OF = "wished_of"
"""What a task's variables say of a patient's wish to be rung back: since when, the contact point, the agent meant."""

EMERGENCY = "emergency"
"""The variable of a task that a red alert made, with the alert's id: a person may ring at any hour."""


@dataclass(kw_only=True, eq=False)
class Task:
    """One contact that is owed (FHIR Task): due between earliest and latest, best at target."""

    id: TaskId
    plan_id: PlanId | None
    campaign_id: str | None = None
    step_key: str | None = None  # which step of the plan it is for
    occurrence: int = 0  # which repetition of the step
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
    followed_at: datetime | None = None  # when it was over and its plan had been looked after
    created_at: datetime
    raised_at: datetime | None = None  # since then a person knows that its window is about to close
    variables: dict[str, str] = field(default_factory=dict)
    language: str | None = None  # demanded of the agent, besides what the queue demands
    dialect: str | None = None
    skills: list[str] = field(default_factory=list)
    owner_id: str | None = None  # the agent to whom it belongs until `owner_until`
    owner_until: datetime | None = None
    owner_reason: str = ""
