"""Risk assessments"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "risk_facts",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("patient_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("encounter_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("value", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("superseded_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["encounter_id"], ["encounters.id"], name=op.f("fk_risk_facts_encounter_id_encounters")
        ),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name=op.f("fk_risk_facts_patient_id_patients")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_risk_facts")),
    )
    op.create_index("ix_risk_facts_patient", "risk_facts", ["patient_id", "name", "recorded_at"])
    op.create_index(op.f("ix_risk_facts_encounter_id"), "risk_facts", ["encounter_id"])
    op.create_table(
        "risk_assessments",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("patient_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("encounter_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("model", sa.String(length=40), nullable=False),
        sa.Column("model_version", sa.Integer(), nullable=False),
        sa.Column("variant", sa.String(length=40), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("unit", sa.String(length=40), nullable=False),
        sa.Column("band", sa.String(length=40), nullable=True),
        sa.Column("out_of_range", sa.Boolean(), nullable=False),
        sa.Column("inputs", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("titles", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("assessed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "cause",
            sa.Enum("asked", "record_changed", name="cause", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("changes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("replaces", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("superseded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "withdrawn_because",
            sa.Enum(
                "not_applicable",
                "input_gone",
                "inputs_too_old",
                name="withdrawn_because",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("withdrawn_inputs", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("request_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.ForeignKeyConstraint(["request_id"], ["requests.id"], name=op.f("fk_risk_assessments_request_id_requests")),
        sa.ForeignKeyConstraint(
            ["encounter_id"], ["encounters.id"], name=op.f("fk_risk_assessments_encounter_id_encounters")
        ),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name=op.f("fk_risk_assessments_patient_id_patients")),
        sa.ForeignKeyConstraint(
            ["replaces"], ["risk_assessments.id"], name=op.f("fk_risk_assessments_replaces_risk_assessments")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_risk_assessments")),
    )
    op.create_index("ix_risk_assessments_patient", "risk_assessments", ["patient_id", "recorded_at", "id"])
    op.create_index(op.f("ix_risk_assessments_encounter_id"), "risk_assessments", ["encounter_id"])
    op.create_index(
        "ix_risk_assessments_current",
        "risk_assessments",
        ["patient_id", "model"],
        postgresql_where=sa.text("superseded_at IS NULL AND withdrawn_at IS NULL"),
    )
    # What was told once stays told: a row may only be superseded or withdrawn, once, and go over with a merged record.
    op.execute(
        """
        CREATE FUNCTION keep_risk_row() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            may_be_set text[] := ARRAY[
                'superseded_at', 'withdrawn_at', 'withdrawn_because', 'withdrawn_inputs', 'request_id'
            ];
            may_change text[] := ARRAY['patient_id'] || may_be_set;
            field text;
        BEGIN
            IF TG_OP = 'DELETE' OR to_jsonb(NEW) - may_change IS DISTINCT FROM to_jsonb(OLD) - may_change THEN
                RAISE EXCEPTION 'a row of % is never changed or taken away', TG_TABLE_NAME
                    USING ERRCODE = 'restrict_violation';
            END IF;
            FOREACH field IN ARRAY may_be_set LOOP
                IF to_jsonb(OLD) ->> field IS NOT NULL
                        AND to_jsonb(NEW) -> field IS DISTINCT FROM to_jsonb(OLD) -> field THEN
                    RAISE EXCEPTION '% of a row of % is set once', field, TG_TABLE_NAME
                        USING ERRCODE = 'restrict_violation';
                END IF;
            END LOOP;
            RETURN NEW;
        END $$
        """
    )
    for table in ("risk_facts", "risk_assessments"):
        op.execute(
            f"CREATE TRIGGER {table}_keep BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION keep_risk_row()"
        )


def downgrade() -> None:
    op.drop_table("risk_assessments")
    op.drop_table("risk_facts")
    op.execute("DROP FUNCTION keep_risk_row()")
