"""Merging two records of one person: what hangs on the one goes to the other, and which rows went is kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, String, Table, Uuid, insert, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db.metadata import id_column, instant, metadata, reference
from runtime.identifiers import new_id

patient_merges = Table(
    "patient_merges",
    metadata,
    id_column(),
    reference("from_patient", "patients.id"),
    reference("into_patient", "patients.id"),
    Column("reason", String(500), nullable=False),
    Column("merged_by", Uuid(as_uuid=False), nullable=False),
    instant("merged_at"),
    Column("moved", JSONB, nullable=False),  # table → the keys of the rows that went over
    Column("left_behind", JSONB, nullable=False),  # table → the keys of rows whose like was there already
)

_KEEP = frozenset({"patients", "patient_merges"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """Which rows went over, by table, and which stayed because the other record has their like."""

    id: str
    moved: dict[str, list[str]]
    left_behind: dict[str, list[str]]


class MergeRepository:
    """Merges of patients; every table that refers to a patient takes part, also those that come later."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def merge(self, *, from_patient: str, into_patient: str, reason: str, by: str, at: datetime) -> Merged:
        """Move everything from the one patient to the other, and note every row."""
        moved: dict[str, list[str]] = {}
        left: dict[str, list[str]] = {}
        for table, column in _references():
            for key in self._keys(table, column, from_patient):
                went = self._move(table, column, key, into_patient)
                (moved if went else left).setdefault(table.name, []).append("/".join(map(str, key)))
        merge_id = new_id()
        self._session.execute(
            insert(patient_merges).values(
                id=merge_id,
                from_patient=from_patient,
                into_patient=into_patient,
                reason=reason,
                merged_by=by,
                merged_at=at,
                moved=moved,
                left_behind=left,
            )
        )
        # What was read before names the old patient.
        self._session.expire_all()
        return Merged(id=merge_id, moved=moved, left_behind=left)

    def of_patient(self, patient_id: str) -> Sequence[Any]:
        """The merges into a patient, oldest first."""
        return self._session.execute(
            select(patient_merges)
            .where(patient_merges.c.into_patient == patient_id)
            .order_by(patient_merges.c.merged_at)
        ).all()

    def merged_into(self, patient_id: str) -> str | None:
        """Where a patient's record went, None if it is still its own."""
        return self._session.scalar(
            select(patient_merges.c.into_patient).where(patient_merges.c.from_patient == patient_id)
        )

    def _keys(self, table: Table, column: Column[Any], patient_id: str) -> list[tuple[Any, ...]]:
        key = list(table.primary_key.columns)
        return [tuple(row) for row in self._session.execute(select(*key).where(column == patient_id).order_by(*key))]

    def _move(self, table: Table, column: Column[Any], key: tuple[Any, ...], into_patient: str) -> bool:
        this = [part == value for part, value in zip(table.primary_key.columns, key, strict=True)]
        try:
            with self._session.begin_nested():
                self._session.execute(update(table).where(*this).values({column.name: into_patient}))
        except IntegrityError:
            return False  # the same number, the same identifier: the other record has it
        return True


def _references() -> list[tuple[Table, Column[Any]]]:
    """Every column that refers to a patient."""
    return [
        (table, column)
        for table in metadata.sorted_tables
        if table.name not in _KEEP
        for column in table.columns
        if any(key.column.table.name == "patients" for key in column.foreign_keys)
    ]
