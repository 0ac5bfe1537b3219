"""Plans of one's own, pauses and history; the calendar of working days"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


# Rows of these tables tell what happened: they are added, never changed and never taken away.
APPEND_ONLY = ("plan_history", "rule_choices", "patient_merges")


def upgrade() -> None:
    _make_calendar()
    _widen_plans()
    _widen_tasks()
    _make_records()
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    for table in ("patient_merges", "rule_choices", "follow_up_results", "plan_history"):
        op.drop_table(table)
    op.drop_index("ix_tasks_to_follow", "tasks")
    op.drop_index("uq_tasks_occurrence", "tasks")
    for column in ("followed_at", "occurrence", "step_key"):
        op.drop_column("tasks", column)
    op.drop_index("ix_plans_unfinished", "plans")
    for column in (
        "variables",
        "rules",
        "red_flags",
        "changed",
        "dropped",
        "steps",
        "end",
        "state_since",
        "state",
        "zone",
    ):
        op.drop_column("plans", column)
    for table in ("calendar_days", "calendar_years", "calendars"):
        op.drop_table(table)


def _json(name: str, empty: str) -> sa.Column[object]:
    return sa.Column(
        name, postgresql.JSONB(astext_type=sa.Text()), nullable=False, server_default=sa.text(f"'{empty}'")
    )


def _one_of(name: str, *values: str, nullable: bool = False, server_default: str | None = None) -> sa.Column[object]:
    kind = sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)
    return sa.Column(name, kind, nullable=nullable, server_default=server_default)


def _widen_plans() -> None:
    instant = sa.DateTime(timezone=True)
    # Plans made before have no steps of their own: their tasks are there, and nothing of them repeats.
    for column in (
        sa.Column("zone", sa.String(length=64), nullable=False, server_default="Asia/Shanghai"),
        _one_of("state", "running", "paused", "completed", "cancelled", server_default="running"),
        sa.Column("state_since", instant, nullable=False, server_default=sa.func.now()),
        sa.Column("end", sa.String(length=40), nullable=True),
        _json("steps", "[]"),
        _json("dropped", "[]"),
        sa.Column("changed", sa.Boolean(), nullable=False, server_default=sa.false()),
        _json("red_flags", "[]"),
        sa.Column("rules", sa.String(length=64), nullable=True),
        _json("variables", "{}"),
    ):
        op.add_column("plans", column)
        op.alter_column("plans", column.name, server_default=None)
    op.execute("UPDATE plans SET state = 'cancelled', state_since = cancelled_at WHERE cancelled_at IS NOT NULL")
    op.create_index(
        "ix_plans_unfinished",
        "plans",
        ["template_id"],
        postgresql_where=sa.text("state IN ('running', 'paused')"),
    )


def _widen_tasks() -> None:
    op.add_column("tasks", sa.Column("step_key", sa.String(length=64), nullable=True))
    op.add_column("tasks", sa.Column("occurrence", sa.Integer(), nullable=False, server_default="0"))
    op.alter_column("tasks", "occurrence", server_default=None)
    op.add_column("tasks", sa.Column("followed_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "uq_tasks_occurrence",
        "tasks",
        ["plan_id", "step_key", "occurrence"],
        unique=True,
        postgresql_where=sa.text("step_key IS NOT NULL AND state <> 'cancelled'"),
    )
    op.create_index(
        "ix_tasks_to_follow",
        "tasks",
        ["id"],
        postgresql_where=sa.text(
            "step_key IS NOT NULL AND followed_at IS NULL AND state NOT IN ('planned', 'due', 'queued', 'in_progress')"
        ),
    )


def _make_records() -> None:
    instant = sa.DateTime(timezone=True)
    op.create_table(
        "plan_history",
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("plan_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("at", instant, nullable=False),
        sa.Column("user_id", sa.Uuid(as_uuid=False), nullable=True),
        _one_of(
            "change",
            "started",
            "step_moved",
            "step_added",
            "step_dropped",
            "replanned",
            "paused",
            "resumed",
            "upgraded",
            "merged",
            "completed",
            "cancelled",
        ),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_plan_history_plan_id")),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_plan_history")),
    )
    op.create_index(op.f("ix_plan_history_plan_id"), "plan_history", ["plan_id"])
    op.create_table(
        "follow_up_results",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("patient_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("plan_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("task_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("topic", sa.String(length=64), nullable=False),
        sa.Column("taken_at", instant, nullable=False),
        _one_of("way", "telephone", "face_to_face", "home_visit", "device"),
        sa.Column("answers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("rule_set", sa.String(length=64), nullable=False),
        sa.Column("rules", sa.String(length=80), nullable=False),
        _one_of(
            "control",
            "controlled",
            "first_uncontrolled",
            "repeatedly_uncontrolled",
            "emergency",
            nullable=True,
        ),
        sa.Column("because", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("tag", sa.String(length=64), nullable=True),
        sa.Column("recorded_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("recorded_at", instant, nullable=False),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name=op.f("fk_follow_up_results_patient_id")),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_follow_up_results_plan_id")),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], name=op.f("fk_follow_up_results_task_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_follow_up_results")),
    )
    op.create_index(op.f("ix_follow_up_results_plan_id"), "follow_up_results", ["plan_id"])
    op.create_index(op.f("ix_follow_up_results_task_id"), "follow_up_results", ["task_id"])
    op.create_index("ix_follow_up_results_patient", "follow_up_results", ["patient_id", "topic", "taken_at"])
    op.create_index("uq_follow_up_results_task", "follow_up_results", ["task_id", "topic"], unique=True)
    op.create_table(
        "rule_choices",
        sa.Column("position", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("topic", sa.String(length=64), nullable=False),
        sa.Column("rule_set", sa.String(length=64), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("chosen_by", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("chosen_at", instant, nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_rule_choices")),
    )
    op.create_table(
        "patient_merges",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("from_patient", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("into_patient", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("merged_by", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("merged_at", instant, nullable=False),
        sa.Column("moved", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("left_behind", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["from_patient"], ["patients.id"], name=op.f("fk_patient_merges_from_patient")),
        sa.ForeignKeyConstraint(["into_patient"], ["patients.id"], name=op.f("fk_patient_merges_into_patient")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patient_merges")),
    )
    op.create_index(op.f("ix_patient_merges_from_patient"), "patient_merges", ["from_patient"])
    op.create_index(op.f("ix_patient_merges_into_patient"), "patient_merges", ["into_patient"])


def _make_calendar() -> None:
    op.create_table(
        "calendars",
        sa.Column("region", sa.String(length=16), nullable=False),
        sa.Column("edition", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("region", name=op.f("pk_calendars")),
    )
    op.create_table(
        "calendar_years",
        sa.Column("region", sa.String(length=16), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("weekend", postgresql.ARRAY(sa.Integer()), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("entered_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("region", "year", name=op.f("pk_calendar_years")),
    )
    op.create_table(
        "calendar_days",
        sa.Column("region", sa.String(length=16), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("holiday", "make_up", name="kind", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("entered_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("region", "day", name=op.f("pk_calendar_days")),
    )
