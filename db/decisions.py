"""Decisions after attempts, and each queue's own values of its attempt policy with who set them when."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index, Integer, Row, String, Table, Uuid, insert, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from db.attempts import attempts
from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference
from followup.decisions import Decision
from followup.outcomes import AttemptOutcome, TaskOutcome
from followup.what_next import DecisionReason, NextAction
from runtime.identifiers import new_id

decisions = Table(
    "decisions",
    metadata,
    id_column(),
    reference("attempt_id", "attempts.id"),
    reference("task_id", "tasks.id"),
    reference("patient_id", "patients.id", index=False),
    reference("queue_id", "queues.id", index=False),
    instant("decided_at"),
    closed_set("action", NextAction),
    closed_set("reason", DecisionReason),
    instant("next_at", nullable=True),
    Column("next_number", Uuid(as_uuid=False), nullable=True),
    closed_set("task_outcome", TaskOutcome, nullable=True),
    Column("policy", String(80), nullable=False),
    Column("tries_counted", Integer, nullable=False),
    Column("before", JSONB, nullable=False),
    Column("left", JSONB, nullable=False),
    Column("closed_number", Uuid(as_uuid=False), nullable=True),
    Column("closed_number_was", String(40), nullable=True),
    instant("undo_until"),
    instant("undone_at", nullable=True),
    reference("undone_by", "users.id", nullable=True, index=False),
    Column("undo_reason", String(500), nullable=False, default=""),
)

queue_policies = Table(
    "queue_policies",
    metadata,
    id_column(),
    reference("queue_id", "queues.id", index=False),
    Column("changes", JSONB, nullable=False),
    instant("set_at"),
    reference("set_by", "users.id", index=False),
    Index("ix_queue_policies_latest", "queue_id", "set_at"),
)

Index("ix_attempts_queue_reserved", attempts.c.queue_id, attempts.c.reserved_at)

mapper_registry.map_imperatively(Decision, decisions)

_COUNTED_OF_A_QUEUE = 500
_COUNTED_OF_A_PATIENT = 60


class DecisionRepository:
    """Decisions, and what they lean on: queues' own values, and when people answered."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, decision: Decision) -> None:
        """Save a decision."""
        self._session.add(decision)

    def of_attempt(self, attempt_id: str) -> Sequence[Decision]:
        """The decisions after an attempt, one for each of its tasks."""
        return self._session.scalars(
            select(Decision)
            .where(decisions.c.attempt_id == attempt_id)
            .order_by(decisions.c.decided_at, decisions.c.id)
        ).all()

    def of_task(self, task_id: str, *, limit: int = 100) -> Sequence[Decision]:
        """The decisions about a task, newest first."""
        return self._session.scalars(
            select(Decision)
            .where(decisions.c.task_id == task_id)
            .order_by(decisions.c.decided_at.desc(), decisions.c.id)
            .limit(limit)
        ).all()

    def queue_changes(self, queue_id: str) -> Mapping[str, Any]:
        """What a queue has of its own in its attempt policy; empty if nothing."""
        found: Mapping[str, Any] | None = self._session.scalar(
            select(queue_policies.c.changes)
            .where(queue_policies.c.queue_id == queue_id)
            .order_by(queue_policies.c.set_at.desc(), queue_policies.c.id.desc())
            .limit(1)
        )
        return found or {}

    def change_queue(self, queue_id: str, changes: Mapping[str, Any], *, now: datetime, by: str) -> None:
        """Keep a queue's own values from now on; those before stay readable."""
        self._session.execute(
            insert(queue_policies).values(id=new_id(), queue_id=queue_id, changes=dict(changes), set_at=now, set_by=by)
        )

    def queue_history(self, queue_id: str) -> Sequence[Row[Any]]:
        """Every set of own values a queue has had, newest first, with who set it when."""
        return self._session.execute(
            select(queue_policies)
            .where(queue_policies.c.queue_id == queue_id)
            .order_by(queue_policies.c.set_at.desc(), queue_policies.c.id.desc())
            .limit(200)
        ).all()

    def lately_of_patient(self, patient_id: str) -> Sequence[tuple[datetime, AttemptOutcome | None]]:
        """When a patient was called lately and what came of it."""
        return self._lately(attempts.c.patient_id == patient_id, _COUNTED_OF_A_PATIENT)

    def lately_of_queue(self, queue_id: str) -> Sequence[tuple[datetime, AttemptOutcome | None]]:
        """When a queue's patients were called lately and what came of it."""
        return self._lately(attempts.c.queue_id == queue_id, _COUNTED_OF_A_QUEUE)

    def _lately(self, whose: Any, limit: int) -> Sequence[tuple[datetime, AttemptOutcome | None]]:
        rows = self._session.execute(
            select(attempts.c.reserved_at, attempts.c.outcome)
            .where(whose)
            .order_by(attempts.c.reserved_at.desc())
            .limit(limit)
        )
        return [(row.reserved_at, row.outcome) for row in rows]
