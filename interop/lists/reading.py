"""From a file's bytes to lines of text cells, whatever program wrote it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

LARGEST_FILE = 32 * 1024 * 1024
LONGEST_LIST = 50_000
WIDEST_LIST = 200
LONGEST_CELL = 2000
HEADER_WITHIN = 30
"""Among so many lines the headers are looked for."""


class ListRefusedError(ValueError):
    """The file cannot be read as a list; the sentence says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a list: its number in the file, and its cells as text."""

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RawList:
    """All lines of a file or sheet that hold anything."""

    format: str
    encoding: str
    lines: tuple[Line, ...]


def lines_of(rows: Iterable[tuple[int, Sequence[str]]]) -> tuple[Line, ...]:
    """Lines without empty ones, cells trimmed; ListRefusedError if it is nothing, or as soon as it is too much."""
    lines: list[Line] = []
    for number, cells in rows:
        if len(cells) > WIDEST_LIST:
            raise ListRefusedError(f"line {number} has more than {WIDEST_LIST} columns; remove those without a use")
        tidy = tuple(cell.replace("\x00", "").strip()[:LONGEST_CELL] for cell in cells)
        if any(tidy):
            lines.append(Line(number=number, cells=tidy))
        if len(lines) > LONGEST_LIST + HEADER_WITHIN:
            raise ListRefusedError(f"the list has more than {LONGEST_LIST} rows; send it in several files")
    if not lines:
        raise ListRefusedError("the file holds no rows; open it and look whether it is the right one")
    return tuple(lines)
