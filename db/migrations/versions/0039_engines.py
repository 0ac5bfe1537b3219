"""Let a queue's calls be written down by a speech model of its own"""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("queues", sa.Column("speech_model", sa.String(32), nullable=True))


def downgrade() -> None:
    op.drop_column("queues", "speech_model")
