"""Patients, their numbers and their visits."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import Field, StringConstraints

from api import found
from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant, Limit, Line, PhoneNumber, Zone
from api.masking import masked_name, masked_record_number
from api.permissions import Allowed, CareTeam, CareTeamCommanding
from api.problems import Kind, Problem, problems
from api.wiring import wiring_of
from care.patients import ContactPoint, Encounter, NumberOwner, NumberQuality, Patient, PatientId
from db.patient_search import NothingToSearchError, Typed
from db.unit_of_work import UnitOfWork
from db.users import Role
from followup.dialing_rules import Mode
from followup.plans import Anchor
from runtime.content.documents import Wording
from runtime.content.record_words import RecordWordsDocument
from runtime.identifiers import new_id

router = APIRouter(tags=["patients"], route_class=Route)

SEARCHERS = (Role.AGENT, Role.SUPERVISOR, Role.DOCTOR, Role.REGISTRAR)

Language = Literal["zh", "en"]
RecordNumber = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]


class ContactPointAsk(Ask):
    """A telephone number, in any usual way of writing; lower ranks are dialed first."""

    number: PhoneNumber
    owner: NumberOwner = NumberOwner.SELF
    label: Annotated[str, StringConstraints(max_length=100)] = ""
    rank: Annotated[int, Field(ge=1, le=99)] = 1


class PatientAsk(Ask):
    """A new patient."""

    record_number: RecordNumber
    name: Line
    language: Language = "zh"
    zone: Zone | None = None  # the hospital's if not given
    born: date | None = None
    sex: Literal["female", "male", "other", "unknown"] | None = None
    synthetic: bool = False
    contact_points: Annotated[tuple[ContactPointAsk, ...], Field(max_length=10)] = ()


class ContactPointAnswer(Answer):
    """A telephone number in E.164."""

    id: str
    number: str
    owner: NumberOwner
    label: str
    rank: int
    quality: NumberQuality
    do_not_call: bool


class PatientAnswer(Answer):
    """A patient."""

    id: str
    record_number: str
    name: str
    language: str
    zone: str
    born: date | None
    sex: str | None
    synthetic: bool
    deceased_at: Instant | None
    created_at: Instant
    contact_points: list[ContactPointAnswer]
    merged_into: str | None = None  # told where one patient is read: the record in which this one went on
    masked: bool = False  # in lists: of another department's patient enough is shown to know whom to ask about


class PatientsAnswer(Answer):
    """A page of patients; ask on with after=`next`, which is empty on the last page."""

    patients: list[PatientAnswer]
    next: str | None


class SearchAsk(Ask):
    """What is known of somebody. In the body, because addresses end up in logs.

    `containing`: a name from any of its characters on, its pinyin or initials (wxm: 王小明); a record or card number
    from its beginning; the last four digits or more of a telephone, ID or card number.
    """

    containing: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)] | None = None
    department: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)] | None = None
    after: Id | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class EncounterAsk(Ask):
    """A visit to follow up; for an appointment the instant at which it will be."""

    department: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
    kind: Anchor
    occurred_at: Instant


class EncounterAnswer(Answer):
    """A visit."""

    id: str
    patient_id: str
    department: str
    kind: str
    kind_title: Wording
    occurred_at: Instant


class EncountersAnswer(Answer):
    """A patient's visits, newest first."""

    encounters: list[EncounterAnswer]


@router.post("/patients", status_code=201, responses=problems(Kind.TAKEN))
def create_patient(ask: PatientAsk, caller: CareTeamCommanding, request: Request, uow: Work) -> PatientAnswer:
    """Add a patient."""
    patient_id = PatientId(new_id())
    wiring = wiring_of(request)
    if ask.synthetic and wiring.gate.mode is not Mode.DEMO:
        raise Problem.of(Kind.INVALID_REQUEST, "synthetic", "synthetic people exist only in the demo")
    patient = Patient(
        id=patient_id,
        record_number=ask.record_number,
        name=ask.name,
        language=ask.language,
        zone=ask.zone or wiring.zone.key,
        born=ask.born,
        sex=ask.sex,
        synthetic=ask.synthetic,
        created_at=uow.now,
        contact_points=[
            ContactPoint(
                id=new_id(),
                patient_id=patient_id,
                number=point.number,
                owner=point.owner,
                label=point.label,
                rank=point.rank,
            )
            for point in ask.contact_points
        ],
    )
    uow.patients.add(patient)
    uow.flush()
    _audit(uow, caller, "patient_added", patient.id)
    return PatientAnswer.model_validate(patient)


@router.get("/patients", responses=problems(Kind.UNKNOWN_PATIENT))
def list_patients(caller: CareTeam, uow: Work, after: Id | None = None, limit: Limit = 50) -> PatientsAnswer:
    """Patients in order of record number, from behind the patient `after`."""
    last = _last_seen(uow, after)
    page = uow.patients.page(after=last, limit=limit)
    return _seen(uow, caller, page, limit)


@router.post("/patients/search", responses=problems(Kind.UNKNOWN_PATIENT))
def search_patients(
    ask: SearchAsk,
    caller: Annotated[Caller, Depends(Allowed(*SEARCHERS, repeatable="it only reads"))],
    uow: Work,
) -> PatientsAnswer:
    """Patients by name, pinyin, number or its end, and department, in order of record number, from behind `after`."""
    last = _last_seen(uow, ask.after)
    typed = Typed(text=ask.containing or "", department=ask.department)
    try:
        page = uow.patient_search.find(typed, after=last, limit=ask.limit)
    except NothingToSearchError as error:
        raise Problem.of(Kind.INVALID_REQUEST, "containing", str(error)) from error
    return _seen(uow, caller, page, ask.limit)


@router.get("/patients/{patient_id}", responses=problems(Kind.UNKNOWN_PATIENT))
def read_patient(patient_id: Id, caller: CareTeam, uow: Work) -> PatientAnswer:
    """One patient."""
    patient = found.patient(uow, patient_id)
    _audit(uow, caller, "patient_viewed", patient.id)
    answer = PatientAnswer.model_validate(patient)
    return answer.model_copy(update={"merged_into": uow.merges.merged_into(patient.id)})


@router.post("/patients/{patient_id}/encounters", status_code=201, responses=problems(Kind.UNKNOWN_PATIENT))
def add_encounter(
    patient_id: Id, ask: EncounterAsk, caller: CareTeamCommanding, request: Request, uow: Work
) -> EncounterAnswer:
    """Add a visit."""
    patient = found.patient(uow, patient_id)
    encounter = Encounter(
        id=new_id(),
        patient_id=patient.id,
        department=ask.department,
        kind=ask.kind,
        occurred_at=ask.occurred_at,
        source=f"hand:{caller.user_id}",
    )
    uow.patients.add_encounter(encounter)
    uow.audit.note(
        user_id=caller.user_id,
        action="encounter_added",
        subject_kind="encounter",
        subject=encounter.id,
        patient_id=patient.id,
    )
    return _encounter(encounter, wiring_of(request).content.record_words)


@router.get("/patients/{patient_id}/encounters", responses=problems(Kind.UNKNOWN_PATIENT))
def list_encounters(patient_id: Id, caller: CareTeam, request: Request, uow: Work) -> EncountersAnswer:
    """A patient's visits."""
    patient = found.patient(uow, patient_id)
    _audit(uow, caller, "encounters_viewed", patient.id)
    visits = uow.patients.encounters_of(patient.id)
    words = wiring_of(request).content.record_words
    return EncountersAnswer(encounters=[_encounter(visit, words) for visit in visits])


def _encounter(visit: Encounter, words: RecordWordsDocument) -> EncounterAnswer:
    return EncounterAnswer(
        id=visit.id,
        patient_id=visit.patient_id,
        department=visit.department,
        kind=visit.kind,
        kind_title=words.visit_title(visit.kind),
        occurred_at=visit.occurred_at,
    )


def _seen(uow: UnitOfWork, caller: Caller, page: Sequence[Patient], limit: int) -> PatientsAnswer:
    return PatientsAnswer(
        patients=[_listed(uow, caller, patient) for patient in page],
        next=page[-1].id if len(page) == limit else None,
    )


def _listed(uow: UnitOfWork, caller: Caller, patient: Patient) -> PatientAnswer:
    answer = PatientAnswer.model_validate(patient)
    if uow.care_team.is_open(patient.id, uow.now):
        _audit(uow, caller, "patient_listed", patient.id)
        return answer
    uow.audit.note(user_id=caller.user_id, action="patient_listed_masked", subject_kind="patient", subject=patient.id)
    return answer.model_copy(
        update={
            "masked": True,
            "name": masked_name(patient.name),
            "record_number": masked_record_number(patient.record_number),
            "born": None,
            "contact_points": [],
        }
    )


def _last_seen(uow: UnitOfWork, patient_id: str | None) -> str | None:
    """The record number of the last patient of a page, whoever may open him: it is never shown."""
    if patient_id is None:
        return None
    last = uow.patients.get(patient_id)
    if last is None:
        raise Problem.of(Kind.UNKNOWN_PATIENT, "after", "there is no such patient; give the `next` of the page before")
    return last.record_number


def _audit(uow: UnitOfWork, caller: Caller, action: str, patient_id: PatientId) -> None:
    uow.audit.note(
        user_id=caller.user_id,
        action=action,
        subject_kind="patient",
        subject=patient_id,
        patient_id=patient_id,
    )
