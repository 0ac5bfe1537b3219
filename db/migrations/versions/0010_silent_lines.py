"""Silent lines: since when nothing is heard of a patient; a caller's recording that failed"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("calls", sa.Column("silent_since", sa.DateTime(timezone=True), nullable=True))
    op.add_column("inbound_calls", sa.Column("recording_failed", sa.String(length=500), nullable=True))


def downgrade() -> None:
    op.drop_column("inbound_calls", "recording_failed")
    op.drop_column("calls", "silent_since")
