"""What an agent has before her: tasks of her queues that are owed by the end of the day, the pressing ones first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, and_, case, cast, func, or_, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from db.attempts import attempts
from db.patients import encounters, patients
from db.plans import plans, tasks
from db.queues import queues
from followup.attempts import AttemptState
from followup.plans import WISHED_AT, TaskMode, TaskState
from followup.waiting import URGENT_BELOW

_WAITING = (TaskState.DUE, TaskState.QUEUED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """One task of a worklist with what is needed to recognize it."""

    task_id: str
    state: TaskState
    queue_id: str
    queue_name: str
    patient_id: str
    name: str
    sex: str | None
    born: date | None
    zone: str
    department: str | None
    anchor_at: datetime | None
    priority: int
    target_at: datetime
    latest_at: datetime
    next_attempt_at: datetime
    attempts_made: int
    called_back: bool
    owner_id: str | None
    held_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OwedCounts:
    """How much there is."""

    due: int
    overdue: int
    call_backs: int
    done: int


class WorklistRepository:
    """Tasks as agents see them waiting."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def of(
        self,
        agent_id: str,
        queue_ids: Sequence[str],
        *,
        now: datetime,
        day_begins: datetime,
        day_ends: datetime,
        limit: int,
    ) -> Sequence[Owed]:
        """What is owed in these queues until the day ends, and is nobody else's; the order is that of the calling."""
        live = select(attempts.c.id).where(
            attempts.c.patient_id == tasks.c.patient_id, attempts.c.state != AttemptState.CLOSED
        )
        visit = (
            select(encounters.c.department)
            .where(encounters.c.patient_id == tasks.c.patient_id)
            .order_by(encounters.c.occurred_at.desc())
            .limit(1)
            .scalar_subquery()
        )
        own_first = case((and_(tasks.c.owner_id == agent_id, tasks.c.next_attempt_at <= now), 0), else_=1)
        rank = case(
            (tasks.c.priority < URGENT_BELOW, 0),
            (and_(_called_back(), tasks.c.next_attempt_at <= now), 1),
            (tasks.c.target_at < day_begins, 2),
            else_=3,
        )
        rows = self._session.execute(
            select(
                tasks,
                queues.c.name.label("queue_name"),
                patients.c.name,
                patients.c.sex,
                patients.c.born,
                patients.c.zone,
                plans.c.anchor_at,
                visit.label("department"),
                live.limit(1).scalar_subquery().label("held_by"),
            )
            .join(queues, queues.c.id == tasks.c.queue_id)
            .join(patients, patients.c.id == tasks.c.patient_id)
            .outerjoin(plans, plans.c.id == tasks.c.plan_id)
            .where(*self._owed(agent_id, queue_ids, now, day_ends))
            .order_by(
                own_first, rank, tasks.c.next_attempt_at > now, tasks.c.priority, tasks.c.next_attempt_at, tasks.c.id
            )
            .limit(limit)
        )
        return [
            Owed(
                task_id=row.id,
                state=row.state,
                queue_id=row.queue_id,
                queue_name=row.queue_name,
                patient_id=row.patient_id,
                name=row.name,
                sex=row.sex,
                born=row.born,
                zone=row.zone,
                department=row.department,
                anchor_at=row.anchor_at,
                priority=row.priority,
                target_at=row.target_at,
                latest_at=row.latest_at,
                next_attempt_at=row.next_attempt_at,
                attempts_made=row.attempts_made,
                called_back=WISHED_AT in row.variables,
                owner_id=row.owner_id,
                held_by=row.held_by,
            )
            for row in rows
        ]

    def counts(
        self, agent_id: str, queue_ids: Sequence[str], *, now: datetime, day_begins: datetime, day_ends: datetime
    ) -> OwedCounts:
        """How many are owed, how many of them are late, promised to be called back, and what the agent has done."""
        row = self._session.execute(
            select(
                func.count().label("due"),
                func.count().filter(tasks.c.target_at < day_begins).label("overdue"),
                func.count().filter(_called_back()).label("call_backs"),
            ).where(*self._owed(agent_id, queue_ids, now, day_ends))
        ).one()
        done = self._session.scalar(
            select(func.count()).where(
                attempts.c.agent_id == agent_id,
                attempts.c.state == AttemptState.CLOSED,
                attempts.c.closed_at >= day_begins,
                attempts.c.skipped.is_(None),
            )
        )
        return OwedCounts(due=row.due, overdue=row.overdue, call_backs=row.call_backs, done=done or 0)

    @staticmethod
    def _owed(
        agent_id: str, queue_ids: Sequence[str], now: datetime, day_ends: datetime
    ) -> tuple[ColumnElement[bool], ...]:
        return (
            tasks.c.mode == TaskMode.AGENT,
            tasks.c.state.in_(_WAITING),
            tasks.c.latest_at >= now,
            tasks.c.next_attempt_at < day_ends,
            or_(
                tasks.c.owner_id == agent_id,
                and_(
                    tasks.c.queue_id.in_([*queue_ids]),
                    or_(tasks.c.owner_id.is_(None), tasks.c.owner_until.is_(None), tasks.c.owner_until < now),
                ),
            ),
        )


def _called_back() -> ColumnElement[bool]:
    promised: ColumnElement[bool] = cast(tasks.c.variables, JSONB).has_key(WISHED_AT)
    return promised
