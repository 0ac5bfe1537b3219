"""Lists of medicines: how somebody is to take what, and what was handed out; in versions, which can be undone."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from zoneinfo import ZoneInfo

from care.medicines import Dispense, MedicineBasis, MedicineState, MedicineStatement
from care.patients import PatientId
from db.unit_of_work import UnitOfWork
from followup.events import DomainEvent, EventKind
from followup.imports import ImportRow, ListImport, RowState
from interop.lists.faults import Code, Fault, fault
from interop.lists.listed import ListedMedicine, ListedPerson
from runtime.identifiers import new_id

MEDICINES = "medicines"
DISPENSES = "dispenses"


def take_medicines(
    uow: UnitOfWork,
    made: ListImport,
    written: Sequence[ImportRow],
    people: Mapping[int, ListedPerson],
    zone: ZoneInfo,
) -> list[ImportRow]:
    """Take the medicines of rows whose people were just written; the rows with what that made."""
    listed = [
        (row.patient_id, _key_of(medicine), row.line, medicine)
        for row in written
        if row.state is RowState.APPLIED
        and row.patient_id is not None
        and row.line in people
        and (medicine := people[row.line].medicine) is not None
    ]
    taking = _Taking(uow, made, uow.now.astimezone(zone).date())
    # Always in the same order, so that two lists that are written at once wait for each other and never both.
    for patient_id, _key, line, medicine in sorted(listed, key=lambda each: each[:3]):
        taking.take(patient_id, line, medicine)
    for patient_id in sorted(taking.changed):
        uow.emit(DomainEvent(kind=EventKind.RECORD_CHANGED, subject=patient_id))
    return [
        replace(
            row,
            made={**row.made, **taking.ids.get(row.line, {})},
            remarks=(*row.remarks, *taking.remarks.get(row.line, ())),
        )
        for row in written
    ]


def take_back_medicines(uow: UnitOfWork, made: ListImport, rows: Sequence[ImportRow]) -> dict[str, str]:
    """Undo what rows brought, the last first, by further versions; which ids stay, and why."""
    reason = f"import {made.id} undone"
    kept: dict[str, str] = {}
    changed: set[str] = set()
    for row in rows:
        for dispense_id in row.made.get(DISPENSES, []):
            if uow.medicines.take_back_dispense(dispense_id, now=uow.now):
                changed.add(row.patient_id or "")
            else:
                kept[dispense_id] = "a newer version"
        for statement_id in row.made.get(MEDICINES, []):
            if uow.medicines.take_back(statement_id, reason=reason, now=uow.now):
                changed.add(row.patient_id or "")
            else:
                kept[statement_id] = "a newer version"
    for patient_id in sorted(changed - {""}):
        uow.emit(DomainEvent(kind=EventKind.RECORD_CHANGED, subject=patient_id))
    return kept


class _Taking:
    """The rows of one transaction being taken."""

    def __init__(self, uow: UnitOfWork, made: ListImport, today: date) -> None:
        self._uow = uow
        self._made = made
        self._today = today
        self._source = f"list:{made.source or 'unnamed'}"[:100]
        self.ids: dict[int, dict[str, list[str]]] = {}
        self.remarks: dict[int, list[Fault]] = {}
        self.changed: set[str] = set()

    def take(self, patient_id: str, line: int, medicine: ListedMedicine) -> None:
        """Keep one row's medicine."""
        if medicine.days is not None:
            self._dispense(patient_id, line, medicine, medicine.days)
        if medicine.days != 0:
            self._statement(patient_id, line, medicine)

    def _dispense(self, patient_id: str, line: int, medicine: ListedMedicine, days: int) -> None:
        key = f"{medicine.number or medicine.on_day.isoformat()}:{_key_of(medicine)}"
        current = self._uow.medicines.current_dispense(patient_id, self._source, key)
        if days == 0 and (current is None or current.days_supplied == 0):
            self._remark(line, fault("", Code.NOTHING_TAKEN_BACK))
            return
        given = Dispense(
            id=new_id(),
            patient_id=PatientId(patient_id),
            code=_code_of(medicine),
            name=medicine.name,
            # What was taken back keeps the day on which it was handed out.
            dispensed_on=current.dispensed_on if days == 0 and current is not None else medicine.on_day,
            days_supplied=days,
            source=self._source,
            source_key=key,
            recorded_at=self._uow.now,
            recorded_by=self._made.created_by,
        )
        if current is not None and current.days_supplied and days and current.tells() != given.tells():
            before = f"{current.dispensed_on.isoformat()}, {current.days_supplied}"
            self._remark(line, fault("", Code.DISPENSE_REPLACED, about=before))
        kept = self._uow.medicines.put_dispense(given)
        self._note(patient_id, line, DISPENSES, kept.id, new=kept is not current)

    def _statement(self, patient_id: str, line: int, medicine: ListedMedicine) -> None:
        key = _key_of(medicine)
        current = self._uow.medicines.current(patient_id, self._source, key)
        if current is not None and current.state is MedicineState.ENTERED_IN_ERROR:
            current, before = None, current
        else:
            before = current
        if current is not None and current.since is not None and medicine.on_day < current.since:
            if (medicine.dose, medicine.schedule) != ("", ""):
                self._remark(line, fault("", Code.MEDICINE_OLDER))
            return
        given = self._stated(patient_id, key, medicine, current)
        if current is not None and _same_but_for_its_day(given, current):
            return
        kept = self._uow.medicines.put(given)
        self._note(patient_id, line, MEDICINES, kept.id, new=kept is not before)

    def _stated(
        self, patient_id: str, key: str, medicine: ListedMedicine, current: MedicineStatement | None
    ) -> MedicineStatement:
        """What holds after this row: a cell that is empty says nothing against what is known."""
        until = medicine.until
        if until is None and current is not None and current.until is not None and medicine.on_day <= current.until:
            until = current.until
        return MedicineStatement(
            id=new_id(),
            patient_id=PatientId(patient_id),
            basis=MedicineBasis.PRESCRIBED,
            code=_code_of(medicine) or (current.code if current else ""),
            name=medicine.name,
            dose=medicine.dose or (current.dose if current else ""),
            schedule=medicine.schedule or (current.schedule if current else ""),
            state=MedicineState.STOPPED if until is not None and until <= self._today else MedicineState.ACTIVE,
            since=medicine.on_day,
            until=until,
            source=self._source,
            source_key=key,
            recorded_at=self._uow.now,
            recorded_by=self._made.created_by,
        )

    def _note(self, patient_id: str, line: int, kind: str, entry_id: str, *, new: bool) -> None:
        if new:
            self.ids.setdefault(line, {}).setdefault(kind, []).append(entry_id)
            self.changed.add(patient_id)

    def _remark(self, line: int, remark: Fault) -> None:
        self.remarks.setdefault(line, []).append(remark)


def _code_of(medicine: ListedMedicine) -> str:
    return (medicine.atc or medicine.code)[:40]


def _key_of(medicine: ListedMedicine) -> str:
    return medicine.code or medicine.atc or medicine.name


def _same_but_for_its_day(given: MedicineStatement, current: MedicineStatement) -> bool:
    return replace(given, since=current.since).tells() == current.tells()
