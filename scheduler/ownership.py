"""Whose a task is: calls back that an agent promised, and tasks given to others when somebody is away."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from db.unit_of_work import UnitOfWork
from followup.attempts import Attempt
from followup.calling_hours import Callee
from followup.dialing_rules import Profile, next_opening
from followup.events import DomainEvent, EventKind
from followup.plans import WISHED_AT, Task, TaskState, TaskTrigger, next_task_state
from followup.queues import Queue
from followup.waiting import OwnerReason
from followup.what_next import NextAction
from scheduler.task_steps import task_ids

log = structlog.get_logger(__name__)

CALL_BACK_PRIORITY = 10
"""A promise goes before what nobody asked for, behind what cannot wait."""

OWNER_PATIENCE = timedelta(minutes=15)
"""So long after the hour a call back waits for the agent who promised it; then anybody keeps the promise."""

_MOVABLE = frozenset({TaskState.PLANNED, TaskState.DUE, TaskState.QUEUED})


class CallBackNotPossibleError(Exception):
    """The hour cannot be promised; the sentence says why and what can be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftBehind:
    """A task that was not given to anybody else, and why."""

    task_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reassigned:
    """What came of giving tasks to others."""

    moved: tuple[Task, ...]
    left: tuple[LeftBehind, ...]


def require_possible(
    task: Task, at: datetime, *, zone: str, profile: Profile, now: datetime, callee: Callee | None = None
) -> None:
    """CallBackNotPossibleError unless `at` lies ahead, in the window, and in the hours in which people are rung."""
    if at <= now:
        raise CallBackNotPossibleError("the hour is past: name one that lies ahead")
    if at > task.latest_at:
        raise CallBackNotPossibleError(
            f"the task's window closes at {task.latest_at:%Y-%m-%d %H:%M} UTC: name an earlier hour, or have its plan "
            "changed"
        )
    opening = next_opening(profile, zone, at, callee=callee)
    if opening != at:
        then = f"the next hour is {opening:%Y-%m-%d %H:%M} UTC" if opening else "no hour is near"
        raise CallBackNotPossibleError(f"nobody is rung at that hour in the patient's zone: {then}")


def promise(task: Task, at: datetime, *, owner_id: str | None, now: datetime) -> None:
    """Have a waiting task called at this hour, by this agent if she is there."""
    task.next_attempt_at = at
    task.next_action, task.next_at = NextAction.CALL_AGAIN.value, at
    task.priority = min(task.priority, CALL_BACK_PRIORITY)
    task.variables = {**task.variables, WISHED_AT: now.isoformat()}
    task.owner_id = owner_id
    task.owner_until = at + OWNER_PATIENCE if owner_id else None
    task.owner_reason = OwnerReason.CALL_BACK.value if owner_id else ""


def promise_after(uow: UnitOfWork, attempt: Attempt, at: datetime, *, owner_id: str | None) -> None:
    """What follows an attempt in which the patient named an hour: its tasks without a result wait for it.

    The decision is made by this word, so nothing else decides it.
    """
    attempt.decided_at = uow.now
    uow.emit(
        DomainEvent(
            kind=EventKind.NEXT_DECIDED,
            subject=attempt.id,
            ids={"task": attempt.task_id, "patient": attempt.patient_id, "queue": attempt.queue_id},
        )
    )
    for task_id in uow.attempts.tasks_of(attempt.id):
        task = uow.plans.task_for_update(task_id)
        if task is None or task.state is not TaskState.IN_PROGRESS:
            continue
        task.state = next_task_state(task.state, TaskTrigger.CALL_AGAIN)
        promise(task, min(at, task.latest_at), owner_id=owner_id, now=uow.now)
    uow.outbox.wake()
    log.info("call_back_promised", attempt=attempt.id, task=attempt.task_id, at=at.isoformat(), owner=owner_id)


def reassign(
    uow: UnitOfWork, tasks: Iterable[Task], *, to_agent: str | None, to_queue: Queue | None, until: datetime | None
) -> Reassigned:
    """Give locked tasks to an agent, to another queue, or (with neither) back to everybody in their own.

    A task that is being called stays with whoever calls.
    """
    moved, left = [], []
    for task in tasks:
        reason = _why_not(task, to_queue)
        if reason:
            left.append(LeftBehind(task_id=task.id, reason=reason))
            continue
        ids = {**task_ids(task), **({"agent": task.owner_id} if task.owner_id else {})}
        if to_queue is not None:
            task.queue_id = to_queue.id
        task.owner_id = to_agent
        task.owner_until = (until or _long_enough(task, uow.now)) if to_agent else None
        task.owner_reason = (OwnerReason.REASSIGNED if to_agent or to_queue else OwnerReason.TAKEN_BACK).value
        uow.emit(DomainEvent(kind=EventKind.TASK_GIVEN_BACK, subject=task.id, ids=ids))
        moved.append(task)
    uow.outbox.wake()
    log.info("tasks_reassigned", moved=len(moved), left=len(left), to_agent=to_agent, to_queue=to_queue and to_queue.id)
    return Reassigned(moved=tuple(moved), left=tuple(left))


def _long_enough(task: Task, now: datetime) -> datetime:
    """A whole shift from its hour on, within its window."""
    return min(max(task.next_attempt_at, now) + timedelta(hours=8), task.latest_at)


def _why_not(task: Task, to_queue: Queue | None) -> str:
    if task.state is TaskState.IN_PROGRESS:
        return "the patient is being called for it; it stays with whoever calls"
    if task.state not in _MOVABLE:
        return f"it is {task.state.value}: nothing is left to do"
    if to_queue is None:
        return ""
    if to_queue.purpose is not task.purpose:
        return f"the queue is for {to_queue.purpose.value}, the task for {task.purpose.value}: consent goes by purpose"
    if to_queue.mode is not task.mode:
        return f"the queue's calls are {to_queue.mode.value}, the task's {task.mode.value}"
    return ""
