"""Finishing a wrap-up: the attempt is closed with its outcome, and its note is drafted at once."""

from collections.abc import Iterator, Mapping
from zoneinfo import ZoneInfo

from api.problems import Fault, Kind, Problem
from api.speakers import on_the_line, skipped_questions
from care.forms import AnswerValue, Form, missing_items
from care.responses import ResponseMode, ResponseState
from db import answering
from db.unit_of_work import UnitOfWork
from followup.attempts import Attempt
from followup.closing import close_attempt
from followup.notes import Note
from followup.outcomes import AttemptOutcome, TaskOutcome
from runtime.content.library import Content
from transcription.attempt_notes import write_draft


def require_answers(
    uow: UnitOfWork, attempt: Attempt, results: Mapping[str, TaskOutcome], *, content: Content, partial: bool
) -> dict[str, TaskOutcome]:
    """The results as they can stand: what is called completed has an answer to each required question.

    Otherwise the questions are named and nothing is written, or, where it is said that they will not be answered, the
    task counts as partially completed. A question that is not for the relative who spoke is not missed.
    """
    line = on_the_line(uow, attempt)
    stand, faults = dict(results), []
    for task_id, result in results.items():
        if result is not TaskOutcome.COMPLETED:
            continue
        missing = [
            (form, item)
            for form, answers, skipped in _asked(uow, content, task_id)
            for item in missing_items(form, answers, {**skipped, **skipped_questions(form, line)})
        ]
        if missing and partial:
            stand[task_id] = TaskOutcome.PARTIALLY_COMPLETED
            continue
        where = "answers" if task_id == attempt.task_id else f"results.{task_id}"
        faults += [
            Fault(
                field=f"{where}.{item.link_id}",
                reason=f"form {form.id} requires an answer: enter it, or send partial: true and the task counts as "
                "partially-completed",
            )
            for form, item in missing
        ]
    if faults:
        raise Problem(kind=Kind.ANSWERS_MISSING, faults=faults)
    return stand


def _asked(
    uow: UnitOfWork, content: Content, task_id: str
) -> Iterator[tuple[Form, Mapping[str, AnswerValue], Mapping[str, str]]]:
    """The forms of a task that are not complete, with what is answered and left out so far."""
    task = uow.plans.task(task_id)
    begun = {response.form_id: response for response in uow.responses.all_of_task(task_id)}
    names = [*begun, *([task.form] if task is not None and task.form and task.form not in begun else [])]
    for name in names:
        form, response = content.forms.get(name), begun.get(name)
        if form is None or (response is not None and response.state is not ResponseState.IN_PROGRESS):
            continue
        yield form, response.answers if response else {}, response.skipped if response else {}


def finish(
    uow: UnitOfWork,
    attempt: Attempt,
    *,
    outcome: AttemptOutcome,
    task_result: TaskOutcome | None,
    results: Mapping[str, TaskOutcome] | None = None,
    partial: bool = False,
    spoke_with: str | None,
    words: str | None,
    by: str,
    content: Content,
    zone: ZoneInfo,
) -> Note:
    """Close the attempt, let its agent go, draft the note; the events are written with it.

    `results` are those of tasks that were taken along, each by its id. Problem ANSWERS_MISSING where one is called
    completed while a required question is open, unless `partial`.
    """
    of_tasks: dict[str, TaskOutcome] = dict(results or {})
    if task_result is not None:
        of_tasks[attempt.task_id] = task_result
    of_tasks = require_answers(uow, attempt, of_tasks, content=content, partial=partial)
    if task_result is not None:
        task_result = of_tasks[attempt.task_id]
    for task_id, result in of_tasks.items():
        uow.attempts.note_result(attempt.id, task_id, result.value)
        _complete_answers(uow, content, task_id, task_result=result, by=by)
    agent = uow.queues.agent_for_update(attempt.agent_id) if attempt.agent_id else None
    for event in close_attempt(attempt, agent, outcome=outcome, task_result=task_result, by=by, now=uow.now):
        uow.emit(event)
    return write_draft(uow, attempt, zone=zone, forms=content.forms, spoke_with=spoke_with, words=words)


def _complete_answers(uow: UnitOfWork, content: Content, task_id: str, *, task_result: TaskOutcome, by: str) -> None:
    """The matter was talked through: answers with nothing left open are complete, others wait for the next call."""
    if task_result is not TaskOutcome.COMPLETED:
        return
    for response in uow.responses.all_of_task(task_id):
        form = content.forms.get(response.form_id)
        if form is None or response.state is not ResponseState.IN_PROGRESS:
            continue
        if response.answers and not missing_items(form, response.answers, response.skipped):
            answering.complete(uow, content, response, by=by, mode=ResponseMode.AGENT)
