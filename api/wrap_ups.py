"""Finishing a wrap-up: the attempt is closed with its outcome, and its note is drafted at once."""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from care.forms import missing_items
from care.responses import ResponseMode, ResponseState
from db import answering
from db.unit_of_work import UnitOfWork
from followup.attempts import Attempt
from followup.closing import close_attempt
from followup.notes import Note
from followup.outcomes import AttemptOutcome, TaskOutcome
from runtime.content.library import Content
from transcription.attempt_notes import write_draft


def finish(
    uow: UnitOfWork,
    attempt: Attempt,
    *,
    outcome: AttemptOutcome,
    task_result: TaskOutcome | None,
    results: Mapping[str, TaskOutcome] | None = None,
    spoke_with: str | None,
    words: str | None,
    by: str,
    content: Content,
    zone: ZoneInfo,
) -> Note:
    """Close the attempt, let its agent go, draft the note; the events are written with it.

    `results` are those of tasks that were taken along, each by its id.
    """
    of_tasks: dict[str, TaskOutcome] = dict(results or {})
    if task_result is not None:
        of_tasks[attempt.task_id] = task_result
    for task_id, result in of_tasks.items():
        uow.attempts.note_result(attempt.id, task_id, result.value)
        _complete_answers(uow, content, task_id, task_result=result, by=by)
    agent = uow.queues.agent_for_update(attempt.agent_id) if attempt.agent_id else None
    for event in close_attempt(attempt, agent, outcome=outcome, task_result=task_result, by=by, now=uow.now):
        uow.emit(event)
    return write_draft(uow, attempt, zone=zone, forms=content.forms, spoke_with=spoke_with, words=words)


def _complete_answers(
    uow: UnitOfWork, content: Content, task_id: str, *, task_result: TaskOutcome, by: str
) -> None:
    """The matter was talked through: answers with nothing left open are complete, others wait for the next call."""
    if task_result is not TaskOutcome.COMPLETED:
        return
    for response in uow.responses.all_of_task(task_id):
        form = content.forms.get(response.form_id)
        if form is None or response.state is not ResponseState.IN_PROGRESS:
            continue
        if response.answers and not missing_items(form, response.answers, response.skipped):
            answering.complete(uow, content, response, by=by, mode=ResponseMode.AGENT)
