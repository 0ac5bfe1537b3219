"""Files of messages, as interface engines export them: one behind the other, framed or bare, within batches or not."""

from collections.abc import Iterator
from typing import BinaryIO

from interop.hl7.framing import END, START, Frame

_PIECE = 1 << 20
_WRAPPERS = (b"FHS", b"BHS", b"BTS", b"FTS")
_HEAD_KEPT = 4096


def frames_in(file: BinaryIO, *, limit: int) -> Iterator[Frame]:
    """Every message of a file, in order; what stands before the first header is one message that is none.

    A message begins with a line that begins with MSH. Line ends never occur within a character of the sets that are
    taken. Of a message longer than `limit` the beginning is given, as from a connection.
    """
    lines: list[bytes] = []
    length = 0
    for line in _lines(file, limit=limit):
        plain = line.lstrip(START + b"\xef\xbb\xbf").rstrip(END)
        if plain[:3] in _WRAPPERS:
            continue
        if plain.startswith(b"MSH") and lines:
            yield _frame(lines, length, limit)
            lines, length = [], 0
        if plain:
            length += len(plain) + 1
            if length <= limit or not lines:
                lines.append(plain)
    if lines:
        yield _frame(lines, length, limit)


def _frame(lines: list[bytes], length: int, limit: int) -> Frame:
    content = b"\r".join(lines) + b"\r"
    return Frame(content=content[:_HEAD_KEPT], too_long=True) if length > limit else Frame(content=content)


def _lines(file: BinaryIO, *, limit: int) -> Iterator[bytes]:
    """Lines, whichever of CR and LF ends them; one without an end is given in pieces, so that memory stays bounded."""
    rest = b""
    while piece := file.read(_PIECE):
        *whole, rest = (rest + piece).replace(b"\n", b"\r").split(b"\r")
        yield from whole
        if len(rest) > limit:
            yield rest
            rest = b""
    if rest:
        yield rest
