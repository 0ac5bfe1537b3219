"""Alignment and reading of the spool: what is left is the agent's, what is right is the patient's, sample by sample."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from followup.recordings import Channel, FaultKind, RecordingFault
from recordings.audio import CallSound, Side, UnusableRecordingError, read_spool, write_original
from tests.support.spool import STARTED_AT, as_killed, voice, write_spool, write_wav

_LENGTH = st.integers(0, 3000)
_OFFSET = st.integers(0, 2000)


@pytest.fixture(scope="module")
def long_sides(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("sides")
    for seed, name in enumerate(("agent.wav", "patient.wav"), start=1):
        write_wav(folder / name, voice(seed, 3000))
    return folder / "agent.wav", folder / "patient.wav"


def whole(sound: CallSound, frames: int = 480_000) -> np.ndarray:
    return np.concatenate([*sound.blocks(frames), np.zeros((0, 2), np.int16)])


@settings(deadline=None)
@given(agent=_LENGTH, patient=_LENGTH, agent_offset=_OFFSET, patient_offset=_OFFSET, block=st.integers(100, 4000))
def test_any_lengths_offsets_and_blocks_keep_both_sides_exact_and_silence_elsewhere(
    long_sides: tuple[Path, Path], agent: int, patient: int, agent_offset: int, patient_offset: int, block: int
) -> None:
    sound = CallSound(
        agent=Side(path=long_sides[0], offset=agent_offset, samples=agent),
        patient=Side(path=long_sides[1], offset=patient_offset, samples=patient),
        started_at=None,
    )
    stereo = whole(sound, block)
    ends = [offset + count for offset, count in ((agent_offset, agent), (patient_offset, patient)) if count]
    assert len(stereo) == max(ends, default=0)
    for channel, (seed, count, offset) in enumerate(((1, agent, agent_offset), (2, patient, patient_offset))):
        lane = stereo[:, channel]
        assert np.array_equal(lane[offset : offset + count] if count else lane[:0], voice(seed, 3000)[:count])
        assert not lane[: offset if count else None].any()
        assert not lane[offset + count :].any() or not count


def test_the_file_for_the_vault_holds_every_sample_and_the_same_sound_gives_the_same_bytes(tmp_path: Path) -> None:
    agent, patient = voice(1, 8000), voice(2, 7000)
    folder = write_spool(tmp_path / "call", agent=agent, patient=patient, patient_offset=500)
    original = write_original(read_spool(folder), folder)
    samples, rate = soundfile.read(original.path, dtype="int16")
    assert rate == 8000
    assert np.array_equal(samples[:, 0], agent)
    assert np.array_equal(samples[500:7500, 1], patient)
    assert original.samples_sha256 == hashlib.sha256(samples.astype("<i2").tobytes()).hexdigest()
    assert original.sha256 == hashlib.sha256(original.path.read_bytes()).hexdigest()
    assert original.size == original.path.stat().st_size
    assert write_original(read_spool(folder), folder).sha256 == original.sha256


def test_the_spool_is_read_with_the_noted_offsets_and_start(tmp_path: Path) -> None:
    agent, patient = voice(1, 900), voice(2, 1000)
    folder = write_spool(tmp_path / "call", agent=agent, patient=patient, agent_offset=160)
    sound = read_spool(folder)
    stereo = whole(sound)
    assert np.array_equal(stereo[160:1060, 0], agent)
    assert np.array_equal(stereo[:1000, 1], patient)
    assert sound.started_at == STARTED_AT
    assert sound.seconds == pytest.approx(1060 / 8000)
    assert not sound.faults


def test_files_of_a_killed_recorder_are_mended_and_read(tmp_path: Path) -> None:
    agent, patient = voice(1, 900), voice(2, 1000)
    folder = write_spool(tmp_path / "call", agent=agent, patient=patient)
    for side in ("agent.wav", "patient.wav"):
        as_killed(folder / side)
    stereo = whole(read_spool(folder))
    assert np.array_equal(stereo[:900, 0], agent)
    assert np.array_equal(stereo[:, 1], patient)


@pytest.mark.parametrize(
    ("left_over", "named"),
    [
        (None, FaultKind.SIDE_MISSING),
        (b"", FaultKind.SIDE_EMPTY),
        (b"RIFF\0\0\0\0WAVEfmt ", FaultKind.SIDE_EMPTY),
        (b"\0" * 44, FaultKind.SIDE_EMPTY),
        ("only a header", FaultKind.SIDE_EMPTY),
    ],
)
def test_a_side_that_is_missing_or_never_began_becomes_silence_and_is_named(
    tmp_path: Path, left_over: bytes | str | None, named: FaultKind
) -> None:
    patient = voice(2, 1000)
    folder = write_spool(tmp_path / "call", agent=None, patient=patient)
    if isinstance(left_over, bytes):
        (folder / "agent.wav").write_bytes(left_over)
    elif left_over:
        write_wav(folder / "agent.wav", voice(1, 0))
    sound = read_spool(folder)
    stereo = whole(sound)
    assert not stereo[:, 0].any()
    assert np.array_equal(stereo[:, 1], patient)
    assert sound.faults == (RecordingFault(kind=named, channel=Channel.AGENT),)


def test_a_side_that_ends_long_before_the_other_is_named_with_what_is_missing(tmp_path: Path) -> None:
    folder = write_spool(tmp_path / "call", agent=voice(1, 40_000), patient=voice(2, 12_000), patient_offset=800)
    sound = read_spool(folder)
    assert sound.faults == (RecordingFault(kind=FaultKind.SIDE_SHORT, channel=Channel.PATIENT, seconds=3.4),)
    assert sound.seconds == 5.0


def test_two_seconds_between_the_ends_are_no_fault(tmp_path: Path) -> None:
    folder = write_spool(tmp_path / "call", agent=voice(1, 17_000), patient=voice(2, 1_000))
    assert read_spool(folder).faults == ()


@pytest.mark.parametrize(
    "noted",
    [
        None,
        "",
        "{",
        "{}",
        '{"sample_rate": 8000, "started_at": "yesterday"}',
        json.dumps(
            {
                "started_at": STARTED_AT.isoformat(),
                "sample_rate": 8000,
                "agent_offset_samples": 10**12,
                "patient_offset_samples": 0,
            }
        ),
    ],
)
def test_without_a_word_of_the_start_the_sound_is_kept_and_the_doubt_is_named(
    tmp_path: Path, noted: str | None
) -> None:
    folder = write_spool(tmp_path / "call", agent=voice(1, 10), patient=voice(2, 10))
    (folder / "recording.json").unlink()
    if noted is not None:
        (folder / "recording.json").write_text(noted)
    sound = read_spool(folder)
    assert sound.frames == 10
    assert sound.started_at is None
    assert sound.faults == (RecordingFault(kind=FaultKind.START_UNKNOWN),)


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


def test_both_sides_in_one_file_are_refused_and_not_taken_for_one(tmp_path: Path) -> None:
    folder = write_spool(tmp_path / "call", agent=voice(1, 10), patient=None)
    soundfile.write(folder / "patient.wav", np.zeros((10, 2), np.int16), 8000)
    with pytest.raises(UnusableRecordingError, match=r"2 channel\(s\)"):
        read_spool(folder)


def test_a_file_whose_format_is_garbage_is_refused_by_name(tmp_path: Path) -> None:
    folder = write_spool(tmp_path / "call", agent=voice(1, 10), patient=voice(2, 1000))
    content = bytearray((folder / "patient.wav").read_bytes())
    content[20:36] = b"\xff" * 16
    (folder / "patient.wav").write_bytes(content)
    with pytest.raises(UnusableRecordingError, match=r"patient\.wav"):
        read_spool(folder)


def test_a_disk_without_room_is_said_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_spool(tmp_path / "call", agent=voice(1, 8000), patient=voice(2, 8000))
    usage = __import__("shutil").disk_usage(folder)
    monkeypatch.setattr("recordings.audio.shutil.disk_usage", lambda _path: usage._replace(free=1000))
    with pytest.raises(OSError, match="make room on the spool's disk"):
        write_original(read_spool(folder), folder)
    assert not (folder / "original.flac").exists()
