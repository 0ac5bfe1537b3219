"""Messages on other channels and what became of each: tables, mappings, repository."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Identity,
    Index,
    Integer,
    Row,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
    insert,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import insert as insert_or_update
from sqlalchemy.orm import Session

from care.consent import Purpose
from care.patients import Patient
from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference
from db.outbox import Outbox
from db.patients import patients
from followup.events import DomainEvent, EventKind
from followup.messages import Channel, Message, MessageState, MessageTrigger, next_message_state
from runtime.identifiers import new_id

messages = Table(
    "messages",
    metadata,
    id_column(),
    reference("patient_id", "patients.id", nullable=True),
    reference("task_id", "tasks.id", nullable=True),
    reference("attempt_id", "attempts.id", nullable=True),
    closed_set("channel", Channel),
    Column("address", String(200), nullable=False),
    Column("language", String(16), nullable=False),
    Column("text_key", String(64), nullable=False),
    Column("text", Text, nullable=False),
    closed_set("purpose", Purpose, nullable=True),
    closed_set("state", MessageState),
    Column("tries", Integer, nullable=False, default=0),
    instant("planned_at"),
    instant("send_at"),
    instant("good_until", nullable=True),
    instant("taken_at", nullable=True),
    instant("sent_at", nullable=True),
    instant("delivered_at", nullable=True),
    Column("provider_id", String(200), nullable=True),
    Column("reason", String(500), nullable=False, default=""),
    reference("answers_id", "received_messages.id", nullable=True, index=False),
    Index("ix_messages_to_send", "send_at", "id", postgresql_where=text("state IN ('planned', 'sending')")),
    Index("uq_messages_answers", "answers_id", unique=True),
    Index("ix_messages_by_provider", "channel", "provider_id", unique=True),
    Index("ix_messages_parked", "id", postgresql_where=text("state IN ('parked', 'undelivered')")),
)

message_events = Table(
    "message_events",
    metadata,
    Column("position", BigInteger, Identity(always=True), primary_key=True),
    reference("message_id", "messages.id"),
    instant("at"),
    closed_set("trigger", MessageTrigger),
    closed_set("state", MessageState),
    Column("reason", String(500), nullable=False),
    reference("user_id", "users.id", nullable=True, index=False),
)

message_addresses = Table(
    "message_addresses",
    metadata,
    id_column(),
    reference("patient_id", "patients.id", index=False),
    closed_set("channel", Channel),
    Column("address", String(200), nullable=False),
    instant("since"),
    UniqueConstraint("patient_id", "channel"),
)

mapper_registry.map_imperatively(Message, messages)


class MessageRepository:
    """Messages; every change of one is also a row of its history."""

    def __init__(self, session: Session, outbox: Outbox) -> None:
        self._session = session
        self._outbox = outbox

    def plan(self, message: Message) -> None:
        """Save a message and tell the workers of it; it leaves when its time has come."""
        self._session.add(message)
        self._session.flush()
        self._tell(message, message.planned_at)

    def move(
        self, message: Message, trigger: MessageTrigger, *, at: datetime, reason: str = "", by: str | None = None
    ) -> None:
        """Move a message by its machine and keep the step; IllegalTransitionError when it cannot."""
        message.state = next_message_state(message.state, trigger)
        message.reason = reason[:500]
        self._session.flush()
        self._session.execute(
            insert(message_events).values(
                message_id=message.id,
                at=at,
                trigger=trigger,
                state=message.state,
                reason=message.reason,
                user_id=by,
            )
        )
        if trigger is MessageTrigger.SEND_AGAIN:
            self._tell(message, at)

    def history(self, message_id: str) -> Sequence[Row[Any]]:
        """Every step of a message, in order."""
        return self._session.execute(
            select(message_events)
            .where(message_events.c.message_id == message_id)
            .order_by(message_events.c.position)
            .limit(1000)
        ).all()

    def get(self, message_id: str) -> Message | None:
        """The message with this id."""
        return self._session.get(Message, message_id)

    def for_update(self, message_id: str) -> Message | None:
        """The message with this id, locked until the end of the transaction."""
        return self._session.scalar(
            select(Message)
            .where(messages.c.id == message_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )

    def by_provider(self, channel: Channel, provider_id: str) -> Message | None:
        """The message that a channel knows by this name, locked."""
        return self._session.scalar(
            select(Message)
            .where(messages.c.channel == channel, messages.c.provider_id == provider_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )

    def of_patient(self, patient_id: str, *, limit: int = 200) -> Sequence[Message]:
        """A patient's messages, newest first."""
        return self._session.scalars(
            select(Message)
            .where(messages.c.patient_id == patient_id)
            .order_by(messages.c.planned_at.desc(), messages.c.id)
            .limit(limit)
        ).all()

    def of_task(self, task_id: str) -> Sequence[Message]:
        """A task's messages, oldest first."""
        return self._session.scalars(
            select(Message)
            .where(messages.c.task_id == task_id)
            .order_by(messages.c.planned_at, messages.c.id)
            .limit(200)
        ).all()

    def waiting_after(self, attempt_id: str) -> Sequence[Message]:
        """Messages that follow an attempt and have not left yet, locked."""
        return self._session.scalars(
            select(Message)
            .where(messages.c.attempt_id == attempt_id, messages.c.state == MessageState.PLANNED)
            .with_for_update()
            .execution_options(populate_existing=True)
        ).all()

    def count_since(self, patient_id: str, since: datetime) -> int:
        """How many messages were planned for a patient since then, without those called off."""
        return int(
            self._session.execute(
                select(func.count()).where(
                    messages.c.patient_id == patient_id,
                    messages.c.planned_at >= since,
                    messages.c.state != MessageState.CANCELLED,
                )
            ).scalar_one()
        )

    def count_parked(self) -> int:
        """How many messages were given up, or did not arrive."""
        given_up = messages.c.state.in_([MessageState.PARKED, MessageState.UNDELIVERED])
        return int(self._session.execute(select(func.count()).where(given_up)).scalar_one())

    def page(self, *, state: MessageState | None, after: str | None, limit: int) -> Sequence[Message]:
        """Messages in order of id, from behind `after`."""
        query = select(Message).order_by(messages.c.id).limit(limit)
        if state:
            query = query.where(messages.c.state == state)
        if after:
            query = query.where(messages.c.id > after)
        return self._session.scalars(query).all()

    def to_send(self, now: datetime, *, limit: int = 200) -> Sequence[str]:
        """Ids of planned messages whose time has come."""
        return self._session.scalars(
            select(messages.c.id)
            .where(messages.c.state == MessageState.PLANNED, messages.c.send_at <= now)
            .order_by(messages.c.send_at, messages.c.id)
            .limit(limit)
        ).all()

    def left_sending(self, before: datetime, *, limit: int = 100) -> Sequence[Message]:
        """Messages that a worker took before the instant given and never spoke of again, locked."""
        return self._session.scalars(
            select(Message)
            .where(messages.c.state == MessageState.SENDING, messages.c.taken_at < before)
            .order_by(messages.c.send_at, messages.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        ).all()

    def address_of(self, patient_id: str, channel: Channel) -> str | None:
        """Where a patient can be written to on a channel that is not his telephone."""
        found: str | None = self._session.scalar(
            select(message_addresses.c.address).where(
                message_addresses.c.patient_id == patient_id, message_addresses.c.channel == channel
            )
        )
        return found

    def patients_at(self, channel: Channel, address: str, *, limit: int = 20) -> Sequence[Patient]:
        """Everybody living who can be written to at this address of a channel."""
        return self._session.scalars(
            select(Patient)
            .join(message_addresses, message_addresses.c.patient_id == patients.c.id)
            .where(
                message_addresses.c.channel == channel,
                message_addresses.c.address == address,
                patients.c.deceased_at.is_(None),
            )
            .limit(limit)
        ).all()

    def keep_address(self, patient_id: str, channel: Channel, address: str, *, now: datetime) -> None:
        """Keep where a patient can be written to; a new address takes the old one's place."""
        row = insert_or_update(message_addresses).values(
            id=new_id(), patient_id=patient_id, channel=channel, address=address, since=now
        )
        self._session.execute(
            row.on_conflict_do_update(
                index_elements=["patient_id", "channel"], set_={"address": row.excluded.address, "since": now}
            )
        )

    def _tell(self, message: Message, at: datetime) -> None:
        ids = {"patient": message.patient_id, "task": message.task_id}
        self._outbox.add(
            DomainEvent(
                kind=EventKind.MESSAGE_PLANNED,
                subject=message.id,
                ids={name: value for name, value in ids.items() if value is not None},
            ),
            at,
        )
