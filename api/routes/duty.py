"""The duty roster: who can be told of an alert when, who stands in, and where nobody is there."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field, StringConstraints, model_validator

from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant, Line, PhoneNumber
from api.permissions import Allowed, OverseersCommanding
from api.problems import Kind, Problem, problems
from db.unit_of_work import UnitOfWork
from db.users import Role
from followup.duty import HOUSE, ROSTER_AHEAD, DutyRole, DutyShift, Substitute, gaps, on_duty
from followup.events import DomainEvent, EventKind
from runtime.identifiers import new_id

router = APIRouter(tags=["duty"], route_class=Route)

Readers = Annotated[Caller, Depends(Allowed(Role.AGENT, Role.SUPERVISOR, Role.DOCTOR, Role.ADMIN))]

LONGEST_SHIFT = timedelta(days=31)
LONGEST_VIEW = timedelta(days=62)

Department = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


class SpanAsk(Ask):
    """A person on duty from one instant to another."""

    starts_at: Instant
    ends_at: Instant
    name: Line
    phone: PhoneNumber
    user_id: Id | None = None

    @model_validator(mode="after")
    def _in_order(self) -> "SpanAsk":
        if not self.starts_at < self.ends_at <= self.starts_at + LONGEST_SHIFT:
            raise ValueError("ends_at must come after starts_at, at most 31 days later")
        return self


class ShiftAsk(SpanAsk):
    """One shift; the department `*` is every department's (the hospital's night duty)."""

    department: Department
    role: DutyRole


class ShiftsAsk(Ask):
    """Shifts to enter; all of them or none."""

    shifts: Annotated[list[ShiftAsk], Field(min_length=1, max_length=500)]


class SubstituteAsk(SpanAsk):
    """Somebody who stands in for a shift or a part of it."""

    reason: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)] = ""


class SubstituteAnswer(Answer):
    """Somebody who stands in."""

    id: str
    starts_at: Instant
    ends_at: Instant
    name: str
    phone: str
    user_id: str | None
    reason: str
    withdrawn_at: Instant | None


class ShiftAnswer(Answer):
    """One shift with those who stand in."""

    id: str
    department: str
    role: DutyRole
    starts_at: Instant
    ends_at: Instant
    name: str
    phone: str
    user_id: str | None
    withdrawn_at: Instant | None
    substitutes: list[SubstituteAnswer]


class ShiftsAnswer(Answer):
    """The shifts just entered."""

    shifts: list[ShiftAnswer]


class GapAnswer(Answer):
    """A time at which a role of the department has nobody."""

    department: str
    role: DutyRole
    starts_at: Instant
    ends_at: Instant


class OnDutyAnswer(Answer):
    """Who can be told now."""

    shift_id: str
    role: DutyRole
    name: str
    phone: str
    user_id: str | None


class RosterAnswer(Answer):
    """A department's roster of a span: shifts, who is there now, and the gaps. `*` stands for every department."""

    department: str
    now: list[OnDutyAnswer]
    shifts: list[ShiftAnswer]
    gaps: list[GapAnswer]


class DepartmentsAnswer(Answer):
    """Departments that have a roster, or whose alerts are somebody's."""

    departments: list[str]


@router.get("/duty/departments")
def list_duty_departments(caller: Readers, uow: Work) -> DepartmentsAnswer:  # noqa: ARG001
    """Departments of the roster and of the users, in order of name; `*` is not among them."""
    of_users = {name for user in uow.users.all() for name in user.departments}
    return DepartmentsAnswer(departments=sorted({*uow.duty.departments(), *of_users} - {HOUSE}))


@router.get("/duty")
def read_roster(
    caller: Readers,  # noqa: ARG001
    uow: Work,
    department: Department,
    starts_at: Instant | None = None,
    ends_at: Instant | None = None,
) -> RosterAnswer:
    """The roster of a department, of the coming day if no span is given."""
    first = starts_at or uow.now
    last = ends_at or first + ROSTER_AHEAD
    if not first < last <= first + LONGEST_VIEW:
        raise Problem.of(Kind.INVALID_REQUEST, "ends_at", "must come after starts_at, at most 62 days later")
    shifts = uow.duty.between(first, last, department=department)
    standing = uow.duty.between(uow.now, uow.now + timedelta(seconds=1), department=department)
    return RosterAnswer(
        department=department,
        now=[
            OnDutyAnswer.model_validate(person)
            for role in DutyRole
            for person in on_duty(standing, department, role, uow.now)
        ],
        shifts=[ShiftAnswer.model_validate(shift) for shift in shifts],
        gaps=[GapAnswer.model_validate(gap) for gap in gaps(shifts, department, first, last)],
    )


@router.post("/duty/shifts", status_code=201, responses=problems(Kind.UNKNOWN_USER))
def enter_shifts(ask: ShiftsAsk, caller: OverseersCommanding, uow: Work) -> ShiftsAnswer:
    """Enter shifts."""
    made = []
    for place, each in enumerate(ask.shifts):
        _known_user(uow, each.user_id, f"shifts[{place}].user_id")
        shift = DutyShift(
            id=new_id(),
            department=each.department,
            role=each.role,
            starts_at=each.starts_at,
            ends_at=each.ends_at,
            name=each.name,
            phone=each.phone,
            user_id=each.user_id,
            entered_by=caller.user_id,
            entered_at=uow.now,
        )
        uow.duty.add(shift)
        made.append(shift)
        _changed(uow, caller, "duty_shift_entered", shift)
    return ShiftsAnswer(shifts=[ShiftAnswer.model_validate(shift) for shift in made])


@router.post(
    "/duty/shifts/{shift_id}/substitutes",
    status_code=201,
    responses=problems(Kind.UNKNOWN_SHIFT, Kind.UNKNOWN_USER, Kind.NOT_POSSIBLE_NOW),
)
def enter_substitute(shift_id: Id, ask: SubstituteAsk, caller: OverseersCommanding, uow: Work) -> ShiftAnswer:
    """Let somebody stand in for a shift or a part of it; two of them make a swap."""
    shift = _living(uow, shift_id)
    _known_user(uow, ask.user_id, "user_id")
    if ask.starts_at < shift.starts_at or ask.ends_at > shift.ends_at:
        raise Problem.of(
            Kind.NOT_POSSIBLE_NOW,
            "starts_at",
            "somebody stands in within the shift: enter a shift for what lies outside",
        )
    shift.substitutes.append(
        Substitute(
            id=new_id(),
            shift_id=shift.id,
            starts_at=ask.starts_at,
            ends_at=ask.ends_at,
            name=ask.name,
            phone=ask.phone,
            user_id=ask.user_id,
            reason=ask.reason,
            entered_by=caller.user_id,
            entered_at=uow.now,
        )
    )
    uow.flush()
    _changed(uow, caller, "duty_substitute_entered", shift)
    return ShiftAnswer.model_validate(shift)


@router.post("/duty/shifts/{shift_id}/withdraw", responses=problems(Kind.UNKNOWN_SHIFT, Kind.NOT_POSSIBLE_NOW))
def withdraw_shift(shift_id: Id, caller: OverseersCommanding, uow: Work) -> ShiftAnswer:
    """Take a shift out of the roster; that it stood there is kept."""
    shift = _living(uow, shift_id)
    shift.withdrawn_at = uow.now
    _changed(uow, caller, "duty_shift_withdrawn", shift)
    return ShiftAnswer.model_validate(shift)


@router.post(
    "/duty/shifts/{shift_id}/substitutes/{substitute_id}/withdraw",
    responses=problems(Kind.UNKNOWN_SHIFT, Kind.NOT_POSSIBLE_NOW),
)
def withdraw_substitute(shift_id: Id, substitute_id: Id, caller: OverseersCommanding, uow: Work) -> ShiftAnswer:
    """Nobody stands in any more: the shift's own person is there again."""
    shift = _living(uow, shift_id)
    standing = next((one for one in shift.substitutes if one.id == substitute_id), None)
    if standing is None:
        raise Problem.of(Kind.UNKNOWN_SHIFT, "substitute_id", "the shift has no such substitute")
    standing.withdrawn_at = standing.withdrawn_at or uow.now
    _changed(uow, caller, "duty_substitute_withdrawn", shift)
    return ShiftAnswer.model_validate(shift)


def _living(uow: UnitOfWork, shift_id: str) -> DutyShift:
    shift = uow.duty.for_update(shift_id)
    if shift is None:
        raise Problem.of(Kind.UNKNOWN_SHIFT, "shift_id", "there is no such shift; GET /api/v1/duty lists them")
    if shift.withdrawn_at is not None:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "shift_id", "the shift was withdrawn: enter a new one")
    return shift


def _known_user(uow: UnitOfWork, user_id: str | None, field: str) -> None:
    if user_id is not None and uow.users.get(user_id) is None:
        raise Problem.of(Kind.UNKNOWN_USER, field, "there is no such user; GET /api/v1/users lists them")


def _changed(uow: UnitOfWork, caller: Caller, action: str, shift: DutyShift) -> None:
    uow.emit(DomainEvent(kind=EventKind.DUTY_CHANGED, subject=shift.id))
    uow.audit.note(
        user_id=caller.user_id,
        action=action,
        subject_kind="duty_shift",
        subject=shift.id,
        detail={"department": shift.department if shift.department != HOUSE else "every", "role": shift.role.value},
    )
