"""Attempts: table, mapping, repository, and the one statement that reserves an agent with the next task."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Uuid,
    and_,
    func,
    or_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, array
from sqlalchemy.orm import Session

from db.calls import calls
from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference
from db.plans import tasks
from db.queues import agents, queues
from followup.attempts import Attempt, AttemptState
from followup.outcomes import NOT_COUNTED, NUMBER_IS_NO_USE, REACHED_A_PERSON, AttemptOutcome
from followup.plans import TaskMode, TaskState
from followup.queues import HEARTBEAT_LIMIT, AgentState, HeadsetState

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
    Column("gate", JSONB, nullable=False, default=dict),
    Column("answers", JSONB, nullable=False, default=dict),
    # The rule that nobody is ever dialed twice at one time, in the database itself.
    Index("uq_attempts_live_patient", "patient_id", unique=True, postgresql_where=text("state <> 'closed'")),
    Index("uq_attempts_live_agent", "agent_id", unique=True, postgresql_where=text("state <> 'closed'")),
    Index("uq_attempts_ordinal", "task_id", "ordinal", unique=True),
    Index("ix_attempts_closed", "closed_at"),
    Index("ix_attempts_undecided", "closed_at", postgresql_where=text("state = 'closed' AND decided_at IS NULL")),
)

mapper_registry.map_imperatively(Attempt, attempts)

_CLOSED = AttemptState.CLOSED
_AGENTS_LOOKED_AT = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A waiting task and the agent who will take it; None where a machine speaks. Both rows are locked."""

    task_id: str
    agent_id: str | None


class AttemptRepository:
    """Attempts and the matching of tasks with agents."""

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
        """Attempts of a task, oldest first."""
        return self._session.scalars(
            select(Attempt).where(attempts.c.task_id == task_id).order_by(attempts.c.ordinal)
        ).all()

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

    def has_live(self, patient_id: str, *, besides: str | None = None) -> bool:
        """True if the patient has a live attempt other than `besides`."""
        query = select(attempts.c.id).where(attempts.c.patient_id == patient_id, attempts.c.state != _CLOSED)
        if besides:
            query = query.where(attempts.c.id != besides)
        return self._session.scalar(query.limit(1)) is not None

    def counts_since(self, patient_id: str, since: datetime, *, besides: str | None = None) -> tuple[int, int]:
        """(times the phone may have rung, times the patient's side was reached) over all queues since an instant.

        A fault of ours (no node, no trunk, refused by the gate) does not use up what a patient may be asked to bear.
        """
        rang = (
            select(calls.c.id)
            .where(
                calls.c.attempt_id == attempts.c.id,
                or_(
                    calls.c.ringing_at.is_not(None),
                    calls.c.answered_at.is_not(None),
                    # Given up by us without a word from the carrier: it may have rung all the same.
                    and_(calls.c.invite_at.is_not(None), attempts.c.outcome == AttemptOutcome.CALLER_ABANDONED),
                ),
            )
            .exists()
        )
        query = select(
            func.count(),
            func.count().filter(attempts.c.outcome.in_([*(REACHED_A_PERSON - NUMBER_IS_NO_USE)])),
        ).where(
            attempts.c.patient_id == patient_id,
            attempts.c.reserved_at >= since,
            or_(attempts.c.outcome.is_(None), attempts.c.outcome.not_in([*NOT_COUNTED]), rang),
        )
        if besides:
            query = query.where(attempts.c.id != besides)
        row = self._session.execute(query).one()
        return int(row[0]), int(row[1])

    def match_agents(self, now: datetime, limit: int) -> Sequence[Match]:
        """Pair waiting tasks with agents who can be given a call, locking both; nobody else gets either.

        An agent is a row with state available, headset up and a heartbeat younger than HEARTBEAT_LIMIT, longest waiting
        first; his task is the most urgent one of his queues and languages whose patient has no live attempt.
        """
        waiting = self._queues_with_work(now, TaskMode.AGENT)
        if not waiting:
            return []
        ready = self._session.execute(
            select(agents.c.id, agents.c.queues, agents.c.languages)
            .where(
                agents.c.state == AgentState.AVAILABLE,
                agents.c.headset_state == HeadsetState.UP,
                agents.c.headset_lost_at.is_(None),
                agents.c.heartbeat_at > now - HEARTBEAT_LIMIT,
                agents.c.queues.has_any(array(waiting)),
            )
            .order_by(agents.c.state_since, agents.c.id)
            .limit(_AGENTS_LOOKED_AT)
            .with_for_update(skip_locked=True)
        ).all()
        found: list[Match] = []
        taken_patients: set[str] = set()
        without_work: set[tuple[tuple[str, ...], tuple[str, ...]]] = set()
        for agent_id, served, languages in ready:
            alike = (tuple(served), tuple(languages))
            if alike in without_work:
                continue
            row = self._waiting(
                now,
                mode=TaskMode.AGENT,
                extra=and_(queues.c.id.in_(served), _spoken_by(languages)),
                not_patients=taken_patients,
            )
            if row is None:
                without_work.add(alike)
                continue
            found.append(Match(task_id=row[0], agent_id=agent_id))
            taken_patients.add(row[1])
            if len(found) >= limit:
                break
        return found

    def match_lines(self, now: datetime, limit: int) -> Sequence[Match]:
        """Waiting automated tasks for which their queue has a free line; tasks and queues are locked."""
        waiting = self._queues_with_work(now, TaskMode.AUTOMATED)
        if not waiting or limit < 1:
            return []
        # Locked before the lines are counted: of two who count at once one would give away a line too many.
        lines: dict[str, int] = {
            row.id: row.lines
            for row in self._session.execute(
                select(queues.c.id, queues.c.lines)
                .where(queues.c.id.in_(waiting))
                .order_by(queues.c.id)
                .with_for_update(skip_locked=True, key_share=True)
            )
        }
        for queue_id, live in self._session.execute(
            select(attempts.c.queue_id, func.count())
            .where(attempts.c.queue_id.in_(lines), attempts.c.state != _CLOSED)
            .group_by(attempts.c.queue_id)
        ):
            lines[queue_id] -= live
        found: list[Match] = []
        taken_patients: set[str] = set()
        for queue_id, free in lines.items():
            for _ in range(min(free, limit - len(found))):
                row = self._waiting(
                    now, mode=TaskMode.AUTOMATED, extra=queues.c.id == queue_id, not_patients=taken_patients
                )
                if row is None:
                    break
                found.append(Match(task_id=row[0], agent_id=None))
                taken_patients.add(row[1])
        return found

    def _queues_with_work(self, now: datetime, mode: TaskMode) -> list[str]:
        """Queues that are not paused and have a task of this mode that could be called now."""
        work = (
            select(tasks.c.id)
            .where(
                tasks.c.queue_id == queues.c.id,
                tasks.c.state == TaskState.QUEUED,
                tasks.c.next_attempt_at <= now,
                tasks.c.latest_at >= now,
                tasks.c.mode == mode,
            )
            .exists()
        )
        return list(self._session.scalars(select(queues.c.id).where(queues.c.paused.is_(False), work)))

    def _waiting(
        self, now: datetime, *, mode: TaskMode, extra: ColumnElement[bool], not_patients: set[str]
    ) -> tuple[str, str] | None:
        busy = (
            select(attempts.c.id)
            .where(attempts.c.patient_id == tasks.c.patient_id, attempts.c.state != _CLOSED)
            .exists()
        )
        query = (
            select(tasks.c.id, tasks.c.patient_id)
            .join(queues, queues.c.id == tasks.c.queue_id)
            .where(
                tasks.c.state == TaskState.QUEUED,
                tasks.c.next_attempt_at <= now,
                tasks.c.latest_at >= now,
                tasks.c.mode == mode,
                queues.c.paused.is_(False),
                extra,
                ~busy,
            )
            .order_by(tasks.c.priority, tasks.c.next_attempt_at, tasks.c.id)
            .limit(1)
            .with_for_update(of=tasks, skip_locked=True)
        )
        if not_patients:
            query = query.where(tasks.c.patient_id.not_in(not_patients))
        row = self._session.execute(query).first()
        return (row[0], row[1]) if row else None

    def without_a_call(self, before: datetime, limit: int = 100) -> Sequence[Attempt]:
        """Attempts still reserved since before the instant given, locked."""
        return self._session.scalars(
            select(Attempt)
            .where(attempts.c.state == AttemptState.RESERVED, attempts.c.reserved_at < before)
            .order_by(attempts.c.reserved_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
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


def _spoken_by(languages: Sequence[str]) -> ColumnElement[bool]:
    return func.coalesce(queues.c.language, languages[0] if languages else "").in_(list(languages) or [""])


RESERVATION_LIMIT = timedelta(seconds=20)
"""How long an attempt may stay reserved before reconcile asks what became of its call."""
