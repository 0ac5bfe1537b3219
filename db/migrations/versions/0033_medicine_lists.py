"""Lists of medicines"""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

_LIST_KINDS = ("discharge", "appointment", "numbers", "exam")
_VERSIONED = ("medicine_statements", "dispenses")


def upgrade() -> None:
    _list_kinds((*_LIST_KINDS, "medicine"))
    for table in _VERSIONED:
        op.add_column(table, sa.Column("restores", sa.Uuid(as_uuid=False), nullable=True))


def downgrade() -> None:
    for table in _VERSIONED:
        op.drop_column(table, "restores")
    _list_kinds(_LIST_KINDS)


def _list_kinds(values: tuple[str, ...]) -> None:
    wanted = ", ".join(f"'{value}'" for value in values)
    for table in ("list_imports", "list_sources"):
        op.drop_constraint(op.f(f"ck_{table}_kind"), table, type_="check")
        # Not looked at again: going back keeps the lists that the older version does not know.
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT ck_{table}_kind CHECK (kind IN ({wanted})) NOT VALID")
