"""A patient rings the hospital over real SIP: he hears who we are, is promised a call, or speaks with an agent."""

import wave
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from api.inbound_links import link
from db.calls import CallCommand
from db.engine import make_engine
from db.unit_of_work import UnitsOfWork
from followup.inbound import InboundCall
from followup.plans import WISHED_AT, Task
from followup.queues import Agent, HeadsetState
from recordings.ingest import ingest
from recordings.object_store import ObjectStore
from runtime.identifiers import new_id
from runtime.settings import REPOSITORY
from telephony.call_control import Trunk
from telephony.trunks import Trunks
from tests.support.builders import a_patient, a_queue, a_task, an_agent
from tests.support.ports import free_udp_block
from tests.support.sip_caller import CallPlan, DialedCall, dial
from tests.support.sip_patient import SipPatient, sip_patient
from tests.support.telephony_bench import PORTS, Place, node_at, take_off_headset
from tests.support.waiting import until

NUMBER = "+8613912345678"
RATE = 8000
AGENTS_TONE, CALLERS_TONE = 440, 1000


@pytest.fixture
def phone(tmp_path: Path) -> Iterator[SipPatient]:
    with sip_patient(tmp_path / "phone", {"desk": f"answer.play-{AGENTS_TONE}"}) as running:
        yield running


@pytest.fixture
def place(tmp_path: Path, database_url: str, phone: SipPatient) -> Iterator[Place]:
    engine = make_engine(database_url)
    trunk = Trunk(name="test", host=phone.host, port=phone.port, loopback_only=True)
    yield Place(
        folder=tmp_path,
        ports=free_udp_block(PORTS),
        trunks=Trunks(patients=trunk, headsets=trunk),
        units=UnitsOfWork(engine),
        database_url=database_url,
        front=True,
    )
    engine.dispose()


def rings(place: Place, **plan: object) -> DialedCall:
    return dial(CallPlan(target=f"sip:02155550000@127.0.0.1:{place.front_port}", caller=NUMBER, **plan))  # type: ignore[arg-type]


def callers(place: Place) -> list[InboundCall]:
    with place.units() as uow:
        return list(uow.inbound.recent(live_only=False, agent_id=None, queue_ids=(), before=None, limit=10))


def heard(path: Path) -> NDArray[np.float64]:
    sound, rate = soundfile.read(path, dtype="float64", always_2d=True)
    assert rate == RATE
    return np.asarray(sound[:, 0])


def likeness(sound: NDArray[np.float64], prompt: str) -> float:
    """How much of the sound, at its best place, is this prompt: 1 is the prompt itself."""
    wanted = heard(REPOSITORY / "content" / "prompts" / "zh" / f"{prompt}.wav")[: 2 * RATE]
    size = 1 << (len(sound) + len(wanted)).bit_length()
    match = np.fft.irfft(np.fft.rfft(sound, size) * np.conj(np.fft.rfft(wanted, size)), size)[: len(sound)]
    energy = np.convolve(sound**2, np.ones(len(wanted)))[len(wanted) - 1 :][: len(sound)]
    scale = np.sqrt(np.maximum(energy, 1e-3) * float(np.sum(wanted**2)))
    return float(np.max(match[: len(scale)] / scale[: len(match)]))


def loudness(sound: NDArray[np.float64], tone: int) -> float:
    """The share of a sound's energy that lies within 20 Hz of a tone."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    frequencies = np.fft.rfftfreq(len(sound), 1 / RATE)
    near = np.abs(frequencies - tone) < 20
    return float(spectrum[near].sum() / max(spectrum.sum(), 1e-9))


def a_tone(path: Path, hertz: int, seconds: float) -> Path:
    samples = 12000 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE)
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(RATE)
        sound.writeframes(samples.astype("<i2").tobytes())
    return path


def an_agent_at_her_desk(place: Place, task_of: str) -> tuple[Agent, Task]:
    with place.units() as uow:
        patient = uow.patients.get(task_of)
        queue = uow.inbound.first_agents_queue()
        assert patient is not None
        assert queue is not None
        agent = an_agent(
            uow, queue, headset_state=HeadsetState.DOWN, headset_leg_id=None, headset_node=None, headset="desk"
        )
        task = a_task(uow, patient, queue)
        uow.commit()

    def up() -> Agent | None:
        with place.units() as uow:
            found = uow.queues.agent_for_update(agent.id)
            assert found is not None
            found.heartbeat_at = uow.now
            uow.commit()
            return found if found.headset_state is HeadsetState.UP else None

    return until(up, timeout=20, what="the headset is up"), task


def a_known_patient(place: Place) -> str:
    with place.units() as uow:
        patient = a_patient(uow)
        patient.contact_points[0].number = NUMBER
        a_queue(uow)
        uow.commit()
        return patient.id


def test_a_caller_hears_the_hospital_presses_one_and_is_owed_a_call(place: Place, tmp_path: Path) -> None:
    patient_id = a_known_patient(place)
    with node_at(place):
        call = rings(place, keys=((5.0, "1"),), heard=str(tmp_path / "heard.wav"), give_up_after=30.0)
        result = call.result()
    assert (result.sip_status, result.ended_by_us) == (200, False)
    (inbound,) = callers(place)
    assert (inbound.state, inbound.reason, inbound.candidates) == ("ended", "call_back_wished", [patient_id])
    with place.units() as uow:
        (task,) = uow.plans.tasks_of_patient(patient_id)
    assert (task.id, WISHED_AT in task.variables) == (inbound.task_id, True)
    sound = heard(tmp_path / "heard.wav")
    found = {prompt: likeness(sound, prompt) for prompt in ("greeting", "call_back_promised", "wrong_person")}
    assert found["greeting"] > 0.6, found
    assert found["call_back_promised"] > 0.6, found
    assert found["wrong_person"] < 0.4, found


def test_an_agent_takes_the_caller_both_hear_each_other_and_both_are_recorded(
    place: Place, tmp_path: Path, phone: SipPatient
) -> None:
    patient_id = a_known_patient(place)
    tone = a_tone(tmp_path / "tone.wav", CALLERS_TONE, 14.0)
    with node_at(place):
        agent, task = an_agent_at_her_desk(place, patient_id)
        call = rings(
            place,
            keys=((0.5, "0"),),
            say=((1.0, str(tone)),),
            heard=str(tmp_path / "heard.wav"),
            hang_up_after=12.0,
        )
        inbound = until(
            lambda: next((row for row in callers(place) if row.state == "offered"), None),
            timeout=15,
            what="the caller is offered",
        )
        assert inbound.agent_id == agent.id
        with place.units() as uow:
            uow.calls.command(
                CallCommand(
                    node="node-1",
                    verb="accept_inbound",
                    subject=inbound.id,
                    arguments={"agent_id": agent.id},
                    idempotency_key=new_id(),
                    deadline=uow.now + timedelta(seconds=10),
                    created_at=uow.now,
                )
            )
            uow.commit()
        until(lambda: callers(place)[0].state == "connected", timeout=10, what="they are joined")
        with place.units() as uow:
            row = uow.inbound.for_update(inbound.id)
            owed, patient = uow.plans.task_for_update(task.id), uow.patients.get(patient_id)
            assert row is not None
            assert owed is not None
            assert patient is not None
            row.patient_id, row.identity_confirmed_at = patient_id, uow.now
            attempt = link(uow, row, owed, patient)
            uow.commit()
        assert call.result().ended_by_us
        until(lambda: callers(place)[0].state == "ended", timeout=10, what="the caller is gone")
        with place.units() as uow:
            ended = uow.attempts.get(attempt.id)
            recording = uow.recordings.of_call(callers(place)[0].call_id or "")
            assert ended is not None
            assert recording is not None
            assert (ended.state, recording.state) == ("wrap_up", "captured")
        take_off_headset(place, agent.id)
        phone.wait_for("disconnected", "desk")
    assert loudness(heard(tmp_path / "heard.wav")[-4 * RATE : -RATE], AGENTS_TONE) > 0.8
    at_the_desk = heard(phone.heard("desk"))
    assert max(loudness(second, CALLERS_TONE) for second in np.array_split(at_the_desk, len(at_the_desk) // RATE)) > 0.8
    store = ObjectStore(tmp_path / "store")
    ingest(place.units, store, recording.id)
    with place.units() as uow:
        stored = uow.recordings.get(recording.id)
        assert stored is not None
        assert (stored.state, stored.channels) == ("stored", 2)
        (tmp_path / "call.flac").write_bytes(store.read(stored.uri or ""))
    stereo, _ = soundfile.read(tmp_path / "call.flac", dtype="float64")
    talked = stereo[-4 * RATE : -RATE]
    assert loudness(talked[:, 0], AGENTS_TONE) > 0.8
    assert loudness(talked[:, 1], CALLERS_TONE) > 0.8
