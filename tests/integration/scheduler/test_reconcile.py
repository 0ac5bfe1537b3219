"""Every stalled state has its limit and its remedy, and no repair ever dials or guesses that nothing was sent."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
import structlog
from celery import Celery

from db.calls import CallCommand, CommandState
from db.gate import Gate
from db.unit_of_work import UnitOfWork, UnitsOfWork
from db.users import StoredAnswer
from followup.attempts import Attempt, AttemptState
from followup.calls import Call, CallState, EndReason, Leg, LegId, LegRole, Party
from followup.events import DomainEvent, EventKind
from followup.inbound import InboundCall, InboundId, InboundState
from followup.notes import Note
from followup.outcomes import AttemptOutcome
from followup.plans import TaskState
from followup.queues import AgentState
from followup.recordings import Recording, RecordingState
from followup.transfers import Transfer, TransferTarget
from runtime.content.library import Content
from runtime.identifiers import new_id
from runtime.live_events import LiveStream
from runtime.task_queue import QUEUE, SPEECH_QUEUE, make_task_queue
from scheduler import reconcile
from scheduler.dialer import reserve
from scheduler.outcomes import AttemptPolicies
from scheduler.reconcile import Repairs
from scheduler.timetable import TIMETABLE, Entry, Timetable
from tests.support.builders import a_node, a_patient, a_queue, a_task, a_user, an_agent

LONG_AGO = timedelta(hours=3)


@pytest.fixture
def task_queue(broker_url: str) -> Iterator[Celery]:
    """Celery on the run's Valkey."""
    app = make_task_queue(broker_url)
    yield app
    app.close()


@pytest.fixture
def repairs(units: UnitsOfWork, content: Content, task_queue: Celery, broker_url: str) -> Iterator[Repairs]:
    """What the repairs work with."""
    with LiveStream(broker_url) as live:
        yield Repairs(
            units_of_work=units,
            task_queue=task_queue,
            live=live,
            policies=AttemptPolicies(by_id=content.policies),
            ring=timedelta(seconds=30),
        )


def reserved(uow: UnitOfWork, gate: Gate, *, ago: timedelta = timedelta(minutes=2)) -> tuple[Attempt, Call]:
    """An attempt with its planned call and dial command, all made `ago`."""
    queue = a_queue(uow)
    agent = an_agent(uow, queue)
    task = a_task(uow, a_patient(uow), queue)
    attempt = reserve(uow, task=task, agent_id=agent.id, node="node-1", gate=gate, now=uow.now)
    call = uow.calls.of_attempt(attempt.id)
    assert call is not None
    attempt.reserved_at -= ago
    call.planned_at -= ago
    (dial,) = uow.calls.commands_for(call.id)
    dial.deadline -= ago
    uow.flush()
    return attempt, call


def dial_of(uow: UnitOfWork, call: Call) -> CallCommand:
    """The call's dial command."""
    return next(command for command in uow.calls.commands_for(call.id) if command.verb == "dial")


def messages(broker_url: str, queue: str) -> int:
    """How many Celery messages wait."""
    with redis.Redis.from_url(broker_url) as broker:
        return int(broker.llen(queue))


# --- attempts without a call ------------------------------------------------------------------------------------------


def test_an_attempt_whose_dial_command_no_node_took_is_released(
    units: UnitsOfWork, gate: Gate, repairs: Repairs
) -> None:
    with units() as uow:
        attempt, call = reserved(uow, gate)
        uow.commit()
    assert reconcile.release_unsent_attempts(repairs) == 1
    assert reconcile.release_unsent_attempts(repairs) == 0
    with units() as uow:
        saved, ended = uow.attempts.get(attempt.id), uow.calls.get(call.id)
        assert saved is not None
        assert ended is not None
        assert (saved.state, saved.outcome) == (AttemptState.CLOSED, AttemptOutcome.CALLER_ABANDONED)
        assert (ended.state, ended.end_reason, ended.party) == (CallState.ENDED, EndReason.CANCELLED, Party.US)
        assert dial_of(uow, call).state is CommandState.REFUSED
        agent = uow.queues.agent(attempt.agent_id or "")
        assert agent is not None
        assert agent.state is AgentState.AVAILABLE
        assert not uow.calls.take_commands("node-1")
        assert {"call_ended", "attempt_closed"} <= {row.kind for row in uow.outbox.unpublished()}


def test_a_command_that_may_still_be_taken_is_left_alone(units: UnitsOfWork, gate: Gate, repairs: Repairs) -> None:
    with units() as uow:
        attempt, call = reserved(uow, gate)
        dial_of(uow, call).deadline = uow.now + timedelta(seconds=5)
        uow.commit()
    assert reconcile.release_unsent_attempts(repairs) == 0
    with units() as uow:
        assert uow.attempts.has_live(attempt.patient_id)


@pytest.mark.parametrize("state", [CallState.PLANNED, CallState.DIALING, CallState.RINGING])
def test_where_an_invite_may_have_left_the_node_is_asked_and_nothing_else_is_done(
    units: UnitsOfWork, gate: Gate, repairs: Repairs, state: CallState
) -> None:
    with units() as uow:
        attempt, call = reserved(uow, gate)
        dial_of(uow, call).state = CommandState.ACCEPTED
        call.state = state
        uow.commit()
    assert reconcile.release_unsent_attempts(repairs) == 0
    assert reconcile.ask_about_silent_calls(repairs) == 1
    assert reconcile.ask_about_silent_calls(repairs) == 1
    with units() as uow:
        asked = [command for command in uow.calls.commands_for(call.id) if command.verb == "report"]
        assert 1 <= len(asked) <= 2  # one for each minute, and the minute may turn in between
        assert (asked[0].node, asked[0].state) == ("node-1", CommandState.PENDING)
        saved = uow.attempts.get(attempt.id)
        assert saved is not None
        assert saved.state is AttemptState.RESERVED


def test_a_call_that_still_rings_is_not_asked_about(units: UnitsOfWork, gate: Gate, repairs: Repairs) -> None:
    with units() as uow:
        _, call = reserved(uow, gate, ago=timedelta(seconds=25))
        dial_of(uow, call).state = CommandState.ACCEPTED
        call.state = CallState.RINGING
        uow.commit()
    assert reconcile.ask_about_silent_calls(repairs) == 0


# --- nodes that never came back ---------------------------------------------------------------------------------------


def lose_node(units: UnitsOfWork, repairs: Repairs) -> None:
    """The node has been silent, and this leader has seen it so for long enough."""
    with units() as uow:
        a_node(uow)
        uow.calls.forget_node("node-1")
        uow.commit()
    assert reconcile.end_calls_of_lost_nodes(repairs) == 0
    repairs.silent_nodes["node-1"] -= reconcile.NODE_LOST


def test_a_call_of_a_lost_node_ends_and_a_person_decides_whether_to_call_again(
    units: UnitsOfWork, gate: Gate, repairs: Repairs
) -> None:
    with units() as uow:
        attempt, call = reserved(uow, gate)
        call.state = CallState.RINGING
        uow.commit()
    lose_node(units, repairs)
    assert reconcile.end_calls_of_lost_nodes(repairs) == 1
    with units() as uow:
        saved, ended, task = uow.attempts.get(attempt.id), uow.calls.get(call.id), uow.plans.task(attempt.task_id)
        assert saved is not None
        assert ended is not None
        assert task is not None
        assert (ended.state, ended.end_reason) == (CallState.ENDED, EndReason.WORKER_LOST)
        assert saved.state is AttemptState.CLOSED
        assert saved.decided_at is not None
        assert (task.state, task.next_action) == (TaskState.QUEUED, "escalate")
        assert task.next_attempt_at > task.latest_at


def test_after_a_conversation_on_a_lost_node_the_agent_says_what_came_of_it(
    units: UnitsOfWork, gate: Gate, repairs: Repairs
) -> None:
    with units() as uow:
        attempt, call = reserved(uow, gate)
        call.state, call.answered_at, attempt.state = CallState.BRIDGED, uow.now, AttemptState.IN_CALL
        uow.commit()
    lose_node(units, repairs)
    reconcile.end_calls_of_lost_nodes(repairs)
    with units() as uow:
        saved, agent = uow.attempts.get(attempt.id), uow.queues.agent(attempt.agent_id or "")
        assert saved is not None
        assert agent is not None
        assert (saved.state, agent.state) == (AttemptState.WRAP_UP, AgentState.WRAP_UP)


def test_a_transfer_of_a_lost_call_ends_with_it(units: UnitsOfWork, gate: Gate, repairs: Repairs) -> None:
    with units() as uow:
        _, call = reserved(uow, gate)
        call.state = CallState.RINGING
        leg = Leg(id=LegId(new_id()), call_id=call.id, role=LegRole.THIRD_PARTY)
        call.legs.append(leg)
        uow.flush()
        transfer = Transfer(
            id=new_id(),
            call_id=call.id,
            leg_id=leg.id,
            mode="blind",
            target=TransferTarget.NUMBER,
            number="+8613800000000",
            asked_by=a_user(uow).id,
            asked_at=uow.now,
        )
        uow.transfers.add(transfer)
        uow.commit()
    lose_node(units, repairs)
    reconcile.end_calls_of_lost_nodes(repairs)
    with units() as uow:
        assert uow.transfers.live_of_call(call.id) is None


def test_a_node_that_comes_back_keeps_its_calls(units: UnitsOfWork, gate: Gate, repairs: Repairs) -> None:
    with units() as uow:
        reserved(uow, gate)
        uow.commit()
    lose_node(units, repairs)
    with units() as uow:
        a_node(uow)
        uow.commit()
    assert reconcile.end_calls_of_lost_nodes(repairs) == 0
    assert not repairs.silent_nodes


# --- decisions and recordings -----------------------------------------------------------------------------------------


def test_an_attempt_that_nobody_decided_is_sent_again_but_not_at_every_turn(
    units: UnitsOfWork, gate: Gate, repairs: Repairs, broker_url: str
) -> None:
    with units() as uow:
        attempt, _ = reserved(uow, gate)
        attempt.state, attempt.outcome, attempt.closed_at = AttemptState.CLOSED, AttemptOutcome.BUSY, uow.now
        uow.commit()
    assert reconcile.decide_forgotten_attempts(repairs) == 0
    with units() as uow:
        saved = uow.attempts.for_update(attempt.id)
        assert saved is not None
        saved.closed_at = uow.now - reconcile.DECISION_LIMIT
        uow.commit()
    assert [reconcile.decide_forgotten_attempts(repairs) for _ in range(2)] == [1, 0]
    assert messages(broker_url, QUEUE) == 1


def test_the_note_of_a_closed_attempt_that_was_never_drafted_is_sent_for_again(
    units: UnitsOfWork, gate: Gate, repairs: Repairs, broker_url: str
) -> None:
    with units() as uow:
        attempt, _ = reserved(uow, gate)
        attempt.state, attempt.outcome = AttemptState.CLOSED, AttemptOutcome.BUSY
        attempt.closed_at = attempt.decided_at = uow.now
        uow.commit()
    assert reconcile.draft_forgotten_notes(repairs) == 0
    with units() as uow:
        saved = uow.attempts.for_update(attempt.id)
        assert saved is not None
        saved.closed_at = uow.now - reconcile.NOTE_LIMIT
        uow.commit()
    assert [reconcile.draft_forgotten_notes(repairs) for _ in range(2)] == [1, 0]
    assert messages(broker_url, QUEUE) == 1
    with units() as uow:
        uow.notes.add(
            Note(
                id=new_id(),
                attempt_id=attempt.id,
                task_id=attempt.task_id,
                patient_id=attempt.patient_id,
                language="zh",
                text="占线",
                created_at=uow.now,
            )
        )
        uow.commit()
    repairs.sent_again.clear()
    assert reconcile.draft_forgotten_notes(repairs) == 0


def a_recording(uow: UnitOfWork, gate: Gate, state: RecordingState, **values: Any) -> Recording:
    """The recording of a call that ended long ago."""
    _, call = reserved(uow, gate)
    call.state, call.ended_at = CallState.ENDED, uow.now - LONG_AGO
    recording = Recording(
        **{
            "id": new_id(),
            "call_id": call.id,
            "patient_id": call.patient_id,
            "state": state,
            "started_at": uow.now - LONG_AGO,
            **values,
        }
    )
    uow.recordings.add(recording)
    uow.flush()
    return recording


@pytest.mark.parametrize(("state", "queue"), [(RecordingState.CAPTURED, QUEUE), (RecordingState.STORED, SPEECH_QUEUE)])
def test_a_recording_whose_message_was_lost_is_sent_again_once(
    units: UnitsOfWork, gate: Gate, repairs: Repairs, broker_url: str, state: RecordingState, queue: str
) -> None:
    with units() as uow:
        a_recording(uow, gate, state)
        uow.commit()
    assert [reconcile.send_recordings_again(repairs) for _ in range(2)] == [1, 0]
    assert messages(broker_url, queue) == 1


def test_a_recording_that_waits_behind_others_is_not_sent_again(
    units: UnitsOfWork, gate: Gate, repairs: Repairs, broker_url: str
) -> None:
    with units() as uow:
        a_recording(uow, gate, RecordingState.STORED, started_at=uow.now - timedelta(minutes=10))
        uow.commit()
    repairs.task_queue.send_task("transcription.transcribe", args=[new_id()])
    assert reconcile.send_recordings_again(repairs) == 0
    with redis.Redis.from_url(broker_url) as broker:
        broker.delete(SPEECH_QUEUE)
        broker.hset("unacked", "tag", "in a worker's hands")
        assert reconcile.send_recordings_again(repairs) == 0
        broker.delete("unacked")
    assert reconcile.send_recordings_again(repairs) == 1


def test_sound_left_in_the_spool_by_a_lost_worker_is_captured(
    units: UnitsOfWork, gate: Gate, repairs: Repairs, tmp_path: Path
) -> None:
    (tmp_path / "patient.wav").write_bytes(b"RIFF")
    with units() as uow:
        recording = a_recording(uow, gate, RecordingState.RECORDING, spool=str(tmp_path))
        uow.commit()
    assert [reconcile.capture_left_recordings(repairs) for _ in range(2)] == [1, 0]
    with units() as uow:
        saved = uow.recordings.get(recording.id)
        assert saved is not None
        assert saved.state is RecordingState.CAPTURED
        assert [row.subject for row in uow.outbox.unpublished() if row.kind == "recording_captured"] == [recording.id]


def test_a_recording_of_which_nothing_is_left_fails_with_the_reason(
    units: UnitsOfWork, gate: Gate, repairs: Repairs, tmp_path: Path
) -> None:
    with units() as uow:
        recording = a_recording(uow, gate, RecordingState.RECORDING, spool=str(tmp_path / "gone"))
        uow.commit()
    assert reconcile.capture_left_recordings(repairs) == 1
    with units() as uow:
        saved = uow.recordings.get(recording.id)
        assert saved is not None
        assert saved.state is RecordingState.FAILED
        assert "no sound" in saved.reason


def test_the_recording_of_a_long_call_goes_on(units: UnitsOfWork, gate: Gate, repairs: Repairs) -> None:
    with units() as uow:
        recording = a_recording(uow, gate, RecordingState.RECORDING)
        call = uow.calls.get(recording.call_id)
        assert call is not None
        call.state, call.ended_at = CallState.BRIDGED, None
        uow.commit()
    assert reconcile.capture_left_recordings(repairs) == 0


# --- agents, wrap-ups, answers ----------------------------------------------------------------------------------------


def test_an_idle_agent_whose_console_fell_silent_goes_offline_and_his_headset_is_let_go(
    units: UnitsOfWork, repairs: Repairs
) -> None:
    with units() as uow:
        queue = a_queue(uow)
        silent = an_agent(uow, queue, heartbeat_at=uow.now - timedelta(seconds=31))
        heard = an_agent(uow, queue, heartbeat_at=uow.now - timedelta(seconds=20))
        uow.commit()
    assert [reconcile.release_silent_agents(repairs) for _ in range(2)] == [1, 0]
    with units() as uow:
        agents = {agent.id: agent for agent in uow.queues.agents()}
        assert (agents[silent.id].state, agents[silent.id].headset_wanted) == (AgentState.OFFLINE, False)
        assert agents[silent.id].state_reason == "the console was not heard"
        assert [command.verb for command in uow.calls.commands_for(silent.id)] == ["detach_headset"]
        assert agents[heard.id].state is AgentState.AVAILABLE


def test_a_silent_agent_in_a_call_keeps_it_and_goes_offline_afterwards(units: UnitsOfWork, repairs: Repairs) -> None:
    with units() as uow:
        agent = an_agent(uow, a_queue(uow), state=AgentState.ON_CALL, heartbeat_at=uow.now - timedelta(minutes=5))
        uow.commit()
    assert [reconcile.release_silent_agents(repairs) for _ in range(2)] == [1, 0]
    with units() as uow:
        saved = uow.queues.agent(agent.id)
        assert saved is not None
        assert (saved.state, saved.wanted_state, saved.headset_wanted) == (AgentState.ON_CALL, AgentState.OFFLINE, True)
        assert not uow.calls.commands_for(agent.id)


def test_a_forgotten_wrap_up_is_told_of_and_left_to_its_agent(units: UnitsOfWork, gate: Gate, repairs: Repairs) -> None:
    with units() as uow:
        attempt, _ = reserved(uow, gate)
        attempt.state, attempt.wrap_up_at = AttemptState.WRAP_UP, uow.now - LONG_AGO
        uow.commit()
    with structlog.testing.capture_logs() as logs:
        reconcile.tell_of_forgotten_wrap_ups(repairs)
    assert [(line["event"], line["attempt"]) for line in logs] == [("wrap_up_forgotten", attempt.id)]
    (shown,) = repairs.live.read("0-0")
    assert (shown.kind, shown.ids["subject"]) == ("wrap_up_forgotten", attempt.id)
    with units() as uow:
        saved = uow.attempts.get(attempt.id)
        assert saved is not None
        assert saved.state is AttemptState.WRAP_UP
        task = uow.plans.task(attempt.task_id)
        assert task is not None
        # Its window goes on meanwhile, so it stands among what people have to look into, told once.
        assert (task.state, task.next_action) == (TaskState.IN_PROGRESS, "escalate")
    reconcile.tell_of_forgotten_wrap_ups(repairs)
    with units() as uow:
        told = [row for row in uow.outbox.unpublished() if row.kind == EventKind.TASK_ESCALATED]
        assert [row.subject for row in told] == [attempt.task_id]


def test_stored_answers_are_forgotten_after_a_day(units: UnitsOfWork, repairs: Repairs) -> None:
    with units() as uow:
        user = a_user(uow)
        for key, age in (("old", timedelta(hours=25)), ("young", timedelta(hours=23))):
            answer = StoredAnswer(id=new_id(), user_id=user.id, key=key, fingerprint="f", created_at=uow.now - age)
            assert uow.users.claim_answer(answer) is None
        uow.commit()
    reconcile.forget_stored_answers(repairs)
    with units() as uow:
        for key, kept in (("old", False), ("young", True)):
            again = StoredAnswer(id=new_id(), user_id=user.id, key=key, fingerprint="f", created_at=uow.now)
            assert (uow.users.claim_answer(again) is not None) is kept


# --- the timetable ----------------------------------------------------------------------------------------------------


def test_on_an_empty_database_no_entry_of_the_timetable_finds_anything(repairs: Repairs) -> None:
    assert len({entry.name for entry in TIMETABLE}) == len(TIMETABLE)
    assert [entry.work(repairs) for entry in TIMETABLE] == [0] * len(TIMETABLE)


def test_entries_run_by_their_intervals_and_one_that_fails_stops_no_other(repairs: Repairs) -> None:
    clock = [0.0]
    runs: list[str] = []

    def fail(_: Repairs) -> int:
        runs.append("failing")
        raise ValueError("broken on purpose")

    def work(_: Repairs) -> int:
        runs.append("working")
        return 1

    timetable = Timetable(
        repairs,
        [
            Entry(name="failing", every=timedelta(seconds=10), work=fail),
            Entry(name="working", every=timedelta(seconds=4), work=work),
        ],
        monotonic=lambda: clock[0],
    )
    with structlog.testing.capture_logs() as logs:
        assert timetable.run_due() == 4
        clock[0] = 4.0
        assert timetable.run_due() == 4
        clock[0] = 10.0
        timetable.run_due()
    assert runs == ["failing", "working", "working", "failing", "working"]
    assert [line["event"] for line in logs] == [
        "repair_failed",
        "repaired",
        "repaired",
        "repair_failed",
        "repaired",
    ]


def test_only_published_events_older_than_a_month_are_dropped(units: UnitsOfWork, repairs: Repairs) -> None:
    with units() as uow:
        long_ago = uow.now - reconcile.EVENTS_KEPT - timedelta(hours=1)
        for _ in range(3):
            uow.emit(DomainEvent(kind=EventKind.TASK_QUEUED, subject=new_id()))
        uow.flush()
        old, young, waiting = (row.id for row in uow.outbox.unpublished())
        uow.outbox.mark_published([old], long_ago)
        uow.outbox.mark_published([young], uow.now)
        uow.commit()
    reconcile.forget_published_events(repairs)
    with units() as uow:
        assert [row.id for row in uow.outbox.unpublished()] == [waiting]


# --- callers ---


def a_caller(uow: UnitOfWork, **values: Any) -> InboundCall:
    caller = InboundCall(
        **{
            "id": InboundId(new_id()),
            "leg_id": LegId(new_id()),
            "node": "node-1",
            "rang_at": uow.now - timedelta(days=31),
            **values,
        }
    )
    uow.inbound.add(caller)
    uow.flush()
    return caller


def test_a_callers_sound_that_nobody_claimed_is_destroyed_after_a_month_and_on_record(
    units: UnitsOfWork, repairs: Repairs, tmp_path: Path
) -> None:
    old, young = tmp_path / "old", tmp_path / "young"
    for folder in (old, young):
        folder.mkdir()
        (folder / "patient.wav").write_bytes(b"RIFF")
    with units() as uow:
        ended = {"state": InboundState.ENDED}
        a_caller(uow, **ended, spool=str(old), ended_at=uow.now - timedelta(days=30, hours=1))
        a_caller(uow, **ended, spool=str(young), ended_at=uow.now - timedelta(days=29))
        uow.commit()
    assert [reconcile.drop_unclaimed_sound(repairs) for _ in range(2)] == [1, 0]
    assert (old.exists(), young.exists()) == (False, True)


def test_callers_of_a_lost_node_end_and_free_the_agents_they_were_offered_to(
    units: UnitsOfWork, repairs: Repairs
) -> None:
    with units() as uow:
        agent = an_agent(uow, a_queue(uow), state=AgentState.RESERVED)
        caller = a_caller(uow, state=InboundState.OFFERED, agent_id=agent.id)
        uow.calls.heartbeat("node-1", uow.now - timedelta(hours=1), 1)
        uow.commit()
        repairs.silent_nodes["node-1"] = uow.now - timedelta(hours=1)
    assert reconcile.end_calls_of_lost_nodes(repairs) == 1
    with units() as uow:
        gone, freed = uow.inbound.get(caller.id), uow.queues.agent(agent.id)
        assert gone is not None
        assert freed is not None
        assert (gone.state, gone.reason, freed.state) == ("ended", "lost", AgentState.AVAILABLE)
