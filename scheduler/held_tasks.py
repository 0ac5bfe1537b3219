"""Tasks held by an alert: what was talked about is done, but the task ends only when the alert's outcome is typed."""

from db.unit_of_work import UnitOfWork
from followup.alerts import Alert
from followup.attempts import AttemptState
from followup.outcomes import TaskOutcome
from followup.plans import Task, TaskState, TaskTrigger
from followup.what_next import NextAction
from runtime.content.library import Content
from scheduler.answered_tasks import close_if_answered
from scheduler.outcomes import CLOSING
from scheduler.task_steps import close_task

_NOT_YET_CALLED = frozenset({TaskState.PLANNED, TaskState.DUE, TaskState.QUEUED})


def settle(uow: UnitOfWork, alert: Alert, content: Content) -> None:
    """An alert has its outcome: its call back is not needed any more, and what it held may end."""
    uow.flush()
    call_back = uow.plans.task_for_update(alert.call_back_task_id) if alert.call_back_task_id else None
    if call_back is not None and call_back.state in _NOT_YET_CALLED and not uow.alerts.holds(call_back.id):
        close_task(uow, call_back, TaskTrigger.CANCEL, TaskOutcome.CANCELLED, NextAction.DONE)
    for task_id in dict.fromkeys((alert.task_id, alert.call_back_task_id)):
        task = uow.plans.task_for_update(task_id) if task_id else None
        if task is not None and not release(uow, task):
            close_if_answered(uow, content, task.id)


def release(uow: UnitOfWork, task: Task) -> bool:
    """End a held task with what its last attempt came to; False if it is not held, or still is."""
    if task.state is not TaskState.IN_PROGRESS or uow.alerts.holds(task.id):
        return False
    attempts = uow.attempts.of_task(task.id)
    last = attempts[-1] if attempts else None
    if last is None or last.state is not AttemptState.CLOSED or last.decided_at is None:
        return False
    # One that was taken along in another's call has its own result there.
    own = last.task_result if last.task_id == task.id else None
    result = uow.attempts.results_of(last.id).get(task.id) or own
    outcome = TaskOutcome(result) if result else TaskOutcome.LOST_TO_FOLLOW_UP
    close_task(uow, task, CLOSING.get(outcome, TaskTrigger.CANCEL), outcome, NextAction.DONE)
    return True
