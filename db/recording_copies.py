"""Smaller copies of recordings for listening: table, mapping, repository. The original stays what is proven."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, Column, ForeignKey, String, Table, Uuid, exists, select
from sqlalchemy.orm import Session

from db.metadata import instant, mapper_registry, metadata
from db.recordings import recordings
from followup.recordings import RecordingState


@dataclass(kw_only=True, eq=False)
class RecordingCopy:
    """One recording's copy in the store."""

    recording_id: str
    uri: str
    sha256: str
    size: int
    codec: str
    made_at: datetime


recording_copies = Table(
    "recording_copies",
    metadata,
    Column("recording_id", Uuid(as_uuid=False), ForeignKey("recordings.id"), primary_key=True),
    Column("uri", String(1000), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("codec", String(40), nullable=False),
    instant("made_at"),
)

mapper_registry.map_imperatively(RecordingCopy, recording_copies)


class RecordingCopyRepository:
    """Copies of recordings."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, copy: RecordingCopy) -> None:
        """Save one."""
        self._session.add(copy)

    def of_recording(self, recording_id: str) -> RecordingCopy | None:
        """A recording's copy."""
        return self._session.get(RecordingCopy, recording_id)

    def missing(self, *, limit: int) -> Sequence[str]:
        """Transcribed recordings without a copy, the newest first: those are listened to."""
        return self._session.scalars(
            select(recordings.c.id)
            .where(
                recordings.c.state == RecordingState.TRANSCRIBED,
                recordings.c.uri.is_not(None),
                ~exists().where(recording_copies.c.recording_id == recordings.c.id),
            )
            .order_by(recordings.c.stored_at.desc())
            .limit(limit)
        ).all()
