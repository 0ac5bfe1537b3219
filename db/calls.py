"""Calls, their legs and the append-only list of everything that happened on them; commands to telephony nodes."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Identity,
    Index,
    Integer,
    String,
    Table,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Session, relationship

from db.attempts import attempts
from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference
from db.plans import tasks
from db.wakes import wake
from followup.calls import (
    Announcement,
    Answered,
    Call,
    CallState,
    CauseCode,
    EarlySound,
    EndReason,
    Leg,
    LegRole,
    Party,
)

COMMANDS_CHANNEL = "call_commands"

calls = Table(
    "calls",
    metadata,
    id_column(),
    reference("attempt_id", "attempts.id"),
    reference("patient_id", "patients.id"),
    reference("queue_id", "queues.id", index=False),
    reference("agent_id", "agents.id", nullable=True),
    Column("number", String(20), nullable=False),
    Column("node", String(64), nullable=False),
    Column("trunk", String(64), nullable=True),
    closed_set("state", CallState),
    Column("worker", String(64), nullable=True),
    Column("sip_call_id", String(200), nullable=True),
    instant("planned_at"),
    instant("invite_at", nullable=True),
    instant("ringing_at", nullable=True),
    instant("answered_at", nullable=True),
    instant("bridged_at", nullable=True),
    instant("parting_at", nullable=True),
    instant("silent_since", nullable=True),
    instant("ended_at", nullable=True),
    closed_set("end_reason", EndReason, nullable=True),
    closed_set("party", Party, nullable=True),
    closed_set("cause", CauseCode, nullable=True),
    Column("screened", Boolean, nullable=False, default=False),
    Column("recorded", Boolean, nullable=False, default=True),
    closed_set("answered_by", Answered, nullable=True),
    Column("answered_by_confidence", Float, nullable=True),
    Column("answered_by_after", Float, nullable=True),
    Column("answered_by_why", String(40), nullable=True),
    closed_set("early_sound", EarlySound, nullable=True),
    closed_set("announcement", Announcement, nullable=True),
    Column("heard_code", String(40), nullable=True),
    Column("digits", String(200), nullable=False, default=""),
    Column("flow_step", String(64), nullable=True),
    Column("flow_values", JSONB, nullable=False, default=dict),
    Column("joined", JSONB, nullable=False, default=list),
    Column("held_by", JSONB, nullable=False, default=list),
    Index("ix_calls_invited", "invite_at", postgresql_where=text("invite_at IS NOT NULL")),
    Index("ix_calls_answered_ended", "ended_at", postgresql_where=text("answered_at IS NOT NULL")),
    Index("ix_calls_live", "node", "state", postgresql_where=text("state <> 'ended'")),
)

legs = Table(
    "legs",
    metadata,
    id_column(),
    reference("call_id", "calls.id"),
    closed_set("role", LegRole),
    Column("trunk", String(64), nullable=True),
    Column("caller_id", String(32), nullable=True),
    reference("replaces", "legs.id", nullable=True, index=False),
    instant("answered_at", nullable=True),
    instant("ended_at", nullable=True),
    closed_set("cause", CauseCode, nullable=True),
    Index("ix_legs_on_trunks", "trunk", postgresql_where=text("ended_at IS NULL AND trunk IS NOT NULL")),
)

call_events = Table(
    "call_events",
    metadata,
    Column("position", BigInteger, Identity(always=True), primary_key=True),
    Column("event_id", String(120), nullable=False, unique=True),
    Column("leg_id", String(36), nullable=False),
    reference("call_id", "calls.id", nullable=True),
    Column("kind", String(40), nullable=False),
    instant("occurred_at"),
    Column("recorded_at", calls.c.planned_at.type, nullable=False, server_default=func.now()),
    Column("detail", JSONB, nullable=False),
    Column("applied", Boolean, nullable=False),
    Column("ignored_because", String(200), nullable=True),
)


class CommandState(StrEnum):
    """What became of a command to a telephony node."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REFUSED = "refused"


@dataclass(kw_only=True, eq=False)
class CallCommand:
    """A wish to a telephony node, written in the wisher's transaction; an expired one is refused."""

    id: int = field(init=False)
    node: str
    verb: str
    subject: str  # call or agent id
    arguments: dict[str, object] = field(default_factory=dict)
    idempotency_key: str
    deadline: datetime
    state: CommandState = CommandState.PENDING
    reason: str = ""
    created_at: datetime
    taken_at: datetime | None = None


call_commands = Table(
    "call_commands",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("node", String(64), nullable=False),
    Column("verb", String(40), nullable=False),
    Column("subject", String(36), nullable=False, index=True),
    Column("arguments", JSONB, nullable=False, default=dict),
    Column("idempotency_key", String(120), nullable=False, unique=True),
    instant("deadline"),
    closed_set("state", CommandState),
    Column("reason", String(500), nullable=False, default=""),
    instant("created_at"),
    instant("taken_at", nullable=True),
    Index("ix_call_commands_pending", "node", "id", postgresql_where=text("state = 'pending'")),
)


@dataclass(kw_only=True, eq=False)
class TelephonyNode:
    """A node that can be given calls while its heartbeat is young."""

    name: str
    started_at: datetime
    heartbeat_at: datetime
    free_workers: int


telephony_nodes = Table(
    "telephony_nodes",
    metadata,
    Column("name", String(64), primary_key=True),
    instant("started_at"),
    instant("heartbeat_at"),
    Column("free_workers", Integer, nullable=False),
)

mapper_registry.map_imperatively(Leg, legs)
mapper_registry.map_imperatively(
    Call, calls, properties={"legs": relationship(Leg, lazy="selectin", cascade="all, delete-orphan")}
)
mapper_registry.map_imperatively(CallCommand, call_commands)
mapper_registry.map_imperatively(TelephonyNode, telephony_nodes)


class CallRepository:
    """Calls, legs, call events and commands."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, call: Call) -> None:
        """Save a call with its legs."""
        self._session.add(call)

    def get(self, call_id: str) -> Call | None:
        """The call with this id."""
        return self._session.get(Call, call_id)

    def for_update(self, call_id: str) -> Call | None:
        """The call, locked until the end of the transaction."""
        return self._session.scalar(
            select(Call).where(calls.c.id == call_id).with_for_update().execution_options(populate_existing=True)
        )

    def id_of_leg(self, leg_id: str) -> str | None:
        """The id of the call a leg belongs to."""
        return self._session.scalar(select(legs.c.call_id).where(legs.c.id == leg_id))

    def of_attempt(self, attempt_id: str) -> Call | None:
        """The call of an attempt."""
        return self._session.scalar(
            select(Call).where(calls.c.attempt_id == attempt_id).order_by(calls.c.planned_at.desc()).limit(1)
        )

    def of_patient(self, patient_id: str, *, limit: int = 500) -> Sequence[Call]:
        """A patient's calls, newest first."""
        return self._session.scalars(
            select(Call).where(calls.c.patient_id == patient_id).order_by(calls.c.planned_at.desc()).limit(limit)
        ).all()

    def has_live(self, patient_id: str, *, besides_attempt: str | None = None) -> bool:
        """True if the patient is on a line of ours, or being rung, for another attempt."""
        found = select(calls.c.id).where(
            calls.c.patient_id == patient_id,
            calls.c.state != CallState.ENDED,
            calls.c.attempt_id.is_distinct_from(besides_attempt),
        )
        return self._session.scalar(found.limit(1)) is not None

    def live(self, *, limit: int = 5000) -> Sequence[Call]:
        """Every call that has not ended, oldest first."""
        return self._session.scalars(
            select(Call).where(calls.c.state != CallState.ENDED).order_by(calls.c.planned_at).limit(limit)
        ).all()

    def unplaced(
        self, *, patient_id: str | None = None, queue_id: str | None = None, campaign_id: str | None = None
    ) -> Sequence[Call]:
        """Calls of a patient, queue or campaign that are planned and have no INVITE yet, oldest first."""
        query = select(Call).where(calls.c.state == CallState.PLANNED)
        if patient_id is not None:
            query = query.where(calls.c.patient_id == patient_id)
        if queue_id is not None:
            query = query.where(calls.c.queue_id == queue_id)
        if campaign_id is not None:
            of_campaign = select(attempts.c.id).join(tasks, tasks.c.id == attempts.c.task_id)
            query = query.where(calls.c.attempt_id.in_(of_campaign.where(tasks.c.campaign_id == campaign_id)))
        return self._session.scalars(query.order_by(calls.c.planned_at)).all()

    def live_on(self, node: str) -> Sequence[Call]:
        """Calls of a node that have not ended."""
        return self._session.scalars(
            select(Call).where(calls.c.node == node, calls.c.state != CallState.ENDED).order_by(calls.c.planned_at)
        ).all()

    def given_to(self, node: TelephonyNode) -> int:
        """Calls of no agent that a node has begun, or is to begin, since it last counted its free workers."""
        return (
            self._session.scalar(
                select(func.count())
                .select_from(calls)
                .where(
                    calls.c.node == node.name,
                    calls.c.state != CallState.ENDED,
                    calls.c.agent_id.is_(None),
                    or_(calls.c.state == CallState.PLANNED, calls.c.planned_at > node.heartbeat_at),
                )
            )
            or 0
        )

    def parting_on(self, node: str, *, before: datetime) -> Sequence[Call]:
        """Live calls of a node whose apology began before the instant given."""
        return self._session.scalars(
            select(Call).where(calls.c.node == node, calls.c.state != CallState.ENDED, calls.c.parting_at < before)
        ).all()

    def stalled(self, *, dialing_before: datetime, limit: int = 100) -> Sequence[Call]:
        """Calls planned, dialing or ringing since before the instant given."""
        return self._session.scalars(
            select(Call)
            .where(
                calls.c.state.in_([CallState.PLANNED, CallState.DIALING, CallState.RINGING]),
                calls.c.planned_at < dialing_before,
            )
            .order_by(calls.c.planned_at)
            .limit(limit)
        ).all()

    def has_event(self, event_id: str) -> bool:
        """True if this event was recorded before (a doubled delivery)."""
        return (
            self._session.scalar(select(call_events.c.position).where(call_events.c.event_id == event_id)) is not None
        )

    def record_event(
        self,
        *,
        event_id: str,
        leg_id: str,
        call_id: str | None,
        kind: str,
        occurred_at: datetime,
        detail: Mapping[str, object],
        ignored_because: str | None = None,
    ) -> None:
        """Append one event: what it changed is in the call's row; one that changed nothing says why."""
        self._session.execute(
            insert(call_events).values(
                event_id=event_id,
                leg_id=leg_id,
                call_id=call_id,
                kind=kind,
                occurred_at=occurred_at,
                detail=dict(detail),
                applied=ignored_because is None,
                ignored_because=ignored_because[:200] if ignored_because else None,
            )
        )

    def command(self, command: CallCommand) -> bool:
        """Write a command and wake the nodes at commit; False if its idempotency key is known already."""
        written = self._session.scalar(
            insert(call_commands)
            .values(
                node=command.node,
                verb=command.verb,
                subject=command.subject,
                arguments=command.arguments,
                idempotency_key=command.idempotency_key,
                deadline=command.deadline,
                state=command.state,
                reason="",
                created_at=command.created_at,
            )
            .on_conflict_do_nothing(index_elements=["idempotency_key"])
            .returning(call_commands.c.id)
        )
        if written is not None:
            self.wake(command.node)
        return written is not None

    def wake(self, node: str) -> None:
        """Let a node look at its work as soon as this is committed."""
        wake(self._session, COMMANDS_CHANNEL, node)

    def take_commands(self, node: str, limit: int = 20, *, besides: Collection[int] = ()) -> Sequence[CallCommand]:
        """The node's pending commands in order, locked; those `besides` are left for later."""
        return self._session.scalars(
            select(CallCommand)
            .where(
                call_commands.c.node == node,
                call_commands.c.state == CommandState.PENDING,
                call_commands.c.id.not_in(list(besides)),
            )
            .order_by(call_commands.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        ).all()

    def command_for_update(self, command_id: int) -> CallCommand:
        """The command with this id, locked."""
        return self._session.scalars(
            select(CallCommand)
            .where(call_commands.c.id == command_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        ).one()

    def commands_for(self, subject: str) -> Sequence[CallCommand]:
        """Commands about a call or agent, oldest first."""
        return self._session.scalars(
            select(CallCommand).where(call_commands.c.subject == subject).order_by(call_commands.c.id).limit(200)
        ).all()

    def last_asker(self, call_id: str, verb: str) -> str | None:
        """The user who last had this asked of a call; None where the system did."""
        return self._session.scalar(
            select(call_commands.c.arguments["by"].astext)
            .where(
                call_commands.c.subject == call_id,
                call_commands.c.verb == verb,
                call_commands.c.state == CommandState.ACCEPTED,
            )
            .order_by(call_commands.c.id.desc())
            .limit(1)
        )

    def heartbeat(self, node: str, now: datetime, free_workers: int) -> None:
        """Say that the node lives."""
        self._session.execute(
            insert(telephony_nodes)
            .values(name=node, started_at=now, heartbeat_at=now, free_workers=free_workers)
            .on_conflict_do_update(index_elements=["name"], set_={"heartbeat_at": now, "free_workers": free_workers})
        )

    def living_nodes(self, since: datetime) -> Sequence[TelephonyNode]:
        """Nodes heard from since the instant given, most free workers first."""
        return self._session.scalars(
            select(TelephonyNode)
            .where(telephony_nodes.c.heartbeat_at >= since)
            .order_by(telephony_nodes.c.free_workers.desc(), telephony_nodes.c.name)
        ).all()

    def forget_node(self, node: str) -> None:
        """Mark a node as gone at once, when it stops in order."""
        self._session.execute(
            update(telephony_nodes)
            .where(telephony_nodes.c.name == node)
            .values(heartbeat_at=func.to_timestamp(0), free_workers=0)
        )
