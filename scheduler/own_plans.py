"""Changing one patient's own plan: move, add or drop a step, resume it after a pause, follow a newer template."""

from collections.abc import Mapping
from datetime import datetime

import structlog

from db.calendar import HospitalTime
from db.unit_of_work import UnitOfWork
from followup.outcomes import TaskOutcome
from followup.plans import (
    OPEN_TASK_STATES,
    Plan,
    PlanChange,
    PlanState,
    PlanTemplate,
    PlanTrigger,
    Task,
    TaskId,
    TaskState,
    next_plan_state,
)
from followup.queues import Queue
from runtime.identifiers import new_id
from scheduler.following import plan_next
from scheduler.planning import PlanNotPossibleError, plan_steps, queue_of
from scheduler.stops import stop_tasks

log = structlog.get_logger(__name__)


def move_step(
    uow: UnitOfWork,
    plan: Plan,
    step_key: str,
    *,
    earliest_at: datetime,
    target_at: datetime,
    latest_at: datetime,
    by: str,
    reason: str,
    now: datetime,
) -> Task:
    """Give the step's waiting contact another window; its template stays as it is."""
    task = _waiting(uow, plan, step_key)
    _refuse_bad_window(earliest_at, target_at, latest_at, now)
    before = {"earliest_at": task.earliest_at, "target_at": task.target_at, "latest_at": task.latest_at}
    if task.state is not TaskState.PLANNED:
        # Its window had opened: the same contact is owed anew, later or sooner.
        stop_tasks(uow, [task], TaskOutcome.CANCELLED, now=now)
        task = _again(task, now)
        uow.plans.add_task(task)
    task.earliest_at, task.target_at, task.latest_at = earliest_at, target_at, latest_at
    task.next_attempt_at = earliest_at
    _changed(uow, plan, PlanChange.STEP_MOVED, by=by, reason=reason, now=now, step=step_key, before=_written(before))
    return task


def add_step(
    uow: UnitOfWork,
    plan: Plan,
    step_key: str,
    *,
    queue: Queue,
    form: str | None,
    flow: str | None,
    priority: int,
    earliest_at: datetime,
    target_at: datetime,
    latest_at: datetime,
    by: str,
    reason: str,
    now: datetime,
) -> Task:
    """Owe this patient one contact more."""
    _refuse_stopped(plan)
    _refuse_bad_window(earliest_at, target_at, latest_at, now)
    if plan.step(step_key) is not None or any(t.step_key == step_key for t in uow.plans.tasks_of_plan(plan.id)):
        raise PlanNotPossibleError(f"the plan has a step {step_key} already: choose another key, or move that one")
    if queue.purpose is not plan.purpose:
        raise PlanNotPossibleError(
            f"queue {queue.name} is for {queue.purpose.value}, the plan for {plan.purpose.value}"
        )
    task = Task(
        id=TaskId(new_id()),
        plan_id=plan.id,
        step_key=step_key,
        patient_id=plan.patient_id,
        queue_id=queue.id,
        purpose=plan.purpose,
        mode=queue.mode,
        priority=priority,
        earliest_at=earliest_at,
        target_at=target_at,
        latest_at=latest_at,
        next_attempt_at=earliest_at,
        form=form,
        flow=flow,
        created_at=now,
        variables=dict(plan.variables),
    )
    uow.plans.add_task(task)
    _changed(uow, plan, PlanChange.STEP_ADDED, by=by, reason=reason, now=now, step=step_key)
    return task


def drop_step(uow: UnitOfWork, plan: Plan, step_key: str, *, by: str, reason: str, now: datetime) -> None:
    """Take a step out of this patient's plan, with every repetition to come."""
    _refuse_stopped(plan)
    waiting = [task for task in uow.plans.open_tasks_of_plan(plan.id) if task.step_key == step_key]
    if plan.step(step_key) is None and not waiting:
        raise PlanNotPossibleError(f"the plan has no step {step_key}, or it was dropped already")
    if plan.step(step_key) is not None:
        plan.dropped.append(step_key)
    stop_tasks(uow, waiting, TaskOutcome.CANCELLED, now=now)
    _changed(uow, plan, PlanChange.STEP_DROPPED, by=by, reason=reason, now=now, step=step_key)


def resume_plan(uow: UnitOfWork, plan: Plan, *, time: HospitalTime, by: str | None, reason: str, now: datetime) -> int:
    """Take a paused plan up again: contacts whose window is still open are owed anew; how many.

    What fell into the pause stays called off as readmitted: nobody could have called, so nobody was lost.
    """
    plan.state = next_plan_state(plan.state, PlanTrigger.RESUME)
    plan.state_since = now
    every = uow.plans.tasks_of_plan(plan.id)
    owed = {(task.step_key, task.occurrence) for task in every if task.state is not TaskState.CANCELLED}
    planned = 0
    for task in every:
        place = (task.step_key, task.occurrence)
        if task.outcome is not TaskOutcome.READMITTED or place in owed or task.step_key in plan.dropped:
            continue
        owed.add(place)
        if task.latest_at > now:
            uow.plans.add_task(_again(task, now))
            planned += 1
        elif plan_next(uow, plan, task, time=time, now=now) is not None:
            planned += 1
    uow.flush()
    uow.outbox.wake()
    uow.plan_records.note(plan.id, PlanChange.RESUMED, at=now, by=by, reason=reason, detail={"tasks": planned})
    log.info("plan_resumed", plan=plan.id, tasks=planned)
    return planned


def upgrade_plan(
    uow: UnitOfWork,
    plan: Plan,
    template: PlanTemplate,
    *,
    discard_changes: bool,
    queues_by_name: Mapping[str, Queue],
    time: HospitalTime,
    by: str,
    reason: str,
    now: datetime,
) -> None:
    """Let a running plan follow a newer version of its template: what is over stays, what is still to come is replaced.

    Contacts that results asked for stay too.
    """
    _refuse_stopped(plan)
    if plan.template_version >= template.version:
        raise PlanNotPossibleError(f"the plan follows version {plan.template_version} of {template.id} already")
    if plan.changed and not discard_changes:
        raise PlanNotPossibleError(
            "somebody changed this patient's plan; say discard_changes to lose that, or change the plan by hand instead"
        )
    for step in template.steps:
        queue_of(template.id, step, queues_by_name)
    before = f"{plan.template_id}/{plan.template_version}"
    of_template = {step.key for step in plan.steps}
    every = uow.plans.tasks_of_plan(plan.id)
    # A contact that is being made, or is over, is not made again because the template changed.
    kept = {t.step_key for t in every if t.state is not TaskState.PLANNED and t.state is not TaskState.CANCELLED}
    replaced = [task for task in every if task.state is TaskState.PLANNED and task.step_key in of_template]
    stop_tasks(uow, replaced, TaskOutcome.CANCELLED, now=now)
    uow.flush()
    plan.steps, plan.dropped, plan.changed = list(template.steps), [], False
    plan.template_version, plan.red_flags, plan.rules = template.version, list(template.red_flags), template.rules
    new = [step for step in template.steps if step.key not in kept]
    plan_steps(uow, plan, new, queues_by_name=queues_by_name, time=time, now=now)
    uow.flush()
    for step_key in kept & {step.key for step in template.steps if step.every is not None}:
        last = max((t for t in every if t.step_key == step_key), key=lambda task: task.occurrence)
        if last.state not in OPEN_TASK_STATES:
            plan_next(uow, plan, last, time=time, now=now)
    uow.outbox.wake()
    after = f"{template.id}/{template.version}"
    uow.plan_records.note(
        plan.id, PlanChange.UPGRADED, at=now, by=by, reason=reason, detail={"from": before, "to": after}
    )
    log.info("plan_upgraded", plan=plan.id, before=before, after=after)


def _waiting(uow: UnitOfWork, plan: Plan, step_key: str) -> Task:
    _refuse_stopped(plan)
    found = next((task for task in uow.plans.open_tasks_of_plan(plan.id) if task.step_key == step_key), None)
    if found is None:
        raise PlanNotPossibleError(f"no contact of a step {step_key} is waiting in this plan; GET the plan lists them")
    if found.state is TaskState.IN_PROGRESS:
        raise PlanNotPossibleError("the patient is being called for this step: finish the wrap-up first")
    return found


def _refuse_stopped(plan: Plan) -> None:
    if plan.state is not PlanState.RUNNING:
        raise PlanNotPossibleError(f"the plan is {plan.state.value}: only a running plan can be changed")


def _refuse_bad_window(earliest_at: datetime, target_at: datetime, latest_at: datetime, now: datetime) -> None:
    if not earliest_at <= target_at <= latest_at:
        raise PlanNotPossibleError("earliest_at, target_at and latest_at must stand in this order")
    if latest_at <= now:
        raise PlanNotPossibleError("latest_at is past: nobody could be called any more")


def _again(task: Task, now: datetime) -> Task:
    """The same contact, owed anew."""
    return Task(
        id=TaskId(new_id()),
        plan_id=task.plan_id,
        step_key=task.step_key,
        occurrence=task.occurrence,
        patient_id=task.patient_id,
        queue_id=task.queue_id,
        purpose=task.purpose,
        mode=task.mode,
        priority=task.priority,
        earliest_at=task.earliest_at,
        target_at=task.target_at,
        latest_at=task.latest_at,
        next_attempt_at=max(task.earliest_at, now),
        form=task.form,
        flow=task.flow,
        created_at=now,
        variables=dict(task.variables),
    )


def _changed(
    uow: UnitOfWork, plan: Plan, change: PlanChange, *, by: str, reason: str, now: datetime, **detail: object
) -> None:
    plan.changed = True
    uow.flush()
    uow.outbox.wake()
    uow.plan_records.note(plan.id, change, at=now, by=by, reason=reason, detail=detail)


def _written(window: Mapping[str, datetime]) -> dict[str, str]:
    return {name: at.isoformat() for name, at in window.items()}
