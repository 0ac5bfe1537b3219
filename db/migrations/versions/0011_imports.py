"""Lists that come in: files, rows, what they made, and how to undo it"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def _closed_set(name: str, *values: str) -> sa.Column[str]:
    return sa.Column(
        name, sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40), nullable=False
    )


def _json(name: str) -> sa.Column[object]:
    return sa.Column(name, postgresql.JSONB(astext_type=sa.Text()), nullable=False)


def upgrade() -> None:
    op.add_column("patients", sa.Column("dialect", sa.String(length=40), nullable=True))
    op.add_column("encounters", sa.Column("visit_number", sa.String(length=64), nullable=True))
    op.add_column("encounters", sa.Column("ward", sa.String(length=100), nullable=True))
    op.add_column("encounters", sa.Column("doctor", sa.String(length=100), nullable=True))
    op.create_table(
        "person_identifiers",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("patient_id", sa.Uuid(as_uuid=False), nullable=False),
        _closed_set("kind", "id_card", "insurance", "passport", "medical_record"),
        sa.Column("value", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name=op.f("fk_person_identifiers_patient_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_identifiers")),
        sa.UniqueConstraint("kind", "value", name=op.f("uq_person_identifiers_kind_value")),
    )
    op.create_index(op.f("ix_person_identifiers_patient_id"), "person_identifiers", ["patient_id"], unique=False)
    op.create_table(
        "list_imports",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        _closed_set("kind", "discharge", "appointment", "numbers"),
        sa.Column("source", sa.String(length=100), nullable=False),
        sa.Column("file_name", sa.String(length=200), nullable=False),
        sa.Column("format", sa.String(length=16), nullable=False),
        sa.Column("encoding", sa.String(length=32), nullable=False),
        _json("header"),
        sa.Column("header_line", sa.Integer(), nullable=False),
        _json("mapping"),
        sa.Column("template_id", sa.String(length=64), nullable=True),
        sa.Column("area_code", sa.String(length=8), nullable=False),
        sa.Column("synthetic", sa.Boolean(), nullable=False),
        _closed_set("state", "read", "checked", "applying", "applied", "undoing", "undone"),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        _json("counts"),
        sa.Column("created_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rows_kept_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rows_forgotten_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name=op.f("fk_list_imports_created_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_list_imports")),
    )
    op.create_index(op.f("ix_list_imports_created_by"), "list_imports", ["created_by"], unique=False)
    op.create_index("ix_list_imports_newest", "list_imports", ["created_at", "id"], unique=False)
    op.create_table(
        "import_rows",
        sa.Column("import_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("line", sa.Integer(), autoincrement=False, nullable=False),
        _json("cells"),
        _closed_set("state", "ready", "bad", "undecided", "applied", "undone", "left"),
        _json("faults"),
        _json("remarks"),
        _json("change"),
        _json("candidates"),
        sa.Column("decision", sa.String(length=40), nullable=True),
        sa.Column("template_id", sa.String(length=64), nullable=True),
        sa.Column("patient_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("encounter_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("plan_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("plan_refusal", sa.String(length=500), nullable=True),
        _json("made"),
        sa.ForeignKeyConstraint(["import_id"], ["list_imports.id"], name=op.f("fk_import_rows_import_id")),
        sa.PrimaryKeyConstraint("import_id", "line", name=op.f("pk_import_rows")),
    )
    op.create_index("ix_import_rows_state", "import_rows", ["import_id", "state", "line"], unique=False)
    op.create_index(
        "ix_import_rows_plans",
        "import_rows",
        ["import_id", "line"],
        unique=False,
        postgresql_where=sa.text(
            "state = 'applied' AND encounter_id IS NOT NULL AND template_id IS NOT NULL "
            "AND plan_id IS NULL AND plan_refusal IS NULL"
        ),
    )
    op.create_table(
        "list_sources",
        sa.Column("name", sa.String(length=100), nullable=False),
        _closed_set("kind", "discharge", "appointment", "numbers"),
        _json("mapping"),
        sa.Column("changed_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["changed_by"], ["users.id"], name=op.f("fk_list_sources_changed_by")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_list_sources")),
    )


def downgrade() -> None:
    for table in ("list_sources", "import_rows", "list_imports", "person_identifiers"):
        op.drop_table(table)
    for column in ("doctor", "ward", "visit_number"):
        op.drop_column("encounters", column)
    op.drop_column("patients", "dialect")
