"""Merging two records of one person, and taking it back: which rows went where is kept row by row."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    ForeignKey,
    Select,
    String,
    Table,
    Uuid,
    cast,
    exists,
    func,
    insert,
    or_,
    select,
    text,
    update,
)
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
    Column("merged_by", Uuid(as_uuid=False), nullable=True),  # empty where the hospital itself told of it
    instant("merged_at"),
    Column("moved", JSONB, nullable=False),  # table → the keys of the rows that went over
    Column("left_behind", JSONB, nullable=False),  # table → the keys of rows whose like was there already
    # What of the record that stays was made another: where → [before, after].
    Column("changed", JSONB, nullable=False, default=dict, server_default=text("'{}'::jsonb")),
)

merge_undos = Table(
    "merge_undos",
    metadata,
    id_column(),
    Column("merge_id", Uuid(as_uuid=False), ForeignKey("patient_merges.id"), nullable=False, unique=True),
    Column("reason", String(500), nullable=False),
    Column("undone_by", Uuid(as_uuid=False), nullable=False),
    instant("undone_at"),
    Column("returned", JSONB, nullable=False),  # table → the keys of the rows that went back
    Column("stayed", JSONB, nullable=False),  # table → the keys of moved rows that are elsewhere by now
)

_KEEP = frozenset({"patients", "patient_merges"})

_BY_THE_WAY = frozenset({"contact_points"})
"""What a row names and does not belong to: a call is its task's, whichever number it was made to."""

Keys = dict[str, list[str]]
"""Keys of rows by table; a table that refers to patients in two columns has an entry of each: table.column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """Which rows went over, by table, and which stayed because the other record has their like."""

    id: str
    moved: Keys
    left_behind: Keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """Which rows went back, by table, and which of the moved ones are elsewhere by now."""

    id: str
    returned: Keys
    stayed: Keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """A merger as it is kept, with its undoing if there was one."""

    id: str
    from_patient: str
    into_patient: str
    reason: str
    merged_by: str | None
    merged_at: datetime
    moved: Keys
    left_behind: Keys
    changed: Mapping[str, Any] = field(default_factory=dict)
    undone_at: datetime | None = None
    undone_by: str | None = None
    undone_because: str | None = None
    returned: Keys | None = None
    stayed: Keys | None = None


def holds() -> ColumnElement[bool]:
    """True of a merger that nobody has taken back."""
    return ~exists().where(merge_undos.c.merge_id == patient_merges.c.id)


class MergeRepository:
    """Merges of patients; every table that refers to a patient takes part, also those that come later."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def merge(
        self,
        *,
        from_patient: str,
        into_patient: str,
        reason: str,
        by: str | None,
        at: datetime,
        changed: Mapping[str, Any] | None = None,
    ) -> Merged:
        """Move everything from the one patient to the other, and note every row."""
        moved: Keys = {}
        left: Keys = {}
        self._open_the_records(True)
        for place in _references():
            keys = self._keys(place, from_patient)
            went = self._move(place, keys, into_patient)
            for key in keys:
                (moved if key in went else left).setdefault(place.name, []).append(_written(key))
        self._open_the_records(False)
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
                changed=dict(changed or {}),
            )
        )
        # What was read before names the old patient.
        self._session.expire_all()
        return Merged(id=merge_id, moved=moved, left_behind=left)

    def undo(self, merge: Merge, *, reason: str, by: str, at: datetime) -> Undone:
        """Give back what went over and is still there, with what has come to hang on it alone since."""
        returned: Keys = {}
        stayed: Keys = {}
        going: dict[str, set[Any]] = {}
        self._open_the_records(True)
        for place in _references():
            there = self._keys(place, merge.into_patient)
            asked = {place.here(key, merge.into_patient) for key in place.read(merge.moved.get(place.name, ()))}
            since = self._hanging_on(place, there, asked, going, merge.into_patient)
            wanted = [key for key in there if key in asked or key in since]
            went = self._move(place, wanted, merge.from_patient)
            going.setdefault(place.table.name, set()).update(key[0] for key in went if len(key) == 1)
            if went:
                returned[place.name] = [_written(key) for key in wanted if key in went]
            if lost := sorted(_written(key) for key in asked - went):
                stayed[place.name] = lost
        self._open_the_records(False)
        undo_id = new_id()
        self._session.execute(
            insert(merge_undos).values(
                id=undo_id,
                merge_id=merge.id,
                reason=reason,
                undone_by=by,
                undone_at=at,
                returned=returned,
                stayed=stayed,
            )
        )
        self._session.expire_all()
        return Undone(id=undo_id, returned=returned, stayed=stayed)

    def get(self, merge_id: str) -> Merge | None:
        """The merger with this id."""
        return next(iter(self._read(_told().where(patient_merges.c.id == merge_id))), None)

    def of_patient(self, patient_id: str) -> Sequence[Merge]:
        """The mergers from and into a record, undone ones too, oldest first."""
        merge = patient_merges.c
        return self._read(_told().where(or_(merge.into_patient == patient_id, merge.from_patient == patient_id)))

    def merged_into(self, patient_id: str) -> str | None:
        """Where a patient's record went, None if it is its own."""
        return self._session.scalar(
            select(patient_merges.c.into_patient).where(patient_merges.c.from_patient == patient_id, holds())
        )

    def whole(self, patient_id: str) -> Sequence[str]:
        """A record and all that went into it, over however many steps."""
        led = select(cast(patient_id, Uuid(as_uuid=False)).label("id")).cte("led", recursive=True)
        led = led.union(select(patient_merges.c.from_patient).where(patient_merges.c.into_patient == led.c.id, holds()))
        return self._session.scalars(select(led.c.id)).all()

    def _read(self, query: Select[Any]) -> list[Merge]:
        rows = self._session.execute(query.order_by(patient_merges.c.merged_at, patient_merges.c.id))
        return [Merge(**row) for row in rows.mappings()]

    def _open_the_records(self, opened: bool) -> None:
        """Let rows that are never changed go from the one patient to the other; nothing but that is done meanwhile."""
        self._session.flush()
        self._session.execute(select(func.set_config("suifang.merging", "on" if opened else "off", True)))

    def _keys(self, place: "_Place", patient_id: str) -> list[tuple[Any, ...]]:
        rows = self._session.execute(select(*place.key).where(place.column == patient_id).order_by(*place.key))
        return [tuple(row) for row in rows]

    def _move(self, place: "_Place", keys: Sequence[tuple[Any, ...]], into_patient: str) -> set[tuple[Any, ...]]:
        """Which of these rows went over: all in one statement, or one by one where one of them cannot."""
        if not keys:
            return set()
        values = {place.column.name: into_patient}
        try:
            with self._session.begin_nested():
                if len(place.key) == 1 and place.key[0] is not place.column:
                    ids = [key[0] for key in keys]
                    self._session.execute(update(place.table).where(place.key[0].in_(ids)).values(values))
                else:
                    for key in keys:
                        self._session.execute(update(place.table).where(*place.this(key)).values(values))
        except IntegrityError:
            return {key for key in keys if self._move_one(place, key, values)}
        return set(keys)

    def _move_one(self, place: "_Place", key: tuple[Any, ...], values: Mapping[str, str]) -> bool:
        try:
            with self._session.begin_nested():
                self._session.execute(update(place.table).where(*place.this(key)).values(values))
        except IntegrityError:
            return False  # the same number, the same identifier: the other record has it
        return True

    def _hanging_on(
        self,
        place: "_Place",
        there: Sequence[tuple[Any, ...]],
        asked: set[tuple[Any, ...]],
        going: Mapping[str, set[Any]],
        patient_id: str,
    ) -> set[tuple[Any, ...]]:
        """Rows that came after the merger and hang on rows that go back, and on none that stays."""
        parents = [
            (column, going[key.column.table.name])
            for column in place.table.columns
            for key in column.foreign_keys
            if key.column.table.name in going.keys() - _BY_THE_WAY and key.column.table is not place.table
        ]
        if not parents or not there or len(place.key) != 1:
            return set()
        rows = self._session.execute(
            select(*place.key, *(column for column, _ in parents)).where(place.column == patient_id)
        )
        found = set()
        for key, *ids in rows:
            named = [(parent, gone) for parent, (_, gone) in zip(ids, parents, strict=True) if parent is not None]
            if (key,) not in asked and named and all(parent in gone for parent, gone in named):
                found.add((key,))
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A column that refers to a patient."""

    name: str
    table: Table
    column: Column[Any]

    @property
    def key(self) -> list[Column[Any]]:
        return list(self.table.primary_key.columns)

    def this(self, key: tuple[Any, ...]) -> list[ColumnElement[bool]]:
        return [part == value for part, value in zip(self.key, key, strict=True)]

    def here(self, key: tuple[Any, ...], patient_id: str) -> tuple[Any, ...]:
        """A row's key when it is this patient's: his id may be a part of it."""
        return tuple(patient_id if part is self.column else v for part, v in zip(self.key, key, strict=True))

    def read(self, written: Iterable[str]) -> list[tuple[Any, ...]]:
        kinds = [part.type.python_type for part in self.key]
        return [
            tuple(part if kind is not int else int(part) for part, kind in zip(key.split("/"), kinds, strict=True))
            for key in written
        ]


def _written(key: tuple[Any, ...]) -> str:
    return "/".join(map(str, key))


def _told() -> Select[Any]:
    undo = merge_undos.c
    return select(
        *patient_merges.c,
        undo.undone_at,
        undo.undone_by,
        undo.reason.label("undone_because"),
        undo.returned,
        undo.stayed,
    ).outerjoin(merge_undos, undo.merge_id == patient_merges.c.id)


def _references() -> list[_Place]:
    """Every column that refers to a patient, those that others hang on first."""
    found = []
    for table in metadata.sorted_tables:
        if table.name in _KEEP:
            continue
        columns = [c for c in table.columns if any(key.column.table.name == "patients" for key in c.foreign_keys)]
        for column in columns:
            name = table.name if len(columns) == 1 else f"{table.name}.{column.name}"
            found.append(_Place(name=name, table=table, column=column))
    return found
