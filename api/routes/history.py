"""Diagnoses, allergies, operations, the family's illnesses and what sources say of the person: read, add, decide."""

from datetime import date, timedelta
from typing import Annotated, Literal, Self

from fastapi import APIRouter, Request
from pydantic import StringConstraints, model_validator

from api import found
from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Line
from api.history_answers import (
    EntryAnswer,
    FindingAnswer,
    SettledAnswer,
    StatedValueAnswer,
    entry_answer,
    finding_answer,
    settled_answer,
    stated_answer,
)
from api.permissions import CareTeam, CareTeamCommanding
from api.problems import Kind, Problem, problems
from api.wiring import wiring_of
from care.conflicts import PersonField, findings_of
from care.history import EntryOutdatedError, EntryState, HistoryEntry, HistoryKind
from care.patients import Patient
from db.unit_of_work import UnitOfWork
from db.users import Role
from followup.events import DomainEvent, EventKind
from runtime.identifiers import new_id

router = APIRouter(tags=["record"], route_class=Route)

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500)]


class EntryAsk(Ask):
    """Something the patient has or had, written down by hand; of the family's illnesses with whose it is."""

    kind: HistoryKind
    code: Annotated[str, StringConstraints(strip_whitespace=True, max_length=40)] = ""
    name: Line
    state: Literal[EntryState.ACTIVE, EntryState.RESOLVED] = EntryState.ACTIVE
    since: date | None = None
    until: date | None = None
    relation: Annotated[str, StringConstraints(strip_whitespace=True, max_length=60)] = ""
    note: Annotated[str, StringConstraints(max_length=2000)] = ""

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if self.since and self.until and self.until < self.since:
            raise ValueError("until lies before since; exchange the two days")
        if (self.kind is HistoryKind.FAMILY) != bool(self.relation):
            raise ValueError("relation says whose illness it is: give it for the family's illnesses, and only there")
        return self


class DecisionAsk(Ask):
    """Whether an entry holds, and why."""

    state: EntryState
    reason: Reason
    until: date | None = None


class CorrectionAsk(Ask):
    """What is right, field by field, and why; fields that are left out stay as they are."""

    name: Line | None = None
    born: date | None = None
    sex: Literal["female", "male", "other", "unknown"] | None = None
    language: Literal["zh", "en"] | None = None
    dialect: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40)] | None = None
    reason: Reason

    def values(self) -> dict[PersonField, str | None]:
        """The fields that are given."""
        given = {field: getattr(self, field.value) for field in PersonField}
        return {field: str(value) for field, value in given.items() if value is not None}


class HistoryAnswer(Answer):
    """What the patient has and had, each thing once."""

    findings: list[FindingAnswer]


class VersionsAnswer(Answer):
    """Every version of one entry, oldest first."""

    versions: list[EntryAnswer]


class PersonStatedAnswer(Answer):
    """What holds of the person and what other sources say; `words` are all that were ever said, oldest first."""

    fields: list[SettledAnswer]
    words: list[StatedValueAnswer]


@router.get("/patients/{patient_id}/history", responses=problems(Kind.UNKNOWN_PATIENT))
def read_history(
    patient_id: Id, caller: CareTeam, request: Request, uow: Work, kind: HistoryKind | None = None
) -> HistoryAnswer:
    """Diagnoses, allergies, operations and the family's illnesses."""
    patient = found.patient(uow, patient_id)
    _audit(uow, caller, "history_viewed", "patient", patient.id, patient)
    content = wiring_of(request).content
    findings = findings_of(uow.history.current_of(patient.id, kind), content.source_ranks.history)
    return HistoryAnswer(findings=[finding_answer(one, content.record_words) for one in findings])


@router.post("/patients/{patient_id}/history", status_code=201, responses=problems(Kind.UNKNOWN_PATIENT))
def add_entry(patient_id: Id, ask: EntryAsk, caller: CareTeamCommanding, request: Request, uow: Work) -> EntryAnswer:
    """Write something down by hand."""
    patient = found.patient(uow, patient_id)
    wiring = wiring_of(request)
    tomorrow = uow.now.astimezone(wiring.zone).date() + timedelta(days=1)
    for name, day in (("since", ask.since), ("until", ask.until)):
        if day is not None and day >= tomorrow:
            raise Problem.of(Kind.INVALID_REQUEST, name, "lies in the future; write the day it began or ended")
    entry = uow.history.put(
        HistoryEntry(
            id=new_id(),
            patient_id=patient.id,
            source=f"hand:{caller.user_id}",
            source_key=new_id(),
            recorded_at=uow.now,
            recorded_by=caller.user_id,
            **ask.model_dump(),
        )
    )
    _audit(uow, caller, "history_entry_added", "history_entry", entry.id, patient)
    _changed(uow, patient)
    return entry_answer(entry, wiring.content.record_words)


@router.get("/history/{entry_id}/versions", responses=problems(Kind.UNKNOWN_HISTORY_ENTRY, Kind.UNKNOWN_PATIENT))
def read_versions(entry_id: Id, caller: CareTeam, request: Request, uow: Work) -> VersionsAnswer:
    """Everything that this entry ever said."""
    entry, patient = _entry(uow, entry_id)
    _audit(uow, caller, "history_entry_viewed", "history_entry", entry.id, patient)
    words = wiring_of(request).content.record_words
    return VersionsAnswer(versions=[entry_answer(one, words) for one in uow.history.versions_of(entry.id)])


@router.post(
    "/history/{entry_id}/confirmation",
    responses=problems(Kind.UNKNOWN_HISTORY_ENTRY, Kind.UNKNOWN_PATIENT, Kind.NOT_POSSIBLE_NOW),
)
def confirm_entry(entry_id: Id, caller: CareTeamCommanding, request: Request, uow: Work) -> EntryAnswer:
    """The patient was asked, and it holds."""
    entry, patient = _entry(uow, entry_id)
    try:
        confirmed = uow.history.confirm(entry.id, by=caller.user_id, at=uow.now)
    except EntryOutdatedError as error:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "entry_id", str(error)) from error
    _audit(uow, caller, "history_entry_confirmed", "history_entry", confirmed.id, patient)
    return entry_answer(confirmed, wiring_of(request).content.record_words)


@router.post(
    "/history/{entry_id}/decision",
    responses=problems(Kind.UNKNOWN_HISTORY_ENTRY, Kind.UNKNOWN_PATIENT, Kind.NOT_POSSIBLE_NOW),
)
def decide_entry(
    entry_id: Id, ask: DecisionAsk, caller: CareTeamCommanding, request: Request, uow: Work
) -> EntryAnswer:
    """Say whether an entry holds, whatever its source sent. A doctor does; others only what they wrote themselves."""
    entry, patient = _entry(uow, entry_id)
    own = entry.source == f"hand:{caller.user_id}" or (
        entry.source.startswith("form:") and entry.recorded_by == caller.user_id
    )
    if Role.DOCTOR not in caller.roles and not own:
        raise Problem.of(Kind.FORBIDDEN, "role", "a doctor decides what another source said; POST a request to him")
    try:
        decided = uow.history.decide(
            entry.id, state=ask.state, note=ask.reason, until=ask.until, by=caller.user_id, at=uow.now
        )
    except EntryOutdatedError as error:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "entry_id", str(error)) from error
    _audit(uow, caller, "history_entry_decided", "history_entry", decided.id, patient)
    _changed(uow, patient)
    return entry_answer(decided, wiring_of(request).content.record_words)


@router.get("/patients/{patient_id}/stated-values", responses=problems(Kind.UNKNOWN_PATIENT))
def read_stated_values(patient_id: Id, caller: CareTeam, request: Request, uow: Work) -> PersonStatedAnswer:
    """What each source says of name, birthday, sex and language, and which word holds."""
    patient = found.patient(uow, patient_id)
    _audit(uow, caller, "stated_values_viewed", "patient", patient.id, patient)
    return _stated(request, uow, patient)


@router.post("/patients/{patient_id}/corrections", responses=problems(Kind.UNKNOWN_PATIENT))
def correct_person(
    patient_id: Id, ask: CorrectionAsk, caller: CareTeamCommanding, request: Request, uow: Work
) -> PersonStatedAnswer:
    """Say what is right. Whether it holds goes by the hospital's rule of sources; it is kept in any case."""
    patient = found.patient(uow, patient_id)
    values = ask.values()
    if not values:
        raise Problem.of(Kind.INVALID_REQUEST, "body", "name at least one field that is to be corrected")
    try:
        changed = uow.stated.state(
            patient,
            values,
            source=f"hand:{caller.user_id}",
            policies=wiring_of(request).content.source_ranks.person,
            at=uow.now,
            by=caller.user_id,
            reason=ask.reason,
        )
    except ValueError as error:
        raise Problem.of(Kind.INVALID_REQUEST, str(error).partition(":")[0], str(error)) from error
    _audit(uow, caller, "patient_corrected", "patient", patient.id, patient)
    if changed:
        _changed(uow, patient)
    return _stated(request, uow, patient)


def _stated(request: Request, uow: UnitOfWork, patient: Patient) -> PersonStatedAnswer:
    content = wiring_of(request).content
    words = content.record_words
    return PersonStatedAnswer(
        fields=[
            settled_answer(field, settled, words)
            for field, settled in uow.stated.settled(patient, content.source_ranks.person).items()
        ],
        words=[
            stated_answer(word, words) for field in PersonField for word in uow.stated.versions_of(patient.id, field)
        ],
    )


def _entry(uow: UnitOfWork, entry_id: str) -> tuple[HistoryEntry, Patient]:
    entry = uow.history.get(entry_id)
    if entry is None:
        raise Problem.of(
            Kind.UNKNOWN_HISTORY_ENTRY,
            "entry_id",
            "there is none; GET /api/v1/patients/{patient_id}/history lists them",
        )
    return entry, found.patient(uow, entry.patient_id)


def _changed(uow: UnitOfWork, patient: Patient) -> None:
    uow.emit(DomainEvent(kind=EventKind.RECORD_CHANGED, subject=patient.id))


def _audit(uow: UnitOfWork, caller: Caller, action: str, kind: str, subject: str, patient: Patient) -> None:
    uow.audit.note(user_id=caller.user_id, action=action, subject_kind=kind, subject=subject, patient_id=patient.id)
