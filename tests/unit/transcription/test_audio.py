"""Reading call recordings, and what is said about files that are none."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from transcription.audio import UnreadableRecordingError, call_parts, call_seconds, read_call_audio
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


def _call(seconds: float = 4.0, rate: int = 8000) -> np.ndarray:
    return np.random.default_rng(4).normal(0, 0.1, (round(seconds * rate), 2)).astype(np.float32)


def _without_length(content: bytes) -> bytes:
    return content[:4] + bytes(4) + content[8:40] + bytes(4) + content[44:]


@pytest.mark.parametrize(
    ("ending", "spoil", "told"),
    [
        ("flac", lambda content: content[: len(content) // 2], "cannot be read as sound|breaks off"),
        (
            "flac",
            lambda content: content[:20_000] + bytes(byte ^ 255 for byte in content[20_000:20_040]) + content[20_040:],
            "cannot be read as sound|breaks off",
        ),
        ("wav", lambda content: content[:30], "cannot be read as sound"),
        ("wav", lambda content: content[:44], "holds no sound"),
        ("wav", _without_length, "holds no sound, or its recorder was killed"),
    ],
    ids=["half a FLAC", "forty bytes turned round", "half a header", "a header alone", "never closed"],
)
def test_damaged_sound_is_said_to_be_damaged_and_never_taken_for_silence(
    tmp_path: Path, ending: str, spoil: Callable[[bytes], bytes], told: str
) -> None:
    path = tmp_path / f"call.{ending}"
    soundfile.write(path, _call(), 8000, subtype="PCM_16")
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(UnreadableRecordingError, match=told):
        read_call_audio(path)
    with pytest.raises(UnreadableRecordingError, match=told):
        list(call_parts(path))


@pytest.mark.parametrize("rate", [1, 4000, 655_350])
def test_a_rate_that_carries_no_speech_is_refused(tmp_path: Path, rate: int) -> None:
    soundfile.write(tmp_path / "call.flac", _call(1), rate)
    with pytest.raises(UnreadableRecordingError, match=f"has {rate} samples a second"):
        call_seconds(tmp_path / "call.flac")


def test_samples_that_are_no_numbers_silence_themselves_and_not_the_call(tmp_path: Path) -> None:
    sound = _call()
    sound[100:110, 0], sound[200, 1] = np.nan, np.inf
    soundfile.write(tmp_path / "call.wav", sound, 8000, subtype="FLOAT")
    audio = read_call_audio(tmp_path / "call.wav")
    assert np.isfinite(audio.agent).all()
    assert np.isfinite(audio.patient).all()
    assert np.abs(audio.agent[8000:]).max() > 0.2


def test_samples_on_another_scale_are_named(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "call.wav", _call() * 32_768, 8000, subtype="FLOAT")
    with pytest.raises(UnreadableRecordingError, match="times as loud as a file can be"):
        read_call_audio(tmp_path / "call.wav")


def test_a_long_call_comes_in_parts_that_end_in_pauses_and_leave_nothing_out(tmp_path: Path) -> None:
    rate, pauses = 8000, (31.0, 58.2, 88.0, 117.5, 140.0)
    sound = _call(150, rate)
    for pause in pauses:
        sound[round(pause * rate) : round((pause + 0.6) * rate)] *= 0.001
    soundfile.write(tmp_path / "call.flac", sound, rate, subtype="PCM_16")
    parts = list(call_parts(tmp_path / "call.flac", seconds=60))
    begins = [part.begins for part in parts]
    assert [part.of_seconds for part in parts] == [150.0] * len(parts)
    assert all(any(pause < begin < pause + 0.6 for pause in pauses) for begin in begins[1:]), begins
    assert all(part.audio.seconds <= 60.01 for part in parts)
    for part, following in zip(parts, [*begins[1:], 150.0], strict=True):
        assert part.begins + part.audio.seconds == pytest.approx(following, abs=0.001)
    whole = read_call_audio(tmp_path / "call.flac")
    joined = np.concatenate([part.audio.patient for part in parts])
    assert np.abs(joined - whole.patient)[np.abs(joined) > 0].mean() < 0.01
    assert [part.begins for part in call_parts(whole, seconds=60)] == pytest.approx(begins, abs=0.1)
