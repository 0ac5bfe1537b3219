"""Results that nobody could place yet, kept as they were sent, and what the hospital says its sources' codes mean."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Column, Identity, Index, Row, String, Table, Uuid, cast, func, insert, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from care.concepts import MappedCode, tidy
from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference


class ParkReason(StrEnum):
    """Why a result could not be placed."""

    UNMAPPED_CODE = "unmapped_code"  # nobody has said what the code means
    UNKNOWN_UNIT = "unknown_unit"  # no unit, one that nobody knows, or no way from it to the concept's
    NO_VALUE = "no_value"
    IMPLAUSIBLE = "implausible"  # nobody lives with such a value


class Settlement(StrEnum):
    """How a parked result was settled."""

    APPLIED = "applied"
    IGNORED = "ignored"  # its code is mapped to nothing that is kept
    DISMISSED = "dismissed"  # somebody looked at this one and said that it is no result


@dataclass(kw_only=True, eq=False)
class UnmappedResult:
    """One result as its source sent it, until somebody says what it is."""

    id: str
    position: int = field(init=False)
    patient_id: str
    source: str
    source_key: str
    code: str  # tidied; the tidied name where no code was sent
    fingerprint: str
    sent: dict[str, Any]
    reason: ParkReason
    detail: str = ""
    parked_at: datetime
    settled_at: datetime | None = None
    settled_by: str | None = None
    settlement: Settlement | None = None
    settled_reason: str = ""


unmapped_results = Table(
    "unmapped_results",
    metadata,
    id_column(),
    Column("position", BigInteger, Identity(always=True), nullable=False),  # the order in which they came
    reference("patient_id", "patients.id"),
    Column("source", String(120), nullable=False),
    Column("source_key", String(300), nullable=False),
    Column("code", String(200), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("sent", JSONB, nullable=False),
    closed_set("reason", ParkReason),
    Column("detail", String(500), nullable=False),
    instant("parked_at"),
    instant("settled_at", nullable=True),
    Column("settled_by", Uuid(as_uuid=False), nullable=True),
    closed_set("settlement", Settlement, nullable=True),
    Column("settled_reason", String(500), nullable=False),
    # Sent again it is the same; a correction of it is another.
    Index("uq_unmapped_results_sent", "source", "source_key", "fingerprint", unique=True),
    Index("ix_unmapped_results_open", "source", "code", "position", postgresql_where=text("settled_at IS NULL")),
)

code_mappings = Table(
    "code_mappings",
    metadata,
    Column("position", BigInteger, Identity(always=True), primary_key=True),
    Column("source", String(120), nullable=False),
    Column("code", String(200), nullable=False),  # tidied
    Column("concept", String(100), nullable=False),  # empty: nothing that is kept
    Column("unit", String(60), nullable=False),
    Column("reason", String(500), nullable=False),
    Column("decided_by", Uuid(as_uuid=False), nullable=True),
    instant("decided_at"),
    Index("ix_code_mappings_source", "source", "code", "position"),
)

mapper_registry.map_imperatively(UnmappedResult, unmapped_results)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmappedCode:
    """What waits of one code of one source."""

    source: str
    code: str
    waiting: int
    since: datetime
    last: datetime
    reasons: tuple[ParkReason, ...]
    example: Mapping[str, Any]  # the newest as it was sent


class UnmappedResultRepository:
    """What waits, and the decisions that settle it."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def park(self, parked: UnmappedResult) -> bool:
        """Keep a result that cannot be placed; False if this very one is there already."""
        columns = [column.name for column in unmapped_results.c if column.identity is None]
        values = {name: getattr(parked, name) for name in columns}
        done = self._session.execute(
            upsert(unmapped_results).values(**values).on_conflict_do_nothing().returning(unmapped_results.c.id)
        )
        return done.scalar() is not None

    def parked_like(self, source: str, source_key: str, sent: Mapping[str, Any]) -> UnmappedResult | None:
        """The parked one that was sent just so."""
        return self._session.scalar(
            select(UnmappedResult).where(
                unmapped_results.c.source == source,
                unmapped_results.c.source_key == source_key,
                unmapped_results.c.fingerprint == fingerprint_of(sent),
            )
        )

    def get(self, unmapped_id: str) -> UnmappedResult | None:
        """The parked result with this id."""
        return self._session.get(UnmappedResult, unmapped_id)

    def for_update(self, unmapped_id: str) -> UnmappedResult | None:
        """The parked result, locked."""
        return self._session.scalar(
            select(UnmappedResult)
            .where(unmapped_results.c.id == unmapped_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )

    def codes(self, *, source: str | None = None, limit: int = 100, offset: int = 0) -> Sequence[UnmappedCode]:
        """What waits, by source and code, the most frequent first."""
        # By reason first: to sort a million rows for the reasons of a few hundred codes takes ten times as long.
        parked = unmapped_results.c
        of_reason = (
            select(
                parked.source,
                parked.code,
                parked.reason,
                func.count().label("waiting"),
                func.min(parked.parked_at).label("since"),
                func.max(parked.parked_at).label("last"),
            )
            .where(parked.settled_at.is_(None))
            .group_by(parked.source, parked.code, parked.reason)
        )
        if source is not None:
            of_reason = of_reason.where(parked.source == source)
        by_reason = of_reason.subquery().c
        waiting = cast(func.sum(by_reason.waiting), BigInteger)
        query = (
            select(
                by_reason.source,
                by_reason.code,
                waiting.label("waiting"),
                func.min(by_reason.since).label("since"),
                func.max(by_reason.last).label("last"),
                func.array_agg(by_reason.reason).label("reasons"),
            )
            .group_by(by_reason.source, by_reason.code)
            .order_by(waiting.desc(), by_reason.source, by_reason.code)
            .limit(limit)
            .offset(offset)
        )
        return [
            UnmappedCode(
                source=row.source,
                code=row.code,
                waiting=row.waiting,
                since=row.since,
                last=row.last,
                reasons=tuple(sorted(ParkReason(each) for each in row.reasons)),
                example=self._example(row.source, row.code),
            )
            for row in self._session.execute(query).all()
        ]

    def waiting(self, source: str, code: str, *, after: int = 0, limit: int = 500) -> Sequence[UnmappedResult]:
        """What waits of a code, in the order in which it came, locked; `after` is the position of the last one seen."""
        return self._session.scalars(
            select(UnmappedResult)
            .where(
                unmapped_results.c.source == source,
                unmapped_results.c.code == tidy(code),
                unmapped_results.c.settled_at.is_(None),
                unmapped_results.c.position > after,
            )
            .order_by(unmapped_results.c.position)
            .limit(limit)
            .with_for_update()
        ).all()

    def look(self, source: str, code: str, *, after: int = 0, limit: int = 50) -> Sequence[UnmappedResult]:
        """What waits of a code, in the order in which it came, to be looked at only."""
        return self._session.scalars(
            select(UnmappedResult)
            .where(
                unmapped_results.c.source == source,
                unmapped_results.c.code == tidy(code),
                unmapped_results.c.settled_at.is_(None),
                unmapped_results.c.position > after,
            )
            .order_by(unmapped_results.c.position)
            .limit(limit)
        ).all()

    def count_waiting(self, source: str | None = None, code: str | None = None) -> int:
        """How many wait."""
        query = select(func.count()).where(unmapped_results.c.settled_at.is_(None))
        if source is not None:
            query = query.where(unmapped_results.c.source == source)
        if code is not None:
            query = query.where(unmapped_results.c.code == tidy(code))
        return self._session.scalar(query) or 0

    def decide(self, source: str, code: str, meant: MappedCode, *, reason: str, by: str | None, at: datetime) -> int:
        """Say what a source's code means from now on; the decisions before stay. Its position."""
        done = self._session.execute(
            insert(code_mappings)
            .values(
                source=source,
                code=tidy(code),
                concept=meant.concept,
                unit=meant.unit,
                reason=reason,
                decided_by=by,
                decided_at=at,
            )
            .returning(code_mappings.c.position)
        )
        return int(done.scalar_one())

    def decided(self, source: str) -> dict[str, MappedCode]:
        """What the codes of a source mean, as it was decided last."""
        rows = self._session.execute(
            select(code_mappings.c.code, code_mappings.c.concept, code_mappings.c.unit)
            .where(code_mappings.c.source == source)
            .order_by(code_mappings.c.position)
        )
        return {row.code: MappedCode(concept=row.concept, unit=row.unit) for row in rows}

    def decision(self, position: int) -> Row[Any] | None:
        """One decision."""
        return self._session.execute(select(code_mappings).where(code_mappings.c.position == position)).one_or_none()

    def overlooked(self, since: datetime) -> Sequence[int]:
        """Decisions whose code has come in since, from a message that was read a moment before they were made."""
        newest = (
            select(func.max(code_mappings.c.position).label("position"))
            .join(
                unmapped_results,
                (unmapped_results.c.source == code_mappings.c.source)
                & (unmapped_results.c.code == code_mappings.c.code),
            )
            .where(
                unmapped_results.c.settled_at.is_(None),
                unmapped_results.c.reason == ParkReason.UNMAPPED_CODE,
                unmapped_results.c.parked_at >= since,
            )
            .group_by(code_mappings.c.source, code_mappings.c.code)
        )
        return self._session.scalars(newest).all()

    def decisions(self, *, source: str | None = None, limit: int = 100) -> Sequence[Row[Any]]:
        """The decisions, newest first."""
        query = select(code_mappings).order_by(code_mappings.c.position.desc()).limit(limit)
        return self._session.execute(query.where(code_mappings.c.source == source) if source else query).all()

    def _example(self, source: str, code: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._session.execute(
            select(unmapped_results.c.sent)
            .where(
                unmapped_results.c.source == source,
                unmapped_results.c.code == code,
                unmapped_results.c.settled_at.is_(None),
            )
            .order_by(unmapped_results.c.position.desc())
            .limit(1)
        ).scalar_one()
        return found


def fingerprint_of(sent: Mapping[str, Any]) -> str:
    """The same for what was sent just so."""
    return hashlib.sha256(json.dumps(sent, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
