"""Legs that live in different call workers hear each other by a line between the workers that nobody else sees."""

import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from followup.calls import EndReason, LegId, LegRole
from telephony.call_control import LegEvent, LegEventKind, LegState, OutboundLeg, RejectedError, Trunk, TrunkBusyError
from telephony.sip.control import SipCallControl
from telephony.sip.pool import WorkerPool
from tests.support.call_control_bench import pool_settings
from tests.support.sip_caller import CallPlan, dial
from tests.support.sip_patient import SipPatient, sip_patient
from tests.support.sip_peer import outbound
from tests.support.waiting import until

INCOMING, ANSWERED, BRIDGED, UNBRIDGED, ENDED = (
    LegEventKind.INCOMING,
    LegEventKind.ANSWERED,
    LegEventKind.BRIDGED,
    LegEventKind.UNBRIDGED,
    LegEventKind.ENDED,
)


class House:
    """A pool of two workers, a phone for patients and one for desks."""

    def __init__(self, folder: Path, patients: SipPatient, desks: SipPatient) -> None:
        self.events: list[LegEvent] = []
        # Its ports begin above the block's start: the front worker's lie below those of the others.
        settings = pool_settings(folder, workers_warm=2, workers_max=3)
        settings = replace(settings, sip_port_base=settings.sip_port_base + 1, front_workers=1)
        settings = replace(settings, rtp_port_base=settings.rtp_port_base + settings.rtp_ports_each)
        self.front = ("127.0.0.1", settings.sip_port_base - 1)
        self.pool = WorkerPool(settings, self._take)
        self.control = SipCallControl(self.pool)
        self.patients = Trunk(name="patients", host=patients.host, port=patients.port, loopback_only=True)
        self.desks = Trunk(name="desks", host=desks.host, port=desks.port, loopback_only=True)
        self._lock = threading.Lock()

    def _take(self, event: LegEvent) -> None:
        with self._lock:
            self.events.append(event)
        self.pool.acknowledge(event)

    def seen(self, leg_id: LegId, kind: LegEventKind) -> list[LegEvent]:
        with self._lock:
            return [event for event in self.events if event.leg_id == leg_id and event.kind is kind]

    def wait_for(self, leg_id: LegId, kind: LegEventKind, *, times: int = 1) -> LegEvent:
        found = until(
            lambda: self.seen(leg_id, kind) if len(self.seen(leg_id, kind)) >= times else None,
            timeout=10,
            what=f"{leg_id} {kind}",
        )
        return found[times - 1]

    def desk(self, programme: str) -> OutboundLeg:
        leg = outbound(programme, role=LegRole.AGENT)
        self.control.attach_headset(leg, self.desks)
        self.wait_for(leg.leg_id, ANSWERED)
        return leg

    def patient(self, programme: str, *, recording: Path | None = None) -> OutboundLeg:
        leg = outbound(programme, recording_folder=recording)
        self.control.originate(leg, self.patients)
        self.wait_for(leg.leg_id, ANSWERED)
        return leg

    def everybody_goes(self) -> None:
        for status in self.control.status():
            self.control.hang_up(status.leg_id, EndReason.CANCELLED)
        until(lambda: not any(worker.legs for worker in self.pool.workers()), timeout=12, what="all legs have ended")


@pytest.fixture(scope="module")
def phones(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SipPatient, SipPatient]]:
    folder = tmp_path_factory.mktemp("phones")
    with sip_patient(folder / "patients", {}) as patients, sip_patient(folder / "desks", {}) as desks:
        yield patients, desks


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, phones: tuple[SipPatient, SipPatient]) -> Iterator[House]:
    house = House(tmp_path_factory.mktemp("house"), *phones)
    house.pool.start()
    yield house
    house.pool.close(quit_idle=True)


@pytest.fixture
def house(running: House) -> Iterator[House]:
    yield running
    running.everybody_goes()


def shares(file: Path, *hertz: int) -> list[float]:
    """How loud each of these tones is in the second half of a recording."""
    samples, rate = soundfile.read(file)
    half = samples[len(samples) // 2 :]
    spectrum = np.abs(np.fft.rfft(half * np.hanning(len(half)))) / len(half)
    return [
        float(spectrum[round(one * len(half) / rate) - 2 : round(one * len(half) / rate) + 3].max()) for one in hertz
    ]


def test_a_patient_and_a_desk_in_different_workers_hear_each_other_and_nobody_sees_the_line(
    house: House, phones: tuple[SipPatient, SipPatient], tmp_path: Path
) -> None:
    desk = house.desk("ring.answer.play-440.id-d1")
    patient = house.patient("ring.answer.play-700.id-p1", recording=tmp_path / "rec")
    workers = {worker.worker_id: worker.legs for worker in house.pool.workers() if worker.legs}
    assert len(workers) == 2
    house.control.bridge(patient.leg_id, desk.leg_id)
    assert house.wait_for(patient.leg_id, BRIDGED).values == {"with": desk.leg_id}
    until(
        lambda: all(s.packets_received > 90 for s in house.control.status()), timeout=10, what="all have talked a while"
    )
    assert sorted(status.role for status in house.control.status()) == ["agent", "internal", "internal", "patient"]
    house.control.hang_up(patient.leg_id, EndReason.HANG_UP)
    house.wait_for(patient.leg_id, ENDED)
    assert house.wait_for(patient.leg_id, UNBRIDGED).values == {"with": desk.leg_id}
    until(lambda: len(house.control.status()) == 1, timeout=5, what="the line has ended with the patient's leg")
    assert house.control.status()[0].leg_id == desk.leg_id
    assert len(house.seen(patient.leg_id, BRIDGED)) == len(house.seen(patient.leg_id, UNBRIDGED)) == 1
    assert house.seen(desk.leg_id, BRIDGED) == []
    said, heard = shares(tmp_path / "rec" / "patient.wav", 700, 440)
    assert said > 20 * heard
    heard, said = shares(tmp_path / "rec" / "agent.wav", 440, 700)
    assert heard > 20 * said
    assert {file.name for file in tmp_path.rglob("*.wav")} == {"patient.wav", "agent.wav"}
    phones[0].wait_for("disconnected", patient.number)
    far_700, far_440 = shares(phones[0].heard(patient.number), 700, 440)
    assert far_440 > 20 * far_700


def test_parted_by_either_name_both_stay_up_and_can_be_joined_again(house: House) -> None:
    desk, patient = house.desk("ring.answer.id-d2"), house.patient("ring.answer.id-p2")
    for times, (one, other) in enumerate([(patient, desk), (desk, patient)], start=1):
        house.control.bridge(patient.leg_id, desk.leg_id)
        house.wait_for(patient.leg_id, BRIDGED, times=times)
        house.control.unbridge(one.leg_id, other.leg_id)
        house.wait_for(patient.leg_id, UNBRIDGED, times=times)
        until(lambda: len(house.control.status()) == 2, timeout=5, what="the line has ended")
    with pytest.raises(RejectedError):
        house.control.unbridge(patient.leg_id, desk.leg_id)


def test_the_end_of_the_desks_leg_ends_the_line_and_leaves_the_patient(house: House) -> None:
    desk, patient = house.desk("ring.answer.hangup-2500.id-d3"), house.patient("ring.answer.id-p3")
    house.control.bridge(patient.leg_id, desk.leg_id)
    house.wait_for(patient.leg_id, BRIDGED)
    assert house.wait_for(patient.leg_id, UNBRIDGED).values == {"with": desk.leg_id}
    until(lambda: len(house.control.status()) == 1, timeout=5, what="only the patient is left")
    assert house.control.status()[0].leg_id == patient.leg_id


def test_patients_who_ring_are_answered_at_the_front_and_joined_with_a_desk_elsewhere(
    house: House, tmp_path: Path
) -> None:
    desk = house.desk("ring.answer.play-440.id-d6")
    calls = [
        dial(CallPlan(target=f"sip:4001@127.0.0.1:{house.front[1]}", heard=str(tmp_path / f"{n}.wav"))) for n in "ab"
    ]
    first, second = until(
        lambda: legs if len(legs := [e.leg_id for e in house.events if e.kind is INCOMING]) == 2 else None,
        timeout=15,
        what="two patients ring",
    )
    with pytest.raises(RejectedError, match="not up in this worker"):
        house.control.answer(first, join_leg=desk.leg_id)
    house.control.answer(first, recording_folder=tmp_path / "recording")
    house.wait_for(first, ANSWERED)
    house.control.bridge(first, desk.leg_id)
    assert house.wait_for(first, BRIDGED).values == {"with": desk.leg_id}
    until(
        lambda: all(s.packets_received > 60 for s in house.control.status() if s.state is LegState.ANSWERED),
        timeout=10,
        what="they have talked a while",
    )
    house.control.hang_up(second, EndReason.BUSY)
    house.wait_for(second, ENDED)
    house.control.hang_up(first, EndReason.HANG_UP)
    house.wait_for(first, UNBRIDGED)
    house.wait_for(first, ENDED)
    assert {call.result().sip_status for call in calls} == {200, 486}
    agent, nobody = shares(tmp_path / "recording" / "agent.wav", 440, 1000)
    assert agent > 20 * nobody


def test_a_full_worker_takes_no_line_and_the_patient_stays(house: House) -> None:
    desk = house.desk("ring.answer.id-d4")
    for number in range(3):
        beside = OutboundLeg(
            leg_id=LegId(f"beside-{number}"),
            attempt_id=f"beside-{number}",
            role=LegRole.THIRD_PARTY,
            number=f"ring.answer.id-b{number}",
            beside_leg=desk.leg_id,
        )
        house.control.originate(beside, house.patients if number else house.desks)
        house.wait_for(beside.leg_id, ANSWERED)
    patient = house.patient("ring.answer.id-p4")
    with pytest.raises(TrunkBusyError):
        house.control.bridge(patient.leg_id, desk.leg_id)
    assert patient.leg_id in {status.leg_id for status in house.control.status()}
    assert sum(status.role is LegRole.INTERNAL for status in house.control.status()) == 0


def test_a_dead_far_worker_leaves_the_patient_up_and_tells_the_end_of_the_bridge(house: House) -> None:
    desk, patient = house.desk("ring.answer.id-d5"), house.patient("ring.answer.id-p5")
    house.control.bridge(patient.leg_id, desk.leg_id)
    house.wait_for(patient.leg_id, BRIDGED)
    died = next(worker for worker in house.pool.workers() if desk.leg_id in worker.legs)
    os.kill(died.pid, signal.SIGKILL)
    assert house.wait_for(desk.leg_id, ENDED).values["end_reason"] == "worker_lost"
    assert house.wait_for(patient.leg_id, UNBRIDGED).values == {"with": desk.leg_id}
    assert [status.leg_id for status in house.control.status()] == [patient.leg_id]
    with pytest.raises(RejectedError):
        house.control.bridge(patient.leg_id, desk.leg_id)
