"""Appointments: what their patients said of them, the history of it, and the reminders that are not wanted any more."""

from collections.abc import Sequence

from sqlalchemy import Column, Table, Uuid, or_, select
from sqlalchemy.orm import Session

from care.appointments import AppointmentState
from care.patients import Encounter
from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference
from db.plans import plans, tasks
from followup.appointments import APPOINTMENT, ENCOUNTER, AppointmentChange, AppointmentSource
from followup.plans import OPEN_TASK_STATES, Task, TaskMode, TaskState

appointment_changes = Table(
    "appointment_changes",
    metadata,
    id_column(),
    reference("encounter_id", "encounters.id"),
    closed_set("before", AppointmentState),
    closed_set("after", AppointmentState),
    closed_set("source", AppointmentSource),
    Column("by", Uuid(as_uuid=False), nullable=True),
    reference("call_id", "calls.id", nullable=True, index=False),
    instant("changed_at"),
)

mapper_registry.map_imperatively(AppointmentChange, appointment_changes)


class AppointmentRepository:
    """Appointments and their moves."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def of_task(self, task: Task) -> Encounter | None:
        """The appointment that a task is about: its plan's visit, or the one it names itself."""
        named = task.variables.get(ENCOUNTER)
        if named is None and task.plan_id is not None:
            named = self._session.scalar(select(plans.c.encounter_id).where(plans.c.id == task.plan_id))
        found = self._session.get(Encounter, named) if named else None
        return found if found is not None and found.kind == APPOINTMENT else None

    def add(self, change: AppointmentChange) -> None:
        """Keep a move."""
        self._session.add(change)

    def history_of(self, encounter_id: str) -> Sequence[AppointmentChange]:
        """Every move of an appointment, oldest first."""
        return self._session.scalars(
            select(AppointmentChange)
            .where(appointment_changes.c.encounter_id == encounter_id)
            .order_by(appointment_changes.c.changed_at, appointment_changes.c.id)
        ).all()

    def open_reminders(self, encounter_id: str, *, besides: str | None = None) -> Sequence[Task]:
        """Automated calls about an appointment that are still to come, locked."""
        of_plans = select(plans.c.id).where(plans.c.encounter_id == encounter_id)
        return self._session.scalars(
            select(Task)
            .where(
                or_(tasks.c.plan_id.in_(of_plans), tasks.c.variables[ENCOUNTER].astext == encounter_id),
                tasks.c.mode == TaskMode.AUTOMATED,
                tasks.c.state.in_(OPEN_TASK_STATES - {TaskState.IN_PROGRESS}),
                tasks.c.id.is_distinct_from(besides),
            )
            .order_by(tasks.c.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        ).all()
