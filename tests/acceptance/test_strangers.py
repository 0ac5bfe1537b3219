"""Follow-up calls with SIP programs that are not ours at the far end, at the desk and on the way."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from db.engine import make_engine
from db.unit_of_work import UnitsOfWork
from followup.calls import Call, CallState
from followup.plans import TaskMode
from followup.queues import AgentState, HeadsetState
from followup.recordings import RecordingState
from telephony.call_control import Trunk
from telephony.trunks import Trunks
from tests.support.baresip import PORTS as BARESIP_PORTS
from tests.support.baresip import Baresip, baresip, needs_baresip
from tests.support.capture import Capture, VoicePacket, capture, why_no_capture
from tests.support.ports import free_udp_block
from tests.support.sipp import Sipp, SippMessage, gists, needs_sipp, sipp
from tests.support.telephony_bench import PORTS, Place, command, dial, ended, node_at, take_off_headset
from tests.support.waiting import until

pytestmark = pytest.mark.stranger

RATE = 8000
AGENT_HZ, PATIENT_HZ = 440, 700
BARESIP_PATIENT = "+8613900000200"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("place")
    ports = free_udp_block(PORTS + 2 * BARESIP_PORTS)
    engine = make_engine(module_database_url)
    place = Place(
        folder=folder,
        ports=ports,
        trunks=Trunks(
            patients=Trunk(name="carrier", host="127.0.0.1", port=ports + PORTS, loopback_only=True),
            headsets=Trunk(name="pbx", host="127.0.0.1", port=ports + PORTS + BARESIP_PORTS, loopback_only=True),
        ),
        units=UnitsOfWork(engine),
        database_url=module_database_url,
    )
    with node_at(place):
        yield place
    engine.dispose()


@pytest.fixture(scope="module")
def desk(place: Place) -> Iterator[Baresip]:
    port = place.trunks.headsets.port
    with baresip(place.folder / "desk", user="desk", hertz=AGENT_HZ, port=port) as running:
        yield running


def loudest(samples: NDArray[np.float64]) -> float:
    """The frequency that is heard most."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * RATE / len(samples))


def loudness(samples: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(samples**2)))


def channel(place: Place, call: Call, name: str) -> NDArray[np.float64]:
    with place.units() as uow:
        recording = uow.recordings.of_call(call.id)
    assert recording is not None
    assert recording.state is RecordingState.CAPTURED
    samples, rate = soundfile.read(Path(recording.spool or "") / f"{name}.wav")
    assert rate == RATE
    return np.asarray(samples)


def branches(messages: list[SippMessage], method: str) -> set[str]:
    """The transactions of one method, by the branch of the topmost Via."""
    return {m.headers("Via")[0].partition("branch=")[2] for m in messages if m.gist == f"> {method}"}


def all_went_well(stranger: Sipp) -> None:
    stranger.wait_for_success()
    said = stranger.statistics()
    assert (said["SuccessfulCall(C)"], said["FailedCall(C)"], said["FailedUnexpectedMessage(C)"]) == ("1", "0", "0")
    assert said["OutOfCallMsgs(C)"] == "0"


# --- through a whole node: task, reserve, dial, talk, wrap up ---------------------------------------------------------


@needs_sipp
@needs_baresip
def test_a_follow_up_goes_from_task_to_wrap_up_between_two_strangers(
    place: Place, desk: Baresip, tmp_path: Path
) -> None:
    with sipp(tmp_path, "hang_up", port=place.trunks.patients.port) as stranger:
        call_id, agent_id = dial(place, "+8613900000201")
        call = ended(place, call_id)
        all_went_well(stranger)
    messages = stranger.messages()
    assert gists(messages) == ["> INVITE", "< 180", "< 200", "> ACK", "< BYE", "> 200"]
    assert len(branches(messages, "INVITE")) == 1
    assert {m.headers("Call-ID")[0] for m in messages} == {call.sip_call_id}

    assert (call.end_reason, call.party) == ("hang_up", "patient")
    assert call.planned_at <= call.invite_at <= call.ringing_at <= call.answered_at <= call.bridged_at <= call.ended_at  # type: ignore[operator]
    assert (call.bridged_at - call.answered_at).total_seconds() <= 0.5  # type: ignore[operator]
    assert agent_id is not None
    with place.units() as uow:
        attempt = uow.attempts.get(call.attempt_id)
        agent = uow.queues.agent(agent_id)
    assert attempt is not None
    assert agent is not None
    assert (attempt.state, attempt.outcome) == ("wrap_up", None)
    assert (agent.state, agent.headset_state) == (AgentState.WRAP_UP, HeadsetState.UP)
    # sipp sends back what it hears: the agent's tone, a little later, is the patient's voice.
    for name in ("agent", "patient"):
        samples = channel(place, call, name)
        assert abs(loudest(samples) - AGENT_HZ) < 3, f"{name}: {loudest(samples):.0f} Hz"
    take_off_headset(place, agent_id)


@needs_sipp
@pytest.mark.parametrize(
    ("scenario", "number", "told", "outcome", "sequence"),
    [
        ("busy", "+8613900000202", ("busy", "patient"), "busy", ["> INVITE", "< 180", "< 486", "> ACK"]),
        ("reject", "+8613900000203", ("rejected", "patient"), "rejected", ["> INVITE", "< 180", "< 603", "> ACK"]),
        (
            "no_answer",
            "+8613900000204",
            ("no_answer", "patient"),
            "no-answer",
            ["> INVITE", "< 180", "> CANCEL", "< 200", "< 487", "> ACK"],
        ),
    ],
)
def test_a_stranger_who_does_not_pick_up_closes_the_attempt(
    place: Place,
    tmp_path: Path,
    scenario: str,
    number: str,
    told: tuple[str, str],
    outcome: str,
    sequence: list[str],
) -> None:
    with sipp(tmp_path, scenario, port=place.trunks.patients.port) as stranger:
        call_id, _ = dial(place, number, mode=TaskMode.AUTOMATED)
        call = ended(place, call_id)
        all_went_well(stranger)
    assert gists(stranger.messages()) == sequence
    assert len(branches(stranger.messages(), "INVITE")) == 1
    assert (call.end_reason, call.party) == told
    assert call.answered_at is None
    with place.units() as uow:
        attempt = uow.attempts.get(call.attempt_id)
        assert attempt is not None
        assert (attempt.state, attempt.outcome) == ("closed", outcome)
        assert uow.recordings.of_call(call_id) is None


@needs_sipp
def test_our_hang_up_is_a_bye_that_the_stranger_confirms(place: Place, tmp_path: Path) -> None:
    with sipp(tmp_path, "answer", port=place.trunks.patients.port) as stranger:
        call_id, _ = dial(place, "+8613900000205", mode=TaskMode.AUTOMATED)
        until(lambda: place.call(call_id).state is CallState.ANSWERED, timeout=10, what="sipp has picked up")
        command(place, "hang_up", call_id)
        call = ended(place, call_id)
        all_went_well(stranger)
    assert gists(stranger.messages()) == ["> INVITE", "< 180", "< 200", "> ACK", "> BYE", "< 200"]
    assert len(branches(stranger.messages(), "BYE")) == 1
    assert (call.end_reason, call.party) == ("hang_up", "us")


# --- a conversation between two baresips, heard by a third ------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """A conversation that is over."""

    call: Call
    wire: Capture | None
    patient_port: int


@pytest.fixture(scope="module")
def talk(place: Place, desk: Baresip) -> Iterator[Talk]:
    port = place.trunks.patients.port
    with baresip(place.folder / "patient", user=BARESIP_PATIENT, hertz=PATIENT_HZ, port=port) as patient:
        if why_no_capture() is None:
            file = place.folder / "talk.pcapng"
            # The patient's ports alone: the headset's RTP is another call's.
            ports = (port, port + BARESIP_PORTS - 1)
            with capture(file, first_port=ports[0], last_port=ports[1], sip_ports=[port]) as heard:
                call = talk_for_two_seconds(place, patient)
        else:
            heard, call = None, talk_for_two_seconds(place, patient)
        yield Talk(call=call, wire=heard, patient_port=port)


def talk_for_two_seconds(place: Place, patient: Baresip) -> Call:
    call_id, agent_id = dial(place, BARESIP_PATIENT)
    until(lambda: place.call(call_id).state is CallState.BRIDGED, timeout=15, what="patient and agent are joined")
    until(lambda: spooled_seconds(place, call_id) > 2, timeout=15, what="two seconds are recorded")
    patient.hang_up()
    call = ended(place, call_id)
    assert agent_id is not None
    take_off_headset(place, agent_id)
    return call


def spooled_seconds(place: Place, call_id: str) -> float:
    file = place.folder / "spool" / call_id / "patient.wav"
    return file.stat().st_size / (2 * RATE) if file.exists() else 0.0


@needs_baresip
def test_baresip_picks_up_talks_and_hangs_up(talk: Talk) -> None:
    call = talk.call
    assert (call.end_reason, call.party) == ("hang_up", "patient")
    assert call.ringing_at <= call.answered_at <= call.bridged_at <= call.ended_at  # type: ignore[operator]


@needs_baresip
def test_each_channel_holds_what_its_stranger_said_and_nothing_else(place: Place, talk: Talk) -> None:
    for name, own, other in (("patient", PATIENT_HZ, AGENT_HZ), ("agent", AGENT_HZ, PATIENT_HZ)):
        samples = channel(place, talk.call, name)
        assert abs(loudest(samples) - own) < 3, f"{name}: {loudest(samples):.0f} Hz"
        # A tone of amplitude 8000 has 0.173; the first moments of a call are silence.
        assert 0.12 < loudness(samples[RATE // 2 :]) < 0.20, name
        spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
        bins = (round(hertz * len(samples) / RATE) for hertz in (own, other))
        mine, foreign = (spectrum[middle - 3 : middle + 4].max() for middle in bins)
        assert foreign < mine / 100, f"{name}: {other} Hz is heard as well"


@needs_baresip
def test_the_patient_hears_the_agent(place: Place, talk: Talk) -> None:
    sent, _ = voices(talk)
    alaw = bytes.fromhex("".join(packet.payload for packet in sent))
    heard, _ = soundfile.read(io.BytesIO(alaw), format="RAW", subtype="ALAW", samplerate=RATE, channels=1)
    assert abs(loudest(heard) - AGENT_HZ) < 3


@needs_baresip
def test_the_captured_call_is_one_dialog_by_the_book(place: Place, talk: Talk) -> None:
    packets = captured(talk).sip()
    invite = packets[0]
    assert (invite.gist, invite.to_tag) == ("INVITE", "")
    assert {packet.call_id for packet in packets} == {talk.call.sip_call_id}

    number = invite.cseq[0]
    opening = [packet for packet in packets if packet.cseq in {(number, "INVITE"), (number, "ACK")}]
    provisional = {packet.gist for packet in opening[1:-2]}
    assert {"180"} <= provisional <= {"100", "180"}
    assert [packet.gist for packet in opening[-2:]] == ["200", "ACK"]
    tag = opening[-1].to_tag
    assert {packet.from_tag for packet in opening} == {invite.from_tag}
    assert {packet.to_tag for packet in opening if packet.gist not in {"INVITE", "100"}} == {tag}

    # The library narrows an answer of two codecs down to one, inside the dialog: INVITE, 200, ACK with the next number.
    narrowing = [packet for packet in packets if packet.cseq in {(number + 1, "INVITE"), (number + 1, "ACK")}]
    assert {packet.gist for packet in narrowing} <= {"INVITE", "100", "200", "ACK"}
    assert {(packet.from_tag, packet.to_tag) for packet in narrowing} <= {(invite.from_tag, tag)}

    bye, goodbye = packets[-2:]
    assert (bye.gist, goodbye.gist) == ("BYE", "200")
    assert bye.cseq == goodbye.cseq
    assert bye.source == talk.patient_port
    # The far end hangs up, so the tags change places.
    assert {(p.from_tag, p.to_tag) for p in (bye, goodbye)} == {(tag, invite.from_tag)}
    assert packets == [*opening, *narrowing, bye, goodbye]


@needs_baresip
def test_the_captured_offer_names_a_law_first_then_mu_law_and_keys(place: Place, talk: Talk) -> None:
    offer = captured(talk).fields("sip.Method == INVITE && sdp", "sdp.mime.type", "sdp.media")[0]
    media = offer["sdp.media"][0].split()
    assert (media[0], media[2], media[3:5]) == ("audio", "RTP/AVP", ["8", "0"])
    assert offer["sdp.mime.type"] == ["PCMA", "PCMU", "telephone-event"]


@needs_baresip
def test_the_captured_voices_are_steady_and_stop_with_the_call(place: Place, talk: Talk) -> None:
    bye, goodbye = captured(talk).sip()[-2:]
    ours, theirs = voices(talk)
    for name, stream in (("ours", ours), ("theirs", theirs)):
        assert len(stream) > 80, name
        assert {packet.payload_type for packet in stream} == {8}, name
        assert len({packet.source_id for packet in stream}) == 1, name
        steps = {(after.number - before.number, after.stamp - before.stamp) for before, after in pairwise(stream)}
        assert steps == {(1, 160)}, name
        pace = (stream[-1].at - stream[0].at) / (len(stream) - 1)
        assert 0.018 < pace < 0.022, name
    # A tick of the bridge that is under way, and what had left baresip's hands when it said BYE, may still pass.
    assert ours[-1].at <= goodbye.at + 0.04
    assert theirs[-1].at <= bye.at + 0.1


def captured(talk: Talk) -> Capture:
    if (reason := why_no_capture()) is not None:
        pytest.skip(reason)
    assert talk.wire is not None, "this machine can capture, but nothing was captured"
    return talk.wire


def voices(talk: Talk) -> tuple[list[VoicePacket], list[VoicePacket]]:
    """What we sent to the patient, and what the patient sent to us."""
    packets = captured(talk).voices()
    of_patient = range(talk.patient_port, talk.patient_port + BARESIP_PORTS)
    return [p for p in packets if p.source not in of_patient], [p for p in packets if p.source in of_patient]
