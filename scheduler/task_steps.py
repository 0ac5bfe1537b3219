"""What follows for a task: it waits, is closed, or asks for a person; and what every event about it carries."""

from datetime import datetime, timedelta

import structlog

from db.gate import Gate, GateAnswer
from db.unit_of_work import UnitOfWork
from followup.dialing_rules import GateReason, waited_out
from followup.events import DomainEvent, EventKind
from followup.outcomes import TaskOutcome
from followup.plans import Task, TaskState, TaskTrigger, next_task_state
from followup.what_next import NextAction

log = structlog.get_logger(__name__)

LOOK_AGAIN = timedelta(minutes=15)
"""How soon a task that waits for a person is looked at again: the consent or number may have come meanwhile."""


def take_refusal(uow: UnitOfWork, task: Task, gate: Gate, answer: GateAnswer, now: datetime) -> None:
    """Act on a no for a due or queued task: wait, close, or ask for a person; it is never just left."""
    reasons = answer.verdict.reasons
    log.info("task_refused_by_gate", task=task.id, queue=task.queue_id, reasons=[reason.value for reason in reasons])
    if GateReason.DECEASED in reasons:
        close_task(uow, task, TaskTrigger.CANCEL, TaskOutcome.DECEASED, NextAction.DONE)
    elif answer.facts.refused_for_good:
        close_task(uow, task, TaskTrigger.CANCEL, TaskOutcome.REFUSED, NextAction.DONE)
    elif GateReason.AFTER_WINDOW in reasons:
        close_window(uow, task, NextAction.ESCALATE)
    elif answer.verdict.waiting_helps:
        task.next_attempt_at = waited_out(answer.verdict, answer.facts, gate.profile, now)
    else:
        ask_for_a_person(uow, task, look_again_at=now + LOOK_AGAIN)


def ask_for_a_person(uow: UnitOfWork, task: Task, *, look_again_at: datetime) -> None:
    """Mark an open task as waiting for a person; told once, however often it is looked at again."""
    task.next_attempt_at = look_again_at
    hold_for_a_person(uow, task)


def hold_for_a_person(uow: UnitOfWork, task: Task) -> None:
    """Say that what comes next is a person's to decide; told once."""
    task.next_at = None
    if task.next_action != NextAction.ESCALATE.value:
        task.next_action = NextAction.ESCALATE.value
        uow.emit(DomainEvent(kind=EventKind.TASK_ESCALATED, subject=task.id, ids=task_ids(task)))


def close_window(uow: UnitOfWork, task: Task, action: NextAction) -> None:
    """The window of a task without a live attempt has closed: the patient is lost for this step, the plan goes on."""
    if task.state is TaskState.PLANNED:
        task.state = next_task_state(task.state, TaskTrigger.FALL_DUE)
    close_task(uow, task, TaskTrigger.LOSE, TaskOutcome.LOST_TO_FOLLOW_UP, action)


def close_task(
    uow: UnitOfWork, task: Task, trigger: TaskTrigger, outcome: TaskOutcome, action: NextAction | None
) -> None:
    """End a task with what it came to."""
    task.state = next_task_state(task.state, trigger)
    task.outcome = outcome
    task.next_action = action.value if action else None
    task.next_at = None
    uow.emit(DomainEvent(kind=EventKind.TASK_CLOSED, subject=task.id, ids=task_ids(task)))
    log.info("task_closed", task=task.id, queue=task.queue_id, outcome=outcome.value, next_action=task.next_action)


def task_ids(task: Task) -> dict[str, str]:
    """The ids that every event about a task carries."""
    return {"patient": task.patient_id, "queue": task.queue_id}
