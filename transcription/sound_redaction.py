"""A call's sound without the seconds in which somebody is named: as WAV, of any part, made while it is read.

The sound is decoded block by block from where it lies; nothing of it is written anywhere.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import soundfile

from followup.recordings import Channel, Turn
from transcription.redaction import RedactedTurn

Frames = npt.NDArray[np.int16]

_TONE_HERTZ = 440.0
_TONE_AMPLITUDE = 1000  # of 32767, -30 dBFS: heard, never loud
_BLOCK_FRAMES = 65_536
_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
HEADER_BYTES = _HEADER.size
_FRAME_BYTES = 4  # two channels of 16 bits

_WORD_MARGIN = 0.15
_GUESS_MARGIN = 0.6
"""Seconds hidden around what the engine timed, and around what only its place in the turn tells."""
_SHORT_TURN = 2.5


@dataclass(frozen=True, slots=True, kw_only=True)
class HiddenSeconds:
    """A stretch to hide; the tone stands on the channel of who spoke, the other is silent meanwhile (its echo)."""

    channel: Channel
    start: float
    end: float


def hidden_seconds(turns: Sequence[Turn], redacted: Sequence[RedactedTurn]) -> list[HiddenSeconds]:
    """When the hidden words are said; generous where nobody timed the words."""
    return [
        HiddenSeconds(channel=turn.channel, start=start, end=end)
        for turn, clean in zip(turns, redacted, strict=True)
        for start, end in _joined(_seconds_of(turn, finding.start, finding.end) for finding in clean.hidden)
    ]


def _seconds_of(turn: Turn, start: int, end: int) -> tuple[float, float]:
    """From the words' own times, else from their share of the turn; a short turn is hidden whole."""
    words = [word for index, word in enumerate(turn.words) if word.at < end and _end_of(turn, index) > start]
    if words:
        return max(words[0].start - _WORD_MARGIN, 0.0), words[-1].end + _WORD_MARGIN
    seconds = turn.end - turn.start
    if seconds <= _SHORT_TURN:
        return max(turn.start - _GUESS_MARGIN, 0.0), turn.end + _GUESS_MARGIN
    begins, ends = (turn.start + seconds * at / max(len(turn.text), 1) for at in (start, end))
    return max(begins - _GUESS_MARGIN, 0.0), ends + _GUESS_MARGIN


def _end_of(turn: Turn, index: int) -> int:
    return turn.words[index + 1].at if index + 1 < len(turn.words) else len(turn.text)


def _joined(stretches: Iterator[tuple[float, float]]) -> list[tuple[float, float]]:
    joined: list[tuple[float, float]] = []
    for start, end in sorted(stretches):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], end)
        else:
            joined.append((start, end))
    return joined


class RedactedSound:
    """A stereo recording as a WAV whose hidden seconds are a tone; any range of its bytes can be had by itself."""

    def __init__(self, sound: BinaryIO, hidden: Sequence[HiddenSeconds]) -> None:
        self._file = soundfile.SoundFile(sound)
        if self._file.channels != 2:
            raise ValueError(f"the recording has {self._file.channels} channel(s); a call's has two")
        self._rate = int(self._file.samplerate)
        self._spans = [
            (0 if each.channel is Channel.AGENT else 1, int(each.start * self._rate), int(each.end * self._rate) + 1)
            for each in hidden
        ]

    @property
    def size(self) -> int:
        """Bytes of the whole WAV."""
        return HEADER_BYTES + int(self._file.frames) * _FRAME_BYTES

    def between(self, start: int, end: int) -> Iterator[bytes]:
        """The WAV's bytes from `start` up to but not including `end`, block by block."""
        if start < HEADER_BYTES:
            yield self._header()[start:end]
        at = max(start, HEADER_BYTES) - HEADER_BYTES
        until = min(end, self.size) - HEADER_BYTES
        while at < until:
            frame = at // _FRAME_BYTES
            content = self._frames(frame, _BLOCK_FRAMES).tobytes()[at - frame * _FRAME_BYTES :][: until - at]
            if not content:
                return
            at += len(content)
            yield content

    def _frames(self, first: int, count: int) -> Frames:
        self._file.seek(first)
        frames: Frames = self._file.read(count, dtype="int16", always_2d=True)
        for channel, start, end in self._spans:
            begin, stop = max(start - first, 0), min(end - first, len(frames))
            if begin < stop:
                seconds = np.arange(first + begin, first + stop) / self._rate
                frames[begin:stop] = 0
                frames[begin:stop, channel] = _TONE_AMPLITUDE * np.sin(2 * np.pi * _TONE_HERTZ * seconds)
        return frames

    def _header(self) -> bytes:
        sound = self.size - HEADER_BYTES
        return _HEADER.pack(
            b"RIFF", 36 + sound, b"WAVE", b"fmt ", 16, 1, 2, self._rate, self._rate * _FRAME_BYTES, _FRAME_BYTES, 16,
            b"data", sound,
        )  # fmt: skip
