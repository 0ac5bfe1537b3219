"""Plans and tasks: tables, mappings, repository, and the statements by which tasks fall due and are taken."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    and_,
    func,
    or_,
    select,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.mutable import MutableList
from sqlalchemy.orm import Session

from care.consent import Purpose
from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference
from db.plan_steps import PlanSteps
from followup.outcomes import TaskOutcome
from followup.plans import OPEN_TASK_STATES, Plan, PlanState, Task, TaskMode, TaskState

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
    Column("zone", String(64), nullable=False),
    closed_set("state", PlanState),
    instant("state_since"),
    Column("end", String(40), nullable=True),
    Column("steps", PlanSteps, nullable=False, default=list),
    Column("dropped", MutableList.as_mutable(JSONB), nullable=False, default=list),
    Column("changed", Boolean, nullable=False, default=False),
    Column("red_flags", JSONB, nullable=False, default=list),
    Column("rules", String(64), nullable=True),
    Column("variables", JSONB, nullable=False, default=dict),
    Index("ix_plans_unfinished", "template_id", postgresql_where=text("state IN ('running', 'paused')")),
    # One living plan of a template per visit: a feed that comes twice makes no second one.
    Index(
        "uq_plans_living",
        "encounter_id",
        "template_id",
        unique=True,
        postgresql_where=text("cancelled_at IS NULL"),
    ),
)

LANE_COLUMNS = (
    reference("lane_id", "lanes.id", nullable=True, index=False),
    Column("place", SmallInteger, nullable=True),
    instant("closing_at", nullable=True),
    instant("held_until", nullable=True),
)
"""Where a waiting task stands: `db.waiting` writes them, a trigger empties them when its hour or rank changes."""

tasks = Table(
    "tasks",
    metadata,
    id_column(),
    reference("plan_id", "plans.id", nullable=True),
    reference("campaign_id", "campaigns.id", nullable=True, index=False),
    Column("step_key", String(64), nullable=True),
    Column("occurrence", Integer, nullable=False, default=0),
    instant("followed_at", nullable=True),
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
    instant("raised_at", nullable=True),
    Column("variables", JSONB, nullable=False, default=dict),
    CheckConstraint("earliest_at <= target_at AND target_at <= latest_at", name="window_in_order"),
    Column("language", String(16), nullable=True),
    Column("dialect", String(40), nullable=True),
    Column("skills", JSONB, nullable=False, default=list),
    reference("owner_id", "agents.id", nullable=True, index=False),
    instant("owner_until", nullable=True),
    Column("owner_reason", String(40), nullable=False, default=""),
    *LANE_COLUMNS,
    Index("ix_tasks_window_closes", "latest_at"),
    Index(
        "ix_tasks_in_lane",
        "lane_id",
        "place",
        "priority",
        "next_attempt_at",
        "id",
        postgresql_where=text("place IS NOT NULL"),
    ),
    Index(
        "ix_tasks_to_come",
        "next_attempt_at",
        "id",
        postgresql_where=text("state = 'queued' AND place IS NULL"),
    ),
    Index("ix_tasks_moving_up", "closing_at", postgresql_where=text("place = 2")),
    Index("ix_tasks_held", "held_until", postgresql_where=text("held_until IS NOT NULL")),
    Index("ix_tasks_campaign", "campaign_id", postgresql_where=text("campaign_id IS NOT NULL")),
    Index("ix_tasks_owned", "owner_id", postgresql_where=text("owner_id IS NOT NULL")),
    # Whose tasks wait in a queue: its agents may see them.
    Index(
        "ix_tasks_open_in_queue",
        "queue_id",
        "patient_id",
        postgresql_where=text("state IN ('due', 'queued', 'in_progress')"),
    ),
    # Each occurrence of a step once, unless it was called off.
    Index(
        "uq_tasks_occurrence",
        "plan_id",
        "step_key",
        "occurrence",
        unique=True,
        postgresql_where=text("step_key IS NOT NULL AND state <> 'cancelled'"),
    ),
    # Missed windows that wait for a person.
    Index(
        "ix_tasks_missed",
        "latest_at",
        "id",
        postgresql_where=text("state = 'lost_to_follow_up' AND next_action = 'escalate'"),
    ),
    Index(
        "ix_tasks_to_follow",
        "id",
        postgresql_where=text(
            "step_key IS NOT NULL AND followed_at IS NULL AND state NOT IN ('planned', 'due', 'queued', 'in_progress')"
        ),
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
mapper_registry.map_imperatively(Task, tasks, exclude_properties=[column.name for column in LANE_COLUMNS])


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

    def red_flags_of_tasks(self, task_ids: Sequence[str]) -> list[str]:
        """The sets of signs that the tasks' plans listen for, each once."""
        sets = self._session.scalars(
            select(plans.c.red_flags).join(tasks, tasks.c.plan_id == plans.c.id).where(tasks.c.id.in_(task_ids))
        )
        return sorted({name for names in sets for name in names})

    def is_stopped(self, task: Task) -> bool:
        """True if the task belongs to a plan that is paused or cancelled: nobody may be dialed for it."""
        if task.plan_id is None or task.step_key is None:
            return False
        state = self._session.scalar(select(plans.c.state).where(plans.c.id == task.plan_id))
        return state in (PlanState.PAUSED, PlanState.CANCELLED)

    def plan_for_update(self, plan_id: str) -> Plan | None:
        """The plan with this id, locked until the end of the transaction."""
        return self._session.scalar(
            select(Plan).where(plans.c.id == plan_id).with_for_update().execution_options(populate_existing=True)
        )

    def plans_of_patient(self, patient_id: str, *, limit: int = 200) -> Sequence[Plan]:
        """A patient's plans, newest first."""
        return self._session.scalars(
            select(Plan).where(plans.c.patient_id == patient_id).order_by(plans.c.created_at.desc()).limit(limit)
        ).all()

    def unfinished_of_patient(self, patient_id: str, *, encounter_id: str | None = None) -> Sequence[Plan]:
        """Running and paused plans of a patient, or of one of his visits, locked."""
        query = select(Plan).where(
            plans.c.patient_id == patient_id, plans.c.state.in_([PlanState.RUNNING, PlanState.PAUSED])
        )
        if encounter_id is not None:
            query = query.where(plans.c.encounter_id == encounter_id)
        return self._session.scalars(
            query.order_by(plans.c.id).with_for_update().execution_options(populate_existing=True)
        ).all()

    def older_than(self, versions: Mapping[str, int], *, after: str | None, limit: int) -> Sequence[Plan]:
        """Unfinished plans made from an older version of their template than the one given."""
        if not versions:
            return []
        query = (
            select(Plan)
            .where(
                plans.c.state.in_([PlanState.RUNNING, PlanState.PAUSED]),
                or_(
                    *(
                        and_(plans.c.template_id == template_id, plans.c.template_version < version)
                        for template_id, version in versions.items()
                    )
                ),
            )
            .order_by(plans.c.id)
            .limit(limit)
        )
        if after:
            query = query.where(plans.c.id > after)
        return self._session.scalars(query).all()

    def open_tasks_of_plan(self, plan_id: str) -> Sequence[Task]:
        """Tasks of a plan's steps that are not over, locked."""
        return self._session.scalars(
            select(Task)
            .where(tasks.c.plan_id == plan_id, tasks.c.step_key.is_not(None), tasks.c.state.in_(OPEN_TASK_STATES))
            .order_by(tasks.c.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        ).all()

    def open_tasks_of_patient(self, patient_id: str) -> Sequence[Task]:
        """Every task of a patient that is not over, locked."""
        return self._session.scalars(
            select(Task)
            .where(tasks.c.patient_id == patient_id, tasks.c.state.in_(OPEN_TASK_STATES))
            .order_by(tasks.c.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        ).all()

    def claim_to_follow(self, limit: int) -> Sequence[Task]:
        """Tasks of plans that are over and whose plan has not been looked after, locked, passing over others' locks."""
        return self._session.scalars(
            select(Task)
            .where(
                tasks.c.step_key.is_not(None),
                tasks.c.followed_at.is_(None),
                tasks.c.state.not_in(OPEN_TASK_STATES),
            )
            .order_by(tasks.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        ).all()

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
        # Two questions, because each has its own index: those who wait in their lanes are in neither.
        firsts = [
            select(tasks.c.next_attempt_at)
            .where(waits, tasks.c.next_attempt_at > now, tasks.c.next_attempt_at <= until)
            .order_by(tasks.c.next_attempt_at)
            .limit(1)
            .subquery()
            for waits in (
                tasks.c.state.in_([TaskState.PLANNED, TaskState.DUE]),
                and_(tasks.c.state == TaskState.QUEUED, tasks.c.place.is_(None)),
            )
        ]
        found: datetime | None = self._session.scalar(
            select(func.least(*(select(first.c.next_attempt_at).scalar_subquery() for first in firsts)))
        )
        return found

    def claim_nearly_closing(
        self, now: datetime, until: datetime, limit: int, *, after: Task | None = None, besides: Collection[str] = ()
    ) -> Sequence[Task]:
        """Tasks that fell due, wait, and close before `until`, of which nobody was told yet, locked.

        Those behind `after`, and not of the queues `besides`.
        """
        behind = (
            or_(
                tasks.c.latest_at > after.latest_at,
                and_(tasks.c.latest_at == after.latest_at, tasks.c.id > after.id),
            )
            if after
            else true()
        )
        return self._session.scalars(
            select(Task)
            .where(
                tasks.c.state.in_([TaskState.DUE, TaskState.QUEUED]),
                tasks.c.latest_at >= now,
                tasks.c.latest_at < until,
                tasks.c.raised_at.is_(None),
                behind,
                tasks.c.queue_id.not_in(besides),
            )
            .order_by(tasks.c.latest_at, tasks.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        ).all()

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
