"""Whatever runs by the clock or by a message runs twice as well as once, and no repair ever has anybody dialed."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from care.concepts import MappedCode
from care.report_prints import PrintKind
from care.summaries import SummaryState
from db.calendar import HospitalTime
from db.gate import Gate
from db.metadata import metadata
from db.unit_of_work import UnitOfWork, UnitsOfWork
from followup.attempts import AttemptState
from followup.calls import CallState
from followup.imports import ImportState, ListImport, ListKind
from followup.messages import Channel, Message, MessageState
from followup.outcomes import AttemptOutcome
from followup.plans import TaskState
from followup.recordings import RecordingState
from runtime.content.library import Content
from runtime.identifiers import new_id
from runtime.live_events import LiveStream
from runtime.routing import ROUTES
from runtime.settings import Jurisdiction, Settings
from runtime.task_queue import make_task_queue
from runtime.worker_context import forget_parts
from scheduler.dialer import reserve
from scheduler.following import PlanDesk
from scheduler.outcomes import AttemptPolicies, decide_next_for
from scheduler.planning import start_plan
from scheduler.reconcile import Repairs
from scheduler.timetable import TIMETABLE
from suifang.worker_process import worker_application
from tests.support.builders import (
    HOSPITAL,
    a_call,
    a_node,
    a_patient,
    a_queue,
    a_recording,
    a_task,
    a_template,
    an_agent,
    an_attempt,
    an_encounter,
)
from tests.support.spool import voice, write_spool
from tests.support.summaries import a_print, a_summary, empty_facts

LONG_AGO = timedelta(hours=3)
LOGS = {"outbox", "audit", "audit_log", "call_commands", "alembic_version"}
"""What may grow with every time: events told again, who did what, questions to a node."""


@pytest.fixture
def repairs(units: UnitsOfWork, content: Content, broker_url: str) -> Iterator[Repairs]:
    app = make_task_queue(broker_url)
    with LiveStream(broker_url) as live:
        yield Repairs(
            units_of_work=units,
            task_queue=app,
            live=live,
            policies=AttemptPolicies(by_id=content.policies),
            profile=content.jurisdictions["demo"],
            ring=timedelta(seconds=30),
            plan_desk=PlanDesk(content=content, time=HospitalTime(zone=HOSPITAL.zone, region="CN")),
        )
    app.close()


def picture(units: UnitsOfWork) -> dict[str, list[str]]:
    """Every row of every table but the logs."""
    with units() as uow:
        return {
            table.name: sorted(
                json.dumps(dict(row._mapping), default=str, sort_keys=True)
                for row in uow._session.execute(table.select())
            )
            for table in metadata.sorted_tables
            if table.name not in LOGS
        }


def dials(units: UnitsOfWork) -> tuple[int, int]:
    """How many dial commands there are, and attempts."""
    with units() as uow:
        row = uow._session.execute(
            text("SELECT (SELECT count(*) FROM call_commands WHERE verb = 'dial'), (SELECT count(*) FROM attempts)")
        ).one()
        return int(row[0]), int(row[1])


def rows_of_every_kind(uow: UnitOfWork, gate: Gate, folder: Path) -> dict[str, str]:
    """Something in every state that can stall, all of it long ago; the ids that Celery tasks ask for, by kind."""
    queue = a_queue(uow, policy="default")
    a_node(uow)
    long_ago = uow.now - LONG_AGO
    for state in (TaskState.PLANNED, TaskState.DUE, TaskState.QUEUED):
        a_task(uow, a_patient(uow), queue, state=state, due_at=uow.now - timedelta(days=2))
        a_task(uow, a_patient(uow), queue, state=state, latest_at=uow.now + timedelta(hours=2))
    for call_state in (CallState.PLANNED, CallState.DIALING, CallState.RINGING, CallState.BRIDGED):
        agent, task = an_agent(uow, queue), a_task(uow, a_patient(uow), queue)
        attempt = reserve(uow, task=task, agent_id=agent.id, node="node-1", gate=gate, now=uow.now)
        call = uow.calls.of_attempt(attempt.id)
        assert call is not None
        attempt.reserved_at = call.planned_at = long_ago
        (dial,) = uow.calls.commands_for(call.id)
        dial.deadline = long_ago
        call.state = call_state
        if call_state is not CallState.PLANNED:
            call.invite_at = long_ago
        if call_state is CallState.BRIDGED:
            call.answered_at, attempt.state = long_ago, AttemptState.IN_CALL
    silent = an_agent(uow, queue, heartbeat_at=long_ago)
    wrapping = an_attempt(
        uow, a_task(uow, a_patient(uow), queue, state=TaskState.IN_PROGRESS), agent_id=silent.id, wrap_up_at=long_ago
    )
    closed = an_attempt(
        uow,
        a_task(uow, a_patient(uow), queue, state=TaskState.IN_PROGRESS, attempts_made=1),
        state=AttemptState.CLOSED,
        outcome=AttemptOutcome.NO_ANSWER,
        closed_at=long_ago,
        reserved_at=long_ago,
    )
    spool = folder / "spool"
    write_spool(spool, agent=voice(1, 8000), patient=voice(2, 8000))
    recordings = {
        state: a_recording(uow, a_call(uow, wrapping, ended_at=long_ago), spool / state.value, state=state)
        for state in (RecordingState.RECORDING, RecordingState.STORED)
    }
    captured = a_recording(uow, a_call(uow, closed, ended_at=long_ago), spool)
    messages = [
        Message(
            id=new_id(),
            channel=Channel.SMS,
            address="+8613800000000",
            language="zh",
            text_key="missed_call",
            text="请回电",
            planned_at=long_ago,
            send_at=long_ago,
            state=state,
        )
        for state in (MessageState.PLANNED, MessageState.SENDING)
    ]
    for message in messages:
        uow.messages.plan(message)
    summary = a_summary(empty_facts(), state=SummaryState.DRAFT, patient_id=a_patient(uow).id)
    uow.summaries.add(summary)
    printed = a_print(summary, kind=PrintKind.DRAFT, asked_at=long_ago)
    uow.summaries.add_print(printed)
    imports = {
        state: ListImport(
            id=new_id(),
            kind=ListKind.DISCHARGE,
            source="",
            file_name="list.csv",
            format="csv",
            encoding="utf-8",
            header=["姓名"],
            header_line=1,
            mapping={},
            state=state,
            total=0,
            created_by=None,
            created_at=long_ago,
            moved_at=long_ago,
            rows_kept_until=long_ago if state is ImportState.READ else uow.now + LONG_AGO,
        )
        for state in (ImportState.READ, ImportState.APPLYING, ImportState.UNDOING)
    }
    for each in imports.values():
        uow.imports.add(each, [])
    patient = a_patient(uow)
    plan = start_plan(
        uow,
        patient=patient,
        encounter=an_encounter(uow, patient),
        template=a_template(),
        queues_by_name={"discharge": queue},
        now=uow.now,
        variables={},
        time=HOSPITAL,
    )
    (task,) = uow.plans.tasks_of_plan(plan.id)
    task.state = TaskState.CANCELLED
    uow.flush()
    return {
        "attempt": closed.id,
        "message": messages[0].id,
        "recording": captured.id,
        "stored": recordings[RecordingState.STORED].id,
        "call": captured.call_id,
        "print": printed.id,
        "applying": imports[ImportState.APPLYING].id,
        "undoing": imports[ImportState.UNDOING].id,
        "mapping": str(
            uow.unmapped_results.decide(
                "hl7:LIS", "GLU", MappedCode(concept="glucose"), reason="asked", by=None, at=uow.now
            )
        ),
        "patient": patient.id,
    }


def test_every_entry_of_the_timetable_runs_twice_as_well_as_once_and_dials_nobody(
    units: UnitsOfWork, gate: Gate, repairs: Repairs, tmp_path: Path
) -> None:
    with units() as uow:
        rows_of_every_kind(uow, gate, tmp_path)
        uow.commit()
    before, dialed = picture(units), dials(units)
    with units() as uow:
        repairs.silent_nodes["node-1"] = uow.now - LONG_AGO
        uow._session.execute(text("UPDATE telephony_nodes SET heartbeat_at = :at"), {"at": uow.now - LONG_AGO})
        uow.commit()
    for entry in TIMETABLE:
        entry.work(repairs)
    after = picture(units)
    assert after != before
    for entry in TIMETABLE:
        entry.work(replace(repairs, sent_again={}))  # as a scheduler that has just become the leader
    again = picture(units)
    assert {name: rows for name, rows in again.items() if rows != after[name]} == {}
    assert dials(units) == dialed, "a repair had somebody dialed"


SUBJECTS = {
    "transcription.hear_opening": "call",
    "transcription.hear_early": "call",
    "recordings.ingest": "recording",
    "recordings.purge": "recording",
    "recordings.copy": "recording",
    "recordings.tend_vault": "unknown",
    "transcription.index_turns": "recording",
    "transcription.find_keywords": "recording",
    "transcription.propose": "recording",
    "transcription.summarize": "unknown",
    "scheduler.begin_alert": "unknown",
    "interop.apply_import": "applying",
    "scheduler.stop_listed_plans": "undoing",
    "interop.undo_import": "undoing",
    "scheduler.start_listed_plans": "applying",
    "scheduler.decide_next": "attempt",
    "transcription.draft_note": "attempt",
    "interop.send_message": "message",
    "reports.set_print": "print",
    "record.follow_change": "patient",
    "record.follow_answers": "unknown",
    "record.follow_attempt": "attempt",
    "scheduler.follow_feeds": "patient",
    "scheduler.class_readings": "patient",
    "interop.settle_results": "mapping",
}
"""Which row each Celery task is run on. Transcribing needs the model: tests/integration/test_media_tasks.py."""


def test_every_celery_task_runs_twice_as_well_as_once(
    units: UnitsOfWork, gate: Gate, database_url: str, broker_url: str, tmp_path: Path
) -> None:
    assert {name for names in ROUTES.values() for name in names} - {"transcription.transcribe"} == set(SUBJECTS)
    with units() as uow:
        ids = rows_of_every_kind(uow, gate, tmp_path)
        uow.commit()
    settings = Settings(
        mode=gate.mode,
        jurisdiction=Jurisdiction.DEMO,
        state_dir=tmp_path / "state",
        database_url=database_url,
        broker_url=broker_url,
        roster_required=False,
    )
    app = worker_application(settings, hears=False)
    changed = set()
    try:
        for name, kind in SUBJECTS.items():
            start = picture(units)
            app.tasks[name].run(ids.get(kind, new_id()))
            once = picture(units)
            app.tasks[name].run(ids.get(kind, new_id()))
            assert picture(units) == once, f"{name} is not the same when it is run again"
            changed |= {name} if once != start else set()
    finally:
        forget_parts()
        app.close()
    assert changed >= {
        "scheduler.decide_next",
        "transcription.draft_note",
        "interop.send_message",
        "recordings.ingest",
        "reports.set_print",
    }


def test_a_decision_asked_for_while_another_is_being_made_waits_and_is_not_made_twice(
    units: UnitsOfWork, gate: Gate, content: Content, tmp_path: Path
) -> None:
    policies = AttemptPolicies(by_id=content.policies)
    with units() as uow:
        ids = rows_of_every_kind(uow, gate, tmp_path)
        uow.commit()
    decided: list[bool] = []

    def decide() -> None:
        with units() as second:
            decided.append(decide_next_for(second, ids["attempt"], gate=gate, policies=policies))
            second.commit()

    with units() as first:
        assert decide_next_for(first, ids["attempt"], gate=gate, policies=policies)
        first.flush()
        other = threading.Thread(target=decide)
        other.start()
        first.commit()
    other.join(timeout=20)
    assert decided == [False]
    with units() as uow:
        assert len(uow.decisions.of_attempt(ids["attempt"])) == 1
