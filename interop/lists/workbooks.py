"""Excel's two formats: cells as text, dates in ISO form, merged cells filled, hidden sheets passed over."""

import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Literal
from xml.etree.ElementTree import ParseError

import openpyxl
import xlrd
from openpyxl.utils.exceptions import InvalidFileException
from xlrd.biffh import XLRDError
from xlrd.compdoc import CompDocError

from interop.lists.reading import ListRefusedError, RawList, lines_of
from interop.lists.workbook_parts import DAMAGED, Range, blanks_of_xls, read_part, refuse_bomb

_MOST_CELLS = 4_000_000
_LAST_ROW = 2**20
_MOST_BLANKS = 1_000_000
_EXACT = 10**15  # above it a spreadsheet no longer keeps every digit of a number

Rows = Iterable[tuple[int, Sequence[str]]]


def read_xlsx(content: bytes) -> list[RawList]:
    """Every visible sheet that holds anything."""
    try:
        refuse_bomb(content)
        # Row by row: whoever loads the whole of it makes an object of every cell, and of every cell of a merged range.
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
        try:
            return _lists("xlsx", (_xlsx_sheet(each) for each in book.worksheets if each.sheet_state == "visible"))
        finally:
            book.close()
    except ListRefusedError:
        raise
    except (InvalidFileException, ParseError, *DAMAGED) as error:
        raise ListRefusedError(
            f"the xlsx file is damaged ({type(error).__name__}); open it in a spreadsheet program and save it anew"
        ) from None


def read_xls(content: bytes) -> list[RawList]:
    """As read_xlsx, of the format before 2007."""
    try:
        # Blank cells with a look are read one by one: a file that is full of them is read without its merged cells.
        looks = blanks_of_xls(content) <= _MOST_BLANKS
        # What xlrd says of a damaged file while it reads goes nowhere: it might quote a cell.
        book = xlrd.open_workbook(file_contents=content, formatting_info=looks, ragged_rows=True, logfile=io.StringIO())
        return _lists("xls", (_xls_sheet(sheet, book.datemode) for sheet in book.sheets() if sheet.visibility == 0))
    except ListRefusedError:
        raise
    except (XLRDError, CompDocError, *DAMAGED) as error:
        raise ListRefusedError(
            f"the xls file cannot be read ({error}); if it has a password, save it without one; otherwise save it as "
            "xlsx or CSV"
        ) from None


def _lists(kind: str, sheets: Iterable[tuple[Rows, Iterable[Range]]]) -> list[RawList]:
    found = []
    for rows, merged in sheets:
        whole = _filled({number: list(cells) for number, cells in _bounded(rows)}, merged)
        if whole:
            found.append(RawList(format=kind, encoding="", lines=lines_of(whole.items())))
    if not found:
        raise ListRefusedError("no visible sheet of the file holds rows; look whether it is the right one")
    return found


def _bounded(rows: Rows) -> Iterator[tuple[int, Sequence[str]]]:
    """Rows that hold anything, of one width; ListRefusedError as soon as they are too many or too wide."""
    width = kept = 0
    for number, cells in rows:
        if number > _LAST_ROW:
            raise _vast(number, len(cells))
        if any(cell.strip() for cell in cells):
            width, kept = max(width, len(cells)), kept + 1
            if kept * width > _MOST_CELLS:
                raise _vast(number, width)
            yield number, cells


def _xlsx_sheet(sheet: Any) -> tuple[Rows, Iterable[Range]]:
    # How large a sheet says that it is need not be true.
    sheet.reset_dimensions()
    rows = (
        (number, [as_text(value) for value in row]) for number, row in enumerate(sheet.iter_rows(values_only=True), 1)
    )
    # The library tells merged cells only to whoever loads the whole sheet.
    with sheet._get_source() as part:  # noqa: SLF001 it has no other name for the sheet's part
        return rows, read_part(part)


def _xls_sheet(sheet: xlrd.sheet.Sheet, datemode: Literal[0, 1]) -> tuple[Rows, Iterable[Range]]:
    rows = (
        (row + 1, [_xls_text(sheet.cell(row, column), datemode) for column in range(sheet.row_len(row))])
        for row in range(sheet.nrows)
    )
    return rows, ((top + 1, low, left + 1, right) for top, low, left, right in sheet.merged_cells)


def _filled(lines: dict[int, list[str]], merged: Iterable[Range]) -> dict[int, list[str]]:
    """The lines, of one width, with what stands in merged cells in each of them."""
    width = max((len(cells) for cells in lines.values()), default=0)
    for cells in lines.values():
        cells.extend([""] * (width - len(cells)))
    filled = 0
    for top, low, left, right in merged:
        text = lines[top][left - 1] if top in lines and left <= width else ""
        if not text:
            continue
        for number in range(top, min(low, max(lines)) + 1):
            filled += max(min(right, width) - left, 0) + 1
            if filled > _MOST_CELLS:
                raise ListRefusedError("the sheet's merged cells lie over each other; undo the merging, save it anew")
            if number in lines:
                lines[number][left - 1 : min(right, width)] = [text] * (min(right, width) - left + 1)
    return lines


def _vast(rows: int, columns: int) -> ListRefusedError:
    return ListRefusedError(
        f"the sheet reaches to row {rows}, column {columns}; delete the empty rows and columns behind the list"
    )


def as_text(value: object) -> str:
    """A cell's value as text. A number with more digits than a spreadsheet keeps is shown as the float it is."""
    match value:
        case None:
            return ""
        case bool():
            return "TRUE" if value else "FALSE"
        case float():
            if abs(value) >= _EXACT:
                return f"{value:.6E}"
            return str(int(value)) if value.is_integer() else repr(value)
        case datetime():
            return value.strftime("%Y-%m-%d %H:%M:%S") if value.time() != time() else value.date().isoformat()
        case date() | time():
            return value.isoformat()
        case timedelta():
            return _clock(value.total_seconds()) if timedelta() <= value < timedelta(days=1) else str(value)
        case _:
            return str(value)


def _xls_text(cell: xlrd.sheet.Cell, datemode: Literal[0, 1]) -> str:
    value = cell.value
    if isinstance(value, str):
        return value
    if cell.ctype == xlrd.XL_CELL_DATE:
        try:
            return as_text(xlrd.xldate_as_datetime(value, datemode)) if value >= 1 else _clock(value * 86_400)
        except (ValueError, OverflowError):
            return as_text(value)
    if cell.ctype == xlrd.XL_CELL_BOOLEAN:
        return as_text(bool(value))
    if cell.ctype == xlrd.XL_CELL_ERROR:
        return xlrd.error_text_from_code.get(int(value), "#N/A")
    return as_text(value)


def _clock(seconds: float) -> str:
    minutes, second = divmod(round(seconds), 60)
    return time(minutes // 60 % 24, minutes % 60, second).isoformat()
