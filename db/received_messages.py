"""What patients write to us, each text once however often its carrier sends it: table, mapping, repository."""

from collections.abc import Sequence

from sqlalchemy import Column, Index, Integer, String, Table, Text, UniqueConstraint, Uuid, select, text
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Session

from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference
from followup.messages import Channel
from followup.replies import WAITS_FOR_A_PERSON, ReceivedMessage, ReplyState

received_messages = Table(
    "received_messages",
    metadata,
    id_column(),
    closed_set("channel", Channel),
    Column("provider_id", String(200), nullable=False),
    Column("address", String(200), nullable=False),
    Column("text", Text, nullable=False),
    closed_set("state", ReplyState),
    reference("patient_id", "patients.id", nullable=True),
    instant("received_at"),
    Column("times", Integer, nullable=False),
    Column("values", JSONB, nullable=False),
    Column("signs", JSONB, nullable=False),
    Column("alerts", JSONB, nullable=False),
    Column("seen_by", Uuid(as_uuid=False), nullable=True),
    instant("seen_at", nullable=True),
    UniqueConstraint("channel", "provider_id"),
    Index(
        "ix_received_messages_waiting",
        "received_at",
        "id",
        postgresql_where=text("seen_at IS NULL AND state IN ('queried', 'for_person', 'unplaced')"),
    ),
)

mapper_registry.map_imperatively(ReceivedMessage, received_messages)


class ReceivedMessageRepository:
    """Texts that came in."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def take(self, message: ReceivedMessage) -> ReceivedMessage | None:
        """Keep a text, locked; None if it is there already: then only its count has grown."""
        row = {column.name: getattr(message, column.name) for column in received_messages.columns}
        written = insert(received_messages).values(row)
        known = self._session.execute(
            written.on_conflict_do_update(
                index_elements=["channel", "provider_id"], set_={"times": received_messages.c.times + 1}
            ).returning(received_messages.c.id)
        ).scalar_one()
        return self.for_update(message.id) if known == message.id else None

    def known(self, channel: Channel, provider_id: str) -> ReceivedMessage | None:
        """The text that a channel knows by this name."""
        return self._session.scalar(
            select(ReceivedMessage)
            .where(received_messages.c.channel == channel, received_messages.c.provider_id == provider_id)
            .execution_options(populate_existing=True)
        )

    def get(self, message_id: str) -> ReceivedMessage | None:
        """The text with this id."""
        return self._session.get(ReceivedMessage, message_id)

    def for_update(self, message_id: str) -> ReceivedMessage | None:
        """The text, locked until the end of the transaction."""
        return self._session.scalar(
            select(ReceivedMessage)
            .where(received_messages.c.id == message_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )

    def of_patient(self, patient_id: str, *, limit: int = 200) -> Sequence[ReceivedMessage]:
        """A patient's texts, newest first."""
        return self._session.scalars(
            select(ReceivedMessage)
            .where(received_messages.c.patient_id == patient_id)
            .order_by(received_messages.c.received_at.desc(), received_messages.c.id)
            .limit(limit)
        ).all()

    def waiting(self, *, limit: int = 200) -> Sequence[ReceivedMessage]:
        """Texts that somebody has to look at and nobody has, oldest first."""
        return self._session.scalars(
            select(ReceivedMessage)
            .where(
                received_messages.c.seen_at.is_(None),
                received_messages.c.state.in_(sorted(state.value for state in WAITS_FOR_A_PERSON)),
            )
            .order_by(received_messages.c.received_at, received_messages.c.id)
            .limit(limit)
        ).all()
