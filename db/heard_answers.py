"""Answers heard in calls, until somebody decides on them: table, mapping, repository."""

from collections.abc import Sequence

from sqlalchemy import Column, Float, Index, String, Table, Text, Uuid, delete, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from db.attempts import attempts
from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference
from followup.heard_answers import HeardAnswer
from followup.notes import ProposalState

heard_answers = Table(
    "heard_answers",
    metadata,
    id_column(),
    reference("attempt_id", "attempts.id"),
    reference("task_id", "tasks.id", index=False),
    Column("form_id", String(64), nullable=False),
    Column("link_id", String(60), nullable=False),
    Column("value", JSONB, nullable=False),
    Column("quote", Text, nullable=False),
    Column("asked", Text, nullable=False),
    Column("start", Float, nullable=False),
    Column("end", Float, nullable=False),
    Column("turns", JSONB, nullable=False),
    Column("confidence", Float, nullable=False),
    # No foreign keys: a purged recording takes its transcripts along.
    Column("recording_id", Uuid(as_uuid=False), nullable=False, index=True),
    Column("transcript_id", Uuid(as_uuid=False), nullable=False),
    closed_set("state", ProposalState),
    instant("proposed_at"),
    Column("decided_by", Uuid(as_uuid=False), nullable=True),
    instant("decided_at", nullable=True),
    # One answer to a question waits at a time.
    Index(
        "uq_heard_answers_open",
        "attempt_id",
        "task_id",
        "form_id",
        "link_id",
        unique=True,
        postgresql_where=text("state = 'proposed'"),
    ),
)

mapper_registry.map_imperatively(HeardAnswer, heard_answers)


class HeardAnswerRepository:
    """Answers heard in calls."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, heard: HeardAnswer) -> None:
        """Save what was heard."""
        self._session.add(heard)

    def get(self, heard_id: str) -> HeardAnswer | None:
        """The answer with this id."""
        return self._session.get(HeardAnswer, heard_id)

    def for_update(self, heard_id: str) -> HeardAnswer | None:
        """The answer, locked until the end of the transaction."""
        return self._session.scalar(
            select(HeardAnswer)
            .where(heard_answers.c.id == heard_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )

    def of_attempt(self, attempt_id: str) -> Sequence[HeardAnswer]:
        """Everything heard in an attempt's call, by its second."""
        return self._session.scalars(
            select(HeardAnswer)
            .where(heard_answers.c.attempt_id == attempt_id)
            .order_by(heard_answers.c.start, heard_answers.c.link_id, heard_answers.c.id)
        ).all()

    def open_of_agent(self, agent_id: str, *, limit: int = 200) -> Sequence[HeardAnswer]:
        """What waits for a decision of an agent's own attempts, oldest call first."""
        return self._session.scalars(
            select(HeardAnswer)
            .join(attempts, attempts.c.id == heard_answers.c.attempt_id)
            .where(heard_answers.c.state == ProposalState.PROPOSED, attempts.c.agent_id == agent_id)
            .order_by(heard_answers.c.proposed_at, heard_answers.c.start, heard_answers.c.id)
            .limit(limit)
        ).all()

    def forget(self, recording_id: str) -> int:
        """Take away everything heard in a recording that is purged; how many it was. Answers given stay answers."""
        gone = self._session.execute(delete(heard_answers).where(heard_answers.c.recording_id == recording_id))
        return int(gone.rowcount)  # type: ignore[attr-defined]  # a DELETE's result counts
