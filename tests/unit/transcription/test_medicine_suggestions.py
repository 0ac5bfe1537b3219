"""A misheard medicine is suggested to the reader; the text stays as it was heard."""

from pathlib import Path

import pytest

from runtime.content.library import Content
from runtime.settings import REPOSITORY
from transcription.medicine_suggestions import suggestions_in

MEDICINES = Content(Path(REPOSITORY) / "content").medicine_names


@pytest.mark.parametrize(
    ("heard", "language", "suggested"),
    [
        ("我每天吃阿斯皮林一片", "zh", [("阿斯皮林", "阿司匹林")]),
        ("吃的是绿笔格雷和二甲双瓜", "zh", [("绿笔格雷", "氯吡格雷"), ("二甲双瓜", "二甲双胍")]),
        ("硝笨地平", "zh", [("硝笨地平", "硝苯地平")]),
        ("我每天吃阿司匹林，血压一百四十", "zh", []),
        ("今天天气很好，没有什么不舒服", "zh", []),
        ("I take metforman twice a day", "en", [("metforman", "metformin")]),
        ("my Liptor, and restore the program", "en", [("Liptor", "Lipitor")]),
        ("I take Metformin and statins", "en", []),
        ("I am feeling much better this morning", "en", []),
    ],
)
def test_a_name_is_suggested_where_it_sounds_like_one(
    heard: str, language: str, suggested: list[tuple[str, str]]
) -> None:
    found = suggestions_in(heard, language, MEDICINES)
    assert [(each.heard, each.name) for each in found] == suggested
    assert [heard[each.start : each.end] for each in found] == [each.heard for each in found]
