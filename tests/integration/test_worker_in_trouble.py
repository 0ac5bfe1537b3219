"""A call worker whose line goes silent or whose disk is full: the patient is served first, and it is told."""

import json
import resource
import subprocess
from pathlib import Path

from followup.calls import EndReason, LegId, LegRole, Party
from telephony.call_control import LegEventKind, OutboundLeg
from telephony.sip import wire
from tests.support.sip_patient import sip_patient
from tests.support.sip_peer import call_worker, loopback_trunk
from tests.support.sipp import needs_sipp, sipp
from tests.support.waiting import until

A_SECOND_OF_SOUND = 16000


@needs_sipp
def test_a_line_that_stays_silent_is_told_of_and_then_given_up(tmp_path: Path) -> None:
    with (
        sipp(tmp_path / "sipp", "answer") as far_end,  # echoes what comes, so it must be kept from coming
        call_worker(tmp_path / "worker", silent_seconds=2.0, silent_end_seconds=4.0) as worker,
    ):
        node = worker.connect()
        leg = OutboundLeg(leg_id=LegId("mute"), attempt_id="mute", role=LegRole.PATIENT, number="mute")
        node.do(wire.Originate(leg=leg, trunk=loopback_trunk(far_end.port)))
        node.wait_for(leg.leg_id, LegEventKind.ANSWERED)
        subprocess.run(["kill", "-STOP", str(far_end.child.pid)], check=True)
        try:
            silent = node.wait_for(leg.leg_id, LegEventKind.MEDIA_SILENT, timeout=8)
            assert float(str(silent.values["seconds"])) >= 2.0
            ended = node.wait_for(leg.leg_id, LegEventKind.ENDED, timeout=20)
        finally:
            subprocess.run(["kill", "-CONT", str(far_end.child.pid)], check=True)
        assert ended.values["end_reason"] == EndReason.NETWORK_FAILURE
        assert ended.values["party"] == Party.CARRIER
        node.close()


def test_a_disk_that_takes_no_more_costs_the_recording_and_never_the_call(tmp_path: Path) -> None:
    with sip_patient(tmp_path / "phone", {}) as phone, call_worker(tmp_path / "worker") as worker:
        node = worker.connect()
        folder = tmp_path / "recording"
        leg = OutboundLeg(
            leg_id=LegId("full"),
            attempt_id="full",
            role=LegRole.PATIENT,
            number="id-full.ring.answer.play-440",
            recording_folder=folder,
        )
        node.do(wire.Originate(leg=leg, trunk=loopback_trunk(phone.port)))
        node.wait_for(leg.leg_id, LegEventKind.RECORDING_STARTED)
        limit = A_SECOND_OF_SOUND
        resource.prlimit(worker.child.pid, resource.RLIMIT_FSIZE, (limit, limit))
        until(lambda: (folder / "patient.wav").stat().st_size >= limit // 2, timeout=10, what="the disk fills")
        failed = node.wait_for(leg.leg_id, LegEventKind.RECORDING_STOPPED, timeout=12)
        assert failed.values["failed"] is True
        assert [leg.leg_id for leg in node.status().legs] == [leg.leg_id]
        node.do(wire.HangUp(leg_id=leg.leg_id, reason=EndReason.HANG_UP))
        assert node.wait_for(leg.leg_id, LegEventKind.ENDED).values["end_reason"] == EndReason.HANG_UP
        assert json.loads((folder / "recording.json").read_text())["sample_rate"] == 8000
        node.close()
