"""MLLP's frames out of a stream of bytes: a message between VT and FS, whatever stands around it."""

from collections.abc import Iterator
from dataclasses import dataclass

START, END, RETURN = b"\x0b", b"\x1c", b"\r"
_HEAD_KEPT = 4096
"""So much of a message that is too long is kept: its header, to answer it by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One message as it came; of one that is too long only the beginning."""

    content: bytes
    too_long: bool = False


def framed(content: bytes) -> bytes:
    """A message as it travels."""
    return START + content + END + RETURN


class FrameReader:
    """Takes bytes in whatever pieces they come, gives whole messages.

    Bytes outside a frame are counted and left out. A VT within a message begins it anew: its sender gave up the first
    try, which nobody acknowledged. FS ends a message also where no CR follows. Neither byte occurs within a character
    of UTF-8, GB 18030 or any ISO 8859.
    """

    def __init__(self, *, limit: int) -> None:
        self._limit = limit
        self._begun: bytearray | None = None
        self._length = 0
        self.strays = 0  # bytes outside a frame, but for line ends
        self.given_up = 0  # messages begun and not ended

    @property
    def within(self) -> bool:
        """True while a message is begun and not ended."""
        return self._begun is not None

    def feed(self, piece: bytes) -> Iterator[Frame]:
        """The messages that this piece completes."""
        place = 0
        while place < len(piece):
            if self._begun is None:
                start = piece.find(START, place)
                outside = piece[place:] if start < 0 else piece[place:start]
                self.strays += len(outside.strip(b"\r\n"))
                if start < 0:
                    return
                self._begun, self._length = bytearray(), 0
                place = start + 1
                continue
            end, again = piece.find(END, place), piece.find(START, place)
            if again >= 0 and (end < 0 or again < end):
                self.given_up += 1
                self._begun, self._length = bytearray(), 0
                place = again + 1
                continue
            self._take(piece[place:] if end < 0 else piece[place:end])
            if end < 0:
                return
            yield self._frame()
            place = end + 1

    def _take(self, part: bytes) -> None:
        if self._begun is None:
            return
        self._length += len(part)
        if self._length <= self._limit:
            self._begun += part
        elif len(self._begun) < _HEAD_KEPT:
            self._begun += part[: _HEAD_KEPT - len(self._begun)]
        else:
            del self._begun[_HEAD_KEPT:]

    def _frame(self) -> Frame:
        content, self._begun = bytes(self._begun or b""), None
        too_long = self._length > self._limit
        return Frame(content=content[:_HEAD_KEPT] if too_long else content, too_long=too_long)
