"""Whose record has changed and is not yet looked at"""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "changed_records",
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("patient_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("patient_id", name=op.f("pk_changed_records")),
    )
    op.create_index(op.f("ix_changed_records_position"), "changed_records", ["position"])


def downgrade() -> None:
    # What is not yet looked at is asked for once more as it was before.
    op.execute(
        "INSERT INTO outbox (kind, subject, ids, created_at) "
        "SELECT 'record_changed', patient_id, '{}', since FROM changed_records ORDER BY position"
    )
    op.drop_table("changed_records")
