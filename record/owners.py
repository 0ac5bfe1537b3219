"""Who of the house takes what a rule has found: by role and department, whoever has least to answer for."""

from collections.abc import Callable, Sequence
from datetime import timedelta

from care.adherence import Helper
from care.care_team import CareTeamMember, Reader, ground_of
from care.patients import PatientId
from db.unit_of_work import UnitOfWork
from db.users import Role, User
from followup.duty import HOUSE
from runtime.identifiers import new_id

LET_IN_FOR = timedelta(days=90)
"""How long whoever got a request or a proposal may open the record by it."""

_CARE = frozenset({Role.AGENT.value, Role.DOCTOR.value, Role.SUPERVISOR.value})


class NobodyCanHelpError(LookupError):
    """The house has no user who could take a request; the sentence says whom to add."""


def helper_for(
    uow: UnitOfWork, helper: Helper, *, department: str, patient_id: str | None, known: str | None = None
) -> User:
    """The user who takes a request; NobodyCanHelpError if there is none.

    A pharmacist is whoever belongs to the pharmacy's `department`. A doctor is sought in the department of the
    patient's last visit first. A nurse is whoever `known` names, because she knows the case, else any of that
    department. Where a kind of person is missing, a supervisor takes it on: a finding is never without an owner.
    """
    users = [user for user in uow.users.all() if not user.disabled and _CARE & set(user.roles)]
    visited = _department_of(uow, patient_id)
    busy = uow.requests.open_by_owner()
    for choice in _choices(helper, department, visited, known):
        fitting = sorted((user for user in users if choice(user)), key=lambda user: (busy.get(user.id, 0), user.id))
        if fitting:
            return fitting[0]
    raise NobodyCanHelpError(
        f"no user can take a request for a {helper.value}: add a user with the role agent, doctor or supervisor"
        + (f" and the department {department}" if department != HOUSE else "")
    )


def let_in(uow: UnitOfWork, user: User, patient_id: str, *, role: str, reason: str, by: str | None) -> None:
    """Name whoever owes something to a patient in his care team, if nothing else opens the record to him."""
    reader = Reader(user_id=user.id, departments=tuple(user.departments))
    if ground_of(reader, uow.care_team.ties(patient_id, reader, uow.now)) is not None:
        return
    member = CareTeamMember(
        id=new_id(),
        patient_id=PatientId(patient_id),
        user_id=user.id,
        role=role,
        reason=reason,
        since=uow.now,
        added_by=by,
        until=uow.now + LET_IN_FOR,
    )
    uow.care_team.add(member)
    uow.flush()
    uow.audit.note(
        user_id=None,
        action="care_team_member_added",
        subject_kind="care_team_member",
        subject=member.id,
        patient_id=patient_id,
        detail={"member": user.id, "reason": reason},
    )


def _choices(
    helper: Helper, department: str, visited: str | None, known: str | None
) -> Sequence[Callable[[User], bool]]:
    def of_department(user: User) -> bool:
        return department != HOUSE and department in user.departments

    def of_the_visit(role: Role) -> Callable[[User], bool]:
        return lambda user: role.value in user.roles and visited is not None and visited in user.departments

    def any_with(role: Role) -> Callable[[User], bool]:
        return lambda user: role.value in user.roles

    last = (any_with(Role.SUPERVISOR), any_with(Role.DOCTOR), any_with(Role.AGENT))
    match helper:
        case Helper.PHARMACIST:
            return (of_department, *last)
        case Helper.DOCTOR:
            return (of_department, of_the_visit(Role.DOCTOR), any_with(Role.DOCTOR), *last)
        case Helper.NURSE:
            return (
                lambda user: known is not None and user.id == known and Role.AGENT.value in user.roles,
                of_department,
                of_the_visit(Role.AGENT),
                any_with(Role.AGENT),
                *last,
            )


def _department_of(uow: UnitOfWork, patient_id: str | None) -> str | None:
    visits = uow.patients.encounters_of(patient_id) if patient_id is not None else []
    latest = max(visits, key=lambda visit: visit.occurred_at, default=None)
    return latest.department if latest is not None else None
