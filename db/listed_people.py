"""Who of a list is known already, and the bulk statements by which people come in."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import insert, select, tuple_, update
from sqlalchemy.orm import Session

from care.consent import ConsentScope, Purpose
from care.identifiers import IdentifierKind
from care.patients import ContactPoint, NumberQuality, Patient
from db.audit import audit_log
from db.merges import holds, patient_merges
from db.patients import consents, contact_points, encounters, patients, person_identifiers

RECORD_NUMBER = "record_number"

Key = tuple[str, str]
"""What stands for one person: `record_number` or a kind of identifier, and its value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownNumber:
    """A number under which somebody is known."""

    id: str
    number: str
    rank: int
    quality: NumberQuality


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPerson:
    """A patient as far as a list may contradict or complete him."""

    id: str
    name: str
    born: date | None = None
    sex: str | None = None
    dialect: str | None = None
    keys: frozenset[Key] = frozenset()
    numbers: tuple[KnownNumber, ...] = ()
    deceased: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownVisit:
    """A visit that is known."""

    id: str
    patient_id: str
    kind: str
    department: str
    occurred_at: datetime
    visit_number: str | None


@dataclass(slots=True, kw_only=True)
class NewRows:
    """What a chunk of a list adds, by table; each row is a mapping of columns."""

    patients: list[dict[str, object]] = field(default_factory=list)
    numbers: list[dict[str, object]] = field(default_factory=list)
    identifiers: list[dict[str, object]] = field(default_factory=list)
    encounters: list[dict[str, object]] = field(default_factory=list)
    consents: list[dict[str, object]] = field(default_factory=list)
    audit: list[dict[str, object]] = field(default_factory=list)
    moved_numbers: list[dict[str, object]] = field(default_factory=list)  # id, rank
    filled: list[dict[str, object]] = field(default_factory=list)  # id, born, sex, dialect


class ListedPeople:
    """People as lists see them: hundreds in one statement."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def by_keys(self, keys: Collection[Key]) -> dict[Key, str]:
        """Patients' ids by what stands for them."""
        found: dict[Key, str] = {}
        records = [value for kind, value in keys if kind == RECORD_NUMBER]
        if records:
            rows = self._session.execute(
                select(patients.c.record_number, patients.c.id).where(patients.c.record_number.in_(records))
            )
            found.update({(RECORD_NUMBER, value): patient_id for value, patient_id in rows})
        others = [(kind, value) for kind, value in keys if kind != RECORD_NUMBER]
        # A record number may be the patient's own in one list and an additional one in another.
        others += [(IdentifierKind.MEDICAL_RECORD.value, value) for value in records]
        if others:
            identifier = person_identifiers.c
            rows3 = self._session.execute(
                select(identifier.kind, identifier.value, identifier.patient_id).where(
                    tuple_(identifier.kind, identifier.value).in_(others)
                )
            )
            for kind, value, patient_id in rows3:
                found[(kind.value, value)] = patient_id
                if kind is IdentifierKind.MEDICAL_RECORD:
                    found.setdefault((RECORD_NUMBER, value), patient_id)
        own = [value for kind, value in keys if kind == IdentifierKind.MEDICAL_RECORD.value]
        if own:
            rows = self._session.execute(
                select(patients.c.record_number, patients.c.id).where(patients.c.record_number.in_(own))
            )
            for value, patient_id in rows:
                found.setdefault((IdentifierKind.MEDICAL_RECORD.value, value), patient_id)
        now = self._merged(set(found.values()))
        return {key: now.get(patient_id, patient_id) for key, patient_id in found.items()}

    def persons(self, ids: Collection[str]) -> dict[str, KnownPerson]:
        """These patients with their numbers and identifiers."""
        if not ids:
            return {}
        numbers: dict[str, list[KnownNumber]] = {}
        point = contact_points.c
        for row in self._session.execute(
            select(point.patient_id, point.id, point.number, point.rank, point.quality)
            .where(point.patient_id.in_(ids))
            .order_by(point.rank, point.id)
        ):
            numbers.setdefault(row.patient_id, []).append(
                KnownNumber(id=row.id, number=row.number, rank=row.rank, quality=row.quality)
            )
        keys: dict[str, set[Key]] = {}
        identifier = person_identifiers.c
        for patient_id, kind, value in self._session.execute(
            select(identifier.patient_id, identifier.kind, identifier.value).where(identifier.patient_id.in_(ids))
        ):
            keys.setdefault(patient_id, set()).add((kind.value, value))
        person = patients.c
        return {
            row.id: KnownPerson(
                id=row.id,
                name=row.name,
                born=row.born,
                sex=row.sex,
                dialect=row.dialect,
                keys=frozenset({(RECORD_NUMBER, row.record_number), *keys.get(row.id, ())}),
                numbers=tuple(numbers.get(row.id, ())),
                deceased=row.deceased_at is not None,
            )
            for row in self._session.execute(
                select(
                    person.id,
                    person.name,
                    person.born,
                    person.sex,
                    person.dialect,
                    person.record_number,
                    person.deceased_at,
                ).where(person.id.in_(ids))
            )
        }

    def by_numbers(self, numbers: Collection[str]) -> dict[str, list[str]]:
        """Patients' ids by telephone number."""
        found: dict[str, list[str]] = {}
        if numbers:
            point = contact_points.c
            for number, patient_id in self._session.execute(
                select(point.number, point.patient_id).where(point.number.in_(numbers)).order_by(point.patient_id)
            ):
                found.setdefault(number, []).append(patient_id)
        now = self._merged({one for ids in found.values() for one in ids})
        return {number: list(dict.fromkeys(now.get(one, one) for one in ids)) for number, ids in found.items()}

    def visits_of(self, ids: Collection[str], kind: str) -> dict[str, list[KnownVisit]]:
        """The visits of one kind that these patients have."""
        found: dict[str, list[KnownVisit]] = {}
        if ids:
            visit = encounters.c
            for row in self._session.execute(
                select(
                    visit.id, visit.patient_id, visit.kind, visit.department, visit.occurred_at, visit.visit_number
                ).where(visit.patient_id.in_(ids), visit.kind == kind)
            ):
                found.setdefault(row.patient_id, []).append(KnownVisit(**row._asdict()))
        return found

    def _merged(self, ids: Collection[str]) -> dict[str, str]:
        """Where records went that were merged into others, to the last of a chain."""
        found: dict[str, str] = {}
        asked = set(ids)
        while asked:
            merge = patient_merges.c
            steps = self._session.execute(
                select(merge.from_patient, merge.into_patient).where(merge.from_patient.in_(asked), holds())
            ).all()
            went = {row.from_patient: row.into_patient for row in steps}
            found = {start: went.get(end, end) for start, end in found.items()} | {
                start: end for start, end in went.items() if start not in found
            }
            asked = set(went.values()) - found.keys()
        return found

    def spoken(self, ids: Collection[str], purpose: Purpose) -> set[tuple[str, ConsentScope]]:
        """For which scopes these patients have said anything about a purpose."""
        if not ids:
            return set()
        said = consents.c
        found = self._session.execute(
            select(said.patient_id, said.scope).where(said.patient_id.in_(ids), said.purpose == purpose).distinct()
        )
        return {(row.patient_id, row.scope) for row in found}

    def add(self, new: NewRows) -> None:
        """Write a chunk, each table in one go."""
        for table, rows in (
            (patients, new.patients),
            (contact_points, new.numbers),
            (person_identifiers, new.identifiers),
            (encounters, new.encounters),
            (consents, new.consents),
            (audit_log, new.audit),
        ):
            if rows:
                self._session.execute(insert(table), rows)
        if new.moved_numbers:
            self._session.execute(update(ContactPoint), new.moved_numbers)
        if new.filled:
            self._session.execute(update(Patient), new.filled)
