"""Lists for tests: rows of made-up people, as the files that hospitals send."""

import csv
import io
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import openpyxl

from care.identifiers import check_place
from db.unit_of_work import UnitOfWork, UnitsOfWork
from followup.imports import ImportRow, ListImport, ListKind
from interop.lists.applying import apply_import, ask_to_apply
from interop.lists.checking import ListSurroundings
from interop.lists.receiving import ListOrder, receive_file
from interop.lists.undoing import ask_to_undo, undo_import
from runtime.content.library import Content
from runtime.settings import REPOSITORY

ZONE = ZoneInfo("Asia/Shanghai")
SURROUNDINGS = ListSurroundings(zone=ZONE, templates=frozenset({"DISCHARGE"}), content=Content(REPOSITORY / "content"))
HEADER = ("病案号", "姓名", "身份证号", "性别", "联系电话", "出院科室", "出院日期")


def id_number(place: int, born: date = date(1960, 3, 2)) -> str:
    """A valid ID card number of nobody: region 999999 does not exist."""
    first = f"999999{born:%Y%m%d}{place % 1000:03d}"
    return first + check_place(first)


def yesterday(hour: int = 10) -> str:
    """Yesterday as lists write it."""
    return f"{datetime.now(UTC).astimezone(ZONE) - timedelta(days=1):%Y-%m-%d} {hour:02d}:00"


def discharge(place: int, **cells: str) -> list[str]:
    """A row that can be taken; `cells` by header set it otherwise."""
    row = dict(
        zip(
            HEADER,
            (f"A{place:06d}", f"测试{place}", "", "男", f"138{place:08d}", "心内科", yesterday()),
            strict=True,
        )
    )
    return list((row | cells).values())


def as_csv(rows: Sequence[Sequence[str]], *, header: Sequence[str] = HEADER, encoding: str = "utf-8") -> bytes:
    """The file's bytes."""
    written = io.StringIO(newline="")
    csv.writer(written).writerows([header, *rows])
    return written.getvalue().encode(encoding)


def as_xlsx(rows: Sequence[Sequence[object]], *, header: Sequence[str] = HEADER) -> bytes:
    """The same as a workbook."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("名单")
    for row in (header, *rows):
        sheet.append(list(row))
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def bring(units: UnitsOfWork, content: bytes, kind: ListKind, *, source: str = "", area_code: str = "") -> ListImport:
    """Take a file in and look at its rows."""
    with units() as uow:
        made = receive_file(uow, content, ListOrder(kind=kind, source=source, area_code=area_code), SURROUNDINGS)
        uow.commit()
    return made


def write(units: UnitsOfWork, made: ListImport) -> None:
    """Write the rows of a list that are ready."""
    with units() as uow:
        ask_to_apply(uow, _held(uow, made), by=None)
        uow.commit()
    apply_import(units, made.id, SURROUNDINGS)


def undo(units: UnitsOfWork, made: ListImport) -> None:
    """Take a list back."""
    with units() as uow:
        ask_to_undo(uow, _held(uow, made), by=None)
        uow.commit()
    undo_import(units, made.id)


def rows_of(units: UnitsOfWork, made: ListImport) -> list[ImportRow]:
    """Its rows, as far as the first thousand."""
    with units() as uow:
        return list(uow.imports.rows(made.id, limit=1000))


def _held(uow: UnitOfWork, made: ListImport) -> ListImport:
    held = uow.imports.locked(made.id)
    assert held is not None
    return held
