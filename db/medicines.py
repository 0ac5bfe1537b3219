"""Medicines and what was handed out, in versions by source: tables, mappings, repository. Rows only grow."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import TypeVar

from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    Index,
    Integer,
    String,
    Table,
    Text,
    Uuid,
    func,
    select,
    text,
    update,
)
from sqlalchemy.orm import Session

from care.medicines import Dispense, MedicineBasis, MedicineState, MedicineStatement
from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference
from runtime.identifiers import new_id

_CURRENT = text("superseded_at IS NULL")

medicine_statements = Table(
    "medicine_statements",
    metadata,
    id_column(),
    reference("patient_id", "patients.id", index=False),
    closed_set("basis", MedicineBasis),
    Column("code", String(40), nullable=False, default=""),
    Column("name", String(300), nullable=False),
    Column("dose", String(200), nullable=False, default=""),
    Column("schedule", String(300), nullable=False, default=""),
    Column("reason", Text, nullable=False, default=""),
    closed_set("state", MedicineState),
    Column("since", Date, nullable=True),
    Column("until", Date, nullable=True),
    Column("source", String(100), nullable=False),
    Column("source_key", String(200), nullable=False),
    Column("version", Integer, nullable=False),
    Column("restores", Uuid(as_uuid=False), nullable=True),
    instant("superseded_at", nullable=True),
    instant("recorded_at"),
    Column("recorded_by", Uuid(as_uuid=False), nullable=True),
    Index("ix_medicine_statements_patient", "patient_id", "recorded_at", "id"),
    Index("uq_medicine_statements_version", "patient_id", "source", "source_key", "version", unique=True),
    Index(
        "uq_medicine_statements_current",
        "patient_id",
        "source",
        "source_key",
        unique=True,
        postgresql_where=_CURRENT,
    ),
)

dispenses = Table(
    "dispenses",
    metadata,
    id_column(),
    reference("patient_id", "patients.id", index=False),
    Column("code", String(40), nullable=False),
    Column("name", String(300), nullable=False),
    Column("dispensed_on", Date, nullable=False),
    Column("days_supplied", Integer, nullable=False),
    Column("source", String(100), nullable=False),
    Column("source_key", String(200), nullable=False),
    Column("version", Integer, nullable=False),
    Column("restores", Uuid(as_uuid=False), nullable=True),
    instant("superseded_at", nullable=True),
    instant("recorded_at"),
    Column("recorded_by", Uuid(as_uuid=False), nullable=True),
    CheckConstraint("days_supplied BETWEEN 0 AND 400", name="days_possible"),
    Index("ix_dispenses_patient", "patient_id", "dispensed_on", "id"),
    Index("uq_dispenses_version", "patient_id", "source", "source_key", "version", unique=True),
    Index("uq_dispenses_current", "patient_id", "source", "source_key", unique=True, postgresql_where=_CURRENT),
)

mapper_registry.map_imperatively(MedicineStatement, medicine_statements)
mapper_registry.map_imperatively(Dispense, dispenses)

Versioned = TypeVar("Versioned", MedicineStatement, Dispense)


class MedicineRepository:
    """What a patient is to take, says he takes, and was handed out. The same source and key is the same entry."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, statement: MedicineStatement) -> MedicineStatement:
        """Take in a statement: said again it changes nothing, said otherwise it supersedes; the version that holds."""
        return self._put(MedicineStatement, medicine_statements, statement)

    def put_dispense(self, dispense: Dispense) -> Dispense:
        """Take in what was handed out, in the same way."""
        return self._put(Dispense, dispenses, dispense)

    def take_back(self, statement_id: str, *, reason: str, now: datetime) -> bool:
        """Undo a version: the one before it counts again, or nothing does; False if a newer one has taken its place."""
        one = self._session.get(MedicineStatement, statement_id)
        if one is None or one.state is MedicineState.ENTERED_IN_ERROR:
            return False
        void = replace(one, state=MedicineState.ENTERED_IN_ERROR, reason=reason, restores=None)
        return self._take_back(MedicineStatement, medicine_statements, one, void, now)

    def take_back_dispense(self, dispense_id: str, *, now: datetime) -> bool:
        """Undo what was told of a supply, in the same way; one of which nothing remains lasts no day."""
        one = self._session.get(Dispense, dispense_id)
        if one is None:
            return False
        return self._take_back(Dispense, dispenses, one, replace(one, days_supplied=0, restores=None), now)

    def current(self, patient_id: str, source: str, source_key: str) -> MedicineStatement | None:
        """The version of an entry that holds."""
        return self._current(MedicineStatement, medicine_statements, patient_id, source, source_key)

    def current_dispense(self, patient_id: str, source: str, source_key: str) -> Dispense | None:
        """What holds of a supply."""
        return self._current(Dispense, dispenses, patient_id, source, source_key)

    def get(self, statement_id: str) -> MedicineStatement | None:
        """The version with this id."""
        return self._session.get(MedicineStatement, statement_id)

    def for_update(self, statement_id: str) -> MedicineStatement | None:
        """The version with this id, locked: who changes it too waits, and finds that a newer one holds."""
        return self._session.scalar(
            select(MedicineStatement)
            .where(medicine_statements.c.id == statement_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )

    def current_of(self, patient_id: str) -> Sequence[MedicineStatement]:
        """What holds now: stopped ones too, newest first."""
        return self._session.scalars(
            select(MedicineStatement)
            .where(medicine_statements.c.patient_id == patient_id, medicine_statements.c.superseded_at.is_(None))
            .order_by(medicine_statements.c.recorded_at.desc(), medicine_statements.c.id)
        ).all()

    def versions_of(self, statement_id: str) -> Sequence[MedicineStatement]:
        """Every version of the entry that this is a version of, oldest first."""
        one = self.get(statement_id)
        if one is None:
            return []
        return self._session.scalars(
            select(MedicineStatement)
            .where(
                medicine_statements.c.patient_id == one.patient_id,
                medicine_statements.c.source == one.source,
                medicine_statements.c.source_key == one.source_key,
            )
            .order_by(medicine_statements.c.version)
            .execution_options(populate_existing=True)
        ).all()

    def dispenses_of(self, patient_id: str, *, since: date | None = None) -> Sequence[Dispense]:
        """What was handed out, oldest first."""
        query = (
            select(Dispense)
            .where(dispenses.c.patient_id == patient_id, dispenses.c.superseded_at.is_(None))
            .order_by(dispenses.c.dispensed_on, dispenses.c.id)
        )
        if since is not None:
            query = query.where(dispenses.c.dispensed_on >= since)
        return self._session.scalars(query).all()

    def _put(self, kind: type[Versioned], table: Table, entry: Versioned) -> Versioned:
        key = f"{table.name}/{entry.patient_id}/{entry.source}/{entry.source_key}"
        self._session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(key, 0))))
        current = self._current(kind, table, entry.patient_id, entry.source, entry.source_key)
        if current is not None and current.tells() == entry.tells():
            return current
        version = 1
        if current is not None:
            version = current.version + 1
            self._session.execute(
                update(table)
                .where(table.c.id == current.id)
                .values(superseded_at=entry.recorded_at)
                .execution_options(synchronize_session=False)
            )
            self._session.expire(current)
        taken = current is not None and current.id == entry.id
        added = replace(entry, id=new_id() if taken else entry.id, version=version, superseded_at=None)
        self._session.add(added)
        self._session.flush()
        return added

    def _current(
        self, kind: type[Versioned], table: Table, patient_id: str, source: str, source_key: str
    ) -> Versioned | None:
        return self._session.scalar(
            select(kind).where(
                table.c.patient_id == patient_id,
                table.c.source == source,
                table.c.source_key == source_key,
                table.c.superseded_at.is_(None),
            )
        )

    def _take_back(self, kind: type[Versioned], table: Table, one: Versioned, void: Versioned, now: datetime) -> bool:
        current = self._current(kind, table, one.patient_id, one.source, one.source_key)
        if current is None or one.id not in (current.id, current.restores):
            return False
        before = self._session.scalar(
            select(kind).where(
                table.c.patient_id == one.patient_id,
                table.c.source == one.source,
                table.c.source_key == one.source_key,
                table.c.version == one.version - 1,
            )
        )
        again = void if before is None else replace(before, restores=before.restores or before.id)
        self._put(kind, table, replace(again, id=new_id(), recorded_at=now, recorded_by=None, superseded_at=None))
        return True
