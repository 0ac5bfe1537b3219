"""Values that patients read out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcription.measurements import Quantity, measurements_in
from transcription.written import written


def _values(text: str, language: str) -> list[tuple[str, float]]:
    return [(each.quantity.value, each.value) for each in measurements_in(text, language)]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("体温三十八度六", [("temperature", 38.6)]),
        ("昨晚烧到39度", [("temperature", 39.0)]),
        ("高压一百六十五,低压九十八", [("systolic", 165.0), ("diastolic", 98.0)]),
        ("血压一百四十到九十", [("systolic", 140.0), ("diastolic", 90.0)]),
        ("血压是140,90", [("systolic", 140.0), ("diastolic", 90.0)]),
        ("早上血压150", [("systolic", 150.0)]),
        ("空腹血糖十六点七", [("glucose", 16.7)]),
        ("血氧89,心率一百二十五", [("oxygen_saturation", 89.0), ("heart_rate", 125.0)]),
        ("我的电话是13473821368", []),
        ("吃了3片,今年75岁", []),
        ("转了180度", []),
        ("体重一百三十斤", [("weight", 65.0)]),
        ("早上称了62.5公斤", [("weight", 62.5)]),
        ("体重两天涨了三斤", []),
        ("INR是二点三", [("inr", 2.3)]),
        ("糖化血红蛋白百分之七点二", [("hba1c", 7.2)]),
        ("空腹六点五,饭后九点八", [("glucose", 6.5), ("glucose", 9.8)]),
        ("伤口疼大概6分", [("pain", 6.0)]),
        ("血压应该在140以下", []),
        ("医生说血糖要控制在7以下", []),
        ("血氧低于90", [("oxygen_saturation", 90.0)]),
        ("10/12号来的", []),
        ("血压一百三，心率七十二", [("systolic", 130.0), ("heart_rate", 72.0)]),
        ("国际标准化比值二点三", [("inr", 2.3)]),
        ("血糖五十mg/dL", [("glucose", 2.8)]),
        ("血糖高吃二甲双胍五百毫克", []),
        ("血压药吃了一百毫克", []),
        ("血压药吃了一百片", []),
        ("脉搏量了三十秒", []),
        ("血糖早上七点半量的", []),
        ("膝盖能弯到四十度", []),
        ("今天外面三十九度", []),
    ],
)
def test_chinese(text: str, values: list[tuple[str, float]]) -> None:
    assert _values(written(text, "zh"), "zh") == values


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("My temperature was 38.4 last night", [("temperature", 38.4)]),
        ("I had a fever of 101.5", [("temperature", 38.6)]),
        ("Blood pressure is 165 over 98.", [("systolic", 165.0), ("diastolic", 98.0)]),
        ("it was 150/95 today", [("systolic", 150.0), ("diastolic", 95.0)]),
        ("my sugar was 250", [("glucose", 13.9)]),
        ("oxygen 91, pulse 120", [("oxygen_saturation", 91.0), ("heart_rate", 120.0)]),
        ("I am 75 and take 3 pills", []),
        ("my weight is 154 pounds this morning", [("weight", 69.9)]),
        ("the INR was 2.5", [("inr", 2.5)]),
        ("I'd say 6 out of 10", [("pain", 6.0)]),
        ("the upper number was 138 and the lower one 82", [("systolic", 138.0), ("diastolic", 82.0)]),
        ("it should be below 140", []),
        ("my sugar was 50 mg/dL", [("glucose", 2.8)]),
        ("my blood pressure medicine, 100 milligrams", []),
        ("my blood pressure has been high for 90 days", []),
        ("I can bend my knee to 40 degrees", []),
    ],
)
def test_english(text: str, values: list[tuple[str, float]]) -> None:
    assert _values(text, "en") == values


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("血压不是一百六，是一百四", "zh"),
        ("血压从一百八降到一百四", "zh"),
        ("血压一百四还是一百五", "zh"),
        ("血压一百三到一百四", "zh"),
        ("血压没到一百六", "zh"),
        ("血压超过一百四", "zh"),
        ("血压一百四十几", "zh"),
        ("血糖两百多", "zh"),
        ("体重一百三", "zh"),
        ("I weigh one hundred sixty", "en"),
        ("my pressure was not 160 it was 140", "en"),
        ("my heart rate went from 110 to 80", "en"),
        ("the blood pressure was over 140", "en"),
        ("if it goes above 180 over 110", "en"),
        ("my sugar is 38", "en"),
    ],
)
def test_a_limit_a_range_a_mistake_or_an_unknown_unit_is_nothing_to_enter(text: str, language: str) -> None:
    assert not [each for each in measurements_in(written(text, language), language) if each.exact]


@given(text=st.text(alphabet="体温血压高低糖氧心率是0123456789.度, ", max_size=40))
def test_every_value_stands_in_the_text_and_is_humanly_possible(text: str) -> None:
    found = measurements_in(text, "zh")
    assert [each.start for each in found] == sorted({each.start for each in found})
    for each in found:
        if each.quantity not in (Quantity.TEMPERATURE, Quantity.GLUCOSE):
            assert float(text[each.start : each.end]) == each.value
        assert 1 <= each.value <= 260
