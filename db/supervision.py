"""Supervisors on the line: visits, and their stretches in one mode, whose rows are written once."""

from collections.abc import Sequence

from sqlalchemy import Boolean, Column, Index, String, Table, select, text
from sqlalchemy.orm import Session

from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference
from followup.supervision import Stretch, Supervision, SupervisionMode, SupervisionReason, SupervisionState

_IS_LIVE = text("state <> 'ended'")

supervisions = Table(
    "supervisions",
    metadata,
    id_column(),
    reference("call_id", "calls.id"),
    reference("leg_id", "legs.id"),
    reference("supervisor_id", "users.id"),
    reference("agent_id", "agents.id", nullable=True, index=False),
    Column("phone", String(200), nullable=False),
    Column("in_browser", Boolean, nullable=False, default=False),
    closed_set("mode", SupervisionMode),
    closed_set("reason", SupervisionReason),
    closed_set("state", SupervisionState),
    instant("asked_at"),
    instant("ended_at", nullable=True),
    Column("ended_because", String(200), nullable=False, default=""),
    Index("uq_supervisions_live_call", "call_id", unique=True, postgresql_where=_IS_LIVE),
    Index("uq_supervisions_live_supervisor", "supervisor_id", unique=True, postgresql_where=_IS_LIVE),
)

monitorings = Table(
    "monitorings",
    metadata,
    id_column(),
    reference("supervision_id", "supervisions.id"),
    reference("call_id", "calls.id"),
    reference("supervisor_id", "users.id"),
    closed_set("mode", SupervisionMode),
    closed_set("reason", SupervisionReason),
    instant("began_at"),
    instant("ended_at", nullable=True),
    Index("uq_monitorings_open", "supervision_id", unique=True, postgresql_where=text("ended_at IS NULL")),
)

mapper_registry.map_imperatively(Supervision, supervisions)
mapper_registry.map_imperatively(Stretch, monitorings)


class SupervisionRepository:
    """Supervisors' visits on calls."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, supervision: Supervision) -> None:
        """Save a visit."""
        self._session.add(supervision)

    def get(self, supervision_id: str) -> Supervision | None:
        """The visit with this id; whoever changes it holds the call's lock."""
        return self._session.get(Supervision, supervision_id, populate_existing=True)

    def of_leg(self, leg_id: str) -> Supervision | None:
        """The visit whose leg this is."""
        return self._session.scalar(select(Supervision).where(supervisions.c.leg_id == leg_id))

    def live_of_call(self, call_id: str) -> Supervision | None:
        """Who is on this call, or on her way."""
        return self._session.scalar(
            select(Supervision).where(supervisions.c.call_id == call_id, supervisions.c.state != SupervisionState.ENDED)
        )

    def live_of_supervisor(self, supervisor_id: str) -> Supervision | None:
        """The call a supervisor is on, or on her way to."""
        return self._session.scalar(
            select(Supervision).where(
                supervisions.c.supervisor_id == supervisor_id, supervisions.c.state != SupervisionState.ENDED
            )
        )

    def last_of_supervisor(self, supervisor_id: str) -> Supervision | None:
        """The visit a supervisor is on, or was on last."""
        return self._session.scalar(
            select(Supervision)
            .where(supervisions.c.supervisor_id == supervisor_id)
            .order_by(supervisions.c.asked_at.desc(), supervisions.c.id.desc())
            .limit(1)
        )

    def live(self) -> Sequence[Supervision]:
        """Every visit that goes on, oldest first."""
        return self._session.scalars(
            select(Supervision)
            .where(supervisions.c.state != SupervisionState.ENDED)
            .order_by(supervisions.c.asked_at)
            .limit(1000)
        ).all()

    def begin_stretch(self, stretch: Stretch) -> None:
        """Write that the supervisor is on the line in this mode from now on."""
        self._session.add(stretch)

    def open_stretch(self, supervision_id: str) -> Stretch | None:
        """The stretch that goes on."""
        return self._session.scalar(
            select(Stretch).where(monitorings.c.supervision_id == supervision_id, monitorings.c.ended_at.is_(None))
        )

    def stretches(self, call_id: str) -> Sequence[Stretch]:
        """Every stretch on a call, in order."""
        return self._session.scalars(
            select(Stretch).where(monitorings.c.call_id == call_id).order_by(monitorings.c.began_at).limit(1000)
        ).all()
