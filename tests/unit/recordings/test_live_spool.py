"""The files that a recorder is writing, read while they grow."""

from pathlib import Path

import numpy as np
import pytest

from followup.ports import LiveSound
from recordings.live_spool import SpoolAudio, SpoolSource
from tests.support.spool import voice, write_spool


def grown(folder: Path, name: str, samples: np.ndarray) -> None:
    with (folder / name).open("ab") as file:
        file.write(samples.astype("<i2").tobytes())


def opened(folder: Path, from_second: float = 0.0) -> SpoolAudio:
    audio = SpoolSource().open(str(folder), from_second)
    assert audio is not None
    return audio


def samples(sound: bytes) -> list[int]:
    return [int(each) for each in np.frombuffer(sound, dtype="<i2")]


def test_only_what_both_sides_have_is_read_and_the_rest_comes_next(tmp_path: Path) -> None:
    agent, patient = voice(1, 5000), voice(2, 5000)
    folder = write_spool(tmp_path / "call", agent=agent[:1000], patient=patient[:400])
    audio = opened(folder)
    first = audio.read()
    assert (samples(first.agent), samples(first.patient)) == (agent[:400].tolist(), patient[:400].tolist())
    assert audio.read() == LiveSound()
    grown(folder, "patient.wav", patient[400:])
    grown(folder, "agent.wav", agent[1000:])
    second = audio.read()
    assert (samples(second.agent), samples(second.patient)) == (agent[400:].tolist(), patient[400:].tolist())
    audio.close()


def test_a_torn_sample_waits_for_its_other_half(tmp_path: Path) -> None:
    folder = write_spool(tmp_path / "call", agent=voice(1, 100), patient=voice(2, 100))
    audio = opened(folder)
    audio.read()
    for name in ("agent.wav", "patient.wav"):
        with (folder / name).open("ab") as file:
            file.write(b"\x07")
    assert audio.read() == LiveSound()
    for name in ("agent.wav", "patient.wav"):
        with (folder / name).open("ab") as file:
            file.write(b"\x00")
    assert samples(audio.read().agent) == [7]
    audio.close()


@pytest.mark.parametrize("from_second", [0.0, 0.01, 0.1])
def test_both_sides_are_on_the_clock_of_the_stored_recording(tmp_path: Path, from_second: float) -> None:
    agent, patient = voice(1, 4000), voice(2, 4000)
    folder = write_spool(tmp_path / "call", agent=agent, patient=patient, agent_offset=320, patient_offset=0)
    audio = opened(folder, from_second)
    live = audio.read()
    audio.close()
    first = round(from_second * 8000)
    assert samples(live.agent) == [*[0] * 320, *agent.tolist()][first:4000]
    assert samples(live.patient) == patient.tolist()[first:]


def test_it_is_read_to_its_end_when_the_vault_has_taken_the_files_away(tmp_path: Path) -> None:
    folder = write_spool(tmp_path / "call", agent=voice(1, 800), patient=voice(2, 800))
    audio = opened(folder)
    for name in ("agent.wav", "patient.wav", "recording.json"):
        (folder / name).unlink()
    assert len(audio.read().agent) == 1600
    audio.close()


@pytest.mark.parametrize("missing", ["agent.wav", "patient.wav", "recording.json"])
def test_before_the_recorder_has_written_everything_there_is_nothing_to_read(tmp_path: Path, missing: str) -> None:
    folder = write_spool(tmp_path / "call", agent=voice(1, 100), patient=voice(2, 100))
    (folder / missing).unlink()
    assert SpoolSource().open(str(folder), 0.0) is None
    (tmp_path / "empty").mkdir()
    assert SpoolSource().open(str(tmp_path / "empty"), 0.0) is None


def test_an_empty_or_foreign_file_costs_the_captions_and_nothing_else(tmp_path: Path) -> None:
    folder = write_spool(tmp_path / "call", agent=voice(1, 100), patient=voice(2, 100))
    (folder / "agent.wav").write_bytes(b"")
    assert SpoolSource().open(str(folder), 0.0) is None
    (folder / "recording.json").write_text("{}")
    assert SpoolSource().open(str(folder), 0.0) is None


def test_who_fell_behind_catches_up_in_bounded_pieces(tmp_path: Path) -> None:
    folder = write_spool(tmp_path / "call", agent=voice(1, 70 * 8000), patient=voice(2, 70 * 8000))
    audio = opened(folder)
    assert [len(audio.read().agent) // 16000 for _ in range(4)] == [30, 30, 10, 0]
    audio.close()
