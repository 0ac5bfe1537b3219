"""Alignment and reading of the spool: what is left is the agent's, what is right is the patient's, sample by sample."""

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from recordings.audio import UnusableRecordingError, aligned, read_spool, to_flac
from tests.support.spool import STARTED_AT, as_killed, voice, write_spool, write_wav

_LENGTH = st.integers(0, 3000)
_OFFSET = st.integers(0, 2000)


def decoded(flac: bytes) -> tuple[np.ndarray, int]:
    samples, rate = soundfile.read(io.BytesIO(flac), dtype="int16")
    return samples, rate


@given(agent=_LENGTH, patient=_LENGTH, agent_offset=_OFFSET, patient_offset=_OFFSET)
def test_any_lengths_and_offsets_keep_both_sides_exact_and_silence_elsewhere(
    agent: int, patient: int, agent_offset: int, patient_offset: int
) -> None:
    left, right = voice(1, agent), voice(2, patient)
    stereo = aligned(left, right, agent_offset=agent_offset, patient_offset=patient_offset)
    assert len(stereo) == max(agent_offset + agent, patient_offset + patient)
    for lane, samples, offset in ((stereo[:, 0], left, agent_offset), (stereo[:, 1], right, patient_offset)):
        assert np.array_equal(lane[offset : offset + samples.size], samples)
        assert not lane[:offset].any()
        assert not lane[offset + samples.size :].any()


def test_flac_keeps_every_sample_and_the_same_sound_gives_the_same_bytes() -> None:
    stereo = aligned(voice(1, 8000), voice(2, 7000), agent_offset=0, patient_offset=500)
    flac = to_flac(stereo)
    samples, rate = decoded(flac)
    assert rate == 8000
    assert np.array_equal(samples, stereo)
    assert to_flac(stereo.copy()) == flac


def test_the_spool_is_read_with_the_noted_offsets_and_start(tmp_path: Path) -> None:
    agent, patient = voice(1, 900), voice(2, 1000)
    folder = write_spool(tmp_path / "call", agent=agent, patient=patient, agent_offset=160)
    sound = read_spool(folder)
    assert np.array_equal(sound.stereo[160:1060, 0], agent)
    assert np.array_equal(sound.stereo[:1000, 1], patient)
    assert sound.started_at == STARTED_AT
    assert sound.seconds == pytest.approx(1060 / 8000)
    assert not sound.remark


def test_files_of_a_killed_recorder_are_mended_and_read(tmp_path: Path) -> None:
    agent, patient = voice(1, 900), voice(2, 1000)
    folder = write_spool(tmp_path / "call", agent=agent, patient=patient)
    for side in ("agent.wav", "patient.wav"):
        as_killed(folder / side)
    sound = read_spool(folder)
    assert np.array_equal(sound.stereo[:900, 0], agent)
    assert np.array_equal(sound.stereo[:, 1], patient)


@pytest.mark.parametrize("left_over", [None, b"", b"RIFF\0\0\0\0WAVEfmt "])
def test_a_side_that_is_missing_or_never_began_becomes_silence(tmp_path: Path, left_over: bytes | None) -> None:
    patient = voice(2, 1000)
    folder = write_spool(tmp_path / "call", agent=None, patient=patient)
    if left_over is not None:
        (folder / "agent.wav").write_bytes(left_over)
    stereo = read_spool(folder).stereo
    assert not stereo[:, 0].any()
    assert np.array_equal(stereo[:, 1], patient)


@pytest.mark.parametrize("noted", [None, "", "{", "{}", '{"sample_rate": 8000, "started_at": "yesterday"}'])
def test_without_a_word_of_the_start_the_sound_is_kept_and_the_doubt_is_said(tmp_path: Path, noted: str | None) -> None:
    folder = write_spool(tmp_path / "call", agent=voice(1, 10), patient=voice(2, 10))
    (folder / "recording.json").unlink()
    if noted is not None:
        (folder / "recording.json").write_text(noted)
    sound = read_spool(folder)
    assert len(sound.stereo) == 10
    assert sound.started_at is None
    assert "both sides were taken to begin together" in sound.remark


def test_no_sound_at_all_is_refused_in_words(tmp_path: Path) -> None:
    folder = write_spool(tmp_path / "call", agent=voice(1, 0), patient=None)
    with pytest.raises(UnusableRecordingError, match=r"neither agent\.wav nor patient\.wav in .* holds any sound"):
        read_spool(folder)


def test_a_folder_that_is_gone_is_refused_with_the_likely_cause(tmp_path: Path) -> None:
    with pytest.raises(UnusableRecordingError, match="is gone; if the call was recorded on another machine"):
        read_spool(tmp_path / "call")


def test_another_sample_rate_is_refused_and_not_stretched(tmp_path: Path) -> None:
    folder = write_spool(tmp_path / "call", agent=voice(1, 10), patient=None)
    write_wav(folder / "patient.wav", voice(2, 10), rate=16000)
    with pytest.raises(UnusableRecordingError, match="16000 Hz"):
        read_spool(folder)
