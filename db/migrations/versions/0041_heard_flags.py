"""Supervisors' keywords: their own sets, and where each was said"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def _one_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)


def upgrade() -> None:
    op.create_table(
        "keyword_sets",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("source", sa.String(500), nullable=False),
        sa.Column("title", postgresql.JSONB(), nullable=False),
        sa.Column("side", _one_of("side", "agent", "patient", "both"), nullable=False),
        sa.Column("keywords", postgresql.JSONB(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_keyword_sets")),
    )
    op.create_table(
        "keyword_hits",
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("transcript_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("recording_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("set_id", sa.String(40), nullable=False),
        sa.Column("set_version", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(40), nullable=False),
        sa.Column("channel", _one_of("channel", "agent", "patient"), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("at_second", sa.Float(), nullable=False),
        sa.Column("heard", sa.String(200), nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["transcript_id"], ["transcripts.id"], name=op.f("fk_keyword_hits_transcript_id_transcripts"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["recording_id"], ["recordings.id"], name=op.f("fk_keyword_hits_recording_id_recordings"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_keyword_hits")),
    )  # fmt: skip
    op.create_index(op.f("ix_keyword_hits_transcript_id"), "keyword_hits", ["transcript_id"])
    op.create_index(op.f("ix_keyword_hits_recording_id"), "keyword_hits", ["recording_id"])
    op.create_index("ix_keyword_hits_newest", "keyword_hits", ["set_id", "said_at", "position"])
    op.create_index("ix_keyword_hits_said_at", "keyword_hits", ["said_at", "position"])


def downgrade() -> None:
    op.drop_table("keyword_hits")
    op.drop_table("keyword_sets")
