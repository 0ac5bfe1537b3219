"""Campaigns: whom they are for, and the tasks that belong to them"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_STATES = ("draft", "running", "paused", "finished", "stopped")
_PURPOSES = ("care", "reminder", "survey", "complaint", "marketing", "research")


def _closed_set(name: str, values: tuple[str, ...]) -> sa.Column[object]:
    kind = sa.Enum(*values, name=name, native_enum=False, create_constraint=False, length=40)
    return sa.Column(name, kind, nullable=False)


def _check(table: str, name: str, values: tuple[str, ...]) -> None:
    wanted = ", ".join(f"'{value}'" for value in values)
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, f"{name} IN ({wanted})")


def upgrade() -> None:
    op.create_table(
        "campaigns",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        _closed_set("purpose", _PURPOSES),
        sa.Column("queue_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("flow", sa.String(64), nullable=True),
        sa.Column("flow_version", sa.Integer(), nullable=True),
        sa.Column("form", sa.String(64), nullable=True),
        sa.Column("form_version", sa.Integer(), nullable=True),
        sa.Column("audience", postgresql.JSONB(), nullable=False),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("hours", postgresql.JSONB(), nullable=False),
        sa.Column("calls_per_day", sa.Integer(), nullable=True),
        sa.Column("quotas", postgresql.JSONB(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        _closed_set("state", _STATES),
        sa.Column("state_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["queue_id"], ["queues.id"], name=op.f("fk_campaigns_queue_id")),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name=op.f("fk_campaigns_created_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaigns")),
        sa.UniqueConstraint("name", name=op.f("uq_campaigns_name")),
    )
    _check("campaigns", "purpose", _PURPOSES)
    _check("campaigns", "state", _STATES)
    op.create_index(op.f("ix_campaigns_queue_id"), "campaigns", ["queue_id"])
    op.create_index("ix_campaigns_newest", "campaigns", ["created_at", "id"])
    op.create_index(
        "ix_campaigns_living", "campaigns", ["id"], postgresql_where=sa.text("state IN ('running', 'paused')")
    )
    op.add_column("tasks", sa.Column("campaign_id", sa.Uuid(as_uuid=False), nullable=True))
    op.create_foreign_key(op.f("fk_tasks_campaign_id"), "tasks", "campaigns", ["campaign_id"], ["id"])
    op.create_index("ix_tasks_campaign", "tasks", ["campaign_id"], postgresql_where=sa.text("campaign_id IS NOT NULL"))
    op.create_table(
        "campaign_people",
        sa.Column("campaign_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("patient_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("encounter_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("department", sa.String(100), nullable=False),
        sa.Column("reasons", postgresql.JSONB(), nullable=False),
        sa.Column("task_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("follow_up_task_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name=op.f("fk_campaign_people_campaign_id")),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name=op.f("fk_campaign_people_patient_id")),
        sa.ForeignKeyConstraint(["encounter_id"], ["encounters.id"], name=op.f("fk_campaign_people_encounter_id")),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], name=op.f("fk_campaign_people_task_id")),
        sa.ForeignKeyConstraint(["follow_up_task_id"], ["tasks.id"], name=op.f("fk_campaign_people_follow_up_task_id")),
        sa.PrimaryKeyConstraint("campaign_id", "patient_id", name=op.f("pk_campaign_people")),
    )
    op.create_index(op.f("ix_campaign_people_patient_id"), "campaign_people", ["patient_id"])
    op.create_index(op.f("ix_campaign_people_task_id"), "campaign_people", ["task_id"])
    op.create_index(
        "ix_campaign_people_left_out",
        "campaign_people",
        ["campaign_id"],
        postgresql_where=sa.text("task_id IS NULL"),
    )


def downgrade() -> None:
    op.drop_table("campaign_people")
    op.drop_index("ix_tasks_campaign", table_name="tasks")
    op.drop_column("tasks", "campaign_id")
    op.drop_table("campaigns")
