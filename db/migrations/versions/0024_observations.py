"""Results over the years"""

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_SETTINGS = ("laboratory", "office", "home", "device", "told")
_STATUSES = ("preliminary", "final", "corrected", "entered_in_error")
_REASONS = ("unmapped_code", "unknown_unit", "no_value", "implausible")
_SETTLEMENTS = ("applied", "ignored", "dismissed")
_LIST_KINDS = ("discharge", "appointment", "numbers")
_WAYS = ("telephone", "face_to_face", "home_visit", "device")


def _closed_set(name: str, values: tuple[str, ...], *, nullable: bool = False) -> sa.Column[str]:
    kind = sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)
    return sa.Column(name, kind, nullable=nullable)


def _uuid(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Uuid(as_uuid=False), nullable=nullable)


def _instant(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    _results()
    _unmapped()
    _ways((*_WAYS, "laboratory"))
    _list_kinds((*_LIST_KINDS, "exam"))


def _results() -> None:
    op.create_table(
        "results",
        _uuid("id"),
        _uuid("patient_id"),
        sa.Column("code", sa.String(40), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("unit", sa.String(20), nullable=False),
        sa.Column("sent_code", sa.String(100), nullable=False),
        sa.Column("sent_value", sa.Text(), nullable=False),
        sa.Column("sent_unit", sa.String(60), nullable=False),
        sa.Column("sent_reference", sa.String(200), nullable=False),
        _instant("taken_at"),
        _instant("issued_at", nullable=True),
        _closed_set("setting", _SETTINGS),
        sa.Column("reference_low", sa.Float(), nullable=True),
        sa.Column("reference_high", sa.Float(), nullable=True),
        _closed_set("status", _STATUSES),
        sa.Column("source", sa.String(120), nullable=False),
        sa.Column("source_key", sa.String(300), nullable=False),
        _uuid("derived_from", nullable=True),
        _uuid("encounter_id", nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        _instant("superseded_at", nullable=True),
        _instant("recorded_at"),
        _uuid("recorded_by", nullable=True),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name=op.f("fk_results_patient_id")),
        sa.ForeignKeyConstraint(["encounter_id"], ["encounters.id"], name=op.f("fk_results_encounter_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_results")),
    )
    op.create_index(
        "uq_results_current",
        "results",
        ["source", "source_key"],
        unique=True,
        postgresql_where=sa.text("superseded_at IS NULL"),
    )
    op.create_index("uq_results_versions", "results", ["source", "source_key", "version"], unique=True)
    op.create_index(
        "ix_results_series",
        "results",
        ["patient_id", "code", "taken_at"],
        postgresql_where=sa.text("superseded_at IS NULL AND status <> 'entered_in_error'"),
    )
    op.create_index("ix_results_of_patient", "results", ["patient_id", "taken_at", "id"])
    op.create_index(op.f("ix_results_derived_from"), "results", ["derived_from"])
    op.create_index(op.f("ix_results_encounter_id"), "results", ["encounter_id"])
    # A version only ever becomes superseded, and goes over to another record when two are merged.
    op.execute(
        """
        CREATE FUNCTION keep_result() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP <> 'UPDATE'
               OR to_jsonb(NEW) - 'superseded_at' - 'patient_id' - 'encounter_id'
                  <> to_jsonb(OLD) - 'superseded_at' - 'patient_id' - 'encounter_id'
               OR (OLD.superseded_at IS NOT NULL AND NEW.superseded_at IS DISTINCT FROM OLD.superseded_at) THEN
                RAISE EXCEPTION 'results is append-only: a correction is a new version'
                    USING ERRCODE = 'restrict_violation';
            END IF;
            RETURN NEW;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER results_append_only BEFORE UPDATE OR DELETE ON results "
        "FOR EACH ROW EXECUTE FUNCTION keep_result()"
    )
    op.execute(
        "CREATE TRIGGER results_not_emptied BEFORE TRUNCATE ON results "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def _unmapped() -> None:
    op.create_table(
        "unmapped_results",
        _uuid("id"),
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        _uuid("patient_id"),
        sa.Column("source", sa.String(120), nullable=False),
        sa.Column("source_key", sa.String(300), nullable=False),
        sa.Column("code", sa.String(200), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("sent", postgresql.JSONB(), nullable=False),
        _closed_set("reason", _REASONS),
        sa.Column("detail", sa.String(500), nullable=False),
        _instant("parked_at"),
        _instant("settled_at", nullable=True),
        _uuid("settled_by", nullable=True),
        _closed_set("settlement", _SETTLEMENTS, nullable=True),
        sa.Column("settled_reason", sa.String(500), nullable=False),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name=op.f("fk_unmapped_results_patient_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unmapped_results")),
    )
    op.create_index(op.f("ix_unmapped_results_patient_id"), "unmapped_results", ["patient_id"])
    op.create_index(
        "uq_unmapped_results_sent", "unmapped_results", ["source", "source_key", "fingerprint"], unique=True
    )
    op.create_index(
        "ix_unmapped_results_open",
        "unmapped_results",
        ["source", "code", "position"],
        postgresql_where=sa.text("settled_at IS NULL"),
    )
    op.create_table(
        "code_mappings",
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("source", sa.String(120), nullable=False),
        sa.Column("code", sa.String(200), nullable=False),
        sa.Column("concept", sa.String(100), nullable=False),
        sa.Column("unit", sa.String(60), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        _uuid("decided_by", nullable=True),
        _instant("decided_at"),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_code_mappings")),
    )
    op.create_index("ix_code_mappings_source", "code_mappings", ["source", "code", "position"])
    op.execute(
        "CREATE TRIGGER code_mappings_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON code_mappings "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def _ways(values: tuple[str, ...]) -> None:
    op.drop_constraint(op.f("ck_follow_up_results_way"), "follow_up_results", type_="check")
    wanted = ", ".join(f"'{value}'" for value in values)
    # Not looked at again: rows are append-only, and going back keeps those that the older version does not know.
    op.execute(
        f"ALTER TABLE follow_up_results ADD CONSTRAINT ck_follow_up_results_way CHECK (way IN ({wanted})) NOT VALID"
    )


def _list_kinds(values: tuple[str, ...]) -> None:
    wanted = ", ".join(f"'{value}'" for value in values)
    for table in ("list_imports", "list_sources"):
        op.drop_constraint(op.f(f"ck_{table}_kind"), table, type_="check")
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT ck_{table}_kind CHECK (kind IN ({wanted})) NOT VALID")


def downgrade() -> None:
    _ways(_WAYS)
    _list_kinds(_LIST_KINDS)
    op.drop_table("code_mappings")
    op.drop_table("unmapped_results")
    op.drop_table("results")
    op.execute("DROP FUNCTION keep_result()")
