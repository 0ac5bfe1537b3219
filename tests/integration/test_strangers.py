"""The call worker against SIP programs that are not ours and share no code with it."""

import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from followup.calls import EndReason
from telephony.call_control import LegEventKind, OutboundLeg
from telephony.sip import wire
from tests.support.baresip import TONE_HERTZ, baresip, needs_baresip
from tests.support.sip_peer import NodeConnection, WorkerUnderTest, call_worker, loopback_trunk, outbound
from tests.support.sipp import needs_sipp, sipp
from tests.support.waiting import until

pytestmark = pytest.mark.stranger

RATE = 8000


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerUnderTest]:
    with call_worker(tmp_path_factory.mktemp("worker")) as running:
        yield running


@pytest.fixture
def node(worker: WorkerUnderTest) -> Iterator[NodeConnection]:
    connection = worker.connect()
    yield connection
    connection.close()


def dial(node: NodeConnection, leg: OutboundLeg, port: int) -> None:
    """Originate, as soon as the worker's limit of calls per second lets us."""
    request = wire.Originate(leg=leg, trunk=loopback_trunk(port))
    until(lambda: node.ask(request).ok, timeout=5, what="the worker takes another call", every=0.1)


def loudest_tone(file: Path) -> float:
    """In hertz."""
    with wave.open(str(file)) as sound:
        heard = np.frombuffer(sound.readframes(sound.getnframes()), dtype="<i2").astype(float)
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard))))
    return float(np.argmax(spectrum) * RATE / len(heard))


@needs_sipp
@pytest.mark.parametrize(
    ("scenario", "expected"),
    [
        ("busy", (EndReason.BUSY, "patient", 486)),
        ("reject", (EndReason.REJECTED, "patient", 603)),
        ("unavailable", (EndReason.UNREACHABLE, "patient", 480)),
        ("invalid_number", (EndReason.INVALID_NUMBER, "carrier", 404)),
        ("congestion", (EndReason.CONGESTION, "carrier", 503)),
        ("no_answer", (EndReason.NO_ANSWER, "patient", 487)),
        ("hang_up", (EndReason.HANG_UP, "patient", 200)),
    ],
)
def test_sipp_ends_a_call_its_way_and_the_worker_tells_it(
    node: NodeConnection, tmp_path: Path, scenario: str, expected: tuple[object, object, object]
) -> None:
    with sipp(tmp_path, scenario) as stranger:
        leg = outbound("13800000000", ring_seconds=1.0)
        dial(node, leg, stranger.port)
        values = node.wait_for(leg.leg_id, LegEventKind.ENDED).values
        assert (values["end_reason"], values["party"], values["sip_status"]) == expected
        stranger.wait_for_success()


@needs_sipp
def test_sipp_echoes_our_prompt_into_the_patients_side_of_the_recording(node: NodeConnection, tmp_path: Path) -> None:
    prompt = tmp_path / "prompt.wav"
    with wave.open(str(prompt), "wb") as sound:
        sound.setparams((1, 2, RATE, 0, "NONE", ""))
        tone = 8000 * np.sin(2 * np.pi * 600 * np.arange(RATE) / RATE)
        sound.writeframes(tone.astype("<i2").tobytes())
    folder = tmp_path / "call"
    with sipp(tmp_path / "sipp", "answer") as stranger:
        leg = outbound("13800000000", recording_folder=folder)
        dial(node, leg, stranger.port)
        node.wait_for(leg.leg_id, LegEventKind.ANSWERED)
        node.do(wire.Play(leg_id=leg.leg_id, prompt=prompt))
        node.wait_for(leg.leg_id, LegEventKind.PROMPT_FINISHED)
        node.do(wire.HangUp(leg_id=leg.leg_id, reason=EndReason.HANG_UP))
        node.wait_for(leg.leg_id, LegEventKind.ENDED)
        stranger.wait_for_success()
    assert abs(loudest_tone(folder / "agent.wav") - 600) < 5
    assert abs(loudest_tone(folder / "patient.wav") - 600) < 5


@needs_sipp
def test_sipp_finds_our_digest_right(node: NodeConnection, tmp_path: Path) -> None:
    with sipp(tmp_path, "password") as stranger:
        leg = outbound("13800000000")
        trunk = loopback_trunk(stranger.port, username="ward7", password="secret")
        node.do(wire.Originate(leg=leg, trunk=trunk))
        node.wait_for(leg.leg_id, LegEventKind.ANSWERED)
        node.do(wire.HangUp(leg_id=leg.leg_id, reason=EndReason.HANG_UP))
        stranger.wait_for_success()


@needs_sipp
def test_twenty_calls_in_a_row_leave_the_worker_as_it_was(node: NodeConnection, tmp_path: Path) -> None:
    with sipp(tmp_path, "busy", calls=20) as stranger:
        for _ in range(20):
            leg = outbound("13800000000")
            dial(node, leg, stranger.port)
            assert node.wait_for(leg.leg_id, LegEventKind.ENDED).values["end_reason"] == EndReason.BUSY
        stranger.wait_for_success()
    assert node.status().legs == ()


@needs_baresip
def test_baresip_is_recorded_held_and_resumed(node: NodeConnection, tmp_path: Path) -> None:
    folder = tmp_path / "call"
    with baresip(tmp_path / "baresip") as stranger:
        leg = outbound("baresip", recording_folder=folder)
        dial(node, leg, stranger.port)
        node.wait_for(leg.leg_id, LegEventKind.RECORDING_STARTED)
        size = (folder / "patient.wav").stat
        until(lambda: size().st_size > 2 * RATE, timeout=5, what="a second is recorded")
        node.do(wire.Hold(leg_id=leg.leg_id))
        node.wait_for(leg.leg_id, LegEventKind.HELD)
        node.do(wire.Resume(leg_id=leg.leg_id))
        node.wait_for(leg.leg_id, LegEventKind.RESUMED)
        node.do(wire.SendDigits(leg_id=leg.leg_id, digits="7"))
        node.do(wire.HangUp(leg_id=leg.leg_id, reason=EndReason.HANG_UP))
        node.wait_for(leg.leg_id, LegEventKind.ENDED)
        until(lambda: "session closed" in stranger.log(), timeout=5, what="baresip hears our BYE")
    assert abs(loudest_tone(folder / "patient.wav") - TONE_HERTZ) < 5
