"""Imports and their rows as the API answers with them."""

from collections.abc import Sequence
from datetime import date

from api.auth import Caller
from api.fields import Answer, Instant
from api.masking import masked_name, masked_record_number
from care.identifiers import masked_identifier
from care.patients import NumberOwner
from db.listed_people import RECORD_NUMBER
from db.unit_of_work import UnitOfWork
from followup.imports import ImportRow, ImportState, ListImport, ListKind, RowState
from interop.lists.applying import TO_APPLY
from interop.lists.checking import first_people
from interop.lists.columns import ListField, missing
from interop.lists.error_file import columns_of
from interop.lists.listed import ListedPerson, ListRules
from interop.lists.matching import LINE


class ColumnAnswer(Answer):
    """A column as the list has it, and what it is read for; empty: it is not read."""

    header: str
    field: str


class ImportAnswer(Answer):
    """An import. While rows are written or taken back, `percent` grows and the live stream tells of it."""

    id: str
    kind: ListKind
    source: str
    file_name: str
    format: str
    encoding: str
    state: ImportState
    header_line: int
    columns: list[ColumnAnswer]
    fields: list[str]
    missing: list[str]
    template: str | None
    total: int
    counts: dict[str, int]
    done: int
    percent: int
    created_at: Instant
    rows_kept_until: Instant
    rows_forgotten_at: Instant | None


class ImportsAnswer(Answer):
    """A page of imports, newest first; ask on with before=`next`."""

    imports: list[ImportAnswer]
    next: str | None


class FaultAnswer(Answer):
    """Why a row cannot be taken, or what of it was left out: the column, a code, and the words in two languages."""

    column: str
    code: str
    zh: str
    en: str


class ListedNumberAnswer(Answer):
    """A number as it was understood."""

    number: str
    owner: NumberOwner
    label: str


class ListedMedicineAnswer(Answer):
    """A medicine as it will be kept; `days` is null where none was handed out, 0 where it was taken back."""

    name: str
    atc: str
    code: str
    dose: str
    schedule: str
    on_day: date
    until: date | None
    days: int | None
    number: str | None


class UnderstoodAnswer(Answer):
    """A row as it will be written; identifiers besides the record number are masked."""

    name: str
    record_number: str | None
    identifiers: dict[str, str]
    born: date | None
    sex: str | None
    language: str | None
    dialect: str | None
    zone: str | None
    numbers: list[ListedNumberAnswer]
    department: str | None
    occurred_at: Instant | None
    visit_number: str | None
    medicine: ListedMedicineAnswer | None
    template: str | None


class CandidateAnswer(Answer):
    """Somebody the person on a row may be: a patient, or the person of an earlier line of the same list."""

    choice: str
    name: str | None
    record_number: str | None
    born: date | None


class RowAnswer(Answer):
    """One row, by its line in the file."""

    line: int
    state: RowState
    faults: list[FaultAnswer]
    remarks: list[FaultAnswer]
    change: dict[str, bool]
    candidates: list[CandidateAnswer]
    decision: str | None
    patient_id: str | None
    plan_refusal: str | None
    understood: UnderstoodAnswer | None


class PreviewAnswer(Answer):
    """The first rows as they will be understood, beside the import with its counts."""

    list_import: ImportAnswer
    rows: list[RowAnswer]


class RowsAnswer(Answer):
    """Rows in the order of the list; ask on with after=`next`."""

    rows: list[RowAnswer]
    next: int | None


def import_answer(uow: UnitOfWork, made: ListImport) -> ImportAnswer:
    """An import as it stands."""
    of = made.counts.get(TO_APPLY, 0)
    moving = made.state in {ImportState.APPLYING, ImportState.UNDOING}
    at_end = made.state in {ImportState.APPLIED, ImportState.UNDONE}
    counts = {name: count for name, count in made.counts.items() if name != TO_APPLY}
    if made.state is ImportState.APPLIED:
        counts |= uow.imports.plan_counts(made.id)
    return ImportAnswer(
        id=made.id,
        kind=made.kind,
        source=made.source,
        file_name=made.file_name,
        format=made.format,
        encoding=made.encoding,
        state=made.state,
        header_line=made.header_line,
        columns=[ColumnAnswer(header=header, field=field) for header, field in columns_of(made)],
        fields=[field.value for field in ListField],
        missing=missing(made.mapping, made.kind),
        template=made.template_id,
        total=made.total,
        counts=counts,
        done=made.done,
        percent=100 if at_end else made.done * 100 // max(of, 1) if moving else 0,
        created_at=made.created_at,
        rows_kept_until=made.rows_kept_until,
        rows_forgotten_at=made.rows_forgotten_at,
    )


def row_answers(
    uow: UnitOfWork, caller: Caller, rules: ListRules, made: ListImport, rows: Sequence[ImportRow]
) -> list[RowAnswer]:
    """Rows with what is understood of them; looking at a candidate is noted."""
    kept = rows if made.rows_forgotten_at is None else []
    people = {row.line: person for row, person in first_people(kept, rules)}
    return [
        RowAnswer(
            line=row.line,
            state=row.state,
            faults=[FaultAnswer.model_validate(fault) for fault in row.faults],
            remarks=[FaultAnswer.model_validate(fault) for fault in row.remarks],
            change=row.change,
            candidates=[_candidate(uow, caller, choice) for choice in row.candidates],
            decision=row.decision,
            patient_id=row.patient_id,
            plan_refusal=row.plan_refusal,
            understood=_understood(people.get(row.line)),
        )
        for row in rows
    ]


def _candidate(uow: UnitOfWork, caller: Caller, choice: str) -> CandidateAnswer:
    patient = None if choice.startswith(LINE) else uow.patients.get(choice)
    if patient is None:
        return CandidateAnswer(choice=choice, name=None, record_number=None, born=None)
    if not uow.care_team.is_open(patient.id, uow.now):
        return CandidateAnswer(
            choice=choice,
            name=masked_name(patient.name),
            record_number=masked_record_number(patient.record_number),
            born=None,
        )
    uow.audit.note(
        user_id=caller.user_id,
        action="patient_listed",
        subject_kind="patient",
        subject=patient.id,
        patient_id=patient.id,
    )
    return CandidateAnswer(choice=choice, name=patient.name, record_number=patient.record_number, born=patient.born)


def _understood(person: ListedPerson | None) -> UnderstoodAnswer | None:
    if person is None:
        return None
    visit = person.visit
    return UnderstoodAnswer(
        name=person.name,
        record_number=next((value for kind, value in person.keys if kind == RECORD_NUMBER), None),
        identifiers={kind: masked_identifier(value) for kind, value in person.keys if kind != RECORD_NUMBER},
        born=person.born,
        sex=person.sex,
        language=person.language,
        dialect=person.dialect,
        zone=person.zone,
        numbers=[ListedNumberAnswer(number=each.number, owner=each.owner, label=each.label) for each in person.numbers],
        department=visit.department if visit else None,
        occurred_at=visit.occurred_at if visit else None,
        visit_number=visit.number if visit else None,
        medicine=ListedMedicineAnswer.model_validate(person.medicine) if person.medicine else None,
        template=person.template_id,
    )
