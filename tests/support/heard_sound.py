"""What a telephone has heard, read from its file while that is still growing, and how much of it is one tone."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

PHONE_RATE = 8000
Samples = npt.NDArray[np.float64]


def heard_since(path: Path, byte: int) -> Samples:
    """What a phone has written of its sound from that byte on; its file is still growing."""
    raw = path.read_bytes()[max(44, byte) & ~1 :]
    return np.frombuffer(raw[: len(raw) // 2 * 2], "<i2") / 32768


def share_of_tone(samples: Samples, hertz: float) -> float:
    """How much of a sound's power is in the 40 Hz about one frequency; nothing of less than half a second."""
    if len(samples) < PHONE_RATE // 2 or not samples.any():
        return 0.0
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    frequencies = np.fft.rfftfreq(len(samples), 1 / PHONE_RATE)
    return float(power[np.abs(frequencies - hertz) < 20].sum() / power.sum())
