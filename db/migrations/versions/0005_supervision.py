"""Supervision: who listened, whispered or spoke on whose call, and why; transfers and whom they may go to.

A monitoring's row is written once: afterwards only its end is added, once.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Columns that tables with rows get: their rows take the default, new ones are always given a value.
ADDED = (
    ("calls", "joined", postgresql.JSONB(astext_type=sa.Text()), "[]"),
    ("calls", "held_by", postgresql.JSONB(astext_type=sa.Text()), "[]"),
    ("recordings", "pauses", postgresql.JSONB(astext_type=sa.Text()), "[]"),
    ("agents", "headset_muted", sa.Boolean(), "false"),
    ("queues", "free_numbers", sa.Boolean(), "false"),
    ("queues", "supervision_shown", sa.String(length=40), "always"),
    ("users", "phone", sa.String(length=200), ""),
    ("users", "overseen_queues", postgresql.JSONB(astext_type=sa.Text()), "[]"),
)


def _allow_roles(*roles: str) -> None:
    op.drop_constraint(op.f("ck_legs_role"), "legs", type_="check")
    listed = ", ".join(f"'{role}'" for role in roles)
    op.create_check_constraint(op.f("ck_legs_role"), "legs", f"role IN ({listed})")


def upgrade() -> None:
    for table, column, kind, default in ADDED:
        op.add_column(table, sa.Column(column, kind, nullable=False, server_default=default))
        op.alter_column(table, column, server_default=None)
    _allow_roles("patient", "agent", "third_party", "supervisor", "internal")
    op.create_check_constraint(
        op.f("ck_queues_supervision_shown"), "queues", "supervision_shown IN ('always', 'speaking', 'hidden')"
    )
    op.create_table(
        "directory_entries",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "department",
                "interpreter",
                "on_call",
                "other",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_entries")),
        sa.UniqueConstraint("name", name=op.f("uq_directory_entries_name")),
    )
    op.create_table(
        "transfers",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("call_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("leg_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("mode", sa.String(length=16), nullable=False),
        sa.Column(
            "target",
            sa.Enum(
                "agent",
                "directory",
                "contact",
                "number",
                name="target",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("agent_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("directory_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("contact_point_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("number", sa.String(length=200), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "dialing",
                "consulting",
                "together",
                "handed_over",
                "back",
                "ended",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("asked_by", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_transfers_agent_id")),
        sa.ForeignKeyConstraint(["asked_by"], ["users.id"], name=op.f("fk_transfers_asked_by")),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name=op.f("fk_transfers_call_id")),
        sa.ForeignKeyConstraint(
            ["contact_point_id"], ["contact_points.id"], name=op.f("fk_transfers_contact_point_id")
        ),
        sa.ForeignKeyConstraint(["directory_id"], ["directory_entries.id"], name=op.f("fk_transfers_directory_id")),
        sa.ForeignKeyConstraint(["leg_id"], ["legs.id"], name=op.f("fk_transfers_leg_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfers")),
    )
    op.create_index(op.f("ix_transfers_call_id"), "transfers", ["call_id"], unique=False)
    op.create_index(op.f("ix_transfers_leg_id"), "transfers", ["leg_id"], unique=False)
    op.create_index(
        "uq_transfers_live_agent",
        "transfers",
        ["agent_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('dialing', 'consulting', 'together')"),
    )
    op.create_index(
        "uq_transfers_live_call",
        "transfers",
        ["call_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('dialing', 'consulting', 'together')"),
    )
    op.create_table(
        "supervisions",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("call_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("leg_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("supervisor_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("agent_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("phone", sa.String(length=200), nullable=False),
        sa.Column(
            "mode",
            sa.Enum(
                "listen",
                "whisper",
                "barge",
                "take_over",
                name="mode",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "reason",
            sa.Enum(
                "training",
                "quality_check",
                "agent_asked",
                "complaint",
                "safety",
                "technical_check",
                name="reason",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum("ringing", "on_line", "ended", name="state", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_because", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_supervisions_agent_id")),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name=op.f("fk_supervisions_call_id")),
        sa.ForeignKeyConstraint(["leg_id"], ["legs.id"], name=op.f("fk_supervisions_leg_id")),
        sa.ForeignKeyConstraint(["supervisor_id"], ["users.id"], name=op.f("fk_supervisions_supervisor_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_supervisions")),
    )
    op.create_index(op.f("ix_supervisions_call_id"), "supervisions", ["call_id"], unique=False)
    op.create_index(op.f("ix_supervisions_leg_id"), "supervisions", ["leg_id"], unique=False)
    op.create_index(op.f("ix_supervisions_supervisor_id"), "supervisions", ["supervisor_id"], unique=False)
    op.create_index(
        "uq_supervisions_live_call",
        "supervisions",
        ["call_id"],
        unique=True,
        postgresql_where=sa.text("state <> 'ended'"),
    )
    op.create_index(
        "uq_supervisions_live_supervisor",
        "supervisions",
        ["supervisor_id"],
        unique=True,
        postgresql_where=sa.text("state <> 'ended'"),
    )
    op.create_table(
        "monitorings",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("supervision_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("call_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("supervisor_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column(
            "mode",
            sa.Enum(
                "listen",
                "whisper",
                "barge",
                "take_over",
                name="mode",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "reason",
            sa.Enum(
                "training",
                "quality_check",
                "agent_asked",
                "complaint",
                "safety",
                "technical_check",
                name="reason",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name=op.f("fk_monitorings_call_id")),
        sa.ForeignKeyConstraint(["supervision_id"], ["supervisions.id"], name=op.f("fk_monitorings_supervision_id")),
        sa.ForeignKeyConstraint(["supervisor_id"], ["users.id"], name=op.f("fk_monitorings_supervisor_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_monitorings")),
    )
    op.create_index(op.f("ix_monitorings_call_id"), "monitorings", ["call_id"], unique=False)
    op.create_index(op.f("ix_monitorings_supervision_id"), "monitorings", ["supervision_id"], unique=False)
    op.create_index(op.f("ix_monitorings_supervisor_id"), "monitorings", ["supervisor_id"], unique=False)
    op.create_index(
        "uq_monitorings_open",
        "monitorings",
        ["supervision_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )

    op.execute(
        """
        CREATE FUNCTION keep_monitoring() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP <> 'UPDATE' THEN
                RAISE EXCEPTION 'monitorings is append-only' USING ERRCODE = 'restrict_violation';
            END IF;
            IF OLD.ended_at IS NOT NULL OR NEW.ended_at IS NULL
                OR (to_jsonb(OLD) - 'ended_at') <> (to_jsonb(NEW) - 'ended_at') THEN
                RAISE EXCEPTION 'monitorings is append-only: only an end can be added, once'
                    USING ERRCODE = 'restrict_violation';
            END IF;
            RETURN NEW;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER monitorings_append_only BEFORE UPDATE OR DELETE ON monitorings "
        "FOR EACH ROW EXECUTE FUNCTION keep_monitoring()"
    )
    op.execute(
        "CREATE TRIGGER monitorings_not_emptied BEFORE TRUNCATE ON monitorings "
        "FOR EACH STATEMENT EXECUTE FUNCTION keep_monitoring()"
    )


def downgrade() -> None:
    for table in ("monitorings", "supervisions", "transfers", "directory_entries"):
        op.drop_table(table)
    op.execute("DROP FUNCTION keep_monitoring()")
    op.execute("DELETE FROM legs WHERE role = 'internal'")
    _allow_roles("patient", "agent", "third_party", "supervisor")
    op.drop_constraint(op.f("ck_queues_supervision_shown"), "queues", type_="check")
    for table, column, _, _ in reversed(ADDED):
        op.drop_column(table, column)
