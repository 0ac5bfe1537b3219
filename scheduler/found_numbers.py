"""A number was found: what waited for it is looked at again at once, by the gate as ever."""

import structlog

from care.patients import Patient
from db.unit_of_work import UnitOfWork
from followup.plans import TaskState
from followup.what_next import DecisionReason, NextAction

log = structlog.get_logger(__name__)


def take_up_again(uow: UnitOfWork, patient: Patient) -> int:
    """Let the tasks be called again that wait for a person only because no number was left; how many."""
    taken_up = 0
    for each in uow.plans.tasks_of_patient(patient.id):
        task = uow.plans.task_for_update(each.id)
        if task is None or task.state not in (TaskState.DUE, TaskState.QUEUED) or task.latest_at < uow.now:
            continue
        decisions = uow.decisions.of_task(task.id, limit=1)
        for_a_number = not decisions or decisions[0].reason is DecisionReason.NO_NUMBER_LEFT
        if task.next_action != NextAction.ESCALATE.value or not for_a_number:
            continue
        task.next_action = None
        task.next_attempt_at = uow.now
        taken_up += 1
        log.info("task_taken_up_again", task=task.id, queue=task.queue_id)
    if taken_up:
        uow.outbox.wake()
    return taken_up
