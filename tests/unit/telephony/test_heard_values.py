"""What the benchmark of sentences takes for understood: the value counts, not the characters it is written with."""

import pytest

from benchmarks.heard_values import misheard, true_values

MOMENT = {"appointment_at": "2026-12-08T14:15"}
WEIGHT = {"weight": "63.2"}


@pytest.mark.parametrize(
    ("values", "language", "transcript"),
    [
        (MOMENT, "zh", "您的门诊预约时间是十二月八号星期二下午两点十五分"),
        (MOMENT, "zh", "预约时间事12月8号,星期二,下午2点15分。"),
        (MOMENT, "zh", "預約時間是12月8日星期二下午2點一刻"),
        (MOMENT, "zh", "时间是12月8号星期二下午2:15"),
        (MOMENT, "en", "Your appointment is on Tuesday, December the 8th, at 2.15 in the afternoon."),
        (MOMENT, "en", "on tuesday december the eighth at two fifteen in the afternoon"),
        (MOMENT, "en", "Tuesday December 8th, 2:15 p.m."),
        (MOMENT, "en", "on Tuesday, December, the 8th, at 2, 15 and the afternoon."),
        (WEIGHT, "zh", "您输入的是六十三点二公斤"),
        (WEIGHT, "zh", "您输入的事63.2公金"),
        (WEIGHT, "en", "You entered sixty-three point two kilograms."),
        ({"weight": "105.5"}, "en", "You entered one hundred and five point five kilograms."),
        ({"weight": "105.5"}, "zh", "您输入的是一百零五点五公斤"),
        ({"appointment_at": "2026-01-31T19:05"}, "zh", "时间是1月30以后星期六晚上七点零五分"),
    ],
)
def test_a_value_is_understood_however_it_is_written(values: dict[str, str], language: str, transcript: str) -> None:
    assert misheard(true_values(values), transcript, language) == []


@pytest.mark.parametrize(
    ("values", "language", "transcript", "wrong"),
    [
        (MOMENT, "zh", "时间是二月八号星期二下午两点十五分", ["date"]),
        (MOMENT, "zh", "时间是十二月十八号星期三上午两点十五分", ["date", "weekday", "time"]),
        (MOMENT, "zh", "时间是十二月八号星期二下午两点五分", ["time"]),
        (MOMENT, "en", "Tuesday December the 8th to 15 in the afternoon", ["time"]),
        (WEIGHT, "zh", "您输入的是663.2公斤", ["number"]),
        (WEIGHT, "zh", "您输入的是六十二公斤", ["number"]),
        (WEIGHT, "en", "You entered 60 3.2 kilograms", ["number"]),
        (WEIGHT, "zh", "", ["number"]),
    ],
)
def test_another_value_is_misheard(values: dict[str, str], language: str, transcript: str, wrong: list[str]) -> None:
    assert misheard(true_values(values), transcript, language) == wrong
