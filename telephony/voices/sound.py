"""Sound as the phone carries it: 8 kHz mono 16-bit samples, at one loudness."""

from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

Samples = NDArray[np.int16]

PHONE_RATE = 8_000
BAND_EDGE_HZ = 3_400
SPEECH_LEVEL_DB = -20.0  # of the loud half of the frames; about what telephone speech has
PEAK_LIMIT_DB = -3.0
FRAME = PHONE_RATE // 50
FILTER_TAPS = 193


def phone_band(wave: NDArray[np.float32], rate: int) -> Samples:
    """The wave at 8 kHz, without what a phone line cuts off, at speech level."""
    if rate % PHONE_RATE:
        raise ValueError(f"a rate of {rate} Hz is no multiple of {PHONE_RATE}; convert the file to 16 or 24 kHz first")
    step = rate // PHONE_RATE
    if step > 1:
        # A windowed sinc: everything above the band would otherwise fold back into it.
        at = np.arange(FILTER_TAPS) - (FILTER_TAPS - 1) / 2
        kernel = np.sinc(2 * BAND_EDGE_HZ / rate * at) * np.blackman(FILTER_TAPS)
        wave = np.convolve(wave, kernel / kernel.sum(), mode="same")[::step].astype(np.float32)
    return at_speech_level(wave)


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
