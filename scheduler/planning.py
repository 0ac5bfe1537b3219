"""Starting a plan: a visit and a template become a plan with its tasks, once."""

from collections.abc import Iterable, Mapping
from datetime import datetime

import structlog

from care.guardians import GUARDIAN_BELOW, is_child, lacks_guardian
from care.patients import Encounter, Patient
from db.calendar import HospitalTime
from db.refusals import RowRefusedError
from db.unit_of_work import UnitOfWork
from followup.outcomes import TaskOutcome
from followup.plan_windows import TaskWindow, next_window, windows
from followup.plans import (
    OPEN_TASK_STATES,
    HolidayRule,
    Plan,
    PlanChange,
    PlanId,
    PlanTemplate,
    Task,
    TaskId,
    TaskState,
    TaskTrigger,
    TemplateStep,
    next_task_state,
)
from followup.queues import Queue
from runtime.identifiers import new_id
from scheduler.roster_rule import RosterRule
from scheduler.steering import steer

log = structlog.get_logger(__name__)


class PlanNotPossibleError(ValueError):
    """A template does not fit the visit or the queues; the sentence says where."""


def start_plan(
    uow: UnitOfWork,
    *,
    patient: Patient,
    encounter: Encounter,
    template: PlanTemplate,
    queues_by_name: Mapping[str, Queue],
    now: datetime,
    variables: Mapping[str, str],
    time: HospitalTime,
    roster: RosterRule | None = None,
) -> Plan:
    """Give a visit the template's plan and tasks; the plan it already has if a feed tells of it twice.

    With a `roster` rule a plan that can raise red alerts is refused while the department has nobody on duty for them.
    """
    if encounter.patient_id != patient.id:
        raise PlanNotPossibleError(f"encounter {encounter.id} is another patient's: give the patient's own encounter")
    if patient.deceased_at is not None:
        raise PlanNotPossibleError("the patient has died: nobody is called about him any more")
    if (kept := uow.merges.merged_into(patient.id)) is not None:
        raise PlanNotPossibleError(f"this record was merged into patient {kept}: give that one's encounter")
    if is_child(patient.born, patient.zone, now) and lacks_guardian(uow.relatives.of_patient(patient.id), now):
        raise PlanNotPossibleError(
            f"the patient is younger than {GUARDIAN_BELOW} and no guardian is recorded: add one with proof "
            "(POST /api/v1/patients/{patient_id}/guardians)"
        )
    for step in template.steps:
        queue_of(template.id, step, queues_by_name)
    uow.flush()
    if living := uow.plans.living_plan(encounter.id, template.id):
        return living
    if roster is not None and (missing := roster.refusal(uow, template, encounter.department, time.zone.key, now)):
        raise PlanNotPossibleError(missing)
    plan = Plan(
        id=PlanId(new_id()),
        patient_id=patient.id,
        encounter_id=encounter.id,
        template_id=template.id,
        template_version=template.version,
        purpose=template.purpose,
        anchor_at=encounter.occurred_at,
        created_at=now,
        zone=template.zone or time.zone.key,
        state_since=now,
        steps=list(template.steps),
        red_flags=list(template.red_flags),
        rules=template.rules,
        variables=dict(variables),
    )
    try:
        with uow.savepoint():
            uow.plans.add(plan)
            uow.flush()
    except RowRefusedError:
        # Another feed was faster by a moment; the unique index let only one of us in.
        if living := uow.plans.living_plan(encounter.id, template.id):
            return living
        raise
    plan_steps(uow, plan, template.steps, queues_by_name=queues_by_name, time=time, now=now)
    uow.plan_records.note(
        plan.id, PlanChange.STARTED, at=now, by=None, detail={"template": f"{template.id}/{template.version}"}
    )
    uow.flush()
    uow.outbox.wake()
    log.info("plan_started", plan=plan.id, patient=patient.id, template=template.id, tasks=len(template.steps))
    return plan


def plan_steps(
    uow: UnitOfWork,
    plan: Plan,
    steps: Iterable[TemplateStep],
    *,
    queues_by_name: Mapping[str, Queue],
    time: HospitalTime,
    now: datetime,
) -> list[Task]:
    """Plan each step's first contact; of a step that repeats the first one that can still be kept."""
    days = time.days(uow.calendar, zone=plan.zone)
    made = []
    for window in windows(steps, plan.anchor_at, days):
        if window.latest_at < now and window.step.every is not None:
            later = next_window(window.step, plan.anchor_at, days, after=0, now=now)
            window = later or window  # noqa: PLW2901
        task = step_task(plan, window, queue_of(plan.template_id, window.step, queues_by_name), now=now)
        steer(uow, plan, task)
        uow.plans.add_task(task)
        made.append(task)
    return made


def calendar_warning(uow: UnitOfWork, plan: Plan, time: HospitalTime) -> str | None:
    """What to tell of a plan that keeps to working days in a year whose holidays nobody knows yet."""
    days = time.days(uow.calendar, zone=plan.zone)
    told = [
        (task.earliest_at.astimezone(days.zone).date(), task.latest_at.astimezone(days.zone).date())
        for task in uow.plans.tasks_of_plan(plan.id)
        if task.step_key is not None
        and (step := plan.step(task.step_key)) is not None
        and step.holidays is not HolidayRule.NONE
        and task.state in OPEN_TASK_STATES
    ]
    return days.calendar.warning(min(f for f, _ in told), max(last for _, last in told)) if told else None


def queue_of(template_id: str, step: TemplateStep, queues_by_name: Mapping[str, Queue]) -> Queue:
    """The queue that a step names; PlanNotPossibleError in words if there is none of its mode."""
    queue = queues_by_name.get(step.queue)
    if queue is None:
        raise PlanNotPossibleError(
            f"template {template_id}, step {step.key}: there is no queue {step.queue}; create it (suifang plans "
            "queues) or change the template"
        )
    if queue.mode is not step.mode:
        raise PlanNotPossibleError(
            f"template {template_id}, step {step.key} is {step.mode.value}, but queue {step.queue} is "
            f"{queue.mode.value}: name a queue of the same mode"
        )
    return queue


def step_task(plan: Plan, window: TaskWindow, queue: Queue, *, now: datetime) -> Task:
    """The task of one occurrence of a step."""
    step = window.step
    task = Task(
        id=TaskId(new_id()),
        plan_id=plan.id,
        step_key=step.key,
        occurrence=window.occurrence,
        patient_id=plan.patient_id,
        queue_id=queue.id,
        purpose=plan.purpose,
        mode=step.mode,
        priority=step.priority,
        earliest_at=window.earliest_at,
        target_at=window.target_at,
        latest_at=window.latest_at,
        next_attempt_at=window.opens_at,
        form=step.form,
        flow=step.flow,
        created_at=now,
        variables=dict(plan.variables),
    )
    if window.latest_at < now:
        # The visit was told of too late for this step: nobody could have called, so nobody was lost.
        task.state = next_task_state(TaskState.PLANNED, TaskTrigger.CANCEL)
        task.outcome = TaskOutcome.NOT_DUE
    return task
