"""WAV repair: files as a killed recorder leaves them."""

import struct
import wave
from pathlib import Path

import pytest

from runtime.wav_repair import NotRepairableError, repair_wav


def recorded(path: Path, frames: int) -> Path:
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(struct.pack(f"<{frames}h", *range(frames)))
    return path


def killed(path: Path, frames: int, tail: bytes = b"") -> Path:
    content = bytearray(recorded(path, frames).read_bytes())
    content[4:8] = content[40:44] = bytes(4)
    path.write_bytes(bytes(content) + tail)
    return path


def test_sizes_of_zero_are_set_from_the_length_of_the_file(tmp_path: Path) -> None:
    path = killed(tmp_path / "a.wav", 900)
    assert repair_wav(path)
    assert path.read_bytes() == recorded(tmp_path / "b.wav", 900).read_bytes()


def test_half_a_sample_at_the_end_is_cut_off(tmp_path: Path) -> None:
    path = killed(tmp_path / "a.wav", 900, tail=b"x")
    repair_wav(path)
    with wave.open(str(path), "rb") as sound:
        assert sound.getnframes() == 900


def test_a_whole_file_is_left_untouched_and_a_second_repair_changes_nothing(tmp_path: Path) -> None:
    whole = recorded(tmp_path / "a.wav", 10)
    assert not repair_wav(whole)
    mended = killed(tmp_path / "b.wav", 10)
    assert repair_wav(mended)
    assert not repair_wav(mended)


@pytest.mark.parametrize("content", [b"", b"RIFF", b"RIFF\0\0\0\0WAVEfmt ", b"x" * 100])
def test_a_file_without_a_header_is_refused_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(NotRepairableError):
        repair_wav(path)
    assert path.read_bytes() == content


def test_a_recording_of_no_samples_becomes_an_empty_playable_file(tmp_path: Path) -> None:
    path = killed(tmp_path / "a.wav", 0)
    repair_wav(path)
    with wave.open(str(path), "rb") as sound:
        assert sound.getnframes() == 0
