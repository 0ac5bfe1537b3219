"""Queues and agents: tables, mappings, repository."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Boolean, Column, Date, ForeignKey, Index, Integer, String, Table, Uuid, func, or_, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from care.consent import Purpose
from db.metadata import closed_set, id_column, instant, mapper_registry, metadata
from followup.plans import TaskMode
from followup.queues import (
    IDLE_AGENT_STATES,
    Agent,
    AgentState,
    DialStyle,
    ExpiredPreview,
    HeadsetKind,
    HeadsetState,
    MergeRule,
    Queue,
)
from followup.screening import OnMachine
from followup.supervision import SupervisionShown

queues = Table(
    "queues",
    metadata,
    id_column(),
    Column("name", String(100), nullable=False, unique=True),
    closed_set("mode", TaskMode),
    closed_set("purpose", Purpose),
    Column("language", String(16), nullable=True),
    Column("policy", String(64), nullable=False),
    Column("ring_seconds", Integer, nullable=False),
    Column("wrap_up_seconds", Integer, nullable=False),
    Column("lines", Integer, nullable=False),
    Column("paused", Boolean, nullable=False, default=False),
    closed_set("supervision_shown", SupervisionShown),
    Column("free_numbers", Boolean, nullable=False, default=False),
    Column("played_notice", Boolean, nullable=False, default=False),
    closed_set("on_machine", OnMachine),
    closed_set("style", DialStyle),
    Column("dialect", String(40), nullable=True),
    Column("skills", JSONB, nullable=False, default=list),
    Column("preview_seconds", Integer, nullable=False),
    closed_set("expired_preview", ExpiredPreview),
    Column("same_nurse_seconds", Integer, nullable=False),
    closed_set("merges", MergeRule),
    Column("speech_model", String(32), nullable=True),
    Column("pacing_alarm_on", Date, nullable=True),
    instant("created_at"),
)

agents = Table(
    "agents",
    metadata,
    Column("id", Uuid(as_uuid=False), ForeignKey("users.id"), primary_key=True),
    Column("languages", JSONB, nullable=False),
    Column("dialects", JSONB, nullable=False, default=list),
    Column("skills", JSONB, nullable=False, default=list),
    Column("queues", JSONB, nullable=False),
    closed_set("state", AgentState),
    instant("state_since"),
    Column("state_reason", String(200), nullable=False, default=""),
    closed_set("wanted_state", AgentState, nullable=True),
    instant("heartbeat_at", nullable=True),
    Column("headset", String(200), nullable=False, default=""),
    closed_set("headset_kind", HeadsetKind),
    Column("headset_wanted", Boolean, nullable=False, default=False),
    closed_set("headset_state", HeadsetState),
    Column("headset_leg_id", Uuid(as_uuid=False), nullable=True, index=True),
    Column("headset_node", String(64), nullable=True),
    instant("headset_lost_at", nullable=True),
    Column("headset_muted", Boolean, nullable=False, default=False),
    Column("kept_for", Uuid(as_uuid=False), ForeignKey("queues.id"), nullable=True),
    Index("ix_agents_kept", "kept_for", postgresql_where=text("kept_for IS NOT NULL")),
    Index("ix_agents_ready", "state_since", "id", postgresql_where=text("state = 'available'")),
)

mapper_registry.map_imperatively(Queue, queues)
mapper_registry.map_imperatively(Agent, agents)


class QueueRepository:
    """Queues and the agents who serve them."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, queue: Queue) -> None:
        """Save a queue."""
        self._session.add(queue)

    def get(self, queue_id: str) -> Queue | None:
        """The queue with this id."""
        return self._session.get(Queue, queue_id)

    def by_name(self, name: str) -> Queue | None:
        """The queue with this name."""
        return self._session.scalar(select(Queue).where(queues.c.name == name))

    def all(self) -> Sequence[Queue]:
        """Every queue in order of name."""
        return self._session.scalars(select(Queue).order_by(queues.c.name).limit(1000)).all()

    def add_agent(self, agent: Agent) -> None:
        """Save an agent."""
        self._session.add(agent)

    def agent(self, agent_id: str) -> Agent | None:
        """The agent with this (user) id."""
        return self._session.get(Agent, agent_id)

    def agent_for_update(self, agent_id: str) -> Agent | None:
        """The agent, locked until the end of the transaction."""
        return self._session.scalar(
            select(Agent).where(agents.c.id == agent_id).with_for_update().execution_options(populate_existing=True)
        )

    def agent_by_headset_leg(self, leg_id: str) -> Agent | None:
        """The agent whose headset leg this is, locked."""
        return self._session.scalar(
            select(Agent)
            .where(agents.c.headset_leg_id == leg_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )

    def agents(self) -> Sequence[Agent]:
        """Every agent, in order of id."""
        return self._session.scalars(select(Agent).order_by(agents.c.id).limit(5000)).all()

    def headsets_to_ring(self, node: str, limit: int = 50) -> Sequence[Agent]:
        """Agents who want a headset on this node and have none."""
        return self._session.scalars(
            select(Agent)
            .where(
                agents.c.headset_wanted,
                agents.c.headset_state == HeadsetState.DOWN,
                func.coalesce(agents.c.headset_node, node) == node,
            )
            .order_by(agents.c.state_since, agents.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        ).all()

    def headsets_lost(self, node: str) -> Sequence[Agent]:
        """Agents of this node whose browser is away, locked."""
        return self._session.scalars(
            select(Agent)
            .where(agents.c.headset_lost_at.is_not(None), agents.c.headset_node == node)
            .order_by(agents.c.id)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        ).all()

    def silent_since(self, before: datetime, limit: int = 100) -> Sequence[Agent]:
        """Agents who seem to be at their desks and whose console was last heard before the instant given, locked."""
        return self._session.scalars(
            select(Agent)
            .where(
                or_(
                    agents.c.headset_wanted,
                    agents.c.state.in_([AgentState.AVAILABLE, AgentState.BREAK, AgentState.TRAINING]),
                ),
                # Those who are only waited for until their call is over need no second look.
                or_(
                    agents.c.state.in_(IDLE_AGENT_STATES),
                    agents.c.wanted_state.is_distinct_from(AgentState.OFFLINE),
                ),
                agents.c.heartbeat_at < before,
            )
            .order_by(agents.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        ).all()
