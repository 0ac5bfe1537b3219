"""Calls ahead of agents are found by when somebody answered them"""

import sqlalchemy as sa
from alembic import op

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_attempts_ahead_answered",
        "attempts",
        ["person_at"],
        postgresql_where=sa.text("ahead AND person_at IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_attempts_ahead_answered", table_name="attempts")
