"""What the gate asks: own hours, purposes, do-not-call with source and purpose, exceptions, switches, recording"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_PURPOSES = ("care", "reminder", "survey", "complaint", "marketing", "research")
_PURPOSES_BEFORE = _PURPOSES[:4]
_SCOPES = (
    "phone",
    "automated_phone",
    "message",
    "sms",
    "email",
    "wechat",
    "recording",
    "relative",
    "disclosure",
    "third_party",
)
_SCOPES_BEFORE = ("phone", "automated_phone", "message", "recording")
_SOURCES = ("call", "keys", "message", "portal", "visit", "letter", "relative", "authority", "list", "unknown")
_WITH_A_PURPOSE = ("consents", "queues", "plans", "tasks")


def _allow(table: str, column: str, values: tuple[str, ...]) -> None:
    op.drop_constraint(op.f(f"ck_{table}_{column}"), table, type_="check")
    _check(table, column, values)


def _check(table: str, column: str, values: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{value}'" for value in values)
    op.create_check_constraint(op.f(f"ck_{table}_{column}"), table, f"{column} IN ({listed})")


def _closed_set(name: str, values: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=False, length=40)


def _instant(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _id(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.Uuid(as_uuid=False), nullable=nullable)


def upgrade() -> None:
    for table in _WITH_A_PURPOSE:
        _allow(table, "purpose", _PURPOSES)
    _allow("consents", "scope", _SCOPES)

    op.add_column("do_not_call", sa.Column("purpose", _closed_set("purpose", _PURPOSES), nullable=True))
    _check("do_not_call", "purpose", _PURPOSES)
    op.add_column("do_not_call", sa.Column("campaign_id", sa.String(length=36), nullable=True))
    op.add_column(
        "do_not_call",
        sa.Column("source", _closed_set("source", _SOURCES), nullable=False, server_default="unknown"),
    )
    op.alter_column("do_not_call", "source", server_default=None)
    _check("do_not_call", "source", _SOURCES)
    op.add_column("do_not_call", _id("call_id", nullable=True))
    op.add_column("do_not_call", sa.Column("at_second", sa.Float(), nullable=True))
    op.add_column("do_not_call", _id("recorded_by", nullable=True))
    op.add_column("do_not_call", _instant("lifted_at", nullable=True))
    op.add_column("do_not_call", _id("lifted_by", nullable=True))
    op.add_column("do_not_call", sa.Column("lifted_because", sa.String(length=200), nullable=False, server_default=""))
    op.alter_column("do_not_call", "lifted_because", server_default=None)
    op.create_check_constraint(
        op.f("ck_do_not_call_of_somebody"), "do_not_call", "patient_id IS NOT NULL OR number IS NOT NULL"
    )

    op.create_table(
        "doctors_exceptions",
        _id("id"),
        _id("patient_id"),
        _id("task_id", nullable=True),
        sa.Column("doctor", sa.String(length=100), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        _id("recorded_by"),
        _instant("recorded_at"),
        _instant("expires_at"),
        _instant("ended_at", nullable=True),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name=op.f("fk_doctors_exceptions_patient_id")),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], name=op.f("fk_doctors_exceptions_task_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_doctors_exceptions")),
    )
    op.create_index(op.f("ix_doctors_exceptions_patient_id"), "doctors_exceptions", ["patient_id"])
    op.create_index(
        "ix_doctors_exceptions_living",
        "doctors_exceptions",
        ["patient_id"],
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "own_hours",
        _id("patient_id"),
        sa.Column("spans", postgresql.JSONB(), nullable=False),
        sa.Column("wish", sa.Boolean(), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        _id("recorded_by", nullable=True),
        _instant("recorded_at"),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name=op.f("fk_own_hours_patient_id")),
        sa.PrimaryKeyConstraint("patient_id", name=op.f("pk_own_hours")),
    )
    op.create_table(
        "switches",
        _id("id"),
        sa.Column("kind", sa.Enum("queue", "campaign", name="kind", native_enum=False, length=40), nullable=False),
        sa.Column("subject", sa.String(length=36), nullable=False),
        sa.Column("stopped", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        _id("pressed_by"),
        _instant("pressed_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_switches")),
    )
    _check("switches", "kind", ("queue", "campaign"))
    op.create_index("ix_switches_subject", "switches", ["kind", "subject", "pressed_at"])
    op.execute(
        "CREATE TRIGGER switches_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON switches "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.add_column("calls", sa.Column("recorded", sa.Boolean(), nullable=False, server_default="true"))
    op.alter_column("calls", "recorded", server_default=None)


def downgrade() -> None:
    op.drop_column("calls", "recorded")
    op.drop_table("switches")
    op.drop_table("own_hours")
    op.drop_table("doctors_exceptions")
    op.drop_constraint(op.f("ck_do_not_call_of_somebody"), "do_not_call", type_="check")
    for column in (
        "lifted_because",
        "lifted_by",
        "lifted_at",
        "recorded_by",
        "at_second",
        "call_id",
        "source",
        "campaign_id",
        "purpose",
    ):
        op.drop_column("do_not_call", column)
    _allow("consents", "scope", _SCOPES_BEFORE)
    for table in _WITH_A_PURPOSE:
        _allow(table, "purpose", _PURPOSES_BEFORE)
