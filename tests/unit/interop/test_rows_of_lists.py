"""One row: what it says of person and visit, and every reason why it cannot be taken, each with its mend."""

from datetime import UTC, date, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care.identifiers import IdNumberRefusedError, check_place, id_card, masked_identifier
from followup.imports import ListKind
from interop.lists.columns import guess
from interop.lists.dates import DateRefusedError, read_date, read_time
from interop.lists.faults import Code, fault, in_one_line
from interop.lists.listed import ListedPerson, ListRules
from interop.lists.rows import understand
from tests.support.lists import HEADER, ZONE, id_number

NOW = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
GOOD = dict(zip(HEADER, ("A1", "李伟", "", "男", "13800000001", "心内科", "2026-11-20 10:00"), strict=True))


def read(
    kind: ListKind = ListKind.DISCHARGE, area_code: str = "", **cells: str
) -> ListedPerson | list[tuple[str, str]]:
    row = GOOD | cells
    header = tuple(row)
    rules = ListRules(
        kind=kind,
        header=header,
        mapping=guess(header, kind, {}),
        zone=ZONE,
        now=NOW,
        templates=frozenset({"HF"}),
        area_code=area_code,
    )
    found = understand(7, list(row.values()), rules)
    return found if isinstance(found, ListedPerson) else [(each["column"], each["code"]) for each in found]


@pytest.mark.parametrize(
    ("text", "day", "hour"),
    [
        ("2026/11/20 10:00", date(2026, 11, 20), time(10)),
        ("2026年11月20日", date(2026, 11, 20), None),
        ("2026年11月20日 下午3时30分", date(2026, 11, 20), time(15, 30)),
        ("20261120", date(2026, 11, 20), None),
        ("20261120103000", date(2026, 11, 20), time(10, 30)),
        ("46346", date(2026, 11, 20), None),
        ("46346.4375", date(2026, 11, 20), time(10, 30)),
        ("２０２６－１１－２０", date(2026, 11, 20), None),
        ("2026.11.20", date(2026, 11, 20), None),
        ("2026-11-20T10:00:00", date(2026, 11, 20), time(10)),
        ("2026-11-20 (周五) 08:00-08:30", date(2026, 11, 20), time(8)),
        ("20/11/2026", date(2026, 11, 20), None),
        ("Nov 20, 2026 3:30 pm", date(2026, 11, 20), time(15, 30)),
        ("5/5/2026", date(2026, 5, 5), None),
    ],
)
def test_dates_are_read_as_people_and_programs_write_them(text: str, day: date, hour: time | None) -> None:
    found = read_date(text)
    assert (found.day, found.hour) == (day, hour)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("03/04/2026", "ambiguous"),
        ("2026-02-30", "no_such_day"),
        ("26-11-20", "unknown_form"),
        ("明天", "unknown_form"),
        ("2026-11-20 25:00", "no_such_time"),
    ],
)
def test_what_could_be_two_days_or_none_is_refused(text: str, code: str) -> None:
    with pytest.raises(DateRefusedError) as refused:
        read_date(text)
    assert refused.value.code == code


FIRST, LAST = datetime(2000, 1, 1), datetime(2050, 1, 1)  # noqa: DTZ001 lists write no zone
FORMS = ("%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M", "%Y%m%d%H%M", "%Y年%m月%d日 %H时%M分", "%Y.%m.%d %H:%M")


@given(st.datetimes(FIRST, LAST), st.sampled_from(FORMS))
def test_every_day_and_minute_comes_back(moment: datetime, form: str) -> None:
    found = read_date(moment.strftime(form))
    assert (found.day, found.hour) == (moment.date(), moment.time().replace(second=0, microsecond=0))


def test_hours_need_their_half_of_the_day() -> None:
    assert [read_time(text) for text in ("下午3点", "9:05", "0.4375", "上午 08:30-09:00")] == [
        time(15), time(9, 5), time(10, 30), time(8, 30),
    ]  # fmt: skip
    for text in ("3", "上午", "26:00"):
        with pytest.raises(DateRefusedError):
            read_time(text)


@given(st.dates(date(1900, 1, 1), date(2026, 1, 1)), st.integers(0, 999), st.integers(0, 16), st.integers(1, 9))
def test_a_wrong_digit_in_an_id_card_is_found(born: date, place: int, at: int, more: int) -> None:
    number = id_number(place, born)
    card = id_card(f" {number[:6]} {number[6:].lower()}")
    assert (card.born, card.sex) == (born, "male" if place % 2 else "female")
    wrong = number[:at] + str((int(number[at]) + more) % 10) + number[at + 1 :]
    with pytest.raises(IdNumberRefusedError):
        id_card(wrong)


def test_an_old_card_of_fifteen_digits_gets_its_century_and_check_place() -> None:
    old = "999999600302003"
    assert id_card(old).number == "99999919600302003" + check_place("99999919600302003")


@pytest.mark.parametrize("text", ["1.1010119E+17", "1.1010119900101123E+17", "110101199001011000.0"])
def test_an_id_that_became_a_float_is_refused_with_the_mend(text: str) -> None:
    assert read(身份证号=text) == [("身份证号", "lost_digits")]
    told = in_one_line((fault("身份证号", Code.LOST_DIGITS),))
    assert "文本" in told
    assert "format the column as text" in told


def test_a_row_says_who_when_and_by_which_numbers() -> None:
    card = id_number(1)
    person = read(身份证号=card, 性别="", 联系电话="本人138 0000 0001，儿子13900000002 / 120")
    assert isinstance(person, ListedPerson)
    assert person.visit is not None
    assert person.visit.occurred_at.astimezone(UTC) == datetime(2026, 11, 20, 2, tzinfo=UTC)
    assert [(each.number, each.owner.value, each.label) for each in person.numbers] == [
        ("+8613800000001", "self", "本人"),
        ("+8613900000002", "relative", "儿子"),
    ]
    assert [remark["code"] for remark in person.remarks] == ["number_short"]
    assert person.keys == (("record_number", "A1"), ("id_card", card))
    assert (person.born, person.sex) == (date(1960, 3, 2), "male")
    assert masked_identifier(card) == "*" * 14 + card[-4:]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({"姓名": " "}, [("姓名", "no_name")]),
        ({"病案号": ""}, [("", "no_identity")]),
        ({"病案号": "1.2E+12"}, [("病案号", "lost_digits")]),
        ({"联系电话": "120"}, [("联系电话", "number_short")]),
        ({"联系电话": "65529988"}, [("联系电话", "number_area_code")]),
        ({"联系电话": "1380000000"}, [("联系电话", "number_invalid")]),
        ({"联系电话": "1.38E+10"}, [("联系电话", "lost_digits")]),
        ({"出院科室": ""}, [("出院科室", "no_department")]),
        ({"出院日期": ""}, [("出院日期", "no_date")]),
        ({"出院日期": "2026-11-25"}, [("出院日期", "not_yet")]),
        ({"出院日期": "2024-11-25"}, [("出院日期", "too_old")]),
        ({"性别": "?"}, [("性别", "unknown_sex")]),
        ({"姓名": "#N/A"}, [("姓名", "cell_error"), ("姓名", "no_name")]),
        ({"身份证号": id_number(1), "出生日期": "1961-01-01"}, [("出生日期", "birth_differs")]),
        ({"身份证号": id_number(2)}, [("性别", "sex_differs")]),
        ({"身份证号": id_number(1)[:-1] + "?"}, [("身份证号", "id_form")]),
        ({"身份证号": "999999196013320019"}, [("身份证号", "id_birth")]),
        ({"出生日期": "2030-01-01"}, [("出生日期", "birth_impossible")]),
        ({"时区": "Mars/Base"}, [("时区", "unknown_zone")]),
        ({"语言": "法语"}, [("语言", "unknown_language")]),
        ({"随访方案": "XX"}, [("随访方案", "unknown_template")]),
        ({"同意随访": "也许"}, [("同意随访", "unknown_consent")]),
    ],
)
def test_each_fault_is_named_by_its_column(cells: dict[str, str], expected: list[tuple[str, str]]) -> None:
    assert read(ListKind.DISCHARGE, "", **cells) == expected


def test_an_appointment_lies_ahead_and_has_an_hour_perhaps_in_a_column_of_its_own() -> None:
    person = read(ListKind.APPOINTMENT, 出院日期="2026-12-01", 时间="上午9:30")
    assert isinstance(person, ListedPerson)
    assert person.visit is not None
    assert f"{person.visit.occurred_at:%H:%M}" == "09:30"
    assert read(ListKind.APPOINTMENT, 出院日期="2026-12-01") == [("出院日期", "no_hour")]
    assert read(ListKind.APPOINTMENT, 出院日期="2026-11-20 10:00") == [("出院日期", "past")]
    assert read(ListKind.APPOINTMENT, 出院日期="2030-11-20 10:00") == [("出院日期", "too_far")]


def test_a_landline_gets_the_hospitals_area_code() -> None:
    person = read(area_code="010", 联系电话="6552 9988转801")
    assert isinstance(person, ListedPerson)
    assert [(each.number, each.label) for each in person.numbers] == [("+861065529988", "转801")]
