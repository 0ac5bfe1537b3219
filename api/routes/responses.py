"""Answers to forms: one instance for a task, saved answer by answer, completed once, amended with a reason."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import StrictBool, StrictFloat, StrictInt, StrictStr, StringConstraints

from api import found
from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant
from api.permissions import CareTeam, CareTeamCommanding
from api.problems import Kind, Problem, problems
from api.response_answers import ResponseAnswer, WholeResponseAnswer, response_answer, whole_response
from api.speakers import OnTheLine, on_the_line
from api.wiring import wiring_of
from care.forms import AnswerRefusedError, Form
from care.relatives import Speaker, matters_open_to
from care.responses import (
    Response,
    ResponseClosedError,
    ResponseIncompleteError,
    ResponseMode,
    ResponseOpenError,
)
from db import answering
from db.unit_of_work import UnitOfWork
from followup.attempts import AttemptState
from scheduler.answered_tasks import close_if_answered

_WITHOUT_A_CALL = (ResponseMode.LINK, ResponseMode.PAPER)

router = APIRouter(tags=["forms"], route_class=Route)

Value = StrictBool | StrictInt | StrictFloat | Annotated[StrictStr, StringConstraints(max_length=2000)] | None


class SaidAsk(Ask):
    """With `attempt_id` it was said in that call, without it stood on paper."""

    attempt_id: Id | None = None
    relative_id: Id | None = None  # who wrote the paper, if not the patient; in a call it is known who speaks


class GivenAsk(SaidAsk):
    """One answer; null takes it back."""

    value: Value


class AmendAsk(Ask):
    """A corrected answer to a complete form, and why."""

    link_id: Annotated[str, StringConstraints(min_length=1, max_length=60)]
    value: Value
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500)]


class ResponsesAnswer(Answer):
    """Several responses."""

    responses: list[ResponseAnswer]


class ObservationAnswer(Answer):
    """A score at its time, derived from a response."""

    id: str
    response_id: str
    code: str
    form_version: int
    value: float
    band: str | None
    at: Instant


class ObservationsAnswer(Answer):
    """A patient's scores, newest first."""

    observations: list[ObservationAnswer]


_CHANGING = (Kind.UNKNOWN_RESPONSE, Kind.UNKNOWN_FORM, Kind.NOT_POSSIBLE_NOW, Kind.ANSWER_REFUSED)


@router.put("/tasks/{task_id}/responses/{form_id}", responses=problems(Kind.UNKNOWN_TASK, Kind.UNKNOWN_FORM))
def open_task_response(task_id: Id, form_id: str, caller: CareTeam, request: Request, uow: Work) -> WholeResponseAnswer:
    """The task's answers to a form, begun if nobody has begun them."""
    task = found.task(uow, task_id)
    form = form_of(request, form_id)
    response = answering.open_response(uow, wiring_of(request).content, task, form.id)
    _audit(uow, caller, "response_opened", response)
    return whole_response(uow, form, response, line_of_caller(uow, caller, task.patient_id))


@router.get("/tasks/{task_id}/responses", responses=problems(Kind.UNKNOWN_TASK, Kind.UNKNOWN_FORM))
def list_task_responses(task_id: Id, caller: CareTeam, request: Request, uow: Work) -> ResponsesAnswer:
    """Everything answered for a task."""
    task = found.task(uow, task_id)
    responses = uow.responses.all_of_task(task.id)
    for response in responses:
        _audit(uow, caller, "response_viewed", response)
    line = line_of_caller(uow, caller, task.patient_id)
    return ResponsesAnswer(
        responses=[response_answer(uow, form_of(request, each.form_id), each, line) for each in responses]
    )


@router.get("/responses/{response_id}", responses=problems(Kind.UNKNOWN_RESPONSE, Kind.UNKNOWN_FORM))
def read_response(response_id: Id, caller: CareTeam, request: Request, uow: Work) -> WholeResponseAnswer:
    """One response with its history."""
    response = response_of(uow, response_id)
    _audit(uow, caller, "response_viewed", response)
    line = line_of_caller(uow, caller, response.patient_id)
    return whole_response(uow, form_of(request, response.form_id), response, line)


@router.put(
    "/responses/{response_id}/answers/{link_id}",
    responses=problems(*_CHANGING, Kind.UNKNOWN_ATTEMPT, Kind.UNKNOWN_RELATIVE, Kind.NOT_YOURS),
)
def save_one_answer(
    response_id: Id, link_id: str, ask: GivenAsk, caller: CareTeam, request: Request, uow: Work
) -> ResponseAnswer:
    """Save one answer as it is given; every answer stays in the history."""
    response = response_of(uow, response_id)
    form = form_of(request, response.form_id)
    line = line_of(uow, ask, caller, response)
    item = form.item(link_id)
    refused = line.why_not(item) if line is not None and item is not None and ask.value is not None else None
    if refused is not None:
        raise Problem.of(Kind.ANSWER_REFUSED, link_id, f"this is not asked of a relative ({refused}); ask the patient")
    try:
        saved = answering.save_answer(
            uow,
            wiring_of(request).content,
            response,
            link_id,
            ask.value,
            by=caller.user_id,
            mode=ResponseMode.AGENT if ask.attempt_id is not None else ResponseMode.PAPER,
            attempt_id=ask.attempt_id,
            relative_id=line.relative_id if line is not None else None,
        )
    except AnswerRefusedError as error:
        raise Problem.of(Kind.ANSWER_REFUSED, link_id, str(error)) from error
    except ResponseClosedError as error:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "response_id", str(error)) from error
    _audit(uow, caller, "answer_saved", response)
    return response_answer(uow, form, saved.response, line)


@router.post("/responses/{response_id}/complete", responses=problems(*_CHANGING))
def complete_response(response_id: Id, caller: CareTeamCommanding, request: Request, uow: Work) -> WholeResponseAnswer:
    """Close the answers; from here on they are amended with a reason only."""
    response = response_of(uow, response_id)
    form = form_of(request, response.form_id)
    try:
        answering.complete(uow, wiring_of(request).content, response, by=caller.user_id, mode=ResponseMode.AGENT)
    except ResponseIncompleteError as error:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, error.missing[0], str(error)) from error
    except ResponseClosedError as error:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "response_id", str(error)) from error
    if all(each.mode in _WITHOUT_A_CALL for each in uow.responses.history(response.id)):
        close_if_answered(uow, wiring_of(request).content, response.task_id)
    _audit(uow, caller, "response_completed", response)
    return whole_response(uow, form, response)


@router.post("/responses/{response_id}/amendments", responses=problems(*_CHANGING))
def amend_response(
    response_id: Id, ask: AmendAsk, caller: CareTeamCommanding, request: Request, uow: Work
) -> WholeResponseAnswer:
    """Correct one answer of a complete response; what stood before stays in the history."""
    response = response_of(uow, response_id)
    form = form_of(request, response.form_id)
    try:
        answering.amend_answer(
            uow,
            wiring_of(request).content,
            response,
            ask.link_id,
            ask.value,
            by=caller.user_id,
            reason=ask.reason,
        )
    except AnswerRefusedError as error:
        raise Problem.of(Kind.ANSWER_REFUSED, ask.link_id, str(error)) from error
    except ResponseOpenError as error:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "response_id", str(error)) from error
    _audit(uow, caller, "response_amended", response)
    return whole_response(uow, form, response)


@router.get("/patients/{patient_id}/observations", responses=problems(Kind.UNKNOWN_PATIENT))
def list_observations(patient_id: Id, caller: CareTeam, uow: Work) -> ObservationsAnswer:
    """A patient's scores."""
    patient = found.patient(uow, patient_id)
    uow.audit.note(
        user_id=caller.user_id,
        action="observations_viewed",
        subject_kind="patient",
        subject=patient.id,
        patient_id=patient.id,
    )
    return ObservationsAnswer(
        observations=[ObservationAnswer.model_validate(each) for each in uow.responses.observations_of(patient.id)]
    )


def line_of(uow: UnitOfWork, ask: SaidAsk, caller: Caller, response: Response) -> OnTheLine | None:
    """Who says it: whoever is on the attempt's line, or the relative who wrote the paper."""
    if ask.attempt_id is not None:
        attempt = found.own_attempt(uow, ask.attempt_id, caller)
        if attempt.state not in (AttemptState.IN_CALL, AttemptState.WRAP_UP):
            raise Problem.of(
                Kind.NOT_POSSIBLE_NOW,
                "attempt_id",
                f"the attempt is {attempt.state.value}: answers are entered in call and wrap-up",
            )
        if attempt.patient_id != response.patient_id:
            raise Problem.of(Kind.NOT_POSSIBLE_NOW, "attempt_id", "the attempt is of another patient")
        return on_the_line(uow, attempt)
    if ask.relative_id is None:
        return None
    relative = uow.relatives.get(ask.relative_id)
    if relative is None or relative.patient_id != response.patient_id:
        raise Problem.of(Kind.UNKNOWN_RELATIVE, "relative_id", "name one of the patient's relatives")
    return OnTheLine(
        speaker=Speaker.RELATIVE,
        relative=relative,
        matters=matters_open_to(Speaker.RELATIVE, relative, now=uow.now),
    )


def line_of_caller(uow: UnitOfWork, caller: Caller, patient_id: str) -> OnTheLine | None:
    """Whoever is on the caller's own line about this patient now; what she reads out is for his ears."""
    attempt = uow.attempts.live_of_agent(caller.user_id)
    if attempt is None or attempt.patient_id != patient_id or attempt.state is not AttemptState.IN_CALL:
        return None
    return on_the_line(uow, attempt)


def response_of(uow: UnitOfWork, response_id: str) -> Response:
    """The response with this id."""
    response = uow.responses.get(response_id)
    if response is None:
        raise Problem.of(
            Kind.UNKNOWN_RESPONSE, "response_id", "there is none; GET /api/v1/tasks/{task_id}/responses lists a task's"
        )
    return response


def form_of(request: Request, form_id: str) -> Form:
    """The form with this id."""
    form = wiring_of(request).content.forms.get(form_id)
    if form is None:
        raise Problem.of(Kind.UNKNOWN_FORM, "form_id", "there is no such form; GET /api/v1/forms lists them")
    return form


def _audit(uow: UnitOfWork, caller: Caller, action: str, response: Response) -> None:
    uow.audit.note(
        user_id=caller.user_id,
        action=action,
        subject_kind="response",
        subject=response.id,
        patient_id=response.patient_id,
    )
