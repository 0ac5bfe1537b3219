"""Exceptions of the day: what should not be, who has it, how old it is; taken, given to somebody, settled in words."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import StringConstraints

from api import found
from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant
from api.permissions import Overseers, OverseersCommanding
from api.problems import Kind, Problem, problems
from api.wiring import wiring_of
from db.unit_of_work import UnitOfWork
from db.users import Role
from followup.day_exceptions import SETTLED_BY_WORDS, DayException, DayExceptionKind, ExceptionCase
from followup.events import DomainEvent, EventKind
from runtime.identifiers import new_id
from scheduler.pacing import day_began

router = APIRouter(tags=["exceptions"], route_class=Route)

SHOWN = 200
_OWN = frozenset({Role.SUPERVISOR.value, Role.ADMIN.value, Role.AGENT.value, Role.DOCTOR.value})

Subject = Annotated[str, Path(min_length=1, max_length=80, pattern=r"^[0-9a-f:-]+$")]


class ExceptionPerson(Answer):
    """Somebody who is named on the list, or can be given one of its lines."""

    user_id: str
    name: str
    can_own: bool


class DayExceptionAnswer(Answer):
    """One line: ids, a code that says more, and who has it."""

    kind: DayExceptionKind
    subject: str
    since: Instant
    detail: str
    queue_id: str | None
    agent_id: str | None
    call_id: str | None
    recording_id: str | None
    task_id: str | None
    numerator: int | None
    denominator: int | None
    owner_id: str | None
    owned_at: Instant | None
    settled_by_words: bool  # nothing but a person's words ends it


class ExceptionKindAnswer(Answer):
    """How many there are of a kind, and how many nobody has taken; of more than 500 only these are counted."""

    kind: DayExceptionKind
    count: int
    unowned: int


class DayExceptionsAnswer(Answer):
    """The list, the most urgent kind and the oldest first; of a kind the oldest 200."""

    as_of: Instant
    kinds: list[ExceptionKindAnswer]
    exceptions: list[DayExceptionAnswer]
    people: list[ExceptionPerson]
    settled_today: int


class ExceptionOwnerAsk(Ask):
    """Who is to look after it."""

    user_id: Id


class ExceptionSettleAsk(Ask):
    """What was done about it."""

    because: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500)]


class ExceptionCaseAnswer(Answer):
    """What has been done about an exception."""

    kind: DayExceptionKind
    subject: str
    owner_id: str | None
    owned_at: Instant | None
    settled_at: Instant | None
    settled_because: str


@router.get("/exceptions")
def list_day_exceptions(caller: Overseers, request: Request, uow: Work) -> DayExceptionsAnswer:  # noqa: ARG001
    """What should not be, this moment. No patient is named on it: his record is opened from the task or recording."""
    began = day_began(str(wiring_of(request).zone), uow.now)
    found_ones = {kind: uow.day_exceptions.find(kind, now=uow.now, day_began=began) for kind in DayExceptionKind}
    cases = uow.day_exceptions.cases(each for some in found_ones.values() for each in some)
    lines = [_line(each, cases) for some in found_ones.values() for each in some[:SHOWN]]
    named = {each.agent_id for each in lines} | {each.owner_id for each in lines}
    return DayExceptionsAnswer(
        as_of=uow.now,
        kinds=[
            ExceptionKindAnswer(kind=kind, count=len(some), unowned=sum(_owner(each, cases) is None for each in some))
            for kind, some in found_ones.items()
        ],
        exceptions=lines,
        people=[
            ExceptionPerson(
                user_id=user.id, name=user.display_name, can_own=_can_own(user.roles, disabled=user.disabled)
            )
            for user in uow.users.all()
            if user.id in named or _can_own(user.roles, disabled=user.disabled)
        ],
        settled_today=len(uow.day_exceptions.settled(since=began)),
    )


@router.post("/exceptions/{kind}/{subject}/take", responses=problems(Kind.UNKNOWN_EXCEPTION, Kind.NOT_POSSIBLE_NOW))
def take_exception(
    kind: DayExceptionKind, subject: Subject, caller: OverseersCommanding, request: Request, uow: Work
) -> ExceptionCaseAnswer:
    """Look after it oneself; what somebody else has is taken from him only by giving it to oneself."""
    case = _case(uow, request, kind, subject)
    if case.owner_id not in (None, caller.user_id):
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "subject", f"{uow.wall.name_of(case.owner_id or '')} has it already")
    return _give(uow, caller, case, caller.user_id)


@router.post(
    "/exceptions/{kind}/{subject}/owner",
    responses=problems(Kind.UNKNOWN_EXCEPTION, Kind.UNKNOWN_USER, Kind.NOT_POSSIBLE_NOW),
)
def assign_exception(
    kind: DayExceptionKind,
    subject: Subject,
    ask: ExceptionOwnerAsk,
    caller: OverseersCommanding,
    request: Request,
    uow: Work,
) -> ExceptionCaseAnswer:
    """Give it to somebody."""
    user = found.user(uow, ask.user_id)
    if not _can_own(user.roles, disabled=user.disabled):
        raise Problem.of(
            Kind.NOT_POSSIBLE_NOW, "user_id", "this user is disabled, or neither agent, supervisor, doctor nor admin"
        )
    return _give(uow, caller, _case(uow, request, kind, subject), user.id)


@router.post("/exceptions/{kind}/{subject}/release", responses=problems(Kind.UNKNOWN_EXCEPTION))
def release_exception(
    kind: DayExceptionKind, subject: Subject, caller: OverseersCommanding, request: Request, uow: Work
) -> ExceptionCaseAnswer:
    """Give it back to everybody."""
    return _give(uow, caller, _case(uow, request, kind, subject), None)


@router.post("/exceptions/{kind}/{subject}/settle", responses=problems(Kind.UNKNOWN_EXCEPTION, Kind.NOT_POSSIBLE_NOW))
def settle_exception(
    kind: DayExceptionKind,
    subject: Subject,
    ask: ExceptionSettleAsk,
    caller: OverseersCommanding,
    request: Request,
    uow: Work,
) -> ExceptionCaseAnswer:
    """Say what was done; only where nothing else ends it."""
    if kind not in SETTLED_BY_WORDS:
        raise Problem.of(
            Kind.NOT_POSSIBLE_NOW, "kind", "words do not end this: it goes by itself when its cause is mended"
        )
    case = _case(uow, request, kind, subject)
    case.settled_by, case.settled_at, case.settled_because = caller.user_id, uow.now, ask.because
    _tell(uow, caller, case, "exception_settled", {"because": ask.because})
    return _answer(case)


def _give(uow: UnitOfWork, caller: Caller, case: ExceptionCase, owner_id: str | None) -> ExceptionCaseAnswer:
    before, case.owner_id = case.owner_id, owner_id
    case.owned_at = uow.now if owner_id else None
    case.assigned_by = caller.user_id
    _tell(uow, caller, case, "exception_owner_set", {"from": before or "", "to": owner_id or ""})
    return _answer(case)


def _case(uow: UnitOfWork, request: Request, kind: DayExceptionKind, subject: str) -> ExceptionCase:
    """The case of an exception that is on the list now."""
    began = day_began(str(wiring_of(request).zone), uow.now)
    if all(each.subject != subject for each in uow.day_exceptions.find(kind, now=uow.now, day_began=began)):
        raise Problem.of(
            Kind.UNKNOWN_EXCEPTION, "subject", "it is not on the list any more; GET /api/v1/exceptions shows what is"
        )
    case = uow.day_exceptions.case(kind, subject, new_id=new_id())
    if kind in SETTLED_BY_WORDS and case.settled_at is not None:  # while this request waited for the case
        raise Problem.of(Kind.UNKNOWN_EXCEPTION, "subject", "somebody has settled it a moment ago; it is on no list")
    return case


def _tell(uow: UnitOfWork, caller: Caller, case: ExceptionCase, action: str, detail: Mapping[str, object]) -> None:
    uow.audit.note(
        user_id=caller.user_id,
        action=action,
        subject_kind="exception",
        subject=case.id,
        detail={"kind": case.kind.value, "of": case.subject, **detail},
    )
    uow.emit(DomainEvent(kind=EventKind.EXCEPTION_CHANGED, subject=case.id, ids={}))


def _can_own(roles: list[str], *, disabled: bool) -> bool:
    return not disabled and bool(_OWN & set(roles))


def _owner(line: DayException, cases: Mapping[tuple[DayExceptionKind, str], ExceptionCase]) -> str | None:
    case = cases.get((line.kind, line.subject))
    return case.owner_id if case else None


def _line(line: DayException, cases: Mapping[tuple[DayExceptionKind, str], ExceptionCase]) -> DayExceptionAnswer:
    case = cases.get((line.kind, line.subject))
    return DayExceptionAnswer(
        kind=line.kind,
        subject=line.subject,
        since=line.since,
        detail=line.detail,
        queue_id=line.queue_id,
        agent_id=line.agent_id,
        call_id=line.call_id,
        recording_id=line.recording_id,
        task_id=line.task_id,
        numerator=line.numerator,
        denominator=line.denominator,
        owner_id=case.owner_id if case else None,
        owned_at=case.owned_at if case else None,
        settled_by_words=line.kind in SETTLED_BY_WORDS,
    )


def _answer(case: ExceptionCase) -> ExceptionCaseAnswer:
    return ExceptionCaseAnswer(
        kind=case.kind,
        subject=case.subject,
        owner_id=case.owner_id,
        owned_at=case.owned_at,
        settled_at=case.settled_at,
        settled_because=case.settled_because,
    )
