"""Appointments that answer back, what was entered in a call, patients who need it slower"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_STATES = ("booked", "confirmed", "cancelled", "rebook_wanted", "attended", "missed")
_SOURCES = ("keys", "agent", "feed")


def _closed_set(name: str, values: tuple[str, ...], *, nullable: bool = False) -> sa.Column[object]:
    kind = sa.Enum(*values, name=name, native_enum=False, create_constraint=False, length=40)
    return sa.Column(name, kind, nullable=nullable)


def _check(table: str, name: str, values: tuple[str, ...]) -> None:
    wanted = ", ".join(f"'{value}'" for value in values)
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, f"{name} IN ({wanted})")


def upgrade() -> None:
    op.add_column("encounters", _closed_set("appointment_state", _STATES, nullable=True))
    _check("encounters", "appointment_state", _STATES)
    op.create_table(
        "appointment_changes",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("encounter_id", sa.Uuid(as_uuid=False), nullable=False),
        _closed_set("before", _STATES),
        _closed_set("after", _STATES),
        _closed_set("source", _SOURCES),
        sa.Column("by", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("call_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["encounter_id"], ["encounters.id"], name=op.f("fk_appointment_changes_encounter_id")),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name=op.f("fk_appointment_changes_call_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appointment_changes")),
    )
    _check("appointment_changes", "before", _STATES)
    _check("appointment_changes", "after", _STATES)
    _check("appointment_changes", "source", _SOURCES)
    op.create_index(op.f("ix_appointment_changes_encounter_id"), "appointment_changes", ["encounter_id"])
    op.execute(
        "CREATE TRIGGER appointment_changes_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON appointment_changes "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.add_column("calls", sa.Column("flow_values", postgresql.JSONB(), nullable=False, server_default="{}"))
    op.alter_column("calls", "flow_values", server_default=None)
    op.add_column("patients", sa.Column("slow_speech", sa.Boolean(), nullable=False, server_default="false"))
    op.alter_column("patients", "slow_speech", server_default=None)


def downgrade() -> None:
    op.drop_column("patients", "slow_speech")
    op.drop_column("calls", "flow_values")
    op.drop_table("appointment_changes")
    op.drop_constraint(op.f("ck_encounters_appointment_state"), "encounters", type_="check")
    op.drop_column("encounters", "appointment_state")
