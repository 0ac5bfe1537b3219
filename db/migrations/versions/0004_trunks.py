"""Trunks: what is known of each line and each number we call from"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_CAUSES = (
    "hung_up",
    "busy",
    "no_answer",
    "rejected",
    "blocked",
    "empty_number",
    "changed_number",
    "incomplete_number",
    "switched_off",
    "out_of_reach",
    "suspended",
    "out_of_service",
    "no_route",
    "congestion",
    "carrier_fault",
    "not_permitted",
    "our_credentials",
    "no_common_sound",
    "silent_trunk",
    "line_broke",
    "machine",
    "cancelled",
    "refused_by_gate",
    "time_limit",
    "worker_lost",
)


def _cause() -> sa.Column[str]:
    return sa.Column(
        "cause",
        sa.Enum(*_CAUSES, name="cause", native_enum=False, create_constraint=False, length=40),
        nullable=True,
    )


def upgrade() -> None:
    wanted = ", ".join(f"'{cause}'" for cause in _CAUSES)
    for table in ("calls", "legs"):
        op.add_column(table, _cause())
        op.create_check_constraint(op.f(f"ck_{table}_cause"), table, f"cause IN ({wanted})")
    op.add_column("legs", sa.Column("trunk", sa.String(length=64), nullable=True))
    op.add_column("legs", sa.Column("caller_id", sa.String(length=32), nullable=True))
    op.add_column("legs", sa.Column("replaces", sa.Uuid(as_uuid=False), nullable=True))
    op.create_foreign_key(op.f("fk_legs_replaces"), "legs", "legs", ["replaces"], ["id"])
    op.create_index(
        "ix_legs_on_trunks",
        "legs",
        ["trunk"],
        unique=False,
        postgresql_where=sa.text("ended_at IS NULL AND trunk IS NOT NULL"),
    )
    op.create_table(
        "trunk_states",
        sa.Column("node", sa.String(length=64), nullable=False),
        sa.Column("trunk", sa.String(length=36), nullable=False),
        sa.Column(
            "condition",
            sa.Enum("unknown", "up", "down", name="condition", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("declared", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("node", "trunk", name=op.f("pk_trunk_states")),
    )
    op.create_table(
        "trunk_paces",
        sa.Column("trunk", sa.String(length=36), nullable=False),
        sa.Column("tokens", sa.Float(), nullable=False),
        sa.Column("filled_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("trunk", name=op.f("pk_trunk_paces")),
    )
    op.create_table(
        "caller_id_alarms",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("caller_id", sa.String(length=32), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("answered", sa.Integer(), nullable=False),
        sa.Column("usual_rate", sa.Float(), nullable=False),
        sa.Column("upper_rate", sa.Float(), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_caller_id_alarms")),
        sa.UniqueConstraint("caller_id", "day", name=op.f("uq_caller_id_alarms_caller_id_day")),
    )


def downgrade() -> None:
    op.drop_table("caller_id_alarms")
    op.drop_table("trunk_paces")
    op.drop_table("trunk_states")
    op.drop_index("ix_legs_on_trunks", table_name="legs")
    op.drop_constraint(op.f("fk_legs_replaces"), "legs", type_="foreignkey")
    for column in ("replaces", "caller_id", "trunk"):
        op.drop_column("legs", column)
    for table in ("legs", "calls"):
        op.drop_constraint(op.f(f"ck_{table}_cause"), table, type_="check")
        op.drop_column(table, "cause")
