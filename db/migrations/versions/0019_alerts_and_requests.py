"""Alerts from answers, duty rosters, requests and complaints"""

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_SOURCES = ("transcript", "answer", "person")
_STATES = ("raised", "acknowledged", "in_progress", "closed")
_OUTCOMES = (
    "emergency-services",
    "admitted",
    "seen-today",
    "appointment-made",
    "treatment-changed",
    "advised",
    "already-known",
    "false-alarm",
    "not-reached",
    "deceased",
)
_EVENTS = (
    "raised",
    "told",
    "outcome_missing",
    "nobody_on_duty",
    "call_back_planned",
    "call_back_impossible",
    "acknowledged",
    "begun",
    "overdue",
    "closed",
)
_ROLES = ("nurse", "doctor", "head")
_REQUEST_KINDS = ("request", "complaint", "praise", "dispute")
_REQUEST_STATES = (
    "received",
    "accepted",
    "assigned",
    "investigating",
    "decided",
    "replied",
    "verified",
    "closed",
)
_REQUEST_EVENTS = (
    "received",
    "accepted",
    "assigned",
    "investigating",
    "decided",
    "replied",
    "verified",
    "reopened",
    "closed",
    "remark",
    "call_linked",
    "due_changed",
)
_APPEND_ONLY = ("alert_events", "request_events")


def _closed_set(name: str, values: tuple[str, ...], *, nullable: bool = False) -> sa.Column[str]:
    kind = sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)
    return sa.Column(name, kind, nullable=nullable)


def _add_closed_set(table: str, name: str, values: tuple[str, ...], default: str | None) -> None:
    kind = sa.Enum(*values, name=name, native_enum=False, create_constraint=False, length=40)
    op.add_column(table, sa.Column(name, kind, nullable=default is None, server_default=default))
    if default is not None:
        op.alter_column(table, name, server_default=None)
    wanted = ", ".join(f"'{value}'" for value in values)
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, f"{name} IN ({wanted})")


def _uuid(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Uuid(as_uuid=False), nullable=nullable)


def _instant(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    _alerts()
    _duty()
    _requests()
    for table in _APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def _alerts() -> None:
    op.alter_column("alerts", "attempt_id", nullable=True)
    op.add_column("alerts", _uuid("task_id", nullable=True))
    op.add_column("alerts", _uuid("response_id", nullable=True))
    op.add_column("alerts", _uuid("call_back_task_id", nullable=True))
    op.add_column("alerts", _uuid("closed_by", nullable=True))
    op.add_column("alerts", sa.Column("department", sa.String(100), nullable=False, server_default=""))
    op.alter_column("alerts", "department", server_default=None)
    _add_closed_set("alerts", "source", _SOURCES, "transcript")
    _add_closed_set("alerts", "state", _STATES, "raised")
    _add_closed_set("alerts", "outcome", _OUTCOMES, None)
    op.execute("UPDATE alerts SET state = 'acknowledged' WHERE acknowledged_at IS NOT NULL")
    op.add_column("alerts", _instant("due_at", nullable=True))
    op.add_column("alerts", sa.Column("steps_taken", sa.Integer(), nullable=False, server_default="0"))
    op.alter_column("alerts", "steps_taken", server_default=None)
    op.add_column("alerts", _instant("next_step_at", nullable=True))
    op.add_column("alerts", _instant("closed_at", nullable=True))
    for name in ("task_id", "call_back_task_id"):
        op.create_foreign_key(op.f(f"fk_alerts_{name}"), "alerts", "tasks", [name], ["id"])
        op.create_index(op.f(f"ix_alerts_{name}"), "alerts", [name])
    op.create_index(op.f("ix_alerts_recording_id"), "alerts", ["recording_id"], if_not_exists=True)
    op.create_index("uq_alerts_answered", "alerts", ["response_id", "code"], unique=True)
    op.create_index(
        "uq_alerts_answered_on_call",
        "alerts",
        ["attempt_id", "code"],
        unique=True,
        postgresql_where=sa.text("source = 'answer' AND response_id IS NULL"),
    )
    op.create_index(
        "ix_alerts_clock",
        "alerts",
        ["next_step_at", "id"],
        postgresql_where=sa.text("state <> 'closed' AND next_step_at IS NOT NULL"),
    )
    op.create_index("ix_alerts_open", "alerts", ["raised_at", "id"], postgresql_where=sa.text("state <> 'closed'"))
    op.create_table(
        "alert_events",
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        _uuid("alert_id"),
        _instant("at"),
        _closed_set("kind", _EVENTS),
        _uuid("user_id", nullable=True),
        sa.Column("detail", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name=op.f("fk_alert_events_alert_id")),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_alert_events")),
    )
    op.create_index(op.f("ix_alert_events_alert_id"), "alert_events", ["alert_id"])


def _duty() -> None:
    op.create_table(
        "duty_shifts",
        _uuid("id"),
        sa.Column("department", sa.String(100), nullable=False),
        _closed_set("role", _ROLES),
        _instant("starts_at"),
        _instant("ends_at"),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("phone", sa.String(20), nullable=False),
        _uuid("user_id", nullable=True),
        _uuid("entered_by", nullable=True),
        _instant("entered_at"),
        _instant("withdrawn_at", nullable=True),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_duty_shifts_in_order")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_duty_shifts_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duty_shifts")),
    )
    op.create_index("ix_duty_shifts_when", "duty_shifts", ["department", "ends_at"])
    op.create_table(
        "duty_substitutes",
        _uuid("id"),
        _uuid("shift_id"),
        _instant("starts_at"),
        _instant("ends_at"),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("phone", sa.String(20), nullable=False),
        _uuid("user_id", nullable=True),
        sa.Column("reason", sa.String(500), nullable=False),
        _uuid("entered_by", nullable=True),
        _instant("entered_at"),
        _instant("withdrawn_at", nullable=True),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_duty_substitutes_in_order")),
        sa.ForeignKeyConstraint(["shift_id"], ["duty_shifts.id"], name=op.f("fk_duty_substitutes_shift_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_duty_substitutes_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duty_substitutes")),
    )
    op.create_index(op.f("ix_duty_substitutes_shift_id"), "duty_substitutes", ["shift_id"])


def _requests() -> None:
    op.add_column("users", sa.Column("departments", postgresql.JSONB(), nullable=False, server_default="[]"))
    op.alter_column("users", "departments", server_default=None)
    op.create_table(
        "requests",
        _uuid("id"),
        _closed_set("kind", _REQUEST_KINDS),
        sa.Column("cause", sa.String(64), nullable=False),
        sa.Column("restricted", sa.Boolean(), nullable=False),
        sa.Column("departments", postgresql.JSONB(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        _closed_set("state", _REQUEST_STATES),
        _uuid("patient_id", nullable=True),
        _uuid("attempt_id", nullable=True),
        _uuid("received_by"),
        _instant("received_at"),
        _uuid("owner_id"),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("reply", sa.Text(), nullable=False),
        _instant("replied_at", nullable=True),
        _uuid("replied_by", nullable=True),
        sa.Column("satisfied", sa.Boolean(), nullable=True),
        _instant("closed_at", nullable=True),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name=op.f("fk_requests_patient_id")),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempts.id"], name=op.f("fk_requests_attempt_id")),
        sa.ForeignKeyConstraint(["received_by"], ["users.id"], name=op.f("fk_requests_received_by")),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_requests_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_requests")),
    )
    for column in ("patient_id", "attempt_id", "owner_id"):
        op.create_index(op.f(f"ix_requests_{column}"), "requests", [column])
    op.create_index("ix_requests_open", "requests", ["due_on", "id"], postgresql_where=sa.text("state <> 'closed'"))
    op.create_table(
        "request_calls",
        sa.Column("position", sa.Integer(), sa.Identity(always=True), nullable=False),
        _uuid("request_id"),
        _uuid("call_id"),
        sa.Column("at_second", sa.Float(), nullable=True),
        _uuid("linked_by", nullable=True),
        _instant("linked_at"),
        sa.ForeignKeyConstraint(["request_id"], ["requests.id"], name=op.f("fk_request_calls_request_id")),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name=op.f("fk_request_calls_call_id")),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_request_calls")),
    )
    op.create_index(op.f("ix_request_calls_request_id"), "request_calls", ["request_id"])
    op.create_index(op.f("ix_request_calls_call_id"), "request_calls", ["call_id"])
    op.create_index("uq_request_calls_once", "request_calls", ["request_id", "call_id"], unique=True)
    op.create_table(
        "request_events",
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        _uuid("request_id"),
        _instant("at"),
        _closed_set("kind", _REQUEST_EVENTS),
        _uuid("user_id", nullable=True),
        sa.Column("detail", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(["request_id"], ["requests.id"], name=op.f("fk_request_events_request_id")),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_request_events")),
    )
    op.create_index(op.f("ix_request_events_request_id"), "request_events", ["request_id"])


def downgrade() -> None:
    op.drop_table("request_events")
    op.drop_table("request_calls")
    op.drop_table("requests")
    op.drop_column("users", "departments")
    op.drop_table("duty_substitutes")
    op.drop_table("duty_shifts")
    op.drop_table("alert_events")
    op.drop_index("ix_alerts_open", "alerts")
    op.drop_index("ix_alerts_clock", "alerts")
    op.drop_index("uq_alerts_answered_on_call", "alerts")
    op.drop_index("uq_alerts_answered", "alerts")
    op.execute("DELETE FROM alerts WHERE attempt_id IS NULL")
    for column in (
        "closed_at",
        "next_step_at",
        "steps_taken",
        "due_at",
        "outcome",
        "state",
        "source",
        "department",
        "closed_by",
        "call_back_task_id",
        "response_id",
        "task_id",
    ):
        op.drop_column("alerts", column)
    op.alter_column("alerts", "attempt_id", nullable=False)
