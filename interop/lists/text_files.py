"""CSV and its relatives: which encoding, which delimiter."""

import codecs
import csv
import io
from collections.abc import Iterator

from interop.lists.reading import ListRefusedError, RawList, lines_of

_DELIMITERS = (",", "\t", ";", "|", "，")
_LOOKED_AT = 30


def read_text(content: bytes) -> RawList:
    """The lines of a text file."""
    text, encoding = decoded(content)
    text = text.removeprefix("\ufeff")
    first, _, rest = text.partition("\n")
    told = first.strip().lower()
    if told.startswith("sep=") and len(told) == 5:
        delimiter, text, skipped = told[4], rest, 1
    else:
        delimiter, skipped = _delimiter(text), 0
    return RawList(format="csv", encoding=encoding, lines=lines_of(_rows(text, delimiter, skipped)))


def _rows(text: str, delimiter: str, skipped: int) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for cells in reader:
            yield reader.line_num + skipped, _unquoted(cells)
    except csv.Error as error:
        raise ListRefusedError(f"line {reader.line_num + skipped} cannot be read ({error}); mend its quotes") from None


def decoded(content: bytes) -> tuple[str, str]:
    """The text and the encoding's name."""
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if content.startswith(mark):
            return _decode(content, name), name
    # Without a mark, every second byte of plain UTF-16 is zero where the text is Latin: delimiters and digits are.
    sample = content[:4000]
    if sample.count(0) > len(sample) // 20:
        name = "utf-16-le" if sample[1::2].count(0) > sample[::2].count(0) else "utf-16-be"
        return _decode(content, name), name
    try:
        return content.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        return _decode(content, "gb18030"), "gb18030"


def _decode(content: bytes, name: str) -> str:
    try:
        return content.decode(name)
    except UnicodeDecodeError as error:
        raise ListRefusedError(
            f"the file is neither UTF-8, UTF-16 nor GB18030 (byte {error.start}); save it as CSV UTF-8 or as xlsx"
        ) from None


def _delimiter(text: str) -> str:
    """The one that parts the first lines into the same, largest number of columns."""
    sample = [line for line in text[:200_000].splitlines()[: _LOOKED_AT * 2] if line.strip()][:_LOOKED_AT]

    def columns(delimiter: str) -> tuple[int, int]:
        try:
            widths = [len(cells) for cells in csv.reader(sample, delimiter=delimiter)]
        except csv.Error:
            return (0, 0)  # a cell that is longer than any; whoever reads the whole says where
        usual = max(set(widths), key=lambda width: (widths.count(width), width), default=1)
        return (widths.count(usual) * (usual > 1), usual)

    return max(_DELIMITERS, key=columns)


def _unquoted(cells: list[str]) -> list[str]:
    # A leading apostrophe or ="…" is how people keep a spreadsheet from turning an ID number into a float.
    return [
        cell[2:-1] if cell.startswith('="') and cell.endswith('"') else cell.removeprefix("'").strip("\t")
        for cell in cells
    ]
