"""What patients write to us, and which message answers which"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

_TABLE = "received_messages"
_JSON = postgresql.JSONB(astext_type=sa.Text())


def _one_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)


def upgrade() -> None:
    op.create_table(
        _TABLE,
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("channel", _one_of("channel", "sms", "email", "wechat"), nullable=False),
        sa.Column("provider_id", sa.String(length=200), nullable=False),
        sa.Column("address", sa.String(length=200), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("state", _one_of("state", "read", "queried", "for_person", "unplaced"), nullable=False),
        sa.Column("patient_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("values", _JSON, nullable=False),
        sa.Column("signs", _JSON, nullable=False),
        sa.Column("alerts", _JSON, nullable=False),
        sa.Column("seen_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name=op.f(f"fk_{_TABLE}_patient_id")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{_TABLE}")),
        sa.UniqueConstraint("channel", "provider_id", name=op.f(f"uq_{_TABLE}_channel_provider_id")),
    )
    op.create_index(op.f(f"ix_{_TABLE}_patient_id"), _TABLE, ["patient_id"])
    op.create_index(
        f"ix_{_TABLE}_waiting",
        _TABLE,
        ["received_at", "id"],
        postgresql_where=sa.text("seen_at IS NULL AND state IN ('queried', 'for_person', 'unplaced')"),
    )
    op.add_column("messages", sa.Column("answers_id", sa.Uuid(as_uuid=False), nullable=True))
    op.create_foreign_key(op.f("fk_messages_answers_id"), "messages", _TABLE, ["answers_id"], ["id"])
    op.create_index("uq_messages_answers", "messages", ["answers_id"], unique=True)


def downgrade() -> None:
    op.drop_index("uq_messages_answers", table_name="messages")
    op.drop_constraint(op.f("fk_messages_answers_id"), "messages", type_="foreignkey")
    op.drop_column("messages", "answers_id")
    op.drop_table(_TABLE)
