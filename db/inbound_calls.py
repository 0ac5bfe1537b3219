"""Inbound callers: table, mapping, repository, and the one statement that reserves an agent for a caller."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Index,
    Integer,
    String,
    Table,
    Text,
    case,
    or_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from care.patients import Patient
from db.calls import calls
from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference
from db.patients import contact_points, patients
from db.queues import agents, queues
from followup.calls import Call
from followup.inbound import InboundCall, InboundOrigin, InboundReason, InboundState
from followup.plans import TaskMode
from followup.queues import HEARTBEAT_LIMIT, Agent, AgentState, HeadsetState, Queue

inbound_calls = Table(
    "inbound_calls",
    metadata,
    id_column(),
    Column("leg_id", String(36), nullable=False),
    Column("node", String(64), nullable=False),
    closed_set("origin", InboundOrigin),
    Column("caller", String(20), nullable=True, index=True),
    Column("sip_call_id", String(200), nullable=True),
    Column("candidates", JSONB, nullable=False, default=list),
    Column("language", String(16), nullable=False),
    reference("queue_id", "queues.id", nullable=True),
    reference("called_by", "agents.id", nullable=True, index=False),
    reference("agent_id", "agents.id", nullable=True),
    Column("declined_by", JSONB, nullable=False, default=list),
    closed_set("state", InboundState),
    closed_set("reason", InboundReason, nullable=True),
    Column("to_say", JSONB, nullable=False, default=list),
    reference("patient_id", "patients.id", nullable=True),
    instant("identity_confirmed_at", nullable=True),
    Column("wrong_answers", Integer, nullable=False, default=0),
    reference("call_id", "calls.id", nullable=True),
    reference("task_id", "tasks.id", nullable=True),
    Column("note", Text, nullable=False, default=""),
    Column("spool", String(1000), nullable=True),
    instant("recording_started_at", nullable=True),
    Column("recording_refused", Boolean, nullable=False, default=False),
    Column("recording_failed", String(500), nullable=True),
    instant("rang_at"),
    instant("answered_at", nullable=True),
    instant("waiting_since", nullable=True),
    instant("comforted_at", nullable=True),
    instant("offered_at", nullable=True),
    instant("accepted_at", nullable=True),
    instant("connected_at", nullable=True),
    instant("ended_at", nullable=True),
    instant("wrapped_up_at", nullable=True),
    # A leg is one caller; a key 0 pressed on a call's leg is one more only when the first has ended.
    Index("uq_inbound_calls_leg", "leg_id", unique=True, postgresql_where=text("state <> 'ended'")),
    Index("ix_inbound_calls_live", "node", "state", postgresql_where=text("state <> 'ended'")),
    Index("ix_inbound_calls_rang", "rang_at", "id"),
)

mapper_registry.map_imperatively(InboundCall, inbound_calls)

_ENDED = InboundState.ENDED


class InboundCallRepository:
    """Inbound callers, who they might be, and who could speak with them."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, inbound: InboundCall) -> None:
        """Save a caller."""
        self._session.add(inbound)

    def get(self, inbound_id: str) -> InboundCall | None:
        """The caller with this id."""
        return self._session.get(InboundCall, inbound_id)

    def for_update(self, inbound_id: str) -> InboundCall | None:
        """The caller, locked until the end of the transaction."""
        return self._session.scalar(
            select(InboundCall)
            .where(inbound_calls.c.id == inbound_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )

    def live_on_leg(self, leg_id: str) -> InboundCall | None:
        """The caller on this leg who has not ended, locked."""
        return self._one_live(inbound_calls.c.leg_id == leg_id)

    def live_of_call(self, call_id: str) -> InboundCall | None:
        """The caller whose conversation this call is and who has not ended, locked."""
        return self._one_live(inbound_calls.c.call_id == call_id)

    def live_of_agent(self, agent_id: str) -> InboundCall | None:
        """The caller whom this agent is offered or speaks with, locked."""
        return self._one_live(inbound_calls.c.agent_id == agent_id)

    def live_on(self, node: str) -> Sequence[InboundCall]:
        """Callers of a node who have not ended, longest there first, locked; those in other hands are passed over."""
        return self._session.scalars(
            select(InboundCall)
            .where(inbound_calls.c.node == node, inbound_calls.c.state != _ENDED)
            .order_by(inbound_calls.c.rang_at, inbound_calls.c.id)
            .limit(200)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        ).all()

    def recent(
        self, *, live_only: bool, agent_id: str | None, queue_ids: Collection[str], before: datetime | None, limit: int
    ) -> Sequence[InboundCall]:
        """Callers, newest first: all, or those of an agent: offered to her, spoken with, or waiting in her queues."""
        query = select(InboundCall).order_by(inbound_calls.c.rang_at.desc(), inbound_calls.c.id).limit(limit)
        if live_only:
            query = query.where(inbound_calls.c.state != _ENDED)
        if before is not None:
            query = query.where(inbound_calls.c.rang_at < before)
        if agent_id is not None:
            query = query.where(
                or_(
                    inbound_calls.c.agent_id == agent_id,
                    inbound_calls.c.called_by == agent_id,
                    inbound_calls.c.agent_id.is_(None) & inbound_calls.c.queue_id.in_(queue_ids),
                )
            )
        return self._session.scalars(query).all()

    def unclaimed_sound(self, before: datetime, limit: int = 100) -> Sequence[InboundCall]:
        """Ended callers whose sound still lies in the spool: it belongs to no call, or was refused; locked."""
        return self._session.scalars(
            select(InboundCall)
            .where(
                inbound_calls.c.state == _ENDED,
                inbound_calls.c.spool.is_not(None),
                or_(
                    inbound_calls.c.recording_refused,
                    inbound_calls.c.call_id.is_(None) & (inbound_calls.c.ended_at < before),
                ),
            )
            .order_by(inbound_calls.c.ended_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        ).all()

    def patients_with_number(self, number: str, limit: int = 20) -> Sequence[Patient]:
        """Everybody who has this number, the number's first owner first."""
        return self._session.scalars(
            select(Patient)
            .join(contact_points, contact_points.c.patient_id == patients.c.id)
            .where(contact_points.c.number == number, patients.c.deceased_at.is_(None))
            .order_by(contact_points.c.rank, patients.c.id)
            .limit(limit)
        ).all()

    def last_call_to(self, number: str, since: datetime) -> Call | None:
        """Our last call to this number."""
        return self._session.scalar(
            select(Call)
            .join(contact_points, contact_points.c.patient_id == calls.c.patient_id)
            .where(contact_points.c.number == number, calls.c.number == number, calls.c.planned_at >= since)
            .order_by(calls.c.planned_at.desc())
            .limit(1)
        )

    def first_agents_queue(self) -> Queue | None:
        """The first queue by name in which agents speak."""
        return self._session.scalar(
            select(Queue).where(queues.c.mode == TaskMode.AGENT).order_by(queues.c.name).limit(1)
        )

    def reserve_agent(
        self, *, node: str, first: str | None, queue_ids: Sequence[str], besides: Collection[str], now: datetime
    ) -> Agent | None:
        """An agent who can be given a call now, locked, so that nobody else gets her.

        As for outbound calls: available, headset up, heard within HEARTBEAT_LIMIT; here also with her headset on the
        caller's node. `first` comes before all others, then the agents of each queue in order, longest waiting first.
        """
        served = [agents.c.queues.has_key(queue_id) for queue_id in queue_ids]
        if first is not None:
            served.insert(0, agents.c.id == first)
        if not served:
            return None
        return self._session.scalar(
            select(Agent)
            .where(
                agents.c.state == AgentState.AVAILABLE,
                agents.c.headset_state == HeadsetState.UP,
                agents.c.heartbeat_at > now - HEARTBEAT_LIMIT,
                agents.c.headset_node == node,
                agents.c.headset_leg_id.is_not(None),
                agents.c.kept_for.is_(None),
                agents.c.id.not_in(list(besides)),
                or_(*served),
            )
            .order_by(
                case(*((condition, place) for place, condition in enumerate(served)), else_=len(served)),
                agents.c.state_since,
                agents.c.id,
            )
            .limit(1)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        )

    def _one_live(self, condition: ColumnElement[bool]) -> InboundCall | None:
        return self._session.scalar(
            select(InboundCall)
            .where(condition, inbound_calls.c.state != _ENDED)
            .limit(1)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
