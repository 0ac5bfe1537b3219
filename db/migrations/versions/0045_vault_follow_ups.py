"""Recordings in order of when they came into the vault: whether it takes any now, and which are to be copied first"""

from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_recordings_stored_at", "recordings", ["stored_at"])


def downgrade() -> None:
    op.drop_index("ix_recordings_stored_at", table_name="recordings")
