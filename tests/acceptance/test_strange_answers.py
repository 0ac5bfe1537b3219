"""What a stranger's phone does with a call: its keys, what is heard before and after it picks up, what it says last."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from followup.calls import EndReason, LegId
from runtime.settings import REPOSITORY
from telephony.call_control import LegEventKind, OutboundLeg, Trunk
from telephony.sip import wire
from tests.support.baresip import baresip, needs_baresip
from tests.support.sip_peer import NodeConnection, WorkerUnderTest, call_worker, loopback_trunk, outbound
from tests.support.sipp import needs_sipp, sipp
from tests.support.sipp_sounds import RATE, tone, write_keys, write_voice
from tests.support.spoken_calls import utterance
from tests.support.tones import samples_of, write_tone
from tests.support.waiting import until

pytestmark = pytest.mark.stranger

DEMO = REPOSITORY / "suifang" / "demo" / "speech"
ANSWERED, ENDED, DIGIT = LegEventKind.ANSWERED, LegEventKind.ENDED, LegEventKind.DIGIT


def may_play_captures() -> bool:
    """Whether sipp may open the raw socket it plays a capture through."""
    try:
        socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP).close()
    except PermissionError:
        return False
    return True


needs_raw_sockets = pytest.mark.skipif(
    not may_play_captures(), reason="sipp presses keys through a raw socket: run as root or with CAP_NET_RAW"
)


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerUnderTest]:
    with call_worker(tmp_path_factory.mktemp("worker"), silent_seconds=1.0, silent_end_seconds=2.5) as running:
        yield running


@pytest.fixture
def node(worker: WorkerUnderTest) -> Iterator[NodeConnection]:
    connection = worker.connect()
    yield connection
    connection.close()


def dial(node: NodeConnection, leg: OutboundLeg, line: Trunk) -> LegId:
    """Originate, as soon as the worker's limit of calls per second lets us."""
    until(lambda: node.ask(wire.Originate(leg=leg, trunk=line)).ok, timeout=5, what="the worker takes it", every=0.1)
    return leg.leg_id


def packets(node: NodeConnection, leg_id: LegId) -> int:
    return sum(leg.packets_received for leg in node.status().legs if leg.leg_id == leg_id)


def hang_up(node: NodeConnection, leg_id: LegId) -> None:
    node.do(wire.HangUp(leg_id=leg_id, reason=EndReason.HANG_UP))
    node.wait_for(leg_id, ENDED)


# --- keys -------------------------------------------------------------------------------------------------------------


@needs_sipp
@needs_raw_sockets
def test_a_key_of_sipp_cuts_the_prompt_and_the_keys_are_gathered(node: NodeConnection, tmp_path: Path) -> None:
    write_keys(tmp_path, "0*9#")
    with sipp(tmp_path, "presses") as stranger:
        spool = tmp_path / "spool"
        leg = dial(node, outbound("somebody", recording_folder=spool), loopback_trunk(stranger.port))
        node.wait_for(leg, ANSWERED)
        node.do(wire.Play(leg_id=leg, prompt=write_tone(tmp_path / "prompt.wav", 622, seconds=2.0)))
        node.do(wire.CollectDigits(leg_id=leg, count=10, timeout_seconds=8.0))
        assert node.wait_for(leg, LegEventKind.DIGITS_COLLECTED).values == {"digits": "0*9", "reason": "complete"}
        assert [event.values["digit"] for event in node.seen(leg, DIGIT)] == ["0", "*", "9", "#"]
        until(lambda: len(samples_of(spool / "agent.wav")) > 3 * RATE, timeout=8, what="it is past the prompt's end")
        assert np.count_nonzero(np.abs(samples_of(spool / "agent.wav")) > 100) < 1.5 * RATE
        hang_up(node, leg)
        stranger.wait_for_success()
    assert LegEventKind.PROMPT_FINISHED not in node.kinds(leg)


@needs_baresip
def test_keys_go_to_a_baresip_and_come_from_it(node: NodeConnection, tmp_path: Path) -> None:
    with baresip(tmp_path / "patient") as stranger:
        leg = dial(node, outbound("baresip"), loopback_trunk(stranger.port))
        node.wait_for(leg, LegEventKind.ANSWERED)
        # At once: the library is about to narrow the answer's two codecs down by a re-INVITE, which forgets keys.
        node.do(wire.SendDigits(leg_id=leg, digits="5"))
        node.do(wire.SendDigits(leg_id=leg, digits="*"))
        until(lambda: "received event: '*' (end=1)" in stranger.log(), timeout=5, what="baresip hears both keys")
        assert "received event: '5' (end=1)" in stranger.log()
        stranger.command("sndcode", "8")
        assert node.wait_for(leg, DIGIT).values == {"digit": "8"}
        hang_up(node, leg)


# --- who answered -----------------------------------------------------------------------------------------------------


def spoken(name: str) -> NDArray[np.float64]:
    sound, rate = soundfile.read(DEMO / f"{name}.wav", dtype="float64")
    assert rate == RATE
    return np.asarray(sound)


def rest(seconds: float) -> NDArray[np.float64]:
    return np.zeros(round(seconds * RATE))


def ringback(seconds: float) -> NDArray[np.float64]:
    """What China's networks let a caller hear: a second of 450 Hz, four of silence."""
    return np.resize(np.concatenate([tone(450, 1.0), rest(4.0)]), round(seconds * RATE))


@needs_sipp
def test_of_three_sipps_the_voicemail_and_the_gateway_are_machines_and_who_says_a_word_is_a_person(
    node: NodeConnection, tmp_path: Path
) -> None:
    # Half a second of a reader stands for a 喂: that much of speech, and then silence.
    word = utterance("zh_az_01")[round(0.5 * RATE) : round(1.0 * RATE)].astype(np.float64)
    says = {
        "voicemail": np.concatenate([rest(0.3), spoken("zh_voicemail_greeting"), rest(20)]),
        "gateway": ringback(20),  # it picks up at once and lets us hear the ringing
        "person": np.concatenate([rest(0.4), word, rest(20)]),
    }
    with ExitStack() as stack:
        legs = {}
        for name, sound in says.items():
            write_voice(tmp_path / name, sound)
            stranger = stack.enter_context(sipp(tmp_path / name, "speaks", echo=False))
            legs[name] = dial(node, outbound(name, screened=True), loopback_trunk(stranger.port))
        verdicts = {name: node.wait_for(leg, LegEventKind.ANSWERED_BY).values for name, leg in legs.items()}
        assert {name: verdict["who"] for name, verdict in verdicts.items()} == {
            "voicemail": "machine",
            "gateway": "machine",
            "person": "human",
        }, verdicts
        assert all(float(str(verdict["after_seconds"])) <= 3.2 for verdict in verdicts.values()), verdicts
        for leg in legs.values():
            hang_up(node, leg)


# --- before the answer, and instead of one ----------------------------------------------------------------------------


@needs_sipp
def test_what_three_sipps_let_us_hear_before_they_give_up_is_told_apart(node: NodeConnection, tmp_path: Path) -> None:
    plays = {
        "busy_tone": np.tile(np.concatenate([tone(450, 0.35), rest(0.35)]), 8),
        "ringback": ringback(6.0),
        "speech": spoken("zh_voicemail_greeting"),
    }
    with ExitStack() as stack:
        legs = {}
        for heard, sound in plays.items():
            write_voice(tmp_path / heard, sound)
            stranger = stack.enter_context(sipp(tmp_path / heard, "announces", echo=False))
            leg = outbound(heard, screened=True, recording_folder=tmp_path / "spool" / heard)
            legs[heard] = dial(node, leg, loopback_trunk(stranger.port))
        for heard, leg_id in legs.items():
            end = node.wait_for(leg_id, ENDED, timeout=15).values
            early = node.wait_for(leg_id, LegEventKind.EARLY_HEARD).values
            assert early["sound"] == heard
            assert (early["file"] is not None) is (heard == "speech")
            assert (end["sip_status"], end["unrung"]) == (480, False)
            assert node.kinds(leg_id).count(LegEventKind.EARLY_MEDIA) == 1


@needs_sipp
@pytest.mark.parametrize(
    ("scenario", "told"),
    [
        ("absent", (EndReason.UNREACHABLE, "patient", "switched_off")),
        ("gateway", (EndReason.BUSY, "patient", "busy")),
    ],
)
def test_a_q850_cause_of_sipp_says_more_than_its_status(
    node: NodeConnection, tmp_path: Path, scenario: str, told: tuple[object, ...]
) -> None:
    with sipp(tmp_path, scenario) as stranger:
        leg = dial(node, outbound("somebody"), loopback_trunk(stranger.port))
        end = node.wait_for(leg, ENDED).values
        stranger.wait_for_success()
    assert (end["end_reason"], end["party"], end["cause"]) == told


@needs_sipp
def test_a_sipp_from_which_no_sound_comes_is_told_of_and_hung_up(node: NodeConnection, tmp_path: Path) -> None:
    with sipp(tmp_path, "answer", echo=False) as stranger:
        leg = dial(node, outbound("somebody"), loopback_trunk(stranger.port))
        node.wait_for(leg, LegEventKind.MEDIA_SILENT)
        end = node.wait_for(leg, ENDED).values
        stranger.wait_for_success()
    assert end["end_reason"] == EndReason.NETWORK_FAILURE, end


# --- what the trunk says of us ----------------------------------------------------------------------------------------


@needs_sipp
def test_sipp_is_shown_the_names_the_number_and_the_timer_of_the_trunk(node: NodeConnection, tmp_path: Path) -> None:
    with sipp(tmp_path, "busy") as stranger:
        line = replace(
            loopback_trunk(stranger.port),
            codecs=("PCMU", "PCMA"),
            tel_uri=True,
            asserted_identity="+861055550000",
            session_timer_seconds=1800,
        )
        node.wait_for(dial(node, outbound("+8613900000001"), line), ENDED)
        stranger.wait_for_success()
    invite = stranger.messages()[0]
    assert invite.text.startswith("INVITE tel:+8613900000001 SIP/2.0")
    assert invite.headers("P-Asserted-Identity") == ["<tel:+861055550000>"]
    assert invite.headers("Session-Expires")[0].startswith("1800")
    assert "+861055550000" in invite.headers("From")[0]
    assert "RTP/AVP 0 8 120" in invite.text
