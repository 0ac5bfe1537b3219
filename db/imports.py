"""Lists that came in, their rows and the remembered mappings of their sources: tables, mappings, repository."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    Row,
    String,
    Table,
    Uuid,
    and_,
    bindparam,
    func,
    insert,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference
from followup.imports import ImportRow, ImportState, ListImport, ListKind, RowState

list_imports = Table(
    "list_imports",
    metadata,
    id_column(),
    closed_set("kind", ListKind),
    Column("source", String(100), nullable=False),
    Column("file_name", String(200), nullable=False),
    Column("format", String(16), nullable=False),
    Column("encoding", String(32), nullable=False),
    Column("header", JSONB, nullable=False),
    Column("header_line", Integer, nullable=False),
    Column("mapping", JSONB, nullable=False),
    Column("template_id", String(64), nullable=True),
    Column("area_code", String(8), nullable=False),
    Column("synthetic", Boolean, nullable=False),
    closed_set("state", ImportState),
    Column("total", Integer, nullable=False),
    Column("done", Integer, nullable=False),
    Column("counts", JSONB, nullable=False),
    reference("created_by", "users.id", nullable=True),
    instant("created_at"),
    instant("moved_at"),
    instant("rows_kept_until"),
    instant("rows_forgotten_at", nullable=True),
    Index("ix_list_imports_newest", "created_at", "id"),
)

import_rows = Table(
    "import_rows",
    metadata,
    Column("import_id", Uuid(as_uuid=False), ForeignKey("list_imports.id"), primary_key=True),
    Column("line", Integer, primary_key=True, autoincrement=False),
    Column("cells", JSONB, nullable=False),
    closed_set("state", RowState),
    Column("faults", JSONB, nullable=False),
    Column("remarks", JSONB, nullable=False),
    Column("change", JSONB, nullable=False),
    Column("candidates", JSONB, nullable=False),
    Column("decision", String(40), nullable=True),
    Column("template_id", String(64), nullable=True),
    # No foreign keys: that a list brought somebody in must not keep him from being removed.
    Column("patient_id", Uuid(as_uuid=False), nullable=True),
    Column("encounter_id", Uuid(as_uuid=False), nullable=True),
    Column("plan_id", Uuid(as_uuid=False), nullable=True),
    Column("plan_refusal", String(500), nullable=True),
    Column("made", JSONB, nullable=False),
    Index("ix_import_rows_state", "import_id", "state", "line"),
    Index(
        "ix_import_rows_plans",
        "import_id",
        "line",
        postgresql_where=text(
            "state = 'applied' AND encounter_id IS NOT NULL AND template_id IS NOT NULL "
            "AND plan_id IS NULL AND plan_refusal IS NULL"
        ),
    ),
)

list_sources = Table(
    "list_sources",
    metadata,
    Column("name", String(100), primary_key=True),
    closed_set("kind", ListKind),
    Column("mapping", JSONB, nullable=False),
    reference("changed_by", "users.id", nullable=True, index=False),
    instant("changed_at"),
)

mapper_registry.map_imperatively(ListImport, list_imports)

_SAVE_CHECKED = text(
    """
    UPDATE import_rows SET state = given.state, faults = given.faults, remarks = given.remarks,
        change = given.change, candidates = given.candidates, template_id = given.template_id,
        patient_id = given.patient_id, encounter_id = given.encounter_id, made = given.made
    FROM jsonb_to_recordset(:rows) AS given(
        line integer, state text, faults jsonb, remarks jsonb, change jsonb, candidates jsonb, template_id text,
        patient_id uuid, encounter_id uuid, made jsonb
    )
    WHERE import_rows.import_id = :import_id AND import_rows.line = given.line
    """
).bindparams(bindparam("rows", type_=JSONB), bindparam("import_id", type_=Uuid(as_uuid=False)))


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedPlan:
    """A row whose visit is to get a plan and has none yet."""

    line: int
    patient_id: str
    encounter_id: str
    template_id: str


class ImportRepository:
    """Imports and their rows; rows are written in bulk."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, made: ListImport, lines: Iterable[tuple[int, Sequence[str]]]) -> None:
        """Save an import with its rows as they were written."""
        self._session.add(made)
        self._session.flush()
        blank = {"state": RowState.BAD, "faults": [], "remarks": [], "change": {}, "candidates": [], "made": {}}
        rows = [{"import_id": made.id, "line": line, "cells": list(cells), **blank} for line, cells in lines]
        if rows:
            self._session.execute(insert(import_rows), rows)

    def get(self, import_id: str) -> ListImport | None:
        """The import with this id."""
        return self._session.get(ListImport, import_id)

    def locked(self, import_id: str) -> ListImport | None:
        """The import with this id, nobody else's until the end of the transaction."""
        return self._session.get(ListImport, import_id, with_for_update=True, populate_existing=True)

    def page(self, *, before: ListImport | None, limit: int) -> Sequence[ListImport]:
        """Imports, newest first, from behind `before`."""
        query = select(ListImport).order_by(list_imports.c.created_at.desc(), list_imports.c.id.desc()).limit(limit)
        if before is not None:
            at, place = list_imports.c.created_at, list_imports.c.id
            query = query.where(or_(at < before.created_at, and_(at == before.created_at, place < before.id)))
        return self._session.scalars(query).all()

    def rows(
        self, import_id: str, *, states: Iterable[RowState] | None = None, after: int = 0, limit: int = 500
    ) -> list[ImportRow]:
        """Rows in the order of the list, from behind line `after`."""
        query = select(import_rows).where(import_rows.c.import_id == import_id, import_rows.c.line > after)
        if states is not None:
            query = query.where(import_rows.c.state.in_(list(states)))
        return [_row(row) for row in self._session.execute(query.order_by(import_rows.c.line).limit(limit))]

    def last_applied(self, import_id: str, *, limit: int) -> list[ImportRow]:
        """Applied rows from the list's end: what a later row added to an earlier one's person goes first."""
        found = self._session.execute(
            select(import_rows)
            .where(import_rows.c.import_id == import_id, import_rows.c.state == RowState.APPLIED)
            .order_by(import_rows.c.line.desc())
            .limit(limit)
        )
        return [_row(row) for row in found]

    def row(self, import_id: str, line: int) -> ImportRow | None:
        """One row."""
        found = self._session.execute(
            select(import_rows).where(import_rows.c.import_id == import_id, import_rows.c.line == line)
        ).one_or_none()
        return None if found is None else _row(found)

    def save(self, import_id: str, rows: Iterable[ImportRow], templates: Mapping[int, str]) -> None:
        """Write what is now known of rows; `templates` by line."""
        given = []
        for row in rows:
            values = asdict(row)
            for kept in ("cells", "decision", "plan_id", "plan_refusal"):
                del values[kept]
            given.append({**values, "template_id": templates.get(row.line)})
        if given:
            self._session.execute(_SAVE_CHECKED, {"rows": given, "import_id": import_id})

    def decide(self, import_id: str, line: int, decision: str) -> None:
        """Keep who a person on the list is; the row may be applied now."""
        self._session.execute(
            update(import_rows)
            .where(import_rows.c.import_id == import_id, import_rows.c.line == line)
            .values(decision=decision, state=RowState.READY)
        )

    def counts(self, import_id: str) -> dict[str, int]:
        """How many rows are in each state, and how many bring somebody or something new."""
        made = import_rows.c.change
        columns = [
            *(func.count().filter(import_rows.c.state == state).label(state.value) for state in RowState),
            *(
                func.count()
                .filter(
                    and_(
                        made[name].as_boolean(),
                        import_rows.c.state.in_([RowState.READY, RowState.APPLIED]),
                    )
                )
                .label(name)
                for name in ("new_person", "known", "new_numbers", "new_visit")
            ),
        ]
        found = self._session.execute(select(*columns).where(import_rows.c.import_id == import_id)).one()
        return dict(found._asdict())

    def patients_of_lines(self, import_id: str, lines: Iterable[int]) -> dict[int, str]:
        """Who the people on these lines turned out to be."""
        found = self._session.execute(
            select(import_rows.c.line, import_rows.c.patient_id).where(
                import_rows.c.import_id == import_id,
                import_rows.c.line.in_(list(lines)),
                import_rows.c.patient_id.is_not(None),
                import_rows.c.state == RowState.APPLIED,
            )
        )
        return {row.line: row.patient_id for row in found}

    def wanted_plans(self, import_id: str, *, limit: int) -> list[WantedPlan]:
        """Rows whose visit is to get a plan and has none yet, locked, passing over those that others hold."""
        found = self._session.execute(
            select(import_rows.c.line, import_rows.c.patient_id, import_rows.c.encounter_id, import_rows.c.template_id)
            .where(
                import_rows.c.import_id == import_id,
                import_rows.c.state == RowState.APPLIED,
                import_rows.c.encounter_id.is_not(None),
                import_rows.c.template_id.is_not(None),
                import_rows.c.plan_id.is_(None),
                import_rows.c.plan_refusal.is_(None),
                # Not while it is being undone.
                import_rows.c.import_id.in_(
                    select(list_imports.c.id).where(
                        list_imports.c.state.in_([ImportState.APPLYING, ImportState.APPLIED])
                    )
                ),
            )
            .order_by(import_rows.c.line)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return [WantedPlan(**row._asdict()) for row in found]

    def plans_of_new_visits(self, import_id: str, *, after: int, limit: int) -> list[tuple[int, str]]:
        """Line and plan of rows whose visit the list itself brought in, from behind line `after`."""
        found = self._session.execute(
            select(import_rows.c.line, import_rows.c.plan_id)
            .where(
                import_rows.c.import_id == import_id,
                import_rows.c.line > after,
                import_rows.c.plan_id.is_not(None),
                import_rows.c.change["new_visit"].as_boolean(),
            )
            .order_by(import_rows.c.line)
            .limit(limit)
        )
        return [(row.line, row.plan_id) for row in found]

    def note_plan(self, import_id: str, line: int, *, plan_id: str | None, refusal: str | None) -> None:
        """Keep which plan a row's visit got, or why none."""
        self._session.execute(
            update(import_rows)
            .where(import_rows.c.import_id == import_id, import_rows.c.line == line)
            .values(plan_id=plan_id, plan_refusal=refusal and refusal[:500])
        )

    def ask_for_plans_again(self, import_id: str) -> None:
        """Forget why plans could not be started, so that they are tried again."""
        self._session.execute(
            update(import_rows)
            .where(import_rows.c.import_id == import_id, import_rows.c.plan_refusal.is_not(None))
            .values(plan_refusal=None)
        )

    def plan_counts(self, import_id: str) -> dict[str, int]:
        """How many plans were started, wait to be, or could not be."""
        wanted = and_(import_rows.c.template_id.is_not(None), import_rows.c.encounter_id.is_not(None))
        started, refused = import_rows.c.plan_id.is_not(None), import_rows.c.plan_refusal.is_not(None)
        found = self._session.execute(
            select(
                func.count().filter(started).label("plans_started"),
                func.count().filter(refused).label("plans_refused"),
                func.count()
                .filter(and_(wanted, import_rows.c.state == RowState.APPLIED, ~started, ~refused))
                .label("plans_waiting"),
            ).where(import_rows.c.import_id == import_id)
        ).one()
        return dict(found._asdict())

    def stalled(self, before: datetime) -> list[tuple[str, ImportState]]:
        """Imports under way that have not got on since."""
        found = self._session.execute(
            select(list_imports.c.id, list_imports.c.state).where(
                list_imports.c.state.in_([ImportState.APPLYING, ImportState.UNDOING]), list_imports.c.moved_at < before
            )
        )
        return [(import_id, state) for import_id, state in found]

    def owing_plans(self, before: datetime) -> list[str]:
        """Imports that were written a while ago and whose visits still lack plans."""
        waiting = (
            select(import_rows.c.import_id)
            .where(
                import_rows.c.state == RowState.APPLIED,
                import_rows.c.encounter_id.is_not(None),
                import_rows.c.template_id.is_not(None),
                import_rows.c.plan_id.is_(None),
                import_rows.c.plan_refusal.is_(None),
            )
            .distinct()
        )
        return list(
            self._session.scalars(
                select(list_imports.c.id).where(
                    list_imports.c.state == ImportState.APPLIED,
                    list_imports.c.moved_at < before,
                    list_imports.c.id.in_(waiting),
                )
            )
        )

    def forget_rows(self, now: datetime) -> int:
        """Empty the rows of imports whose time is over; what they made can still be undone. How many imports."""
        over = self._session.scalars(
            select(ListImport)
            .where(list_imports.c.rows_kept_until < now, list_imports.c.rows_forgotten_at.is_(None))
            .limit(20)
        ).all()
        for made in over:
            self.forget(made, now)
        return len(over)

    def forget(self, made: ListImport, now: datetime) -> None:
        """Empty the rows of one import; which ids it made, and why some of them stay, remains known."""
        of_import = import_rows.c.import_id == made.id
        self._session.execute(update(import_rows).where(of_import).values(cells=[], remarks=[], candidates=[]))
        self._session.execute(
            update(import_rows).where(of_import, import_rows.c.state != RowState.LEFT).values(faults=[])
        )
        made.rows_forgotten_at = now

    def remembered_mapping(self, source: str, kind: ListKind) -> dict[str, str]:
        """Header → field as somebody last set it for lists from there."""
        found: dict[str, str] | None = self._session.scalar(
            select(list_sources.c.mapping).where(list_sources.c.name == source, list_sources.c.kind == kind)
        )
        return dict(found or {})

    def remember_mapping(
        self, source: str, kind: ListKind, mapping: Mapping[str, str], *, by: str | None, now: datetime
    ) -> None:
        """Keep the mapping for the next list from there."""
        values = {"kind": kind, "mapping": dict(mapping), "changed_by": by, "changed_at": now}
        self._session.execute(
            postgresql.insert(list_sources)
            .values(name=source, **values)
            .on_conflict_do_update(index_elements=["name"], set_=values)
        )


def kept_until(now: datetime, days: float) -> datetime:
    """Until when the rows of a list that came in now are kept."""
    return now + timedelta(days=days)


def _row(row: Row[Any]) -> ImportRow:
    return ImportRow(
        line=row.line,
        cells=tuple(row.cells),
        state=row.state,
        faults=tuple(row.faults),
        remarks=tuple(row.remarks),
        change=row.change,
        candidates=tuple(row.candidates),
        decision=row.decision,
        patient_id=row.patient_id,
        encounter_id=row.encounter_id,
        made=row.made,
        plan_id=row.plan_id,
        plan_refusal=row.plan_refusal,
    )
