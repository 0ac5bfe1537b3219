"""Scorecards, samples, scores, rounds of graders, checks of doubtful follow-ups, evidence packs"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None


def _one_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)


def upgrade() -> None:

    op.create_table(
        "scorecard_versions",
        sa.Column("card", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("content", postgresql.JSONB(), nullable=False),
        sa.Column("first_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("card", "version", name=op.f("pk_scorecard_versions")),
    )
    op.create_table(
        "evidence_packs",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("patient_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("with_sound", sa.Boolean(), nullable=False),
        sa.Column("asked_by", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["asked_by"], ["users.id"], name=op.f("fk_evidence_packs_asked_by")),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name=op.f("fk_evidence_packs_patient_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence_packs")),
    )
    op.create_index(op.f("ix_evidence_packs_patient_id"), "evidence_packs", ["patient_id"], unique=False)
    op.create_table(
        "grading_rounds",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("kind", _one_of("kind", "double", "calibration"), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("card", sa.String(length=64), nullable=False),
        sa.Column("card_version", sa.Integer(), nullable=False),
        sa.Column("attempt_ids", postgresql.JSONB(), nullable=False),
        sa.Column("grader_ids", postgresql.JSONB(), nullable=False),
        sa.Column("opened_by", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.ForeignKeyConstraint(["opened_by"], ["users.id"], name=op.f("fk_grading_rounds_opened_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grading_rounds")),
    )
    op.create_index("ix_grading_rounds_opened_at", "grading_rounds", ["opened_at"], unique=False)
    op.create_table(
        "quality_samples",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("rule", postgresql.JSONB(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("card", sa.String(length=64), nullable=False),
        sa.Column("statement", postgresql.JSONB(), nullable=False),
        sa.Column("drawn_from", sa.String(length=64), nullable=False),
        sa.Column("drawn_by", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["drawn_by"], ["users.id"], name=op.f("fk_quality_samples_drawn_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quality_samples")),
    )
    op.create_index("ix_quality_samples_drawn_at", "quality_samples", ["drawn_at"], unique=False)
    op.create_table(
        "reality_checks",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("subject_kind", _one_of("subject_kind", "attempt", "response"), nullable=False),
        sa.Column("subject_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("patient_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("verdict", _one_of("verdict", "real", "explained", "not_real", "unclear"), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("by", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("doubts", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(["by"], ["users.id"], name=op.f("fk_reality_checks_by")),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name=op.f("fk_reality_checks_patient_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reality_checks")),
    )
    op.create_index(op.f("ix_reality_checks_patient_id"), "reality_checks", ["patient_id"], unique=False)
    op.create_index("ix_reality_checks_subject", "reality_checks", ["subject_kind", "subject_id", "at"], unique=False)
    op.create_table(
        "quality_sample_calls",
        sa.Column("sample_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("attempt_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("because", _one_of("because", "red_flag", "complaint", "drawn"), nullable=False),
        sa.Column("part", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempts.id"], name=op.f("fk_quality_sample_calls_attempt_id")),
        sa.ForeignKeyConstraint(["sample_id"], ["quality_samples.id"], name=op.f("fk_quality_sample_calls_sample_id")),
        sa.PrimaryKeyConstraint("sample_id", "attempt_id", name=op.f("pk_quality_sample_calls")),
    )
    op.create_index(op.f("ix_quality_sample_calls_attempt_id"), "quality_sample_calls", ["attempt_id"], unique=False)
    op.create_table(
        "quality_scores",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("attempt_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("recording_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("patient_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("agent_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("card", sa.String(length=64), nullable=False),
        sa.Column("card_version", sa.Integer(), nullable=False),
        sa.Column("round_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("grader_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column(
            "state", _one_of("state", "draft", "given", "acknowledged", "appealed", "upheld", "changed"), nullable=False
        ),
        sa.Column("marks", postgresql.JSONB(), nullable=False),
        sa.Column("remark", sa.Text(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("fatal", postgresql.JSONB(), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("appeal", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("value_before", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_quality_scores_agent_id")),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempts.id"], name=op.f("fk_quality_scores_attempt_id")),
        sa.ForeignKeyConstraint(["grader_id"], ["users.id"], name=op.f("fk_quality_scores_grader_id")),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name=op.f("fk_quality_scores_patient_id")),
        sa.ForeignKeyConstraint(["round_id"], ["grading_rounds.id"], name=op.f("fk_quality_scores_round_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quality_scores")),
    )
    op.create_index("ix_quality_scores_agent", "quality_scores", ["agent_id", "given_at"], unique=False)
    op.create_index(op.f("ix_quality_scores_attempt_id"), "quality_scores", ["attempt_id"], unique=False)
    op.create_index("ix_quality_scores_begun_at", "quality_scores", ["begun_at", "id"], unique=False)
    op.create_index(op.f("ix_quality_scores_grader_id"), "quality_scores", ["grader_id"], unique=False)
    op.create_index(op.f("ix_quality_scores_patient_id"), "quality_scores", ["patient_id"], unique=False)
    op.create_index(op.f("ix_quality_scores_recording_id"), "quality_scores", ["recording_id"], unique=False)
    op.create_index(op.f("ix_quality_scores_round_id"), "quality_scores", ["round_id"], unique=False)
    op.create_index(
        "uq_quality_scores_call",
        "quality_scores",
        ["attempt_id", "card"],
        unique=True,
        postgresql_where=sa.text("round_id IS NULL"),
    )
    op.create_index(
        "uq_quality_scores_round",
        "quality_scores",
        ["round_id", "attempt_id", "grader_id"],
        unique=True,
        postgresql_where=sa.text("round_id IS NOT NULL"),
    )
    op.create_table(
        "quality_score_events",
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("score_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("user_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("detail", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(["score_id"], ["quality_scores.id"], name=op.f("fk_quality_score_events_score_id")),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_quality_score_events")),
    )
    op.create_index(op.f("ix_quality_score_events_score_id"), "quality_score_events", ["score_id"], unique=False)


def downgrade() -> None:
    op.drop_table("quality_score_events")
    op.drop_table("quality_scores")
    op.drop_table("quality_sample_calls")
    op.drop_table("reality_checks")
    op.drop_table("quality_samples")
    op.drop_table("grading_rounds")
    op.drop_table("evidence_packs")
    op.drop_table("scorecard_versions")
