"""Cards, households, guardians, search, mergers that can be undone"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from db.patients import written_keys
from runtime.name_keys import name_sound

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

APPEND_ONLY = ("card_events", "merge_undos")
_BATCH = 5000

# A merger moves rows from patient to patient, those too that are never changed otherwise: nothing else of them, and
# what the audit and the mergers themselves tell not at all.
_REFUSE_CHANGE = """
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND current_setting('suifang.merging', true) = 'on'
        AND TG_TABLE_NAME NOT IN ('audit_log', 'patient_merges', 'merge_undos') THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$
"""
_REFUSE_CHANGE_BEFORE = """
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$
"""
_KEEP_SIGNED = """
CREATE OR REPLACE FUNCTION keep_signed_note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state = 'signed' AND NOT (
        TG_OP = 'UPDATE' AND current_setting('suifang.merging', true) = 'on'
        AND to_jsonb(OLD) - 'patient_id' = to_jsonb(NEW) - 'patient_id'
    ) THEN
        RAISE EXCEPTION 'a signed note cannot be changed' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN COALESCE(NEW, OLD);
END $$
"""
_KEEP_SIGNED_BEFORE = """
CREATE OR REPLACE FUNCTION keep_signed_note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state = 'signed' THEN
        RAISE EXCEPTION 'a signed note cannot be changed' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN COALESCE(NEW, OLD);
END $$
"""


def upgrade() -> None:
    _make_cards()
    _make_households()
    _make_mergers()
    _widen_relatives()
    _make_search()
    op.execute(_REFUSE_CHANGE)
    op.execute(_KEEP_SIGNED)
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    op.execute(_REFUSE_CHANGE_BEFORE)
    op.execute(_KEEP_SIGNED_BEFORE)
    for index, table in (
        ("ix_person_identifiers_tail", "person_identifiers"),
        ("ix_contact_points_tail", "contact_points"),
        ("ix_encounters_department", "encounters"),
        ("ix_patients_record_number_begin", "patients"),
        ("ix_patients_born_sound", "patients"),
        ("ix_patients_search_keys", "patients"),
    ):
        op.drop_index(index, table)
    for column in ("name_sound", "search_keys"):
        op.drop_column("patients", column)
    for column in ("proof_seen_by", "proof", "proof_kind", "guardian"):
        op.drop_column("relatives", column)
    op.drop_column("patient_merges", "changed")
    for table in (
        "rulings_two_persons",
        "merge_undos",
        "household_members",
        "households",
        "card_events",
        "cards",
    ):
        op.drop_table(table)
    op.execute("DROP SEQUENCE card_numbers")


def _id(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Uuid(as_uuid=False), nullable=nullable)


def _at(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _words(name: str, length: int, **more: object) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), **{"nullable": False, **more})  # type: ignore[arg-type]


def _one_of(name: str, *values: str, nullable: bool = False) -> sa.Column[str]:
    kind = sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)
    return sa.Column(name, kind, nullable=nullable)


def _json(name: str, **more: object) -> sa.Column[object]:
    return sa.Column(name, postgresql.JSONB(astext_type=sa.Text()), nullable=False, **more)  # type: ignore[arg-type]


def _refers(column: str, table: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=op.f(f"fk_{table}_{column}"))


def _make_cards() -> None:
    op.execute("CREATE SEQUENCE card_numbers")
    op.create_table(
        "cards",
        _id("id"),
        _id("patient_id"),
        _one_of("kind", "visit_card", "health_code", "program"),
        _words("number", 128),
        _one_of("state", "active", "lost", "replaced", "closed"),
        _at("state_since"),
        _id("replaces_id", nullable=True),
        _at("opened_at"),
        _id("opened_by", nullable=True),
        _refers("patient_id", "cards", "patients"),
        _refers("replaces_id", "cards", "cards"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cards")),
        sa.UniqueConstraint("kind", "number", name="uq_cards_kind_number"),
    )
    op.create_index(op.f("ix_cards_patient_id"), "cards", ["patient_id"])
    op.create_index("ix_cards_number_begin", "cards", ["number"], postgresql_ops={"number": "text_pattern_ops"})
    op.execute("CREATE INDEX ix_cards_tail ON cards (reverse(number::text) text_pattern_ops)")
    op.create_table(
        "card_events",
        _id("id"),
        _id("card_id"),
        _one_of("trigger", "report_lost", "find", "replace", "close"),
        _one_of("state", "active", "lost", "replaced", "closed"),
        _at("at"),
        _id("by", nullable=True),
        _words("reason", 500),
        _refers("card_id", "card_events", "cards"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_card_events")),
    )
    op.create_index(op.f("ix_card_events_card_id"), "card_events", ["card_id"])


def _make_households() -> None:
    op.create_table(
        "households",
        _id("id"),
        _words("name", 200),
        _at("created_at"),
        _id("created_by", nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_households")),
    )
    op.create_table(
        "household_members",
        _id("id"),
        _id("household_id"),
        _id("patient_id"),
        _one_of("role", "head", "spouse", "child", "parent", "grandparent", "grandchild", "other"),
        _at("joined_at"),
        _id("joined_by", nullable=True),
        _at("left_at", nullable=True),
        _words("left_because", 200),
        _refers("household_id", "household_members", "households"),
        _refers("patient_id", "household_members", "patients"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_household_members")),
    )
    for column in ("household_id", "patient_id"):
        op.create_index(op.f(f"ix_household_members_{column}"), "household_members", [column])
    op.create_index(
        "uq_household_members_living",
        "household_members",
        ["patient_id"],
        unique=True,
        postgresql_where=sa.text("left_at IS NULL"),
    )


def _make_mergers() -> None:
    op.add_column("patient_merges", _json("changed", server_default=sa.text("'{}'::jsonb")))
    op.create_table(
        "merge_undos",
        _id("id"),
        _id("merge_id"),
        _words("reason", 500),
        _id("undone_by"),
        _at("undone_at"),
        _json("returned"),
        _json("stayed"),
        _refers("merge_id", "merge_undos", "patient_merges"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_merge_undos")),
        sa.UniqueConstraint("merge_id", name=op.f("uq_merge_undos_merge_id")),
    )
    op.create_table(
        "rulings_two_persons",
        _id("id"),
        _id("one"),
        _id("other"),
        _words("reason", 500),
        _id("ruled_by"),
        _at("ruled_at"),
        _refers("one", "rulings_two_persons", "patients"),
        _refers("other", "rulings_two_persons", "patients"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rulings_two_persons")),
        sa.CheckConstraint("one <> other", name=op.f("ck_rulings_two_persons_of_two")),
    )
    for column in ("one", "other"):
        op.create_index(op.f(f"ix_rulings_two_persons_{column}"), "rulings_two_persons", [column])


def _widen_relatives() -> None:
    op.add_column("relatives", sa.Column("guardian", sa.Boolean(), nullable=False, server_default="false"))
    op.add_column(
        "relatives",
        _one_of(
            "proof_kind",
            "birth_certificate",
            "household_register",
            "id_card",
            "court_decision",
            "authorization",
            "marriage_certificate",
            "patients_word",
            nullable=True,
        ),
    )
    op.add_column("relatives", _words("proof", 200, server_default=""))
    op.add_column("relatives", _id("proof_seen_by", nullable=True))


def _make_search() -> None:
    op.add_column("patients", sa.Column("search_keys", postgresql.TSVECTOR(), nullable=False, server_default=""))
    op.add_column("patients", _words("name_sound", 1200, server_default=""))
    _fill_keys()
    op.create_index("ix_patients_search_keys", "patients", ["search_keys"], postgresql_using="gin")
    op.create_index("ix_patients_born_sound", "patients", ["born", "name_sound"])
    op.create_index(
        "ix_patients_record_number_begin",
        "patients",
        ["record_number"],
        postgresql_ops={"record_number": "text_pattern_ops"},
    )
    op.create_index("ix_encounters_department", "encounters", ["department", "patient_id"])
    op.execute("CREATE INDEX ix_contact_points_tail ON contact_points (reverse(number::text) text_pattern_ops)")
    op.execute("CREATE INDEX ix_person_identifiers_tail ON person_identifiers (reverse(value::text) text_pattern_ops)")


def _fill_keys() -> None:
    """The keys of everybody who is there: pinyin is not a thing the database knows."""
    connection = op.get_bind()
    last = "00000000-0000-0000-0000-000000000000"
    while rows := connection.execute(
        sa.text("SELECT id::text AS id, name FROM patients WHERE id > CAST(:last AS uuid) ORDER BY id LIMIT :limit"),
        {"last": last, "limit": _BATCH},
    ).all():
        connection.execute(
            sa.text(
                "UPDATE patients SET search_keys = CAST(:keys AS tsvector), name_sound = :sound "
                "WHERE id = CAST(:id AS uuid)"
            ),
            [{"id": row.id, "keys": written_keys(row.name), "sound": name_sound(row.name)} for row in rows],
        )
        last = rows[-1].id
