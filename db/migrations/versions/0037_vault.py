"""Wrapped keys of sealed recordings, the vault's ledger and its signed heads"""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

_KINDS = ("stored", "sealed", "held", "released", "purged")


def upgrade() -> None:
    op.add_column("recordings", sa.Column("samples_sha256", sa.String(length=64), nullable=True))
    op.create_table(
        "vault_keys",
        sa.Column("uri", sa.String(length=1000), nullable=False),
        sa.Column("wrapped", sa.Text(), nullable=False),
        sa.Column("wrapped_by", sa.String(length=300), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("wrapped_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("uri", name=op.f("pk_vault_keys")),
    )
    op.create_index("ix_vault_keys_wrapped_by", "vault_keys", ["wrapped_by", "uri"])
    op.create_table(
        "vault_ledger",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(*_KINDS, name="kind", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("recording_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_vault_ledger")),
    )
    op.create_index("ix_vault_ledger_recording", "vault_ledger", ["recording_id", "position"])
    op.create_table(
        "vault_anchors",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("signature", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_vault_anchors")),
    )
    op.create_table(
        "vault_remains",
        sa.Column("uri", sa.String(length=1000), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("uri", name=op.f("pk_vault_remains")),
    )
    op.create_index(
        "ix_recordings_in_clear",
        "recordings",
        ["id"],
        postgresql_where=sa.text("uri IS NOT NULL AND NOT encrypted AND state <> 'expired'"),
    )
    for table in ("vault_ledger", "vault_anchors"):
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    op.execute(
        """
        DO $$ BEGIN
            IF EXISTS (SELECT FROM vault_keys) THEN
                RAISE EXCEPTION 'recordings are sealed with keys that only this version keeps: going back would '
                    'destroy them for ever; restore the backup that was made before the upgrade instead';
            END IF;
        END $$
        """
    )
    op.drop_index("ix_recordings_in_clear", "recordings")
    op.drop_table("vault_remains")
    op.drop_table("vault_anchors")
    op.drop_table("vault_ledger")
    op.drop_table("vault_keys")
    op.drop_column("recordings", "samples_sha256")
