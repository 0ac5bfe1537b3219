"""Households: who lives with whom. It shows whom to ask for; what may be told stands with the relatives' scopes."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from api import found
from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant, Line
from api.masking import masked_name
from api.permissions import FrontDesk, FrontDeskCommanding
from api.problems import Kind, Problem, problems
from api.routes.plan_changes import BecauseAsk
from care.households import Household, HouseholdMember, HouseholdRole, refusal_to_join
from db.unit_of_work import UnitOfWork
from runtime.identifiers import new_id

router = APIRouter(tags=["patients"], route_class=Route)


class MemberAsk(Ask):
    """Somebody who lives there."""

    patient_id: Id
    role: HouseholdRole = HouseholdRole.OTHER


class HouseholdAsk(Ask):
    """A household and who lives in it."""

    name: Line
    members: Annotated[tuple[MemberAsk, ...], Field(min_length=1, max_length=30)]


class MemberAnswer(Answer):
    """Somebody who lives or lived there."""

    patient_id: str
    name: str
    role: HouseholdRole
    joined_at: Instant
    left_at: Instant | None
    left_because: str


class HouseholdAnswer(Answer):
    """A household, those who left it too."""

    id: str
    name: str
    created_at: Instant
    members: list[MemberAnswer]


class PatientsHouseholdAnswer(Answer):
    """Where a patient lives; null if no household is known."""

    household: HouseholdAnswer | None


@router.post(
    "/households",
    status_code=201,
    responses=problems(Kind.UNKNOWN_PATIENT, Kind.TAKEN, Kind.INVALID_REQUEST),
)
def found_household(ask: HouseholdAsk, caller: FrontDeskCommanding, uow: Work) -> HouseholdAnswer:
    """Record a household."""
    household = Household(id=new_id(), name=ask.name, created_at=uow.now, created_by=caller.user_id)
    uow.households.add(household)
    for place, member in enumerate(ask.members):
        _join(uow, caller, household, member, f"members[{place}].")
    return _answer(uow, caller, household)


@router.get("/households/{household_id}", responses=problems(Kind.UNKNOWN_HOUSEHOLD))
def read_household(household_id: Id, caller: FrontDesk, uow: Work) -> HouseholdAnswer:
    """A household."""
    household = uow.households.get(household_id)
    if household is None:
        raise _nowhere()
    return _answer(uow, caller, household)


@router.get("/patients/{patient_id}/household", responses=problems(Kind.UNKNOWN_PATIENT))
def read_patients_household(patient_id: Id, caller: FrontDesk, uow: Work) -> PatientsHouseholdAnswer:
    """Where a patient lives."""
    patient = found.patient(uow, patient_id)
    living = uow.households.living_of(patient.id)
    household = uow.households.get(living.household_id) if living else None
    return PatientsHouseholdAnswer(household=_answer(uow, caller, household) if household else None)


@router.post(
    "/households/{household_id}/members",
    status_code=201,
    responses=problems(Kind.UNKNOWN_HOUSEHOLD, Kind.UNKNOWN_PATIENT, Kind.TAKEN, Kind.INVALID_REQUEST),
)
def join_household(household_id: Id, ask: MemberAsk, caller: FrontDeskCommanding, uow: Work) -> HouseholdAnswer:
    """Somebody lives there from now on."""
    household = _locked(uow, household_id)
    _join(uow, caller, household, ask, "")
    return _answer(uow, caller, household)


@router.post(
    "/households/{household_id}/members/{patient_id}/leave",
    responses=problems(Kind.UNKNOWN_HOUSEHOLD, Kind.UNKNOWN_PATIENT, Kind.NOT_POSSIBLE_NOW),
)
def leave_household(
    household_id: Id, patient_id: Id, ask: BecauseAsk, caller: FrontDeskCommanding, uow: Work
) -> HouseholdAnswer:
    """Somebody lives there no longer; that he did is kept."""
    household = _locked(uow, household_id)
    patient = found.patient(uow, patient_id)
    living = uow.households.living_of(patient.id)
    if living is None or living.household_id != household.id:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "patient_id", "does not live in this household now")
    living.left_at, living.left_because = uow.now, ask.reason[:200]
    uow.flush()
    _audit(uow, caller, "household_left", household.id, patient.id)
    return _answer(uow, caller, household)


def _join(uow: UnitOfWork, caller: Caller, household: Household, ask: MemberAsk, where: str) -> None:
    patient = found.patient(uow, ask.patient_id, f"{where}patient_id")
    living = [member for member in uow.households.members(household.id) if member.left_at is None]
    if refusal := refusal_to_join(living, ask.role):
        raise Problem.of(Kind.INVALID_REQUEST, f"{where}role", refusal)
    if uow.households.living_of(patient.id) is not None:
        raise Problem.of(
            Kind.TAKEN, f"{where}patient_id", "the patient lives in a household already; let him leave it first"
        )
    uow.households.join(
        HouseholdMember(
            id=new_id(),
            household_id=household.id,
            patient_id=patient.id,
            role=ask.role,
            joined_at=uow.now,
            joined_by=caller.user_id,
        )
    )
    _audit(uow, caller, "household_joined", household.id, patient.id)


def _answer(uow: UnitOfWork, caller: Caller, household: Household) -> HouseholdAnswer:
    members = []
    for member in uow.households.members(household.id):
        patient = uow.patients.get(member.patient_id)
        if patient is None:
            continue
        # Whoever cares for one who lives there learns that others do; their names are for those who care for them.
        opened = uow.care_team.is_open(patient.id, uow.now)
        if opened:
            _audit(uow, caller, "household_viewed", household.id, patient.id)
        members.append(
            MemberAnswer(
                patient_id=patient.id,
                name=patient.name if opened else masked_name(patient.name),
                role=member.role,
                joined_at=member.joined_at,
                left_at=member.left_at,
                left_because=member.left_because if opened else "",
            )
        )
    return HouseholdAnswer(id=household.id, name=household.name, created_at=household.created_at, members=members)


def _locked(uow: UnitOfWork, household_id: str) -> Household:
    household = uow.households.for_update(household_id)
    if household is None:
        raise _nowhere()
    return household


def _nowhere() -> Problem:
    return Problem.of(
        Kind.UNKNOWN_HOUSEHOLD,
        "household_id",
        "there is no such household; GET /api/v1/patients/{patient_id}/household finds a patient's",
    )


def _audit(uow: UnitOfWork, caller: Caller, action: str, household_id: str, patient_id: str) -> None:
    uow.audit.note(
        user_id=caller.user_id,
        action=action,
        subject_kind="household",
        subject=household_id,
        patient_id=patient_id,
    )
