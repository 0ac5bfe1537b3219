"""Where somebody speaks in a channel (Silero's model, which faster-whisper ships)."""

from dataclasses import dataclass

import numpy as np
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
    """The stretches of speech in one channel, in order; pauses under half a second do not part them."""
    if not samples.any():
        return []
    found = get_speech_timestamps(samples, _OPTIONS)
    return [
        Span(start=stretch["start"] / SAMPLE_RATE, end=stretch["end"] / SAMPLE_RATE)
        for stretch in found
        if loudness_dbfs(samples[stretch["start"] : stretch["end"]]) >= _FLOOR_DBFS
    ]


def loudness_dbfs(samples: Samples) -> float:
    """Level that the loudest tenth of a stretch's frames reach: speech has pauses, noise has none."""
    if samples.size < _FRAME:
        return -np.inf
    frames = samples[: samples.size // _FRAME * _FRAME].reshape(-1, _FRAME)
    power = float(np.quantile(np.mean(np.square(frames, dtype=np.float64), axis=1), 0.9))
    return 10 * np.log10(power) if power > 0 else -np.inf
