"""Excel's two formats: cells as text, dates in ISO form, merged cells filled, hidden sheets passed over."""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Literal
from xml.etree.ElementTree import ParseError

import openpyxl
import xlrd
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet.worksheet import Worksheet
from xlrd.biffh import XLRDError
from xlrd.compdoc import CompDocError

from interop.lists.reading import ListRefusedError, RawList, lines_of

_LARGEST_UNPACKED = 400 * 1024 * 1024
_MOST_CELLS = 4_000_000
_EXACT = 10**15  # above it a spreadsheet no longer keeps every digit of a number

_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
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
"""What the two libraries raise in the middle of a file that is not whole."""

Grid = list[list[str]]


def read_xlsx(content: bytes) -> list[RawList]:
    """Every visible sheet that holds anything."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            unpacked = sum(part.file_size for part in packed.infolist())
        if unpacked > _LARGEST_UNPACKED:
            raise ListRefusedError(f"the file unpacks to {unpacked // 2**20} MB; save its rows as CSV")
        book = openpyxl.load_workbook(io.BytesIO(content), data_only=True)
    except (InvalidFileException, ParseError, *_DAMAGED) as error:
        if isinstance(error, ListRefusedError):
            raise
        raise ListRefusedError(
            f"the xlsx file is damaged ({type(error).__name__}); open it in a spreadsheet program and save it anew"
        ) from None
    try:
        sheets = [
            sheet
            for sheet in book.worksheets
            if isinstance(sheet, Worksheet) and sheet.sheet_state == "visible" and sheet.max_row
        ]
        return _lists("xlsx", [_xlsx_grid(sheet) for sheet in sheets])
    finally:
        book.close()


def read_xls(content: bytes) -> list[RawList]:
    """As read_xlsx, of the format before 2007."""
    try:
        # What xlrd says of a damaged file while it reads goes nowhere: it might quote a cell.
        book = xlrd.open_workbook(file_contents=content, formatting_info=True, logfile=io.StringIO())
    except (XLRDError, CompDocError, *_DAMAGED) as error:
        raise ListRefusedError(
            f"the xls file cannot be read ({error}); if it has a password, save it without one; otherwise save it as "
            "xlsx or CSV"
        ) from None
    grids: list[Grid] = []
    for sheet in book.sheets():
        if sheet.visibility != 0:
            continue
        _refuse_vast(sheet.nrows, sheet.ncols)
        grid = [
            [_xls_text(sheet.cell(row, column), book.datemode) for column in range(sheet.ncols)]
            for row in range(sheet.nrows)
        ]
        _fill(grid, ((top, low - 1, left, right - 1) for top, low, left, right in sheet.merged_cells))
        grids.append(grid)
    return _lists("xls", grids)


def _lists(kind: str, grids: Iterable[Grid]) -> list[RawList]:
    found = [
        RawList(format=kind, encoding="", lines=lines_of(list(enumerate(grid, start=1))))
        for grid in grids
        if any(any(cell.strip() for cell in row) for row in grid)
    ]
    if not found:
        raise ListRefusedError("no visible sheet of the file holds rows; look whether it is the right one")
    return found


def _xlsx_grid(sheet: Worksheet) -> Grid:
    _refuse_vast(sheet.max_row, sheet.max_column)
    grid = [[as_text(value) for value in row] for row in sheet.iter_rows(values_only=True)]
    _fill(grid, ((r.min_row - 1, r.max_row - 1, r.min_col - 1, r.max_col - 1) for r in sheet.merged_cells.ranges))
    return grid


def _refuse_vast(rows: int, columns: int) -> None:
    if rows * columns > _MOST_CELLS:
        raise ListRefusedError(
            f"the sheet reaches to row {rows}, column {columns}; delete the empty rows and columns behind the list"
        )


def _fill(grid: Grid, ranges: Iterable[tuple[int, int, int, int]]) -> None:
    for top, low, left, right in ranges:
        for row in range(top, min(low, len(grid) - 1) + 1):
            for column in range(left, min(right, len(grid[row]) - 1) + 1):
                grid[row][column] = grid[top][left]


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
