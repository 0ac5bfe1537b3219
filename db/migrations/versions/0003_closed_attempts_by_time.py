"""Closed attempts by time: repairs look through the last week's"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_attempts_closed", "attempts", ["closed_at"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_attempts_closed", table_name="attempts")
