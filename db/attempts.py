"""Attempts and the tasks each of them is made for: tables, mapping, repository."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Uuid,
    insert,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference
from db.plans import tasks
from followup.attempts import Attempt, AttemptState
from followup.outcomes import AttemptOutcome
from followup.plans import TaskId, TaskState

attempts = Table(
    "attempts",
    metadata,
    id_column(),
    reference("task_id", "tasks.id"),
    reference("patient_id", "patients.id"),
    reference("queue_id", "queues.id"),
    Column("agent_id", Uuid(as_uuid=False), ForeignKey("agents.id"), nullable=True, index=True),
    reference("contact_point_id", "contact_points.id", index=False),
    Column("number", String(20), nullable=False),
    Column("ordinal", Integer, nullable=False),
    closed_set("state", AttemptState),
    instant("due_at"),
    instant("reserved_at"),
    instant("wrap_up_at", nullable=True),
    instant("closed_at", nullable=True),
    closed_set("outcome", AttemptOutcome, nullable=True),
    Column("outcome_by", Uuid(as_uuid=False), nullable=True),
    Column("task_result", String(30), nullable=True),
    instant("decided_at", nullable=True),
    instant("identity_confirmed_at", nullable=True),
    instant("preview_until", nullable=True),
    Column("skipped", String(40), nullable=True),
    Column("ahead", Boolean, nullable=False, default=False),
    instant("person_at", nullable=True),
    instant("abandoned_at", nullable=True),
    instant("not_ahead_until", nullable=True),
    Column("gate", JSONB, nullable=False, default=dict),
    Column("answers", JSONB, nullable=False, default=dict),
    # The rule that nobody is ever dialed twice at one time, in the database itself.
    Index("uq_attempts_live_patient", "patient_id", unique=True, postgresql_where=text("state <> 'closed'")),
    Index("uq_attempts_live_agent", "agent_id", unique=True, postgresql_where=text("state <> 'closed'")),
    Index("uq_attempts_ordinal", "task_id", "ordinal", unique=True),
    Index("ix_attempts_closed", "closed_at"),
    Index("ix_attempts_undecided", "closed_at", postgresql_where=text("state = 'closed' AND decided_at IS NULL")),
    Index("ix_attempts_ahead", "queue_id", "reserved_at", postgresql_where=text("ahead")),
    Index("ix_attempts_ahead_answered", "person_at", postgresql_where=text("ahead AND person_at IS NOT NULL")),
    Index("ix_attempts_not_ahead", "patient_id", postgresql_where=text("not_ahead_until IS NOT NULL")),
    Index("ix_attempts_previewed", "preview_until", postgresql_where=text("preview_until IS NOT NULL")),
)

attempt_tasks = Table(
    "attempt_tasks",
    metadata,
    Column("attempt_id", Uuid(as_uuid=False), ForeignKey("attempts.id"), primary_key=True),
    Column("task_id", Uuid(as_uuid=False), ForeignKey("tasks.id"), primary_key=True, index=True),
    Column("position", Integer, nullable=False),
    Column("result", String(30), nullable=True),
)

mapper_registry.map_imperatively(Attempt, attempts)

_CLOSED = AttemptState.CLOSED
live = attempts.alias("live")


class AttemptRepository:
    """Attempts."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, attempt: Attempt) -> None:
        """Save an attempt; RowRefusedError if the patient or the agent has a live one."""
        self._session.add(attempt)

    def get(self, attempt_id: str) -> Attempt | None:
        """The attempt with this id."""
        return self._session.get(Attempt, attempt_id)

    def for_update(self, attempt_id: str) -> Attempt | None:
        """The attempt, locked until the end of the transaction."""
        return self._session.scalar(
            select(Attempt)
            .where(attempts.c.id == attempt_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )

    def of_task(self, task_id: str) -> Sequence[Attempt]:
        """Attempts of a task, also those made for another one that took it along, oldest first."""
        along = select(attempt_tasks.c.attempt_id).where(attempt_tasks.c.task_id == task_id)
        return self._session.scalars(
            select(Attempt)
            .where(or_(attempts.c.task_id == task_id, attempts.c.id.in_(along)))
            .order_by(attempts.c.reserved_at, attempts.c.ordinal)
        ).all()

    def join_tasks(self, attempt_id: str, task_ids: Sequence[str]) -> None:
        """Note which tasks a new attempt is made for, the first one first."""
        self._session.execute(
            insert(attempt_tasks),
            [
                {"attempt_id": attempt_id, "task_id": task_id, "position": position}
                for position, task_id in enumerate(task_ids)
            ],
        )

    def results_of(self, attempt_id: str) -> dict[TaskId, str | None]:
        """The tasks of an attempt, the one it was reserved for first, with the result that each was given by itself."""
        rows = self._session.execute(
            select(attempt_tasks.c.task_id, attempt_tasks.c.result)
            .where(attempt_tasks.c.attempt_id == attempt_id)
            .order_by(attempt_tasks.c.position)
        ).all()
        if rows:
            return {TaskId(row.task_id): row.result for row in rows}
        attempt = self.get(attempt_id)
        return {attempt.task_id: attempt.task_result} if attempt else {}

    def tasks_of(self, attempt_id: str) -> Sequence[TaskId]:
        """The tasks of an attempt, the one it was reserved for first."""
        return [*self.results_of(attempt_id)]

    def note_result(self, attempt_id: str, task_id: str, result: str | None) -> None:
        """Note what an attempt came to for one of its tasks."""
        self._session.execute(
            update(attempt_tasks)
            .where(attempt_tasks.c.attempt_id == attempt_id, attempt_tasks.c.task_id == task_id)
            .values(result=result)
        )

    def of_patient(self, patient_id: str, *, limit: int = 500) -> Sequence[Attempt]:
        """A patient's attempts, newest first."""
        return self._session.scalars(
            select(Attempt)
            .where(attempts.c.patient_id == patient_id)
            .order_by(attempts.c.reserved_at.desc(), attempts.c.id)
            .limit(limit)
        ).all()

    def live(self, *, limit: int = 5000) -> Sequence[Attempt]:
        """Every live attempt, oldest first."""
        return self._session.scalars(
            select(Attempt).where(attempts.c.state != _CLOSED).order_by(attempts.c.reserved_at).limit(limit)
        ).all()

    def live_of_agent(self, agent_id: str) -> Attempt | None:
        """The agent's live attempt."""
        return self._session.scalar(select(Attempt).where(attempts.c.agent_id == agent_id, attempts.c.state != _CLOSED))

    def previewed(
        self, *, patient_id: str | None = None, queue_id: str | None = None, campaign_id: str | None = None
    ) -> Sequence[str]:
        """Ids of attempts of a patient, queue or campaign that an agent looks at and has not dialed, in order of id."""
        query = select(attempts.c.id).where(
            attempts.c.state == AttemptState.RESERVED, attempts.c.preview_until.is_not(None)
        )
        if patient_id is not None:
            query = query.where(attempts.c.patient_id == patient_id)
        if queue_id is not None:
            query = query.where(attempts.c.queue_id == queue_id)
        if campaign_id is not None:
            query = query.join(tasks, tasks.c.id == attempts.c.task_id).where(tasks.c.campaign_id == campaign_id)
        return self._session.scalars(query.order_by(attempts.c.id)).all()

    def has_live(self, patient_id: str, *, besides: str | None = None) -> bool:
        """True if the patient has a live attempt other than `besides`."""
        query = select(attempts.c.id).where(attempts.c.patient_id == patient_id, attempts.c.state != _CLOSED)
        if besides:
            query = query.where(attempts.c.id != besides)
        return self._session.scalar(query.limit(1)) is not None

    def without_a_call(self, before: datetime, limit: int = 100) -> Sequence[Attempt]:
        """Attempts still reserved since before the instant given, but for those an agent looks at, locked."""
        return self._session.scalars(
            select(Attempt)
            .where(
                attempts.c.state == AttemptState.RESERVED,
                attempts.c.reserved_at < before,
                attempts.c.preview_until.is_(None),
            )
            .order_by(attempts.c.reserved_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        ).all()

    def expired_previews(self, now: datetime, limit: int = 100) -> Sequence[str]:
        """Ids of attempts whose agent looked at them for too long."""
        return self._session.scalars(
            select(attempts.c.id)
            .where(attempts.c.preview_until <= now, attempts.c.state == AttemptState.RESERVED)
            .order_by(attempts.c.preview_until)
            .limit(limit)
        ).all()

    def forgotten_along(self, before: datetime, limit: int = 100) -> Sequence[TaskId]:
        """Tasks without a result, in progress, that were taken along in an attempt decided before the instant given."""
        return self._session.scalars(
            select(attempt_tasks.c.task_id)
            .join(attempts, attempts.c.id == attempt_tasks.c.attempt_id)
            .join(tasks, tasks.c.id == attempt_tasks.c.task_id)
            .where(
                tasks.c.state == TaskState.IN_PROGRESS,
                attempt_tasks.c.position > 0,
                attempt_tasks.c.result.is_(None),
                attempts.c.closed_at.between(before - timedelta(days=7), before),
                attempts.c.decided_at < before,
                # It may be in another call since.
                ~select(live.c.id)
                .where(live.c.patient_id == tasks.c.patient_id, live.c.state != AttemptState.CLOSED)
                .exists(),
            )
            .distinct()
            .limit(limit)
        ).all()

    def undecided(self, before: datetime, limit: int = 100) -> Sequence[str]:
        """Ids of attempts closed before the instant given for which what comes next was never decided."""
        return self._session.scalars(
            select(attempts.c.id)
            .where(
                attempts.c.state == AttemptState.CLOSED, attempts.c.decided_at.is_(None), attempts.c.closed_at < before
            )
            .order_by(attempts.c.closed_at)
            .limit(limit)
        ).all()

    def forgotten_wrap_ups(self, before: datetime, limit: int = 100) -> Sequence[Attempt]:
        """Attempts in wrap-up since before the instant given."""
        return self._session.scalars(
            select(Attempt)
            .where(attempts.c.state == AttemptState.WRAP_UP, attempts.c.wrap_up_at < before)
            .order_by(attempts.c.wrap_up_at)
            .limit(limit)
        ).all()


RESERVATION_LIMIT = timedelta(seconds=20)
"""How long an attempt may stay reserved before reconcile asks what became of its call."""
