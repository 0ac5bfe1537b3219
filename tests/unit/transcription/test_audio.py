"""Reading call recordings, and what is said about files that are none."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from transcription.audio import UnreadableRecordingError, read_call_audio
from transcription.transcriber import SAMPLE_RATE


def _tone(frequency: float, seconds: float, rate: int) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


@pytest.mark.parametrize("ending", ["wav", "flac"])
def test_left_is_the_agent_and_right_the_patient_at_the_models_rate(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"call.{ending}"
    soundfile.write(path, np.stack([_tone(300, 2, 8000), _tone(1000, 2, 8000)], axis=1), 8000)
    audio = read_call_audio(path)
    assert audio.seconds == pytest.approx(2.0, abs=0.01)
    for channel, frequency in ((audio.agent, 300), (audio.patient, 1000)):
        spectrum = np.abs(np.fft.rfft(channel))
        assert np.argmax(spectrum) * SAMPLE_RATE / channel.size == pytest.approx(frequency, abs=2)


def test_the_files_bytes_are_as_good_as_its_path(tmp_path: Path) -> None:
    path = tmp_path / "call.flac"
    soundfile.write(path, np.stack([_tone(300, 1, 8000), _tone(500, 1, 8000)], axis=1), 8000)
    assert np.array_equal(read_call_audio(path).patient, read_call_audio(path.read_bytes()).patient)


def test_one_channel_is_refused_with_what_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "mono.wav"
    soundfile.write(path, _tone(300, 1, 8000), 8000)
    with pytest.raises(UnreadableRecordingError, match=r"mono\.wav has 1 channel.*left = agent, right = patient"):
        read_call_audio(path)


def test_another_format_is_refused_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "call.ogg"
    soundfile.write(path, np.stack([_tone(300, 1, 8000)] * 2, axis=1), 8000)
    with pytest.raises(UnreadableRecordingError, match="is OGG; give a WAV or FLAC"):
        read_call_audio(path)


def test_a_text_file_and_a_missing_file_are_named(tmp_path: Path) -> None:
    (tmp_path / "notes.wav").write_text("not sound")
    with pytest.raises(UnreadableRecordingError, match=r"notes\.wav cannot be read as sound"):
        read_call_audio(tmp_path / "notes.wav")
    with pytest.raises(UnreadableRecordingError, match=r"gone\.flac: there is no such file"):
        read_call_audio(tmp_path / "gone.flac")
