"""A spool folder as a call worker leaves it: two mono WAVs and the word of their start."""

import json
import wave
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]

STARTED_AT = datetime(2026, 11, 20, 2, 30, tzinfo=UTC)


def write_wav(path: Path, samples: Samples, *, rate: int = 8000) -> None:
    """A mono 16-bit WAV."""
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(samples.astype("<i2").tobytes())


def write_spool(
    folder: Path,
    *,
    agent: Samples | None,
    patient: Samples | None,
    agent_offset: int = 0,
    patient_offset: int = 0,
    started_at: datetime = STARTED_AT,
) -> Path:
    """The folder of one call; a side that is None has no file."""
    folder.mkdir(parents=True, mode=0o700)
    for name, samples in (("agent.wav", agent), ("patient.wav", patient)):
        if samples is not None:
            write_wav(folder / name, samples)
    (folder / "recording.json").write_text(
        json.dumps(
            {
                "started_at": started_at.isoformat(),
                "agent_offset_samples": agent_offset,
                "patient_offset_samples": patient_offset,
                "sample_rate": 8000,
            }
        )
    )
    return folder


def as_killed(path: Path) -> None:
    """The file as a recorder leaves it that was killed: its header tells of no sound, its last sample is torn."""
    content = bytearray(path.read_bytes())
    content[4:8] = content[40:44] = bytes(4)
    path.write_bytes(bytes(content) + b"\x01")


def voice(seed: int, count: int) -> Samples:
    """Samples that are nowhere alike."""
    return np.random.default_rng(seed).integers(-32768, 32768, count, dtype=np.int16)
