"""Tones in what was recorded: how loud each is in the newest stretch of a WAV that is still being written."""

import wave
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE = 8000
HEADER_BYTES = 44  # of a WAV file by pjmedia; its sizes are only written at the end
WINDOW = 4000  # half a second: tones of whole even hertz fall into one line of the spectrum each


def write_tone(file: Path, hertz: int, *, seconds: float = 1.0, loud: int = 8000) -> Path:
    """A mono 8 kHz WAV of one tone; whole seconds can be repeated without a click."""
    samples = loud * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)
    with wave.open(str(file), "wb") as sound:
        sound.setparams((1, 2, RATE, 0, "NONE", ""))
        sound.writeframes(samples.astype("<i2").tobytes())
    return file


def samples_of(file: Path) -> NDArray[np.int16]:
    """Every sample of the file so far."""
    whole = file.read_bytes()[HEADER_BYTES:]
    return np.frombuffer(whole[: len(whole) // 2 * 2], dtype="<i2")


def amplitudes(samples: NDArray[np.int16], tones: Mapping[str, int]) -> dict[str, float]:
    """How loud each tone is in the last half second, as the amplitude of its sine."""
    window = samples[-WINDOW:].astype(np.float64)
    if len(window) < WINDOW:
        window = np.pad(window, (WINDOW - len(window), 0))
    spectrum = np.abs(np.fft.rfft(window)) * 2 / WINDOW
    return {name: float(spectrum[hertz * WINDOW // RATE]) for name, hertz in tones.items()}
