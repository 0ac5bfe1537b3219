"""Figures as files for a spreadsheet: a workbook with its definitions, or CSV that opens without a question."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.worksheet._write_only import WriteOnlyWorksheet

from followup.indicators import BY_CODE, Figure, Shape
from reports.indicators import FigureTable
from runtime.content.indicators import IndicatorsDocument

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv; charset=utf-8"

Value = str | float | None

HEADER = {
    "zh": ("对象", "指标", "分子", "分母", "数值", "单位", "95%区间下限", "95%区间上限", "P90", "提示"),
    "en": ("of", "indicator", "numerator", "denominator", "value", "unit", "95 % low", "95 % high", "P90", "warning"),
}
DEFINITIONS = {
    "zh": ("指标", "分子", "分母", "排除", "计入日期"),
    "en": ("indicator", "numerator", "denominator", "left out", "counted by"),
}
TOTAL = {"zh": "合计", "en": "all"}
NOBODY = {"zh": "未注明", "en": "not told"}
SMALL = {"zh": "样本不足30", "en": "fewer than 30"}
HIDDEN = {"zh": "不足10份，不显示", "en": "fewer than 10, not shown"}
UNITS: dict[Shape, Mapping[str, str]] = {
    Shape.COUNT: {"zh": "例", "en": "tasks"},
    Shape.PERCENT: {"zh": "%", "en": "%"},
    Shape.BALANCE: {"zh": "净值", "en": "net"},
    Shape.COMPOSITE: {"zh": "%", "en": "%"},
    Shape.RATIO: {"zh": "次", "en": "calls"},
    Shape.MEAN: {"zh": "分", "en": "of 5"},
    Shape.SECONDS: {"zh": "秒", "en": "s"},
    Shape.MEDIAN_SECONDS: {"zh": "秒（中位数）", "en": "s (median)"},
    Shape.MEDIAN_DAYS: {"zh": "工作日（中位数）", "en": "working days (median)"},
    Shape.PER_THOUSAND: {"zh": "‰", "en": "per 1 000"},
    Shape.PER_TEN_THOUSAND: {"zh": "每万人次", "en": "per 10 000"},
}

# A spreadsheet would calculate what begins so.
_CALCULATED = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureFile:
    """A table of figures, the words of its definitions, and the language to write it in."""

    table: FigureTable
    words: IndicatorsDocument
    language: str
    watermark: str  # who took it, when and what for

    def workbook(self) -> bytes:
        """An xlsx file: figures, definitions."""
        book = Workbook(write_only=True)
        figures = book.create_sheet("figures")
        for line in ((self.watermark,), HEADER[self.language], *self._lines()):
            _append(figures, line)
        definitions = book.create_sheet("definitions")
        for line in (DEFINITIONS[self.language], *self._definitions()):
            _append(definitions, line)
        written = io.BytesIO()
        book.save(written)
        return written.getvalue()

    def comma_separated(self) -> bytes:
        """A CSV file in UTF-8 with the mark by which spreadsheets know it."""
        written = io.StringIO(newline="")
        lines = csv.writer(written)
        for line in (HEADER[self.language], *self._lines()):
            lines.writerow([_harmless(value) for value in line])
        return b"\xef\xbb\xbf" + written.getvalue().encode()

    def _lines(self) -> Iterable[Sequence[Value]]:
        for told in self.table.total:
            yield self._line(TOTAL[self.language], told)
        for row in self.table.rows:
            for told in row.figures:
                yield self._line(row.name or NOBODY[self.language], told)

    def _line(self, name: str, told: Figure) -> Sequence[Value]:
        warning = HIDDEN if told.hidden else SMALL if told.small else None
        return (
            name,
            self.words.indicators[told.code].title.in_language(self.language),
            told.numerator,
            told.denominator,
            told.value,
            UNITS[BY_CODE[told.code].shape][self.language],
            told.low,
            told.high,
            told.ninetieth,
            warning[self.language] if warning else "",
        )

    def _definitions(self) -> Iterable[Sequence[Value]]:
        for told in self.table.total:
            words = self.words.indicators[told.code]
            of = self.words.families[BY_CODE[told.code].families[0]]
            yield tuple(
                text.in_language(self.language)
                for text in (words.title, words.numerator, words.denominator, words.excluded, of)
            )


def _append(sheet: WriteOnlyWorksheet, line: Sequence[Value]) -> None:
    cells = []
    for value in line:
        cell = WriteOnlyCell(sheet, value=value)
        if isinstance(value, str):
            cell.data_type = "s"
            cell.number_format = "@"
        cells.append(cell)
    sheet.append(cells)


def _harmless(value: Value) -> Value:
    return f"'{value}" if isinstance(value, str) and value.startswith(_CALCULATED) else value
