"""What came of attempts: messages on other channels, decisions that can be undone"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

CHANNELS = ("sms", "email", "wechat")
STATES = ("planned", "sending", "sent", "delivered", "undelivered", "parked", "cancelled")
TRIGGERS = ("take", "accept", "put_off", "deliver", "fail_delivery", "park", "cancel", "send_again")
ACTIONS = ("done", "call_again", "other_channel", "escalate", "give_up")
REASONS = (
    "result_given",
    "nobody_reached",
    "fast_rejection",
    "fault_of_ours",
    "other_number",
    "person_without_result",
    "gate_passes",
    "gate_stays",
    "no_number_left",
    "tries_used_up",
    "faults_too_often",
    "person_has_to_say",
    "window_closes",
    "window_over",
    "other_channel_at_once",
)
TASK_OUTCOMES = (
    "completed",
    "partially-completed",
    "refused",
    "lost-to-follow-up",
    "deceased",
    "readmitted",
    "transferred",
    "cancelled",
    "not-due",
)
ATTEMPT_OUTCOMES = (
    "connected-patient",
    "connected-proxy",
    "connected-wrong-person",
    "wrong-number",
    "answered-machine",
    "no-answer",
    "busy",
    "unreachable",
    "rejected",
    "invalid-number",
    "network-failure",
    "caller-abandoned",
    "blocked-by-policy",
)
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


def _decisions() -> None:
    op.create_table(
        "decisions",
        _id(),
        *_reference("attempt_id", "attempts.id", nullable=False),
        *_reference("task_id", "tasks.id", nullable=False),
        *_reference("patient_id", "patients.id", nullable=False),
        *_reference("queue_id", "queues.id", nullable=False),
        _instant("decided_at"),
        sa.Column("action", _closed_set("action", ACTIONS), nullable=False),
        sa.Column("reason", _closed_set("reason", REASONS), nullable=False),
        _instant("next_at", nullable=True),
        sa.Column("next_number", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("task_outcome", _closed_set("task_outcome", TASK_OUTCOMES), nullable=True),
        sa.Column("policy", sa.String(length=80), nullable=False),
        sa.Column("tries_counted", sa.Integer(), nullable=False),
        sa.Column("before", postgresql.JSONB(), nullable=False),
        sa.Column("left", postgresql.JSONB(), nullable=False),
        sa.Column("closed_number", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("closed_number_was", sa.String(length=40), nullable=True),
        _instant("undo_until"),
        _instant("undone_at", nullable=True),
        *_reference("undone_by", "users.id"),
        sa.Column("undo_reason", sa.String(length=500), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_decisions_attempt_id", "decisions", ["attempt_id"])
    op.create_index("ix_decisions_task_id", "decisions", ["task_id"])
    op.create_table(
        "queue_policies",
        _id(),
        *_reference("queue_id", "queues.id", nullable=False),
        sa.Column("changes", postgresql.JSONB(), nullable=False),
        _instant("set_at"),
        *_reference("set_by", "users.id", nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_queue_policies_latest", "queue_policies", ["queue_id", "set_at"])


def _number_searches() -> None:
    op.create_table(
        "number_searches",
        _id(),
        *_reference("patient_id", "patients.id", nullable=False),
        *_reference("contact_point_id", "contact_points.id", nullable=False),
        *_reference("attempt_id", "attempts.id", nullable=False),
        sa.Column("because", _closed_set("because", ATTEMPT_OUTCOMES), nullable=False),
        sa.Column("none_left", sa.Boolean(), nullable=False),
        _instant("opened_at"),
        _instant("closed_at", nullable=True),
        *_reference("closed_by", "users.id"),
        *_reference("found_id", "contact_points.id"),
        sa.Column("closing_words", sa.String(length=500), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_number_searches_patient_id", "number_searches", ["patient_id"])
    op.create_index(
        "uq_number_searches_open",
        "number_searches",
        ["contact_point_id"],
        unique=True,
        postgresql_where=sa.text("closed_at IS NULL"),
    )


def upgrade() -> None:
    _messages()
    _decisions()
    _number_searches()
    op.add_column("tasks", sa.Column("raised_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_attempts_queue_reserved", "attempts", ["queue_id", "reserved_at"])
    # Each step of a message stays as it was noted.
    op.execute(
        "CREATE TRIGGER message_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON message_events "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    op.drop_index("ix_attempts_queue_reserved", "attempts")
    op.drop_column("tasks", "raised_at")
    for table in ("number_searches", "queue_policies", "decisions", "message_addresses", "message_events", "messages"):
        op.drop_table(table)
