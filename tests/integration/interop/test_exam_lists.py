"""Lists of exams: a result in each row or in each column, GB18030 and Excel, parked, corrected, undone, done again."""

from collections.abc import Iterator, Sequence

import pytest

from care.concepts import MappedCode
from db.engine import make_engine
from db.unit_of_work import UnitsOfWork
from followup.imports import ImportRow, ImportState, ListImport, ListKind, RowState
from interop.lists.applying import apply_import, ask_to_apply
from interop.lists.columns import ListField, guess, missing
from interop.lists.exams import measured_by
from interop.lists.receiving import ListOrder, receive_file
from interop.lists.undoing import ask_to_undo, undo_import
from interop.results import settle_all
from tests.support.lists import SURROUNDINGS, as_csv, as_xlsx

LONG = ("病案号", "姓名", "检验项目", "结果", "单位", "参考范围", "采样时间", "标本号")
WIDE = (
    "病案号", "姓名", "性别", "体检日期",
    "身高(cm)", "体重(kg)", "血压", "空腹血糖（mmol/L）", "低密度脂蛋白(LDL-C)", "结论",
)  # fmt: skip


@pytest.fixture(scope="module")
def units(module_database_url: str) -> Iterator[UnitsOfWork]:
    engine = make_engine(module_database_url)
    yield UnitsOfWork(engine)
    engine.dispose()


def bring(units: UnitsOfWork, content: bytes, *, source: str = "check-up") -> ListImport:
    with units() as uow:
        made = receive_file(uow, content, ListOrder(kind=ListKind.EXAM, source=source), SURROUNDINGS)
        uow.commit()
    return made


def write(units: UnitsOfWork, made: ListImport) -> None:
    with units() as uow:
        held = uow.imports.locked(made.id)
        assert held is not None
        ask_to_apply(uow, held, by=None)
        uow.commit()
    apply_import(units, made.id, SURROUNDINGS)


def rows_of(units: UnitsOfWork, made: ListImport) -> list[ImportRow]:
    with units() as uow:
        return list(uow.imports.rows(made.id, limit=1000))


def undo(units: UnitsOfWork, made: ListImport) -> None:
    with units() as uow:
        held = uow.imports.locked(made.id)
        assert held is not None
        ask_to_undo(uow, held, by=None)
        uow.commit()
    undo_import(units, made.id)


def values_of(units: UnitsOfWork, made: ListImport, line: int) -> dict[str, float | None]:
    (row,) = [row for row in rows_of(units, made) if row.line == line]
    assert row.patient_id is not None
    with units() as uow:
        return {each.code: each.value for each in uow.observations.page(row.patient_id)}


def glucose(record: str, value: str, *, unit: str = "mmol/L", item: str = "空腹血糖", sample: str = "S1") -> list[str]:
    return [record, f"测试{record}", item, value, unit, "3.9-6.1", "2025-03-01 08:30", sample]


def as_gb18030(rows: Sequence[Sequence[str]]) -> bytes:
    return as_csv(rows, header=LONG, encoding="gb18030")


def test_headers_of_exams_are_known_and_do_not_disturb_other_lists() -> None:
    measured = measured_by(SURROUNDINGS.content, "check-up")
    mapped = guess(WIDE, ListKind.EXAM, {}, measured)
    assert [name for name in WIDE if mapped[name] == ListField.RESULT.value] == list(WIDE[4:9])
    assert mapped["体检日期"] == "date"
    assert missing(mapped, ListKind.EXAM) == []
    assert list(guess(LONG, ListKind.EXAM, {}, measured).values()) == [
        "record_number", "name", "item", "value", "unit", "reference", "date", "sample_number",
    ]  # fmt: skip
    assert missing(guess(("姓名", "病案号"), ListKind.EXAM, {}, measured), ListKind.EXAM) == ["date", "result"]
    assert "value" not in guess(LONG, ListKind.DISCHARGE, {}, measured).values()


def test_a_result_in_each_row_of_a_gb18030_file_in_two_units_comes_into_one(units: UnitsOfWork) -> None:
    made = bring(units, as_gb18030([glucose("L1", "104", unit="mg/dL"), glucose("L2", "5.9")]))
    assert (made.encoding, made.state, made.counts["ready"]) == ("gb18030", ImportState.CHECKED, 2)
    write(units, made)
    assert values_of(units, made, 2) == {"glucose_fasting": 5.77}
    assert values_of(units, made, 3) == {"glucose_fasting": 5.9}
    with units() as uow:
        (found,) = uow.observations.page(rows_of(units, made)[1].patient_id or "")
        assert (found.source, found.reference_low, found.reference_high) == ("list:check-up", 3.9, 6.1)
        assert found.taken_at.isoformat() == "2025-03-01T00:30:00+00:00"


def test_a_check_up_in_excel_with_a_column_for_each_result(units: UnitsOfWork) -> None:
    row = ["W1", "测试甲", "男", "2025-03-01", "170", "72", "146/84", "5.6", "3.1", "未见异常"]
    made = bring(units, as_xlsx([row], header=WIDE))
    before = rows_of(units, made)
    write(units, made)
    assert [each.remarks for each in rows_of(units, made)] == [each.remarks for each in before]
    assert values_of(units, made, 2) == {
        "height": 170, "weight": 72, "systolic": 146, "diastolic": 84, "glucose_fasting": 5.6,
    }  # fmt: skip
    # No unit stands beside the LDL, and mg/dL is as usual as mmol/L: it waits, and the preview has said so.
    (parked,) = [remark for each in rows_of(units, made) for remark in each.remarks]
    assert (parked["code"], parked["column"]) == ("result_parked", "低密度脂蛋白(LDL-C)")
    with units() as uow:
        assert uow.unmapped_results.count_waiting("list:check-up", "LDL-C") == 1
        position = uow.unmapped_results.decide(
            "list:check-up", "LDL-C", MappedCode(concept="ldl", unit="mmol/L"), reason="asked", by=None, at=uow.now
        )
        uow.commit()
    assert settle_all(units, SURROUNDINGS.content, position) == 1
    assert values_of(units, made, 2)["ldl"] == 3.1


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        ({"采样时间": ""}, "no_date"),
        ({"采样时间": "2999-01-01"}, "exam_ahead"),
        ({"采样时间": "nearly spring"}, "date_form"),
        ({"结果": ""}, "no_result"),
        ({"结果": "#N/A"}, "cell_error"),
        ({"病案号": ""}, "no_identity"),
        ({"姓名": ""}, "no_name"),
    ],
)
def test_a_row_that_cannot_be_taken_says_why(units: UnitsOfWork, cells: dict[str, str], code: str) -> None:
    row = dict(zip(LONG, glucose("B1", "5.9"), strict=True)) | cells
    made = bring(units, as_gb18030([list(row.values())]))
    (read,) = rows_of(units, made)
    assert read.state is RowState.BAD
    assert code in {each["code"] for each in read.faults}


def test_the_same_list_again_changes_nothing_and_a_corrected_one_takes_its_place_until_it_is_undone(
    units: UnitsOfWork,
) -> None:
    first = bring(units, as_gb18030([glucose("C1", "5.9")]))
    write(units, first)
    again = bring(units, as_gb18030([glucose("C1", "5.9")]))
    write(units, again)
    assert rows_of(units, again)[0].made.get("results") is None
    corrected = bring(units, as_gb18030([glucose("C1", "6.9")]))
    write(units, corrected)
    assert values_of(units, corrected, 2) == {"glucose_fasting": 6.9}
    undo(units, corrected)
    assert rows_of(units, corrected)[0].state is RowState.UNDONE
    assert values_of(units, first, 2) == {"glucose_fasting": 5.9}
    third = bring(units, as_gb18030([glucose("C1", "6.9")]))
    write(units, third)
    assert values_of(units, first, 2) == {"glucose_fasting": 6.9}
    # The first list brought the person, who has results in newer versions: he stays, and the row says so.
    undo(units, first)
    (left,) = rows_of(units, first)
    assert left.state is RowState.LEFT
    assert any("results" in each["en"] for each in left.faults)
    assert values_of(units, third, 2) == {"glucose_fasting": 6.9}


def test_what_was_parked_by_a_list_goes_with_it_and_comes_again(units: UnitsOfWork) -> None:
    rows = [glucose("P1", "104", unit="mg/dL", item="GLU-X")]
    made = bring(units, as_gb18030(rows), source="laboratory")
    write(units, made)
    with units() as uow:
        assert uow.unmapped_results.count_waiting("list:laboratory", "GLU-X") == 1
    undo(units, made)
    with units() as uow:
        assert uow.unmapped_results.count_waiting("list:laboratory", "GLU-X") == 0
    write(units, bring(units, as_gb18030(rows), source="laboratory"))
    with units() as uow:
        assert uow.unmapped_results.count_waiting("list:laboratory", "GLU-X") == 1


def test_results_come_for_somebody_without_a_telephone_and_for_the_dead(units: UnitsOfWork) -> None:
    made = bring(units, as_gb18030([glucose("D1", "5.9")]))
    write(units, made)
    patient_id = rows_of(units, made)[0].patient_id
    assert patient_id is not None
    with units() as uow:
        person = uow.patients.get(patient_id)
        assert person is not None
        person.deceased_at = uow.now
        uow.commit()
    late = bring(units, as_gb18030([glucose("D1", "7.1", sample="S2")]))
    assert late.counts["ready"] == 1
