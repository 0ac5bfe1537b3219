"""Redacted copies of calls: table, mapping, repository."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Boolean, Column, Index, String, Table, Uuid, or_, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference
from db.recordings import TurnsColumn
from followup.redacted_copies import CopyPurpose, RedactedCopy

redacted_copies = Table(
    "redacted_copies",
    metadata,
    id_column(),
    reference("recording_id", "recordings.id"),
    reference("patient_id", "patients.id"),
    Column("transcript_id", Uuid(as_uuid=False), nullable=False),
    Column("language", String(16), nullable=False),
    closed_set("purpose", CopyPurpose),
    Column("reason", String(500), nullable=False),
    Column("turns", TurnsColumn, nullable=False),
    Column("hidden", JSONB, nullable=False),
    Column("found", JSONB, nullable=False),
    reference("released_by", "users.id", index=False),
    instant("released_at"),
    instant("until", nullable=True),
    reference("withdrawn_by", "users.id", nullable=True, index=False),
    instant("withdrawn_at", nullable=True),
    Column("turns_purged", Boolean, nullable=False, default=False),
    Index("ix_redacted_copies_released_at", "released_at", "id"),
)

mapper_registry.map_imperatively(RedactedCopy, redacted_copies)


class RedactedCopyRepository:
    """Copies that were released."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, copy: RedactedCopy) -> None:
        """Save a copy."""
        self._session.add(copy)

    def get(self, copy_id: str) -> RedactedCopy | None:
        """The copy with this id."""
        return self._session.get(RedactedCopy, copy_id)

    def for_update(self, copy_id: str) -> RedactedCopy | None:
        """The copy with this id, locked."""
        return self._session.get(RedactedCopy, copy_id, with_for_update=True)

    def newest(self, *, open_at: datetime | None, before: datetime | None, limit: int) -> Sequence[RedactedCopy]:
        """Copies, newest first; `open_at`: only those that may be read then."""
        query = select(RedactedCopy).order_by(redacted_copies.c.released_at.desc(), redacted_copies.c.id).limit(limit)
        if open_at is not None:
            query = query.where(
                redacted_copies.c.withdrawn_at.is_(None),
                redacted_copies.c.turns_purged.is_(False),
                or_(redacted_copies.c.until.is_(None), redacted_copies.c.until > open_at),
            )
        if before is not None:
            query = query.where(redacted_copies.c.released_at < before)
        return self._session.scalars(query).all()

    def purge(self, recording_id: str) -> int:
        """Empty the copies of a recording whose time is over; that they were released stays known. How many."""
        emptied = self._session.execute(
            update(redacted_copies)
            .where(redacted_copies.c.recording_id == recording_id, redacted_copies.c.turns_purged.is_(False))
            .values(turns=[], hidden=[], turns_purged=True)
            .returning(redacted_copies.c.id)
        )
        return len(emptied.all())
