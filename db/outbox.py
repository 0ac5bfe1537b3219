"""The outbox: every domain event is a row of the transaction that caused it, published afterwards by the relay."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import BigInteger, Column, Identity, Index, String, Table, Uuid, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Session

from db.metadata import instant, mapper_registry, metadata
from db.wakes import wake
from followup.events import DomainEvent

OUTBOX_CHANNEL = "outbox"


@dataclass(kw_only=True, eq=False)
class OutboxRow:
    """One event waiting for, or past, its publication."""

    id: int = field(init=False)
    kind: str
    subject: str
    ids: dict[str, str]
    created_at: datetime
    published_at: datetime | None = None


outbox = Table(
    "outbox",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("kind", String(60), nullable=False),
    Column("subject", String(36), nullable=False, index=True),
    Column("ids", JSONB, nullable=False),
    instant("created_at"),
    instant("published_at", nullable=True),
    Index("ix_outbox_unpublished", "id", postgresql_where=text("published_at IS NULL")),
)

mapper_registry.map_imperatively(OutboxRow, outbox)

changed_records = Table(
    "changed_records",
    metadata,
    Column("position", BigInteger, Identity(always=True), nullable=False, index=True),
    Column("patient_id", Uuid(as_uuid=False), primary_key=True),
    instant("since"),
)
"""Patients whose record changed and was not yet looked at: each once, however often it changed."""


class Outbox:
    """Events out of this transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, event: DomainEvent, now: datetime) -> None:
        """Write an event and wake the relay at commit."""
        self._session.add(OutboxRow(kind=event.kind.value, subject=event.subject, ids=dict(event.ids), created_at=now))
        self.wake(event.kind.value)

    def wake(self, kind: str = "") -> None:
        """Wake the scheduler at commit; without a kind: no event, but there may be something due."""
        wake(self._session, OUTBOX_CHANNEL, kind)

    def unpublished(self, limit: int = 200) -> Sequence[OutboxRow]:
        """Events not yet published, in order, locked, passing over those another relay holds."""
        return self._session.scalars(
            select(OutboxRow)
            .where(outbox.c.published_at.is_(None))
            .order_by(outbox.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        ).all()

    def count_unpublished(self) -> int:
        """How many events wait for the relay."""
        return (
            self._session.scalar(select(func.count()).select_from(outbox).where(outbox.c.published_at.is_(None))) or 0
        )

    def waiting_since(self) -> datetime | None:
        """When the event was written that waits longest for the relay."""
        since: datetime | None = self._session.scalar(
            select(func.min(outbox.c.created_at)).where(outbox.c.published_at.is_(None))
        )
        return since

    def mark_published(self, ids: Sequence[int], now: datetime) -> None:
        """Note that these events were handed on."""
        self._session.execute(update(outbox).where(outbox.c.id.in_(ids)).values(published_at=now))

    def note_changed(self, patient_ids: Collection[str], now: datetime) -> None:
        """Note whose records are to be looked at; who waits already waits on."""
        if patient_ids:
            rows = [{"patient_id": each, "since": now} for each in sorted(patient_ids)]
            self._session.execute(insert(changed_records).on_conflict_do_nothing(), rows)

    def changed(self, limit: int) -> Sequence[str]:
        """Whose records are to be looked at, the longest waiting first, locked."""
        return self._session.scalars(
            select(changed_records.c.patient_id)
            .order_by(changed_records.c.position)
            .limit(limit)
            .with_for_update(skip_locked=True)
        ).all()

    def forget_changed(self, patient_ids: Collection[str]) -> None:
        """These are being looked at; a change from now on is noted anew."""
        self._session.execute(delete(changed_records).where(changed_records.c.patient_id.in_(patient_ids)))

    def count_changed(self) -> int:
        """How many records are to be looked at."""
        return self._session.scalar(select(func.count()).select_from(changed_records)) or 0

    def forget_published(self, before: datetime) -> None:
        """Drop events published before the instant given."""
        self._session.execute(delete(outbox).where(outbox.c.published_at < before))
