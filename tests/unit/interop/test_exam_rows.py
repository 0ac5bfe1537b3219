"""Rows of exams, whatever stands in their cells: read, or refused with reasons; never a crash."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from followup.imports import ListKind
from interop.lists.columns import ListField
from interop.lists.listed import ListedPerson, ListRules
from interop.lists.rows import name_and_unit, understand

HEADER = ("病案号", "姓名", "日期", "项目", "结果", "单位", "报告时间", "血压", "空腹血糖(mmol/L)")
FIELDS = (
    ListField.RECORD_NUMBER,
    ListField.NAME,
    ListField.DATE,
    ListField.ITEM,
    ListField.VALUE,
    ListField.UNIT,
    ListField.REPORTED,
    ListField.RESULT,
    ListField.RESULT,
)
RULES = ListRules(
    kind=ListKind.EXAM,
    header=HEADER,
    mapping={name: field.value for name, field in zip(HEADER, FIELDS, strict=True)},
    zone=ZoneInfo("Asia/Shanghai"),
    now=datetime(2026, 11, 22, tzinfo=UTC),
    templates=frozenset(),
)
GOOD = ("A1", "测试", "2025-03-01 08:30", "总胆固醇", "5.1", "mmol/L", "2025-03-01 11:00", "146/84", "5.6")


def test_a_row_may_have_a_result_of_its_own_and_others_in_columns() -> None:
    read = understand(2, GOOD, RULES)
    assert isinstance(read, ListedPerson)
    assert read.exam is not None
    assert [(each.code, each.name, each.value, each.unit) for each in read.exam.results] == [
        ("", "总胆固醇", "5.1", "mmol/L"),
        ("血压", "血压", "146/84", ""),
        ("空腹血糖", "空腹血糖(mmol/L)", "5.6", "mmol/L"),
    ]
    assert read.exam.taken_at.isoformat() == "2025-03-01T08:30:00+08:00"
    assert read.visit is None


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("身高（cm）", ("身高", "cm")),
        ("体重[kg]", ("体重", "kg")),
        ("血压", ("血压", "")),
        ("低密度脂蛋白(LDL-C)", ("低密度脂蛋白", "LDL-C")),
        ("(#)", ("(#)", "")),
        ("", ("", "")),
    ],
)
def test_a_header_names_what_was_measured_and_its_unit_in_brackets(header: str, wanted: tuple[str, str]) -> None:
    assert name_and_unit(header) == wanted


@given(st.tuples(*(st.one_of(st.just(good), st.text(max_size=30)) for good in GOOD)))
def test_no_cell_is_too_strange(cells: tuple[str, ...]) -> None:
    read = understand(2, cells, RULES)
    if isinstance(read, ListedPerson):
        assert read.exam is not None
        assert read.exam.results
        assert read.exam.taken_at.tzinfo is not None
    else:
        assert all(each["code"] and each["zh"] and each["en"] for each in read)
