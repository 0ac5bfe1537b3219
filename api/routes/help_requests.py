"""Help: an agent asks, a supervisor says that she comes, and either of them says that it is over."""

from fastapi import APIRouter

from api import found
from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant
from api.permissions import AgentCommanding, AgentOnly, SupervisorCommanding
from api.problems import Kind, Problem, problems
from db.unit_of_work import UnitOfWork
from followup.calls import CallState
from followup.events import DomainEvent, EventKind
from followup.help_requests import HelpRequest, HelpState
from runtime.identifiers import new_id

router = APIRouter(tags=["help"], route_class=Route)


class HelpAsk(Ask):
    """The call in which help is wanted; none: beside a call."""

    call_id: Id | None = None


class HelpAnswer(Answer):
    """One request for help, and who comes."""

    id: str
    agent_id: str
    call_id: str | None
    state: HelpState
    asked_at: Instant
    taken_by: str | None
    taken_by_name: str
    taken_at: Instant | None
    closed_at: Instant | None


class OwnHelpAnswer(Answer):
    """The caller's request that is not over, if there is one."""

    help: HelpAnswer | None


@router.post(
    "/agents/me/help",
    status_code=201,
    responses=problems(Kind.UNKNOWN_AGENT, Kind.UNKNOWN_CALL, Kind.NOT_YOURS, Kind.NOT_POSSIBLE_NOW),
)
def ask_for_help(ask: HelpAsk, caller: AgentCommanding, uow: Work) -> HelpAnswer:
    """Ask for a supervisor; who asks again while she waits is told of the request that stands."""
    agent = found.own_desk(uow, caller)
    _require_own_call(uow, ask.call_id, caller)
    before = uow.help_requests.unclosed_of(agent.id)
    if before is not None:
        counts = uow.help_requests.live_of(agent.id) is not None
        if counts and (ask.call_id is None or before.call_id == ask.call_id):
            return help_answer(uow, before)
        before.closed_at = uow.now
        uow.flush()
    request = HelpRequest(id=new_id(), agent_id=agent.id, call_id=ask.call_id, asked_at=uow.now)
    uow.help_requests.add(request)
    uow.flush()
    _tell(uow, caller, request, "help_asked")
    return help_answer(uow, request)


@router.get("/agents/me/help", responses=problems(Kind.UNKNOWN_AGENT))
def read_own_help(caller: AgentOnly, uow: Work) -> OwnHelpAnswer:
    """Whether the caller's request stands, and who comes."""
    request = uow.help_requests.live_of(found.own_desk(uow, caller).id)
    return OwnHelpAnswer(help=help_answer(uow, request) if request else None)


@router.post("/agents/me/help/withdraw", responses=problems(Kind.UNKNOWN_AGENT, Kind.NOT_POSSIBLE_NOW))
def withdraw_help(caller: AgentCommanding, uow: Work) -> HelpAnswer:
    """Say that help is not needed any more."""
    request = uow.help_requests.unclosed_of(found.own_desk(uow, caller).id)
    if request is None:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "help", "you have asked for no help")
    request.closed_at = uow.now
    _tell(uow, caller, request, "help_withdrawn")
    return help_answer(uow, request)


@router.post("/help-requests/{request_id}/take", responses=problems(Kind.UNKNOWN_HELP_REQUEST, Kind.NOT_POSSIBLE_NOW))
def take_help_request(request_id: Id, caller: SupervisorCommanding, uow: Work) -> HelpAnswer:
    """Say that one comes; the agent sees who."""
    request = _unclosed(uow, request_id)
    if request.taken_by not in (None, caller.user_id):
        raise Problem.of(
            Kind.NOT_POSSIBLE_NOW, "request_id", f"{uow.wall.name_of(request.taken_by or '')} is on her way already"
        )
    if request.taken_at is None:
        request.taken_by, request.taken_at = caller.user_id, uow.now
        _tell(uow, caller, request, "help_taken")
    return help_answer(uow, request)


@router.post("/help-requests/{request_id}/close", responses=problems(Kind.UNKNOWN_HELP_REQUEST, Kind.NOT_POSSIBLE_NOW))
def close_help_request(request_id: Id, caller: SupervisorCommanding, uow: Work) -> HelpAnswer:
    """Say that the agent was helped."""
    request = _unclosed(uow, request_id)
    request.closed_at = uow.now
    _tell(uow, caller, request, "help_closed")
    return help_answer(uow, request)


def help_answer(uow: UnitOfWork, request: HelpRequest) -> HelpAnswer:
    """A request as callers see it."""
    return HelpAnswer(
        id=request.id,
        agent_id=request.agent_id,
        call_id=request.call_id,
        state=request.state,
        asked_at=request.asked_at,
        taken_by=request.taken_by,
        taken_by_name=uow.wall.name_of(request.taken_by) if request.taken_by else "",
        taken_at=request.taken_at,
        closed_at=request.closed_at,
    )


def _require_own_call(uow: UnitOfWork, call_id: str | None, caller: Caller) -> None:
    if call_id is None:
        return
    call = found.call(uow, call_id)
    if call.agent_id != caller.user_id:
        raise Problem.of(Kind.NOT_YOURS, "call_id", "this call is another agent's")
    if call.state is CallState.ENDED:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "call_id", "the call is over; ask without it")


def _unclosed(uow: UnitOfWork, request_id: str) -> HelpRequest:
    request = uow.help_requests.for_update(request_id)
    if request is None:
        raise Problem.of(
            Kind.UNKNOWN_HELP_REQUEST, "request_id", "there is no such request; GET /api/v1/wall lists them"
        )
    if request.closed_at is not None:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "request_id", "the request is over")
    return request


def _tell(uow: UnitOfWork, caller: Caller, request: HelpRequest, action: str) -> None:
    uow.audit.note(
        user_id=caller.user_id,
        action=action,
        subject_kind="help_request",
        subject=request.id,
        detail={"agent": request.agent_id, "call": request.call_id or ""},
    )
    ids = {"agent": request.agent_id, **({"call": request.call_id} if request.call_id else {})}
    uow.emit(DomainEvent(kind=EventKind.HELP_CHANGED, subject=request.id, ids=ids))
