"""Months whose figures no longer change, and indexes by which a period's rows are found"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None

APPEND_ONLY = ("frozen_months", "frozen_counts")

INDEXES = (
    ("ix_tasks_window_closes", "tasks", ["latest_at"], None),
    ("ix_calls_invited", "calls", ["invite_at"], "invite_at IS NOT NULL"),
    ("ix_encounters_occurred_at", "encounters", ["occurred_at"], None),
    ("ix_responses_completed", "responses", ["form_id", "completed_at"], "completed_at IS NOT NULL"),
    ("ix_alerts_raised_at", "alerts", ["raised_at"], None),
    ("ix_requests_received_at", "requests", ["received_at"], None),
)


def upgrade() -> None:
    op.create_table(
        "frozen_months",
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("frozen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("month", name=op.f("pk_frozen_months")),
    )
    op.create_table(
        "frozen_counts",
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("family", sa.String(20), nullable=False),
        sa.Column("department", sa.String(100), nullable=False),
        sa.Column("queue", sa.String(36), nullable=False),
        sa.Column("agent", sa.String(36), nullable=False),
        sa.Column("plan", sa.String(64), nullable=False),
        sa.Column("counts", postgresql.JSONB(), nullable=False),
        sa.Column("spans", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(["month"], ["frozen_months.month"], name=op.f("fk_frozen_counts_month")),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_frozen_counts")),
    )
    op.create_index(op.f("ix_frozen_counts_month"), "frozen_counts", ["month"])
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    for name, table, columns, where in INDEXES:
        op.create_index(name, table, columns, postgresql_where=sa.text(where) if where else None)


def downgrade() -> None:
    for name, table, _, _ in reversed(INDEXES):
        op.drop_index(name, table_name=table)
    for table in reversed(APPEND_ONLY):
        op.execute(f"DROP TRIGGER {table}_append_only ON {table}")
        op.drop_table(table)
