"""Captions of calls that go on, and who writes them"""

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "captions",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("recording_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column(
            "channel",
            sa.Enum("agent", "patient", name="channel", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("start", sa.Float(), nullable=False),
        sa.Column("end", sa.Float(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("written", sa.Text(), nullable=False),
        sa.Column("stable", sa.Integer(), nullable=False),
        sa.Column("final", sa.Boolean(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["recording_id"], ["recordings.id"], name=op.f("fk_captions_recording_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_captions")),
    )
    op.create_index("ix_captions_recording", "captions", ["recording_id", "start"])
    op.create_table(
        "caption_followings",
        sa.Column("recording_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("follower", sa.String(length=100), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("heard_until", sa.Float(), nullable=False),
        sa.Column("behind", sa.Float(), nullable=False),
        sa.Column("left_out", sa.Integer(), nullable=False),
        sa.Column("ended", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("recording_id", name=op.f("pk_caption_followings")),
    )
    op.create_index("ix_caption_followings_seen", "caption_followings", ["seen_at"])


def downgrade() -> None:
    op.drop_table("caption_followings")
    op.drop_table("captions")
