"""Redacted copies of calls"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

_PURPOSES = ("quality", "teaching", "research", "complaint", "other")


def upgrade() -> None:
    op.create_table(
        "redacted_copies",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("recording_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("patient_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("transcript_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column(
            "purpose",
            sa.Enum(*_PURPOSES, name="purpose", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("turns", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("hidden", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("found", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("released_by", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("turns_purged", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["recording_id"], ["recordings.id"], name=op.f("fk_redacted_copies_recording_id_recordings")
        ),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name=op.f("fk_redacted_copies_patient_id_patients")),
        sa.ForeignKeyConstraint(["released_by"], ["users.id"], name=op.f("fk_redacted_copies_released_by_users")),
        sa.ForeignKeyConstraint(["withdrawn_by"], ["users.id"], name=op.f("fk_redacted_copies_withdrawn_by_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_redacted_copies")),
    )
    for column in ("recording_id", "patient_id"):
        op.create_index(op.f(f"ix_redacted_copies_{column}"), "redacted_copies", [column])
    op.create_index("ix_redacted_copies_released_at", "redacted_copies", ["released_at", "id"])


def downgrade() -> None:
    op.drop_table("redacted_copies")
