"""Messages from the hospital's systems"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

REASONS = (
    "not_a_message", "too_long", "no_control_id", "no_sender", "training", "unreadable", "unknown_charset",
    "charset_differs", "not_taken", "no_patient", "no_name", "unknown_patient", "two_persons", "person_differs",
    "no_visit", "bad_time", "in_the_future", "unclear_disposition", "older", "result_refused", "failed", "dismissed",
)  # fmt: skip


def _closed_set(name: str, *values: str, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(
        name, sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40), nullable=nullable
    )


def _instant(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    # The hospital's own system merges records too: then it was nobody here.
    op.alter_column("patient_merges", "merged_by", existing_type=sa.Uuid(as_uuid=False), nullable=True)
    op.create_table(
        "feed_messages",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("sender", sa.String(length=200), nullable=False),
        sa.Column("control_id", sa.String(length=200), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        _instant("order_at"),
        _instant("received_at"),
        _instant("last_received_at"),
        _instant("raw_kept_until"),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("peer", sa.String(length=64), nullable=False),
        sa.Column("charset", sa.String(length=40), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        _closed_set("state", "stored", "applied", "parked", "ignored", "refused"),
        _closed_set("reason", *REASONS, nullable=True),
        sa.Column("told", sa.String(length=500), nullable=False),
        sa.Column("remarks", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("keys", postgresql.ARRAY(sa.String(length=120)), nullable=False),
        sa.Column("patient_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        _instant("settled_at", nullable=True),
        sa.Column("settled_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("settled_because", sa.String(length=200), nullable=False),
        _instant("raw_forgotten_at", nullable=True),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name=op.f("fk_feed_messages_patient_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feed_messages")),
        sa.UniqueConstraint("sender", "control_id", "digest", name=op.f("uq_feed_messages_sender_control_id_digest")),
    )
    op.create_index(op.f("ix_feed_messages_patient_id"), "feed_messages", ["patient_id"], unique=False)
    op.create_index(
        "ix_feed_messages_stored", "feed_messages", ["position"], unique=False, postgresql_where="state = 'stored'"
    )
    op.create_index(
        "ix_feed_messages_parked_keys",
        "feed_messages",
        ["keys"],
        unique=False,
        postgresql_using="gin",
        postgresql_where="state = 'parked'",
    )
    op.create_index("ix_feed_messages_state", "feed_messages", ["state", "position"], unique=False)
    op.create_index("ix_feed_messages_sender_position", "feed_messages", ["sender", "position"], unique=False)
    op.create_index(
        "ix_feed_messages_kept",
        "feed_messages",
        ["raw_kept_until"],
        unique=False,
        postgresql_where="raw_forgotten_at IS NULL",
    )
    # A message is evidence of what was told: it is never another one, and never gone before its time.
    op.execute(
        """
        CREATE FUNCTION keep_feed_message() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'DELETE' THEN
                RAISE EXCEPTION 'a message that came in is kept' USING ERRCODE = 'restrict_violation';
            END IF;
            IF NEW.raw IS DISTINCT FROM OLD.raw AND NOT (NEW.raw = ''::bytea AND NEW.raw_forgotten_at IS NOT NULL) THEN
                RAISE EXCEPTION 'a message that came in is not changed' USING ERRCODE = 'restrict_violation';
            END IF;
            RETURN NEW;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER feed_messages_kept BEFORE UPDATE OF raw OR DELETE ON feed_messages "
        "FOR EACH ROW EXECUTE FUNCTION keep_feed_message()"
    )
    op.create_table(
        "feed_visits",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("patient_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("visit_number", sa.String(length=64), nullable=False),
        _closed_set("state", "admitted", "admission_cancelled", "discharged", "outpatient", "appointment"),
        _instant("order_at"),
        sa.Column("admission_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("encounter_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("died", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name=op.f("fk_feed_visits_patient_id")),
        sa.ForeignKeyConstraint(["admission_id"], ["encounters.id"], name=op.f("fk_feed_visits_admission_id")),
        sa.ForeignKeyConstraint(["encounter_id"], ["encounters.id"], name=op.f("fk_feed_visits_encounter_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feed_visits")),
        sa.UniqueConstraint("patient_id", "visit_number", name=op.f("uq_feed_visits_patient_id_visit_number")),
    )
    op.create_index(op.f("ix_feed_visits_admission_id"), "feed_visits", ["admission_id"], unique=False)
    op.create_index(op.f("ix_feed_visits_encounter_id"), "feed_visits", ["encounter_id"], unique=False)
    op.create_table(
        "feed_persons",
        sa.Column("patient_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("sender", sa.String(length=200), nullable=False),
        _instant("order_at"),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name=op.f("fk_feed_persons_patient_id")),
        sa.PrimaryKeyConstraint("patient_id", "sender", name=op.f("pk_feed_persons")),
    )
    op.create_table(
        "feed_consequences",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("message_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("patient_id", sa.Uuid(as_uuid=False), nullable=False),
        _closed_set("kind", "start_plan", "pause_plans", "resume_plans", "end_plans", "restart_plan", "died", "merge"),
        _instant("order_at"),
        sa.Column("encounter_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("other_patient_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("template_id", sa.String(length=64), nullable=True),
        _closed_set("state", "owed", "done", "refused"),
        sa.Column("told", sa.String(length=500), nullable=False),
        sa.Column("plans", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        _instant("created_at"),
        _instant("done_at", nullable=True),
        sa.ForeignKeyConstraint(["message_id"], ["feed_messages.id"], name=op.f("fk_feed_consequences_message_id")),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name=op.f("fk_feed_consequences_patient_id")),
        sa.ForeignKeyConstraint(["encounter_id"], ["encounters.id"], name=op.f("fk_feed_consequences_encounter_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feed_consequences")),
    )
    op.create_index(op.f("ix_feed_consequences_message_id"), "feed_consequences", ["message_id"], unique=False)
    op.create_index(op.f("ix_feed_consequences_patient_id"), "feed_consequences", ["patient_id"], unique=False)
    op.create_index(op.f("ix_feed_consequences_encounter_id"), "feed_consequences", ["encounter_id"], unique=False)
    op.create_index(
        "ix_feed_consequences_owed",
        "feed_consequences",
        ["created_at"],
        unique=False,
        postgresql_where="state = 'owed'",
    )


def downgrade() -> None:
    op.alter_column("patient_merges", "merged_by", existing_type=sa.Uuid(as_uuid=False), nullable=False)
    op.drop_table("feed_consequences")
    op.drop_table("feed_persons")
    op.drop_table("feed_visits")
    op.drop_table("feed_messages")
    op.execute("DROP FUNCTION keep_feed_message()")
