"""Looking at recorded sound: when somebody speaks in it."""

from pathlib import Path

import numpy as np
import soundfile

FRAMES_PER_SECOND = 10
LOUD = 0.01
PAUSE_FRAMES = 7


def stretches_of_sound(path: Path) -> list[tuple[float, float]]:
    """Begin and end, in seconds, of every stretch of sound; a pause shorter than 0.7 s does not part two."""
    samples, rate = soundfile.read(path, dtype="float32")
    length = rate // FRAMES_PER_SECOND
    frames = samples[: len(samples) // length * length].reshape(-1, length)
    loud = np.flatnonzero(np.sqrt(np.mean(frames**2, axis=1)) > LOUD)
    stretches: list[tuple[float, float]] = []
    for frame in loud:
        begin, end = frame / FRAMES_PER_SECOND, (frame + 1) / FRAMES_PER_SECOND
        if stretches and begin - stretches[-1][1] <= PAUSE_FRAMES / FRAMES_PER_SECOND:
            stretches[-1] = (stretches[-1][0], end)
        else:
            stretches.append((begin, end))
    return stretches
