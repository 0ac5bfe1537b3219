"""Inbound callers: who rang us back or pressed 0, and what became of it; queues whose notice is played"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_ORIGINS = ("rang_us", "key_zero")
_STATES = ("ringing", "greeted", "waiting", "offered", "connected", "farewell", "ended")
_REASONS = ("answered_by_agent", "call_back_wished", "hung_up", "no_agent", "after_hours", "lost")


def _closed_set(name: str, values: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)


def _instant(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=True)


def _reference(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Uuid(as_uuid=False), nullable=True)


def upgrade() -> None:
    op.create_table(
        "inbound_calls",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("leg_id", sa.String(length=36), nullable=False),
        sa.Column("node", sa.String(length=64), nullable=False),
        sa.Column("origin", _closed_set("origin", _ORIGINS), nullable=False),
        sa.Column("caller", sa.String(length=20), nullable=True),
        sa.Column("sip_call_id", sa.String(length=200), nullable=True),
        sa.Column("candidates", postgresql.JSONB(), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        _reference("queue_id"),
        _reference("called_by"),
        _reference("agent_id"),
        sa.Column("declined_by", postgresql.JSONB(), nullable=False),
        sa.Column("state", _closed_set("state", _STATES), nullable=False),
        sa.Column("reason", _closed_set("reason", _REASONS), nullable=True),
        sa.Column("to_say", postgresql.JSONB(), nullable=False),
        _reference("patient_id"),
        _instant("identity_confirmed_at"),
        sa.Column("wrong_answers", sa.Integer(), nullable=False),
        _reference("call_id"),
        _reference("task_id"),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("spool", sa.String(length=1000), nullable=True),
        _instant("recording_started_at"),
        sa.Column("recording_refused", sa.Boolean(), nullable=False),
        sa.Column("rang_at", sa.DateTime(timezone=True), nullable=False),
        _instant("answered_at"),
        _instant("waiting_since"),
        _instant("comforted_at"),
        _instant("offered_at"),
        _instant("accepted_at"),
        _instant("connected_at"),
        _instant("ended_at"),
        _instant("wrapped_up_at"),
        sa.ForeignKeyConstraint(["queue_id"], ["queues.id"], name=op.f("fk_inbound_calls_queue_id_queues")),
        sa.ForeignKeyConstraint(["called_by"], ["agents.id"], name=op.f("fk_inbound_calls_called_by_agents")),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_inbound_calls_agent_id_agents")),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name=op.f("fk_inbound_calls_patient_id_patients")),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name=op.f("fk_inbound_calls_call_id_calls")),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], name=op.f("fk_inbound_calls_task_id_tasks")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbound_calls")),
    )
    for column in ("caller", "queue_id", "agent_id", "patient_id", "call_id", "task_id"):
        op.create_index(op.f(f"ix_inbound_calls_{column}"), "inbound_calls", [column], unique=False)
    op.create_index(
        "uq_inbound_calls_leg",
        "inbound_calls",
        ["leg_id"],
        unique=True,
        postgresql_where=sa.text("state <> 'ended'"),
    )
    op.create_index(
        "ix_inbound_calls_live",
        "inbound_calls",
        ["node", "state"],
        unique=False,
        postgresql_where=sa.text("state <> 'ended'"),
    )
    op.create_index("ix_inbound_calls_rang", "inbound_calls", ["rang_at", "id"], unique=False)
    op.add_column("queues", sa.Column("played_notice", sa.Boolean(), nullable=False, server_default=sa.text("false")))
    op.alter_column("queues", "played_notice", server_default=None)


def downgrade() -> None:
    op.drop_column("queues", "played_notice")
    op.drop_table("inbound_calls")
