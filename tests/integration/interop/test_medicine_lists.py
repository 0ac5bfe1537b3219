"""Lists of medicines: handed out and prescribed, days covered, corrected, taken back, stopped, undone, done again."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import pytest

from care.medicines import Dispense, MedicineState, MedicineStatement, coverage_of
from db.engine import make_engine
from db.unit_of_work import UnitsOfWork
from followup.events import EventKind
from followup.imports import ImportState, ListImport, ListKind, RowState
from interop.lists.columns import guess, missing
from tests.support.lists import ZONE, as_csv, as_xlsx, bring, rows_of, undo, write

HEADER = (
    "病案号", "姓名", "药品名称", "ATC编码", "药品编码", "单次剂量", "频次", "发药日期", "用药天数", "处方号",
    "停药日期",
)  # fmt: skip


@pytest.fixture(scope="module")
def units(module_database_url: str) -> Iterator[UnitsOfWork]:
    engine = make_engine(module_database_url)
    yield UnitsOfWork(engine)
    engine.dispose()


def today() -> date:
    return datetime.now(UTC).astimezone(ZONE).date()


def ago(days: int) -> str:
    return (today() - timedelta(days=days)).isoformat()


def statin(record: str, back: int, days: str = "30", **cells: str) -> list[str]:
    row = dict(
        zip(
            HEADER,
            (record, f"测试{record}", "阿托伐他汀", "C10AA05", "X-77", "20mg", "每晚一次", ago(back), days, "", ""),
            strict=True,
        )
    )
    return list((row | cells).values())


def as_gb18030(rows: Sequence[Sequence[str]]) -> bytes:
    return as_csv(rows, header=HEADER, encoding="gb18030")


def brought(units: UnitsOfWork, *rows: Sequence[str], source: str = "药房") -> ListImport:
    made = bring(units, as_gb18030(rows), ListKind.MEDICINE, source=source)
    write(units, made)
    return made


def who(units: UnitsOfWork, made: ListImport, line: int = 2) -> str:
    (row,) = [row for row in rows_of(units, made) if row.line == line]
    assert row.patient_id is not None
    return row.patient_id


def taken(units: UnitsOfWork, patient_id: str) -> list[MedicineStatement]:
    with units() as uow:
        return list(uow.medicines.current_of(patient_id))


def supplies(units: UnitsOfWork, patient_id: str) -> list[Dispense]:
    with units() as uow:
        return list(uow.medicines.dispenses_of(patient_id))


def lasting(units: UnitsOfWork, patient_id: str) -> list[int]:
    return [each.days_supplied for each in supplies(units, patient_id)]


def remarks(units: UnitsOfWork, made: ListImport) -> list[str]:
    return [remark["code"] for row in rows_of(units, made) for remark in row.remarks]


def test_headers_of_pharmacies_are_known_and_do_not_disturb_other_lists() -> None:
    assert list(guess(HEADER, ListKind.MEDICINE, {}).values()) == [
        "record_number", "name", "medicine", "atc", "medicine_code", "dose", "schedule", "date", "days",
        "dispense_number", "until",
    ]  # fmt: skip
    english = ("MRN", "Name", "Drug name", "Dispensed on", "Days supply", "Sig", "Expiry")
    assert list(guess(english, ListKind.MEDICINE, {}).values()) == [
        "record_number", "name", "medicine", "date", "days", "schedule", "",
    ]  # fmt: skip
    assert missing(guess(("姓名", "病案号"), ListKind.MEDICINE, {}), ListKind.MEDICINE) == ["medicine", "date"]
    assert "days" not in guess(HEADER, ListKind.EXAM, {}).values()
    assert guess(("姓名", "病案号", "药名", "生产日期"), ListKind.MEDICINE, {})["生产日期"] == ""


def test_days_covered_are_reckoned_from_a_pharmacys_list(units: UnitsOfWork) -> None:
    made = brought(units, statin("M1", 99), statin("M1", 59, "30天"))
    assert made.encoding == "gb18030"
    patient_id = who(units, made)
    (covered,) = coverage_of(supplies(units, patient_id), starts_on=today() - timedelta(days=179), ends_on=today())
    assert (covered.code, covered.days_covered, covered.days, covered.share) == ("C10AA05", 60, 100, 0.6)
    (medicine,) = taken(units, patient_id)
    assert (medicine.name, medicine.code, medicine.dose, medicine.schedule) == (
        "阿托伐他汀", "C10AA05", "20mg", "每晚一次",
    )  # fmt: skip
    assert (medicine.since, medicine.state, medicine.source) == (
        today() - timedelta(days=99), MedicineState.ACTIVE, "list:药房",
    )  # fmt: skip
    with units() as uow:
        told = [row.subject for row in uow.outbox.unpublished() if row.kind == EventKind.RECORD_CHANGED]
    assert told.count(patient_id) == 1


def test_a_workbook_with_real_dates_and_numbers_is_read(units: UnitsOfWork) -> None:
    row = [
        "M2",
        "测试M2",
        "二甲双胍",
        "A10BA02",
        "",
        "0.5g",
        "一日三次",
        today() - timedelta(days=3),
        14.0,
        10086.0,
        None,
    ]
    made = bring(units, as_xlsx([row], header=HEADER), ListKind.MEDICINE, source="药房")
    write(units, made)
    (supply,) = supplies(units, who(units, made))
    assert (supply.dispensed_on, supply.days_supplied, supply.source_key) == (
        today() - timedelta(days=3), 14, "10086:A10BA02",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        ({"药品名称": ""}, "no_medicine"),
        ({"药品名称": "药" * 121}, "too_long"),
        ({"ATC编码": "他汀"}, "atc_form"),
        ({"发药日期": ""}, "no_date"),
        ({"发药日期": "2999-01-01"}, "medicine_ahead"),
        ({"发药日期": "0001-01-01"}, "long_ago"),
        ({"用药天数": "1个月"}, "days_form"),
        ({"用药天数": "401"}, "days_form"),
        ({"用药天数": "-30"}, "days_form"),
        ({"用药天数": "14.5"}, "days_form"),
        ({"停药日期": "2001-01-01"}, "ends_before"),
        ({"病案号": ""}, "no_identity"),
        ({"处方号": "1.1010119E+17"}, "lost_digits"),
    ],
)
def test_a_row_that_cannot_be_taken_says_why(units: UnitsOfWork, cells: Mapping[str, str], code: str) -> None:
    made = bring(units, as_gb18030([statin("B1", 3, **cells)]), ListKind.MEDICINE)
    (row,) = rows_of(units, made)
    assert (row.state, [each["code"] for each in row.faults]) == (RowState.BAD, [code])


def test_a_new_dose_is_a_version_an_older_one_is_not_and_an_empty_cell_says_nothing(units: UnitsOfWork) -> None:
    made = brought(units, statin("V1", 60), statin("V1", 30, 单次剂量="40mg"), statin("V1", 1, 单次剂量="", 频次=""))
    patient_id = who(units, made)
    (medicine,) = taken(units, patient_id)
    assert (medicine.dose, medicine.version, medicine.since) == ("40mg", 2, today() - timedelta(days=30))
    late = brought(units, statin("V1", 90, 单次剂量="10mg"))
    assert remarks(units, late) == ["medicine_older"]
    assert [each.dose for each in taken(units, patient_id)] == ["40mg"]
    assert lasting(units, patient_id) == [30, 30, 30, 30]


def test_a_stopped_medicine_is_stopped_and_a_later_supply_begins_it_anew(units: UnitsOfWork) -> None:
    made = brought(units, statin("S1", 60, 停药日期=ago(20)))
    patient_id = who(units, made)
    assert [each.state for each in taken(units, patient_id)] == [MedicineState.STOPPED]
    brought(units, statin("S1", 5))
    (medicine,) = taken(units, patient_id)
    assert (medicine.state, medicine.until, medicine.since) == (
        MedicineState.ACTIVE, None, today() - timedelta(days=5),
    )  # fmt: skip


def test_what_is_returned_covers_nothing_and_only_what_was_handed_out_can_be(units: UnitsOfWork) -> None:
    made = brought(units, statin("R1", 40, 处方号="P-1"), statin("R1", 38, "0", 处方号="P-1"), statin("R1", 9, "0"))
    patient_id = who(units, made)
    (supply,) = supplies(units, patient_id)
    assert (supply.days_supplied, supply.dispensed_on) == (0, today() - timedelta(days=40))
    assert remarks(units, made) == ["nothing_taken_back"]


def test_the_same_again_changes_nothing_and_a_correction_counts_until_it_is_undone(units: UnitsOfWork) -> None:
    first = brought(units, statin("C1", 50))
    patient_id = who(units, first)
    again = brought(units, statin("C1", 50))
    assert rows_of(units, again)[0].made == {}
    corrected = brought(units, statin("C1", 50, "14", 单次剂量="10mg"))
    assert remarks(units, corrected) == ["dispense_replaced"]
    assert (lasting(units, patient_id), [each.dose for each in taken(units, patient_id)]) == ([14], ["10mg"])
    undo(units, corrected)
    assert rows_of(units, corrected)[0].state is RowState.UNDONE
    assert (lasting(units, patient_id), [each.dose for each in taken(units, patient_id)]) == ([30], ["20mg"])
    # What counts again is still the first list's, so that it can be undone as well.
    undo(units, first)
    assert lasting(units, patient_id) == [0]
    assert [each.state for each in taken(units, patient_id)] == [MedicineState.ENTERED_IN_ERROR]
    with units() as uow:
        assert len(uow.medicines.versions_of(taken(units, patient_id)[0].id)) == 4
    third = brought(units, statin("C1", 50))
    assert (lasting(units, patient_id), [each.state for each in taken(units, patient_id)]) == (
        [30], [MedicineState.ACTIVE],
    )  # fmt: skip
    assert rows_of(units, third)[0].remarks == ()


def test_a_list_with_several_versions_of_one_medicine_is_undone_whole(units: UnitsOfWork) -> None:
    doses = ("10mg", "20mg", "40mg")
    rows = [statin("U1", 90 - 30 * place, 单次剂量=dose) for place, dose in enumerate(doses)]
    made = brought(units, *rows)
    patient_id = who(units, made)
    assert [each.version for each in taken(units, patient_id)] == [3]
    undo(units, made)
    assert [each.state for each in taken(units, patient_id)] == [MedicineState.ENTERED_IN_ERROR]
    assert lasting(units, patient_id) == [0, 0, 0]
    # He stays, because rows of medicines are never removed, and the row that brought him says so.
    assert [row.state for row in rows_of(units, made)] == [RowState.LEFT, RowState.UNDONE, RowState.UNDONE]


def test_what_a_newer_list_told_is_not_undone_with_an_older_one(units: UnitsOfWork) -> None:
    first = brought(units, statin("N1", 50))
    brought(units, statin("N1", 50, "14"))
    brought(units, statin("N1", 50, "30"))
    undo(units, first)
    assert lasting(units, who(units, first)) == [30]
    (row,) = rows_of(units, first)
    assert row.state is RowState.LEFT
    assert any("dispenses: a newer version" in each["en"] for each in row.faults)


def test_medicines_come_for_the_dead_and_nobody_is_called_for_them(units: UnitsOfWork) -> None:
    made = brought(units, statin("D1", 50))
    with units() as uow:
        person = uow.patients.get(who(units, made))
        assert person is not None
        person.deceased_at = uow.now
        uow.commit()
    late = bring(units, as_gb18030([statin("D1", 20)]), ListKind.MEDICINE)
    assert (late.state, late.counts["ready"]) == (ImportState.CHECKED, 1)
