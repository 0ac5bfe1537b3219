"""Outlines of notes, answers heard in calls"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

_STATES = ("proposed", "accepted", "dismissed", "superseded")
_DRAFTERS = ("rules", "language-model")


def _one_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)


def _states(*states: str) -> None:
    op.drop_constraint(op.f("ck_note_proposals_state"), "note_proposals", type_="check")
    listed = ", ".join(f"'{state}'" for state in states)
    op.create_check_constraint(op.f("ck_note_proposals_state"), "note_proposals", f"state IN ({listed})")


def upgrade() -> None:
    _states(*_STATES)
    op.add_column("note_proposals", sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("note_proposals", sa.Column("quote", sa.Text(), server_default="", nullable=False))
    op.add_column(
        "note_proposals",
        sa.Column("turns", postgresql.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False),
    )
    op.add_column("note_proposals", sa.Column("transcript_id", sa.Uuid(as_uuid=False), nullable=True))
    op.add_column("note_proposals", sa.Column("confidence", sa.Float(), nullable=True))
    op.add_column(
        "note_proposals",
        sa.Column("drafted_by", sa.String(length=40), server_default="rules", nullable=False),
    )
    listed = ", ".join(f"'{drafter}'" for drafter in _DRAFTERS)
    op.create_check_constraint(op.f("ck_note_proposals_drafted_by"), "note_proposals", f"drafted_by IN ({listed})")
    for column in ("quote", "turns", "drafted_by"):
        op.alter_column("note_proposals", column, server_default=None)
    op.create_table(
        "note_outlines",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("note_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("recording_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("transcript_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("clarity", _one_of("clarity", "clear", "partly", "unclear"), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("passages", postgresql.JSONB(), nullable=False),
        sa.Column("words_version", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("summary", _one_of("summary", "off", "asked", "ready", "failed"), nullable=False),
        sa.Column("summary_model", sa.String(length=200), nullable=False),
        sa.Column("summary_reason", sa.String(length=500), nullable=False),
        sa.ForeignKeyConstraint(["note_id"], ["notes.id"], name=op.f("fk_note_outlines_note_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_note_outlines")),
    )
    op.create_index("uq_note_outlines_note", "note_outlines", ["note_id"], unique=True)
    op.create_index(op.f("ix_note_outlines_recording_id"), "note_outlines", ["recording_id"])
    op.create_table(
        "heard_answers",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("attempt_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("task_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("form_id", sa.String(length=64), nullable=False),
        sa.Column("link_id", sa.String(length=60), nullable=False),
        sa.Column("value", postgresql.JSONB(), nullable=False),
        sa.Column("quote", sa.Text(), nullable=False),
        sa.Column("asked", sa.Text(), nullable=False),
        sa.Column("start", sa.Float(), nullable=False),
        sa.Column("end", sa.Float(), nullable=False),
        sa.Column("turns", postgresql.JSONB(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("recording_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("transcript_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("state", _one_of("state", *_STATES), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempts.id"], name=op.f("fk_heard_answers_attempt_id")),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], name=op.f("fk_heard_answers_task_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_heard_answers")),
    )
    op.create_index(op.f("ix_heard_answers_attempt_id"), "heard_answers", ["attempt_id"])
    op.create_index(op.f("ix_heard_answers_recording_id"), "heard_answers", ["recording_id"])
    op.create_index(
        "uq_heard_answers_open",
        "heard_answers",
        ["attempt_id", "task_id", "form_id", "link_id"],
        unique=True,
        postgresql_where=sa.text("state = 'proposed'"),
    )


def downgrade() -> None:
    op.drop_table("heard_answers")
    op.drop_table("note_outlines")
    for column in ("drafted_by", "confidence", "transcript_id", "turns", "quote", "decided_at"):
        op.drop_column("note_proposals", column)
    op.execute("DELETE FROM note_proposals WHERE state = 'superseded'")
    _states("proposed", "accepted", "dismissed")
