"""How long recordings are kept, who holds them, proof of their destruction, and what is missing of calls"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "retention_confirmations",
        sa.Column("position", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("edition", sa.String(length=80), nullable=False),
        sa.Column("confirmed_by", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("because", sa.String(length=500), nullable=False),
        sa.Column("shortened", sa.BigInteger(), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_retention_confirmations")),
    )
    op.create_table(
        "keepings",
        sa.Column("recording_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("rule", sa.String(length=64), nullable=True),
        sa.Column("edition", sa.String(length=80), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("shorter_rule", sa.String(length=64), nullable=True),
        sa.Column("shorter_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["recording_id"], ["recordings.id"], name=op.f("fk_keepings_recording_id")),
        sa.PrimaryKeyConstraint("recording_id", name=op.f("pk_keepings")),
    )
    op.create_index("ix_keepings_edition", "keepings", ["edition"], unique=False)
    op.create_index("ix_keepings_until", "keepings", ["until"], unique=False)
    op.create_table(
        "legal_holds",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("patient_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("recording_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("case", sa.String(length=100), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("placed_by", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "held",
                "release_asked",
                "released",
                "lapsed",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("release_asked_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("release_asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("release_because", sa.String(length=500), nullable=False),
        sa.Column("ended_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name=op.f("fk_legal_holds_patient_id")),
        sa.ForeignKeyConstraint(["recording_id"], ["recordings.id"], name=op.f("fk_legal_holds_recording_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_legal_holds")),
    )
    op.create_index(
        "ix_legal_holds_holding",
        "legal_holds",
        ["until"],
        unique=False,
        postgresql_where=sa.text("state IN ('held', 'release_asked')"),
    )
    op.create_index(op.f("ix_legal_holds_patient_id"), "legal_holds", ["patient_id"], unique=False)
    op.create_index(op.f("ix_legal_holds_recording_id"), "legal_holds", ["recording_id"], unique=False)
    op.create_table(
        "purges",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("recording_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("patient_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("rule", sa.String(length=64), nullable=False),
        sa.Column("edition", sa.String(length=80), nullable=False),
        sa.Column("kept_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("uri", sa.String(length=1000), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("seconds", sa.Float(), nullable=True),
        sa.Column("removed", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("objects", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "state",
            sa.Enum("begun", "done", name="state", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("trouble", sa.String(length=500), nullable=False),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name=op.f("fk_purges_patient_id")),
        sa.ForeignKeyConstraint(["recording_id"], ["recordings.id"], name=op.f("fk_purges_recording_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_purges")),
    )
    op.create_index(
        "ix_purges_begun", "purges", ["begun_at"], unique=False, postgresql_where=sa.text("state = 'begun'")
    )
    op.create_index("ix_purges_done_at", "purges", ["done_at", "id"], unique=False)
    op.create_index(op.f("ix_purges_patient_id"), "purges", ["patient_id"], unique=False)
    op.create_index("uq_purges_recording", "purges", ["recording_id"], unique=True)
    op.create_table(
        "recording_copies",
        sa.Column("recording_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("uri", sa.String(length=1000), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("codec", sa.String(length=40), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["recording_id"], ["recordings.id"], name=op.f("fk_recording_copies_recording_id")),
        sa.PrimaryKeyConstraint("recording_id", name=op.f("pk_recording_copies")),
    )
    op.create_table(
        "recording_gaps",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("call_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("recording_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column(
            "kind",
            sa.Enum(
                "not_wanted",
                "refused",
                "nobody_spoke",
                "missing",
                "never_begun",
                "disk_full",
                "lost",
                "not_stored",
                "side_missing",
                "side_short",
                "cut_off",
                "began_late",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum(
                "open", "explained", "resolved", name="state", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("detail", sa.String(length=500), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("settled_because", sa.String(length=500), nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name=op.f("fk_recording_gaps_call_id")),
        sa.ForeignKeyConstraint(["recording_id"], ["recordings.id"], name=op.f("fk_recording_gaps_recording_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recording_gaps")),
    )
    op.create_index("ix_recording_gaps_found_at", "recording_gaps", ["found_at", "id"], unique=False)
    op.create_index(
        "ix_recording_gaps_open",
        "recording_gaps",
        ["found_at", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index(op.f("ix_recording_gaps_recording_id"), "recording_gaps", ["recording_id"], unique=False)
    op.create_index("uq_recording_gaps_call", "recording_gaps", ["call_id"], unique=True)
    op.create_index(
        "ix_calls_answered_ended",
        "calls",
        ["ended_at"],
        unique=False,
        postgresql_where=sa.text("answered_at IS NOT NULL"),
    )
    op.add_column(
        "recordings", sa.Column("faults", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False)
    )
    op.create_index("ix_recordings_held", "recordings", ["id"], postgresql_where=sa.text("legal_hold"))
    _protect()


def _protect() -> None:
    # A proof is never taken away, and once it is whole only a merger of patients may lead it elsewhere.
    op.execute(
        """
        CREATE FUNCTION keep_purge() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP <> 'UPDATE' THEN
                RAISE EXCEPTION 'purges is append-only' USING ERRCODE = 'restrict_violation';
            END IF;
            IF OLD.state = 'done' AND (to_jsonb(OLD) - 'patient_id') <> (to_jsonb(NEW) - 'patient_id') THEN
                RAISE EXCEPTION 'purges is append-only: this one is done' USING ERRCODE = 'restrict_violation';
            END IF;
            RETURN NEW;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER purges_append_only BEFORE UPDATE OR DELETE ON purges FOR EACH ROW EXECUTE FUNCTION keep_purge()"
    )
    op.execute(
        "CREATE TRIGGER purges_not_emptied BEFORE TRUNCATE ON purges "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER retention_confirmations_append_only BEFORE UPDATE OR DELETE OR TRUNCATE "
        "ON retention_confirmations FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    op.drop_index("ix_recordings_held", table_name="recordings")
    op.drop_column("recordings", "faults")
    op.drop_index("ix_calls_answered_ended", table_name="calls", postgresql_where=sa.text("answered_at IS NOT NULL"))
    op.drop_index("uq_recording_gaps_call", table_name="recording_gaps")
    op.drop_index(op.f("ix_recording_gaps_recording_id"), table_name="recording_gaps")
    op.drop_index("ix_recording_gaps_open", table_name="recording_gaps", postgresql_where=sa.text("state = 'open'"))
    op.drop_index("ix_recording_gaps_found_at", table_name="recording_gaps")
    op.drop_table("recording_gaps")
    op.drop_table("recording_copies")
    op.drop_index("uq_purges_recording", table_name="purges")
    op.drop_index(op.f("ix_purges_patient_id"), table_name="purges")
    op.drop_index("ix_purges_done_at", table_name="purges")
    op.drop_index("ix_purges_begun", table_name="purges", postgresql_where=sa.text("state = 'begun'"))
    op.drop_table("purges")
    op.drop_index(op.f("ix_legal_holds_recording_id"), table_name="legal_holds")
    op.drop_index(op.f("ix_legal_holds_patient_id"), table_name="legal_holds")
    op.drop_index(
        "ix_legal_holds_holding",
        table_name="legal_holds",
        postgresql_where=sa.text("state IN ('held', 'release_asked')"),
    )
    op.execute("DROP FUNCTION keep_purge()")
    op.drop_table("legal_holds")
    op.drop_index("ix_keepings_until", table_name="keepings")
    op.drop_index("ix_keepings_edition", table_name="keepings")
    op.drop_table("keepings")
    op.drop_table("retention_confirmations")
