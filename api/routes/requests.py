"""Requests and complaints: received on a call or otherwise, handed on, answered, verified, closed."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Request
from pydantic import Field, StringConstraints

from api import found, request_desk
from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant, Limit, Words
from api.permissions import CareTeam, CareTeamCommanding, Everybody
from api.problems import Kind, Problem, problems
from api.request_desk import HeardIn
from api.wiring import wiring_of
from db.request_making import tell_of_request
from db.requests import RequestCall, RequestEvent
from db.unit_of_work import UnitOfWork
from db.users import Role
from followup.requests import (
    PatientRequest,
    ReplyMissingError,
    RequestEventKind,
    RequestKind,
    RequestState,
    RequestTrigger,
    Viewer,
    may_see,
    steps_from,
)
from followup.states import IllegalTransitionError
from runtime.content.documents import Wording
from runtime.content.request_causes import RequestCause

router = APIRouter(tags=["requests"], route_class=Route)

Department = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


class RequestAsk(Ask):
    """What somebody asks for or complains of, in his own words, and the second of the call at which he said it."""

    kind: RequestKind
    cause: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    text: Words
    departments: Annotated[tuple[Department, ...], Field(max_length=20)] = ()
    patient_id: Id | None = None
    attempt_id: Id | None = None
    at_second: Annotated[float, Field(ge=0)] | None = None


class StepAsk(Ask):
    """One step. `text` says what was found or decided; `owner_id` goes with assign, `satisfied` with verify."""

    step: Literal["accept", "assign", "investigate", "decide", "reply", "verify", "reopen", "close"]
    text: Words | None = None
    owner_id: Id | None = None
    satisfied: bool | None = None


class RemarkAsk(Ask):
    """A remark, or another day by which it is to be answered, with the reason."""

    text: Words
    due_on: date | None = None


class LinkAsk(Ask):
    """A call in which it was spoken of."""

    call_id: Id
    at_second: Annotated[float, Field(ge=0)] | None = None


class CausesAnswer(Answer):
    """The causes to choose from, and the words for kinds and states."""

    causes: list[RequestCause]
    kinds: dict[RequestKind, Wording]
    states: dict[RequestState, Wording]


class LinkedCallAnswer(Answer):
    """A call tied to a request."""

    call_id: str
    recording_id: str | None
    at_second: float | None
    linked_at: Instant


class StoryLineAnswer(Answer):
    """One line of its story."""

    at: Instant
    kind: RequestEventKind
    user_id: str | None
    who: str | None
    detail: dict[str, object]


class RequestAnswer(Answer):
    """A request or complaint."""

    id: str
    kind: RequestKind
    cause: str
    restricted: bool
    departments: list[str]
    text: str
    state: RequestState
    patient_id: str | None
    attempt_id: str | None
    patient_name: str | None
    received_by: str
    receiver: str
    received_at: Instant
    owner_id: str
    owner: str
    steps: list[RequestTrigger]
    due_on: date
    overdue: bool
    decision: str
    reply: str
    replied_at: Instant | None
    satisfied: bool | None
    closed_at: Instant | None


class RequestPageAnswer(Answer):
    """Requests; the overdue ones first. `next` is where the page behind begins."""

    requests: list[RequestAnswer]
    next: str | None


class PersonAnswer(Answer):
    """Somebody who can take over a request."""

    user_id: str
    name: str
    departments: list[str]


class StaffAnswer(Answer):
    """Everybody who can."""

    people: list[PersonAnswer]


class FullRequestAnswer(RequestAnswer):
    """A request with its calls and its whole story."""

    calls: list[LinkedCallAnswer]
    story: list[StoryLineAnswer]


@router.get("/request-causes")
def list_causes(caller: Everybody, request: Request) -> CausesAnswer:  # noqa: ARG001
    """What a request or complaint can be about."""
    document = wiring_of(request).content.request_causes
    return CausesAnswer(causes=list(document.causes), kinds=document.kinds, states=document.states)


@router.post(
    "/requests",
    status_code=201,
    responses=problems(Kind.UNKNOWN_PATIENT, Kind.UNKNOWN_ATTEMPT, Kind.NOT_YOURS),
)
def create_request(ask: RequestAsk, caller: CareTeamCommanding, request: Request, uow: Work) -> FullRequestAnswer:
    """Write down what somebody asks for or complains of; the recording of its call is kept."""
    wiring = wiring_of(request)
    cause = wiring.content.request_causes.by_code().get(ask.cause)
    if cause is None:
        raise Problem.of(Kind.INVALID_REQUEST, "cause", "there is no such cause; GET /api/v1/request-causes lists them")
    attempt = found.attempt(uow, ask.attempt_id) if ask.attempt_id else None
    patient_id = attempt.patient_id if attempt is not None else ask.patient_id
    if patient_id is not None:
        found.patient(uow, patient_id)
    if attempt is not None:
        found.only_own(attempt.agent_id, caller, "attempt_id")
    call = uow.calls.of_attempt(attempt.id) if attempt is not None else None
    made = request_desk.receive(
        uow,
        wiring,
        kind=ask.kind,
        cause=ask.cause,
        restricted=cause.restricted,
        departments=ask.departments,
        text=ask.text,
        patient_id=patient_id,
        attempt_id=attempt.id if attempt is not None else None,
        heard=HeardIn(call=call, at_second=ask.at_second) if call is not None else None,
        by=caller.user_id,
    )
    _audit(uow, caller, "request_received", made)
    return _full(uow, made, _today(uow, request))


@router.get("/requests")
def list_requests(
    caller: CareTeam,
    request: Request,
    uow: Work,
    state: Literal["open", "all"] = "open",
    overdue: bool = False,
    patient_id: Id | None = None,
    after: Id | None = None,
    limit: Limit = 50,
) -> RequestPageAnswer:
    """What is open, by the day it is due: overdue ones come first."""
    today = _today(uow, request)
    seen = uow.requests.visible(
        viewer_of(uow, caller),
        only_open=state == "open",
        overdue_on=today if overdue else None,
        patient_id=patient_id,
        after=after,
        limit=limit,
    )
    for each in seen:
        _audit(uow, caller, "request_viewed", each)
    names = _names(uow, seen)
    return RequestPageAnswer(
        requests=[RequestAnswer(**_shown(uow, each, today, names)) for each in seen],
        next=seen[-1].id if len(seen) == limit else None,
    )


@router.get("/request-owners")
def list_owners(caller: CareTeam, uow: Work) -> StaffAnswer:  # noqa: ARG001
    """Who can take over a request."""
    return StaffAnswer(
        people=[
            PersonAnswer(user_id=user.id, name=user.display_name, departments=list(user.departments))
            for user in uow.users.all()
            if not user.disabled and {Role.AGENT, Role.SUPERVISOR} & {Role(role) for role in user.roles}
        ]
    )


@router.get("/requests/{request_id}", responses=problems(Kind.UNKNOWN_REQUEST))
def read_request(request_id: Id, caller: CareTeam, request: Request, uow: Work) -> FullRequestAnswer:
    """One request with its calls and its story."""
    one = _visible(uow.requests.get(request_id), uow, caller)
    _audit(uow, caller, "request_viewed", one)
    return _full(uow, one, _today(uow, request))


@router.post(
    "/requests/{request_id}/steps", responses=problems(Kind.UNKNOWN_REQUEST, Kind.UNKNOWN_USER, Kind.NOT_POSSIBLE_NOW)
)
def take_step(
    request_id: Id, ask: StepAsk, caller: CareTeamCommanding, request: Request, uow: Work
) -> FullRequestAnswer:
    """Move it by one step. A reply needs its text; nothing is closed without one."""
    one = _visible(uow.requests.for_update(request_id), uow, caller)
    trigger = RequestTrigger(ask.step)
    detail = _prepared(uow, one, trigger, ask, caller)
    try:
        request_desk.move(uow, one, trigger, by=caller.user_id, detail=detail)
    except (IllegalTransitionError, ReplyMissingError) as error:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "step", str(error)) from error
    if trigger is RequestTrigger.CLOSE:
        one.closed_at = uow.now
    _audit(uow, caller, f"request_{trigger.value}", one)
    return _full(uow, one, _today(uow, request))


@router.post("/requests/{request_id}/remarks", responses=problems(Kind.UNKNOWN_REQUEST, Kind.NOT_POSSIBLE_NOW))
def add_remark(
    request_id: Id, ask: RemarkAsk, caller: CareTeamCommanding, request: Request, uow: Work
) -> FullRequestAnswer:
    """Add a remark, or give it another day with the reason; the old one stays in the story."""
    one = _visible(uow.requests.for_update(request_id), uow, caller)
    if not one.is_open:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "state", "it is closed")
    if ask.due_on is None:
        uow.requests.note(one, RequestEventKind.REMARK, at=uow.now, user_id=caller.user_id, detail={"text": ask.text})
    else:
        detail: dict[str, object] = {"from": one.due_on.isoformat(), "to": ask.due_on.isoformat(), "text": ask.text}
        one.due_on = ask.due_on
        uow.requests.note(one, RequestEventKind.DUE_CHANGED, at=uow.now, user_id=caller.user_id, detail=detail)
    tell_of_request(uow, one)
    _audit(uow, caller, "request_remarked", one)
    return _full(uow, one, _today(uow, request))


@router.post("/requests/{request_id}/calls", responses=problems(Kind.UNKNOWN_REQUEST, Kind.UNKNOWN_CALL))
def link_call(
    request_id: Id, ask: LinkAsk, caller: CareTeamCommanding, request: Request, uow: Work
) -> FullRequestAnswer:
    """Tie another call to it: its recording is kept."""
    one = _visible(uow.requests.for_update(request_id), uow, caller)
    call = found.call(uow, ask.call_id)
    request_desk.link_call(uow, one, HeardIn(call=call, at_second=ask.at_second), by=caller.user_id)
    _audit(uow, caller, "request_call_linked", one)
    return _full(uow, one, _today(uow, request))


def viewer_of(uow: UnitOfWork, caller: Caller) -> Viewer:
    """The caller as one who looks at requests."""
    user = found.user(uow, caller.user_id)
    return Viewer(user_id=caller.user_id, departments=tuple(user.departments), oversees=caller.oversees)


def _prepared(
    uow: UnitOfWork, one: PatientRequest, trigger: RequestTrigger, ask: StepAsk, caller: Caller
) -> dict[str, object]:
    """Put what the step brings into the record; what goes into its story."""
    detail: dict[str, object] = {"text": ask.text} if ask.text else {}
    match trigger:
        case RequestTrigger.ASSIGN:
            if ask.owner_id is None:
                raise Problem.of(Kind.INVALID_REQUEST, "owner_id", "say who takes it over")
            one.owner_id = found.user(uow, ask.owner_id).id
            detail["owner"] = one.owner_id
        case RequestTrigger.DECIDE:
            one.decision = _needed(ask.text, "what was decided")
        case RequestTrigger.REPLY:
            one.reply, one.replied_at, one.replied_by = _needed(ask.text, "what was answered"), uow.now, caller.user_id
        case RequestTrigger.VERIFY:
            if ask.satisfied is None:
                raise Problem.of(Kind.INVALID_REQUEST, "satisfied", "say whether whoever raised it is satisfied")
            one.satisfied = ask.satisfied
            detail["satisfied"] = ask.satisfied
        case RequestTrigger.REOPEN:
            _needed(ask.text, "why it is opened again")
        case _:
            pass
    return detail


def _needed(text: str | None, what: str) -> str:
    if not text:
        raise Problem.of(Kind.INVALID_REQUEST, "text", f"write {what}")
    return text


def _visible(one: PatientRequest | None, uow: UnitOfWork, caller: Caller) -> PatientRequest:
    # What is not for somebody's eyes is answered as if it were not there.
    if one is None or not may_see(one, viewer_of(uow, caller)):
        raise Problem.of(
            Kind.UNKNOWN_REQUEST, "request_id", "there is no such request; GET /api/v1/requests lists the open ones"
        )
    return one


def _today(uow: UnitOfWork, request: Request) -> date:
    return uow.now.astimezone(wiring_of(request).zone).date()


_RECKONED = frozenset({"overdue", "patient_name", "receiver", "owner", "steps"})


def _names(uow: UnitOfWork, seen: Sequence[PatientRequest]) -> dict[str, str]:
    return uow.users.names({user_id for one in seen for user_id in (one.owner_id, one.received_by)})


def _shown(uow: UnitOfWork, one: PatientRequest, today: date, names: Mapping[str, str]) -> dict[str, object]:
    patient = uow.patients.get(one.patient_id) if one.patient_id is not None else None
    return {
        **{name: getattr(one, name) for name in RequestAnswer.model_fields if name not in _RECKONED},
        "overdue": one.is_open and one.due_on < today,
        "patient_name": patient.name if patient is not None else None,
        "receiver": names[one.received_by],
        "owner": names[one.owner_id],
        "steps": steps_from(one.state),
    }


def _full(uow: UnitOfWork, one: PatientRequest, today: date) -> FullRequestAnswer:
    uow.flush()
    calls: list[RequestCall] = list(uow.requests.calls_of(one.id))
    story: list[RequestEvent] = list(uow.requests.story(one.id))
    who = uow.users.names({line.user_id for line in story if line.user_id is not None})
    return FullRequestAnswer(
        **_shown(uow, one, today, _names(uow, [one])),
        calls=[_linked(uow, call) for call in calls],
        story=[
            StoryLineAnswer(
                at=line.at,
                kind=line.kind,
                user_id=line.user_id,
                who=who.get(line.user_id) if line.user_id else None,
                detail=_told(uow, line.detail),
            )
            for line in story
        ],
    )


def _told(uow: UnitOfWork, detail: Mapping[str, object]) -> dict[str, object]:
    """A line's detail with the owner's name beside his id."""
    owner = detail.get("owner")
    return {**detail, "owner_name": uow.users.names({owner}).get(owner)} if isinstance(owner, str) else dict(detail)


def _linked(uow: UnitOfWork, call: RequestCall) -> LinkedCallAnswer:
    recording = uow.recordings.of_call(call.call_id)
    return LinkedCallAnswer(
        call_id=call.call_id,
        recording_id=recording.id if recording is not None else None,
        at_second=call.at_second,
        linked_at=call.linked_at,
    )


def _audit(uow: UnitOfWork, caller: Caller, action: str, one: PatientRequest) -> None:
    uow.audit.note(
        user_id=caller.user_id,
        action=action,
        subject_kind="request",
        subject=one.id,
        patient_id=one.patient_id,
    )
