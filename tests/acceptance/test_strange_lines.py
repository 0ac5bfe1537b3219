"""Lines to SIP programs that are not ours: who holds whom, keys by INFO, and what a stranger does not agree to."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from followup.calls import EndReason, LegId, LegRole
from telephony.call_control import DigitMethod, LegEventKind, LegState, RejectedError
from telephony.sip import wire
from tests.support.baresip import TONE_HERTZ, baresip, needs_baresip
from tests.support.sip_peer import NodeConnection, WorkerUnderTest, call_worker, loopback_trunk, outbound
from tests.support.sipp import gists, needs_sipp, sipp
from tests.support.tones import RATE, amplitudes, samples_of, write_tone
from tests.support.waiting import until

pytestmark = pytest.mark.stranger

ANSWERED, ENDED = LegEventKind.ANSWERED, LegEventKind.ENDED
HELD, RESUMED = LegEventKind.HELD, LegEventKind.RESUMED


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerUnderTest]:
    with call_worker(tmp_path_factory.mktemp("worker")) as running:
        yield running


@pytest.fixture
def node(worker: WorkerUnderTest) -> Iterator[NodeConnection]:
    connection = worker.connect()
    yield connection
    connection.close()


def pick_up(node: NodeConnection, port: int, *, recording_folder: Path | None = None, user: str = "somebody") -> LegId:
    leg = outbound(user, recording_folder=recording_folder)
    node.do(wire.Originate(leg=leg, trunk=loopback_trunk(port)))
    node.wait_for(leg.leg_id, ANSWERED)
    return leg.leg_id


def hang_up(node: NodeConnection, leg_id: LegId) -> None:
    node.do(wire.HangUp(leg_id=leg_id, reason=EndReason.HANG_UP))
    node.wait_for(leg_id, ENDED)


def state_of(node: NodeConnection, leg_id: LegId) -> LegState:
    return next(leg.state for leg in node.status().legs if leg.leg_id == leg_id)


def last_half_second(file: Path, *, tone: int) -> float:
    """How loud the tone is, in what was written after this was asked."""
    before = len(samples_of(file))
    until(lambda: len(samples_of(file)) - before > RATE, timeout=10, what=f"a second more in {file.name}")
    return amplitudes(samples_of(file), {"tone": tone})["tone"]


@needs_baresip
def test_baresip_is_held_and_resumed_and_its_tone_is_on_the_line_again(node: NodeConnection, tmp_path: Path) -> None:
    music = write_tone(tmp_path / "music.wav", 622)
    with baresip(tmp_path / "patient") as patient:
        leg = pick_up(node, patient.port, recording_folder=tmp_path / "spool", user="baresip")
        right, left = tmp_path / "spool" / "patient.wav", tmp_path / "spool" / "agent.wav"
        assert last_half_second(right, tone=TONE_HERTZ) > 1000
        node.do(wire.Hold(leg_id=leg, music=music))
        assert node.wait_for(leg, HELD).values == {"by": "us"}
        assert last_half_second(right, tone=TONE_HERTZ) < 1
        assert last_half_second(left, tone=622) > 1000
        node.do(wire.Resume(leg_id=leg))
        assert node.wait_for(leg, RESUMED).values == {"by": "us"}
        assert last_half_second(right, tone=TONE_HERTZ) > 1000
        assert last_half_second(left, tone=622) < 1
        hang_up(node, leg)


@needs_baresip
def test_a_stranger_is_held_right_after_the_answer_whatever_else_is_being_agreed_on(
    node: NodeConnection, tmp_path: Path
) -> None:
    with baresip(tmp_path / "patient") as patient:
        leg = pick_up(node, patient.port, user="baresip")
        node.do(wire.Hold(leg_id=leg))
        assert node.wait_for(leg, HELD).values == {"by": "us"}
        node.do(wire.Resume(leg_id=leg))
        node.wait_for(leg, RESUMED)
        hang_up(node, leg)


@needs_baresip
def test_baresip_holds_us_and_takes_us_back(node: NodeConnection, tmp_path: Path) -> None:
    with baresip(tmp_path / "patient") as patient:
        leg = pick_up(node, patient.port, user="baresip")
        for times in (1, 2):
            patient.command("hold")
            assert node.wait_for(leg, HELD, times=times).values == {"by": "far_end"}
            assert state_of(node, leg) is LegState.HELD
            with pytest.raises(RejectedError):
                node.do(wire.Resume(leg_id=leg))
            patient.command("resume")
            assert node.wait_for(leg, RESUMED, times=times).values == {"by": "far_end"}
            assert state_of(node, leg) is LegState.ANSWERED
        patient.command("hold")
        node.wait_for(leg, HELD, times=3)
        hang_up(node, leg)


@needs_baresip
def test_both_hold_at_once_and_let_go_one_after_the_other(node: NodeConnection, tmp_path: Path) -> None:
    with baresip(tmp_path / "patient") as patient:
        leg = pick_up(node, patient.port, user="baresip")
        patient.command("hold")
        node.wait_for(leg, HELD)
        node.do(wire.Hold(leg_id=leg))
        assert node.wait_for(leg, HELD, times=2).values == {"by": "us"}
        node.do(wire.Resume(leg_id=leg))
        assert node.wait_for(leg, RESUMED).values == {"by": "us"}
        assert state_of(node, leg) is LegState.HELD
        patient.command("resume")
        assert node.wait_for(leg, RESUMED, times=2).values == {"by": "far_end"}
        assert state_of(node, leg) is LegState.ANSWERED
        hang_up(node, leg)


@needs_sipp
def test_every_way_of_holding_us_is_seen(node: NodeConnection, tmp_path: Path) -> None:
    with sipp(tmp_path, "holds") as stranger:
        leg = pick_up(node, stranger.port)
        node.wait_for(leg, RESUMED, times=3)
        assert node.kinds(leg)[-7:] == [ANSWERED, *(HELD, RESUMED) * 3]
        assert {event.values["by"] for event in node.seen(leg, HELD)} == {"far_end"}
        hang_up(node, leg)
        stranger.wait_for_success()


@needs_sipp
def test_keys_go_both_ways_by_info(node: NodeConnection, tmp_path: Path) -> None:
    with sipp(tmp_path, "info_digits") as stranger:
        leg = pick_up(node, stranger.port)
        node.do(wire.SendDigits(leg_id=leg, digits="5", method=DigitMethod.INFO))
        assert node.wait_for(leg, LegEventKind.DIGIT).values == {"digit": "7"}
        hang_up(node, leg)
        stranger.wait_for_success()
    info = next(message for message in stranger.messages() if message.gist == "> INFO")
    assert info.headers("Content-Type") == ["application/dtmf-relay"]


@needs_sipp
def test_a_stranger_that_refuses_to_be_held_is_talked_to_on(node: NodeConnection, tmp_path: Path) -> None:
    with sipp(tmp_path, "refuse_hold") as stranger:
        leg = pick_up(node, stranger.port)
        node.do(wire.Hold(leg_id=leg, music=write_tone(tmp_path / "music.wav", 622)))
        assert node.wait_for(leg, LegEventKind.HOLD_REFUSED).values == {"sip_status": 488}
        assert state_of(node, leg) is LegState.ANSWERED
        packets = node.status().legs[0].packets_received
        until(lambda: node.status().legs[0].packets_received > packets + 20, timeout=5, what="sound goes on")
        hang_up(node, leg)
        stranger.wait_for_success()
    assert HELD not in node.kinds(leg)


@needs_sipp
def test_when_both_ask_at_once_we_ask_once_more_after_a_pause(node: NodeConnection, tmp_path: Path) -> None:
    with sipp(tmp_path, "glare") as stranger:
        leg = pick_up(node, stranger.port)
        node.do(wire.Hold(leg_id=leg))
        with pytest.raises(RejectedError):
            node.do(wire.Hold(leg_id=leg))
        answered, held = node.wait_for(leg, ANSWERED), node.wait_for(leg, HELD)
        assert 2.0 <= (held.occurred_at - answered.occurred_at).total_seconds() <= 6.0
        hang_up(node, leg)
        stranger.wait_for_success()
    assert gists(stranger.messages()).count("< 491") == 1
    assert LegEventKind.HOLD_REFUSED not in node.kinds(leg)


@needs_sipp
def test_a_third_party_may_be_a_stranger_and_leaves_with_the_patient(node: NodeConnection, tmp_path: Path) -> None:
    with sipp(tmp_path / "patient", "answer") as patient, sipp(tmp_path / "third", "answer") as third:
        leg = pick_up(node, patient.port)
        guest = outbound("guest", role=LegRole.THIRD_PARTY, join_leg=leg)
        node.do(wire.Originate(leg=guest, trunk=loopback_trunk(third.port)))
        node.wait_for(guest.leg_id, LegEventKind.BRIDGED)
        hang_up(node, leg)
        node.wait_for(guest.leg_id, ENDED)
        patient.wait_for_success()
        third.wait_for_success()
