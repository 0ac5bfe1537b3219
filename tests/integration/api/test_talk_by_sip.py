"""Supervision, hand-over and hang-up by real SIP: call workers, a SIP phone at the far end, asked through the API."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from care.consent import Purpose
from db.users import Role
from followup.calls import CallState
from followup.plans import TaskMode
from followup.queues import AgentState, HeadsetState
from scheduler.dialer import reserve
from telephony.call_control import Trunk
from telephony.sip.pool import WorkerPool
from telephony.trunks import Trunks
from tests.integration.api.house import Asking, House
from tests.support.builders import a_patient, a_queue, a_task, an_agent
from tests.support.ports import free_udp_block
from tests.support.sip_patient import SipPatient, sip_patient
from tests.support.telephony_bench import GATE, PORTS, Place, dial, ended, node_at
from tests.support.waiting import until

PATIENT, NEXT_PATIENT = "+8613900000201", "+8613900000202"


@pytest.fixture
def phone(tmp_path: Path) -> Iterator[SipPatient]:
    programmes = {
        "desk": "answer",
        "desk-2": "answer",
        "8001": "ring.answer",
        PATIENT: "ring.answer",
        NEXT_PATIENT: "answer",
    }
    with sip_patient(tmp_path / "phone", programmes) as running:
        yield running


@pytest.fixture
def place(tmp_path: Path, database_url: str, house: House, phone: SipPatient) -> Place:
    trunk = Trunk(name="test", host=phone.host, port=phone.port, loopback_only=True)
    return Place(
        folder=tmp_path,
        ports=free_udp_block(PORTS),
        trunks=Trunks(patients=trunk, headsets=trunk),
        units=house.units,
        database_url=database_url,
    )


def talking(place: Place) -> tuple[str, str]:
    call_id, agent_id = dial(place, PATIENT)
    until(lambda: place.call(call_id).state is CallState.BRIDGED, timeout=20, what="patient and agent are joined")
    assert agent_id is not None
    return call_id, agent_id


def modes(place: Place, call_id: str) -> list[tuple[str, bool]]:
    with place.units() as uow:
        return [(each.mode.value, each.ended_at is None) for each in uow.supervisions.stretches(call_id)]


def test_a_supervisor_s_telephone_is_rung_and_she_listens_whispers_and_takes_over(house: House, place: Place) -> None:
    overseer = house.caller(Role.SUPERVISOR)
    overseer.put("/supervision/phone", {"phone": "8001"})
    with node_at(place):
        call_id, _ = talking(place)
        begun = overseer.post(f"/calls/{call_id}/supervisions", {"mode": "listen", "reason": "training"})
        supervision = begun.json()["id"]
        until(lambda: modes(place, call_id) == [("listen", True)], timeout=20, what="she listens")
        for mode in ("whisper", "take_over"):
            overseer.post(f"/supervisions/{supervision}/mode", {"mode": mode})
            until(lambda: (mode, True) in modes(place, call_id), timeout=10, what=mode)  # noqa: B023
        overseer.post(f"/supervisions/{supervision}/end")
        until(lambda: overseer.get("/supervisions").json()["supervisions"] == [], timeout=10, what="she has left")
        assert modes(place, call_id) == [("listen", False), ("whisper", False), ("take_over", False)]
        until(lambda: place.call(call_id).state is CallState.BRIDGED, timeout=10, what="the agent is heard again")
        overseer.post(f"/calls/{call_id}/commands", {"verb": "hang_up"})
        ended(place, call_id)


def handed_over(overseer: Asking, place: Place) -> tuple[str, str, str]:
    """A call that the first agent has handed over to a colleague in another worker; both agents' ids."""
    call_id, agent_id = talking(place)
    with place.units() as uow:
        colleague = an_agent(
            uow, headset_state=HeadsetState.DOWN, headset_leg_id=None, headset_node=None, headset="desk-2"
        )
        uow.commit()

    def ready() -> bool:
        with place.units() as uow:
            found = uow.queues.agent_for_update(colleague.id)
            assert found is not None
            found.heartbeat_at = uow.now
            uow.commit()
            return found.headset_state is HeadsetState.UP

    until(ready, timeout=20, what="the colleague's headset is up")
    body = {"mode": "consult", "agent_id": colleague.id}
    begun = overseer.post(f"/calls/{call_id}/transfers", body)
    assert begun.status_code == 202, begun.text
    address = f"/calls/{call_id}/transfers/{begun.json()['id']}"
    transfer = begun.json()["id"]

    def state() -> str:
        with place.units() as uow:
            found = uow.transfers.get(transfer)
            return f"{found.state.value} {found.reason}".strip() if found else ""

    until(lambda: state() == "consulting", timeout=20, what="they consult")
    overseer.post(f"{address}/end", {"ending": "hand_over"})
    until(lambda: state() == "handed_over", timeout=20, what="the patient is handed over")
    until(lambda: place.call(call_id).state is CallState.BRIDGED, timeout=10, what="she talks with the patient")
    return call_id, agent_id, colleague.id


def test_a_colleague_in_another_worker_takes_the_patient(house: House, place: Place) -> None:
    overseer = house.caller(Role.SUPERVISOR)
    with node_at(place):
        call_id, agent_id, colleague_id = handed_over(overseer, place)
        assert place.call(call_id).agent_id == colleague_id
        with place.units() as uow:
            first = uow.queues.agent(agent_id)
            assert first is not None
            assert first.state is AgentState.AVAILABLE
        overseer.post(f"/calls/{call_id}/commands", {"verb": "hang_up"})
        call = ended(place, call_id)
    assert (call.end_reason, call.party) == ("hang_up", "agent")


def next_patient_of(place: Place, agent_id: str) -> str:
    """Another conversation of this agent, in the worker that holds her headset."""
    with place.units() as uow:
        patient = a_patient(uow)
        patient.contact_points[0].number = NEXT_PATIENT
        task = a_task(uow, patient, a_queue(uow, mode=TaskMode.AGENT, purpose=Purpose.CARE))
        agent = uow.queues.agent_for_update(agent_id)
        assert agent is not None
        agent.heartbeat_at = uow.now
        uow.flush()
        attempt = reserve(uow, task=task, agent_id=agent_id, node="node-1", gate=GATE, now=uow.now)
        call = uow.calls.of_attempt(attempt.id)
        assert call is not None
        uow.commit()
    until(lambda: place.call(call.id).state is CallState.BRIDGED, timeout=20, what="she talks with the next patient")
    return call.id


def test_a_worker_whose_four_lines_are_taken_after_a_hand_over_refuses_a_supervisor_in_words(
    house: House, place: Place
) -> None:
    overseer = house.caller(Role.SUPERVISOR)
    overseer.put("/supervision/phone", {"phone": "8001"})
    with node_at(place):
        first, agent_id, _ = handed_over(overseer, place)
        second = next_patient_of(place, agent_id)
        for call_id in (first, second):
            begun = overseer.post(f"/calls/{call_id}/supervisions", {"mode": "listen", "reason": "training"})
            assert begun.status_code == 202, begun.text
            until(lambda: overseer.get("/supervisions").json()["supervisions"] == [], timeout=10, what="she is refused")
            told = overseer.get("/headset").json()["visit"]
            assert (told["supervision_id"], told["state"]) == (begun.json()["id"], "ended")
            assert "no line is free beside this call" in told["ended_because"]
            assert place.call(call_id).state is CallState.BRIDGED, "nobody else notices"
        overseer.post(f"/calls/{first}/commands", {"verb": "hang_up"})
        ended(place, first)
        overseer.post(f"/calls/{second}/supervisions", {"mode": "listen", "reason": "training"})
        until(lambda: modes(place, second) == [("listen", True)], timeout=20, what="there is room when the first ended")
        overseer.post(f"/calls/{second}/commands", {"verb": "hang_up"})
        ended(place, second)


def test_hanging_up_a_call_whose_worker_hangs_ends_with_a_bye(house: House, place: Place, phone: SipPatient) -> None:
    overseer = house.caller(Role.SUPERVISOR)
    with node_at(place) as pool:
        call_id, _ = talking(place)
        stopped = worker_of(pool, place, call_id)
        os.kill(stopped, signal.SIGSTOP)
        try:
            asked = time.monotonic()
            overseer.post(f"/calls/{call_id}/commands", {"verb": "hang_up"})
            call = ended(place, call_id)
            took = time.monotonic() - asked
            phone.wait_for("disconnected", PATIENT)
        finally:
            if Path(f"/proc/{stopped}").exists():
                os.kill(stopped, signal.SIGCONT)
    assert (call.end_reason, call.party) == ("worker_lost", "us")
    assert took < 12, f"it took {took:.1f} s"


def worker_of(pool: WorkerPool, place: Place, call_id: str) -> int:
    (leg, *_) = place.call(call_id).legs
    return next(worker.pid for worker in pool.workers() if leg.id in worker.legs)
