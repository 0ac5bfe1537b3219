"""SIP, SDP and RTP spoiled at random for minutes: the worker lives, and the call that is up hears none of it."""

import os
import random
import socket
import time
from pathlib import Path

import pytest
import soundfile

from followup.calls import EndReason
from telephony.call_control import LegEventKind, LegState, LegStatus
from telephony.sip import wire
from tests.support.hostile_sip import WRONG_SDP, malformed, request
from tests.support.raw_sip import raw_peer
from tests.support.rtp_tone import RATE, loudness_at, rtp_tone
from tests.support.sip_peer import NodeConnection, WorkerUnderTest, call_worker, loopback_trunk, outbound
from tests.support.waiting import until

MINUTES = 0.1 * float(os.environ.get("SUIFANG_SOAK_MINUTES", "30"))
PATIENT_HZ, STRANGER_HZ = 700, 1700


def spoiled(message: bytes, dice: random.Random) -> bytes:
    """The message with a few bytes changed, doubled, cut out or swapped."""
    spoilt = bytearray(message)
    for _ in range(dice.randint(1, 12)):
        if not spoilt:
            break
        place = dice.randrange(len(spoilt))
        span = dice.randint(1, 40)
        match dice.randrange(5):
            case 0:
                spoilt[place] = dice.randrange(256)
            case 1:
                del spoilt[place : place + span]
            case 2:
                spoilt[place:place] = spoilt[place : place + span]
            case 3:
                spoilt[place:place] = dice.randbytes(span)
            case _:
                spoilt[place : place + span] = dice.choice([b"\r\n", b"%00", b";", b"<", b"-1", b"99999999999"])
    return bytes(spoilt[:60000])


def legs_of(node: NodeConnection, worker: WorkerUnderTest, seed: int) -> tuple[LegStatus, ...]:
    """What the worker holds; when it no longer answers, what it said last."""
    try:
        return node.status().legs
    except AssertionError:
        pytest.fail(f"seed {seed}, ended with {worker.child.poll()}: {worker.log()[-3000:]}")


@pytest.mark.soak
@pytest.mark.timeout(MINUTES * 60 + 120)
def test_random_spoiling_ends_neither_worker_nor_call(tmp_path: Path) -> None:
    seed = int(os.environ.get("SUIFANG_TEST_SEED") or time.time_ns() % 1_000_000_007)
    print(f"soak: SUIFANG_TEST_SEED={seed}")
    dice = random.Random(seed)  # noqa: S311 (repeatable, not secret)
    with (
        call_worker(tmp_path / "worker", front=True) as worker,
        raw_peer() as peer,
        rtp_tone(PATIENT_HZ) as voice,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger,
    ):
        stranger.bind(("127.0.0.1", 0))
        node = worker.connect()
        leg = outbound("+8613800000000", recording_folder=tmp_path / "recording")
        node.do(wire.Originate(leg=leg, trunk=loopback_trunk(peer.port)))
        invite = peer.receive("INVITE")
        peer.answer(invite, rtp_port=voice.port)
        peer.receive("ACK")
        media = next(line for line in invite.body.splitlines() if line.startswith("m=audio"))
        voice.target = ("127.0.0.1", int(media.split()[1]))
        node.wait_for(leg.leg_id, LegEventKind.ANSWERED)

        sip = ("127.0.0.1", worker.config.sip_port)
        own = stranger.getsockname()
        seeds = list(malformed(sip, own).values())
        seeds += [
            request("INVITE", sip, own=own, call_id=f"sdp{n}", branch=f"z9hG4bKs{n}", body=body)
            for n, body in enumerate(WRONG_SDP.values())
        ]
        sent, limit = 0, time.monotonic() + MINUTES * 60
        while time.monotonic() < limit:
            for _ in range(20):
                stranger.sendto(spoiled(dice.choice(seeds), dice), sip)
                peer.line.sendto(spoiled(dice.choice(seeds), dice), sip)  # from where the far end speaks, too
                stranger.sendto(dice.randbytes(dice.randrange(400)), voice.target)
                sent += 3
            for other in legs_of(node, worker, seed):
                if other.state is LegState.INCOMING:
                    act = dice.choice([wire.AnswerLeg(leg_id=other.leg_id), None])
                    if act is not None:
                        node.ask(act)
                    node.ask(wire.HangUp(leg_id=other.leg_id, reason=EndReason.REJECTED))
            assert worker.child.poll() is None, f"seed {seed}, after {sent}: {worker.log()[-3000:]}"
        print(f"soak: {sent} spoiled packets in {MINUTES:.1f} minutes")
        states = {one.leg_id: one.state for one in node.status().legs}
        assert states.get(leg.leg_id) is LegState.ANSWERED, f"seed {seed}"
        node.do(wire.HangUp(leg_id=leg.leg_id, reason=EndReason.HANG_UP))
        until(lambda: node.seen(leg.leg_id, LegEventKind.ENDED), timeout=10, what="the call has ended")
        samples, _ = soundfile.read(tmp_path / "recording" / "patient.wav")
        body = samples[RATE : RATE + 60 * RATE]
        mine = loudness_at(body, PATIENT_HZ)
        assert mine > 0.1, f"seed {seed}"
        assert loudness_at(body, STRANGER_HZ) < mine / 200, f"seed {seed}"
