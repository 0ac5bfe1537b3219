"""A call worker that dies or hangs in each phase of a call: its phone is freed and the end is told, once."""

import os
import signal
from pathlib import Path

import pytest

from followup.calls import LegId, LegRole
from telephony.call_control import LegEvent, LegEventKind, OutboundLeg, Trunk
from telephony.sip.control import SipCallControl
from telephony.sip.pool import WorkerPool
from tests.support.call_control_bench import pool_settings
from tests.support.sip_patient import sip_patient
from tests.support.waiting import until

PHASES = {
    "ringing": ("ring", LegEventKind.RINGING),
    "answered": ("ring.answer", LegEventKind.ANSWERED),
    "recording": ("ring.answer.play-440", LegEventKind.RECORDING_STARTED),
    "bridged": ("ring.answer", LegEventKind.BRIDGED),
    "held": ("ring.answer", LegEventKind.HELD),
    "recording closing": ("ring.answer", LegEventKind.RECORDING_STOPPED),
}


@pytest.mark.soak
@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "hung"])
@pytest.mark.parametrize("phase", PHASES)
def test_a_worker_lost_in_each_phase_frees_its_phone_and_its_call_ends(
    tmp_path: Path, phase: str, blow: signal.Signals
) -> None:
    programme, moment = PHASES[phase]
    user = f"id-{phase.replace(' ', '-')}.{programme}"
    events: list[LegEvent] = []
    settings = pool_settings(tmp_path, workers_max=2)

    def take(event: LegEvent) -> None:
        events.append(event)
        pool.acknowledge(event)

    def told(leg_id: str, kind: LegEventKind) -> list[LegEvent]:
        return [event for event in events if (event.leg_id, event.kind) == (leg_id, kind)]

    pool = WorkerPool(settings, take)
    control = SipCallControl(pool)
    with sip_patient(tmp_path / "phone", {}) as phone:
        trunk = Trunk(name="phone", host=phone.host, port=phone.port, loopback_only=True)
        pool.start()
        try:
            desk = OutboundLeg(leg_id=LegId("desk"), attempt_id="desk", role=LegRole.AGENT, number="id-desk.answer")
            control.attach_headset(desk, trunk)
            until(lambda: told("desk", LegEventKind.ANSWERED), timeout=15, what="the headset is up")
            leg = OutboundLeg(
                leg_id=LegId("patient"),
                attempt_id="patient",
                role=LegRole.PATIENT,
                number=user,
                join_leg=desk.leg_id,
                recording_folder=tmp_path / "recording",
            )
            control.originate(leg, trunk)
            if moment in (LegEventKind.HELD, LegEventKind.RECORDING_STOPPED):
                until(lambda: told("patient", LegEventKind.BRIDGED), timeout=15, what="both are joined")
            if moment is LegEventKind.HELD:
                control.hold(leg.leg_id)
            if moment is LegEventKind.RECORDING_STOPPED:
                control.stop_recording(leg.leg_id)
            else:
                until(lambda: told("patient", moment), timeout=15, what=phase)
            os.kill(next(worker.pid for worker in pool.workers() if leg.leg_id in worker.legs), blow)
            for leg_id in ("desk", "patient"):
                until(lambda leg_id=leg_id: told(leg_id, LegEventKind.ENDED), timeout=20, what=f"{leg_id} ends")  # type: ignore[misc]
                ended = told(leg_id, LegEventKind.ENDED)
                assert [event.values["end_reason"] for event in ended] == ["worker_lost"]
            assert phone.wait_for("disconnected", user, timeout=5)
            assert phone.wait_for("disconnected", "id-desk.answer", timeout=5)
            assert len(phone.saw("invited", user)) == 1
            assert len({event.event_id for event in events}) == len(events)
        finally:
            pool.close(quit_idle=True)
