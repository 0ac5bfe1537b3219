"""Looking after a plan when a task is over: its next occurrence, the plan's end, what the answers ask for."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

import structlog

from db.calendar import HospitalTime
from db.unit_of_work import UnitOfWork
from followup.events import DomainEvent, EventKind
from followup.plan_windows import next_window
from followup.plans import Plan, PlanChange, PlanState, PlanTrigger, Task, next_plan_state
from runtime.content.library import Content
from runtime.settings import Settings
from scheduler.planning import queue_of, step_task
from scheduler.results import take_up_answers
from scheduler.steering import steer
from scheduler.task_steps import task_ids

log = structlog.get_logger(__name__)

FOLLOWED_AT_ONCE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanDesk:
    """What plans are looked after with."""

    content: Content
    time: HospitalTime

    @classmethod
    def of(cls, settings: Settings, content: Content) -> Self:
        """That of an installation."""
        return cls(content=content, time=HospitalTime.of(settings))


def follow_closed_tasks(uow: UnitOfWork, *, desk: PlanDesk, now: datetime, limit: int = FOLLOWED_AT_ONCE) -> int:
    """Look after the plans of tasks that are over, each task once; how many."""
    closed = uow.plans.claim_to_follow(limit)
    for task in closed:
        task.followed_at = now
        try:
            with uow.savepoint():
                _follow(uow, task, desk, now)
        except (LookupError, ValueError):
            # One plan that cannot be followed (its queue is gone) must not hold up all the others: a person sees to it.
            log.exception("plan_not_followed", plan=task.plan_id, task=task.id)
            uow.emit(DomainEvent(kind=EventKind.TASK_ESCALATED, subject=task.id, ids=task_ids(task)))
    return len(closed)


def _follow(uow: UnitOfWork, task: Task, desk: PlanDesk, now: datetime) -> None:
    plan = uow.plans.plan_for_update(task.plan_id) if task.plan_id is not None else None
    if plan is None:
        return
    take_up_answers(uow, plan, task, content=desk.content, time=desk.time, now=now)
    if plan.state is not PlanState.RUNNING:
        return
    plan_next(uow, plan, task, time=desk.time, now=now)
    _complete_if_over(uow, plan, now)


def plan_next(uow: UnitOfWork, plan: Plan, task: Task, *, time: HospitalTime, now: datetime) -> Task | None:
    """Plan the step's next occurrence; one at a time, so that a plan without an end stays short."""
    step = plan.step(task.step_key) if task.step_key is not None else None
    if step is None or step.every is None:
        return None
    if any(other.step_key == step.key for other in uow.plans.open_tasks_of_plan(plan.id)):
        return None
    days = time.days(uow.calendar, zone=plan.zone)
    window = next_window(step, plan.anchor_at, days, after=task.occurrence, now=now)
    if window is None:
        return None
    # The queue of the occurrence before: the step's own, or the one to which somebody moved it.
    queue = uow.queues.get(task.queue_id)
    if queue is None:
        raise LookupError(f"task {task.id}: its queue does not exist")
    if queue.mode is not step.mode:  # a segment gave the one before to a person; this one is looked at anew
        queue = queue_of(plan.template_id, step, {each.name: each for each in uow.queues.all()})
    following = step_task(plan, window, queue, now=now)
    steer(uow, plan, following)
    uow.plans.add_task(following)
    uow.flush()
    uow.outbox.wake()
    log.info("occurrence_planned", plan=plan.id, step=step.key, occurrence=window.occurrence)
    return following


def _complete_if_over(uow: UnitOfWork, plan: Plan, now: datetime) -> None:
    uow.flush()
    if uow.plans.open_tasks_of_plan(plan.id):
        return
    plan.state = next_plan_state(plan.state, PlanTrigger.COMPLETE)
    plan.state_since = now
    uow.plan_records.note(plan.id, PlanChange.COMPLETED, at=now, by=None)
    log.info("plan_completed", plan=plan.id)
