"""Comments at seconds of a recording, and corrected words"""

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "recording_comments",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("recording_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("second", sa.Float(), nullable=False),
        sa.Column("words", sa.String(length=2000), nullable=False),
        sa.Column("by", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["recording_id"], ["recordings.id"], name=op.f("fk_recording_comments_recording_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recording_comments")),
    )
    op.create_index("ix_recording_comments_recording", "recording_comments", ["recording_id", "second"])
    op.create_table(
        "turn_corrections",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("recording_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("transcript_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("written", sa.Text(), nullable=False),
        sa.Column("by", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["recording_id"], ["recordings.id"], name=op.f("fk_turn_corrections_recording_id")),
        sa.ForeignKeyConstraint(
            ["transcript_id"],
            ["transcripts.id"],
            name=op.f("fk_turn_corrections_transcript_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_turn_corrections")),
    )
    op.create_index(op.f("ix_turn_corrections_recording_id"), "turn_corrections", ["recording_id"])
    op.create_index("ix_turn_corrections_transcript", "turn_corrections", ["transcript_id", "at"])
    op.create_index("ix_recordings_started_at", "recordings", ["started_at", "id"])


def downgrade() -> None:
    op.drop_index("ix_recordings_started_at", table_name="recordings")
    op.drop_table("turn_corrections")
    op.drop_table("recording_comments")
