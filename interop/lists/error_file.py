"""The rows that were parked, as a file to correct and send again: the same columns, and one that says what is wrong."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Literal

from db.unit_of_work import UnitOfWork
from followup.imports import ImportRow, ListImport, RowState
from interop.lists.checking import CHUNK
from interop.lists.columns import ERRORS_HEADER
from interop.lists.faults import in_one_line
from interop.text_workbook import text_workbook

FileFormat = Literal["xlsx", "csv"]
MEDIA_TYPES = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
}
_UNDECIDED = "可能是已有患者，请人工判定 / may be somebody known already: decide who it is, or add an identifier"
_FORMULA = ("=", "@", "\t", "\r")
_SIGNED = ("+", "-")


def error_file(uow: UnitOfWork, made: ListImport, file_format: FileFormat) -> bytes:
    """The file's bytes."""
    table = _table(uow, made)
    return text_workbook("errors", table) if file_format == "xlsx" else _csv(table)


def _table(uow: UnitOfWork, made: ListImport) -> Iterator[list[str]]:
    yield [*made.header, ERRORS_HEADER]
    after = 0
    while rows := uow.imports.rows(made.id, states=[RowState.BAD, RowState.UNDECIDED], after=after, limit=CHUNK):
        for row in rows:
            cells = [*row.cells, *[""] * (len(made.header) - len(row.cells))]
            yield [*cells[: len(made.header)], _words(row)]
        after = rows[-1].line


def _words(row: ImportRow) -> str:
    return _UNDECIDED if row.state is RowState.UNDECIDED else in_one_line(row.faults)


def _csv(table: Iterator[list[str]]) -> bytes:
    written = io.StringIO(newline="")
    writer = csv.writer(written)
    for line in table:
        writer.writerow([_no_formula(text) for text in line])
    return b"\xef\xbb\xbf" + written.getvalue().encode()


def _no_formula(text: str) -> str:
    """An apostrophe before what a spreadsheet would calculate; reading a list takes it away again."""
    calculated = text.startswith(_FORMULA) or (text.startswith(_SIGNED) and not _is_number(text[1:]))
    return f"'{text}" if calculated else text


def _is_number(text: str) -> bool:
    return bool(text) and all(sign.isdigit() or sign in " -()" for sign in text)


def columns_of(made: ListImport) -> Sequence[tuple[str, str]]:
    """Headers in their order with what each is read for."""
    return [(header, made.mapping.get(header, "")) for header in made.header]
