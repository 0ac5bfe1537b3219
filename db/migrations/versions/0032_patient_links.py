"""One kind of link for patients: to a form, a report, the patient's own page"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0030"
branch_labels = None
depends_on = None

_TABLE = "patient_links"
_SHARED = (
    "id, patient_id, token_hash, language, created_at, created_by, expires_at, wrong_answers, visit_hash, visit_until, "
    "asked, asked_since, ended_at, end_reason"
)


def _id(name: str, refers_to: str | None = None, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(
        name,
        sa.Uuid(as_uuid=False),
        *([sa.ForeignKey(refers_to, name=op.f(f"fk_{_TABLE}_{name}"))] if refers_to else []),
        nullable=nullable,
    )


def _at(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        _TABLE,
        _id("id"),
        sa.Column(
            "kind",
            sa.Enum("form", "report", "record", name="kind", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        _id("patient_id", "patients.id"),
        _id("response_id", "responses.id", nullable=True),
        _id("summary_id", "stage_summaries.id", nullable=True),
        _id("print_id", "report_prints.id", nullable=True),
        _id("relative_id", "relatives.id", nullable=True),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("language", sa.String(16), nullable=False),
        _at("created_at"),
        _id("created_by", nullable=True),
        _at("expires_at"),
        sa.Column("wrong_answers", sa.Integer(), nullable=False),
        _at("opened_at", nullable=True),
        sa.Column("visit_hash", sa.String(64), nullable=True),
        _at("visit_until", nullable=True),
        sa.Column("asked", sa.Integer(), nullable=False),
        _at("asked_since", nullable=True),
        _at("ended_at", nullable=True),
        sa.Column("end_reason", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patient_links")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_patient_links_token_hash")),
        sa.CheckConstraint(
            "(kind = 'form') = (response_id IS NOT NULL) AND (kind = 'report') = (summary_id IS NOT NULL) "
            "AND (summary_id IS NULL) = (print_id IS NULL)",
            name=op.f("ck_patient_links_leads_to_what_its_kind_says"),
        ),
    )
    for column in ("patient_id", "response_id", "summary_id"):
        op.create_index(op.f(f"ix_patient_links_{column}"), _TABLE, [column])
    op.execute(
        f"INSERT INTO patient_links ({_SHARED}, kind, response_id, opened_at) "  # noqa: S608  # our own columns
        f"SELECT {_SHARED}, 'form', response_id, identity_confirmed_at FROM form_links"
    )
    op.execute(
        f"INSERT INTO patient_links ({_SHARED}, kind, summary_id, print_id, opened_at) "  # noqa: S608  # our own columns
        f"SELECT {_SHARED}, 'report', summary_id, print_id, opened_at FROM report_links"
    )
    op.drop_table("report_links")
    op.drop_table("form_links")


def downgrade() -> None:
    op.create_table(
        "form_links",
        *_older("form_links", "response_id", "responses.id"),
        _at("identity_confirmed_at", nullable=True),
    )
    op.create_table(
        "report_links",
        *_older("report_links", "summary_id", "stage_summaries.id"),
        sa.Column("print_id", sa.Uuid(as_uuid=False), nullable=False),
        _at("opened_at", nullable=True),
        sa.ForeignKeyConstraint(["print_id"], ["report_prints.id"], name=op.f("fk_report_links_print_id")),
    )
    for table, subject in (("form_links", "response_id"), ("report_links", "summary_id")):
        op.create_index(op.f(f"ix_{table}_{subject}"), table, [subject])
        op.create_index(op.f(f"ix_{table}_patient_id"), table, ["patient_id"])
    op.execute(
        f"INSERT INTO form_links ({_SHARED}, response_id, identity_confirmed_at) "  # noqa: S608  # our own columns
        f"SELECT {_SHARED}, response_id, opened_at FROM patient_links WHERE kind = 'form'"
    )
    op.execute(
        f"INSERT INTO report_links ({_SHARED}, summary_id, print_id, opened_at) "  # noqa: S608  # our own columns
        f"SELECT {_SHARED}, summary_id, print_id, opened_at FROM patient_links WHERE kind = 'report'"
    )
    op.drop_table(_TABLE)


def _older(table: str, subject: str, refers_to: str) -> list[sa.schema.SchemaItem]:
    return [
        _id("id"),
        sa.Column(subject, sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("patient_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("language", sa.String(16), nullable=False),
        _at("created_at"),
        _id("created_by", nullable=table == "form_links"),
        _at("expires_at"),
        sa.Column("wrong_answers", sa.Integer(), nullable=False),
        sa.Column("visit_hash", sa.String(64), nullable=True),
        _at("visit_until", nullable=True),
        sa.Column("asked", sa.Integer(), nullable=False),
        _at("asked_since", nullable=True),
        _at("ended_at", nullable=True),
        sa.Column("end_reason", sa.String(40), nullable=False),
        sa.ForeignKeyConstraint([subject], [refers_to], name=op.f(f"fk_{table}_{subject}")),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name=op.f(f"fk_{table}_patient_id")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("token_hash", name=op.f(f"uq_{table}_token_hash")),
    ]
