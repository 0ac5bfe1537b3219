"""Notes with their proposals and addenda: tables, mappings, repository. The database keeps signed notes as they are."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import Column, Float, Index, Integer, String, Table, Text, Uuid, delete, select, text, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import Session, relationship
from sqlalchemy.types import TypeDecorator

from db.attempts import attempts
from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference
from followup.attempts import AttemptState
from followup.notes import (
    Addendum,
    Clarity,
    Drafter,
    Note,
    NoteOutline,
    NoteState,
    Passage,
    Proposal,
    ProposalState,
    SummaryState,
)
from followup.outcomes import REACHED_A_PERSON

notes = Table(
    "notes",
    metadata,
    id_column(),
    reference("attempt_id", "attempts.id", index=False),
    reference("task_id", "tasks.id"),
    reference("patient_id", "patients.id"),
    Column("language", String(16), nullable=False),
    Column("text", Text, nullable=False),
    closed_set("state", NoteState),
    instant("created_at"),
    Column("signed_by", Uuid(as_uuid=False), nullable=True),
    instant("signed_at", nullable=True),
    Index("uq_notes_attempt", "attempt_id", unique=True),
    Index("ix_notes_unsigned", "created_at", postgresql_where=text("state = 'draft'")),
)

note_proposals = Table(
    "note_proposals",
    metadata,
    id_column(),
    reference("note_id", "notes.id"),
    Column("kind", String(40), nullable=False),
    Column("text", Text, nullable=False),
    Column("start", Float, nullable=False),
    Column("end", Float, nullable=False),
    closed_set("state", ProposalState),
    Column("decided_by", Uuid(as_uuid=False), nullable=True),
    instant("decided_at", nullable=True),
    Column("quote", Text, nullable=False, default=""),
    Column("turns", JSONB, nullable=False, default=list),
    # No foreign key: a purged recording takes its transcripts along, the note stays.
    Column("transcript_id", Uuid(as_uuid=False), nullable=True),
    Column("confidence", Float, nullable=True),
    closed_set("drafted_by", Drafter),
)


class PassagesColumn(TypeDecorator[list[Passage]]):
    """Passages as JSON."""

    impl = JSONB
    cache_ok = True

    def process_bind_param(self, value: list[Passage] | None, dialect: Dialect) -> object:  # noqa: ARG002
        """Passages → JSON."""
        return [asdict(passage) for passage in value or []]

    def process_result_value(self, value: list[dict[str, float]] | None, dialect: Dialect) -> list[Passage]:  # noqa: ARG002
        """JSON → passages."""
        return [Passage(**passage) for passage in value or []]


note_outlines = Table(
    "note_outlines",
    metadata,
    id_column(),
    reference("note_id", "notes.id", index=False),
    Column("recording_id", Uuid(as_uuid=False), nullable=False, index=True),
    Column("transcript_id", Uuid(as_uuid=False), nullable=False),
    Column("language", String(16), nullable=False),
    closed_set("clarity", Clarity),
    Column("confidence", Float, nullable=False),
    Column("passages", PassagesColumn, nullable=False),
    Column("words_version", Integer, nullable=False),
    instant("made_at"),
    closed_set("summary", SummaryState),
    Column("summary_model", String(200), nullable=False, default=""),
    Column("summary_reason", String(500), nullable=False, default=""),
    Index("uq_note_outlines_note", "note_id", unique=True),
)

note_addenda = Table(
    "note_addenda",
    metadata,
    id_column(),
    reference("note_id", "notes.id"),
    Column("text", Text, nullable=False),
    Column("author_id", Uuid(as_uuid=False), nullable=False),
    instant("written_at"),
)

mapper_registry.map_imperatively(Proposal, note_proposals)
mapper_registry.map_imperatively(Addendum, note_addenda)
mapper_registry.map_imperatively(NoteOutline, note_outlines)
mapper_registry.map_imperatively(
    Note,
    notes,
    properties={
        "proposals": relationship(Proposal, lazy="selectin", order_by=note_proposals.c.start),
        "addenda": relationship(Addendum, lazy="selectin", order_by=note_addenda.c.written_at),
        "outline": relationship(NoteOutline, lazy="selectin", uselist=False),
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OverdueNote:
    """A draft that has waited for its signature too long: ids only."""

    id: str
    attempt_id: str
    patient_id: str
    created_at: datetime
    agent_id: str | None
    queue_id: str


class NoteRepository:
    """Notes of attempts."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, note: Note) -> None:
        """Save a note."""
        self._session.add(note)

    def get(self, note_id: str) -> Note | None:
        """The note with this id."""
        return self._session.get(Note, note_id)

    def for_update(self, note_id: str) -> Note | None:
        """The note, locked until the end of the transaction."""
        return self._session.scalar(
            select(Note).where(notes.c.id == note_id).with_for_update().execution_options(populate_existing=True)
        )

    def of_attempt(self, attempt_id: str) -> Note | None:
        """The note of an attempt."""
        return self._session.scalar(select(Note).where(notes.c.attempt_id == attempt_id))

    def of_patient(self, patient_id: str, *, limit: int = 200) -> Sequence[Note]:
        """A patient's notes, newest first."""
        return self._session.scalars(
            select(Note).where(notes.c.patient_id == patient_id).order_by(notes.c.created_at.desc()).limit(limit)
        ).all()

    def unsigned_of_agent(self, agent_id: str, *, limit: int = 200) -> Sequence[Note]:
        """Drafts of an agent's own attempts, oldest first."""
        return self._session.scalars(
            select(Note)
            .join(attempts, attempts.c.id == notes.c.attempt_id)
            .where(notes.c.state == NoteState.DRAFT, attempts.c.agent_id == agent_id)
            .order_by(notes.c.created_at)
            .limit(limit)
        ).all()

    def unsigned_of_machines(self, *, since: datetime, limit: int = 200) -> Sequence[Note]:
        """Drafts of calls that a machine made and somebody answered, newest first."""
        return self._session.scalars(
            select(Note)
            .join(attempts, attempts.c.id == notes.c.attempt_id)
            .where(
                notes.c.state == NoteState.DRAFT,
                notes.c.created_at >= since,
                attempts.c.agent_id.is_(None),
                attempts.c.outcome.in_(REACHED_A_PERSON),
            )
            .order_by(notes.c.created_at.desc(), notes.c.id)
            .limit(limit)
        ).all()

    def overdue(self, *, before: datetime, agent_id: str | None, limit: int = 200) -> Sequence[OverdueNote]:
        """Drafts made before the instant given of calls in which a person was reached, oldest first; all agents' if
        none is named.
        """
        query = (
            select(
                notes.c.id,
                notes.c.attempt_id,
                notes.c.patient_id,
                notes.c.created_at,
                attempts.c.agent_id,
                attempts.c.queue_id,
            )
            .join(attempts, attempts.c.id == notes.c.attempt_id)
            .where(
                notes.c.state == NoteState.DRAFT,
                notes.c.created_at < before,
                attempts.c.outcome.in_(REACHED_A_PERSON),
            )
        )
        if agent_id is not None:
            query = query.where(attempts.c.agent_id == agent_id)
        rows = self._session.execute(query.order_by(notes.c.created_at, notes.c.id).limit(limit)).mappings()
        return [OverdueNote(**row) for row in rows]

    def forget_what_was_heard(self, recording_id: str) -> int:
        """Take away what nobody decided on, and every quotation, of a recording that is purged; how many lines it was.

        What somebody took into a note is the hospital's record and stays in its text.
        """
        of_recording = select(note_outlines.c.note_id).where(note_outlines.c.recording_id == recording_id)
        left = note_proposals.c.state.in_((ProposalState.PROPOSED, ProposalState.SUPERSEDED, ProposalState.DISMISSED))
        gone = self._session.execute(delete(note_proposals).where(note_proposals.c.note_id.in_(of_recording), left))
        kept = self._session.execute(
            update(note_proposals).where(note_proposals.c.note_id.in_(of_recording)).values(quote="", turns=[])
        )
        return int(gone.rowcount) + int(kept.rowcount)  # type: ignore[attr-defined]  # a DELETE's result counts

    def missing_for_attempts(self, *, before: datetime, limit: int = 100) -> Sequence[str]:
        """Ids of attempts closed up to a week before the instant given that have no note; mere previews owe none."""
        noted = select(notes.c.id).where(notes.c.attempt_id == attempts.c.id).exists()
        return self._session.scalars(
            select(attempts.c.id)
            .where(
                attempts.c.state == AttemptState.CLOSED,
                attempts.c.closed_at.between(before - timedelta(days=7), before),
                attempts.c.skipped.is_(None),
                ~noted,
            )
            .order_by(attempts.c.closed_at)
            .limit(limit)
        ).all()
