"""Screening: who or what seems to have answered, and what was heard before the answer"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_EARLY_SOUNDS = (
    "nothing",
    "silence",
    "ringback",
    "busy_tone",
    "congestion_tone",
    "special_tone",
    "song",
    "speech",
    "unclear",
)
_ANNOUNCEMENTS = ("empty_number", "switched_off", "suspended", "out_of_reach", "busy", "no_answer", "barred")
_ON_MACHINE = ("hang_up", "neutral_message", "to_agent")


def _closed_set(table: str, name: str, values: tuple[str, ...], default: str | None = None) -> None:
    kind = sa.Enum(*values, name=name, native_enum=False, create_constraint=False, length=40)
    op.add_column(table, sa.Column(name, kind, nullable=default is None, server_default=default))
    if default is not None:
        op.alter_column(table, name, server_default=None)
    wanted = ", ".join(f"'{value}'" for value in values)
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, f"{name} IN ({wanted})")


def upgrade() -> None:
    op.add_column("calls", sa.Column("screened", sa.Boolean(), nullable=False, server_default="false"))
    op.alter_column("calls", "screened", server_default=None)
    op.add_column("calls", sa.Column("answered_by_confidence", sa.Float(), nullable=True))
    op.add_column("calls", sa.Column("answered_by_after", sa.Float(), nullable=True))
    op.add_column("calls", sa.Column("answered_by_why", sa.String(length=40), nullable=True))
    _closed_set("calls", "early_sound", _EARLY_SOUNDS)
    _closed_set("calls", "announcement", _ANNOUNCEMENTS)
    op.add_column("calls", sa.Column("heard_code", sa.String(length=40), nullable=True))
    _closed_set("queues", "on_machine", _ON_MACHINE, default="hang_up")


def downgrade() -> None:
    op.drop_column("queues", "on_machine")
    for column in (
        "heard_code",
        "announcement",
        "early_sound",
        "answered_by_why",
        "answered_by_after",
        "answered_by_confidence",
        "screened",
    ):
        op.drop_column("calls", column)
