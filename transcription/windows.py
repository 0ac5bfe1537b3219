"""Stretches of one speaker packed into windows as long as the model hears at once.

A Whisper encoder costs the same for half a second as for thirty, so stretches share a window; the pauses between
them are shortened, and each window remembers which of its seconds came from which stretch.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from transcription.transcriber import SAMPLE_RATE, WINDOW_SECONDS, Samples, Word
from transcription.voice_activity import Span

_MARGIN_SECONDS = 0.4
"""Sound kept around a stretch: models clip words that begin at the very edge."""
_WORD_END_SHARE = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One stretch inside a window: its sound begins `offset` seconds into the window, `begins` in the recording."""

    span: Span
    offset: float
    begins: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Window:
    """Sound for one pass of the model and where it came from."""

    audio: Samples
    pieces: tuple[Piece, ...]

    def pieces_of(self, words: Sequence[Word]) -> Iterator[tuple[Span, list[Word]]]:
        """Each stretch of this window with its words, in seconds of the recording.

        A word is placed by its last part: the models let the first word after a pause begin somewhere in the pause.
        """
        limits = [piece.offset for piece in self.pieces[1:]]
        held: list[list[Word]] = [[] for _ in self.pieces]
        for word in words:
            moment = word.end - _WORD_END_SHARE * (word.end - word.start)
            held[int(np.searchsorted(limits, moment, side="right"))].append(word)
        for piece, own in zip(self.pieces, held, strict=True):
            shift = piece.begins - piece.offset
            yield piece.span, [replace(word, start=word.start + shift, end=word.end + shift) for word in own]

    def alone(self, piece: Piece) -> "Window":
        """One stretch of this window in a window of its own: for a second hearing."""
        ends = [later.offset for later in self.pieces if later.offset > piece.offset]
        end = round(ends[0] * SAMPLE_RATE) if ends else self.audio.size
        only = replace(piece, offset=0.0)
        return Window(audio=self.audio[round(piece.offset * SAMPLE_RATE) : end], pieces=(only,))


def pack(samples: Samples, spans: Sequence[Span], seconds: float = WINDOW_SECONDS) -> list[Window]:
    """Few windows of so many seconds that hold all stretches; a longer stretch is not cut."""
    return together(
        [
            Window(audio=sound, pieces=(Piece(span=span, offset=0.0, begins=begins),))
            for span, (begins, sound) in zip(spans, _sounds(samples, spans), strict=True)
        ],
        seconds,
    )


def together(windows: Sequence[Window], seconds: float = WINDOW_SECONDS) -> list[Window]:
    """The same stretches in few windows: each goes into the first that has room, in order within it."""
    packed: list[Window] = []
    for window in windows:
        room = (at for at, held in enumerate(packed) if held.audio.size + window.audio.size <= seconds * SAMPLE_RATE)
        at = next(room, None)
        if at is None:
            packed.append(window)
        else:
            packed[at] = _followed(packed[at], window)
    return packed


def _followed(window: Window, by: Window) -> Window:
    shift = window.audio.size / SAMPLE_RATE
    moved = (replace(piece, offset=piece.offset + shift) for piece in by.pieces)
    return Window(audio=np.concatenate([window.audio, by.audio]), pieces=(*window.pieces, *moved))


def _sounds(samples: Samples, spans: Sequence[Span]) -> Iterator[tuple[float, Samples]]:
    """Where each stretch's sound begins, and the sound: with the margin around, but of a pause only the nearer half."""
    end_of_sound = samples.size / SAMPLE_RATE
    for index, span in enumerate(spans):
        before = (spans[index - 1].end + span.start) / 2 if index else 0.0
        after = (span.end + spans[index + 1].start) / 2 if index + 1 < len(spans) else end_of_sound
        start = max(span.start - _MARGIN_SECONDS, before)
        end = min(span.end + _MARGIN_SECONDS, after)
        yield start, samples[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)]
