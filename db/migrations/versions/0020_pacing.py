"""Predictive pacing: lines ahead of agents, who is kept for them, and who was abandoned"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("attempts", sa.Column("ahead", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.alter_column("attempts", "ahead", server_default=None)
    for name in ("person_at", "abandoned_at", "not_ahead_until"):
        op.add_column("attempts", sa.Column(name, _INSTANT, nullable=True))
    op.create_index("ix_attempts_ahead", "attempts", ["queue_id", "reserved_at"], postgresql_where=sa.text("ahead"))
    op.create_index(
        "ix_attempts_not_ahead", "attempts", ["patient_id"], postgresql_where=sa.text("not_ahead_until IS NOT NULL")
    )
    op.add_column("agents", sa.Column("kept_for", sa.Uuid(as_uuid=False), nullable=True))
    op.create_foreign_key(op.f("fk_agents_kept_for"), "agents", "queues", ["kept_for"], ["id"])
    op.create_index("ix_agents_kept", "agents", ["kept_for"], postgresql_where=sa.text("kept_for IS NOT NULL"))
    op.add_column("lanes", sa.Column("ahead", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.alter_column("lanes", "ahead", server_default=None)
    op.add_column("queues", sa.Column("pacing_alarm_on", sa.Date(), nullable=True))


def downgrade() -> None:
    op.drop_column("queues", "pacing_alarm_on")
    op.drop_column("lanes", "ahead")
    op.drop_index("ix_agents_kept", "agents")
    op.drop_constraint(op.f("fk_agents_kept_for"), "agents")
    op.drop_column("agents", "kept_for")
    op.drop_index("ix_attempts_not_ahead", "attempts")
    op.drop_index("ix_attempts_ahead", "attempts")
    for name in ("not_ahead_until", "abandoned_at", "person_at", "ahead"):
        op.drop_column("attempts", name)
