"""Attempts: the agent's call on the screen, the answers he enters, and the wrap-up that ends it."""

from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr, StringConstraints

from api import found, wrap_ups
from api.auth import Caller
from api.call_answers import CallAnswer, call_answer
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant, Words
from api.form_answers import FormAnswer, form_answer
from api.glances import GlanceAnswer, glance_of, glass_is_open
from api.masking import masked_number
from api.permissions import AgentOnly, Allowed, CareTeam, CareTeamCommanding
from api.person_answers import PersonAnswer, person_answer
from api.problems import Kind, Problem, problems
from api.response_answers import ResponseAnswer, response_answer
from api.routes.identity import failures_of
from api.routes.notes import NoteAnswer
from api.routes.requests import viewer_of
from api.routes.tasks import TaskAnswer
from api.speakers import OnTheLine, on_the_line, skipped_questions
from api.wiring import wiring_of
from care.forms import AnswerRefusedError
from care.patients import NumberOwner, NumberQuality, Patient
from care.relatives import Matter, Speaker
from care.responses import ResponseClosedError, ResponseMode
from db import answering
from db.callees import callee_of, opening_for
from db.unit_of_work import UnitOfWork
from db.users import Role
from followup.attempts import Attempt, AttemptState
from followup.identity import FAILURES_LIMIT, IDENTITY_FAILED
from followup.outcomes import AttemptOutcome, TaskOutcome
from followup.plans import EMERGENCY, Task
from runtime.content.scripts import Script
from scheduler import ownership
from transcription.attempt_notes import drafted_text

router = APIRouter(tags=["attempts"], route_class=Route)

_SPOKE = frozenset({AttemptOutcome.CONNECTED_PATIENT, AttemptOutcome.CONNECTED_PROXY})


OPENING = "opening"
"""The script that every agent's call begins with."""
SAFETY = "safety"
"""And the one of a call because of a red alert: safety is asked before anything else."""


class AnswerAsk(Ask):
    """The answer to one question; null takes it back."""

    value: StrictBool | StrictInt | StrictFloat | Annotated[StrictStr, StringConstraints(max_length=2000)] | None


Result = Literal[
    TaskOutcome.COMPLETED,
    TaskOutcome.PARTIALLY_COMPLETED,
    TaskOutcome.REFUSED,
    TaskOutcome.DECEASED,
    TaskOutcome.READMITTED,
    TaskOutcome.TRANSFERRED,
]


class CallBackAsk(Ask):
    """The patient named an hour: who promised it keeps it, unless it is anybody's."""

    at: Instant
    own: bool = True


class WrapUpAsk(Ask):
    """What came of the attempt. `task_result` only if the matter was talked about; then the task is closed by it.

    `results` are those of the tasks that were taken along, by their ids. Tasks without a result wait for the hour of
    `call_back`, or for what is decided after the outcome.
    """

    outcome: AttemptOutcome
    task_result: Result | None = None
    results: Annotated[dict[Id, Result], Field(max_length=10)] = Field(default_factory=dict)
    call_back: CallBackAsk | None = None
    spoke_with: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)] | None = None
    note: Words | None = None  # added to the drafted note
    partial: bool = False  # required answers are missing and will not come: completed becomes partially-completed
    no_action: bool = False  # nothing is left to do for anybody: not while a request or alert of this attempt is open


class PreviewAsk(Ask):
    """How the wrap-up stands, for a look at its note."""

    outcome: AttemptOutcome
    spoke_with: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)] | None = None
    note: Words | None = None


class NotePreviewAnswer(Answer):
    """A note that is not kept."""

    language: str
    text: str


class AttemptAnswer(Answer):
    """One try to reach a patient."""

    id: str
    task_id: str
    patient_id: str
    queue_id: str
    agent_id: str | None
    ordinal: int
    state: AttemptState
    due_at: Instant
    reserved_at: Instant
    wrap_up_at: Instant | None
    closed_at: Instant | None
    outcome: AttemptOutcome | None
    outcome_by: str | None
    task_result: str | None
    preview_until: Instant | None  # so long the agent may look; nothing is dialed before she says so
    skipped: str | None  # why she did not dial
    identity_confirmed_at: Instant | None
    answers: dict[str, bool | float | str]


class TakenAlong(Answer):
    """Another task of the same patient that is settled in the same call."""

    task: TaskAnswer
    form: FormAnswer | None
    skipped: dict[str, str]
    response: ResponseAnswer | None


class HandQueue(Answer):
    """The rules of the queue that are the agent's concern."""

    id: str
    name: str
    wrap_up_seconds: int
    preview_seconds: int


class HandNumber(Answer):
    """A number of the patient; its last four digits."""

    id: str
    number: str
    owner: NumberOwner
    label: str  # whose it is; empty before it is shown who is on the line
    quality: NumberQuality
    do_not_call: bool
    dialed: bool  # the one of this attempt


class HandTry(Answer):
    """An earlier try for the same task, and nothing of what was said."""

    at: Instant
    outcome: AttemptOutcome | None


class OwnCallAnswer(Answer):
    """What the agent has in hand: attempt, call, task, form and the (masked) patient; all null between calls.

    While another agent consults her she has the call alone: attempt and patient are hers once it is handed over.
    """

    attempt: AttemptAnswer | None
    call: CallAnswer | None
    task: TaskAnswer | None
    form: FormAnswer | None
    skipped: dict[str, str]  # questions of the form that are not put to whoever is on the line, and why
    response: ResponseAnswer | None  # the answers so far, of earlier calls too; none before it is shown who he is
    taken_along: list[TakenAlong]
    speaker: Speaker
    may_be_told: list[Matter]
    patient: PersonAnswer | None
    script: Script | None  # what to say first; the recording notice is its first line
    queue: HandQueue | None
    numbers: list[HandNumber]
    tries: list[HandTry]  # newest first
    call_back_at: Instant | None  # tomorrow at this hour, or the first hour after it at which the patient may be rung
    glass_open: bool  # the caller has said why she has to see the record before he has said who he is
    glance: GlanceAnswer | None  # what she has to know of him; none before it is shown who is on the line


@router.get("/agents/me/call")
def own_call(caller: AgentOnly, request: Request, uow: Work) -> OwnCallAnswer:
    """The caller's live attempt, for the screen pop. That the record opened is audited once, with the identity."""
    words = wiring_of(request).content.end_reasons
    attempt = uow.attempts.live_of_agent(caller.user_id)
    if attempt is None:
        offered = uow.transfers.live_to_agent(caller.user_id)
        asked = uow.calls.get(offered.call_id) if offered is not None else None
        shown = call_answer(uow, asked, caller, words) if asked is not None else None
        return OwnCallAnswer(
            attempt=None,
            call=shown,
            task=None,
            form=None,
            skipped={},
            response=None,
            taken_along=[],
            speaker=Speaker.UNKNOWN,
            may_be_told=[],
            patient=None,
            script=None,
            queue=None,
            numbers=[],
            tries=[],
            call_back_at=None,
            glass_open=False,
            glance=None,
        )
    call = uow.calls.of_attempt(attempt.id)
    patient = found.patient(uow, attempt.patient_id)
    task, queue = found.task(uow, attempt.task_id), found.queue(uow, attempt.queue_id)
    emergency = EMERGENCY in task.variables
    script = wiring_of(request).content.scripts.get(SAFETY if emergency else OPENING)
    line = on_the_line(uow, attempt)
    glass_open = glass_is_open(uow, patient.id, caller.user_id)
    opened = attempt.identity_confirmed_at is not None or glass_open
    first, *others = (_to_settle(uow, task_id, line, request) for task_id in uow.attempts.tasks_of(attempt.id))
    return OwnCallAnswer(
        attempt=AttemptAnswer.model_validate(attempt),
        call=call_answer(uow, call, caller, words) if call else None,
        task=first.task,
        form=first.form,
        skipped=first.skipped,
        response=first.response,
        taken_along=others,
        speaker=line.speaker,
        may_be_told=sorted(line.matters),
        patient=person_answer(patient, attempt, glass_open=glass_open),
        script=script.as_said(recorded=call is None or call.recorded) if script is not None else None,
        queue=HandQueue.model_validate(queue),
        numbers=_numbers(patient, attempt, opened=opened),
        tries=[
            HandTry(at=each.reserved_at, outcome=each.outcome)
            for each in reversed(uow.attempts.of_task(task.id))
            if each.id != attempt.id and each.skipped is None
        ],
        call_back_at=_next_hour(uow, patient, task, request),
        glass_open=glass_open,
        glance=glance_of(uow, wiring_of(request).content, patient, attempt, task, viewer_of(uow, caller))
        if opened
        else None,
    )


def _numbers(patient: Patient, attempt: Attempt, *, opened: bool) -> list[HandNumber]:
    return [
        HandNumber(
            id=point.id,
            number=masked_number(point.number),
            owner=point.owner,
            label=point.label if opened else "",
            quality=point.quality,
            do_not_call=point.do_not_call,
            dialed=point.id == attempt.contact_point_id,
        )
        for point in sorted(patient.contact_points, key=lambda point: point.rank)
    ]


def _next_hour(uow: UnitOfWork, patient: Patient, task: Task, request: Request) -> datetime | None:
    gate = wiring_of(request).gate
    wished = (uow.now + timedelta(days=1)).replace(minute=0, second=0, microsecond=0)
    opening = opening_for(
        uow, patient, task.purpose, min(wished, task.latest_at), profile=gate.profile, region=gate.calendar_region
    )
    return opening if opening is not None and uow.now < opening <= task.latest_at else None


def _to_settle(uow: UnitOfWork, task_id: str, line: OnTheLine, request: Request) -> TakenAlong:
    task = found.task(uow, task_id)
    form = wiring_of(request).content.forms.get(task.form) if task.form else None
    response = uow.responses.of_task(task.id, form.id) if form and line.speaker is not Speaker.UNKNOWN else None
    return TakenAlong(
        task=TaskAnswer.model_validate(task),
        form=form_answer(form) if form else None,
        skipped=skipped_questions(form, line) if form else {},
        response=response_answer(uow, form, response, line) if form and response else None,
    )


@router.get("/attempts/{attempt_id}", responses=problems(Kind.UNKNOWN_ATTEMPT))
def read_attempt(attempt_id: Id, caller: CareTeam, uow: Work) -> AttemptAnswer:
    """One attempt with its answers."""
    attempt = found.attempt(uow, attempt_id)
    _audit(uow, caller, "attempt_viewed", attempt)
    return AttemptAnswer.model_validate(attempt)


@router.put(
    "/attempts/{attempt_id}/answers/{item}",
    responses=problems(
        Kind.UNKNOWN_ATTEMPT,
        Kind.NOT_YOURS,
        Kind.NOT_POSSIBLE_NOW,
        Kind.UNKNOWN_ANSWER_ITEM,
        Kind.ANSWER_REFUSED,
        Kind.UNKNOWN_TASK,
    ),
)
def save_answer(
    attempt_id: Id,
    item: str,
    ask: AnswerAsk,
    caller: AgentOnly,
    request: Request,
    uow: Work,
    task_id: Id | None = None,  # one that was taken along; without it the attempt's own
) -> AttemptAnswer:
    """Save one answer as it is given; the last one counts."""
    attempt = found.own_attempt(uow, attempt_id, caller)
    if attempt.state not in (AttemptState.IN_CALL, AttemptState.WRAP_UP):
        raise Problem.of(
            Kind.NOT_POSSIBLE_NOW,
            "state",
            f"the attempt is {attempt.state.value}: answers are entered in call and wrap-up",
        )
    task = found.task_of_attempt(uow, attempt, task_id or attempt.task_id)
    form = wiring_of(request).content.forms.get(task.form) if task.form else None
    if form is None or form.item(item) is None:
        raise Problem.of(
            Kind.UNKNOWN_ANSWER_ITEM, "item", f"the task's form ({task.form or 'none'}) has no such question"
        )
    line = on_the_line(uow, attempt)
    question = form.item(item)
    refused = line.why_not(question) if question is not None and ask.value is not None else None
    if refused is not None:
        raise Problem.of(Kind.ANSWER_REFUSED, item, f"this is not asked of a relative ({refused}); ask the patient")
    content = wiring_of(request).content
    response = answering.open_response(uow, content, task, form.id)
    try:
        saved = answering.save_answer(
            uow,
            content,
            response,
            item,
            ask.value,
            by=caller.user_id,
            mode=ResponseMode.AGENT,
            attempt_id=attempt.id,
            relative_id=line.relative_id,
        )
    except AnswerRefusedError as error:
        raise Problem.of(Kind.ANSWER_REFUSED, item, str(error)) from error
    except ResponseClosedError as error:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, item, str(error)) from error
    if task.id != attempt.task_id:
        return AttemptAnswer.model_validate(attempt)
    # The attempt keeps what was said in this call; a new mapping each time, because the database compares.
    kept = {key: value for key, value in attempt.answers.items() if key != item}
    attempt.answers = {**kept, **({item: saved.response.answers[item]} if item in saved.response.answers else {})}
    return AttemptAnswer.model_validate(attempt)


@router.post(
    "/attempts/{attempt_id}/wrap-up",
    responses=problems(
        Kind.UNKNOWN_ATTEMPT,
        Kind.NOT_YOURS,
        Kind.NOT_POSSIBLE_NOW,
        Kind.TAKEN,
        Kind.UNKNOWN_TASK,
        Kind.WINDOW_REFUSED,
        Kind.ANSWERS_MISSING,
    ),
)
def wrap_up(attempt_id: Id, ask: WrapUpAsk, caller: CareTeamCommanding, request: Request, uow: Work) -> NoteAnswer:
    """Say what came of the attempt; its note is drafted and can be signed at once."""
    attempt = found.own_attempt(uow, attempt_id, caller)
    if attempt.state is not AttemptState.WRAP_UP:
        reason = "it is wrapped up already" if attempt.state is AttemptState.CLOSED else "end the call first"
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "state", f"the attempt is {attempt.state.value}: {reason}")
    if ask.outcome is AttemptOutcome.BLOCKED_BY_POLICY:
        raise Problem.of(Kind.INVALID_REQUEST, "outcome", "only the gate itself says blocked-by-policy")
    for field in ("task_result", "results", "call_back"):
        if getattr(ask, field) and ask.outcome not in _SPOKE:
            raise Problem.of(
                Kind.INVALID_REQUEST, field, "goes with connected-patient or connected-proxy only; leave it out"
            )
    if ask.call_back is not None:
        _require_hour(uow, attempt, ask, request)
    if ask.outcome in _SPOKE and attempt.identity_confirmed_at is None and failures_of(uow, attempt) >= FAILURES_LIMIT:
        raise Problem.of(
            Kind.INVALID_REQUEST,
            "outcome",
            f"whoever answered did not show who he is ({IDENTITY_FAILED}); choose connected-wrong-person",
        )
    if ask.no_action and (uow.requests.open_of_attempt(attempt.id) or uow.alerts.open_of_attempt(attempt.id)):
        raise Problem.of(
            Kind.NOT_POSSIBLE_NOW, "no_action", "a request or alert of this call is open: something is left to do"
        )
    wiring = wiring_of(request)
    note = wrap_ups.finish(
        uow,
        attempt,
        outcome=ask.outcome,
        task_result=ask.task_result,
        results={found.task_of_attempt(uow, attempt, task_id).id: result for task_id, result in ask.results.items()},
        partial=ask.partial,
        spoke_with=ask.spoke_with,
        words=ask.note,
        by=caller.user_id,
        content=wiring.content,
        zone=wiring.zone,
    )
    if ask.call_back is not None:
        ownership.promise_after(
            uow, attempt, ask.call_back.at, owner_id=attempt.agent_id if ask.call_back.own else None
        )
    _audit(uow, caller, "attempt_wrapped_up", attempt)
    return NoteAnswer.model_validate(note)


@router.post(
    "/attempts/{attempt_id}/note-preview",
    responses=problems(Kind.UNKNOWN_ATTEMPT, Kind.NOT_YOURS, Kind.NOT_POSSIBLE_NOW),
)
def preview_note(
    attempt_id: Id,
    ask: PreviewAsk,
    caller: Annotated[Caller, Depends(Allowed(Role.AGENT, repeatable="it only reads"))],
    request: Request,
    uow: Work,
) -> NotePreviewAnswer:
    """What the note would say: whoever signs it at the wrap-up has read it before."""
    attempt = found.own_attempt(uow, attempt_id, caller)
    if attempt.state is not AttemptState.WRAP_UP:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "state", f"the attempt is {attempt.state.value}: end the call first")
    wiring = wiring_of(request)
    _audit(uow, caller, "note_previewed", attempt)
    language, text = drafted_text(
        uow,
        attempt,
        ask.outcome,
        zone=wiring.zone,
        forms=wiring.content.forms,
        spoke_with=ask.spoke_with,
        words=ask.note,
    )
    return NotePreviewAnswer(language=language, text=text)


def _require_hour(uow: UnitOfWork, attempt: Attempt, ask: WrapUpAsk, request: Request) -> None:
    """A promise is for tasks that stay open, at an hour at which the patient may be rung."""
    if ask.call_back is None:
        return
    if ask.task_result is not None:
        raise Problem.of(Kind.INVALID_REQUEST, "call_back", "the task is closed by task_result; leave one of them out")
    patient, task = found.patient(uow, attempt.patient_id), found.task(uow, attempt.task_id)
    try:
        gate = wiring_of(request).gate
        ownership.require_possible(
            task,
            ask.call_back.at,
            zone=patient.zone,
            profile=gate.profile,
            now=uow.now,
            callee=callee_of(uow, patient, task.purpose, region=gate.calendar_region, at=ask.call_back.at),
        )
    except ownership.CallBackNotPossibleError as error:
        raise Problem.of(Kind.WINDOW_REFUSED, "call_back", str(error)) from error


def _audit(uow: UnitOfWork, caller: Caller, action: str, attempt: Attempt) -> None:
    uow.audit.note(
        user_id=caller.user_id,
        action=action,
        subject_kind="attempt",
        subject=attempt.id,
        patient_id=attempt.patient_id,
    )
