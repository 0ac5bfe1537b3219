"""The waveform that a player draws: the loudest sample of each tenth of a second, one lane per side."""

import numpy as np

from followup.recordings import Channel
from recordings.audio import SAMPLE_RATE, Mono, Stereo

PER_SECOND = 10
_BUCKET = SAMPLE_RATE // PER_SECOND
_FULL_SCALE = 32768


def peaks(stereo: Stereo) -> dict[str, object]:
    """`{"per_second": 10, "agent": [0..100, …], "patient": […]}`; the last, shorter tenth counts too."""
    return {
        "per_second": PER_SECOND,
        Channel.AGENT.value: _lane(stereo[:, 0]),
        Channel.PATIENT.value: _lane(stereo[:, 1]),
    }


def _lane(samples: Mono) -> list[int]:
    padded = np.zeros(-(-samples.size // _BUCKET) * _BUCKET, dtype=np.int32)
    padded[: samples.size] = samples
    loudest = np.abs(padded).reshape(-1, _BUCKET).max(axis=1)
    lane: list[int] = (-(-loudest * 100 // _FULL_SCALE)).tolist()
    return lane
