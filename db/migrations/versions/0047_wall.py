"""Requests for help, and who has which exception of the day"""

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "help_requests",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("agent_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("call_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_help_requests_agent_id")),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name=op.f("fk_help_requests_call_id")),
        sa.ForeignKeyConstraint(["taken_by"], ["users.id"], name=op.f("fk_help_requests_taken_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_help_requests")),
    )
    op.create_index(op.f("ix_help_requests_call_id"), "help_requests", ["call_id"])
    op.create_index(
        "uq_help_requests_open",
        "help_requests",
        ["agent_id"],
        unique=True,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "exception_cases",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "red_unacknowledged",
                "no_recording",
                "incomplete_recording",
                "failed_recording",
                "unsigned_note",
                "window_missed",
                "glass_unreviewed",
                "wrong_numbers",
                "caller_id_fell",
                "parked_task",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("owner_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("owned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("assigned_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("settled_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_because", sa.String(length=500), nullable=False),
        sa.ForeignKeyConstraint(["assigned_by"], ["users.id"], name=op.f("fk_exception_cases_assigned_by")),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_exception_cases_owner_id")),
        sa.ForeignKeyConstraint(["settled_by"], ["users.id"], name=op.f("fk_exception_cases_settled_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exception_cases")),
    )
    op.create_index(op.f("ix_exception_cases_owner_id"), "exception_cases", ["owner_id"])
    op.create_index("uq_exception_cases_subject", "exception_cases", ["kind", "subject"], unique=True)
    op.create_index(
        "ix_tasks_missed",
        "tasks",
        ["latest_at", "id"],
        postgresql_where=sa.text("state = 'lost_to_follow_up' AND next_action = 'escalate'"),
    )


def downgrade() -> None:
    op.drop_index("ix_tasks_missed", table_name="tasks")
    op.drop_table("exception_cases")
    op.drop_table("help_requests")
