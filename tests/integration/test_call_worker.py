"""The call worker against a scripted phone: every verb, every end, and what is told of them."""

import json
import statistics
import time
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from followup.calls import EndReason, LegRole
from telephony.call_control import LegEventKind, LegState, OutboundLeg, RejectedError, Trunk
from telephony.sip import wire
from tests.support.ports import free_udp_block
from tests.support.sip_patient import SipPatient, sip_patient
from tests.support.sip_peer import NodeConnection, WorkerUnderTest, call_worker, loopback_trunk, outbound
from tests.support.waiting import until

RATE = 8000


@pytest.fixture(scope="module")
def phone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SipPatient]:
    programmes = {
        "headset": "answer.play-880",
        "heard-headset": "answer.play-880",
        "heard-patient": "ring.answer-300.play-440",
        "silent-headset": "answer",
        "patient": "ring.answer-300.play-440",
        "quiet-patient": "answer",
        "hash-key": "answer.digits-42#",
    }
    with sip_patient(tmp_path_factory.mktemp("phone"), programmes) as running:
        yield running


@pytest.fixture
def trunk(phone: SipPatient) -> Trunk:
    return loopback_trunk(phone.port)


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerUnderTest]:
    with call_worker(tmp_path_factory.mktemp("worker")) as running:
        yield running


@pytest.fixture
def node(worker: WorkerUnderTest) -> Iterator[NodeConnection]:
    """A new node of the worker all tests share; what it began is ended and acknowledged when the test is over."""
    connection = worker.connect()
    yield connection
    for leg in connection.status().legs:
        connection.do(wire.HangUp(leg_id=leg.leg_id, reason=EndReason.CANCELLED))
    until(lambda: not connection.status().legs, timeout=8, what="every leg has ended")
    connection.read()
    connection.acknowledge(max((event.event for event in connection.events), default=0))
    until(lambda: connection.status().unacknowledged == 0, timeout=5, what="every event is acknowledged")
    connection.close()


@pytest.fixture
def own_worker(tmp_path: Path) -> Iterator[WorkerUnderTest]:
    """A worker of the test's own, which may end as it will."""
    with call_worker(tmp_path / "worker") as running:
        yield running


def dial(node: NodeConnection, trunk: Trunk, leg: OutboundLeg) -> OutboundLeg:
    node.do(wire.Originate(leg=leg, trunk=trunk))
    return leg


def pick_up(node: NodeConnection, trunk: Trunk, leg: OutboundLeg) -> OutboundLeg:
    dial(node, trunk, leg)
    node.wait_for(leg.leg_id, LegEventKind.ANSWERED)
    return leg


def sound_files(node: NodeConnection, leg: OutboundLeg, folder: Path) -> tuple[Path, Path]:
    """Both files of a recording, once it has begun."""
    node.wait_for(leg.leg_id, LegEventKind.RECORDING_STARTED)
    return folder / "patient.wav", folder / "agent.wav"


def attach(node: NodeConnection, trunk: Trunk, number: str = "headset") -> OutboundLeg:
    leg = outbound(number, role=LegRole.AGENT)
    node.do(wire.AttachHeadset(leg=leg, trunk=trunk))
    node.wait_for(leg.leg_id, LegEventKind.ANSWERED)
    return leg


def end_of(node: NodeConnection, leg: OutboundLeg, timeout: float = 10.0) -> tuple[object, object, object]:
    values = node.wait_for(leg.leg_id, LegEventKind.ENDED, timeout=timeout).values
    return values["end_reason"], values["party"], values["sip_status"]


def samples(file: Path) -> np.ndarray:
    with wave.open(str(file)) as sound:
        assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (1, 2, RATE)
        return np.frombuffer(sound.readframes(sound.getnframes()), dtype="<i2").astype(float)


def heard(phone: SipPatient, user: str) -> np.ndarray:
    """What a phone heard, once its library has finished the file."""
    phone.wait_for("gone", user)
    until(lambda: any(phone.heard(user).read_bytes()[4:8]), timeout=5, what="the phone's recording is closed")
    return samples(phone.heard(user))


def loudness(sound: np.ndarray, hertz: int) -> float:
    """How much of a tone is in the sound, as the amplitude of that tone."""
    if len(sound) == 0:
        return 0.0
    wave_ = np.exp(-2j * np.pi * hertz * np.arange(len(sound)) / RATE)
    return float(2 * np.abs(np.mean(sound * wave_)))


def has_tone(sound: np.ndarray, hertz: int) -> bool:
    """Whether some half second of the sound carries the tone clearly."""
    half = RATE // 2
    return any(loudness(sound[start : start + half], hertz) > 1000 for start in range(0, len(sound) - half, half // 2))


# --- the ends a call can come to -----------------------------------------------------------------------------------


def test_an_answered_call_is_told_and_recorded_from_the_answer_to_the_far_hang_up(
    node: NodeConnection, worker: WorkerUnderTest, trunk: Trunk, phone: SipPatient, tmp_path: Path
) -> None:
    folder = tmp_path / "spool" / "call"
    leg = outbound("ring.answer-300.digits-12.play-440.hangup-1500", recording_folder=folder)
    dial(node, trunk, leg)

    assert end_of(node, leg) == (EndReason.HANG_UP, "patient", 200)
    assert node.kinds(leg.leg_id) == [
        LegEventKind.ABOUT_TO_INVITE,
        LegEventKind.INVITED,
        LegEventKind.RINGING,
        LegEventKind.ANSWERED,
        LegEventKind.RECORDING_STARTED,
        LegEventKind.DIGIT,
        LegEventKind.DIGIT,
        LegEventKind.RECORDING_STOPPED,
        LegEventKind.ENDED,
    ]
    assert [event.values["digit"] for event in node.seen(leg.leg_id, LegEventKind.DIGIT)] == ["1", "2"]
    invited = node.wait_for(leg.leg_id, LegEventKind.INVITED).values["sip_call_id"]
    assert phone.wait_for("invited", leg.number)["call_id"] == invited
    first = node.events[0].event
    assert [event.event for event in node.events] == list(range(first, first + 9))

    facts = json.loads((folder / "recording.json").read_text())
    assert set(facts) == {"started_at", "patient_offset_samples", "agent_offset_samples", "sample_rate"}
    patient, agent = samples(folder / "patient.wav"), samples(folder / "agent.wav")
    talked = (
        node.wait_for(leg.leg_id, LegEventKind.ENDED).occurred_at
        - node.wait_for(leg.leg_id, LegEventKind.RECORDING_STARTED).occurred_at
    ).total_seconds()
    assert abs(len(patient) / RATE - talked) < 0.15
    assert abs(len(patient) - len(agent)) <= abs(facts["patient_offset_samples"] - facts["agent_offset_samples"])
    assert has_tone(patient, 440)
    assert not has_tone(agent, 440)
    record = worker.journal()
    assert [line for line in record.events if line.leg_id == leg.leg_id] == node.events
    assert record.recordings[leg.leg_id].folder == folder
    assert leg.leg_id in record.closed


@pytest.mark.parametrize(
    ("programme", "expected"),
    [
        ("ring.busy-100", (EndReason.BUSY, "patient", 486)),
        ("busy-100", (EndReason.BUSY, "patient", 486)),
        ("ring.reject-100", (EndReason.REJECTED, "patient", 603)),
    ],
)
def test_a_far_end_that_declines_is_told_by_reason_and_party(
    node: NodeConnection, trunk: Trunk, programme: str, expected: tuple[object, object, object]
) -> None:
    leg = dial(node, trunk, outbound(programme))
    assert end_of(node, leg) == expected


def test_a_phone_nobody_picks_up_is_cancelled_at_the_ring_limit(
    node: NodeConnection, trunk: Trunk, phone: SipPatient
) -> None:
    leg = dial(node, trunk, outbound("ring.silence", ring_seconds=1.0))
    assert end_of(node, leg) == (EndReason.NO_ANSWER, "patient", 487)
    ringing, ended = (node.wait_for(leg.leg_id, kind) for kind in (LegEventKind.RINGING, LegEventKind.ENDED))
    assert 0.9 < (ended.occurred_at - ringing.occurred_at).total_seconds() < 2.0
    assert phone.wait_for("disconnected", leg.number)["status"] == 487


def test_a_port_where_nobody_listens_is_given_up_long_before_timer_b(node: NodeConnection) -> None:
    leg = dial(node, loopback_trunk(free_udp_block(2)), outbound("nobody"))
    assert end_of(node, leg) == (EndReason.NETWORK_FAILURE, "carrier", 0)
    invited, ended = (node.wait_for(leg.leg_id, kind) for kind in (LegEventKind.INVITED, LegEventKind.ENDED))
    assert (ended.occurred_at - invited.occurred_at).total_seconds() < 4.5


def test_a_call_taken_back_while_ringing_is_cancelled_by_us(node: NodeConnection, trunk: Trunk) -> None:
    leg = dial(node, trunk, outbound("ring.silence"))
    node.wait_for(leg.leg_id, LegEventKind.RINGING)
    node.do(wire.HangUp(leg_id=leg.leg_id, reason=EndReason.CANCELLED))
    assert end_of(node, leg) == (EndReason.CANCELLED, "us", 487)


def test_a_call_taken_back_before_the_far_end_spoke_is_over_at_once_and_stays_open_in_the_journal(
    node: NodeConnection, worker: WorkerUnderTest
) -> None:
    leg = dial(node, loopback_trunk(free_udp_block(2)), outbound("nobody"))
    node.do(wire.HangUp(leg_id=leg.leg_id, reason=EndReason.CANCELLED))
    assert end_of(node, leg)[:2] == (EndReason.CANCELLED, "us")
    assert [line.dialog for line in worker.journal().open_dialogs()] == [leg.leg_id], "a CANCEL may still be owed"
    until(lambda: leg.leg_id in worker.journal().closed, timeout=8, what="nobody spoke: nothing is owed any more")


def test_hanging_up_an_answered_leg_says_bye_and_may_be_said_twice(
    node: NodeConnection, trunk: Trunk, phone: SipPatient
) -> None:
    leg = pick_up(node, trunk, outbound("answer.silence"))
    for _ in range(2):
        node.do(wire.HangUp(leg_id=leg.leg_id, reason=EndReason.MACHINE))
    assert end_of(node, leg) == (EndReason.MACHINE, "us", 0)
    phone.wait_for("disconnected", leg.number)
    node.do(wire.HangUp(leg_id=leg.leg_id, reason=EndReason.MACHINE))
    assert len(node.seen(leg.leg_id, LegEventKind.ENDED)) == 1


# --- two legs ------------------------------------------------------------------------------------------------------


def test_the_patient_is_joined_with_the_headset_at_the_answer_and_both_sides_are_recorded(
    node: NodeConnection, trunk: Trunk, phone: SipPatient, tmp_path: Path
) -> None:
    headset = attach(node, trunk, "heard-headset")
    folder = tmp_path / "call"
    patient = outbound("heard-patient", join_leg=headset.leg_id, recording_folder=folder)
    pick_up(node, trunk, patient)
    bridged = node.wait_for(patient.leg_id, LegEventKind.BRIDGED)
    answered = node.wait_for(patient.leg_id, LegEventKind.ANSWERED)
    assert bridged.values == {"with": headset.leg_id}
    assert (bridged.occurred_at - answered.occurred_at).total_seconds() < 0.2
    until(
        lambda: sound_files(node, patient, folder)[1].stat().st_size > 3 * RATE,
        timeout=8,
        what="two seconds are recorded",
    )
    node.do(wire.HangUp(leg_id=patient.leg_id, reason=EndReason.HANG_UP))

    assert end_of(node, patient)[:2] == (EndReason.HANG_UP, "agent")
    assert node.kinds(patient.leg_id)[-2:] == [LegEventKind.RECORDING_STOPPED, LegEventKind.ENDED]
    assert node.wait_for(headset.leg_id, LegEventKind.UNBRIDGED).values == {"with": patient.leg_id}
    patient_side, agent_side = samples(folder / "patient.wav"), samples(folder / "agent.wav")
    assert has_tone(patient_side, 440)
    assert not has_tone(patient_side, 880)
    assert has_tone(agent_side, 880)
    assert not has_tone(agent_side, 440)
    assert [leg.leg_id for leg in node.status().legs] == [headset.leg_id]
    assert LegEventKind.ENDED not in node.kinds(headset.leg_id)
    node.do(wire.HangUp(leg_id=headset.leg_id, reason=EndReason.HANG_UP))
    node.wait_for(headset.leg_id, LegEventKind.ENDED)
    assert has_tone(heard(phone, "heard-headset"), 440)
    assert has_tone(heard(phone, "heard-patient"), 880)


def test_an_agent_who_hangs_up_her_phone_leaves_the_patient_up_and_parted(node: NodeConnection, trunk: Trunk) -> None:
    headset = attach(node, trunk, "answer.hangup-1200")
    patient = pick_up(node, trunk, outbound("quiet-patient", join_leg=headset.leg_id))
    assert end_of(node, headset) == (EndReason.HANG_UP, "agent", 200)
    assert node.wait_for(patient.leg_id, LegEventKind.UNBRIDGED).values == {"with": headset.leg_id}
    assert [leg.leg_id for leg in node.status().legs] == [patient.leg_id]


def test_legs_are_bridged_and_parted_by_command(node: NodeConnection, trunk: Trunk) -> None:
    headset = attach(node, trunk, "silent-headset")
    patient = pick_up(node, trunk, outbound("quiet-patient"))
    node.do(wire.Bridge(leg_id=patient.leg_id, other=headset.leg_id))
    node.wait_for(patient.leg_id, LegEventKind.BRIDGED)
    assert all(len(leg.bridged_with) == 1 for leg in node.status().legs)
    node.do(wire.Unbridge(leg_id=patient.leg_id, other=headset.leg_id))
    node.wait_for(patient.leg_id, LegEventKind.UNBRIDGED)
    with pytest.raises(RejectedError):
        node.do(wire.Unbridge(leg_id=patient.leg_id, other=headset.leg_id))


def test_a_held_patient_hears_nothing_and_hears_again_when_resumed(
    node: NodeConnection, trunk: Trunk, phone: SipPatient, tmp_path: Path
) -> None:
    headset = attach(node, trunk)
    folder = tmp_path / "call"
    number = "answer.play-440.silence"
    patient = pick_up(node, trunk, outbound(number, join_leg=headset.leg_id, recording_folder=folder))
    size = sound_files(node, patient, folder)[1].stat
    until(lambda: size().st_size > RATE, timeout=5, what="half a second is recorded")
    node.do(wire.Hold(leg_id=patient.leg_id))
    node.wait_for(patient.leg_id, LegEventKind.HELD)
    with pytest.raises(RejectedError):
        node.do(wire.Hold(leg_id=patient.leg_id))
    held_at = size().st_size
    until(lambda: size().st_size > held_at + 4 * RATE, timeout=8, what="two seconds of hold are recorded")
    node.do(wire.Resume(leg_id=patient.leg_id))
    node.wait_for(patient.leg_id, LegEventKind.RESUMED)
    resumed_at = size().st_size
    until(lambda: size().st_size > resumed_at + 4 * RATE, timeout=8, what="two seconds of talk are recorded")
    node.do(wire.HangUp(leg_id=patient.leg_id, reason=EndReason.HANG_UP))
    node.wait_for(patient.leg_id, LegEventKind.ENDED)

    agent_side, patient_side = samples(folder / "agent.wav"), samples(folder / "patient.wav")
    in_hold = slice(held_at // 2 + RATE // 2, held_at // 2 + RATE + RATE // 2)
    assert loudness(agent_side[in_hold], 880) < 50
    assert loudness(patient_side[in_hold], 440) < 50
    assert has_tone(agent_side[resumed_at // 2 :], 880)
    assert has_tone(patient_side[resumed_at // 2 :], 440)


# --- prompts and digits --------------------------------------------------------------------------------------------


@pytest.fixture
def prompt(tmp_path: Path) -> Path:
    """One and a half seconds of 1200 Hz."""
    file = tmp_path / "prompt.wav"
    tone = (8000 * np.sin(2 * np.pi * 1200 * np.arange(int(1.5 * RATE)) / RATE)).astype("<i2")
    with wave.open(str(file), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(RATE)
        sound.writeframes(tone.tobytes())
    return file


def test_a_prompt_is_heard_to_its_end_before_it_is_called_finished(
    node: NodeConnection, trunk: Trunk, phone: SipPatient, prompt: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "call"
    leg = pick_up(node, trunk, outbound("answer.silence-1", recording_folder=folder))
    begun = time.monotonic()
    node.do(wire.Play(leg_id=leg.leg_id, prompt=prompt))
    finished = node.wait_for(leg.leg_id, LegEventKind.PROMPT_FINISHED)
    took = time.monotonic() - begun
    assert finished.values == {"prompt": str(prompt)}
    assert 1.5 <= took < 2.5
    node.do(wire.HangUp(leg_id=leg.leg_id, reason=EndReason.HANG_UP))
    node.wait_for(leg.leg_id, LegEventKind.ENDED)
    ear = heard(phone, leg.number)
    whole = sum(loudness(ear[at : at + 160], 1200) > 2000 for at in range(0, len(ear), 160)) * 0.02
    assert whole > 1.4
    assert has_tone(samples(folder / "agent.wav"), 1200), "what we play is our side of the recording"
    assert not has_tone(samples(folder / "patient.wav"), 1200)


def test_a_digit_cuts_a_prompt_short_and_is_collected(node: NodeConnection, trunk: Trunk, prompt: Path) -> None:
    leg = pick_up(node, trunk, outbound("answer.digits-5"))
    node.do(wire.Play(leg_id=leg.leg_id, prompt=prompt))
    node.do(wire.CollectDigits(leg_id=leg.leg_id, count=1, timeout_seconds=3))
    collected = node.wait_for(leg.leg_id, LegEventKind.DIGITS_COLLECTED)
    assert collected.values == {"digits": "5", "reason": "complete"}
    node.do(wire.CollectDigits(leg_id=leg.leg_id, count=1, timeout_seconds=2))
    assert node.wait_for(leg.leg_id, LegEventKind.DIGITS_COLLECTED, times=2).values["reason"] == "timeout"
    assert node.seen(leg.leg_id, LegEventKind.PROMPT_FINISHED) == []


def test_digits_are_gathered_until_the_hash_key(node: NodeConnection, trunk: Trunk) -> None:
    leg = pick_up(node, trunk, outbound("hash-key"))
    node.do(wire.CollectDigits(leg_id=leg.leg_id, count=6, timeout_seconds=8))
    collected = node.wait_for(leg.leg_id, LegEventKind.DIGITS_COLLECTED)
    assert collected.values == {"digits": "42", "reason": "complete"}


def test_the_time_out_of_a_collection_begins_when_the_prompt_is_over(
    node: NodeConnection, trunk: Trunk, prompt: Path
) -> None:
    leg = pick_up(node, trunk, outbound("quiet-patient"))
    node.do(wire.Play(leg_id=leg.leg_id, prompt=prompt))
    node.do(wire.CollectDigits(leg_id=leg.leg_id, count=1, timeout_seconds=0.5))
    collected = node.wait_for(leg.leg_id, LegEventKind.DIGITS_COLLECTED)
    finished = node.wait_for(leg.leg_id, LegEventKind.PROMPT_FINISHED)
    assert collected.values == {"digits": "", "reason": "timeout"}
    assert 0.4 < (collected.occurred_at - finished.occurred_at).total_seconds() < 1.0


def test_digits_we_press_arrive_once_each(node: NodeConnection, trunk: Trunk, phone: SipPatient) -> None:
    leg = pick_up(node, trunk, outbound("answer.silence-2"))
    node.do(wire.SendDigits(leg_id=leg.leg_id, digits="13#"))
    until(lambda: len(phone.saw("digit", leg.number)) >= 3, timeout=8, what="three digits arrive")
    assert [line["digit"] for line in phone.saw("digit", leg.number)] == ["1", "3", "#"]
    with pytest.raises(RejectedError):
        node.do(wire.SendDigits(leg_id=leg.leg_id, digits="1x"))


# --- recording -----------------------------------------------------------------------------------------------------


def test_a_paused_recording_holds_silence_and_loses_no_time(node: NodeConnection, trunk: Trunk, tmp_path: Path) -> None:
    folder = tmp_path / "call"
    headset = attach(node, trunk)
    leg = pick_up(node, trunk, outbound("patient", join_leg=headset.leg_id, recording_folder=folder))
    size = sound_files(node, leg, folder)[0].stat
    until(lambda: size().st_size > 4 * RATE, timeout=8, what="two seconds are recorded")
    node.do(wire.PauseRecording(leg_id=leg.leg_id))
    node.wait_for(leg.leg_id, LegEventKind.RECORDING_PAUSED)
    paused_at = size().st_size
    until(lambda: size().st_size > paused_at + 4 * RATE, timeout=8, what="two seconds of pause are recorded")
    node.do(wire.ResumeRecording(leg_id=leg.leg_id))
    until(lambda: size().st_size > paused_at + 8 * RATE, timeout=8, what="two seconds more are recorded")
    node.do(wire.StopRecording(leg_id=leg.leg_id))
    stopped = node.wait_for(leg.leg_id, LegEventKind.RECORDING_STOPPED)
    assert stopped.values == {"folder": str(folder)}
    for name, hertz in (("patient.wav", 440), ("agent.wav", 880)):
        sound = samples(folder / name)
        pause = sound[paused_at // 2 + RATE // 2 : paused_at // 2 + RATE + RATE // 2]
        assert has_tone(sound[: paused_at // 2], hertz)
        assert not pause.any(), f"{name} holds sound within the pause"
        assert has_tone(sound[paused_at // 2 + 2 * RATE :], hertz)
    assert len(samples(folder / "patient.wav")) == len(samples(folder / "agent.wav"))
    with pytest.raises(RejectedError):
        node.do(wire.PauseRecording(leg_id=leg.leg_id))
    node.do(wire.HangUp(leg_id=leg.leg_id, reason=EndReason.HANG_UP))
    node.wait_for(leg.leg_id, LegEventKind.ENDED)
    assert len(node.seen(leg.leg_id, LegEventKind.RECORDING_STOPPED)) == 1


def test_a_headset_is_never_recorded(node: NodeConnection, trunk: Trunk, tmp_path: Path) -> None:
    leg = outbound("headset", role=LegRole.AGENT, recording_folder=tmp_path / "call")
    with pytest.raises(RejectedError, match="headset"):
        node.do(wire.AttachHeadset(leg=leg, trunk=trunk))


# --- node and worker -----------------------------------------------------------------------------------------------


def test_a_new_node_hears_every_event_nobody_acknowledged_and_talk_goes_on_meanwhile(
    own_worker: WorkerUnderTest, trunk: Trunk
) -> None:
    worker = own_worker
    first = worker.connect()
    leg = pick_up(first, trunk, outbound("patient"))
    acknowledged = first.wait_for(leg.leg_id, LegEventKind.RINGING).event
    first.acknowledge(acknowledged)
    until(
        lambda: worker.journal().acknowledged == acknowledged, timeout=5, what="the acknowledgement is in the journal"
    )
    first.close()

    second = worker.connect()
    assert second.greeted().legs == {leg.leg_id: LegState.ANSWERED}
    assert [event.event for event in second.events] == [acknowledged + 1] or until(
        lambda: second.kinds(leg.leg_id) == [LegEventKind.ANSWERED], timeout=5, what="the answer is said again"
    )
    before = second.status().legs[0].packets_received
    until(lambda: second.status().legs[0].packets_received > before + 20, timeout=5, what="sound keeps coming")


def test_the_newest_node_wins(own_worker: WorkerUnderTest) -> None:
    worker = own_worker
    first, second = worker.connect(), worker.connect()

    def parted() -> bool:
        first.read()
        return first.closed

    until(parted, timeout=5, what="the older node is let go")
    assert second.status().worker_id == worker.config.worker_id


def test_a_worker_nobody_adopts_says_bye_and_leaves(tmp_path: Path, trunk: Trunk, phone: SipPatient) -> None:
    with call_worker(tmp_path / "worker", orphan_seconds=2.0) as worker:
        node = worker.connect()
        leg = pick_up(node, trunk, outbound("answer.silence-3"))
        node.close()
        assert worker.wait_for_exit() == 0
        phone.wait_for("disconnected", leg.number)
        record = worker.journal()
        assert record.finished
        assert record.open_dialogs() == []
        last = record.unacknowledged()[-1].values
        assert last.items() >= {"end_reason": "worker_lost", "party": "us", "sip_status": 0}.items()


def test_told_to_leave_a_worker_says_bye_and_finishes_its_files(
    own_worker: WorkerUnderTest, trunk: Trunk, phone: SipPatient, tmp_path: Path
) -> None:
    worker, node = own_worker, own_worker.connect()
    folder = tmp_path / "call"
    leg = pick_up(node, trunk, outbound("answer.silence-4", recording_folder=folder))
    until(lambda: sound_files(node, leg, folder)[0].stat().st_size > RATE, timeout=5, what="half a second is recorded")
    worker.child.terminate()
    assert worker.wait_for_exit() == 0
    phone.wait_for("disconnected", leg.number)
    node.wait_for(leg.leg_id, LegEventKind.ENDED)
    assert len(samples(folder / "patient.wav")) == len(samples(folder / "agent.wav")) > 0
    assert not worker.config.socket.exists()


def test_quitting_is_refused_while_a_leg_is_up(own_worker: WorkerUnderTest, trunk: Trunk) -> None:
    worker, node = own_worker, own_worker.connect()
    leg = pick_up(node, trunk, outbound("quiet-patient"))
    with pytest.raises(RejectedError):
        node.do(wire.Quit())
    node.do(wire.HangUp(leg_id=leg.leg_id, reason=EndReason.HANG_UP))
    node.wait_for(leg.leg_id, LegEventKind.ENDED)
    node.do(wire.Quit())
    assert worker.wait_for_exit() == 0


def test_the_same_attempt_or_leg_is_never_dialed_twice(node: NodeConnection, trunk: Trunk, phone: SipPatient) -> None:
    leg = dial(node, trunk, outbound("busy-100.silence"))
    node.wait_for(leg.leg_id, LegEventKind.ENDED)
    again = OutboundLeg(leg_id=outbound("x").leg_id, attempt_id=leg.attempt_id, role=leg.role, number=leg.number)
    for twice in (leg, again):
        answer = node.ask(wire.Originate(leg=twice, trunk=trunk))
        assert not answer.ok
        assert answer.anything_sent
    assert len(phone.saw("invited", leg.number)) == 1


def test_commands_act_at_once_with_or_without_a_call(node: NodeConnection, trunk: Trunk) -> None:
    def turnaround() -> float:
        begun = time.perf_counter()
        node.status()
        return time.perf_counter() - begun

    idle = statistics.median(turnaround() for _ in range(15))
    pick_up(node, trunk, outbound("patient"))
    talking = statistics.median(turnaround() for _ in range(15))
    assert idle < 0.02, f"{idle * 1000:.1f} ms"
    assert talking < 0.02, f"{talking * 1000:.1f} ms"
