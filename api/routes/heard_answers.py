"""Answers heard in calls: read beside their questions, accepted into the form or left out by a person."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field, model_validator

from api import found
from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant
from api.permissions import AgentOnly, CareTeam, CareTeamCommanding
from api.problems import Kind, Problem, problems
from api.routes.responses import form_of
from api.speakers import on_the_line
from api.wiring import wiring_of
from care.forms import AnswerRefusedError, Form
from care.responses import ResponseMode, ResponseState
from db import answering
from db.unit_of_work import UnitOfWork
from followup.attempts import Attempt, AttemptState
from followup.heard_answers import HeardAnswer, HeardAnswerDecidedError
from followup.notes import ProposalState
from followup.outcomes import NOT_THE_PATIENT

router = APIRouter(tags=["forms"], route_class=Route)

_LONGEST_REASON = 500


class HeardAnswerAnswer(Answer):
    """What a patient answered to a question, as it was heard; `question` and `said` are as people read them."""

    id: str
    attempt_id: str
    task_id: str
    form_id: str
    link_id: str
    question: dict[str, str]
    value: bool | int | float | str
    said: dict[str, str]
    entered: bool | int | float | str | None  # what stands in the form now
    asked: str
    quote: str
    start: float
    end: float
    turns: list[int]
    confidence: float
    state: ProposalState
    proposed_at: Instant
    decided_by: str | None
    decided_at: Instant | None


class HeardAnswersAnswer(Answer):
    """Answers heard, by their second."""

    answers: list[HeardAnswerAnswer]


class HeardDecisionsAsk(Ask):
    """Which heard answers are written into the forms, and which are left out."""

    accept: Annotated[tuple[Id, ...], Field(max_length=200)] = ()
    dismiss: Annotated[tuple[Id, ...], Field(max_length=200)] = ()

    @model_validator(mode="after")
    def _once(self) -> "HeardDecisionsAsk":
        if set(self.accept) & set(self.dismiss):
            raise ValueError("names an answer twice: accept it or dismiss it")
        return self


_DECIDING = (
    Kind.UNKNOWN_HEARD_ANSWER,
    Kind.UNKNOWN_ATTEMPT,
    Kind.UNKNOWN_TASK,
    Kind.UNKNOWN_FORM,
    Kind.NOT_YOURS,
    Kind.NOT_POSSIBLE_NOW,
    Kind.ANSWER_REFUSED,
)


@router.get("/agents/me/heard-answers", responses=problems(Kind.UNKNOWN_FORM))
def list_own_heard(caller: AgentOnly, request: Request, uow: Work) -> HeardAnswersAnswer:
    """What was heard in the caller's own calls and waits for her decision."""
    waiting = uow.heard_answers.open_of_agent(caller.user_id)
    if waiting:
        uow.audit.note(
            user_id=caller.user_id,
            action="heard_answers_viewed",
            subject_kind="user",
            subject=caller.user_id,
            detail={"answers": [each.id for each in waiting]},
        )
    return HeardAnswersAnswer(answers=[_answer(uow, request, each) for each in waiting])


@router.get("/attempts/{attempt_id}/heard-answers", responses=problems(Kind.UNKNOWN_ATTEMPT, Kind.UNKNOWN_FORM))
def list_heard_of_attempt(attempt_id: Id, caller: CareTeam, request: Request, uow: Work) -> HeardAnswersAnswer:
    """Everything heard in an attempt's call, decided or not."""
    attempt = found.attempt(uow, attempt_id)
    _audit(uow, caller, "heard_answers_viewed", attempt)
    if attempt.outcome in NOT_THE_PATIENT:
        return HeardAnswersAnswer(answers=[])
    heard = [each for each in uow.heard_answers.of_attempt(attempt.id) if each.state is not ProposalState.SUPERSEDED]
    return HeardAnswersAnswer(answers=[_answer(uow, request, each) for each in heard])


@router.post("/heard-answers/{heard_id}/accept", responses=problems(*_DECIDING))
def accept_heard(heard_id: Id, caller: CareTeamCommanding, request: Request, uow: Work) -> HeardAnswerAnswer:
    """Write the answer into the form as one that was typed in; in a complete form it is an amendment."""
    heard, attempt = _own(uow, heard_id, caller)
    _accept(uow, request, heard, attempt, caller)
    return _answer(uow, request, heard)


@router.post("/heard-answers/{heard_id}/dismiss", responses=problems(*_DECIDING))
def dismiss_heard(heard_id: Id, caller: CareTeamCommanding, request: Request, uow: Work) -> HeardAnswerAnswer:
    """Leave it out."""
    heard, attempt = _own(uow, heard_id, caller)
    _decide(uow, heard, attempt, ProposalState.DISMISSED, caller)
    return _answer(uow, request, heard)


@router.post("/attempts/{attempt_id}/heard-answers/decisions", responses=problems(*_DECIDING))
def decide_on_heard(
    attempt_id: Id, ask: HeardDecisionsAsk, caller: CareTeamCommanding, request: Request, uow: Work
) -> HeardAnswersAnswer:
    """Accept several and leave others out, all or none of it; in the order of the form's questions."""
    attempt = found.attempt(uow, attempt_id)
    wanted = dict.fromkeys(ask.accept, ProposalState.ACCEPTED)
    wanted |= dict.fromkeys(ask.dismiss, ProposalState.DISMISSED)
    chosen = [_own(uow, heard_id, caller)[0] for heard_id in sorted(wanted)]
    if any(heard.attempt_id != attempt.id for heard in chosen):
        raise Problem.of(Kind.UNKNOWN_HEARD_ANSWER, "accept", "one of them was heard in another attempt's call")
    # An answer may open the question of the next one.
    for heard in sorted(chosen, key=lambda each: _place(request, each)):
        if wanted[heard.id] is ProposalState.ACCEPTED:
            _accept(uow, request, heard, attempt, caller)
        else:
            _decide(uow, heard, attempt, ProposalState.DISMISSED, caller)
    return HeardAnswersAnswer(answers=[_answer(uow, request, each) for each in chosen])


def _place(request: Request, heard: HeardAnswer) -> tuple[str, int]:
    links = [item.link_id for item in form_of(request, heard.form_id).questions()]
    return heard.form_id, links.index(heard.link_id) if heard.link_id in links else len(links)


def _own(uow: UnitOfWork, heard_id: str, caller: Caller) -> tuple[HeardAnswer, Attempt]:
    heard = uow.heard_answers.for_update(heard_id)
    if heard is None or heard.state is ProposalState.SUPERSEDED:
        raise Problem.of(
            Kind.UNKNOWN_HEARD_ANSWER,
            "heard_id",
            "there is none, or a newer transcript took its place; GET /api/v1/attempts/{attempt_id}/heard-answers "
            "lists an attempt's",
        )
    attempt = found.attempt(uow, heard.attempt_id)
    # What a machine's call left is nobody's own: whoever may open the record may decide.
    if attempt.agent_id is not None:
        found.only_own(attempt.agent_id, caller, "heard_id")
    return heard, attempt


def _accept(uow: UnitOfWork, request: Request, heard: HeardAnswer, attempt: Attempt, caller: Caller) -> None:
    if heard.state is ProposalState.ACCEPTED:
        return
    if attempt.outcome in NOT_THE_PATIENT:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "heard_id", "somebody else than the patient spoke: dismiss it")
    content = wiring_of(request).content
    form = form_of(request, heard.form_id)
    line = on_the_line(uow, attempt)
    item = form.item(heard.link_id)
    refused = line.why_not(item) if item is not None else None
    if refused is not None:
        raise Problem.of(
            Kind.ANSWER_REFUSED, heard.link_id, f"this is not asked of a relative ({refused}); ask the patient"
        )
    response = answering.open_response(uow, content, found.task(uow, heard.task_id), form.id)
    try:
        if response.state is ResponseState.IN_PROGRESS:
            answering.save_answer(
                uow,
                content,
                response,
                heard.link_id,
                heard.value,
                by=caller.user_id,
                mode=ResponseMode.AGENT,
                attempt_id=attempt.id,
                relative_id=line.relative_id,
            )
        else:
            answering.amend_answer(
                uow,
                content,
                response,
                heard.link_id,
                heard.value,
                by=caller.user_id,
                reason=f"heard in the recording at {heard.start:.1f} s: {heard.quote}"[:_LONGEST_REASON],
            )
    except AnswerRefusedError as error:
        raise Problem.of(Kind.ANSWER_REFUSED, heard.link_id, str(error)) from error
    if attempt.state is not AttemptState.CLOSED and heard.task_id == attempt.task_id:
        attempt.answers = {**attempt.answers, heard.link_id: heard.value}
    _decide(uow, heard, attempt, ProposalState.ACCEPTED, caller)


def _decide(uow: UnitOfWork, heard: HeardAnswer, attempt: Attempt, state: ProposalState, caller: Caller) -> None:
    try:
        heard.decide(state, caller.user_id, uow.now)
    except HeardAnswerDecidedError as error:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "heard_id", str(error)) from error
    _audit(uow, caller, f"heard_answer_{state.value}", attempt, heard)


def _answer(uow: UnitOfWork, request: Request, heard: HeardAnswer) -> HeardAnswerAnswer:
    form = form_of(request, heard.form_id)
    response = uow.responses.of_task(heard.task_id, heard.form_id)
    item = form.item(heard.link_id)
    return HeardAnswerAnswer(
        id=heard.id,
        attempt_id=heard.attempt_id,
        task_id=heard.task_id,
        form_id=heard.form_id,
        link_id=heard.link_id,
        question=dict(item.text) if item is not None else {},
        value=heard.value,
        said=_in_words(form, heard),
        entered=response.answers.get(heard.link_id) if response is not None else None,
        asked=heard.asked,
        quote=heard.quote,
        start=heard.start,
        end=heard.end,
        turns=heard.turns,
        confidence=heard.confidence,
        state=heard.state,
        proposed_at=heard.proposed_at,
        decided_by=heard.decided_by,
        decided_at=heard.decided_at,
    )


_YES_NO = {True: {"zh": "是", "en": "yes"}, False: {"zh": "否", "en": "no"}}


def _in_words(form: Form, heard: HeardAnswer) -> dict[str, str]:
    item = form.item(heard.link_id)
    if isinstance(heard.value, bool):
        return _YES_NO[heard.value]
    for option in item.options if item is not None else ():
        if option.value == heard.value:
            return dict(option.text)
    words = f"{heard.value:g}" if isinstance(heard.value, (int, float)) else heard.value
    unit = f" {item.unit}" if item is not None and item.unit else ""
    return {"zh": f"{words}{unit}", "en": f"{words}{unit}"}


def _audit(uow: UnitOfWork, caller: Caller, action: str, attempt: Attempt, heard: HeardAnswer | None = None) -> None:
    uow.audit.note(
        user_id=caller.user_id,
        action=action,
        subject_kind="heard_answer" if heard is not None else "attempt",
        subject=heard.id if heard is not None else attempt.id,
        patient_id=attempt.patient_id,
    )
