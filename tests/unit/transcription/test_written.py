"""What was said as it would be written down."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcription.written import written


@pytest.mark.parametrize(
    ("spoken", "figures"),
    [
        ("一百四十", "140"),
        ("一百四", "140"),
        ("一百零五", "105"),
        ("一万二", "12000"),
        ("高压一百六十五,低压九十八", "高压165,低压98"),
        ("低压八五", "低压85"),
        ("血压一百四十到九十", "血压140/90"),
        ("血压一百四九十", "血压140/90"),
        ("血压一百二八十", "血压120/80"),
        ("血压140,90", "血压140/90"),
        ("一百四十到九十", "140/90"),
        ("血压一百四十到一百五十", "血压140到150"),
        ("一三四七三八二幺三六八", "13473821368"),
        ("幺三八洞洞幺二三四五六", "13800123456"),
        ("体温三十八度六", "体温38.6℃"),
        ("三十八度五", "38.5℃"),
        ("三十八度半", "38.5℃"),
        ("38度6", "38.6℃"),
        ("体温三十七度", "体温37℃"),
        ("体温三十六点五度", "体温36.5℃"),
        ("三十八点五摄氏度", "38.5℃"),
        ("转了一百八十度", "转了180度"),
        ("血糖十六点七", "血糖16.7"),
        ("血糖16点7", "血糖16.7"),
        ("空腹七点八毫摩尔每升", "空腹7.8mmol/L"),
        ("一天三次一次两片", "一天3次1次2片"),
        ("零点二五毫克", "0.25mg"),
        ("一片半", "1.5片"),
        ("半片", "0.5片"),
        ("两个半小时", "2.5个小时"),
        ("百分之九十五", "95%"),
        ("百分之三十到五十", "30%到50%"),
        ("三分之一", "1/3"),
        ("二零二六年十一月二十二号", "2026年11月22号"),
        ("三月五号", "3月5号"),
        ("下午三点", "下午3点"),
        ("下午三点半", "下午3:30"),
        ("八点一刻", "8:15"),
        ("三点五十", "3:50"),
        ("九点零五分", "9:05"),
        ("早上九点零五", "早上9:05"),
        ("两百", "200"),
        ("二十多岁", "20多岁"),
        ("我身高一米六五", "我身高1.65米"),
    ],
)
def test_chinese_numbers_are_written_in_figures(spoken: str, figures: str) -> None:
    assert written(spoken, "zh") == figures


@pytest.mark.parametrize(
    "text",
    [
        "一个", "我一直不舒服", "万一", "两三天", "七八个", "十分难受", "百分之百", "千万别停药", "十十零",
        "三七", "三七粉",
        "万艾可", "一般", "三高", "二甲双胍", "十二指肠溃疡", "一百二三十", "十三四岁",
        "三四点钟", "七八十", "第三次", "星期三",
        "好一点", "一一说明", "血压升高", "一个多月", "三九感冒灵",
    ],
)  # fmt: skip
def test_chinese_words_that_only_look_like_numbers_stay(text: str) -> None:
    assert written(text, "zh") == text


def test_the_name_of_a_medicine_stays() -> None:
    assert written("喝了十滴水两支", "zh", {"十滴水"}) == "喝了十滴水2支"


@pytest.mark.parametrize(
    ("spoken", "figures"),
    [
        ("it was one forty over ninety", "it was 140/90"),
        ("140 over 90", "140/90"),
        ("a hundred and twenty over eighty", "120/80"),
        ("my blood pressure was one forty", "my blood pressure was 140"),
        ("One thirty two over eighty four.", "132/84."),
        ("one twenty-five over seventy-nine.", "125/79."),
        ("one-forty over ninety", "140/90"),
        ("It was 140 over 90.", "It was 140/90."),
        ("one eighty over one ten this morning", "180/110 this morning"),
        ("my sugar was one eighty milligrams per deciliter", "my sugar was 180 mg/dL"),
        ("I take point five milligrams", "I take 0.5 mg"),
        ("a fever of one oh one point five", "a fever of 101.5"),
        ("at this point five milligrams", "at this point 5 mg"),
        ("my sugar was one oh five", "my sugar was 105"),
        ("thirty-eight point five degrees", "38.5 degrees"),
        ("thirty-eight degrees Celsius", "38 °C"),
        ("two tablets three times a day", "2 tablets 3 times a day"),
        ("take two ten-milligram tablets", "take two 10 mg tablets"),
        ("one fifty milligram tablet", "one 50 mg tablet"),
        ("half a tablet", "0.5 tablet"),
        ("two and a half tablets", "2.5 tablets"),
        ("one three four seven oh double five", "1347055"),
        ("ninety five percent", "95%"),
        ("zero point two five milligrams", "0.25 mg"),
        ("seven point eight millimoles per liter", "7.8 mmol/L"),
        ("half past eight", "8:30"),
        ("quarter to nine", "8:45"),
        ("eight thirty in the morning", "8:30 in the morning"),
        ("March fifth", "March 5"),
        ("the twenty-second of November", "November 22"),
        ("in twenty twenty six", "in 2026"),
        ("in eighteen thirteen", "in 1813"),
        ("two thousand five hundred steps", "2500 steps"),
        ("three quarters", "3/4"),
        ("five out of ten", "5 out of 10"),
    ],
)
def test_english_numbers_are_written_in_figures(spoken: str, figures: str) -> None:
    assert written(spoken, "en") == figures


@pytest.mark.parametrize("text", ["one of them", "someone told me", "no one often comes", "that one", "the first time"])
def test_english_words_that_only_look_like_numbers_stay(text: str) -> None:
    assert written(text, "en") == text


def _spoken(number: Decimal) -> str:
    """A number below 10000 as it is read in Chinese."""
    whole, _, fraction = f"{number}".partition(".")
    digits, units = "零一二三四五六七八九", ["", "十", "百", "千"]
    said = ""
    for index, digit in enumerate(whole):
        if digit != "0":
            said += digits[int(digit)] + units[len(whole) - index - 1]
        elif whole[index:].strip("0") and not said.endswith("零"):
            said += "零"
    said = (said or "零").removeprefix("一") if 10 <= number < 20 else said or "零"
    return said + ("点" + "".join(digits[int(digit)] for digit in fraction) if fraction else "")


@given(st.decimals(0, Decimal("9999.99"), places=2) | st.decimals(0, 9999, places=1))
def test_any_spoken_number_with_a_fraction_comes_back_as_it_was(number: Decimal) -> None:
    assert written(f"血糖{_spoken(number)}", "zh") == f"血糖{number}"


@given(st.integers(0, 9999))
def test_any_spoken_whole_number_comes_back_as_it_was(number: int) -> None:
    assert written(f"血糖{_spoken(Decimal(number))}", "zh") == f"血糖{number}"


@given(st.integers(0, 10**15 - 1).map(lambda number: f"{number:015}"), st.integers(3, 15))
def test_any_number_said_digit_by_digit_comes_back_as_it_was(digits: str, length: int) -> None:
    said = digits[:length].translate(str.maketrans("0123456789", "零幺二三四五六七八九"))
    assert written(f"号码是{said}", "zh") == f"号码是{digits[:length]}"


_NUMERALS = "零〇一二三四五六七八九十百千万亿两半幺洞1234567890."
_BETWEEN = "我有点度,。 到比血压高低年月日号分之百第片米个次体温早上午毫克升"


@given(st.text(alphabet=_NUMERALS + _BETWEEN, max_size=30))
def test_writing_chinese_again_changes_nothing(text: str) -> None:
    once = written(text, "zh")
    assert written(once, "zh") == once


_NUMBER_WORDS = (
    "one two nine ten fifteen twenty forty hundred thousand and a point oh zero half over percent 140 90 . , tablets "
    "past to third of March pressure am degrees milligrams"
)


@given(st.lists(st.sampled_from(_NUMBER_WORDS.split()), max_size=12))
def test_writing_english_again_changes_nothing(words: list[str]) -> None:
    once = written(" ".join(words), "en")
    assert written(once, "en") == once


@given(st.text(max_size=40))
def test_no_text_breaks_it(text: str) -> None:
    assert isinstance(written(text, "zh"), str)
    assert isinstance(written(text, "en"), str)
