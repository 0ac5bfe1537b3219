"""The tables of the hospital's messages, the visits they tell of, and what they ask of plans."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import deferred

from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference
from followup.feeds import (
    Consequence,
    ConsequenceKind,
    ConsequenceState,
    FeedMessage,
    FeedReason,
    FeedState,
    FeedVisit,
    VisitState,
)

feed_messages = Table(
    "feed_messages",
    metadata,
    id_column(),
    Column("position", BigInteger, Identity(always=True), nullable=False),
    Column("sender", String(200), nullable=False),
    Column("control_id", String(200), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("kind", String(40), nullable=False),
    instant("order_at"),
    instant("received_at"),
    instant("last_received_at"),
    instant("raw_kept_until"),
    Column("times", Integer, nullable=False, default=1),
    Column("peer", String(64), nullable=False),
    Column("charset", String(40), nullable=False),
    Column("size", Integer, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    closed_set("state", FeedState),
    closed_set("reason", FeedReason, nullable=True),
    Column("told", String(500), nullable=False, default=""),
    Column("remarks", JSONB, nullable=False),
    Column("keys", ARRAY(String(120)), nullable=False),
    reference("patient_id", "patients.id", nullable=True),
    Column("tries", Integer, nullable=False, default=0),
    instant("settled_at", nullable=True),
    Column("settled_by", Uuid(as_uuid=False), nullable=True),
    Column("settled_because", String(200), nullable=False, default=""),
    instant("raw_forgotten_at", nullable=True),
    UniqueConstraint("sender", "control_id", "digest"),
    Index("ix_feed_messages_stored", "position", postgresql_where=text("state = 'stored'")),
    Index("ix_feed_messages_parked_keys", "keys", postgresql_using="gin", postgresql_where=text("state = 'parked'")),
    Index("ix_feed_messages_state", "state", "position"),
    Index("ix_feed_messages_sender_position", "sender", "position"),
    Index("ix_feed_messages_kept", "raw_kept_until", postgresql_where=text("raw_forgotten_at IS NULL")),
)

feed_visits = Table(
    "feed_visits",
    metadata,
    id_column(),
    reference("patient_id", "patients.id", index=False),
    Column("visit_number", String(64), nullable=False),
    closed_set("state", VisitState),
    instant("order_at"),
    reference("admission_id", "encounters.id", nullable=True),
    reference("encounter_id", "encounters.id", nullable=True),
    Column("died", Boolean, nullable=False, default=False),
    UniqueConstraint("patient_id", "visit_number"),
)

feed_persons = Table(
    "feed_persons",
    metadata,
    Column("patient_id", Uuid(as_uuid=False), ForeignKey("patients.id"), primary_key=True),
    Column("sender", String(200), primary_key=True),
    instant("order_at"),
)

feed_consequences = Table(
    "feed_consequences",
    metadata,
    id_column(),
    Column("position", BigInteger, Identity(always=True), nullable=False),
    reference("message_id", "feed_messages.id"),
    reference("patient_id", "patients.id"),
    closed_set("kind", ConsequenceKind),
    instant("order_at"),
    reference("encounter_id", "encounters.id", nullable=True),
    Column("other_patient_id", Uuid(as_uuid=False), nullable=True),
    Column("template_id", String(64), nullable=True),
    closed_set("state", ConsequenceState),
    Column("told", String(500), nullable=False, default=""),
    Column("plans", JSONB, nullable=False),
    instant("created_at"),
    instant("done_at", nullable=True),
    Index("ix_feed_consequences_owed", "created_at", postgresql_where=text("state = 'owed'")),
)

mapper_registry.map_imperatively(
    FeedMessage, feed_messages, properties={"raw": deferred(feed_messages.c.raw), "position": feed_messages.c.position}
)
mapper_registry.map_imperatively(FeedVisit, feed_visits)
mapper_registry.map_imperatively(Consequence, feed_consequences)
