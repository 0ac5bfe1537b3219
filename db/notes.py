"""Notes with their proposals and addenda: tables, mappings, repository. The database keeps signed notes as they are."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Column, Float, Index, String, Table, Text, Uuid, select, text
from sqlalchemy.orm import Session, relationship

from db.attempts import attempts
from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference
from followup.attempts import AttemptState
from followup.notes import Addendum, Note, NoteState, Proposal, ProposalState
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
mapper_registry.map_imperatively(
    Note,
    notes,
    properties={
        "proposals": relationship(Proposal, lazy="selectin", order_by=note_proposals.c.start),
        "addenda": relationship(Addendum, lazy="selectin", order_by=note_addenda.c.written_at),
    },
)


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

    def add_addendum(self, addendum: Addendum) -> None:
        """Append a later word to a signed note."""
        self._session.add(addendum)

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
