"""Diagnoses, allergies, family history, operations; what each source says of a person"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

VERSIONED = ("history_entries", "stated_values")


def upgrade() -> None:
    op.create_table(
        "history_entries",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("patient_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "condition",
                "allergy",
                "procedure",
                "family",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "active", "resolved", "refuted", name="state", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("since", sa.Date(), nullable=True),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("relation", sa.String(length=60), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("source", sa.String(length=100), nullable=False),
        sa.Column("source_key", sa.String(length=200), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("decided", sa.Boolean(), nullable=False),
        sa.Column("stated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("superseded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name=op.f("fk_history_entries_patient_id_patients")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_history_entries")),
    )
    op.create_index("ix_history_entries_patient", "history_entries", ["patient_id", "recorded_at", "id"])
    op.create_index(
        "uq_history_entries_version",
        "history_entries",
        ["patient_id", "source", "source_key", "version"],
        unique=True,
    )
    op.create_index(
        "uq_history_entries_current",
        "history_entries",
        ["patient_id", "source", "source_key"],
        unique=True,
        postgresql_where=sa.text("superseded_at IS NULL"),
    )
    op.create_table(
        "stated_values",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("patient_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column(
            "field",
            sa.Enum(
                "name",
                "born",
                "sex",
                "language",
                "dialect",
                name="field",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("value", sa.String(length=200), nullable=True),
        sa.Column("source", sa.String(length=100), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("stated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("superseded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name=op.f("fk_stated_values_patient_id_patients")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stated_values")),
    )
    op.create_index(
        "uq_stated_values_version",
        "stated_values",
        ["patient_id", "field", "source", "version"],
        unique=True,
    )
    op.create_index(
        "uq_stated_values_current",
        "stated_values",
        ["patient_id", "field", "source"],
        unique=True,
        postgresql_where=sa.text("superseded_at IS NULL"),
    )
    op.create_table(
        "entry_reviews",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("response_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("link_id", sa.String(length=60), nullable=False),
        sa.Column("entry_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column(
            "verdict",
            sa.Enum(
                "holds",
                "not_so",
                "changed",
                "unknown",
                name="verdict",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("text", sa.String(length=200), nullable=False),
        sa.Column("result_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("by", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("relative_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("attempt_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["history_entries.id"], name=op.f("fk_entry_reviews_entry_id_history_entries")
        ),
        sa.ForeignKeyConstraint(["response_id"], ["responses.id"], name=op.f("fk_entry_reviews_response_id_responses")),
        sa.ForeignKeyConstraint(
            ["result_id"], ["history_entries.id"], name=op.f("fk_entry_reviews_result_id_history_entries")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entry_reviews")),
    )
    op.create_index("ix_entry_reviews_response", "entry_reviews", ["response_id", "at"])
    op.execute(
        "CREATE TRIGGER entry_reviews_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON entry_reviews "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.add_column("encounters", sa.Column("source", sa.String(length=100), server_default="hospital", nullable=False))
    # Lists know which visits they made; of the others it was never kept.
    op.execute(
        """
        UPDATE encounters SET source = left('list:' || list_imports.source, 100)
        FROM import_rows
        JOIN list_imports ON list_imports.id = import_rows.import_id,
        LATERAL jsonb_array_elements_text(import_rows.made -> 'encounters') AS made (encounter_id)
        WHERE encounters.id = made.encounter_id::uuid
        """
    )
    # A version tells for ever what it told: it may only be superseded once, and go over with a merged record.
    op.execute(
        """
        CREATE FUNCTION keep_history_version() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'DELETE' OR to_jsonb(NEW) - 'patient_id' - 'superseded_at'
                    IS DISTINCT FROM to_jsonb(OLD) - 'patient_id' - 'superseded_at'
                OR (OLD.superseded_at IS NOT NULL AND NEW.superseded_at IS DISTINCT FROM OLD.superseded_at) THEN
                RAISE EXCEPTION 'a version of % is never changed or taken away', TG_TABLE_NAME
                    USING ERRCODE = 'restrict_violation';
            END IF;
            RETURN NEW;
        END $$
        """
    )
    for table in VERSIONED:
        op.execute(
            f"CREATE TRIGGER {table}_keep_versions BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION keep_history_version()"
        )


def downgrade() -> None:
    op.drop_column("encounters", "source")
    op.drop_table("entry_reviews")
    for table in VERSIONED:
        op.drop_table(table)
    op.execute("DROP FUNCTION keep_history_version()")
