"""Tags, segments, wishes about being reached"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

JSON = postgresql.JSONB(astext_type=sa.Text())


def _one_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)


def upgrade() -> None:
    op.create_table(
        "tags",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("patient_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("origin", _one_of("origin", "rule", "hand"), nullable=False),
        sa.Column("rule", sa.String(length=80), nullable=True),
        sa.Column("title", JSON, nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("evidence", JSON, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("added_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("look_again_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end", _one_of("end", "no_longer", "restated", "rule_gone", "hand"), nullable=True),
        sa.Column("ended_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("end_reason", sa.String(length=500), nullable=False),
        sa.Column("end_evidence", JSON, nullable=False),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name=op.f("fk_tags_patient_id_patients")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tags")),
    )
    op.create_index("ix_tags_patient", "tags", ["patient_id", "added_at", "id"])
    standing = sa.text("ended_at IS NULL")
    op.create_index("ix_tags_code", "tags", ["code", "patient_id"], postgresql_where=standing)
    op.create_index("ix_tags_look_again", "tags", ["look_again_at"], postgresql_where=standing)
    op.create_index(
        "uq_tags_standing", "tags", ["patient_id", "code", "origin"], unique=True, postgresql_where=standing
    )
    op.create_table(
        "contact_preferences",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("patient_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("hearing", _one_of("hearing", "good", "hard", "none"), nullable=False),
        sa.Column("part_of_day", _one_of("part_of_day", "morning", "afternoon", "evening", "any"), nullable=False),
        sa.Column("channel", _one_of("channel", "phone", "robot", "message", "any"), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("superseded_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patients.id"], name=op.f("fk_contact_preferences_patient_id_patients")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_preferences")),
    )
    op.create_index(op.f("ix_contact_preferences_patient_id"), "contact_preferences", ["patient_id"])
    op.create_index(
        "uq_contact_preferences_current",
        "contact_preferences",
        ["patient_id"],
        unique=True,
        postgresql_where=sa.text("superseded_at IS NULL"),
    )
    op.create_table(
        "segment_members",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("patient_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("segment", sa.String(length=64), nullable=False),
        sa.Column("rule", sa.String(length=80), nullable=False),
        sa.Column("order", sa.Integer(), nullable=False),
        sa.Column("steering", JSON, nullable=False),
        sa.Column("evidence", JSON, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name=op.f("fk_segment_members_patient_id_patients")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_segment_members")),
    )
    op.create_index(op.f("ix_segment_members_patient_id"), "segment_members", ["patient_id"])
    op.create_index(
        "uq_segment_members_current",
        "segment_members",
        ["patient_id", "segment"],
        unique=True,
        postgresql_where=sa.text("left_at IS NULL"),
    )
    # What a patient was tagged with stays: a row may only be ended, once, and go over with a merged record.
    op.execute(
        """
        CREATE FUNCTION keep_tag_row() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            ending text[] := ARRAY[
                'ended_at', 'end', 'ended_by', 'end_reason', 'end_evidence', 'superseded_at', 'left_at'
            ];
        BEGIN
            IF TG_OP = 'DELETE'
                    OR to_jsonb(NEW) - ending - 'patient_id' IS DISTINCT FROM to_jsonb(OLD) - ending - 'patient_id' THEN
                RAISE EXCEPTION 'a row of % is never changed or taken away', TG_TABLE_NAME
                    USING ERRCODE = 'restrict_violation';
            END IF;
            IF COALESCE(
                        to_jsonb(OLD) ->> 'ended_at', to_jsonb(OLD) ->> 'superseded_at', to_jsonb(OLD) ->> 'left_at'
                    ) IS NOT NULL
                    AND to_jsonb(NEW) - 'patient_id' IS DISTINCT FROM to_jsonb(OLD) - 'patient_id' THEN
                RAISE EXCEPTION 'a row of % is ended once', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
            END IF;
            RETURN NEW;
        END $$
        """
    )
    for table in ("tags", "contact_preferences", "segment_members"):
        op.execute(
            f"CREATE TRIGGER {table}_keep BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION keep_tag_row()"
        )


def downgrade() -> None:
    op.drop_table("segment_members")
    op.drop_table("contact_preferences")
    op.drop_table("tags")
    op.execute("DROP FUNCTION keep_tag_row()")
