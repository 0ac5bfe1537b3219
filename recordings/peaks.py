"""The waveform that a player draws: the loudest sample of each short span, one lane per side."""

import numpy as np
import numpy.typing as npt

from followup.recordings import Channel

PER_SECOND = 10
MOST_VALUES = 36_000
"""An hour at ten values a second. What is longer is kept coarser, so that a row stays small whatever is spoken."""

_BUCKET = 8000 // PER_SECOND
_FULL_SCALE = 32768
_LEVELS = (10, 5, 2, 1)

Lanes = npt.NDArray[np.int8]
"""Spans × 2: agent, patient; 0 to 100."""


class PeakMeter:
    """Hears a call block by block; every block but the last is a whole number of tenths of a second."""

    def __init__(self) -> None:
        self._heard: list[Lanes] = []

    def hear(self, stereo: npt.NDArray[np.int16]) -> None:
        """The next block."""
        padded = np.zeros((-(-len(stereo) // _BUCKET) * _BUCKET, 2), dtype=np.int32)
        padded[: len(stereo)] = stereo
        loudest = np.abs(padded).reshape(-1, _BUCKET, 2).max(axis=1)
        self._heard.append((-(-loudest * 100 // _FULL_SCALE)).astype(np.int8))

    def peaks(self) -> dict[str, object]:
        """`{"per_second": 10, "agent": [0..100, …], "patient": […]}`; the last, shorter span counts too."""
        lanes = np.concatenate(self._heard) if self._heard else np.zeros((0, 2), np.int8)
        per_second = next((level for level in _LEVELS if len(lanes) * level // PER_SECOND <= MOST_VALUES), _LEVELS[-1])
        coarser = _loudest_of(lanes, PER_SECOND // per_second)
        return {
            "per_second": per_second,
            Channel.AGENT.value: coarser[:, 0].tolist(),
            Channel.PATIENT.value: coarser[:, 1].tolist(),
        }


def _loudest_of(lanes: Lanes, spans: int) -> Lanes:
    padded = np.zeros((-(-len(lanes) // spans) * spans, 2), dtype=np.int8)
    padded[: len(lanes)] = lanes
    loudest: Lanes = padded.reshape(-1, spans, 2).max(axis=1)
    return loudest
