"""Browser headsets: what an agent's headset is, and since when its browser is lost"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "agents",
        sa.Column(
            "headset_kind",
            sa.Enum("phone", "browser", name="headset_kind", native_enum=False, create_constraint=False, length=40),
            nullable=False,
            server_default="phone",
        ),
    )
    op.alter_column("agents", "headset_kind", server_default=None)
    op.create_check_constraint(op.f("ck_agents_headset_kind"), "agents", "headset_kind IN ('phone', 'browser')")
    op.add_column("agents", sa.Column("headset_lost_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("agents", "headset_lost_at")
    op.drop_constraint(op.f("ck_agents_headset_kind"), "agents")
    op.drop_column("agents", "headset_kind")
