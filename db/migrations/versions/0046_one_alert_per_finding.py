"""A sign that is heard is one alert for its recording, whatever its second; alerts that are there stay as they are"""

import sqlalchemy as sa
from alembic import op

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("alerts", sa.Column("finding", sa.String(64), nullable=True))
    op.create_index("uq_alerts_finding", "alerts", ["recording_id", "finding"], unique=True)


def downgrade() -> None:
    op.drop_index("uq_alerts_finding", table_name="alerts")
    op.drop_column("alerts", "finding")
