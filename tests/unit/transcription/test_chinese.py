"""One spelling for Chinese text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcription.chinese import to_simplified, written_numbers


def test_traditional_characters_become_simplified() -> None:
    assert to_simplified("享受著涼爽的秋風，胸口悶痛，著名的醫生") == "享受着凉爽的秋风，胸口闷痛，著名的医生"


@pytest.mark.parametrize(
    ("spoken", "written"),
    [
        ("一百四十", "140"),
        ("一百四", "140"),
        ("一百零五", "105"),
        ("高压一百六十五,低压九十八", "高压165,低压98"),
        ("一三四七", "1347"),
        ("一三四七三八二幺三六八", "13473821368"),
        ("体温三十八度六", "体温38.6度"),
        ("三十八度半", "38.5度"),
        ("38度6", "38.6度"),
        ("三十七度", "37度"),
        ("血糖十六点七", "血糖16.7"),
        ("血糖16点7", "血糖16.7"),
        ("两百", "200"),
        ("二十多岁", "20多岁"),
    ],
)
def test_numbers_are_written_in_figures(spoken: str, written: str) -> None:
    assert written_numbers(spoken) == written


@pytest.mark.parametrize(
    "text",
    [
        "一个",
        "我一直不舒服",
        "万一",
        "两三天",
        "七八个",
        "十分难受",
        "百分之百",
        "下午三点",
        "八点半",
        "千万别停药",
        "十十零",
    ],
)
def test_words_that_only_look_like_numbers_stay(text: str) -> None:
    assert written_numbers(text) == text


@given(st.integers(10, 9999).filter(lambda number: number % 10 == 0 or number > 20))
def test_any_spoken_number_comes_back_as_it_was(number: int) -> None:
    digits, units = "零一二三四五六七八九", ["", "十", "百", "千"]
    text = str(number)
    spoken = ""
    for index, digit in enumerate(text):
        unit = units[len(text) - index - 1]
        if digit != "0":
            spoken += digits[int(digit)] + unit
        elif not spoken.endswith("零") and text[index:].strip("0"):
            spoken += "零"
    assert written_numbers(spoken) == text


@given(st.text(alphabet="我有零一二三四五六七八九十百千万点两度半,。1234567890 ", max_size=30))
def test_no_text_breaks_it(text: str) -> None:
    assert isinstance(written_numbers(text), str)
