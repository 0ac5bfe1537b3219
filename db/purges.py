"""Destroyed recordings: the proof that stays, and which tables' rows go with the sound."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, Column, Float, Index, String, Table, delete, exists, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference
from followup.retention import Purge, PurgeState

purges = Table(
    "purges",
    metadata,
    id_column(),
    reference("recording_id", "recordings.id", index=False),
    reference("patient_id", "patients.id"),
    Column("rule", String(64), nullable=False),
    Column("edition", String(80), nullable=False),
    instant("kept_until"),
    Column("uri", String(1000), nullable=True),
    Column("sha256", String(64), nullable=True),
    Column("size", BigInteger, nullable=True),
    Column("seconds", Float, nullable=True),
    Column("removed", JSONB, nullable=False),
    Column("objects", JSONB, nullable=False),
    closed_set("state", PurgeState),
    instant("begun_at"),
    instant("done_at", nullable=True),
    Column("trouble", String(500), nullable=False, default=""),
    Index("uq_purges_recording", "recording_id", unique=True),
    Index("ix_purges_begun", "begun_at", postgresql_where=text("state = 'begun'")),
    Index("ix_purges_done_at", "done_at", "id"),
)

mapper_registry.map_imperatively(Purge, purges)

GO: tuple[str, ...] = (
    "keyword_hits",
    "recording_comments",
    "turn_corrections",
    "transcript_turns",
    "indexed_transcripts",
    "captions",
    "recording_copies",
    "transcripts",
)
"""Tables whose rows tell what was said: they go with the sound, these first that refer to the others."""

STAY: Mapping[str, str] = {
    "alerts": "a sign of danger and what was done belong to the patient's record",
    "keepings": "until when it was kept, and by which rule",
    "legal_holds": "who held it and who lifted that",
    "purges": "the proof itself",
    "recording_gaps": "why a call has no recording",
    "redacted_copies": "emptied of their words; who released what to whom stays",
}
"""Tables that refer to recordings or transcripts and keep their rows, and why."""


class PurgeRepository:
    """Proofs of destruction, and the rows that go."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, purge: Purge) -> None:
        """Save a proof."""
        self._session.add(purge)

    def of_recording(self, recording_id: str) -> Purge | None:
        """The proof of a recording's destruction."""
        return self._session.scalar(select(Purge).where(purges.c.recording_id == recording_id))

    def for_update(self, recording_id: str) -> Purge | None:
        """The same, locked."""
        return self._session.scalar(
            select(Purge)
            .where(purges.c.recording_id == recording_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )

    def begun(self, *, limit: int) -> Sequence[str]:
        """Recordings whose objects may still be there."""
        return self._session.scalars(
            select(purges.c.recording_id)
            .where(purges.c.state == PurgeState.BEGUN)
            .order_by(purges.c.begun_at)
            .limit(limit)
        ).all()

    def page(self, *, limit: int, undone: bool = False) -> Sequence[Purge]:
        """Proofs, newest first."""
        query = select(Purge).order_by(purges.c.begun_at.desc(), purges.c.id).limit(limit)
        if undone:
            query = query.where(purges.c.state == PurgeState.BEGUN)
        return self._session.scalars(query).all()

    def remove_words(self, recording_id: str) -> dict[str, int]:
        """Take away the rows that tell what was said; how many of each table."""
        removed = {}
        for name in GO:
            table = metadata.tables[name]
            gone: Any = self._session.execute(delete(table).where(_tells_of(table, recording_id)))
            removed[name] = int(gone.rowcount)
        return removed


def _tells_of(table: Table, recording_id: str) -> Any:
    """By its own column, or through the transcript that it is a part of."""
    if "recording_id" in table.c:
        return table.c.recording_id == recording_id
    transcripts = metadata.tables["transcripts"]
    return exists().where(
        transcripts.c.id == table.c.transcript_id,
        transcripts.c.recording_id == recording_id,
    )
