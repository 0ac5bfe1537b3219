"""A hospital at work brings its database to this version: nothing is lost, and waiting tasks go on waiting."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from alembic import command
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from db.engine import make_engine
from db.migrate import _config, pending, upgrade
from db.patient_search import Typed
from db.unit_of_work import UnitsOfWork
from followup.alerts import AlertState
from followup.plans import PlanState, TaskState
from followup.queues import DialStyle
from runtime.content.library import Content
from runtime.settings import REPOSITORY
from scheduler.waiting_line import keep_lanes

BEFORE = "0010"  # the last version without lists, plans of one's own, lanes, forms and alerts with a clock
ROWS = """
INSERT INTO users VALUES (:user, 'nurse', '李护士', 'x', '["agent"]', true, false, now(), '', '[]');
INSERT INTO agents (id, languages, queues, state, state_since, state_reason, headset, headset_wanted, headset_state,
  headset_muted, headset_kind) VALUES (:user, '["zh"]', '[]', 'offline', now(), '', '', false, 'down', false, 'phone');
INSERT INTO queues (id, name, mode, purpose, policy, ring_seconds, wrap_up_seconds, lines, paused, created_at,
  free_numbers, supervision_shown, played_notice, on_machine)
  VALUES (:queue, 'discharge', 'agent', 'care', 'default', 30, 60, 1, false, now(), false, 'always', false, 'hang_up'),
         (:machine, 'reminders', 'automated', 'reminder', 'default', 30, 60, 2, false, now(), false, 'always', false,
          'hang_up');
INSERT INTO patients (id, record_number, name, language, zone, synthetic, created_at)
  VALUES (:patient, 'MRN-1', '王建国', 'zh', 'Asia/Shanghai', true, now());
INSERT INTO contact_points VALUES (:number, :patient, '+8619900000001', 'self', '', 1, 'verified', false);
INSERT INTO consents (id, patient_id, purpose, scope, granted, source, recorded_at)
  VALUES (gen_random_uuid(), :patient, 'care', 'phone', true, 'paper', now());
INSERT INTO do_not_call (id, patient_id, reason, since) VALUES (gen_random_uuid(), :patient, 'asked', now());
INSERT INTO encounters (id, patient_id, department, kind, occurred_at)
  VALUES (:visit, :patient, '心内科', 'discharge', now());
INSERT INTO plans (id, patient_id, encounter_id, template_id, template_version, purpose, anchor_at, created_at)
  VALUES (:plan, :patient, :visit, 'T01', 1, 'care', now(), now());
INSERT INTO tasks (id, plan_id, patient_id, queue_id, purpose, mode, state, priority, earliest_at, target_at, latest_at,
  next_attempt_at, attempts_made, created_at, variables)
  VALUES (:waiting, :plan, :patient, :queue, 'care', 'agent', 'queued', 20, now() - interval '1 h', now(),
          now() + interval '1 day', now() - interval '1 min', 0, now(), '{}'),
         (:done, :plan, :patient, :queue, 'care', 'agent', 'completed', 20, now() - interval '2 d', now(),
          now() + interval '1 day', now(), 1, now(), '{}');
INSERT INTO attempts (id, task_id, patient_id, queue_id, agent_id, contact_point_id, number, ordinal, state, due_at,
  reserved_at, gate, answers) VALUES (:attempt, :done, :patient, :queue, :user, :number, '+8619900000001', 1, 'closed',
  now(), now(), '{}', '{"feeling": "better"}');
INSERT INTO calls (id, attempt_id, patient_id, queue_id, number, node, state, planned_at, digits, joined, held_by,
  screened)
  VALUES (:call, :attempt, :patient, :queue, '+8619900000001', 'node-1', 'ended', now(), '', '[]', '[]', false);
INSERT INTO recordings (id, call_id, patient_id, state, reason, encrypted, legal_hold, pauses)
  VALUES (:recording, :call, :patient, 'stored', '', false, false, '[]');
INSERT INTO alerts (id, patient_id, attempt_id, recording_id, code, level, at_second, raised_at, evidence)
  VALUES (:alert, :patient, :attempt, :recording, 'chest_pain', 'red', 12.5, now(), '{}');
"""
_NAMED = (
    *("user", "queue", "machine", "patient", "number", "visit", "plan"),
    *("waiting", "done", "attempt", "call", "recording", "alert"),
)
IDS = {name: f"00000000-0000-4000-8000-{number:012d}" for number, name in enumerate(_NAMED, start=1)}


@pytest.fixture
def engine(empty_database_url: str) -> Iterator[Engine]:
    """A database of the earlier version with a hospital's rows, brought to this one."""
    upgrade(empty_database_url, BEFORE)
    made = make_engine(empty_database_url)
    with made.begin() as connection:
        for statement in ROWS.split(";\n"):
            if statement.strip():
                connection.execute(text(statement), {n: i for n, i in IDS.items() if f":{n}" in statement})
    upgrade(empty_database_url)
    assert pending(empty_database_url) is None
    yield made
    made.dispose()


def test_what_was_there_is_there_and_says_the_same(engine: Engine) -> None:
    with UnitsOfWork(engine)() as uow:
        patient, plan = uow.patients.get(IDS["patient"]), uow.plans.get(IDS["plan"])
        assert patient is not None
        assert plan is not None
        assert (patient.name, patient.slow_speech, patient.contact_points[0].number) == (
            "王建国",
            False,
            "+8619900000001",
        )
        assert plan.state is PlanState.RUNNING
        assert [task.state for task in uow.plans.tasks_of_plan(plan.id)] == [TaskState.QUEUED, TaskState.COMPLETED]
        assert {queue.name: queue.style for queue in uow.queues.all()} == {
            "discharge": DialStyle.PROGRESSIVE,
            "reminders": DialStyle.AGENTLESS,
        }
        assert list(uow.attempts.tasks_of(IDS["attempt"])) == [IDS["done"]]
        (alert,) = uow.alerts.of_patient(IDS["patient"])
        assert (alert.code, alert.at_second) == ("chest_pain", 12.5)
        assert alert.state is not AlertState.CLOSED
        call = uow.calls.get(IDS["call"])
        assert call is not None
        assert call.recorded


def test_a_task_that_waited_is_given_its_place_and_not_forgotten(engine: Engine) -> None:
    profile = Content(REPOSITORY / "content").jurisdictions["demo"]
    with UnitsOfWork(engine)() as uow:
        keep_lanes(uow, profile=profile, now=uow.now + timedelta(seconds=1))
        uow.commit()
    with engine.connect() as connection:
        lanes = connection.execute(text("SELECT id, lane_id FROM tasks WHERE lane_id IS NOT NULL")).all()
    assert [str(row[0]) for row in lanes] == [IDS["waiting"]]


def test_who_was_there_before_pinyin_was_kept_is_found_by_it(engine: Engine) -> None:
    with UnitsOfWork(engine)() as uow:
        for typed in ("wjg", "wangjianguo", "0001", "MRN-"):
            assert [patient.id for patient in uow.patient_search.find(Typed(text=typed), limit=5)] == [IDS["patient"]]
        assert uow.duplicates.candidates(name="王建国", born=None, numbers=["+8619900000001"]) == [IDS["patient"]]


def test_going_back_never_destroys_the_keys_of_sealed_recordings(empty_database_url: str) -> None:
    upgrade(empty_database_url, "0037")
    made = make_engine(empty_database_url)
    try:
        with made.begin() as connection:
            connection.execute(text("INSERT INTO vault_keys VALUES ('store://a', '{}', 'file-key://1', now(), now())"))
        with pytest.raises(DBAPIError, match="restore the backup"), made.begin() as connection:
            command.downgrade(_config(connection), "0036")
        with made.begin() as connection:
            assert connection.execute(text("DELETE FROM vault_keys")).rowcount == 1
            command.downgrade(_config(connection), "0036")
    finally:
        made.dispose()
