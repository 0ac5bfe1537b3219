"""Whole files of lists as no hospital should send them, and what has to become of every row whatever stands in it."""

import csv
import io
import random
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

import openpyxl
import xlwt
from openpyxl.utils.exceptions import IllegalCharacterError

from db.unit_of_work import UnitsOfWork
from followup.imports import ImportRow, ImportState, ListImport, ListKind, RowState
from interop.lists.columns import missing
from interop.lists.reading import ListRefusedError
from tests.support.lists import bring, id_number, rows_of, undo, write, yesterday

HEADERS: dict[ListKind, tuple[str, ...]] = {
    ListKind.DISCHARGE: (
        "病案号", "姓名", "身份证号", "性别", "出生日期", "电话", "家属电话", "科室", "医生", "出院日期", "同意随访",
    ),
    ListKind.APPOINTMENT: ("病案号", "姓名", "电话", "科室", "预约日期", "时间", "预约号", "语言", "时区", "模板"),
    ListKind.NUMBERS: ("姓名", "电话", "家属电话", "关系", "医保号", "护照号", "门诊号", "方言"),
    ListKind.EXAM: (
        "病案号", "姓名", "检验项目", "项目代码", "结果", "单位", "参考范围", "采样时间", "标本号", "报告时间", "血压",
        "空腹血糖(mmol/L)",
    ),
    ListKind.MEDICINE: (
        "病案号", "姓名", "药品名称", "ATC编码", "药品编码", "单次剂量", "用法", "发药日期", "用药天数", "处方号",
        "停药日期",
    ),
}  # fmt: skip

_IN_A_WEEK = "2026-11-29 10:00"
USUAL: dict[str, tuple[str, ...]] = {
    "病案号": ("A1", "A2", "A3", "A4", "B-7"),
    "姓名": ("李伟", "李 伟", "李伟", "李伟", "𠮷田"),
    "身份证号": (id_number(1), id_number(2), "", "1.10101199001E+17"),
    "电话": ("13800000001", "本人13800000002/儿子13900000003", "010-65529988转801", "120", "+86 138 0000 0004"),
    "家属电话": ("13700000001", ""),
    "性别": ("男", "女", ""),
    "出生日期": ("", "1960-03-02"),
    "同意随访": ("是", "否", ""),
    "语言": ("中文", "en", ""),
    "时区": ("", "Asia/Urumqi"),
    "模板": ("", "DISCHARGE"),
    "科室": ("心内科", "骨科"),
    "出院日期": (yesterday(), "46346", "2026年11月20日 下午3点"),
    "预约日期": (_IN_A_WEEK, "2027-01-05"),
    "时间": ("上午9:30", "14:00-14:30", "0.5"),
    "检验项目": ("空腹血糖", "肌酐", "钾", "不认识的项目", "血压"),
    "项目代码": ("", "GLU", "2345-7"),
    "结果": ("5.6", "152 ↑", "<0.01", "146/84", "阴性", "1e400", "-5"),
    "单位": ("mmol/L", "mg/dL", "umol/L", ""),
    "参考范围": ("3.9-6.1", "<5", "阴性"),
    "采样时间": ("2025-03-01 08:30", "2026-11-01"),
    "报告时间": ("2025-03-01 11:00", ""),
    "血压": ("146/84", ""),
    "空腹血糖(mmol/L)": ("5.6", ""),
    "药品名称": ("阿托伐他汀", "二甲双胍", "华法林"),
    "ATC编码": ("C10AA05", "", "x"),
    "用药天数": ("30", "30天", "0", "", "4周", "1个月"),
    "发药日期": (yesterday(), "2026-10-01"),
    "停药日期": ("", "2026-11-01"),
}
NASTY = (
    "", " ", "\t", "\u3000", "#N/A", "#REF!", "=1+1", "@x", "'0012", '="0012"', '"', '""', "a\nb", "a\r\nb",
    "a\rb", ",", "\x00", "a\x00b", "\x01\x1f", "\u2028", "\ufeff", "\ufffe", "\U0010ffff", "\u202e倒",
    "x" * 3000, "药" * 300, "9" * 400, "0001-01-01", "0001-01-01 00:00", "1899-12-31", "9999-12-31 23:59",
    "10000-01-01", "2026-02-30", "03/04/2026", "1", "2958465", "-1", "0", "1e308", "-1e-320", "NaN", "Infinity",
    "-inf", "１２３", "٣٤", "²", "½", "1/0", "5.6.7", "1,234.5", "TRUE", "null", "None", "无", "-", "--",
    "999999/1", "1'; DROP TABLE patients; --", "%s", "{0}", "\\x00", "\\u0000",
)  # fmt: skip

TYPED: tuple[Any, ...] = (
    None, True, 1.1010119900101123e17, 46346.5, datetime(2026, 11, 20, 10), date(2026, 11, 20), time(9, 30),  # noqa: DTZ001
)  # fmt: skip
"""What a spreadsheet has in cells that is no text; its days have no zone."""

_SIGNS = "".join(map(chr, range(0x20, 0x7F))) + "李王张一二三号（）：，。\u00a0\u0301\u200b\U00020bb7\x7f\x85"


def cell(dice: random.Random, header: str) -> str:
    """What stands in a cell: as a rule what is meant."""
    chance = dice.random()
    if chance < 0.03:
        return dice.choice(NASTY)
    if chance < 0.05:
        return "".join(dice.choices(_SIGNS, k=dice.randint(0, 30)))
    return dice.choice(USUAL.get(header, ("x", "1", "")))


def tables(dice: random.Random, kind: ListKind) -> list[list[str]]:
    """Headers and rows, some of them of the wrong length, with a title above or empty lines between them."""
    header = list(HEADERS[kind])
    if dice.randint(0, 15) == 0:
        header[dice.randint(0, len(header) - 1)] = dice.choice(NASTY)
    rows = [[cell(dice, name) for name in header] for _ in range(dice.randint(1, 6))]
    odd = dice.randint(0, 11)
    if odd == 0:
        rows[0] = rows[0][: dice.randint(0, len(header))]
    elif odd == 1:
        rows[-1] += ["x"] * dice.choice([1, 50, 300])
    elif odd == 2:
        rows.insert(0, [])
    table = [header, *rows]
    return [["心内科名单"], *table] if dice.randint(0, 5) == 0 else table


def text_files(dice: random.Random, kind: ListKind) -> bytes:
    """CSV in many encodings, quoted in many ways, and damaged."""
    table = tables(dice, kind)
    written = io.StringIO(newline="")
    csv.writer(
        written,
        delimiter=dice.choice([",", ",", "\t", ";", "|", "，"]),
        lineterminator=dice.choice(["\n", "\r\n", "\r"]),
        quoting=dice.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    ).writerows(table)
    text = written.getvalue()
    match dice.randint(0, 19):
        case 0:
            text = f"sep={dice.choice([';', ',', chr(34), chr(0), '药', 'a'])}\n{text}"
        case 1:
            text = text.replace('"', "", 1)
        case 2:
            text += '"' + "x" * 140_000
        case 3:
            text = text[: dice.randint(0, len(text))]
    encoding = dice.choice(
        ["utf-8", "utf-8", "gb18030", "gb18030", "utf-8-sig", "gbk", "utf-16", "utf-16-le", "utf-16-be"]
    )
    return damaged(dice, (text.encode(encoding, errors="replace")))


def workbooks(dice: random.Random, kind: ListKind) -> bytes:
    """xlsx with cells of every type, merged ranges, hidden sheets, formulas, errors, macros; and damaged."""
    book = openpyxl.Workbook()
    for place in range(dice.choice([1, 1, 1, 2])):
        sheet = book.active if place == 0 else book.create_sheet(f"第{place}页")
        assert sheet is not None
        for line, row in enumerate(tables(dice, kind), start=1):
            for column, text in enumerate(row, start=1):
                try:
                    sheet.cell(line, column).value = _typed(dice, text)
                except IllegalCharacterError:
                    sheet.cell(line, column).value = None
        if dice.randint(0, 3) == 0:
            sheet.merge_cells(dice.choice(["A1:C1", "A2:A4", "B2:C3", "F2:F6", "A1:Z40"]))
        if dice.randint(0, 7) == 0:
            sheet.sheet_state = "hidden"
    if all(sheet.sheet_state == "hidden" for sheet in book.worksheets):
        book.worksheets[0].sheet_state = "visible"
    saved = io.BytesIO()
    book.save(saved)
    match dice.randint(0, 9):
        case 0:
            return damaged(dice, (saved.getvalue()))
        case 1:
            return _with_part(saved.getvalue(), "xl/vbaProject.bin", b"\xd0\xcf\x11\xe0" + bytes(500))
        case 2:
            return _with_sheet(saved.getvalue(), dice.choice(LYING))
    return saved.getvalue()


LYING: tuple[Callable[[bytes], bytes], ...] = (
    lambda part: part.replace(
        b"</sheetData>", b'</sheetData><mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells>'
    ),
    lambda part: part.replace(b"</sheetData>", b"</sheetData><mergeCells><mergeCell ref='x'/></mergeCells>"),
    lambda part: part.replace(b"</sheetData>", b"</sheetData><mergeCells>" + b'<mergeCell ref="A1:IV60000"/>' * 9000),
    lambda part: part.replace(b'<row r="2"', b'<row r="999999999999999"'),
    lambda part: part.replace(b'r="A2"', b'r="XFD2"'),
    lambda part: part.replace(b'r="A2"', b'r="ZZZZ2"'),
    lambda part: part.replace(b'<row r="2"', b'<row r="0.5"'),
    lambda part: part.replace(b"<sheetData>", b'<sheetData><row r="1"><c r="A1" t="s"><v>99999</v></c></row>'),
    lambda part: part.replace(b"<sheetData>", b'<sheetData><row r="1"><c r="A1" t="n"><v>nan</v></c></row>'),
    lambda part: part.replace(b"<sheetData>", b'<sheetData><row r="1"><c r="A1" t="e"><v>#N/A</v></c></row>'),
    lambda part: part.replace(b"<sheetData>", b'<sheetData><row r="1"><c r="A1"><v>' + b"9" * 5000 + b"</v></c></row>"),
    lambda part: part.replace(b"<sheetData>", b"<sheetData>" + b"<row/>" * 100_000),
)
"""Sheets that say what is not so, or what nobody could hold."""


def old_workbooks(dice: random.Random, kind: ListKind) -> bytes:
    """xls with cells of every type and merged ranges; and damaged."""
    book = xlwt.Workbook(encoding="utf-8")
    sheet = book.add_sheet("名单", cell_overwrite_ok=True)
    dated = xlwt.easyxf(num_format_str="YYYY-MM-DD HH:MM")
    for line, row in enumerate(tables(dice, kind)):
        for column, text in enumerate(row[:256]):
            value = _typed(dice, text)
            if isinstance(value, str) and value.startswith("="):
                value = xlwt.Formula("1+1")
            style = dated if isinstance(value, datetime | date | time) else xlwt.Style.default_style
            sheet.write(line, column, value if not isinstance(value, timedelta) else str(value), style)
    if dice.randint(0, 3) == 0:
        sheet.merge(*dice.choice([(0, 0, 0, 2), (1, 3, 0, 0), (0, 300, 0, 200)]))
    saved = io.BytesIO()
    book.save(saved)
    return damaged(dice, (saved.getvalue())) if dice.randint(0, 5) == 0 else saved.getvalue()


def damaged(dice: random.Random, content: bytes) -> bytes:
    """As a rule whole; else bytes of it are others, missing, or too many."""
    match dice.randint(0, 15):
        case 0:
            return content[: dice.randint(0, len(content))]
        case 1:
            spoiled = bytearray(content)
            for _ in range(dice.randint(1, 20)):
                spoiled[dice.randint(0, max(0, len(spoiled) - 1))] = dice.randint(0, 255)
            return bytes(spoiled)
        case 2:
            at = dice.randint(0, len(content))
            return content[:at] + dice.randbytes(dice.randint(0, 40)) + content[at:]
        case _:
            return content


def a_list(dice: random.Random) -> tuple[ListKind, bytes]:
    """A kind of list, and a file."""
    kind = dice.choice(list(ListKind))
    return kind, dice.choice([text_files, text_files, workbooks, old_workbooks])(dice, kind)


def take_whole(units: UnitsOfWork, kind: ListKind, content: bytes, tally: Counter[str]) -> None:
    """Read, map, check, apply and undo a file; AssertionError if a row of it is lost on the way."""
    tally["files"] += 1
    try:
        made = bring(units, content, kind, source=f"fuzz {kind.value}")
    except ListRefusedError as refusal:
        tally[f"refused: {' '.join(str(refusal).split()[:6])}"] += 1
        return
    rows = rows_of(units, made)
    assert len(rows) == made.total
    if made.state is ImportState.READ:
        assert missing(made.mapping, kind), "a list that cannot be read wants a column"
        tally["unmapped files"] += 1
        return
    _add_up(made, rows, {RowState.READY, RowState.BAD, RowState.UNDECIDED})
    if not made.counts["ready"]:
        tally[f"{kind.value} files without a row"] += 1
        return
    write(units, made)
    written = rows_of(units, made)
    _add_up(_now(units, made), written, {RowState.APPLIED, RowState.BAD, RowState.UNDECIDED})
    for row in written:
        assert row.state is not RowState.APPLIED or row.patient_id, "whoever was written is somebody"
    if kind is ListKind.EXAM:
        tally["results"] += _all_there(units, written)
    tally.update(f"{kind.value} rows {row.state.value}" for row in written)
    undo(units, made)
    _add_up(_now(units, made), rows_of(units, made), {RowState.UNDONE, RowState.LEFT, RowState.BAD, RowState.UNDECIDED})


def _add_up(made: ListImport, rows: Sequence[ImportRow], states: set[RowState]) -> None:
    found = Counter(row.state for row in rows)
    assert set(found) <= states, found
    assert {state.value: found[state] for state in RowState} == {
        state.value: made.counts[state.value] for state in RowState
    }
    assert sum(found.values()) == made.total
    for row in rows:
        if row.state in {RowState.BAD, RowState.LEFT}:
            assert row.faults or made.rows_forgotten_at, "a row is refused with a reason"
        for each in (*row.faults, *row.remarks):
            assert each["code"]
            assert each["zh"]
            assert each["en"]


def _all_there(units: UnitsOfWork, rows: Sequence[ImportRow]) -> int:
    """Every result that a row made, or that was set aside, is kept: how many."""
    count = 0
    with units() as uow:
        for row in rows:
            for result in row.made.get("results", []):
                assert uow.observations.get(result) is not None
                count += 1
            for parked in row.made.get("unmapped_results", []):
                assert uow.unmapped_results.for_update(parked) is not None
                count += 1
    return count


def _now(units: UnitsOfWork, made: ListImport) -> ListImport:
    with units() as uow:
        found = uow.imports.get(made.id)
        assert found is not None
        return found


def _typed(dice: random.Random, text: str) -> Any:
    """A text as a person types it into a spreadsheet, which makes something else of it."""
    match dice.randint(0, 7):
        case 0 if text.isascii() and text.isdigit() and len(text) < 300:
            return float(text)
        case 1 if dice.random() < 0.5:
            return dice.choice(TYPED)
        case 2 if len(text) < 200:
            return f"={text}" if text.isalnum() and text.isascii() else text
        case _:
            return text[:32_000]


def _with_part(content: bytes, name: str, part: bytes) -> bytes:
    held = io.BytesIO(content)
    with zipfile.ZipFile(held, "a") as packed:
        packed.writestr(name, part)
    return held.getvalue()


def _with_sheet(content: bytes, change: Callable[[bytes], bytes]) -> bytes:
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as packed, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as other:
        for name in packed.namelist():
            part = packed.read(name)
            other.writestr(name, change(part) if name == "xl/worksheets/sheet1.xml" else part)
    return changed.getvalue()
