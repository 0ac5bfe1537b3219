"""Tasks whose questions were answered without a call, by link or on paper: nobody is rung for them any more."""

import structlog

from care.responses import ResponseState
from db.answering import scores_now
from db.unit_of_work import UnitOfWork
from followup.outcomes import TaskOutcome
from followup.plans import Task, TaskState, TaskTrigger
from followup.what_next import NextAction
from runtime.content.library import Content
from scheduler.task_steps import close_task

log = structlog.get_logger(__name__)

_NOT_YET_CALLED = frozenset({TaskState.PLANNED, TaskState.DUE, TaskState.QUEUED})


def close_if_answered(uow: UnitOfWork, content: Content, task_id: str | None) -> bool:
    """Take a task off the call list if its form, and every form that its scores lead to, is complete.

    Not while a call of it is live, whose own result counts, nor while an alert of it has no outcome.
    """
    uow.flush()
    task = uow.plans.task_for_update(task_id) if task_id else None
    if task is None or task.state not in _NOT_YET_CALLED or uow.alerts.holds(task.id):
        return False
    if not _is_answered(uow, content, task):
        return False
    close_task(uow, task, TaskTrigger.ANSWER, TaskOutcome.COMPLETED, NextAction.DONE)
    log.info("task_answered_without_a_call", task=task.id, queue=task.queue_id)
    return True


def _is_answered(uow: UnitOfWork, content: Content, task: Task) -> bool:
    flow = content.flows.get(task.flow) if task.flow else None
    own = task.form or (flow.form if flow else None)
    wanted = [own] if own else []
    for form_id in wanted:
        form = content.forms.get(form_id)
        response = uow.responses.of_task(task.id, form_id)
        if form is None or response is None or response.state is ResponseState.IN_PROGRESS:
            return False
        leads = [each.leads_to for each in scores_now(uow, form, response) if each.leads_to]
        wanted.extend(each for each in leads if each not in wanted)
    return bool(wanted)
