"""Parts of workbooks before anybody makes objects of them: how much they hold, and which cells are merged."""

import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Mapping
from typing import IO
from xml.parsers import expat

from openpyxl.utils import range_boundaries
from xlrd.compdoc import CompDoc

from interop.lists.reading import ListRefusedError

Range = tuple[int, int, int, int]
"""Top, bottom, left and right of merged cells, all of them within."""

DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    expat.ExpatError,
    EOFError,
    OSError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    RuntimeError,
)
"""What the libraries raise in the middle of a file that is not whole."""

_MANY_BLANKS = 0x00BE
"""The record MULBLANK: a row and its first column, two bytes for each cell, the last column."""

_LARGEST_UNPACKED = 200 * 1024 * 1024
_MOST_AT_ONCE = 500_000
"""Elements that a reader keeps until the next row or string begins; a row of the widest sheet has 100,000."""

_MOST_ROWS = 3_000_000
"""Rows and shared strings of one part."""


def refuse_bomb(content: bytes) -> None:
    """ListRefusedError if reading the file would take more memory than a list is worth."""
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        unpacked = sum(part.file_size for part in packed.infolist())
        if unpacked > _LARGEST_UNPACKED:
            raise ListRefusedError(f"the file unpacks to {unpacked // 2**20} MB; save its rows as CSV")
        for part in packed.infolist():
            try:
                with packed.open(part) as opened:
                    read_part(opened)
            except ListRefusedError:
                raise
            except DAMAGED:
                continue  # a picture, or damaged: whoever needs the part will say so


def read_part(part: IO[bytes]) -> list[Range]:
    """The merged cells that a part tells of; ListRefusedError if it holds too much."""
    counting = _Counting()
    parser = expat.ParserCreate()
    parser.StartElementHandler = counting.begins
    parser.ParseFile(part)
    return counting.merged


def blanks_of_xls(content: bytes) -> int:
    """How many blank cells of a certain look a file of the old format holds: each takes but two bytes."""
    parts = CompDoc(content, logfile=io.StringIO())
    book = parts.get_named_stream("Workbook") or parts.get_named_stream("Book") or b""
    blanks = at = 0
    while at + 4 <= len(book):
        record, length = struct.unpack_from("<HH", book, at)
        if record == _MANY_BLANKS:
            blanks += max(0, length - 6) // 2
        at += 4 + length
    return blanks


class _Counting:
    """Elements of a part as they go by."""

    def __init__(self) -> None:
        self.merged: list[Range] = []
        self._rows = 0
        self._since = 0

    def begins(self, name: str, attributes: Mapping[str, str]) -> None:
        """One more element."""
        self._since += 1
        match name.rpartition(":")[2]:
            case "row" | "si":
                self._rows += 1
                self._since = 0
            case "mergeCell":
                left, top, right, low = range_boundaries(attributes["ref"])
                if left and top and right and low:
                    self.merged.append((top, low, left, right))
        if self._since > _MOST_AT_ONCE or self._rows > _MOST_ROWS:
            raise ListRefusedError(
                "the file holds far more than a list; copy its rows into a new one, or save it as CSV"
            )
