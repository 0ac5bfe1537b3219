"""Goals and their stories: tables, mappings, repository."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import BigInteger, Column, Date, Identity, Index, Integer, String, Table, Uuid, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from care.goals import Goal, GoalState
from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference


class GoalEventKind(StrEnum):
    """A line of a goal's story."""

    SET = "set"
    ACHIEVED = "achieved"
    MISSED = "missed"
    REOPENED = "reopened"  # what it was closed by was corrected
    CANCELLED = "cancelled"
    CHANGED = "changed"  # another owner, another day


goals = Table(
    "goals",
    metadata,
    id_column(),
    reference("patient_id", "patients.id"),
    Column("template_id", String(64), nullable=True),
    Column("template_version", Integer, nullable=True),
    Column("title", JSONB, nullable=False),
    Column("targets", JSONB, nullable=False),
    Column("readings", Integer, nullable=False),
    Column("action", JSONB, nullable=False),
    reference("owner_id", "users.id"),
    reference("plan_id", "plans.id", nullable=True),
    Column("because", JSONB, nullable=False),
    Column("starts_on", Date, nullable=False),
    Column("due_on", Date, nullable=False),
    Column("zone", String(64), nullable=False),
    closed_set("state", GoalState),
    instant("state_since"),
    Column("evidence", JSONB, nullable=False),
    reference("set_by", "users.id", index=False),
    instant("set_at"),
    Index("ix_goals_due", "due_on", "id", postgresql_where=text("state = 'active'")),
)

goal_events = Table(
    "goal_events",
    metadata,
    Column("position", BigInteger, Identity(always=True), primary_key=True),
    reference("goal_id", "goals.id"),
    instant("at"),
    closed_set("kind", GoalEventKind),
    Column("user_id", Uuid(as_uuid=False), nullable=True),
    Column("detail", JSONB, nullable=False, default=dict),
)


@dataclass(kw_only=True, eq=False)
class GoalEvent:
    """One line of a goal's story; never changed."""

    position: int = field(init=False)
    goal_id: str
    at: datetime
    kind: GoalEventKind
    user_id: str | None = None
    detail: dict[str, object] = field(default_factory=dict)


mapper_registry.map_imperatively(Goal, goals)
mapper_registry.map_imperatively(GoalEvent, goal_events)


class GoalRepository:
    """Goals of patients."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, goal: Goal) -> None:
        """Save a goal."""
        self._session.add(goal)

    def for_update(self, goal_id: str) -> Goal | None:
        """The goal, locked until the end of the transaction."""
        return self._session.scalar(
            select(Goal).where(goals.c.id == goal_id).with_for_update().execution_options(populate_existing=True)
        )

    def get(self, goal_id: str) -> Goal | None:
        """The goal with this id."""
        return self._session.get(Goal, goal_id)

    def of_patient(self, patient_id: str) -> Sequence[Goal]:
        """A patient's goals, newest first."""
        return self._session.scalars(
            select(Goal).where(goals.c.patient_id == patient_id).order_by(goals.c.set_at.desc(), goals.c.id)
        ).all()

    def to_follow(self, patient_id: str) -> Sequence[Goal]:
        """Those that results may still move, locked: all but the cancelled ones."""
        return self._session.scalars(
            select(Goal)
            .where(goals.c.patient_id == patient_id, goals.c.state != GoalState.CANCELLED)
            .order_by(goals.c.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        ).all()

    def patients_past_due(self, day: date, *, limit: int) -> Sequence[str]:
        """Patients who have an active goal that was due before a day."""
        return self._session.scalars(
            select(goals.c.patient_id)
            .where(goals.c.state == GoalState.ACTIVE, goals.c.due_on < day)
            .distinct()
            .limit(limit)
        ).all()

    def note(
        self,
        goal: Goal,
        kind: GoalEventKind,
        *,
        at: datetime,
        user_id: str | None,
        detail: dict[str, object] | None = None,
    ) -> None:
        """Write one line of its story."""
        self._session.add(GoalEvent(goal_id=goal.id, at=at, kind=kind, user_id=user_id, detail=detail or {}))

    def story(self, goal_id: str) -> Sequence[GoalEvent]:
        """What happened to it, oldest first."""
        return self._session.scalars(
            select(GoalEvent).where(goal_events.c.goal_id == goal_id).order_by(goal_events.c.position)
        ).all()
