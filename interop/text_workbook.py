"""A workbook in which every cell is text: no identity number becomes a float, and nothing is calculated."""

import io
from collections.abc import Iterable, Sequence

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell


def text_workbook(sheet_name: str, lines: Iterable[Sequence[str]]) -> bytes:
    """The bytes of an xlsx file with one sheet."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(sheet_name)
    for line in lines:
        cells = []
        for text in line:
            cell = WriteOnlyCell(sheet, value=text)
            cell.data_type = "s"
            cell.number_format = "@"
            cells.append(cell)
        sheet.append(cells)
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()
