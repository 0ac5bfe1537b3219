"""A patient dialed ahead of agents by a call worker of his own is joined with a headset that another worker holds."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from care.consent import Purpose
from db.engine import make_engine
from db.unit_of_work import UnitsOfWork
from followup.attempts import AttemptState
from followup.calls import Call
from followup.queues import AgentState, DialStyle, HeadsetState
from scheduler.dialer import match_and_reserve
from telephony.call_control import Trunk
from telephony.trunks import Trunks
from tests.support.builders import a_patient, a_queue, a_task, an_agent
from tests.support.ports import free_udp_block
from tests.support.sip_patient import SipPatient, sip_patient
from tests.support.telephony_bench import GATE, PORTS, Place, ended, node_at
from tests.support.waiting import until

PATIENT = "+8613900000121"


@pytest.fixture
def phone(tmp_path: Path) -> Iterator[SipPatient]:
    programmes = {"desk": "answer", PATIENT: "ring.answer-200.play-440.hangup-2500"}
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


def test_he_and_the_agent_are_joined_well_within_two_seconds_and_she_wraps_up(place: Place) -> None:
    with place.units() as uow:
        queue = a_queue(uow, purpose=Purpose.SURVEY, style=DialStyle.PREDICTIVE)
        agent = an_agent(
            uow, queue, headset="desk", headset_state=HeadsetState.DOWN, headset_leg_id=None, headset_node=None
        )
        an_agent(uow, queue, state=AgentState.WRAP_UP, headset_wanted=False, headset_state=HeadsetState.DOWN)
        patient = a_patient(uow)
        patient.contact_points[0].number = PATIENT
        task = a_task(uow, patient, queue)
        uow.commit()

    def headset_is_up() -> bool:
        with place.units() as uow:
            stored = uow.queues.agent(agent.id)
            return stored is not None and stored.headset_state is HeadsetState.UP

    def call_of_task() -> Call | None:
        with place.units() as uow:
            match_and_reserve(uow, gate=GATE, now=uow.now)
            uow.commit()
        with place.units() as uow:
            return next((uow.calls.of_attempt(each.id) for each in uow.attempts.of_task(task.id)), None)

    with node_at(place):
        until(headset_is_up, timeout=20, what="the headset is up")
        with place.units() as uow:
            stored = uow.queues.agent_for_update(agent.id)
            assert stored is not None
            stored.heartbeat_at = uow.now + timedelta(seconds=60)
            uow.commit()
        planned = until(call_of_task, timeout=20, what="a line is placed")
        assert planned.agent_id is None
        call = ended(place, planned.id)
    assert call.agent_id == agent.id
    assert call.bridged_at is not None
    assert call.answered_at is not None
    assert call.bridged_at - call.answered_at < timedelta(seconds=2)
    with place.units() as uow:
        attempt, after, recording = (
            uow.attempts.get(call.attempt_id),
            uow.queues.agent(agent.id),
            uow.recordings.of_call(call.id),
        )
        assert attempt is not None
        assert after is not None
        assert recording is not None
        assert (attempt.state, attempt.ahead, attempt.abandoned_at) == (AttemptState.WRAP_UP, True, None)
        assert (after.state, after.kept_for) == (AgentState.WRAP_UP, None)
        assert {"agent.wav", "patient.wav"} <= {path.name for path in Path(recording.spool or "").iterdir()}
