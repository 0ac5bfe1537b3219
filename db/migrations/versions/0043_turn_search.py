"""The index over what was said: turns, the words they are made of, and which transcripts are in it"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

# Everything by which turns are filtered, and whose departments care for the patient: one list, so that the same index
# narrows by it before any row is read. Whether the reader may see a hit is asked of the ties themselves, again.
_LABELS = """
CREATE FUNCTION turn_labels(of_recording uuid) RETURNS text[] LANGUAGE sql STABLE AS $$
  WITH heard AS (
    SELECT recordings.id, recordings.patient_id, calls.queue_id, calls.agent_id, attempts.id AS attempt_id,
      attempts.task_id, attempts.outcome
    FROM recordings JOIN calls ON calls.id = recordings.call_id JOIN attempts ON attempts.id = calls.attempt_id
    WHERE recordings.id = of_recording),
  asked(id) AS (
    SELECT task_id FROM heard
    UNION SELECT attempt_tasks.task_id FROM attempt_tasks, heard WHERE attempt_tasks.attempt_id = heard.attempt_id),
  about AS (
    SELECT tasks.purpose, encounters.department
    FROM asked JOIN tasks ON tasks.id = asked.id
      LEFT JOIN plans ON plans.id = tasks.plan_id
      LEFT JOIN encounters ON encounters.id = plans.encounter_id),
  labels(label) AS (
    SELECT 'patient:' || patient_id FROM heard
    UNION ALL SELECT 'queue:' || queue_id FROM heard
    UNION ALL SELECT 'agent:' || agent_id FROM heard
    UNION ALL SELECT 'outcome:' || outcome FROM heard
    UNION ALL SELECT 'purpose:' || purpose FROM about
    UNION ALL SELECT 'department:' || department FROM about
    UNION ALL SELECT 'alert:' || level FROM alerts, heard WHERE alerts.recording_id = heard.id
    UNION ALL SELECT 'alert:' || level FROM alerts, heard WHERE alerts.attempt_id = heard.attempt_id
    UNION ALL SELECT 'cares:' || department FROM encounters WHERE patient_id = (SELECT patient_id FROM heard)
    UNION ALL SELECT 'cares:' || department FROM care_team_members WHERE patient_id = (SELECT patient_id FROM heard)
    UNION ALL SELECT 'cares:' FROM heard
      WHERE NOT EXISTS (SELECT FROM encounters WHERE encounters.patient_id = heard.patient_id))
  SELECT coalesce(array_agg(DISTINCT label ORDER BY label) FILTER (WHERE label IS NOT NULL), '{}') FROM labels
$$
"""

_RELABEL = """
CREATE FUNCTION relabel_turns(of_recordings uuid[]) RETURNS void LANGUAGE sql AS $$
  UPDATE transcript_turns SET patient_id = fresh.patient_id, labels = fresh.labels || ('channel:' || channel)
  FROM (
    SELECT id, recordings.patient_id, turn_labels(id) AS labels FROM recordings
    WHERE id = ANY(of_recordings) AND EXISTS (SELECT FROM transcript_turns WHERE recording_id = recordings.id)) fresh
  WHERE transcript_turns.recording_id = fresh.id
    AND (transcript_turns.patient_id <> fresh.patient_id
      OR transcript_turns.labels <> fresh.labels || ('channel:' || transcript_turns.channel))
$$
"""

_OF_RECORDING = """
CREATE FUNCTION relabel_turns_of_recording() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM relabel_turns(ARRAY[NEW.id]);
  RETURN NULL;
END $$
"""

# One of a patient's turns tells for all of them: most visits bring no new department, and cost one look.
_OF_PATIENT = """
CREATE FUNCTION relabel_turns_of_patient() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  known text[];
BEGIN
  IF TG_OP = 'DELETE' THEN
    PERFORM relabel_turns(array_agg(id)) FROM recordings WHERE patient_id = OLD.patient_id;
    RETURN NULL;
  END IF;
  SELECT labels INTO known FROM transcript_turns WHERE patient_id = NEW.patient_id LIMIT 1;
  IF FOUND AND NOT known @> ARRAY['cares:' || NEW.department] THEN
    PERFORM relabel_turns(array_agg(id)) FROM recordings WHERE patient_id = NEW.patient_id;
  END IF;
  IF TG_OP = 'UPDATE' AND OLD.patient_id <> NEW.patient_id THEN
    PERFORM relabel_turns(array_agg(id)) FROM recordings WHERE patient_id = OLD.patient_id;
  END IF;
  RETURN NULL;
END $$
"""

_OF_ATTEMPT = """
CREATE FUNCTION relabel_turns_of_attempt() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM relabel_turns(array_agg(recordings.id))
  FROM calls JOIN recordings ON recordings.call_id = calls.id WHERE calls.attempt_id = NEW.id;
  RETURN NULL;
END $$
"""

_OF_ALERT = """
CREATE FUNCTION relabel_turns_of_alert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM relabel_turns(array_agg(id)) FROM (
    SELECT NEW.recording_id AS id WHERE NEW.recording_id IS NOT NULL
    UNION
    SELECT recordings.id FROM calls JOIN recordings ON recordings.call_id = calls.id
    WHERE calls.attempt_id = NEW.attempt_id) AS heard;
  RETURN NULL;
END $$
"""

_TRIGGERS = (
    ("recordings", "AFTER UPDATE OF patient_id", "", "relabel_turns_of_recording"),
    ("encounters", "AFTER INSERT OR UPDATE OF patient_id, department OR DELETE", "", "relabel_turns_of_patient"),
    ("care_team_members", "AFTER INSERT OR UPDATE OF patient_id, department OR DELETE", "", "relabel_turns_of_patient"),
    (
        "attempts",
        "AFTER UPDATE OF outcome",
        "WHEN (OLD.outcome IS DISTINCT FROM NEW.outcome)",
        "relabel_turns_of_attempt",
    ),
    ("alerts", "AFTER INSERT", "", "relabel_turns_of_alert"),
)


def upgrade() -> None:
    op.create_table(
        "indexed_transcripts",
        sa.Column("recording_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("transcript_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("words_version", sa.String(length=64), nullable=False),
        sa.Column("turns", sa.Integer(), nullable=False),
        sa.Column("indexed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["recording_id"], ["recordings.id"], name=op.f("fk_indexed_transcripts_recording_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["transcript_id"], ["transcripts.id"], name=op.f("fk_indexed_transcripts_transcript_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("recording_id", name=op.f("pk_indexed_transcripts")),
    )
    op.create_index(op.f("ix_indexed_transcripts_transcript_id"), "indexed_transcripts", ["transcript_id"])
    op.create_table(
        "transcript_turns",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("recording_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("transcript_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("call_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("patient_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column(
            "channel",
            sa.Enum("agent", "patient", name="channel", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("start_second", sa.Float(), nullable=False),
        sa.Column("end_second", sa.Float(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("recording_seconds", sa.Float(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("written", sa.Text(), nullable=False),
        sa.Column("words", postgresql.TSVECTOR(), nullable=False),
        sa.Column("labels", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["recording_id"], ["recordings.id"], name=op.f("fk_transcript_turns_recording_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["transcript_id"], ["transcripts.id"], name=op.f("fk_transcript_turns_transcript_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transcript_turns")),
    )
    op.create_index(op.f("ix_transcript_turns_recording_id"), "transcript_turns", ["recording_id"])
    op.create_index(op.f("ix_transcript_turns_transcript_id"), "transcript_turns", ["transcript_id"])
    op.create_index(op.f("ix_transcript_turns_patient_id"), "transcript_turns", ["patient_id"])
    op.create_index("ix_transcript_turns_at", "transcript_turns", ["at", "id"])
    op.create_index(
        "ix_transcript_turns_words",
        "transcript_turns",
        ["words", "labels"],
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
    )
    op.create_table(
        "turn_words",
        sa.Column("word", sa.String(length=40), nullable=False),
        sa.Column("sound", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("word", name=op.f("pk_turn_words")),
    )
    op.create_index(op.f("ix_turn_words_sound"), "turn_words", ["sound"])
    op.create_index(
        "ix_tasks_open_in_queue",
        "tasks",
        ["queue_id", "patient_id"],
        postgresql_where=sa.text("state IN ('due', 'queued', 'in_progress')"),
    )
    for function in (_LABELS, _RELABEL, _OF_RECORDING, _OF_PATIENT, _OF_ATTEMPT, _OF_ALERT):
        op.execute(function)
    for table, when, condition, function in _TRIGGERS:
        op.execute(
            f"CREATE TRIGGER {table}_relabel_turns {when} ON {table} FOR EACH ROW {condition} "
            f"EXECUTE FUNCTION {function}()"
        )


def downgrade() -> None:
    for table, *_ in _TRIGGERS:
        op.execute(f"DROP TRIGGER {table}_relabel_turns ON {table}")
    for function in sorted({function for *_, function in _TRIGGERS}):
        op.execute(f"DROP FUNCTION {function}()")
    op.execute("DROP FUNCTION relabel_turns(uuid[])")
    op.execute("DROP FUNCTION turn_labels(uuid)")
    op.drop_index("ix_tasks_open_in_queue", table_name="tasks")
    for table in ("turn_words", "transcript_turns", "indexed_transcripts"):
        op.drop_table(table)
