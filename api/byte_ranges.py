"""The Range header of a request for bytes (RFC 9110, section 14): one range, or the whole."""

import re
from dataclasses import dataclass

_ONE = re.compile(r"bytes=(\d*)-(\d*)", re.IGNORECASE)


class UnsatisfiableRangeError(ValueError):
    """The range begins behind the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ByteRange:
    """Bytes `start` up to but not including `end`."""

    start: int
    end: int


def wanted_range(header: str | None, size: int) -> ByteRange | None:
    """The range asked for; None for the whole: no header, one we may ignore, or several ranges at once."""
    found = _ONE.fullmatch(header.strip()) if header else None
    if found is None or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if first == "":
        length = int(last)
        if length == 0 or size == 0:
            raise UnsatisfiableRangeError
        return ByteRange(start=max(0, size - length), end=size)
    start = int(first)
    end = min(int(last) + 1, size) if last else size
    if last and int(last) < start:
        return None
    if start >= size:
        raise UnsatisfiableRangeError
    return ByteRange(start=start, end=end)
