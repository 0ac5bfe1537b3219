"""Files as hospitals' programs write them: encodings, delimiters, workbooks, merged cells, headers that stand lower."""

import contextlib
import io
import random
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import openpyxl
import pytest
import xlwt

from followup.imports import ListKind
from interop.lists.columns import (
    IGNORED,
    ListField,
    best_list,
    checked_mapping,
    find_header,
    guess,
    missing,
    named_headers,
)
from interop.lists.file_formats import read_list
from interop.lists.reading import ListRefusedError, RawList
from interop.lists.text_files import read_text
from interop.lists.workbooks import read_xlsx
from tests.support.lists import HEADER, as_csv, as_xlsx, discharge

ROW = ["A1", "李伟", "", "男", "13800000001", "心内科", "2026-11-20"]


def cells(raw: RawList) -> list[tuple[str, ...]]:
    return [line.cells for line in raw.lines]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk", "utf-16", "utf-16-le", "utf-16-be"])
def test_every_usual_encoding_is_read(encoding: str) -> None:
    assert cells(read_list(as_csv([ROW], encoding=encoding))) == [HEADER, tuple(ROW)]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "，"])
def test_the_delimiter_is_found(delimiter: str) -> None:
    text = "\r\n".join(delimiter.join(row) for row in (HEADER, ROW, ROW))
    assert cells(read_list(text.encode()))[1] == tuple(ROW)


def test_quotes_hide_delimiters_line_ends_and_what_excel_needs() -> None:
    raw = read_list(b'sep=;\r\na;b\r\n"x;y";"two\r\nlines"\r\n;\r\n="0012";\'0013\r\n')
    assert cells(raw) == [("a", "b"), ("x;y", "two\r\nlines"), ("0012", "0013")]
    # Lines are counted as an editor counts them: the last line of each row.
    assert [line.number for line in raw.lines] == [2, 4, 6]


def test_a_workbooks_values_become_text_as_they_are_seen() -> None:
    row = ["A1", "李伟", 110101199001011234.0, True, 13800000001, 12.5, datetime(2026, 11, 20, 10)]  # noqa: DTZ001
    (raw,) = read_xlsx(as_xlsx([row]))
    assert raw.lines[1].cells == ("A1", "李伟", "1.101012E+17", "TRUE", "13800000001", "12.5", "2026-11-20 10:00:00")


def _merged(tmp_path: Path) -> bytes:
    book = openpyxl.Workbook()
    hidden = book.active
    assert hidden is not None
    hidden.title, hidden.sheet_state = "字典", "hidden"
    hidden.append(HEADER)
    notes = book.create_sheet("说明")
    notes.append(["请勿修改", "本表"])
    sheet = book.create_sheet("名单")
    sheet.append(["心内科出院名单"])
    sheet.merge_cells("A1:G1")
    sheet.append(list(HEADER))
    sheet.append(ROW)
    sheet.append(["A2", "王五", "", "女", "13800000002", None, "2026-11-21"])
    sheet.merge_cells("F3:F4")
    book.save(tmp_path / "merged.xlsx")
    return (tmp_path / "merged.xlsx").read_bytes()


def test_merged_cells_are_filled_and_the_sheet_with_the_headers_is_taken(tmp_path: Path) -> None:
    raw = read_list(_merged(tmp_path))
    assert find_header(raw.lines) == 1
    assert raw.lines[1].number == 2
    assert [line.cells[5] for line in raw.lines[2:]] == ["心内科", "心内科"]


def test_the_old_format_is_read_as_well(tmp_path: Path) -> None:
    book = xlwt.Workbook(encoding="utf-8")
    sheet = book.add_sheet("名单")
    for column, header in enumerate(HEADER):
        sheet.write(0, column, header)
    values = ["A1", "李伟", 1.1010119900101123e17, "男", 13800000001.0, "心内科", datetime(2026, 11, 20, 10)]  # noqa: DTZ001
    style = xlwt.easyxf(num_format_str="YYYY-MM-DD HH:MM")
    for column, value in enumerate(values):
        sheet.write(1, column, value, style) if column == 6 else sheet.write(1, column, value)
    sheet.write_merge(2, 3, 5, 5, "骨科")
    sheet.write(2, 0, "A2")
    sheet.write(3, 0, "A3")
    book.save(str(tmp_path / "old.xls"))
    raw = read_list((tmp_path / "old.xls").read_bytes())
    assert raw.format == "xls"
    assert raw.lines[1].cells == (
        "A1", "李伟", "1.101012E+17", "男", "13800000001", "心内科", "2026-11-20 10:00:00",
    )  # fmt: skip
    assert [line.cells[5] for line in raw.lines[2:]] == ["骨科", "骨科"]


def test_what_is_no_list_is_refused_in_words(tmp_path: Path) -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as packed:
        for place in range(2):
            packed.writestr(f"xl/{place}", b"0" * (110 * 2**20))
    for content, words in (
        (b"  \n", "empty"),
        (b"<html><body>", "web page"),
        (b"%PDF-1.4", "document"),
        (b"PK\x03\x04....", "damaged"),
        (bomb.getvalue(), "unpacks to 220 MB"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600, "cannot be read"),
        (b"\x81", "neither UTF-8"),
        (("," * 300 + "\n").encode(), "more than 200 columns"),
        (b"\n\n,,\n", "no rows"),
        (as_xlsx([], header=[""]), "no visible sheet"),
    ):
        with pytest.raises(ListRefusedError, match=words):
            read_list(content)


def _old_format(rows: list[list[str]]) -> bytes:
    book = xlwt.Workbook(encoding="utf-8")
    sheet = book.add_sheet("名单")
    for line, row in enumerate(rows):
        for column, value in enumerate(row):
            sheet.write(line, column, value)
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def test_a_damaged_file_is_read_or_refused_never_an_error_of_ours(dice: random.Random) -> None:
    rows = [discharge(place) for place in range(5)]
    whole = [as_xlsx(rows), _old_format(rows), as_csv(rows, encoding="gb18030")]
    for turn in range(90):
        damaged = bytearray(whole[turn % 3])
        for _ in range(dice.choice([1, 3, 20])):
            at = dice.randrange(8, len(damaged))
            if dice.random() < 0.7:
                damaged[at] = dice.randrange(256)
            else:
                del damaged[at : at + dice.randrange(1, 40)]
        with contextlib.suppress(ListRefusedError):
            read_list(bytes(damaged))


def test_headers_are_found_below_a_title_and_guessed_in_two_languages() -> None:
    chinese = read_text("市一院,,,\n导出人：张,,,\n病案号,患者姓名,联系电话,出院日期\nA1,李,138,2026\n".encode())
    assert find_header(chinese.lines) == 2
    english = ("MRN", "Patient Name", "Date of birth", "Mobile", "Next of kin phone", "Discharge date", "Ward", "Notes")
    assert list(guess(english, ListKind.DISCHARGE, {}).values()) == [
        "record_number", "name", "born", "phone", "relative_phone", "date", "ward", IGNORED,
    ]  # fmt: skip
    mapped = guess(
        named_headers(
            ["序号", "住院号", "病案号", "姓名", "电话", "电话", "家属联系电话1", "科室(出院)", "出院日期", "年龄", ""]
        ),
        ListKind.DISCHARGE,
        {},
    )
    assert mapped == {
        "序号": "", "住院号": "record_number", "病案号": "medical_record", "姓名": "name", "电话": "phone",
        "电话 (2)": "phone", "家属联系电话1": "relative_phone", "科室(出院)": "department", "出院日期": "date",
        "年龄": "", "#11": "",
    }  # fmt: skip


def test_what_somebody_set_is_kept_and_what_is_missing_is_named() -> None:
    header = ("号", "姓名", "错误/errors")
    mapped = guess(header, ListKind.NUMBERS, {"号": "phone", "姓名": ""})
    assert mapped == {"号": "phone", "姓名": "", "错误/errors": ""}
    assert missing(mapped, ListKind.NUMBERS) == ["name"]
    assert missing(mapped, ListKind.DISCHARGE) == ["name", "date", "department"]
    assert checked_mapping(header, {"姓名": "name"}) == {"号": "", "姓名": "name", "错误/errors": ""}


def test_of_several_sheets_the_one_with_the_headers_wins() -> None:
    one, two = read_text(b"a,b\n1,2\n"), read_text(as_csv([discharge(1)]))
    assert best_list([one, two]) is two
    assert ListField.PHONE.value in guess(HEADER, ListKind.DISCHARGE, {}).values()


def _lying_sheet(change: Callable[[bytes], bytes]) -> bytes:
    changed = io.BytesIO()
    whole = zipfile.ZipFile(io.BytesIO(as_xlsx([discharge(place) for place in range(3)])))
    with whole, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in whole.namelist():
            part = whole.read(name)
            packed.writestr(name, change(part) if name == "xl/worksheets/sheet1.xml" else part)
    return changed.getvalue()


@pytest.mark.parametrize(
    ("within", "words"),
    [
        (b"<row>" + b"<c/>" * 600_000 + b"</row>", "far more than a list"),
        (b'<row r="9999999999999"><c r="A9999999999999"><v>1</v></c></row>', "delete the empty rows"),
    ],
)
def test_a_sheet_that_would_fill_the_memory_is_refused_before(within: bytes, words: str) -> None:
    with pytest.raises(ListRefusedError, match=words):
        read_list(_lying_sheet(lambda part: part.replace(b"</sheetData>", within + b"</sheetData>")))


def test_cells_merged_over_the_whole_sheet_are_filled_only_where_there_are_rows() -> None:
    merged = b'</sheetData><mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells>'
    raw = read_list(_lying_sheet(lambda part: part.replace(b"</sheetData>", merged)))
    assert cells(raw) == [(HEADER[0],) * len(HEADER)] * 4


def test_an_old_workbook_full_of_blank_cells_with_a_look_is_read_without_them() -> None:
    book = xlwt.Workbook(encoding="utf-8")
    sheet = book.add_sheet("名单")
    for column, header in enumerate(HEADER):
        sheet.write(0, column, header)
        sheet.write(1, column, ROW[column])
    sheet.merge(2, 9_000, 0, 199)
    written = io.BytesIO()
    book.save(written)
    assert cells(read_list(written.getvalue())) == [HEADER, tuple(ROW)]


def test_a_cell_without_an_end_is_refused_at_its_line() -> None:
    with pytest.raises(ListRefusedError, match="line 3 cannot be read"):
        read_list(as_csv([ROW]) + b'"' + b"x" * 140_000)


def test_a_list_that_is_too_long_is_refused_as_soon_as_it_is() -> None:
    with pytest.raises(ListRefusedError, match="more than 50000 rows"):
        read_list(b"a,b\n" * 50_100)


def test_a_header_holds_nothing_that_a_database_refuses() -> None:
    assert named_headers(["a\x00b", "\x00"]) == ["a b", "#2"]
