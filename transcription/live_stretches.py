"""One side of a call that goes on, cut into stretches of speech while they are being said."""

from dataclasses import dataclass, field

import numpy as np

from runtime.identifiers import new_id
from transcription.transcriber import SAMPLE_RATE, Samples
from transcription.voice_activity import loudness_dbfs, speech_spans

LONGEST_SECONDS = 10.0
"""Who talks on is cut at the quietest moment: what is heard again and again must stay short."""

_LOOK_BACK_SECONDS = 4.0
_KEPT_SECONDS = 0.5
_MARGIN_SECONDS = 0.4
_TAIL_SECONDS = 0.25
_QUIET_DBFS = -55.0
_FRAME = SAMPLE_RATE // 50


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stretch:
    """Speech of one side; seconds of the recording. One that is not over has the same id when it is longer."""

    id: str
    start: float
    end: float
    sound: Samples
    is_over: bool

    @property
    def seconds(self) -> float:
        """Its length so far."""
        return self.end - self.start


def _no_sound() -> Samples:
    return np.zeros(0, dtype=np.float32)


@dataclass(slots=True, kw_only=True, eq=False)
class LiveSide:
    """What of a side was not settled yet; `began` is the second of the recording at which its sound begins."""

    began: float
    _sound: Samples = field(default_factory=_no_sound)
    _open_id: str = field(default_factory=new_id)
    _speaks: bool = False

    @property
    def until(self) -> float:
        """The second of the recording up to which sound has come."""
        return self.began + self._sound.size / SAMPLE_RATE

    def add(self, sound: Samples) -> None:
        """More of the side's sound, cross-talk silenced."""
        self._sound = np.concatenate([self._sound, sound])
        self._speaks = self._speaks or loudness_dbfs(sound) > _QUIET_DBFS

    def stretches(self, *, at_end: bool = False) -> list[Stretch]:
        """The stretches that are over since the last look, then the one that goes on, if any.

        `at_end` says that no more sound will come: then all of them are over.
        """
        if not self._speaks:
            self._forget_until(self._sound.size / SAMPLE_RATE - _KEPT_SECONDS)
            return []
        found: list[Stretch] = []
        length = self._sound.size / SAMPLE_RATE
        settled = 0.0
        for span in speech_spans(self._sound):
            start, before = span.start, _MARGIN_SECONDS
            while span.end - start > LONGEST_SECONDS:
                cut = self._quietest(span.end if span.end - start < 2 * LONGEST_SECONDS else start + LONGEST_SECONDS)
                found.append(self._stretch(start, cut, before=before, after=0.0, over=True))
                settled, start, before = cut, cut, 0.0
            over = at_end or length - span.end >= _TAIL_SECONDS
            found.append(self._stretch(start, span.end, before=before, after=_MARGIN_SECONDS * over, over=over))
            if over:
                settled = span.end + _TAIL_SECONDS
        if not found:
            settled = length - _KEPT_SECONDS
            self._speaks = False
        self._forget_until(settled)
        return found

    def _stretch(self, start: float, end: float, *, before: float, after: float, over: bool) -> Stretch:
        first, last = max(0.0, start - before), end + after
        stretch = Stretch(
            id=self._open_id,
            start=round(self.began + start, 2),
            end=round(self.began + end, 2),
            sound=self._sound[round(first * SAMPLE_RATE) : round(last * SAMPLE_RATE)],
            is_over=over,
        )
        if over:
            self._open_id = new_id()
        return stretch

    def _quietest(self, end: float) -> float:
        """The middle of the quietest fifth of a second in the last seconds before `end`."""
        first = round((end - _LOOK_BACK_SECONDS) * SAMPLE_RATE)
        window = self._sound[first : round((end - _KEPT_SECONDS) * SAMPLE_RATE)]
        frames = window[: window.size // _FRAME * _FRAME].reshape(-1, _FRAME)
        power = np.convolve(np.mean(np.square(frames), axis=1), np.ones(10), mode="valid")
        return (first + (int(np.argmin(power)) + 5) * _FRAME) / SAMPLE_RATE

    def _forget_until(self, second: float) -> None:
        gone = min(self._sound.size, round(max(0.0, second) * SAMPLE_RATE))
        self._sound = self._sound[gone:]
        self.began += gone / SAMPLE_RATE
