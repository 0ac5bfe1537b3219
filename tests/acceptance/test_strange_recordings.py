"""Recordings as no call should leave them: each is kept in the vault, heard as far as anybody spoke, or named.

Everything is real: spool, sealed vault, speech engine, signs of danger.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile

from db.engine import make_engine
from db.unit_of_work import UnitsOfWork
from followup.alerts import AlertLevel
from followup.recordings import Channel, FaultKind, Recording, RecordingState, Transcript
from recordings.ingest import ingest
from recordings.opening import open_vault
from recordings.sealing import SealBrokenError
from recordings.vault import Vault
from recordings.verify import FaultKind as FileFault
from recordings.verify import verify
from runtime.settings import Settings
from tests.support.builders import a_call, a_patient, a_queue, a_recording, a_task, an_attempt
from tests.support.spoken_calls import utterance
from tests.support.spool import Samples, as_killed, write_spool
from transcription.engine_choice import load_transcriber
from transcription.red_flags import RedFlagSets, load_red_flags
from transcription.transcriber import Transcriber
from transcription.transcripts import transcribe

REPOSITORY = Path(__file__).parents[2]
RATE = 8_000
SECOND: Samples = np.zeros(RATE, dtype=np.int16)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A vault, a database and a speech engine."""

    units: UnitsOfWork
    vault: Vault
    transcriber: Transcriber
    red_flags: RedFlagSets
    spools: Path

    def captured(self, agent: Samples, patient: Samples, *, language: str = "zh") -> tuple[str, Path]:
        """A call's recording in its spool: the queue's language is the patient's."""
        with self.units() as uow:
            queue = a_queue(uow, language=None)
            call = a_call(uow, an_attempt(uow, a_task(uow, a_patient(uow, language=language), queue)))
            spool = write_spool(self.spools / call.id, agent=agent, patient=patient)
            recording = a_recording(uow, call, spool)
            uow.commit()
            return recording.id, spool

    def kept(self, recording_id: str) -> Recording:
        """The recording after it was taken in."""
        ingest(self.units, self.vault, recording_id)
        return self.row(recording_id)

    def row(self, recording_id: str) -> Recording:
        with self.units() as uow:
            found = uow.recordings.get(recording_id)
            assert found is not None
            uow.commit()
            return found

    def heard(self, recording_id: str) -> Transcript | None:
        """What was written down of it, and how it stands afterwards."""
        transcribe(self.units, self.vault, self.transcriber, self.red_flags, recording_id)
        with self.units() as uow:
            return uow.recordings.latest_transcript(recording_id)


@pytest.fixture(scope="module")
def place(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("strange")
    settings = Settings(state_dir=folder / "state")
    engine = make_engine(module_database_url)
    units = UnitsOfWork(engine)
    yield Place(
        units=units,
        vault=open_vault(settings, units),
        transcriber=load_transcriber(settings),
        red_flags=RedFlagSets(load_red_flags(settings.content_dir / "red_flags")),
        spools=folder / "spool",
    )
    engine.dispose()


def of_wav(path: Path) -> Samples:
    sound, rate = soundfile.read(path, dtype="int16")
    assert rate == RATE
    return np.asarray(sound, dtype=np.int16)


def said(name: str) -> Samples:
    return (utterance(name) * 32_767).astype(np.int16)


def test_a_fifth_of_a_second_is_kept_whole_and_nothing_is_made_of_it(place: Place) -> None:
    voice = said("zh_az_09")[RATE : RATE + 1600]
    recording_id, spool = place.captured(voice, voice[::-1].copy())
    kept = place.kept(recording_id)
    assert (kept.state, kept.seconds, kept.encrypted) == (RecordingState.STORED, 0.2, True)
    assert not spool.exists()
    transcript = place.heard(recording_id)
    assert transcript is not None
    assert transcript.turns == []
    assert place.row(recording_id).state is RecordingState.TRANSCRIBED


def test_our_own_hold_music_alone_is_a_call_in_which_nobody_spoke(place: Place) -> None:
    music = of_wav(REPOSITORY / "content" / "prompts" / "zxx" / "hold_music.wav")
    recording_id, _ = place.captured(music, music)
    assert place.kept(recording_id).seconds == pytest.approx(len(music) / RATE)
    transcript = place.heard(recording_id)
    assert transcript is not None
    assert transcript.turns == []


def test_two_languages_in_one_call_are_each_written_down_and_the_sign_of_danger_is_found(place: Place) -> None:
    """The patient's record names a third language: each side is heard in its own."""
    agent = np.concatenate([said("zh_az_09"), SECOND, said("zh_az_05")])
    pain = of_wav(REPOSITORY / "suifang" / "demo" / "speech" / "en_patient_chest_pain.wav")
    patient = np.concatenate([np.zeros(len(agent) + RATE, np.int16), pain])
    recording_id, _ = place.captured(np.concatenate([agent, SECOND]), patient, language="es")
    place.kept(recording_id)
    transcript = place.heard(recording_id)
    assert transcript is not None
    by_side = {
        side: " ".join(turn.text for turn in transcript.turns if turn.channel is side).lower() for side in Channel
    }
    assert "季节" in by_side[Channel.AGENT], transcript.turns
    assert "chest pain" in by_side[Channel.PATIENT], transcript.turns
    with place.units() as uow:
        raised = {alert.code: alert.level for alert in uow.alerts.of_recording(recording_id)}
    assert raised.get("chest_pain") is AlertLevel.RED


def test_files_of_a_killed_recorder_are_heard_like_others(place: Place) -> None:
    recording_id, spool = place.captured(SECOND, said("en_jfk"), language="en")
    for name in ("agent.wav", "patient.wav"):
        as_killed(spool / name)
    kept = place.kept(recording_id)
    assert [(fault.kind, fault.channel) for fault in kept.faults] == [(FaultKind.SIDE_SHORT, Channel.AGENT)]
    transcript = place.heard(recording_id)
    assert transcript is not None
    assert "fellow america" in " ".join(turn.text for turn in transcript.turns).lower()


def test_sound_that_is_spoiled_before_it_is_kept_is_named_and_stays_in_its_spool(place: Place) -> None:
    recording_id, spool = place.captured(SECOND, SECOND)
    patient = spool / "patient.wav"
    patient.write_bytes(patient.read_bytes()[:20] + b"\xff" * 4000)
    kept = place.kept(recording_id)
    assert kept.state is RecordingState.FAILED
    assert "patient.wav" in kept.reason
    assert sorted(file.name for file in spool.iterdir()) == ["agent.wav", "patient.wav", "recording.json"]
    assert place.heard(recording_id) is None


def test_a_sealed_recording_that_is_spoiled_in_the_store_is_named_and_not_written_down(place: Place) -> None:
    recording_id, _ = place.captured(said("zh_az_09"), said("zh_az_01"))
    kept = place.kept(recording_id)
    sealed = bytearray(place.vault.objects.read(kept.uri or ""))
    sealed[len(sealed) // 2] ^= 1
    place.vault.objects.put(kept.uri or "", bytes(sealed))
    named = [each for each in verify(place.units, place.vault) if each.fault is not None]
    assert [(each.recording_id, each.fault) for each in named] == [(recording_id, FileFault.CHANGED)]
    with pytest.raises(SealBrokenError):
        place.heard(recording_id)
    assert place.row(recording_id).state is RecordingState.STORED, "tried again, and parked by the worker at last"
