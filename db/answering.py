"""Answering forms, by whomever and however: one answer, its history, the alerts it raises, all in one transaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from care.forms import (
    AnswerRefusedError,
    Answers,
    AnswerValue,
    Form,
    ItemType,
    checked_answer,
    counted_answers,
    missing_items,
)
from care.responses import (
    GivenAnswer,
    Observation,
    Response,
    ResponseClosedError,
    ResponseIncompleteError,
    ResponseMode,
    ResponseOpenError,
    ResponseState,
    refuse_for_relative,
    skips_of,
)
from care.scoring import ScoreResult, ScoreState, scores_of
from db.alert_raising import raise_alerts
from db.form_results import keep_form_results
from db.prefilling import refuse_unreviewed, take_told
from db.unit_of_work import UnitOfWork
from followup.alerts import Alert
from followup.answer_alerts import EarlierAnswers
from followup.events import DomainEvent, EventKind
from followup.plans import Task
from runtime.content.library import Content
from runtime.identifiers import new_id

EARLIER = timedelta(days=31)
"""So far back an alert's rule may look at what the patient answered before."""

_BY_STAFF = frozenset({ResponseMode.AGENT, ResponseMode.PAPER})


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """What saving an answer led to."""

    response: Response
    alerts: tuple[Alert, ...]  # new ones only


def open_response(uow: UnitOfWork, content: Content, task: Task, form_id: str) -> Response:
    """The task's one response to a form, begun if nobody has begun it; LookupError without such a form."""
    form = form_named(content, form_id)
    return uow.responses.opened(
        Response(
            id=new_id(),
            form_id=form.id,
            form_version=form.version,
            patient_id=task.patient_id,
            task_id=task.id,
            started_at=uow.now,
            changed_at=uow.now,
        )
    )


def save_answer(
    uow: UnitOfWork,
    content: Content,
    response: Response,
    link_id: str,
    value: AnswerValue | None,
    *,
    by: str | None,
    mode: ResponseMode,
    attempt_id: str | None = None,
    relative_id: str | None = None,
    reviewed: bool = False,
) -> Saved:
    """Save one answer, or take it back with None; the same answer again changes nothing.

    AnswerRefusedError when it does not fit, the relative may not answer it, or the record says something of it that
    nobody has confirmed or corrected (`reviewed`: it was just now); ResponseClosedError when complete.
    """
    held = _held(uow, response)
    if held.state is not ResponseState.IN_PROGRESS:
        raise ResponseClosedError
    if not reviewed and mode in _BY_STAFF and value is not None:
        refuse_unreviewed(uow, content, form_named(content, held.form_id), held, link_id)
    return _write(
        uow, content, held, link_id, value, by=by, mode=mode, attempt_id=attempt_id, relative_id=relative_id, reason=""
    )


def amend_answer(
    uow: UnitOfWork,
    content: Content,
    response: Response,
    link_id: str,
    value: AnswerValue | None,
    *,
    by: str,
    reason: str,
) -> Saved:
    """Correct a complete response; the reason and the answer before stay in its history, scores are made anew."""
    held = _held(uow, response)
    if held.state is ResponseState.IN_PROGRESS:
        raise ResponseOpenError
    saved = _write(
        uow,
        content,
        held,
        link_id,
        value,
        by=by,
        mode=ResponseMode.AGENT,
        attempt_id=None,
        relative_id=None,
        reason=reason,
    )
    held.state = ResponseState.AMENDED
    form = form_named(content, held.form_id)
    take_told(uow, content, form, held, by=by)
    _observe(uow, content, form, held)
    return saved


def complete(
    uow: UnitOfWork, content: Content, response: Response, *, by: str | None, mode: ResponseMode
) -> tuple[ScoreResult, ...]:
    """Close the response and keep its scores; ResponseIncompleteError while a required question stands open."""
    held = _held(uow, response)
    if held.state is not ResponseState.IN_PROGRESS:
        raise ResponseClosedError
    form = form_named(content, held.form_id)
    missing = missing_items(form, held.answers, held.skipped)
    if missing:
        raise ResponseIncompleteError(tuple(item.link_id for item in missing))
    held.state = ResponseState.COMPLETED
    held.form_version = form.version
    held.completed_at, held.completed_by, held.completed_mode = uow.now, by, mode
    uow.emit(_event(EventKind.RESPONSE_COMPLETED, held))
    take_told(uow, content, form, held, by=by)
    return _observe(uow, content, form, held)


def form_named(content: Content, form_id: str) -> Form:
    """The form; LookupError says what to do when there is none."""
    form = content.forms.get(form_id)
    if form is None:
        raise LookupError(f"there is no form {form_id} in content/forms; put the file back or correct the task's form")
    return form


def scores_now(uow: UnitOfWork, form: Form, response: Response) -> tuple[ScoreResult, ...]:
    """Every score as the answers stand; incomplete where answers are missing."""
    patient = uow.patients.get(response.patient_id)
    return scores_of(form, response.answers, sex=patient.sex if patient else None)


def as_measured(form: Form, answers: Answers) -> Mapping[str, object]:
    """The answers as rules of alerts read them: a choice that stands for a number is that number."""
    found: dict[str, object] = {}
    for link_id, value in counted_answers(form, answers).items():
        item = form.item(link_id)
        of_choice = item is not None and item.type is ItemType.CHOICE and isinstance(value, str)
        found[link_id] = int(value) if of_choice and str(value).isdecimal() else value
    return found


def _held(uow: UnitOfWork, response: Response) -> Response:
    held = uow.responses.for_update(response.id)
    if held is None:
        raise LookupError(f"response {response.id} does not exist")
    return held


def _write(
    uow: UnitOfWork,
    content: Content,
    held: Response,
    link_id: str,
    value: AnswerValue | None,
    *,
    by: str | None,
    mode: ResponseMode,
    attempt_id: str | None,
    relative_id: str | None,
    reason: str,
) -> Saved:
    form = form_named(content, held.form_id)
    item = form.item(link_id)
    if item is None:
        raise AnswerRefusedError(link_id, f"form {form.id} has no such question", "use a link_id of the form")
    relative = uow.relatives.get(relative_id) if relative_id is not None else None
    answers = {key: given for key, given in held.answers.items() if key != link_id}
    if value is not None:
        if relative is not None:
            refuse_for_relative(item, relative, uow.now)
        answers[link_id] = checked_answer(form, answers, link_id, value)
    stored = answers.get(link_id)
    before = held.answers.get(link_id)
    if stored == before and type(stored) is type(before):
        return Saved(response=held, alerts=())
    held.answers = answers
    skipped = {key: why for key, why in held.skipped.items() if key not in answers}
    held.skipped = {**skipped, **(skips_of(form, answers, relative.matters(uow.now)) if relative else {})}
    held.changed_at = uow.now
    uow.responses.note(
        GivenAnswer(
            response_id=held.id,
            link_id=link_id,
            value=stored,
            mode=mode,
            by=by,
            relative_id=relative_id,
            attempt_id=attempt_id,
            at=uow.now,
            reason=reason,
        )
    )
    uow.emit(_event(EventKind.RESPONSE_SAVED, held))
    uow.flush()
    return Saved(response=held, alerts=_alerts(uow, content, form, held, attempt_id))


def _alerts(uow: UnitOfWork, content: Content, form: Form, held: Response, attempt_id: str | None) -> tuple[Alert, ...]:
    scored = {
        result.id: result.value
        for result in scores_now(uow, form, held)
        if result.state is ScoreState.SCORED and result.value is not None
    }
    return raise_alerts(
        uow,
        content,
        form=form.id,
        answers=as_measured(form, held.answers),
        earlier=earlier_of(uow, held),
        patient_id=held.patient_id,
        task_id=held.task_id,
        attempt_id=attempt_id,
        response_id=held.id,
        scores=scored,
    )


def earlier_of(uow: UnitOfWork, response: Response) -> tuple[EarlierAnswers, ...]:
    """What the patient answered in other forms lately."""
    return tuple(uow.responses.earlier_answers(response.patient_id, besides=response.id, since=uow.now - EARLIER))


def _observe(uow: UnitOfWork, content: Content, form: Form, held: Response) -> tuple[ScoreResult, ...]:
    results = scores_now(uow, form, held)
    for result in results:
        if result.state is ScoreState.SCORED and result.value is not None:
            uow.responses.observe(
                Observation(
                    id=new_id(),
                    patient_id=held.patient_id,
                    response_id=held.id,
                    code=f"{form.id}.{result.id}",
                    form_version=form.version,
                    value=result.value,
                    band=result.band,
                    at=uow.now,
                )
            )
    keep_form_results(uow, content, form, held, results)
    return results


def _event(kind: EventKind, held: Response) -> DomainEvent:
    ids = {"patient": held.patient_id, **({"task": held.task_id} if held.task_id else {})}
    return DomainEvent(kind=kind, subject=held.id, ids=ids)
