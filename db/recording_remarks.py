"""Comments on recordings and corrected turns: tables, mappings, repository."""

from collections.abc import Sequence

from sqlalchemy import Column, Float, ForeignKey, Index, Integer, String, Table, Text, Uuid, select
from sqlalchemy.orm import Session

from db.metadata import id_column, instant, mapper_registry, metadata, reference
from followup.recording_remarks import RecordingComment, TurnCorrection

recording_comments = Table(
    "recording_comments",
    metadata,
    id_column(),
    reference("recording_id", "recordings.id", index=False),
    Column("second", Float, nullable=False),
    Column("words", String(2000), nullable=False),
    Column("by", Uuid(as_uuid=False), nullable=False),
    instant("at"),
    instant("withdrawn_at", nullable=True),
    Index("ix_recording_comments_recording", "recording_id", "second"),
)

turn_corrections = Table(
    "turn_corrections",
    metadata,
    id_column(),
    reference("recording_id", "recordings.id"),
    # What was corrected is gone with its transcript.
    Column(
        "transcript_id",
        Uuid(as_uuid=False),
        ForeignKey("transcripts.id", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("position", Integer, nullable=False),
    Column("words", Text, nullable=False),
    Column("written", Text, nullable=False, default=""),
    Column("by", Uuid(as_uuid=False), nullable=False),
    instant("at"),
    Index("ix_turn_corrections_transcript", "transcript_id", "at"),
)

mapper_registry.map_imperatively(RecordingComment, recording_comments)
mapper_registry.map_imperatively(TurnCorrection, turn_corrections)


class RemarkRepository:
    """What listeners added."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, remark: RecordingComment | TurnCorrection) -> None:
        """Save a comment or a correction."""
        self._session.add(remark)

    def comments(self, recording_id: str) -> Sequence[RecordingComment]:
        """A recording's comments that stand, by their second."""
        return self._session.scalars(
            select(RecordingComment)
            .where(
                recording_comments.c.recording_id == recording_id,
                recording_comments.c.withdrawn_at.is_(None),
            )
            .order_by(recording_comments.c.second, recording_comments.c.at, recording_comments.c.id)
        ).all()

    def comment_for_update(self, comment_id: str) -> RecordingComment | None:
        """The comment, locked."""
        return self._session.scalar(
            select(RecordingComment)
            .where(recording_comments.c.id == comment_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )

    def corrections(self, transcript_id: str) -> Sequence[TurnCorrection]:
        """Every correction of a transcript, oldest first."""
        return self._session.scalars(
            select(TurnCorrection)
            .where(turn_corrections.c.transcript_id == transcript_id)
            .order_by(turn_corrections.c.at, turn_corrections.c.id)
        ).all()
