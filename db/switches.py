"""Stop switches: table and repository. Rows are added, never changed."""

from collections.abc import Sequence

from sqlalchemy import Boolean, Column, Index, String, Table, Uuid, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from db.metadata import closed_set, id_column, instant, mapper_registry, metadata
from followup.switches import Switch, SwitchOf

switches = Table(
    "switches",
    metadata,
    id_column(),
    closed_set("kind", SwitchOf),
    Column("subject", String(36), nullable=False),
    Column("stopped", Boolean, nullable=False),
    Column("reason", String(200), nullable=False),
    Column("pressed_by", Uuid(as_uuid=False), nullable=False),
    instant("pressed_at"),
    Index("ix_switches_subject", "kind", "subject", "pressed_at"),
)

mapper_registry.map_imperatively(Switch, switches)


class SwitchRepository:
    """Presses of the switches."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, switch: Switch) -> None:
        """Save a press."""
        self._session.add(switch)

    def latest(self, kind: SwitchOf, subject: str) -> Switch | None:
        """The press that holds."""
        return self._session.scalar(
            select(Switch)
            .where(switches.c.kind == kind, switches.c.subject == subject)
            .order_by(switches.c.pressed_at.desc())
            .limit(1)
        )

    def all_latest(self, kind: SwitchOf) -> dict[str, Switch]:
        """The press that holds, by subject."""
        rows = self._session.scalars(
            select(Switch)
            .where(switches.c.kind == kind)
            .ext(distinct_on(switches.c.subject))
            .order_by(switches.c.subject, switches.c.pressed_at.desc())
        )
        return {row.subject: row for row in rows}

    def history(self, kind: SwitchOf, subject: str, *, limit: int = 100) -> Sequence[Switch]:
        """Every press, newest first."""
        return self._session.scalars(
            select(Switch)
            .where(switches.c.kind == kind, switches.c.subject == subject)
            .order_by(switches.c.pressed_at.desc())
            .limit(limit)
        ).all()
