"""What is due: tasks whose window opens are judged and queued, tasks whose window has closed are given up in words."""

from datetime import datetime

import structlog

from db.gate import Gate
from db.unit_of_work import UnitOfWork
from followup.dialing_rules import GateReason
from followup.events import DomainEvent, EventKind
from followup.plans import Task, TaskState, TaskTrigger, next_task_state
from followup.what_next import NextAction
from scheduler.announcing import announce_first_call
from scheduler.outcomes import AttemptPolicies
from scheduler.task_steps import LOOK_AGAIN, ask_for_a_person, close_window, take_refusal, task_ids

log = structlog.get_logger(__name__)

LOOKED_AT_ONCE = 50

_HELD_BY_THE_QUEUE = frozenset({GateReason.QUEUE_PAUSED, GateReason.CAMPAIGN_STOPPED, GateReason.LIVE_ATTEMPT})
"""The matching passes over such tasks by itself and takes them up the moment it is over, so they may be queued."""


def queue_due_tasks(
    uow: UnitOfWork,
    *,
    gate: Gate,
    now: datetime,
    policies: AttemptPolicies | None = None,
    limit: int = LOOKED_AT_ONCE,
) -> int:
    """Ask the gate about tasks whose time to be looked at has come, and queue those it allows; how many were seen.

    With `policies` a first call is announced where its queue wants that.
    """
    tasks = uow.plans.claim_to_look_at(now, limit)
    for task in tasks:
        try:
            with uow.savepoint():
                _look_at(uow, task, gate, policies, now)
        except (LookupError, ValueError):
            # One row that cannot be judged (a zone nobody knows) must not hold up all the others.
            log.exception("task_not_judged", task=task.id, queue=task.queue_id)
            ask_for_a_person(uow, task, look_again_at=now + LOOK_AGAIN)
    return len(tasks)


def close_past_windows(
    uow: UnitOfWork, *, policies: AttemptPolicies, now: datetime, limit: int = LOOKED_AT_ONCE
) -> int:
    """Give up tasks whose window has closed without a live attempt; how many.

    One that was never called is a failure of ours and goes to a person; after tries the policy says what follows.
    """
    tasks = uow.plans.claim_closing(now, limit)
    for task in tasks:
        action = (
            NextAction.ESCALATE if task.attempts_made == 0 else policies.of_queue(uow, task.queue_id).when_exhausted
        )
        close_window(uow, task, action)
    return len(tasks)


def _look_at(uow: UnitOfWork, task: Task, gate: Gate, policies: AttemptPolicies | None, now: datetime) -> None:
    if task.state is TaskState.PLANNED:
        task.state = next_task_state(task.state, TaskTrigger.FALL_DUE)
    patient = uow.patients.get(task.patient_id)
    answer = gate.ask(uow, task, patient.best_number() if patient else None, now=now)
    if not set(answer.verdict.reasons) <= _HELD_BY_THE_QUEUE:
        take_refusal(uow, task, gate, answer, now)
        return
    task.state = next_task_state(task.state, TaskTrigger.QUEUE)
    task.next_action = task.next_at = None
    if policies is not None and patient is not None:
        announce_first_call(uow, task, patient, policies=policies, now=now)
    uow.emit(DomainEvent(kind=EventKind.TASK_QUEUED, subject=task.id, ids=task_ids(task)))
    log.info("task_queued", task=task.id, queue=task.queue_id, profile=gate.profile.id)
