"""Strangers who ring us, and strangers whom a machine rings: what they hear, what their keys do, what is on record."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from db.engine import make_engine
from db.unit_of_work import UnitsOfWork
from followup.calls import Announcement, Answered, EarlySound, EndReason, LegId, LegRole
from followup.inbound import InboundCall
from followup.outcomes import AttemptOutcome
from followup.plans import WISHED_AT, TaskMode
from followup.recordings import REFUSED_BY_PATIENT, RecordingState
from followup.screening import OnMachine
from runtime.settings import REPOSITORY
from runtime.trunks_file import Purpose
from telephony.call_control import LegEvent, LegEventKind, OutboundLeg, Trunk
from telephony.sip.control import SipCallControl
from telephony.sip.pool import WorkerPool
from telephony.trunks import Trunks, TrunkTerms
from tests.support.baresip import PORTS as BARESIP_PORTS
from tests.support.baresip import Baresip, baresip, needs_baresip
from tests.support.builders import a_patient, a_queue
from tests.support.call_control_bench import pool_settings
from tests.support.ports import free_udp_block
from tests.support.sipp import needs_sipp, sipp
from tests.support.sipp_sounds import tone, write_voice
from tests.support.telephony_bench import PORTS, Place, dial, ended, node_at
from tests.support.tones import RATE, amplitudes, samples_of
from tests.support.waiting import until
from transcription.answer_phrases import load_answer_phrases
from transcription.faster_whisper_engine import FasterWhisper
from transcription.openings import Part, hear
from transcription.speech_probe import WhisperProbe
from transcription.weights import find_weights

pytestmark = pytest.mark.stranger

NUMBER = "+8613912345678"
CALLER_HZ, AGENT_HZ = 1004, 400


def prompt_heard(stranger: Baresip, prompt: str) -> bool:
    """Whether this prompt is in what the stranger has heard so far, by correlation with its first two seconds."""
    wanted, _ = soundfile.read(REPOSITORY / "content" / "prompts" / "zh" / f"{prompt}.wav", dtype="float64")
    wanted = wanted[: 2 * RATE]
    heard = samples_of(stranger.heard()).astype(np.float64) / 32768
    return len(heard) > len(wanted) and likeness(heard, wanted) > 0.6


def likeness(sound: NDArray[np.float64], wanted: NDArray[np.float64]) -> float:
    """How much of the sound, at its best place, is what was wanted: 1 is the very same."""
    size = 1 << (len(sound) + len(wanted)).bit_length()
    match = np.fft.irfft(np.fft.rfft(sound, size) * np.conj(np.fft.rfft(wanted, size)), size)
    match = match[: len(sound) - len(wanted)]
    sums = np.cumsum(np.concatenate([[0.0], sound**2]))
    energy = (sums[len(wanted) :] - sums[: -len(wanted)])[: len(match)]
    return float(np.max(match / np.sqrt(np.maximum(energy, 1e-3) * float(np.sum(wanted**2)))))


# --- a baresip rings us -----------------------------------------------------------------------------------------------


@pytest.fixture
def place(tmp_path: Path, database_url: str) -> Iterator[Place]:
    ports = free_udp_block(PORTS + BARESIP_PORTS)
    engine = make_engine(database_url)
    carrier = Trunk(name="carrier", host="127.0.0.1", port=ports + PORTS, loopback_only=True)
    yield Place(
        folder=tmp_path,
        ports=ports,
        trunks=Trunks(patients=carrier, headsets=carrier),
        units=UnitsOfWork(engine),
        database_url=database_url,
        front=True,
        screened=True,
    )
    engine.dispose()


def callers(place: Place) -> list[InboundCall]:
    with place.units() as uow:
        return list(uow.inbound.recent(live_only=False, agent_id=None, queue_ids=(), before=None, limit=10))


@needs_baresip
def test_a_baresip_that_rings_us_hears_the_hospital_presses_one_and_is_owed_a_call(place: Place) -> None:
    with place.units() as uow:
        patient = a_patient(uow)
        patient.contact_points[0].number = NUMBER
        a_queue(uow)
        uow.commit()
    with node_at(place), baresip(place.folder / "caller", user=NUMBER, keeps_sound=True) as caller:
        caller.command("dial", f"sip:02155550000@127.0.0.1:{place.front_port}")
        until(lambda: "Call established" in caller.log(), timeout=10, what="we pick up")
        until(lambda: prompt_heard(caller, "greeting"), timeout=15, what="the greeting is heard", every=0.2)
        caller.command("sndcode", "1")
        until(lambda: [row for row in callers(place) if row.state == "ended"], timeout=20, what="we end the call")
        until(lambda: "session closed" in caller.log(), timeout=5, what="baresip hears our BYE")
        assert prompt_heard(caller, "call_back_promised")
        assert not prompt_heard(caller, "wrong_person")
    (inbound,) = callers(place)
    assert (inbound.reason, inbound.candidates) == ("call_back_wished", [patient.id])
    with place.units() as uow:
        (task,) = uow.plans.tasks_of_patient(patient.id)
    assert (task.id, WISHED_AT in task.variables) == (inbound.task_id, True)


@needs_baresip
def test_a_baresip_that_rings_us_talks_with_a_baresip_at_the_desk_in_another_worker(tmp_path: Path) -> None:
    events: list[LegEvent] = []
    settings = pool_settings(tmp_path, front=True)

    def take(event: LegEvent) -> None:
        events.append(event)
        pool.acknowledge(event)

    def wait_for(kind: LegEventKind, leg_id: LegId | None = None) -> LegEvent:
        event = until(
            lambda: next((e for e in events if e.kind is kind and leg_id in (None, e.leg_id)), None),
            timeout=10,
            what=f"{kind} of {leg_id}",
        )
        assert event is not None
        return event

    pool = WorkerPool(settings, take)
    control = SipCallControl(pool)
    pool.start()
    try:
        with (
            baresip(tmp_path / "desk", user="desk", hertz=AGENT_HZ, keeps_sound=True) as desk,
            baresip(tmp_path / "caller", user=NUMBER, hertz=CALLER_HZ, keeps_sound=True) as caller,
        ):
            agent = OutboundLeg(leg_id=LegId("agent"), attempt_id="none", role=LegRole.AGENT, number="desk")
            control.attach_headset(agent, Trunk(name="pbx", host="127.0.0.1", port=desk.port, loopback_only=True))
            wait_for(LegEventKind.ANSWERED, agent.leg_id)
            caller.command("dial", f"sip:02155550000@127.0.0.1:{settings.sip_port_base - 1}")
            incoming = wait_for(LegEventKind.INCOMING)
            assert NUMBER in str(incoming.values["caller"])
            control.answer(incoming.leg_id, recording_folder=tmp_path / "spool")
            wait_for(LegEventKind.ANSWERED, incoming.leg_id)
            control.bridge(incoming.leg_id, agent.leg_id)
            wait_for(LegEventKind.BRIDGED, incoming.leg_id)
            channels = {"left": tmp_path / "spool" / "agent.wav", "right": tmp_path / "spool" / "patient.wav"}
            tones = {"agent": AGENT_HZ, "caller": CALLER_HZ}

            def heard() -> dict[str, set[str]]:
                places = {"desk": desk.heard(), "caller": caller.heard()} | channels
                spectra = {name: amplitudes(samples_of(file), tones) for name, file in places.items()}
                return {name: {who for who, loud in found.items() if loud > 1000} for name, found in spectra.items()}

            wanted = {"desk": {"caller"}, "caller": {"agent"}, "left": {"agent"}, "right": {"caller"}}
            until(lambda: heard() == wanted, timeout=10, what="each hears the other and is recorded", every=0.2)
            caller.hang_up()
            end = wait_for(LegEventKind.ENDED, incoming.leg_id).values
            assert (end["end_reason"], end["party"]) == ("hang_up", "patient")
            # One who is refused, and one who gives up while it rings.
            for refused in (True, False):
                events.clear()
                caller.command("dial", f"sip:02155550000@127.0.0.1:{settings.sip_port_base - 1}")
                again = wait_for(LegEventKind.INCOMING)
                if refused:
                    control.hang_up(again.leg_id, EndReason.BUSY)
                else:
                    caller.hang_up()
                end = wait_for(LegEventKind.ENDED, again.leg_id).values
                assert end["party"] == ("us" if refused else "patient"), end
            assert "486" in caller.log()
    finally:
        pool.close(quit_idle=True)


# --- we ring a stranger -----------------------------------------------------------------------------------------------


@needs_baresip
def test_a_baresip_in_an_automated_call_refuses_the_recording_by_key_and_asks_for_a_person(place: Place) -> None:
    # Not screened: baresip's tone is no person.
    place, port = replace(place, screened=False), place.trunks.patients.port
    with node_at(place), baresip(place.folder / "patient", user=NUMBER, port=port, keeps_sound=True) as patient:
        call_id, _ = dial(place, NUMBER, mode=TaskMode.AUTOMATED)
        until(lambda: "Call established" in patient.log(), timeout=15, what="baresip picks up")
        until(lambda: prompt_heard(patient, "greeting"), timeout=15, what="the greeting is heard", every=0.2)
        spool = place.folder / "spool" / call_id
        assert list(spool.glob("*.wav"))
        patient.command("sndcode", "8")
        until(lambda: not list(spool.glob("*.wav")), timeout=10, what="the recording's files are destroyed")
        patient.command("sndcode", "0")
        until(lambda: prompt_heard(patient, "person"), timeout=10, what="a person is promised", every=0.2)
        patient.hang_up()
        call = ended(place, call_id)
    assert (call.end_reason, call.party) == (EndReason.HANG_UP, "patient")
    with place.units() as uow:
        recording = uow.recordings.of_call(call_id)
    assert recording is not None
    assert (recording.state, recording.reason) == (RecordingState.FAILED, REFUSED_BY_PATIENT)


@needs_baresip
def test_a_baresip_that_is_a_voicemail_hears_the_neutral_message_after_its_beep_and_nothing_of_the_matter(
    place: Place,
) -> None:
    folder = REPOSITORY / "suifang" / "demo" / "speech"
    parts = [soundfile.read(folder / name, dtype="float64")[0] for name in ("zh_voicemail_greeting.wav", "beep.wav")]
    parts[0] = parts[0][: round(3.2 * RATE)]
    says = np.concatenate([*parts, np.zeros(30 * RATE)])
    port = place.trunks.patients.port
    with node_at(place), baresip(place.folder / "box", user=NUMBER, port=port, says=says, keeps_sound=True) as box:
        call_id, _ = dial(place, NUMBER, mode=TaskMode.AUTOMATED, on_machine=OnMachine.NEUTRAL_MESSAGE)
        call = ended(place, call_id)
        until(lambda: "session closed" in box.log(), timeout=5, what="baresip hears our BYE")
        heard = samples_of(box.heard())
        assert prompt_heard(box, "neutral_message")
        assert not prompt_heard(box, "identity")
    assert (call.answered_by, call.end_reason) == (Answered.MACHINE, EndReason.MACHINE)
    greeting = round(len(parts[0]) * 0.9)
    assert np.abs(heard[:greeting]).max() < 300, "nothing is said while the greeting lasts"


@needs_sipp
def test_what_sipps_let_us_hear_before_a_vague_end_refines_the_end_and_the_outcome(place: Place) -> None:
    said, _ = soundfile.read(REPOSITORY / "tests/support/speech/announcements/zh_empty_number.wav", dtype="float64")
    busy = np.tile(np.concatenate([tone(450, 0.35), np.zeros(round(0.35 * RATE))]), 8)
    write_voice(place.folder / "busy", busy)
    write_voice(place.folder / "empty", said)
    cheap = TrunkTerms(trunk=place.trunks.patients, purposes=frozenset({Purpose.PATIENTS}), channels=1, ping_seconds=0)
    other = replace(cheap, trunk=replace(cheap.trunk, name="other", port=cheap.trunk.port + 20), cost=1.0)
    desks = replace(cheap, trunk=replace(cheap.trunk, name="desks"), purposes=frozenset({Purpose.HEADSETS}))
    place = replace(place, trunks=Trunks.of([cheap, other, desks]))
    engine = FasterWhisper(find_weights(None, place.folder / "state"))
    phrases = load_answer_phrases(REPOSITORY / "content" / "answer_phrases.yaml")
    with (
        node_at(place),
        sipp(place.folder / "busy", "announces", port=cheap.trunk.port, echo=False) as engaged,
        sipp(place.folder / "empty", "announces", port=other.trunk.port, echo=False) as announcer,
    ):
        busy_id, _ = dial(place, "+8613900000401", mode=TaskMode.AUTOMATED)
        until(lambda: place.call(busy_id).invite_at, timeout=10, what="the first trunk's one channel is taken")
        empty_id, _ = dial(place, "+8613900000402", mode=TaskMode.AUTOMATED)
        first, second = ended(place, busy_id), ended(place, empty_id)
        engaged.wait_for_success()
        announcer.wait_for_success()
        assert (first.early_sound, first.end_reason) == (EarlySound.BUSY_TONE, EndReason.BUSY)
        assert (second.early_sound, second.end_reason) == (EarlySound.SPEECH, EndReason.UNREACHABLE)
        # As the speech worker does when the node has told it of the sound.
        hear(place.units, WhisperProbe(lambda: engine), phrases, place.folder / "spool", empty_id, Part.EARLY)
        until(lambda: place.call(empty_id).announcement, timeout=10, what="the node is told of the words")
    second = place.call(empty_id)
    assert (second.announcement, second.end_reason) == (Announcement.EMPTY_NUMBER, EndReason.INVALID_NUMBER)
    assert list((place.folder / "spool").glob("*.early.wav")) == []
    with place.units() as uow:
        outcomes = [attempt.outcome for call in (first, second) if (attempt := uow.attempts.get(call.attempt_id))]
    assert outcomes == [AttemptOutcome.BUSY, AttemptOutcome.INVALID_NUMBER]
