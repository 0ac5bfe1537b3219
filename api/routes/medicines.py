"""Medicines: what a doctor prescribed, what the patient says he takes, what was handed out, how many days it covers."""

from datetime import date, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from pydantic import Field, StringConstraints

from api import found
from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant, Line
from api.permissions import CareTeam, CareTeamCommanding
from api.problems import Kind, Problem, problems
from api.wiring import wiring_of
from care.medicines import Coverage, Dispense, MedicineBasis, MedicineState, MedicineStatement, coverage_of
from db.unit_of_work import UnitOfWork
from db.users import Role
from followup.events import DomainEvent, EventKind
from runtime.identifiers import new_id

router = APIRouter(tags=["medicines"], route_class=Route)

Code = Annotated[str, StringConstraints(strip_whitespace=True, max_length=40)]
Short = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]


class MedicineAsk(Ask):
    """A medicine. `reported` is what the patient says; `prescribed` is a doctor's decision and only a doctor's."""

    basis: MedicineBasis
    code: Code = ""
    name: Line
    dose: Short = ""
    schedule: Short = ""
    reason: Short = ""
    since: date | None = None


class MedicineChangeAsk(Ask):
    """What is different from now on, and why. A prescribed medicine is changed by a doctor only."""

    dose: Short | None = None
    schedule: Short | None = None
    state: MedicineState | None = None
    until: date | None = None
    reason: Line


class DispenseAsk(Ask):
    """A medicine that was handed out, and the days it lasts."""

    code: Code
    name: Line
    dispensed_on: date
    days_supplied: Annotated[int, Field(ge=1, le=400)]


class MedicineAnswer(Answer):
    """One version of a medicine."""

    id: str
    patient_id: str
    basis: MedicineBasis
    code: str
    name: str
    dose: str
    schedule: str
    reason: str
    state: MedicineState
    since: date | None
    until: date | None
    source: str
    version: int
    superseded_at: Instant | None
    recorded_at: Instant
    recorded_by: str | None


class CoverageAnswer(Answer):
    """Proportion of days covered of one medicine, from its first supply in the period to today."""

    code: str
    name: str
    starts_on: date
    ends_on: date
    days: int
    days_covered: int
    share: float
    adherent: bool


class FindingAnswer(Answer):
    """What an answered form said of taking medicine, and the request that came of it."""

    id: str
    response_id: str
    adherent: bool | None
    missed_days: int | None
    reason: str
    said: str
    route: str | None
    request_id: str | None
    at: Instant


class MedicinesAnswer(Answer):
    """Everything of a patient's medicines: those that hold now first."""

    medicines: list[MedicineAnswer]
    coverage: list[CoverageAnswer]
    said: list[FindingAnswer]


class MedicineStoryAnswer(Answer):
    """Every version of a medicine, oldest first."""

    versions: list[MedicineAnswer]


class DispenseAnswer(Answer):
    """What was handed out."""

    id: str
    patient_id: str
    code: str
    name: str
    dispensed_on: date
    days_supplied: int


@router.get("/patients/{patient_id}/medicines", responses=problems(Kind.UNKNOWN_PATIENT))
def list_medicines(patient_id: Id, caller: CareTeam, request: Request, uow: Work) -> MedicinesAnswer:
    """What a patient takes, how many days are covered, and what he said of it."""
    patient = found.patient(uow, patient_id)
    rules = wiring_of(request).content.adherence
    today = uow.now.astimezone(ZoneInfo(patient.zone)).date()
    begin = today - timedelta(days=rules.coverage_days - 1)
    covered = coverage_of(uow.medicines.dispenses_of(patient.id, since=begin), starts_on=begin, ends_on=today)
    _audit(uow, caller, "medicines_viewed", "patient", patient.id, patient.id)
    return MedicinesAnswer(
        medicines=[MedicineAnswer.model_validate(one) for one in uow.medicines.current_of(patient.id)],
        coverage=[_coverage(one, rules.coverage_at_least) for one in covered],
        said=[FindingAnswer.model_validate(one) for one in uow.advice.findings_of(patient.id)],
    )


@router.post(
    "/patients/{patient_id}/medicines",
    status_code=201,
    responses=problems(Kind.UNKNOWN_PATIENT, Kind.DOCTOR_NEEDED),
)
def add_medicine(patient_id: Id, ask: MedicineAsk, caller: CareTeamCommanding, uow: Work) -> MedicineAnswer:
    """Write a medicine down: what the patient says, by anybody of the care team; a prescription, by a doctor."""
    patient = found.patient(uow, patient_id)
    if ask.basis is MedicineBasis.PRESCRIBED:
        _only_doctor(caller)
    statement = uow.medicines.put(
        MedicineStatement(
            id=new_id(),
            patient_id=patient.id,
            source=f"hand:{caller.user_id}",
            source_key=new_id(),
            recorded_at=uow.now,
            recorded_by=caller.user_id,
            **ask.model_dump(),
        )
    )
    tell_of_record(uow, patient.id)
    _audit(uow, caller, "medicine_recorded", "medicine", statement.id, patient.id)
    return MedicineAnswer.model_validate(statement)


@router.get("/medicines/{medicine_id}", responses=problems(Kind.UNKNOWN_MEDICINE))
def read_medicine(medicine_id: Id, caller: CareTeam, uow: Work) -> MedicineStoryAnswer:
    """A medicine with all that was ever said of it."""
    one = medicine(uow, medicine_id)
    found.patient(uow, one.patient_id)
    _audit(uow, caller, "medicine_viewed", "medicine", one.id, one.patient_id)
    return MedicineStoryAnswer(
        versions=[MedicineAnswer.model_validate(version) for version in uow.medicines.versions_of(one.id)]
    )


@router.post(
    "/medicines/{medicine_id}/changes",
    responses=problems(Kind.UNKNOWN_MEDICINE, Kind.DOCTOR_NEEDED, Kind.NOT_POSSIBLE_NOW),
)
def change_medicine(medicine_id: Id, ask: MedicineChangeAsk, caller: CareTeamCommanding, uow: Work) -> MedicineAnswer:
    """Change a medicine by a new version; the old one is kept. An agent changes nothing that was prescribed."""
    one = medicine(uow, medicine_id, locked=True)
    found.patient(uow, one.patient_id)
    if one.basis is MedicineBasis.PRESCRIBED:
        _only_doctor(caller)
    if one.superseded_at is not None:
        raise Problem.of(
            Kind.NOT_POSSIBLE_NOW, "medicine_id", "a newer version holds; GET this address lists all of them"
        )
    changed = uow.medicines.put(
        MedicineStatement(
            id=new_id(),
            patient_id=one.patient_id,
            basis=one.basis,
            code=one.code,
            name=one.name,
            dose=one.dose if ask.dose is None else ask.dose,
            schedule=one.schedule if ask.schedule is None else ask.schedule,
            reason=ask.reason,
            state=ask.state or one.state,
            since=one.since,
            until=ask.until or one.until,
            source=one.source,
            source_key=one.source_key,
            recorded_at=uow.now,
            recorded_by=caller.user_id,
        )
    )
    tell_of_record(uow, one.patient_id)
    _audit(uow, caller, "medicine_changed", "medicine", changed.id, one.patient_id)
    return MedicineAnswer.model_validate(changed)


@router.post("/patients/{patient_id}/dispenses", status_code=201, responses=problems(Kind.UNKNOWN_PATIENT))
def add_dispense(patient_id: Id, ask: DispenseAsk, caller: CareTeamCommanding, uow: Work) -> DispenseAnswer:
    """Write down what was handed out to a patient."""
    patient = found.patient(uow, patient_id)
    today = uow.now.astimezone(ZoneInfo(patient.zone)).date()
    if ask.dispensed_on > today:
        raise Problem.of(Kind.INVALID_REQUEST, "dispensed_on", "that day has not come yet")
    kept = uow.medicines.put_dispense(
        Dispense(
            id=new_id(),
            patient_id=patient.id,
            source=f"hand:{caller.user_id}",
            source_key=new_id(),
            recorded_at=uow.now,
            recorded_by=caller.user_id,
            **ask.model_dump(),
        )
    )
    tell_of_record(uow, patient.id)
    _audit(uow, caller, "dispense_recorded", "dispense", kept.id, patient.id)
    return DispenseAnswer.model_validate(kept)


def medicine(
    uow: UnitOfWork, medicine_id: str, field: str = "medicine_id", *, locked: bool = False
) -> MedicineStatement:
    """The version of a medicine with this id."""
    one = uow.medicines.for_update(medicine_id) if locked else uow.medicines.get(medicine_id)
    if one is None:
        raise Problem.of(
            Kind.UNKNOWN_MEDICINE,
            field,
            "there is no such medicine; GET /api/v1/patients/{patient_id}/medicines lists a patient's",
        )
    return one


def tell_of_record(uow: UnitOfWork, patient_id: str) -> None:
    """What rules go by has changed."""
    uow.emit(DomainEvent(kind=EventKind.RECORD_CHANGED, subject=patient_id, ids={"patient": patient_id}))


def _only_doctor(caller: Caller) -> None:
    if Role.DOCTOR not in caller.roles:
        raise Problem.of(
            Kind.DOCTOR_NEEDED,
            "basis",
            "only a doctor prescribes, changes or stops a medicine; POST "
            "/api/v1/patients/{patient_id}/treatment-proposals puts it to one",
        )


def _coverage(one: Coverage, at_least: float) -> CoverageAnswer:
    return CoverageAnswer(
        code=one.code,
        name=one.name,
        starts_on=one.starts_on,
        ends_on=one.ends_on,
        days=one.days,
        days_covered=one.days_covered,
        share=round(one.share, 4),
        adherent=one.share >= at_least,
    )


def _audit(uow: UnitOfWork, caller: Caller, action: str, kind: str, subject: str, patient_id: str) -> None:
    uow.audit.note(user_id=caller.user_id, action=action, subject_kind=kind, subject=subject, patient_id=patient_id)
