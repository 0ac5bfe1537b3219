"""The database or the trunk is lost in each phase of a call: the call has its end, its sound, and was dialed once.

The quick ones run with every test; the others in the soak.
"""

import json
import os
import signal
import wave
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from db.engine import make_engine
from db.unit_of_work import UnitsOfWork
from followup.attempts import AttemptState
from followup.calls import Call, CallState
from followup.plans import TaskMode
from followup.recordings import RecordingState
from telephony.call_control import Trunk
from telephony.trunks import Trunks
from tests.support.database_line import DatabaseLine, database_line
from tests.support.ports import free_udp_block
from tests.support.sip_patient import SipPatient, sip_patient
from tests.support.telephony_bench import PORTS, Place, command, dial, ended, node_at
from tests.support.waiting import until

NUMBER = "+8613900000401"
AWAY_SECONDS = 2.0
SAMPLES = 8000


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A moment of a call: how the patient's phone comes to it, and how far the call is then."""

    programme: str
    state: CallState
    agent: bool = True


# While the database is away for two seconds, the phone of each goes on: it rings, is picked up, or is put down.
PHASES = {
    "planned": Phase(programme="ring.answer.play-440.hangup-1500", state=CallState.PLANNED, agent=False),
    "dialing": Phase(programme="wait-1500.ring.answer.play-440.hangup-2500", state=CallState.DIALING, agent=False),
    "ringing": Phase(programme="ring.answer-1500.play-440.hangup-2500", state=CallState.RINGING, agent=False),
    "answered": Phase(programme="ring.answer.play-440.hangup-5000", state=CallState.ANSWERED, agent=False),
    "bridged": Phase(programme="ring.answer.play-440.hangup-4000", state=CallState.BRIDGED),
    "held": Phase(programme="ring.answer.play-440", state=CallState.HELD),
    "recording closing": Phase(programme="ring.answer.play-440.hangup-1000", state=CallState.BRIDGED),
}
QUICK = {"database": ("planned", "recording closing"), "trunk": ("planned", "bridged")}


def phases(lost: str) -> list[object]:
    return [pytest.param(name, id=name, marks=[] if name in QUICK[lost] else [pytest.mark.soak]) for name in PHASES]


@pytest.fixture
def phone(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[SipPatient]:
    phase = PHASES[request.getfixturevalue("name")]
    with sip_patient(tmp_path / "phone", {NUMBER: phase.programme}) as running:
        yield running


@pytest.fixture
def place(tmp_path: Path, database_url: str, phone: SipPatient) -> Iterator[Place]:
    """The desk's telephone is another than the patient's, and the test's own way to the database is never cut."""
    engine = make_engine(database_url)
    with sip_patient(tmp_path / "desk", {"desk": "answer"}) as desk:
        patients = Trunk(name="patients", host=phone.host, port=phone.port, loopback_only=True)
        yield Place(
            folder=tmp_path,
            ports=free_udp_block(PORTS),
            trunks=Trunks(patients=patients, headsets=replace(patients, name="desks", port=desk.port)),
            units=UnitsOfWork(engine),
            database_url=database_url,
            silence=timedelta(seconds=4),
            no_reply=timedelta(seconds=2),
        )
    engine.dispose()


def begin(place: Place, phone: SipPatient, phase: Phase) -> str:
    """A call that has come to this phase, as the database knows it."""
    call_id, _ = dial(place, NUMBER, mode=TaskMode.AGENT if phase.agent else TaskMode.AUTOMATED)
    if phase.state is CallState.PLANNED:
        return call_id
    if phase.state is CallState.HELD:
        until(lambda: place.call(call_id).state is CallState.BRIDGED, timeout=20, what="they talk")
        command(place, "hold", call_id)
    until(lambda: place.call(call_id).state is phase.state, timeout=20, what=f"the call is {phase.state}", every=0.01)
    phone.wait_for("invited", NUMBER)
    return call_id


def assert_whole(place: Place, phone: SipPatient, call: Call, *, dialed: int = 1) -> None:
    """What must hold after every loss."""
    assert len(phone.saw("invited", NUMBER)) == dialed
    with place.units() as uow:
        attempt = uow.attempts.get(call.attempt_id)
        recording = uow.recordings.of_call(call.id)
        ends = [kind for kind in (row.kind for row in uow.outbox.unpublished(500)) if kind == "call_ended"]
    assert attempt is not None
    assert attempt.state in (AttemptState.WRAP_UP, AttemptState.CLOSED)
    assert ends == ["call_ended"]
    if call.answered_at is None:
        assert recording is None
        return
    assert recording is not None
    assert recording.state is RecordingState.CAPTURED
    assert recording.spool is not None
    lasted = (call.ended_at - call.answered_at).total_seconds()  # type: ignore[operator]
    for side in ("patient", "agent"):
        assert seconds_of(Path(recording.spool) / f"{side}.wav") == pytest.approx(lasted, abs=0.5)
    assert json.loads((Path(recording.spool) / "recording.json").read_text())["sample_rate"] == SAMPLES


def seconds_of(file: Path) -> float:
    with wave.open(str(file), "rb") as sound:
        return sound.getnframes() / sound.getframerate()


def loudness(file: Path, *, since: float, until_second: float) -> list[float]:
    """Of each half second."""
    with wave.open(str(file), "rb") as sound:
        samples = np.frombuffer(sound.readframes(sound.getnframes()), dtype="<i2").astype(float)
    half = SAMPLES // 2
    blocks = range(round(since * 2), min(round(until_second * 2), len(samples) // half))
    return [float(np.sqrt(np.mean(samples[block * half : (block + 1) * half] ** 2))) for block in blocks]


@pytest.mark.parametrize("name", phases("database"))
def test_the_database_is_lost(place: Place, phone: SipPatient, name: str) -> None:
    phase = PHASES[name]
    with database_line(place.database_url) as (line, url):
        engine = make_engine(url)
        with node_at(replace(place, units=UnitsOfWork(engine), database_url=url)):
            if phase.state is CallState.PLANNED:
                line.cut()
            call_id = begin(place, phone, phase)
            line.cut()
            lose_for_a_while(place, line, call_id, phase)
            if phase.state is CallState.HELD:
                command(place, "hang_up", call_id)
            call = ended(place, call_id)
            until(lambda: _settled(place, call_id), timeout=10, what="the recording is captured")
        engine.dispose()
    assert call.end_reason == "hang_up"
    assert_whole(place, phone, call)
    if name in ("answered", "bridged"):
        recorded = place.folder / "spool" / call_id / "patient.wav"
        heard = loudness(recorded, since=1.0, until_second=seconds_of(recorded) - 0.5)
        assert len(heard) > AWAY_SECONDS
        assert all(level > 1000 for level in heard), "the patient is on the recording while the database is away"


def lose_for_a_while(place: Place, line: DatabaseLine, call_id: str, phase: Phase) -> None:
    """Two seconds in which nobody can write down what happens."""
    before = place.call(call_id).state
    with pytest.raises(AssertionError):
        until(lambda: place.call(call_id).state is not before, timeout=AWAY_SECONDS, what="(nothing)")
    assert before is phase.state
    line.mend()


def _settled(place: Place, call_id: str) -> bool:
    with place.units() as uow:
        recording = uow.recordings.of_call(call_id)
        return recording is not None and recording.state is RecordingState.CAPTURED


@pytest.mark.parametrize("name", phases("trunk"))
def test_the_trunk_is_lost(place: Place, phone: SipPatient, name: str) -> None:
    """Its machine is dead: nothing answers any more, neither SIP nor sound."""
    phase = PHASES[name]
    with node_at(place):
        if phase.state is CallState.PLANNED:
            os.kill(phone.pid, signal.SIGKILL)
        call_id = begin(place, phone, phase)
        os.kill(phone.pid, signal.SIGKILL)
        if name in ("held", "recording closing"):
            command(place, "hang_up", call_id)
        call = ended(place, call_id)
    talking = phase.state in (CallState.ANSWERED, CallState.BRIDGED) and name != "recording closing"
    if talking:
        assert (call.end_reason, call.party) == ("network_failure", "carrier")
        assert call.silent_since is not None
    assert_whole(place, phone, call, dialed=0 if name == "planned" else 1)
