"""A real call on loopback with real speech on both lines: what is said is on the screen while the call is up."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from db.engine import make_engine
from db.unit_of_work import UnitsOfWork
from followup.calls import CallState
from followup.captions import CaptionsState, captions_state
from followup.recordings import Channel, RecordingState
from recordings.live_spool import SpoolSource
from runtime.settings import REPOSITORY
from telephony.call_control import Trunk
from telephony.trunks import Trunks
from tests.support.growing_spool import DEMO_SPEECH, RATE
from tests.support.opening_phone import opening_phone
from tests.support.ports import free_udp_block
from tests.support.telephony_bench import PORTS, Place, command, dial, ended, node_at
from tests.support.waiting import until
from transcription.captions import CaptionRules, Captions, keep_turning
from transcription.live_engine import ShortWindowWhisper
from transcription.red_flags import RedFlagSets, load_red_flags
from transcription.weights import find_weights

PATIENT = "8613900000377"
PAUSE = np.zeros(2 * RATE, dtype=np.int16)


def sentence(name: str) -> np.ndarray:
    sound, rate = soundfile.read(DEMO_SPEECH / f"{name}.wav", dtype="int16")
    assert rate == RATE
    return np.asarray(sound)


@pytest.fixture
def place(tmp_path: Path, database_url: str) -> Iterator[Place]:
    sounds = tmp_path / "sounds"
    sounds.mkdir()
    said = [PAUSE, sentence("zh_patient_chest_pain"), PAUSE, sentence("zh_patient_thanks"), PAUSE]
    soundfile.write(sounds / f"{PATIENT}.wav", np.concatenate(said), RATE, subtype="PCM_16")
    # The headset is put on before the call: whenever the patient comes, the agent is about to say something.
    soundfile.write(
        sounds / "desk.wav", np.concatenate([sentence("zh_agent_later"), PAUSE] * 8), RATE, subtype="PCM_16"
    )
    engine = make_engine(database_url)
    with opening_phone(sounds, codec="PCMU") as phone:
        trunk = Trunk(name="test", host=phone.host, port=phone.port, loopback_only=True)
        yield Place(
            folder=tmp_path,
            ports=free_udp_block(PORTS),
            trunks=Trunks(patients=trunk, headsets=trunk),
            units=UnitsOfWork(engine),
            database_url=database_url,
        )
    engine.dispose()


@pytest.fixture
def follower(place: Place, tmp_path: Path) -> Iterator[Captions]:
    captions = Captions(
        place.units,
        SpoolSource(),
        ShortWindowWhisper(find_weights(None, tmp_path / "state")),
        RedFlagSets(load_red_flags(REPOSITORY / "content" / "red_flags")),
        lambda _kind, _ids: None,
        CaptionRules(node="node-1", most_calls=2),
    )
    stopping = threading.Event()
    thread = threading.Thread(target=keep_turning, args=(captions, stopping.wait), name="captions")
    thread.start()
    yield captions
    stopping.set()
    thread.join(timeout=20)
    captions.close()


def test_a_red_flag_is_heard_while_the_patient_is_on_the_line(
    place: Place, follower: Captions, record_property: Callable[[str, object], None]
) -> None:
    with node_at(place):
        call_id, agent_id = dial(place, f"+{PATIENT}")
        until(lambda: place.call(call_id).state is CallState.BRIDGED, timeout=20, what="both are joined")

        def alerts() -> list[tuple[str, float, float]]:
            with place.units() as uow:
                recording = uow.recordings.of_call(call_id)
                if recording is None or recording.started_at is None:
                    return []
                return [
                    (alert.code, alert.at_second, (alert.raised_at - recording.started_at).total_seconds())
                    for alert in uow.alerts.of_recording(recording.id)
                ]

        found = until(alerts, timeout=40, what="the red flag is raised")
        call = place.call(call_id)
        assert call.state is CallState.BRIDGED, "the call is still up"
        assert call.agent_id == agent_id
        with place.units() as uow:
            recording = uow.recordings.of_call(call_id)
            assert recording is not None
            assert recording.state is RecordingState.RECORDING
            following = uow.captions.following(recording.id)
            state = captions_state(recording, following, transcribed=False, now=uow.now)
            assert state in (CaptionsState.LIVE, CaptionsState.BEHIND)
            said = uow.captions.of_recording(recording.id)
        assert any("疼" in caption.text for caption in said if caption.channel is Channel.PATIENT)
        assert not any("疼" in caption.text for caption in said if caption.channel is Channel.AGENT)
        pain = next(caption for caption in said if "疼" in caption.text)
        delay = found[0][2] - pain.end
        record_property("red flag raised, seconds after the sentence", round(delay, 2))
        print(f"red flag raised {delay:.2f} s after the end of the sentence ({pain.text}); alerts {found}")
        assert delay < 15, "a busy machine included"

        command(place, "hang_up", call_id)
        ended(place, call_id)
        until(lambda: follower.follows == (), timeout=30, what="the follower lets the call go")
    with place.units() as uow:
        recording = uow.recordings.of_call(call_id)
        assert recording is not None
        last = uow.captions.of_recording(recording.id)
        assert last
        assert all(caption.final for caption in last)
        assert {caption.channel for caption in last} == {Channel.AGENT, Channel.PATIENT}
        codes = [alert.code for alert in uow.alerts.of_recording(recording.id)]
        assert len(codes) == len(set(codes))
