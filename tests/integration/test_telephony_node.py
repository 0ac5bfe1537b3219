"""A telephony node on a real database with real call workers and a real SIP phone at the other end."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from db.engine import make_engine
from db.unit_of_work import UnitsOfWork
from followup.attempts import AttemptState
from followup.calls import CallState
from followup.plans import TaskMode
from followup.queues import AgentState, HeadsetState
from followup.recordings import REFUSED_BY_PATIENT, RecordingState
from telephony.call_control import Trunk
from telephony.trunks import Trunks
from tests.support.builders import a_call, a_patient, a_queue, a_task, an_attempt
from tests.support.ports import free_udp_block
from tests.support.sip_patient import SipPatient, sip_patient
from tests.support.telephony_bench import PORTS, Place, command, dial, ended, node_at
from tests.support.waiting import until


@pytest.fixture
def phone(tmp_path: Path) -> Iterator[SipPatient]:
    programmes = {
        "desk": "answer",
        "+8613900000101": "ring.answer-200.play-440.hangup-1500",
        "+8613900000102": "busy",
        "+8613900000103": "ring.answer.digits-1" + ".wait-1500.digits-1" * 4,
        "+8613900000104": "ring.answer.digits-8",
        "+8613900000105": "ring.answer",
        "+8613900000106": "ring.answer.wait-3000.digits-8",
        "+8613900000107": "ring.answer.digits-1.wait-700.digits-1.wait-700.digits-1.wait-1500"
        ".digits-0.wait-300.digits-8.wait-300.digits-0.wait-300.digits-8.wait-300.digits-#.wait-1500"
        ".digits-6.wait-300.digits-3.wait-300.digits-2.wait-300.digits-#",
    }
    with sip_patient(tmp_path / "phone", programmes) as running:
        yield running


@pytest.fixture
def place(tmp_path: Path, database_url: str, phone: SipPatient) -> Iterator[Place]:
    engine = make_engine(database_url)
    trunk = Trunk(name="test", host=phone.host, port=phone.port, loopback_only=True)
    yield Place(
        folder=tmp_path,
        ports=free_udp_block(PORTS),
        trunks=Trunks(patients=trunk, headsets=trunk),
        units=UnitsOfWork(engine),
        database_url=database_url,
    )
    engine.dispose()


def test_an_agent_talks_with_a_patient_and_the_call_waits_for_her_word(place: Place) -> None:
    with node_at(place):
        call_id, agent_id = dial(place, "+8613900000101")
        call = ended(place, call_id)
    assert (call.end_reason, call.party) == ("hang_up", "patient")
    assert call.sip_call_id
    assert call.planned_at <= call.invite_at <= call.ringing_at <= call.answered_at <= call.bridged_at <= call.ended_at  # type: ignore[operator]
    assert (call.bridged_at - call.answered_at).total_seconds() <= 0.5  # type: ignore[operator]
    with place.units() as uow:
        attempt = uow.attempts.get(call.attempt_id)
        agent = uow.queues.agent(agent_id or "")
        recording = uow.recordings.of_call(call_id)
        assert attempt is not None
        assert agent is not None
        assert recording is not None
        assert (attempt.state, attempt.outcome) == ("wrap_up", None)
        assert (agent.state, agent.headset_state) == (AgentState.WRAP_UP, HeadsetState.UP)
        assert recording.state is RecordingState.CAPTURED
        assert {path.name for path in Path(recording.spool or "").iterdir()} == {
            "agent.wav",
            "patient.wav",
            "recording.json",
        }
        kinds = [row.kind for row in uow.outbox.unpublished(500)]
    assert kinds.count("recording_captured") == 1
    assert kinds.count("call_ended") == 1


def test_a_played_notice_does_not_make_the_agent_late_and_a_key_refuses_the_recording(
    place: Place, phone: SipPatient
) -> None:
    with node_at(place):
        call_id, agent_id = dial(place, "+8613900000106", played_notice=True)
        until(lambda: refused(place, call_id), timeout=20, what="the recording is refused by key")
        until(lambda: not (place.folder / "spool" / call_id).exists(), timeout=10, what="the recording is destroyed")
        assert place.call(call_id).state is CallState.BRIDGED
        command(place, "hang_up", call_id)
        call = ended(place, call_id)
    assert (call.bridged_at - call.answered_at).total_seconds() <= 0.5  # type: ignore[operator]
    with place.units() as uow:
        attempt = uow.attempts.get(call.attempt_id)
        assert attempt is not None
        assert (attempt.state, attempt.agent_id) == ("wrap_up", agent_id)


def test_a_busy_patient_closes_the_attempt_and_frees_the_agent(place: Place) -> None:
    with node_at(place):
        call_id, agent_id = dial(place, "+8613900000102")
        call = ended(place, call_id)
    assert (call.end_reason, call.party, call.answered_at) == ("busy", "patient", None)
    with place.units() as uow:
        attempt = uow.attempts.get(call.attempt_id)
        agent = uow.queues.agent(agent_id or "")
        assert attempt is not None
        assert agent is not None
        assert (attempt.state, attempt.outcome, attempt.outcome_by) == ("closed", "busy", None)
        assert agent.state is AgentState.AVAILABLE
        assert uow.recordings.of_call(call_id) is None


def test_a_reminder_is_confirmed_by_key(place: Place) -> None:
    with node_at(place):
        call_id, _ = dial(place, "+8613900000103", mode=TaskMode.AUTOMATED)
        call = ended(place, call_id)
    assert call.digits == "11111"
    with place.units() as uow:
        attempt = uow.attempts.get(call.attempt_id)
        assert attempt is not None
        assert (attempt.outcome, attempt.task_result, attempt.answers) == (
            "connected-patient",
            "completed",
            {"answer": "confirmed"},
        )


def test_a_weight_is_entered_by_keys_of_a_telephone(place: Place) -> None:
    with node_at(place):
        call_id, _ = dial(
            place,
            "+8613900000107",
            mode=TaskMode.AUTOMATED,
            flow="heart_failure_weight",
            born=date(1955, 8, 8),
        )
        call = ended(place, call_id)
    assert call.digits == "1110808#632#"
    with place.units() as uow:
        attempt = uow.attempts.get(call.attempt_id)
        assert attempt is not None
        assert (attempt.outcome, attempt.answers) == (
            "connected-patient",
            {"weight": "63.2", "answer": "weight_entered"},
        )
        response = uow.responses.of_task(attempt.task_id, "home_weight")
        assert response is not None
        assert response.answers == {"weight": 63.2}


def test_a_refused_recording_is_stopped_destroyed_and_on_record(place: Place) -> None:
    with node_at(place):
        call_id, _ = dial(place, "+8613900000104", mode=TaskMode.AUTOMATED)
        until(
            lambda: not (place.folder / "spool" / call_id).exists() and refused(place, call_id),
            timeout=20,
            what="the recording is destroyed",
        )
        command(place, "hang_up", call_id)
        call = ended(place, call_id)
    with place.units() as uow:
        said = [c for c in uow.patients.consents_of(call.patient_id) if c.call_id == call_id]
    assert [(c.scope, c.granted) for c in said] == [("recording", False)]


def refused(place: Place, call_id: str) -> bool:
    with place.units() as uow:
        recording = uow.recordings.of_call(call_id)
        return recording is not None and recording.reason == REFUSED_BY_PATIENT and recording.spool is None


def test_the_gate_is_asked_again_at_the_last_moment(place: Place, phone: SipPatient) -> None:
    with node_at(place):
        call_id, agent_id = dial(place, "+8613900000105", consent=False)
        call = ended(place, call_id)
    assert (call.end_reason, call.invite_at) == ("refused_by_gate", None)
    assert phone.log("+8613900000105") == []
    with place.units() as uow:
        attempt = uow.attempts.get(call.attempt_id)
        agent = uow.queues.agent(agent_id or "")
        assert attempt is not None
        assert agent is not None
        assert attempt.outcome == "blocked-by-policy"
        assert "do_not_call" in attempt.gate["reasons"]  # type: ignore[operator]
        assert agent.state is AgentState.AVAILABLE


def test_a_new_node_takes_over_a_call_in_the_middle(place: Place, phone: SipPatient) -> None:
    with node_at(place):
        call_id, _ = dial(place, "+8613900000105")
        until(lambda: place.call(call_id).state is CallState.BRIDGED, timeout=20, what="patient and agent are joined")
    assert place.call(call_id).ended_at is None
    with node_at(place) as pool:
        until(lambda: len(pool.workers()) > 0, timeout=10, what="the worker is adopted")
        command(place, "hang_up", call_id)
        call = ended(place, call_id)
    assert (call.end_reason, call.party) == ("hang_up", "agent")
    assert len(phone.saw("invited", "+8613900000105")) == 1


def test_a_report_leaves_a_held_call_alone_and_ends_one_that_no_worker_knows(place: Place) -> None:
    with node_at(place):
        call_id, _ = dial(place, "+8613900000105")
        until(lambda: place.call(call_id).state is CallState.BRIDGED, timeout=20, what="patient and agent are joined")
        with place.units() as uow:
            patient = a_patient(uow)
            task = a_task(uow, patient, a_queue(uow))
            unknown = a_call(
                uow,
                an_attempt(uow, task, state=AttemptState.RESERVED, wrap_up_at=None),
                state=CallState.RINGING,
                answered_at=None,
                ended_at=None,
                end_reason=None,
                party=None,
            )
            uow.commit()
        command(place, "report", call_id)
        command(place, "report", unknown.id)
        lost = ended(place, unknown.id)
        assert (lost.end_reason, lost.party) == ("worker_lost", "us")
        assert place.call(call_id).state is CallState.BRIDGED
        command(place, "hang_up", call_id)
        ended(place, call_id)
