"""Summaries and printed reports"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def _set(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)


def _id() -> sa.Column[str]:
    return sa.Column("id", sa.Uuid(as_uuid=False), nullable=False)


def _instant(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _user(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Uuid(as_uuid=False), nullable=nullable)


def upgrade() -> None:
    op.execute("CREATE SEQUENCE report_numbers")
    op.create_table(
        "stage_summaries",
        _id(),
        sa.Column("number", sa.String(length=40), nullable=False),
        sa.Column("patient_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("state", _set("state", "draft", "signed", "discarded", "withdrawn"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("conclusion", sa.Text(), nullable=False),
        sa.Column("next_steps", sa.Text(), nullable=False),
        _instant("created_at"),
        _user("created_by"),
        _instant("changed_at"),
        _user("changed_by"),
        _instant("signed_at", nullable=True),
        _user("signed_by", nullable=True),
        sa.Column("signer_name", sa.String(length=200), nullable=False),
        sa.Column("content_sha256", sa.String(length=64), nullable=False),
        _instant("settled_at", nullable=True),
        _user("settled_by", nullable=True),
        sa.Column("settled_because", sa.String(length=500), nullable=False),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name=op.f("fk_stage_summaries_patient_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stage_summaries")),
        sa.UniqueConstraint("number", name=op.f("uq_stage_summaries_number")),
    )
    op.create_index("ix_stage_summaries_patient", "stage_summaries", ["patient_id", "created_at"])
    op.create_index(
        "uq_stage_summaries_draft",
        "stage_summaries",
        ["patient_id", "since", "until"],
        unique=True,
        postgresql_where=sa.text("state = 'draft'"),
    )
    op.create_table(
        "summary_addenda",
        _id(),
        sa.Column("summary_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        _user("author_id"),
        sa.Column("author_name", sa.String(length=200), nullable=False),
        _instant("written_at"),
        sa.ForeignKeyConstraint(["summary_id"], ["stage_summaries.id"], name=op.f("fk_summary_addenda_summary_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_summary_addenda")),
    )
    op.create_index(op.f("ix_summary_addenda_summary_id"), "summary_addenda", ["summary_id"])
    op.create_table(
        "report_prints",
        _id(),
        sa.Column("summary_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("kind", _set("kind", "draft", "original", "copy", "electronic", "withdrawn"), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("size", _set("size", "normal", "large"), nullable=False),
        sa.Column("state", _set("state", "waiting", "setting", "ready", "failed"), nullable=False),
        _instant("asked_at"),
        _user("asked_by"),
        sa.Column("asked_name", sa.String(length=200), nullable=False),
        _instant("began_at", nullable=True),
        _instant("ended_at", nullable=True),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        _instant("keep_until"),
        sa.ForeignKeyConstraint(["summary_id"], ["stage_summaries.id"], name=op.f("fk_report_prints_summary_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_prints")),
        sa.UniqueConstraint("summary_id", "ordinal", name=op.f("uq_report_prints_summary_id_ordinal")),
    )
    op.create_index(
        "ix_report_prints_open",
        "report_prints",
        ["asked_at", "id"],
        postgresql_where=sa.text("state IN ('waiting', 'setting')"),
    )
    op.create_table(
        "report_files",
        sa.Column("print_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        _instant("keep_until"),
        sa.ForeignKeyConstraint(["print_id"], ["report_prints.id"], name=op.f("fk_report_files_print_id")),
        sa.UniqueConstraint("print_id", name=op.f("uq_report_files_print_id")),
    )
    op.create_index("ix_report_files_keep_until", "report_files", ["keep_until"])
    op.create_table(
        "report_links",
        _id(),
        sa.Column("summary_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("print_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("patient_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        _instant("created_at"),
        _user("created_by"),
        _instant("expires_at"),
        sa.Column("wrong_answers", sa.Integer(), nullable=False),
        sa.Column("visit_hash", sa.String(length=64), nullable=True),
        _instant("visit_until", nullable=True),
        _instant("opened_at", nullable=True),
        sa.Column("asked", sa.Integer(), nullable=False),
        _instant("asked_since", nullable=True),
        _instant("ended_at", nullable=True),
        sa.Column("end_reason", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(["summary_id"], ["stage_summaries.id"], name=op.f("fk_report_links_summary_id")),
        sa.ForeignKeyConstraint(["print_id"], ["report_prints.id"], name=op.f("fk_report_links_print_id")),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name=op.f("fk_report_links_patient_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_links")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_report_links_token_hash")),
    )
    op.create_index(op.f("ix_report_links_summary_id"), "report_links", ["summary_id"])
    op.create_index(op.f("ix_report_links_patient_id"), "report_links", ["patient_id"])
    # What a doctor signed stays as it is. Two records of one person may be merged, and a summary may be taken back.
    op.execute(
        """
        CREATE FUNCTION keep_signed_summary() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'DELETE' THEN
                IF OLD.state <> 'draft' THEN
                    RAISE EXCEPTION 'a signed summary cannot be deleted' USING ERRCODE = 'restrict_violation';
                END IF;
                RETURN OLD;
            END IF;
            IF OLD.state <> 'draft' AND (
                (OLD.id, OLD.number, OLD.since, OLD.until, OLD.version, OLD.facts, OLD.conclusion, OLD.next_steps,
                 OLD.created_at, OLD.created_by, OLD.signed_at, OLD.signed_by, OLD.signer_name, OLD.content_sha256)
                IS DISTINCT FROM
                (NEW.id, NEW.number, NEW.since, NEW.until, NEW.version, NEW.facts, NEW.conclusion, NEW.next_steps,
                 NEW.created_at, NEW.created_by, NEW.signed_at, NEW.signed_by, NEW.signer_name, NEW.content_sha256)
                OR (NEW.state <> OLD.state AND NOT (OLD.state = 'signed' AND NEW.state = 'withdrawn'))
            ) THEN
                RAISE EXCEPTION 'a signed summary cannot be changed' USING ERRCODE = 'restrict_violation';
            END IF;
            RETURN NEW;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER stage_summaries_keep_signed BEFORE UPDATE OR DELETE ON stage_summaries "
        "FOR EACH ROW EXECUTE FUNCTION keep_signed_summary()"
    )
    op.execute(
        "CREATE TRIGGER summary_addenda_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON summary_addenda "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    # The audit of prints: rows are added, and move on, and never go.
    op.execute(
        "CREATE TRIGGER report_prints_stay BEFORE DELETE OR TRUNCATE ON report_prints "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    for table in ("report_links", "report_files", "report_prints", "summary_addenda", "stage_summaries"):
        op.drop_table(table)
    op.execute("DROP FUNCTION keep_signed_summary()")
    op.execute("DROP SEQUENCE report_numbers")
