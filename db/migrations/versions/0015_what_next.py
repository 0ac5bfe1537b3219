"""What came of attempts: messages on other channels, decisions that can be undone"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

CHANNELS = ("sms", "email", "wechat")
STATES = ("planned", "sending", "sent", "delivered", "undelivered", "parked", "cancelled")
TRIGGERS = ("take", "accept", "put_off", "deliver", "fail_delivery", "park", "cancel", "send_again")
PURPOSES = ("care", "reminder", "survey", "complaint", "marketing", "research")


def _closed_set(name: str, values: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)


def _instant(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _id(name: str = "id") -> sa.Column[object]:
    return sa.Column(name, sa.Uuid(as_uuid=False), nullable=False)


def _reference(name: str, target: str, *, nullable: bool = True) -> tuple[sa.Column[object], sa.ForeignKeyConstraint]:
    return (
        sa.Column(name, sa.Uuid(as_uuid=False), nullable=nullable),
        sa.ForeignKeyConstraint([name], [target]),
    )


def _messages() -> None:
    op.create_table(
        "messages",
        _id(),
        *_reference("patient_id", "patients.id"),
        *_reference("task_id", "tasks.id"),
        *_reference("attempt_id", "attempts.id"),
        sa.Column("channel", _closed_set("channel", CHANNELS), nullable=False),
        sa.Column("address", sa.String(length=200), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("text_key", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("purpose", _closed_set("purpose", PURPOSES), nullable=True),
        sa.Column("state", _closed_set("state", STATES), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        _instant("planned_at"),
        _instant("send_at"),
        _instant("good_until", nullable=True),
        _instant("taken_at", nullable=True),
        _instant("sent_at", nullable=True),
        _instant("delivered_at", nullable=True),
        sa.Column("provider_id", sa.String(length=200), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    for column in ("patient_id", "task_id", "attempt_id"):
        op.create_index(f"ix_messages_{column}", "messages", [column])
    op.create_index(
        "ix_messages_to_send",
        "messages",
        ["send_at", "id"],
        postgresql_where=sa.text("state IN ('planned', 'sending')"),
    )
    op.create_index("ix_messages_by_provider", "messages", ["channel", "provider_id"], unique=True)
    op.create_index(
        "ix_messages_parked", "messages", ["id"], postgresql_where=sa.text("state IN ('parked', 'undelivered')")
    )
    op.create_table(
        "message_events",
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        *_reference("message_id", "messages.id", nullable=False),
        _instant("at"),
        sa.Column("trigger", _closed_set("trigger", TRIGGERS), nullable=False),
        sa.Column("state", _closed_set("state", STATES), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        *_reference("user_id", "users.id"),
        sa.PrimaryKeyConstraint("position"),
    )
    op.create_index("ix_message_events_message_id", "message_events", ["message_id"])
    op.create_table(
        "message_addresses",
        _id(),
        *_reference("patient_id", "patients.id", nullable=False),
        sa.Column("channel", _closed_set("channel", CHANNELS), nullable=False),
        sa.Column("address", sa.String(length=200), nullable=False),
        _instant("since"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("patient_id", "channel", name="uq_message_addresses_patient_id_channel"),
    )


def upgrade() -> None:
    _messages()
    # Each step of a message stays as it was noted.
    op.execute(
        "CREATE TRIGGER message_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON message_events "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    for table in ("message_addresses", "message_events", "messages"):
        op.drop_table(table)
