"""The duty roster: tables, mappings, repository."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import CheckConstraint, Column, Index, String, Table, Uuid, select
from sqlalchemy.orm import Session, relationship

from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference
from followup.duty import HOUSE, DutyRole, DutyShift, Substitute

duty_shifts = Table(
    "duty_shifts",
    metadata,
    id_column(),
    Column("department", String(100), nullable=False),
    closed_set("role", DutyRole),
    instant("starts_at"),
    instant("ends_at"),
    Column("name", String(200), nullable=False),
    Column("phone", String(20), nullable=False),
    reference("user_id", "users.id", nullable=True, index=False),
    Column("entered_by", Uuid(as_uuid=False), nullable=True),
    instant("entered_at"),
    instant("withdrawn_at", nullable=True),
    CheckConstraint("starts_at < ends_at", name="in_order"),
    Index("ix_duty_shifts_when", "department", "ends_at"),
)

duty_substitutes = Table(
    "duty_substitutes",
    metadata,
    id_column(),
    reference("shift_id", "duty_shifts.id"),
    instant("starts_at"),
    instant("ends_at"),
    Column("name", String(200), nullable=False),
    Column("phone", String(20), nullable=False),
    reference("user_id", "users.id", nullable=True, index=False),
    Column("reason", String(500), nullable=False, default=""),
    Column("entered_by", Uuid(as_uuid=False), nullable=True),
    instant("entered_at"),
    instant("withdrawn_at", nullable=True),
    CheckConstraint("starts_at < ends_at", name="in_order"),
)

mapper_registry.map_imperatively(Substitute, duty_substitutes)
mapper_registry.map_imperatively(
    DutyShift,
    duty_shifts,
    properties={
        "substitutes": relationship(
            Substitute, lazy="selectin", order_by=[duty_substitutes.c.entered_at, duty_substitutes.c.id]
        )
    },
)


class DutyRepository:
    """Who is on duty when. What was entered is withdrawn, never taken away."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, shift: DutyShift) -> None:
        """Save a shift."""
        self._session.add(shift)

    def departments(self) -> Sequence[str]:
        """Departments that have, or had, somebody on duty."""
        return self._session.scalars(
            select(duty_shifts.c.department).distinct().order_by(duty_shifts.c.department)
        ).all()

    def get(self, shift_id: str) -> DutyShift | None:
        """The shift with this id."""
        return self._session.get(DutyShift, shift_id)

    def for_update(self, shift_id: str) -> DutyShift | None:
        """The shift, locked until the end of the transaction."""
        return self._session.scalar(
            select(DutyShift)
            .where(duty_shifts.c.id == shift_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )

    def between(
        self, starts_at: datetime, ends_at: datetime, *, department: str | None = None, limit: int = 5000
    ) -> Sequence[DutyShift]:
        """Shifts that touch a span, in order of their beginning; of a department together with the hospital's own."""
        query = select(DutyShift).where(
            duty_shifts.c.starts_at < ends_at, duty_shifts.c.ends_at > starts_at, duty_shifts.c.withdrawn_at.is_(None)
        )
        if department is not None:
            query = query.where(duty_shifts.c.department.in_([department, HOUSE]))
        return self._session.scalars(query.order_by(duty_shifts.c.starts_at, duty_shifts.c.id).limit(limit)).all()
