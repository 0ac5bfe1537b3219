"""Plans and tasks: tables, mappings, repository, and the statements by which tasks fall due and are taken."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import CheckConstraint, Column, Index, Integer, String, Table, func, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from care.consent import Purpose
from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference
from followup.outcomes import TaskOutcome
from followup.plans import OPEN_TASK_STATES, Plan, Task, TaskMode, TaskState

plans = Table(
    "plans",
    metadata,
    id_column(),
    reference("patient_id", "patients.id"),
    reference("encounter_id", "encounters.id"),
    Column("template_id", String(64), nullable=False),
    Column("template_version", Integer, nullable=False),
    closed_set("purpose", Purpose),
    instant("anchor_at"),
    instant("created_at"),
    instant("cancelled_at", nullable=True),
    # One living plan of a template per visit: a feed that comes twice makes no second one.
    Index(
        "uq_plans_living",
        "encounter_id",
        "template_id",
        unique=True,
        postgresql_where=text("cancelled_at IS NULL"),
    ),
)

tasks = Table(
    "tasks",
    metadata,
    id_column(),
    reference("plan_id", "plans.id", nullable=True),
    reference("patient_id", "patients.id"),
    reference("queue_id", "queues.id"),
    closed_set("purpose", Purpose),
    closed_set("mode", TaskMode),
    closed_set("state", TaskState),
    Column("priority", Integer, nullable=False),
    instant("earliest_at"),
    instant("target_at"),
    instant("latest_at"),
    instant("next_attempt_at"),
    Column("form", String(64), nullable=True),
    Column("flow", String(64), nullable=True),
    Column("attempts_made", Integer, nullable=False, default=0),
    closed_set("outcome", TaskOutcome, nullable=True),
    Column("next_action", String(20), nullable=True),
    instant("next_at", nullable=True),
    instant("created_at"),
    Column("variables", JSONB, nullable=False, default=dict),
    CheckConstraint("earliest_at <= target_at AND target_at <= latest_at", name="window_in_order"),
    Index(
        "ix_tasks_waiting",
        "queue_id",
        "priority",
        "next_attempt_at",
        "id",
        postgresql_where=text("state = 'queued'"),
    ),
    Index(
        "ix_tasks_to_look_at",
        "next_attempt_at",
        "id",
        postgresql_where=text("state IN ('planned', 'due')"),
    ),
    Index(
        "ix_tasks_closing",
        "latest_at",
        "id",
        postgresql_where=text("state IN ('planned', 'due', 'queued')"),
    ),
)

mapper_registry.map_imperatively(Plan, plans)
mapper_registry.map_imperatively(Task, tasks)


class PlanRepository:
    """Plans and tasks."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, plan: Plan) -> None:
        """Save a plan."""
        self._session.add(plan)

    def add_task(self, task: Task) -> None:
        """Save a task."""
        self._session.add(task)

    def get(self, plan_id: str) -> Plan | None:
        """The plan with this id."""
        return self._session.get(Plan, plan_id)

    def living_plan(self, encounter_id: str, template_id: str) -> Plan | None:
        """The plan of this template that a visit already has."""
        return self._session.scalar(
            select(Plan).where(
                plans.c.encounter_id == encounter_id,
                plans.c.template_id == template_id,
                plans.c.cancelled_at.is_(None),
            )
        )

    def task(self, task_id: str) -> Task | None:
        """The task with this id."""
        return self._session.get(Task, task_id)

    def task_for_update(self, task_id: str) -> Task | None:
        """The task with this id, locked until the end of the transaction."""
        return self._session.scalar(
            select(Task).where(tasks.c.id == task_id).with_for_update().execution_options(populate_existing=True)
        )

    def tasks_of_plan(self, plan_id: str) -> Sequence[Task]:
        """Tasks of a plan in order of their targets."""
        return self._session.scalars(select(Task).where(tasks.c.plan_id == plan_id).order_by(tasks.c.target_at)).all()

    def tasks_of_patient(self, patient_id: str, *, limit: int = 200) -> Sequence[Task]:
        """A patient's tasks, latest target first."""
        return self._session.scalars(
            select(Task).where(tasks.c.patient_id == patient_id).order_by(tasks.c.target_at.desc()).limit(limit)
        ).all()

    def page(self, *, queue_id: str | None, state: TaskState | None, after: str | None, limit: int) -> Sequence[Task]:
        """Tasks in order of id, from behind `after`."""
        query = select(Task).order_by(tasks.c.id).limit(limit)
        if queue_id:
            query = query.where(tasks.c.queue_id == queue_id)
        if state:
            query = query.where(tasks.c.state == state)
        if after:
            query = query.where(tasks.c.id > after)
        return self._session.scalars(query).all()

    def counts_by_queue(self) -> dict[str, dict[TaskState, int]]:
        """How many open tasks each queue has in each state."""
        found: dict[str, dict[TaskState, int]] = {}
        rows = self._session.execute(
            select(tasks.c.queue_id, tasks.c.state, func.count())
            .where(tasks.c.state.in_(OPEN_TASK_STATES))
            .group_by(tasks.c.queue_id, tasks.c.state)
        )
        for queue_id, state, count in rows:
            found.setdefault(queue_id, {})[state] = count
        return found

    def claim_to_look_at(self, now: datetime, limit: int) -> Sequence[Task]:
        """Planned or due tasks whose time to be looked at has come, locked, passing over those locked by others."""
        return self._session.scalars(
            select(Task)
            .where(tasks.c.state.in_([TaskState.PLANNED, TaskState.DUE]), tasks.c.next_attempt_at <= now)
            .order_by(tasks.c.next_attempt_at, tasks.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        ).all()

    def next_moment(self, now: datetime, until: datetime) -> datetime | None:
        """The first instant after `now` and not after `until` at which a task is to be looked at or called."""
        found: datetime | None = self._session.scalar(
            select(func.min(tasks.c.next_attempt_at)).where(
                tasks.c.state.in_([TaskState.PLANNED, TaskState.DUE, TaskState.QUEUED]),
                tasks.c.next_attempt_at > now,
                tasks.c.next_attempt_at <= until,
            )
        )
        return found

    def claim_closing(self, now: datetime, limit: int) -> Sequence[Task]:
        """Open tasks without a live attempt whose window has closed, locked, passing over those locked by others."""
        return self._session.scalars(
            select(Task)
            .where(
                tasks.c.state.in_(OPEN_TASK_STATES - {TaskState.IN_PROGRESS}),
                tasks.c.latest_at < now,
            )
            .order_by(tasks.c.latest_at, tasks.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        ).all()
