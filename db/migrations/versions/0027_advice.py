"""Goals, advice, education, medicines, proposals"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

# What a version, a finding or a proposal said once it says for ever; only these columns may be set later.
_LATER = {
    "medicine_statements": ("patient_id", "superseded_at"),
    "dispenses": ("patient_id", "superseded_at"),
    "adherence_findings": ("patient_id", "superseded_at"),
    "teach_backs": ("superseded_at",),
    "advice_given": ("patient_id", "withdrawn_at", "withdrawn_because", "request_id"),
}
_APPEND_ONLY = ("goal_events", "proposal_events")

_CHANGES = (
    "started",
    "step_moved",
    "step_added",
    "step_dropped",
    "replanned",
    "paused",
    "resumed",
    "upgraded",
    "merged",
    "completed",
    "cancelled",
)


def _protect() -> None:
    op.execute(
        """
        CREATE FUNCTION keep_what_was_said() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'DELETE' OR to_jsonb(NEW) - TG_ARGV IS DISTINCT FROM to_jsonb(OLD) - TG_ARGV THEN
                RAISE EXCEPTION 'a row of % is never changed or taken away', TG_TABLE_NAME
                    USING ERRCODE = 'restrict_violation';
            END IF;
            RETURN NEW;
        END $$
        """
    )
    for table, columns in _LATER.items():
        named = ", ".join(f"'{column}'" for column in columns)
        op.execute(
            f"CREATE TRIGGER {table}_keep BEFORE UPDATE OR DELETE ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION keep_what_was_said({named})"
        )
    for table in _APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    op.execute(
        """
        CREATE FUNCTION keep_decided_proposal() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'DELETE' OR (OLD.state <> 'proposed' AND
                to_jsonb(NEW) - 'patient_id' - 'told_at' - 'told_by'
                    IS DISTINCT FROM to_jsonb(OLD) - 'patient_id' - 'told_at' - 'told_by') THEN
                RAISE EXCEPTION 'a proposal that was decided on cannot be changed' USING ERRCODE = 'restrict_violation';
            END IF;
            RETURN NEW;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER treatment_proposals_keep BEFORE UPDATE OR DELETE ON treatment_proposals "
        "FOR EACH ROW EXECUTE FUNCTION keep_decided_proposal()"
    )


def _plan_changes(values: tuple[str, ...]) -> None:
    op.drop_constraint("ck_plan_history_change", "plan_history")
    named = ", ".join(f"'{value}'" for value in values)
    op.create_check_constraint(op.f("ck_plan_history_change"), "plan_history", f"change IN ({named})")


def upgrade() -> None:
    op.create_table(
        "dispenses",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("patient_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("dispensed_on", sa.Date(), nullable=False),
        sa.Column("days_supplied", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=100), nullable=False),
        sa.Column("source_key", sa.String(length=200), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("superseded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.CheckConstraint("days_supplied BETWEEN 0 AND 400", name=op.f("ck_dispenses_days_possible")),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name=op.f("fk_dispenses_patient_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispenses")),
    )
    op.create_index("ix_dispenses_patient", "dispenses", ["patient_id", "dispensed_on", "id"], unique=False)
    op.create_index(
        "uq_dispenses_current",
        "dispenses",
        ["patient_id", "source", "source_key"],
        unique=True,
        postgresql_where=sa.text("superseded_at IS NULL"),
    )
    op.create_index("uq_dispenses_version", "dispenses", ["patient_id", "source", "source_key", "version"], unique=True)
    op.create_table(
        "education_plans",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("patient_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("programme_id", sa.String(length=64), nullable=False),
        sa.Column("programme_version", sa.Integer(), nullable=False),
        sa.Column(
            "moment",
            sa.Enum(
                "admission",
                "before_operation",
                "after_operation",
                "discharge",
                "rehabilitation",
                "enrolment",
                name="moment",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("anchor_on", sa.Date(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_by", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_because", sa.String(length=500), nullable=False),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name=op.f("fk_education_plans_patient_id")),
        sa.ForeignKeyConstraint(["started_by"], ["users.id"], name=op.f("fk_education_plans_started_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_education_plans")),
    )
    op.create_index(op.f("ix_education_plans_patient_id"), "education_plans", ["patient_id"], unique=False)
    op.create_index("ix_education_plans_programme", "education_plans", ["programme_id"], unique=False)
    op.create_index(
        "uq_education_plans_running",
        "education_plans",
        ["patient_id", "programme_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "medicine_statements",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("patient_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column(
            "basis",
            sa.Enum("prescribed", "reported", name="basis", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("dose", sa.String(length=200), nullable=False),
        sa.Column("schedule", sa.String(length=300), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "active",
                "on_hold",
                "stopped",
                "entered_in_error",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("since", sa.Date(), nullable=True),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("source", sa.String(length=100), nullable=False),
        sa.Column("source_key", sa.String(length=200), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("superseded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name=op.f("fk_medicine_statements_patient_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_medicine_statements")),
    )
    op.create_index(
        "ix_medicine_statements_patient", "medicine_statements", ["patient_id", "recorded_at", "id"], unique=False
    )
    op.create_index(
        "uq_medicine_statements_current",
        "medicine_statements",
        ["patient_id", "source", "source_key"],
        unique=True,
        postgresql_where=sa.text("superseded_at IS NULL"),
    )
    op.create_index(
        "uq_medicine_statements_version",
        "medicine_statements",
        ["patient_id", "source", "source_key", "version"],
        unique=True,
    )
    op.create_table(
        "education_lessons",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("plan_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("again_of", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("given_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column(
            "way",
            sa.Enum("call", "link", "paper", "visit", name="way", native_enum=False, create_constraint=True, length=40),
            nullable=True,
        ),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["again_of"], ["education_lessons.id"], name=op.f("fk_education_lessons_again_of")),
        sa.ForeignKeyConstraint(["plan_id"], ["education_plans.id"], name=op.f("fk_education_lessons_plan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_education_lessons")),
    )
    op.create_index(op.f("ix_education_lessons_plan_id"), "education_lessons", ["plan_id"], unique=False)
    op.create_table(
        "goals",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("patient_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("template_id", sa.String(length=64), nullable=True),
        sa.Column("template_version", sa.Integer(), nullable=True),
        sa.Column("title", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("targets", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("readings", sa.Integer(), nullable=False),
        sa.Column("action", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("owner_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("plan_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("because", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "active",
                "achieved",
                "missed",
                "cancelled",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("state_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("evidence", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("set_by", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_goals_owner_id")),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name=op.f("fk_goals_patient_id")),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_goals_plan_id")),
        sa.ForeignKeyConstraint(["set_by"], ["users.id"], name=op.f("fk_goals_set_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_goals")),
    )
    op.create_index(
        "ix_goals_due", "goals", ["due_on", "id"], unique=False, postgresql_where=sa.text("state = 'active'")
    )
    op.create_index(op.f("ix_goals_owner_id"), "goals", ["owner_id"], unique=False)
    op.create_index(op.f("ix_goals_patient_id"), "goals", ["patient_id"], unique=False)
    op.create_index(op.f("ix_goals_plan_id"), "goals", ["plan_id"], unique=False)
    op.create_table(
        "goal_events",
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("goal_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "set",
                "achieved",
                "missed",
                "reopened",
                "cancelled",
                "changed",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("user_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["goal_id"], ["goals.id"], name=op.f("fk_goal_events_goal_id")),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_goal_events")),
    )
    op.create_index(op.f("ix_goal_events_goal_id"), "goal_events", ["goal_id"], unique=False)
    op.create_table(
        "treatment_proposals",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("patient_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "medicine",
                "care_plan",
                "examination",
                "other",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("finding", sa.Text(), nullable=False),
        sa.Column("proposal", sa.Text(), nullable=False),
        sa.Column("statement_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("plan_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("task_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("attempt_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "proposed",
                "accepted",
                "changed",
                "declined",
                "withdrawn",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("proposed_by", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("doctor_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("medicine", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("decided_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempts.id"], name=op.f("fk_treatment_proposals_attempt_id")),
        sa.ForeignKeyConstraint(["decided_by"], ["users.id"], name=op.f("fk_treatment_proposals_decided_by")),
        sa.ForeignKeyConstraint(["doctor_id"], ["users.id"], name=op.f("fk_treatment_proposals_doctor_id")),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name=op.f("fk_treatment_proposals_patient_id")),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_treatment_proposals_plan_id")),
        sa.ForeignKeyConstraint(["proposed_by"], ["users.id"], name=op.f("fk_treatment_proposals_proposed_by")),
        sa.ForeignKeyConstraint(
            ["statement_id"], ["medicine_statements.id"], name=op.f("fk_treatment_proposals_statement_id")
        ),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], name=op.f("fk_treatment_proposals_task_id")),
        sa.ForeignKeyConstraint(["told_by"], ["users.id"], name=op.f("fk_treatment_proposals_told_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_treatment_proposals")),
    )
    op.create_index(op.f("ix_treatment_proposals_doctor_id"), "treatment_proposals", ["doctor_id"], unique=False)
    op.create_index(
        "ix_treatment_proposals_open",
        "treatment_proposals",
        ["due_on", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'proposed'"),
    )
    op.create_index(op.f("ix_treatment_proposals_patient_id"), "treatment_proposals", ["patient_id"], unique=False)
    op.create_index(op.f("ix_treatment_proposals_plan_id"), "treatment_proposals", ["plan_id"], unique=False)
    op.create_table(
        "adherence_findings",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("patient_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("response_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("rules_version", sa.Integer(), nullable=False),
        sa.Column("adherent", sa.Boolean(), nullable=True),
        sa.Column("missed_days", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("route", sa.String(length=64), nullable=True),
        sa.Column("request_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("supersedes", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("superseded_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name=op.f("fk_adherence_findings_patient_id")),
        sa.ForeignKeyConstraint(["request_id"], ["requests.id"], name=op.f("fk_adherence_findings_request_id")),
        sa.ForeignKeyConstraint(["response_id"], ["responses.id"], name=op.f("fk_adherence_findings_response_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_adherence_findings")),
    )
    op.create_index("ix_adherence_findings_patient", "adherence_findings", ["patient_id", "at"], unique=False)
    op.create_index(
        "uq_adherence_findings_response",
        "adherence_findings",
        ["response_id"],
        unique=True,
        postgresql_where=sa.text("superseded_at IS NULL"),
    )
    op.create_table(
        "advice_given",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("patient_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("article_id", sa.String(length=64), nullable=False),
        sa.Column("article_version", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "way",
            sa.Enum("call", "link", "paper", "visit", name="way", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("attempt_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("given_by", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_because", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("request_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempts.id"], name=op.f("fk_advice_given_attempt_id")),
        sa.ForeignKeyConstraint(["given_by"], ["users.id"], name=op.f("fk_advice_given_given_by")),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name=op.f("fk_advice_given_patient_id")),
        sa.ForeignKeyConstraint(["request_id"], ["requests.id"], name=op.f("fk_advice_given_request_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_advice_given")),
    )
    op.create_index(op.f("ix_advice_given_attempt_id"), "advice_given", ["attempt_id"], unique=False)
    op.create_index("ix_advice_given_patient", "advice_given", ["patient_id", "given_at"], unique=False)
    op.create_index(
        "ix_advice_given_standing",
        "advice_given",
        ["patient_id"],
        unique=False,
        postgresql_where=sa.text("withdrawn_at IS NULL"),
    )
    op.create_table(
        "proposal_events",
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("proposal_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("user_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["proposal_id"], ["treatment_proposals.id"], name=op.f("fk_proposal_events_proposal_id")
        ),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_proposal_events")),
    )
    op.create_index(op.f("ix_proposal_events_proposal_id"), "proposal_events", ["proposal_id"], unique=False)
    op.create_table(
        "teach_backs",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("plan_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("lesson_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("response_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("link_id", sa.String(length=60), nullable=False),
        sa.Column(
            "understanding",
            sa.Enum(
                "right",
                "partly",
                "wrong",
                "not_asked",
                name="understanding",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("again_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("request_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("superseded_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["again_id"], ["education_lessons.id"], name=op.f("fk_teach_backs_again_id")),
        sa.ForeignKeyConstraint(["lesson_id"], ["education_lessons.id"], name=op.f("fk_teach_backs_lesson_id")),
        sa.ForeignKeyConstraint(["plan_id"], ["education_plans.id"], name=op.f("fk_teach_backs_plan_id")),
        sa.ForeignKeyConstraint(["request_id"], ["requests.id"], name=op.f("fk_teach_backs_request_id")),
        sa.ForeignKeyConstraint(["response_id"], ["responses.id"], name=op.f("fk_teach_backs_response_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_teach_backs")),
    )
    op.create_index(op.f("ix_teach_backs_lesson_id"), "teach_backs", ["lesson_id"], unique=False)
    op.create_index(op.f("ix_teach_backs_plan_id"), "teach_backs", ["plan_id"], unique=False)
    op.create_index(
        "uq_teach_backs_answer",
        "teach_backs",
        ["response_id", "plan_id", "link_id"],
        unique=True,
        postgresql_where=sa.text("superseded_at IS NULL"),
    )
    _plan_changes((*_CHANGES, "treatment_decided"))
    _protect()


def downgrade() -> None:
    for table in (
        "proposal_events",
        "treatment_proposals",
        "teach_backs",
        "education_lessons",
        "education_plans",
        "adherence_findings",
        "advice_given",
        "goal_events",
        "goals",
        "dispenses",
        "medicine_statements",
    ):
        op.drop_table(table)
    op.execute("DROP FUNCTION keep_what_was_said()")
    op.execute("DROP FUNCTION keep_decided_proposal()")
    _plan_changes(_CHANGES)
