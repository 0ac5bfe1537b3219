"""A gate against crosstalk: while one side is far louder, what leaks of it into the other side's channel is muted.

Whisper scales every window by its own maximum, so an echo 40 dB down would become text of the wrong speaker.
"""

import numpy as np
import numpy.typing as npt

from transcription.transcriber import SAMPLE_RATE, Samples

FRAME = SAMPLE_RATE // 50
MARGIN_DB = 20.0
HOLD_FRAMES = 8
"""How long (160 ms) a loud frame goes on muting the other side: an echo comes back later than its cause."""


def gate(agent: Samples, patient: Samples) -> tuple[Samples, Samples]:
    """Both channels, each silenced in the frames in which the other is, or has just been, MARGIN_DB louder."""
    if agent.size != patient.size:
        raise ValueError(f"the channels differ in length: agent {agent.size}, patient {patient.size} samples")
    agent_power, patient_power = _frame_powers(agent), _frame_powers(patient)
    return (
        _muted(agent, _drowned(agent_power, patient_power)),
        _muted(patient, _drowned(patient_power, agent_power)),
    )


def _frame_powers(samples: Samples) -> npt.NDArray[np.float64]:
    padded = np.pad(samples, (0, -samples.size % FRAME)).reshape(-1, FRAME)
    powers: npt.NDArray[np.float64] = np.mean(np.square(padded, dtype=np.float64), axis=1)
    return powers


def _drowned(own: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Frames in which `own` lies more than the margin under the loudest of `other` in the hold time."""
    held = other.copy()
    for delay in range(1, min(HOLD_FRAMES, other.size - 1) + 1):
        held[delay:] = np.maximum(held[delay:], other[:-delay])
    drowned: npt.NDArray[np.bool_] = held > own * 10 ** (MARGIN_DB / 10)
    return drowned


def _muted(samples: Samples, frames: npt.NDArray[np.bool_]) -> Samples:
    muted: Samples = np.where(np.repeat(frames, FRAME)[: samples.size], np.float32(0), samples)
    return muted
