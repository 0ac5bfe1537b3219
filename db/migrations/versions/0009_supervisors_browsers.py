"""Supervisors' browsers: where she is rung for a visit; and an apology that plays before a line is ended"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("supervisions", sa.Column("in_browser", sa.Boolean(), nullable=False, server_default="false"))
    op.alter_column("supervisions", "in_browser", server_default=None)
    op.add_column("calls", sa.Column("parting_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("calls", "parting_at")
    op.drop_column("supervisions", "in_browser")
