"""Where somebody speaks in a channel (Silero's model, which faster-whisper ships)."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from faster_whisper.vad import VadOptions, get_speech_timestamps

from transcription.transcriber import SAMPLE_RATE, WINDOW_SECONDS, Samples

_OPTIONS = VadOptions(
    threshold=0.35,  # telephone lines swallow the onset of words; the engines' figures sort out what is no speech
    min_speech_duration_ms=100,
    min_silence_duration_ms=500,
    max_speech_duration_s=WINDOW_SECONDS - 2,
    speech_pad_ms=0,
)
_FLOOR_DBFS = -55.0
"""Below this nobody speaks into a telephone; it is the noise of a line."""

_FRAME = SAMPLE_RATE // 50
_AROUND_SOUND = 30
"""Frames (0.6 s) listened to on either side of any sound: two make a pause that parts stretches."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Span:
    """A stretch of speech in seconds of the recording."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        """Length of the stretch."""
        return self.end - self.start


def speech_spans(samples: Samples) -> list[Span]:
    """The stretches of speech in one channel, in order; pauses under half a second do not part them.

    What is quieter than any speech, as a hold or a side that was muted, is not listened to.
    """
    if not samples.any():
        return []
    parts = list(_audible(samples))
    if not parts:
        return []
    heard = np.concatenate([samples[start:end] for start, end in parts])
    begins = np.cumsum([0, *(end - start for start, end in parts)])
    return [
        Span(start=max(start, first) / SAMPLE_RATE, end=min(end, last) / SAMPLE_RATE)
        for stretch in get_speech_timestamps(heard, _OPTIONS)
        if loudness_dbfs(heard[stretch["start"] : stretch["end"]]) >= _FLOOR_DBFS
        for (first, last), begin in zip(parts, begins[:-1].tolist(), strict=True)
        for start, end in [(stretch["start"] - begin + first, stretch["end"] - begin + first)]
        if start < last and end > first
    ]


def _audible(samples: Samples) -> Iterator[tuple[int, int]]:
    """From and to which sample there is any sound that could be speech, and a little on both sides."""
    frames = np.pad(samples, (0, -samples.size % _FRAME)).reshape(-1, _FRAME)
    loud = np.mean(np.square(frames, dtype=np.float64), axis=1) >= 10 ** (_FLOOR_DBFS / 10)
    near = np.convolve(loud, np.ones(2 * _AROUND_SOUND + 1))[_AROUND_SOUND : _AROUND_SOUND + loud.size]
    widened: npt.NDArray[np.bool_] = near > 0.5
    edges = np.flatnonzero(np.diff(np.concatenate([[False], widened, [False]]).astype(np.int8)))
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        yield int(start) * _FRAME, min(int(end) * _FRAME, samples.size)


def loudness_dbfs(samples: Samples) -> float:
    """Level that the loudest tenth of a stretch's frames reach: speech has pauses, noise has none."""
    if samples.size < _FRAME:
        return -np.inf
    frames = samples[: samples.size // _FRAME * _FRAME].reshape(-1, _FRAME)
    power = float(np.quantile(np.mean(np.square(frames, dtype=np.float64), axis=1), 0.9))
    return 10 * np.log10(power) if power > 0 else -np.inf
