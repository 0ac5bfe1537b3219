"""Diagnoses, allergies, family history, operations and where each came from"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


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
    op.execute(
        "CREATE TRIGGER history_entries_keep_versions BEFORE UPDATE OR DELETE ON history_entries "
        "FOR EACH ROW EXECUTE FUNCTION keep_history_version()"
    )


def downgrade() -> None:
    op.drop_table("history_entries")
    op.execute("DROP FUNCTION keep_history_version()")
