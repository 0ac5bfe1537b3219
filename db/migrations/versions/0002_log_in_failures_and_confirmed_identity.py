"""Failed log-ins are counted; an attempt knows since when the patient's identity is confirmed."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "log_in_failures",
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("login_hash", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_log_in_failures")),
    )
    op.create_index("ix_log_in_failures_login", "log_in_failures", ["login_hash", "at"], unique=False)
    op.add_column("attempts", sa.Column("identity_confirmed_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("attempts", "identity_confirmed_at")
    op.drop_table("log_in_failures")
