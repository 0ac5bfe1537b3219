"""A telephony node on a real database with real call workers and a real SIP phone at the other end."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from care.consent import Purpose
from db.calls import CallCommand
from db.engine import make_engine
from db.unit_of_work import UnitOfWork, UnitsOfWork
from followup.calls import Call, CallState
from followup.dialing_rules import Mode
from followup.plans import TaskMode
from followup.queues import AgentState, HeadsetState
from followup.recordings import RecordingState
from runtime.content import Content
from runtime.identifiers import new_id
from runtime.settings import REPOSITORY
from scheduler.dialer import reserve
from scheduler.gate import Gate
from telephony.call_control import LegEvent, Trunk
from telephony.commands import Commands, DialingRules
from telephony.conversation import REFUSED_BY_PATIENT, Conversation
from telephony.node import TelephonyNode
from telephony.sip.control import SipCallControl
from telephony.sip.pool import WorkerPool
from telephony.sip.pool_settings import PoolSettings
from telephony.trunks import Trunks
from telephony.voices.prompts import load_prompts
from tests.support.builders import a_patient, a_queue, a_task, an_agent
from tests.support.ports import free_udp_block
from tests.support.sip_patient import SipPatient, sip_patient
from tests.support.waiting import until

CONTENT = Content(REPOSITORY / "content")
RTP_PORTS_EACH = 40
WORKERS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a node of the test works; a second node at the same place is the first one's successor."""

    folder: Path
    ports: int
    phone: SipPatient
    units: UnitsOfWork
    database_url: str

    def pool(self) -> PoolSettings:
        return PoolSettings(
            node="node-1",
            folder=self.folder / "telephony",
            socket_folder=self.folder / "run",
            log_folder=self.folder / "logs",
            sip_port_base=self.ports,
            rtp_port_base=self.ports + 10,
            rtp_ports_each=RTP_PORTS_EACH,
            workers_warm=1,
            workers_max=WORKERS,
            orphan_seconds=30.0,
        )

    def read(self, look: Callable[[UnitOfWork], object]) -> object:
        with self.units() as uow:
            return look(uow)

    def call(self, call_id: str) -> Call:
        with self.units() as uow:
            call = uow.calls.get(call_id)
            assert call is not None
            return call


@pytest.fixture
def place(tmp_path: Path, database_url: str) -> Iterator[Place]:
    engine = make_engine(database_url)
    programmes = {
        "desk": "answer",
        "+8613900000101": "ring.answer-200.play-440.hangup-1500",
        "+8613900000102": "busy",
        "+8613900000103": "ring.answer.digits-1.digits-1",
        "+8613900000104": "ring.answer.digits-8",
        "+8613900000105": "ring.answer",
    }
    with sip_patient(tmp_path / "phone", programmes) as phone:
        yield Place(
            folder=tmp_path,
            ports=free_udp_block(10 + RTP_PORTS_EACH * WORKERS),
            phone=phone,
            units=UnitsOfWork(engine),
            database_url=database_url,
        )
    engine.dispose()


@contextmanager
def node_at(place: Place) -> Iterator[WorkerPool]:
    """A running node; leaving it stops the node as SIGTERM would."""
    trunk = Trunk(name="test", host=place.phone.host, port=place.phone.port, loopback_only=True)
    trunks = Trunks(patients=trunk, headsets=trunk)
    conversation = Conversation(CONTENT.flows)
    nodes: list[TelephonyNode] = []

    def sink(event: LegEvent) -> None:
        nodes[0].on_event(event)

    pool = WorkerPool(place.pool(), sink)
    nodes.append(
        TelephonyNode(
            name="node-1",
            units=place.units,
            database_url=place.database_url,
            control=SipCallControl(pool),
            lines=pool,
            conversation=conversation,
            commands=Commands(
                conversation=conversation,
                trunks=trunks,
                rules=DialingRules(
                    mode=Mode.DEMO,
                    profile=CONTENT.jurisdictions["demo"],
                    allow_list=frozenset(),
                    ring_seconds=5.0,
                    spool=place.folder / "spool",
                ),
            ),
            trunks=trunks,
            voice=load_prompts(REPOSITORY / "content" / "prompts"),
        )
    )
    pool.start()
    thread = threading.Thread(target=nodes[0].run, name="node")
    thread.start()
    try:
        yield pool
    finally:
        nodes[0].stop()
        thread.join(timeout=10)
        pool.close(quit_idle=True)


GATE = Gate(mode=Mode.DEMO, profile=CONTENT.jurisdictions["demo"], trunk_is_loopback=True, allow_list=frozenset())


def dial(place: Place, number: str, *, mode: TaskMode = TaskMode.AGENT, consent: bool = True) -> tuple[str, str | None]:
    """Reserve an attempt for a patient with this number; (call id, agent id)."""
    purpose = Purpose.CARE if mode is TaskMode.AGENT else Purpose.REMINDER
    with place.units() as uow:
        patient = a_patient(uow)
        patient.contact_points[0].number = number
        queue = a_queue(uow, mode=mode, purpose=purpose)
        task = a_task(uow, patient, queue)
        agent = None
        if mode is TaskMode.AGENT:
            agent = an_agent(
                uow, queue, headset_state=HeadsetState.DOWN, headset_leg_id=None, headset_node=None, headset="desk"
            )
        uow.commit()
    if agent is not None:
        agent_id = agent.id
        until(lambda: _headset_is_up(place, agent_id), timeout=20, what="the headset is up")
        with place.units() as uow:
            ready = uow.queues.agent_for_update(agent_id)
            assert ready is not None
            ready.heartbeat_at = uow.now
            uow.commit()
    with place.units() as uow:
        stored = uow.plans.task(task.id)
        assert stored is not None
        attempt = reserve(uow, task=stored, agent_id=agent.id if agent else None, node="node-1", gate=GATE, now=uow.now)
        call = uow.calls.of_attempt(attempt.id)
        assert call is not None
        if not consent:
            closed = uow.patients.get(patient.id)
            assert closed is not None
            closed.contact_points[0].do_not_call = True
        uow.commit()
    return call.id, agent.id if agent else None


def _headset_is_up(place: Place, agent_id: str) -> bool:
    with place.units() as uow:
        agent = uow.queues.agent(agent_id)
        return agent is not None and agent.headset_state is HeadsetState.UP


def ended(place: Place, call_id: str) -> Call:
    until(lambda: place.call(call_id).state is CallState.ENDED, timeout=30, what="the call has ended")
    return place.call(call_id)


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
    assert call.digits == "11"
    with place.units() as uow:
        attempt = uow.attempts.get(call.attempt_id)
        assert attempt is not None
        assert (attempt.outcome, attempt.task_result, attempt.answers) == (
            "connected-patient",
            "completed",
            {"answer": "confirmed"},
        )


def test_a_refused_recording_is_stopped_destroyed_and_on_record(place: Place) -> None:
    with node_at(place):
        call_id, _ = dial(place, "+8613900000104", mode=TaskMode.AUTOMATED)
        until(
            lambda: not (place.folder / "spool" / call_id).exists() and refused(place, call_id),
            timeout=20,
            what="the recording is destroyed",
        )
        with place.units() as uow:
            uow.calls.command(
                CallCommand(
                    node="node-1",
                    verb="hang_up",
                    subject=call_id,
                    idempotency_key=new_id(),
                    deadline=uow.now.replace(year=uow.now.year + 1),
                    created_at=uow.now,
                )
            )
            uow.commit()
        call = ended(place, call_id)
    with place.units() as uow:
        said = [c for c in uow.patients.consents_of(call.patient_id) if c.call_id == call_id]
    assert [(c.scope, c.granted) for c in said] == [("recording", False)]


def refused(place: Place, call_id: str) -> bool:
    with place.units() as uow:
        recording = uow.recordings.of_call(call_id)
        return recording is not None and recording.reason == REFUSED_BY_PATIENT and recording.spool is None


def test_the_gate_is_asked_again_at_the_last_moment(place: Place) -> None:
    with node_at(place):
        call_id, agent_id = dial(place, "+8613900000105", consent=False)
        call = ended(place, call_id)
    assert (call.end_reason, call.invite_at) == ("refused_by_gate", None)
    assert place.phone.log("+8613900000105") == []
    with place.units() as uow:
        attempt = uow.attempts.get(call.attempt_id)
        agent = uow.queues.agent(agent_id or "")
        assert attempt is not None
        assert agent is not None
        assert attempt.outcome == "blocked-by-policy"
        assert "do_not_call" in attempt.gate["reasons"]  # type: ignore[operator]
        assert agent.state is AgentState.AVAILABLE


def test_a_new_node_takes_over_a_call_in_the_middle(place: Place) -> None:
    with node_at(place):
        call_id, _ = dial(place, "+8613900000105")
        until(lambda: place.call(call_id).state is CallState.BRIDGED, timeout=20, what="patient and agent are joined")
    assert place.call(call_id).ended_at is None
    with node_at(place) as pool:
        until(lambda: len(pool.workers()) > 0, timeout=10, what="the worker is adopted")
        with place.units() as uow:
            uow.calls.command(
                CallCommand(
                    node="node-1",
                    verb="hang_up",
                    subject=call_id,
                    idempotency_key=new_id(),
                    deadline=uow.now.replace(year=uow.now.year + 1),
                    created_at=uow.now,
                )
            )
            uow.commit()
        call = ended(place, call_id)
    assert (call.end_reason, call.party) == ("hang_up", "agent")
    assert len(place.phone.saw("invited", "+8613900000105")) == 1
