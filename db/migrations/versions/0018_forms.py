"""Forms answered by agent, keys or link; identity checks; relatives"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

APPEND_ONLY = ("given_answers", "observations", "identity_checks")
STATES = ("in-progress", "completed", "amended")
MODES = ("agent", "keys", "link", "paper")


def _id(name: str, target: str | None = None, *, nullable: bool = False) -> sa.Column[str]:
    keys = [sa.ForeignKey(target, name=None)] if target else []
    return sa.Column(name, sa.Uuid(as_uuid=False), *keys, nullable=nullable)


def _at(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _one_of(name: str, values: tuple[str, ...], *, nullable: bool = False) -> sa.Column[str]:
    allowed = sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)
    return sa.Column(name, allowed, nullable=nullable)


def _json(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, postgresql.JSONB(), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "responses",
        _id("id"),
        sa.Column("form_id", sa.String(64), nullable=False),
        sa.Column("form_version", sa.Integer(), nullable=False),
        _id("patient_id", "patients.id"),
        _id("task_id", "tasks.id", nullable=True),
        _one_of("state", STATES),
        _json("answers"),
        _json("skipped"),
        _at("started_at"),
        _at("changed_at"),
        _at("completed_at", nullable=True),
        _id("completed_by", nullable=True),
        _one_of("completed_mode", MODES, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_responses")),
    )
    op.create_index(op.f("ix_responses_patient_id"), "responses", ["patient_id"])
    op.create_index(
        "uq_responses_task_form",
        "responses",
        ["task_id", "form_id"],
        unique=True,
        postgresql_where=sa.text("task_id IS NOT NULL"),
    )
    op.create_table(
        "given_answers",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        _id("response_id", "responses.id"),
        sa.Column("link_id", sa.String(60), nullable=False),
        _json("value", nullable=True),
        _one_of("mode", MODES),
        _id("by", nullable=True),
        _id("relative_id", nullable=True),
        _id("attempt_id", nullable=True),
        _at("at"),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_given_answers")),
    )
    op.create_index(op.f("ix_given_answers_response_id"), "given_answers", ["response_id"])
    op.create_index(op.f("ix_given_answers_attempt_id"), "given_answers", ["attempt_id"])
    op.create_table(
        "observations",
        _id("id"),
        _id("patient_id", "patients.id"),
        _id("response_id", "responses.id"),
        sa.Column("code", sa.String(130), nullable=False),
        sa.Column("form_version", sa.Integer(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("band", sa.String(64), nullable=True),
        _at("at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_observations")),
    )
    op.create_index(op.f("ix_observations_response_id"), "observations", ["response_id"])
    op.create_index("ix_observations_patient_code", "observations", ["patient_id", "code", "at"])
    op.create_table(
        "form_links",
        _id("id"),
        _id("response_id", "responses.id"),
        _id("patient_id", "patients.id"),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("language", sa.String(16), nullable=False),
        _at("created_at"),
        _id("created_by", nullable=True),
        _at("expires_at"),
        sa.Column("wrong_answers", sa.Integer(), nullable=False),
        _at("identity_confirmed_at", nullable=True),
        sa.Column("visit_hash", sa.String(64), nullable=True),
        _at("visit_until", nullable=True),
        sa.Column("asked", sa.Integer(), nullable=False),
        _at("asked_since", nullable=True),
        _at("ended_at", nullable=True),
        sa.Column("end_reason", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_form_links")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_form_links_token_hash")),
    )
    op.create_index(op.f("ix_form_links_response_id"), "form_links", ["response_id"])
    op.create_index(op.f("ix_form_links_patient_id"), "form_links", ["patient_id"])
    op.create_table(
        "relatives",
        _id("id"),
        _id("patient_id", "patients.id"),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("relation", sa.String(60), nullable=False),
        _json("scope"),
        _id("contact_point_id", "contact_points.id", nullable=True),
        _id("consent_id", "consents.id", nullable=True),
        _at("recorded_at"),
        _id("recorded_by", nullable=True),
        _at("expires_at", nullable=True),
        _at("ended_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_relatives")),
    )
    op.create_index(op.f("ix_relatives_patient_id"), "relatives", ["patient_id"])
    op.create_index(op.f("ix_relatives_contact_point_id"), "relatives", ["contact_point_id"])
    op.create_table(
        "identity_checks",
        _id("id"),
        _id("attempt_id", "attempts.id"),
        _id("patient_id", "patients.id"),
        sa.Column("person", sa.String(16), nullable=False),
        _id("relative_id", nullable=True),
        sa.Column("rule", sa.String(80), nullable=False),
        _json("passed"),
        _json("failed"),
        sa.Column("enough", sa.Boolean(), nullable=False),
        _id("by"),
        _at("at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_checks")),
    )
    op.create_index(op.f("ix_identity_checks_attempt_id"), "identity_checks", ["attempt_id"])
    op.create_index(op.f("ix_identity_checks_patient_id"), "identity_checks", ["patient_id"])
    op.create_table(
        "queue_identity_rules",
        _id("queue_id", "queues.id"),
        sa.Column("rule", sa.String(64), nullable=False),
        _at("set_at"),
        _id("set_by", nullable=True),
        sa.PrimaryKeyConstraint("queue_id", name=op.f("pk_queue_identity_rules")),
    )
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    for table in (
        "queue_identity_rules",
        "identity_checks",
        "relatives",
        "form_links",
        "observations",
        "given_answers",
        "responses",
    ):
        op.drop_table(table)
