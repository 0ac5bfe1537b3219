"""Queues by skill, language and nurse; tasks of one call; previews"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_QUEUE_COLUMNS = (
    ("style", sa.String(40), "progressive"),
    ("skills", postgresql.JSONB(), "[]"),
    ("preview_seconds", sa.Integer(), "120"),
    ("expired_preview", sa.String(40), "break"),
    ("same_nurse_seconds", sa.Integer(), "0"),
    ("merges", sa.String(40), "any"),
)
_CLOSED_SETS = {
    "style": "style IN ('preview', 'progressive', 'predictive', 'agentless')",
    "expired_preview": "expired_preview IN ('break', 'available')",
    "merges": "merges IN ('never', 'same_queue', 'any')",
}
_MOVES_A_TASK = (
    "state, next_attempt_at, latest_at, priority, queue_id, mode, language, dialect, skills, owner_id, owner_until"
)


def upgrade() -> None:
    for name, kind, default in _QUEUE_COLUMNS:
        op.add_column("queues", sa.Column(name, kind, nullable=False, server_default=default))
        op.alter_column("queues", name, server_default=None)
    op.add_column("queues", sa.Column("dialect", sa.String(40), nullable=True))
    op.execute("UPDATE queues SET style = 'agentless' WHERE mode = 'automated'")
    for name, check in _CLOSED_SETS.items():
        op.create_check_constraint(op.f(f"ck_queues_{name}"), "queues", check)
    for name in ("dialects", "skills"):
        op.add_column("agents", sa.Column(name, postgresql.JSONB(), nullable=False, server_default="[]"))
        op.alter_column("agents", name, server_default=None)
    # Agents are few and change their state often: an index of states costs every change and helps no question.
    op.drop_index("ix_agents_state", "agents")
    op.create_index("ix_agents_ready", "agents", ["state_since", "id"], postgresql_where=sa.text("state = 'available'"))

    op.create_table(
        "lanes",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("queue_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("mode", sa.String(40), nullable=False),
        sa.Column("language", sa.String(16), nullable=True),
        sa.Column("dialect", sa.String(40), nullable=True),
        sa.Column("skills", postgresql.JSONB(), nullable=False),
        sa.Column("agent_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lanes")),
        sa.ForeignKeyConstraint(["queue_id"], ["queues.id"], name=op.f("fk_lanes_queue_id")),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_lanes_agent_id")),
        sa.CheckConstraint("mode IN ('agent', 'automated')", name=op.f("ck_lanes_mode")),
    )
    op.create_index(op.f("ix_lanes_queue_id"), "lanes", ["queue_id"])

    op.add_column("tasks", sa.Column("language", sa.String(16), nullable=True))
    op.add_column("tasks", sa.Column("dialect", sa.String(40), nullable=True))
    op.add_column("tasks", sa.Column("skills", postgresql.JSONB(), nullable=False, server_default="[]"))
    op.alter_column("tasks", "skills", server_default=None)
    op.add_column("tasks", sa.Column("owner_id", sa.Uuid(as_uuid=False), nullable=True))
    op.create_foreign_key(op.f("fk_tasks_owner_id"), "tasks", "agents", ["owner_id"], ["id"])
    op.add_column("tasks", sa.Column("owner_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("tasks", sa.Column("owner_reason", sa.String(40), nullable=False, server_default=""))
    op.alter_column("tasks", "owner_reason", server_default=None)
    op.add_column("tasks", sa.Column("lane_id", sa.Uuid(as_uuid=False), nullable=True))
    op.create_foreign_key(op.f("fk_tasks_lane_id"), "tasks", "lanes", ["lane_id"], ["id"])
    op.add_column("tasks", sa.Column("place", sa.SmallInteger(), nullable=True))
    op.add_column("tasks", sa.Column("closing_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("tasks", sa.Column("held_until", sa.DateTime(timezone=True), nullable=True))
    op.drop_index("ix_tasks_waiting", "tasks")
    op.create_index(
        "ix_tasks_in_lane",
        "tasks",
        ["lane_id", "place", "priority", "next_attempt_at", "id"],
        postgresql_where=sa.text("place IS NOT NULL"),
    )
    op.create_index(
        "ix_tasks_to_come",
        "tasks",
        ["next_attempt_at", "id"],
        postgresql_where=sa.text("state = 'queued' AND place IS NULL"),
    )
    op.create_index("ix_tasks_moving_up", "tasks", ["closing_at"], postgresql_where=sa.text("place = 2"))
    op.create_index("ix_tasks_held", "tasks", ["held_until"], postgresql_where=sa.text("held_until IS NOT NULL"))
    op.create_index("ix_tasks_owned", "tasks", ["owner_id"], postgresql_where=sa.text("owner_id IS NOT NULL"))
    # Whatever changes a task's hour or rank, and whoever does it: the task leaves its lane and is placed anew.
    op.execute(
        """
        CREATE FUNCTION leave_lane() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            NEW.lane_id := NULL; NEW.place := NULL; NEW.closing_at := NULL; NEW.held_until := NULL;
            RETURN NEW;
        END $$
        """
    )
    op.execute(
        f"CREATE TRIGGER tasks_leave_lane BEFORE UPDATE OF {_MOVES_A_TASK} ON tasks "
        "FOR EACH ROW WHEN (OLD.place IS NOT NULL AND NEW.place IS NOT NULL) EXECUTE FUNCTION leave_lane()"
    )
    # What is taken from the head of a lane stays in its index until it is swept, and every claim walks over it.
    op.execute("ALTER TABLE tasks SET (autovacuum_vacuum_scale_factor = 0.005, autovacuum_vacuum_threshold = 1000)")

    op.add_column("attempts", sa.Column("preview_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("attempts", sa.Column("skipped", sa.String(40), nullable=True))
    op.create_index(
        "ix_attempts_previewed", "attempts", ["preview_until"], postgresql_where=sa.text("preview_until IS NOT NULL")
    )
    op.create_table(
        "attempt_tasks",
        sa.Column("attempt_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("task_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("result", sa.String(30), nullable=True),
        sa.PrimaryKeyConstraint("attempt_id", "task_id", name=op.f("pk_attempt_tasks")),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempts.id"], name=op.f("fk_attempt_tasks_attempt_id")),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], name=op.f("fk_attempt_tasks_task_id")),
    )
    op.create_index(op.f("ix_attempt_tasks_task_id"), "attempt_tasks", ["task_id"])
    op.execute(
        "INSERT INTO attempt_tasks (attempt_id, task_id, position, result) "
        "SELECT id, task_id, 0, task_result FROM attempts"
    )


def downgrade() -> None:
    op.drop_table("attempt_tasks")
    op.drop_index("ix_attempts_previewed", "attempts")
    op.drop_column("attempts", "skipped")
    op.drop_column("attempts", "preview_until")
    op.execute("ALTER TABLE tasks RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold)")
    op.execute("DROP TRIGGER tasks_leave_lane ON tasks")
    op.execute("DROP FUNCTION leave_lane()")
    for name in ("ix_tasks_owned", "ix_tasks_held", "ix_tasks_moving_up", "ix_tasks_to_come", "ix_tasks_in_lane"):
        op.drop_index(name, "tasks")
    op.create_index(
        "ix_tasks_waiting",
        "tasks",
        ["queue_id", "priority", "next_attempt_at", "id"],
        postgresql_where=sa.text("state = 'queued'"),
    )
    for name in (
        "held_until",
        "closing_at",
        "place",
        "lane_id",
        "owner_reason",
        "owner_until",
        "owner_id",
        "skills",
        "dialect",
        "language",
    ):
        op.drop_column("tasks", name)
    op.drop_table("lanes")
    op.drop_index("ix_agents_ready", "agents")
    op.create_index("ix_agents_state", "agents", ["state"])
    op.drop_column("agents", "skills")
    op.drop_column("agents", "dialects")
    op.drop_column("queues", "dialect")
    for name, _, _ in _QUEUE_COLUMNS:
        op.drop_column("queues", name)
