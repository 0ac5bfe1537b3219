"""Sound as the phone carries it: 8 kHz mono 16-bit samples, at one loudness."""

from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

Samples = NDArray[np.int16]

PHONE_RATE = 8_000
SPEECH_LEVEL_DB = -20.0  # of the loud half of the frames; about what telephone speech has
PEAK_LIMIT_DB = -3.0
FRAME = PHONE_RATE // 50


def phone_band(wave: NDArray[np.float32], rate: int) -> Samples:
    """The wave at 8 kHz, without what a phone line cuts off, at speech level."""
    return at_speech_level(soxr.resample(wave, rate, PHONE_RATE))


def at_speech_level(wave: NDArray[np.float32]) -> Samples:
    """The wave scaled so that its louder frames have telephone level and no peak clips."""
    frames = wave[: len(wave) // FRAME * FRAME].reshape(-1, FRAME)
    power = np.sort(np.mean(np.square(frames, dtype=np.float64), axis=1)) if len(frames) else np.zeros(1)
    loudness = float(np.sqrt(np.mean(power[len(power) // 2 :])))
    peak = float(np.max(np.abs(wave))) if len(wave) else 0.0
    if not loudness or not peak:
        return np.zeros(len(wave), dtype=np.int16)
    gain = min(10 ** (SPEECH_LEVEL_DB / 20) / loudness, 10 ** (PEAK_LIMIT_DB / 20) / peak)
    return np.round(wave * gain * 32767).astype(np.int16)


def write_wav(path: Path, samples: Samples) -> None:
    """A mono 16-bit 8 kHz WAV, the one format every prompt has."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, PHONE_RATE, subtype="PCM_16", format="WAV")
