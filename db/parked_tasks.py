"""Parked tasks: table, mapping, repository."""

from collections.abc import Sequence

from sqlalchemy import Column, Index, Integer, String, Table, Uuid, func, select, text
from sqlalchemy.orm import Session

from db.metadata import closed_set, id_column, instant, mapper_registry, metadata
from followup.parked_tasks import ParkedTask, ParkedTaskState

parked_tasks = Table(
    "parked_tasks",
    metadata,
    id_column(),
    Column("name", String(100), nullable=False),
    Column("subject", String(64), nullable=False),
    Column("reason", String(500), nullable=False),
    Column("times", Integer, nullable=False),
    closed_set("state", ParkedTaskState),
    instant("first_parked_at"),
    instant("parked_at"),
    instant("settled_at", nullable=True),
    Column("settled_by", Uuid(as_uuid=False), nullable=True),
    Column("settled_because", String(200), nullable=False, default=""),
    # One row for a task that is sent and fails again and again.
    Index("uq_parked_tasks_open", "name", "subject", unique=True, postgresql_where=text("state = 'parked'")),
    Index("ix_parked_tasks_parked_at", "parked_at", "id"),
)

mapper_registry.map_imperatively(ParkedTask, parked_tasks)


class ParkedTaskRepository:
    """Tasks that failed for good."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, parked: ParkedTask) -> None:
        """Save one; RowRefusedError at the flush if this task is parked already."""
        self._session.add(parked)

    def get(self, parked_id: str) -> ParkedTask | None:
        """The row with this id."""
        return self._session.get(ParkedTask, parked_id)

    def for_update(self, parked_id: str) -> ParkedTask | None:
        """The row with this id, locked until the end of the transaction."""
        return self._session.scalar(
            select(ParkedTask)
            .where(parked_tasks.c.id == parked_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )

    def open_of(self, name: str, subject: str) -> ParkedTask | None:
        """The row of this task that nobody has settled, locked."""
        return self._session.scalar(
            select(ParkedTask)
            .where(
                parked_tasks.c.name == name,
                parked_tasks.c.subject == subject,
                parked_tasks.c.state == ParkedTaskState.PARKED,
            )
            .with_for_update()
            .execution_options(populate_existing=True)
        )

    def page(self, *, state: ParkedTaskState | None, limit: int) -> Sequence[ParkedTask]:
        """The newest first."""
        query = select(ParkedTask).order_by(parked_tasks.c.parked_at.desc(), parked_tasks.c.id).limit(limit)
        return self._session.scalars(query.where(parked_tasks.c.state == state) if state else query).all()

    def count_open(self) -> int:
        """How many wait for a person."""
        return (
            self._session.scalar(
                select(func.count()).select_from(parked_tasks).where(parked_tasks.c.state == ParkedTaskState.PARKED)
            )
            or 0
        )
