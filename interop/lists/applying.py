"""Writing a checked list: chunk by chunk, each in one transaction, each row once, whoever is killed on the way."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import structlog

from care.consent import ConsentScope
from care.identifiers import IdentifierKind
from care.patients import NumberQuality
from db.listed_people import RECORD_NUMBER, Key, KnownNumber, KnownVisit, NewRows
from db.refusals import RowRefusedError
from db.unit_of_work import UnitOfWork, UnitsOfWork
from followup.events import DomainEvent, EventKind
from followup.imports import ImportRow, ImportState, ImportTrigger, ListImport, ListKind, RowState, next_import_state
from interop.lists.checking import CHUNK, ListSurroundings, Progress, look_at, nobody_looks, rules_of
from interop.lists.exams import take_exams
from interop.lists.faults import Code, fault
from interop.lists.listed import ListedPerson
from interop.lists.matching import LINE, Match, Newcomers
from interop.lists.medicines import take_medicines
from runtime.identifiers import new_id

log = structlog.get_logger(__name__)

TO_APPLY = "to_apply"
_OWN_RECORD = "SF-"  # begins the record number of a person for whom the list gave none


class NotNowError(ValueError):
    """What was asked of an import cannot be done in its state; the sentence says why."""


def ask_to_apply(uow: UnitOfWork, made: ListImport, *, by: str | None) -> None:
    """Let the import be written: by a worker that hears of the event, or by whoever calls `apply_import`."""
    ready = uow.imports.counts(made.id)[RowState.READY.value]
    if made.state not in {ImportState.CHECKED, ImportState.APPLIED}:
        raise NotNowError(f"the list is {made.state.value}; only one that is checked can be applied")
    if made.rows_forgotten_at is not None:
        raise NotNowError("the rows of this list are no longer kept; send the file again")
    if not ready:
        raise NotNowError("no row of the list is ready; correct the rows with errors, or decide the undecided ones")
    made.state = next_import_state(made.state, ImportTrigger.APPLY)
    made.done = 0
    made.counts = {**made.counts, TO_APPLY: ready}
    made.moved_at = uow.now
    uow.audit.note(
        user_id=by,
        action="import_applied",
        subject_kind="import",
        subject=made.id,
        detail={"kind": made.kind.value, "rows": ready},
    )
    uow.emit(DomainEvent(kind=EventKind.IMPORT_TO_APPLY, subject=made.id, ids=progress_ids(made)))


def apply_import(
    units: UnitsOfWork, import_id: str, surroundings: ListSurroundings, *, progress: Progress = nobody_looks
) -> None:
    """Write what is ready, from wherever the last one got to."""
    while True:
        try:
            with units() as uow:
                count = apply_chunk(uow, import_id, surroundings)
                uow.commit()
        except RowRefusedError:
            # Somebody else brought one of these people in meanwhile, or one row is not what we think it is.
            log.warning("import_chunk_refused", list_import=import_id)
            with units() as uow:
                count = apply_chunk(uow, import_id, surroundings, one_by_one=True)
                uow.commit()
        if count == 0:
            return
        progress(count)


def apply_chunk(
    uow: UnitOfWork, import_id: str, surroundings: ListSurroundings, *, one_by_one: bool = False, limit: int = CHUNK
) -> int:
    """Write the next rows of an import that is being applied; how many, none when it is done."""
    made = uow.imports.locked(import_id)
    if made is None or made.state is not ImportState.APPLYING:
        return 0
    rows = uow.imports.rows(made.id, states=[RowState.READY], limit=limit)
    if not rows:
        made.state = next_import_state(made.state, ImportTrigger.FINISH)
        made.counts = {**uow.imports.counts(made.id), TO_APPLY: made.counts.get(TO_APPLY, 0)}
        _tell(uow, made)
        log.info("import_applied", list_import=made.id, rows_count=made.done)
        return 0
    if one_by_one:
        for row in rows:
            _write_alone(uow, made, row, surroundings)
    else:
        _write(uow, made, rows, surroundings)
    made.done += len(rows)
    made.moved_at = uow.now
    _tell(uow, made)
    return len(rows)


def progress_ids(made: ListImport) -> dict[str, str]:
    """What the live stream carries of an import under way."""
    total = made.counts.get(TO_APPLY, made.total)
    return {"state": made.state.value, "done": str(made.done), "total": str(total), "kind": made.kind.value}


def _tell(uow: UnitOfWork, made: ListImport) -> None:
    uow.emit(DomainEvent(kind=EventKind.IMPORT_PROGRESSED, subject=made.id, ids=progress_ids(made)))


def _write_alone(uow: UnitOfWork, made: ListImport, row: ImportRow, surroundings: ListSurroundings) -> None:
    try:
        with uow.savepoint():
            _write(uow, made, [row], surroundings)
    except RowRefusedError:
        log.exception("import_row_refused", list_import=made.id, line=row.line)
        uow.imports.save(made.id, [replace(row, state=RowState.BAD, faults=(fault("", Code.REFUSED),))], {})


def _write(uow: UnitOfWork, made: ListImport, rows: Sequence[ImportRow], surroundings: ListSurroundings) -> None:
    looked_at, templates = look_at(uow, rows, rules_of(made, surroundings, uow.now), Newcomers())
    earlier = {int(row.decision.removeprefix(LINE)) for row in rows if row.decision and row.decision.startswith(LINE)}
    chunk = _Chunk(
        uow=uow,
        made=made,
        zone=surroundings.zone.key,
        patients_by_line=uow.imports.patients_of_lines(made.id, earlier) if earlier else {},
        spoken=uow.listed_people.spoken({row.patient_id for row, _ in looked_at if row.patient_id}, made.kind.purpose),
    )
    written = [chunk.write(row, matched) if matched else row for row, matched in looked_at]
    uow.listed_people.add(chunk.new)
    if made.kind.brings_findings:
        people = {row.line: matched.row for row, matched in looked_at if matched}
        if made.kind is ListKind.EXAM:
            written = take_exams(uow, surroundings.content, made, written, people)
        else:
            written = take_medicines(uow, made, written, people, surroundings.zone)
    uow.imports.save(made.id, written, templates)


@dataclass(slots=True)
class _Person:
    """A person as this chunk leaves him."""

    id: str
    keys: set[Key]
    numbers: list[KnownNumber] = field(default_factory=list)
    visits: list[KnownVisit] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class _Chunk:
    """The rows of one transaction: what they add, and who of them is who."""

    uow: UnitOfWork
    made: ListImport
    zone: str
    patients_by_line: dict[int, str]
    spoken: Collection[tuple[str, ConsentScope]]
    new: NewRows = field(default_factory=NewRows)
    persons: dict[str, _Person] = field(default_factory=dict)

    def write(self, row: ImportRow, matched: Match) -> ImportRow:
        """Add what the row brings; the row as it is afterwards."""
        if row.state is not RowState.READY:
            return row
        if matched.same_as_line is not None and matched.same_as_line not in self.patients_by_line:
            # The line it belongs to was not taken, so this one stands for nobody yet.
            return replace(row, state=RowState.UNDECIDED, candidates=())
        ids: dict[str, list[str]] = {}
        person = self._person(matched, ids)
        self.patients_by_line[row.line] = person.id
        self._add_identifiers(person, matched.row, ids)
        self._add_numbers(person, matched.row, ids)
        encounter_id = self._add_visit(person, matched, ids)
        self._add_consents(person, matched.row, ids)
        self._fill(matched, ids)
        self.new.audit.append(self._audited(person.id, row.line, ids))
        return replace(
            row, state=RowState.APPLIED, patient_id=person.id, encounter_id=encounter_id, made=ids, candidates=()
        )

    def _person(self, matched: Match, ids: dict[str, list[str]]) -> _Person:
        if matched.same_as_line is not None:
            patient_id = self.patients_by_line[matched.same_as_line]
            return self.persons.setdefault(patient_id, self._known(patient_id))
        if matched.patient is not None:
            known = matched.patient
            return self.persons.setdefault(
                known.id, _Person(id=known.id, keys=set(known.keys), numbers=list(known.numbers))
            )
        row = matched.row
        patient_id = new_id()
        ids["patients"] = [patient_id]
        record_number = next((value for kind, value in row.keys if kind == RECORD_NUMBER), _OWN_RECORD + patient_id)
        self.new.patients.append(
            {
                "id": patient_id,
                "record_number": record_number,
                "name": row.name,
                "language": row.language or "zh",
                "zone": row.zone or self.zone,
                "born": row.born,
                "sex": row.sex,
                "dialect": row.dialect,
                "synthetic": self.made.synthetic,
                "created_at": self.uow.now,
            }
        )
        person = _Person(id=patient_id, keys={(RECORD_NUMBER, record_number)})
        self.persons[patient_id] = person
        return person

    def _known(self, patient_id: str) -> _Person:
        if patient_id in self.persons:
            return self.persons[patient_id]
        known = self.uow.listed_people.persons([patient_id])[patient_id]
        return _Person(id=known.id, keys=set(known.keys), numbers=list(known.numbers))

    def _add_identifiers(self, person: _Person, row: ListedPerson, ids: dict[str, list[str]]) -> None:
        for kind, value in row.keys:
            stored, same = (kind, value), {(kind, value)}
            if kind in {RECORD_NUMBER, IdentifierKind.MEDICAL_RECORD.value}:
                stored = (IdentifierKind.MEDICAL_RECORD.value, value)
                same = {stored, (RECORD_NUMBER, value)}
            if same & person.keys:
                continue
            identifier_id = new_id()
            person.keys.add(stored)
            ids.setdefault("identifiers", []).append(identifier_id)
            self.new.identifiers.append(
                {"id": identifier_id, "patient_id": person.id, "kind": IdentifierKind(stored[0]), "value": value}
            )

    def _add_numbers(self, person: _Person, row: ListedPerson, ids: dict[str, list[str]]) -> None:
        known = {each.number for each in person.numbers}
        fresh = [each for each in row.numbers if each.number not in known]
        if not fresh:
            return
        # What a newer list says is dialed first, unless a number has been found to be right.
        first = not any(each.quality is NumberQuality.VERIFIED for each in person.numbers)
        if first and "patients" not in ids:
            in_database = {each["id"] for each in self.new.numbers}
            for place, each in enumerate(person.numbers):
                moved = replace(each, rank=each.rank + len(fresh))
                person.numbers[place] = moved
                if each.id not in in_database:
                    self.new.moved_numbers.append({"id": each.id, "rank": moved.rank})
            rank = 1
        else:
            rank = max((each.rank for each in person.numbers), default=0) + 1
        for place, listed in enumerate(fresh):
            point_id = new_id()
            ids.setdefault("numbers", []).append(point_id)
            person.numbers.append(
                KnownNumber(id=point_id, number=listed.number, rank=rank + place, quality=NumberQuality.UNVERIFIED)
            )
            self.new.numbers.append(
                {
                    "id": point_id,
                    "patient_id": person.id,
                    "number": listed.number,
                    "owner": listed.owner,
                    "label": listed.label[:100],
                    "rank": rank + place,
                    "quality": NumberQuality.UNVERIFIED,
                    "do_not_call": False,
                }
            )

    def _add_visit(self, person: _Person, matched: Match, ids: dict[str, list[str]]) -> str | None:
        visit = matched.row.visit
        if visit is None:
            return None
        if matched.visit is not None:
            return matched.visit.id
        for known in person.visits:
            if (known.occurred_at, known.visit_number, known.department) == (
                visit.occurred_at,
                visit.number,
                visit.department,
            ):
                return known.id
        encounter_id = new_id()
        ids["encounters"] = [encounter_id]
        person.visits.append(
            KnownVisit(
                id=encounter_id,
                patient_id=person.id,
                kind=self.made.kind.value,
                department=visit.department,
                occurred_at=visit.occurred_at,
                visit_number=visit.number,
            )
        )
        self.new.encounters.append(
            {
                "id": encounter_id,
                "patient_id": person.id,
                "department": visit.department,
                "kind": self.made.kind.value,
                "occurred_at": visit.occurred_at,
                "visit_number": visit.number,
                "ward": visit.ward,
                "doctor": visit.doctor,
                "source": f"list:{self.made.source}"[:100],
            }
        )
        return encounter_id

    def _add_consents(self, person: _Person, row: ListedPerson, ids: dict[str, list[str]]) -> None:
        for scope, granted in row.consents:
            # A yes on a list may be older than what the patient has said himself since; a no is always heard.
            if granted and (person.id, scope) in self.spoken:
                continue
            consent_id = new_id()
            ids.setdefault("consents", []).append(consent_id)
            self.new.consents.append(
                {
                    "id": consent_id,
                    "patient_id": person.id,
                    "purpose": self.made.kind.purpose,
                    "scope": scope,
                    "granted": granted,
                    "source": "list",
                    "recorded_at": self.uow.now,
                }
            )

    def _fill(self, matched: Match, ids: dict[str, list[str]]) -> None:
        known, row = matched.patient, matched.row
        if known is None:
            return
        filled: Mapping[str, object] = {
            name: told
            for name, told in (("born", row.born), ("sex", row.sex), ("dialect", row.dialect))
            if told is not None and getattr(known, name) is None
        }
        if filled:
            ids["filled"] = sorted(filled)
            self.new.filled.append({"id": known.id, **filled})

    def _audited(self, patient_id: str, line: int, ids: Mapping[str, Sequence[str]]) -> dict[str, object]:
        return {
            "at": self.uow.now,
            "user_id": self.made.created_by,
            "action": "patient_imported",
            "subject_kind": "patient",
            "subject": patient_id,
            "patient_id": patient_id,
            "detail": {"import": self.made.id, "line": line, "added": sorted(ids)},
        }
