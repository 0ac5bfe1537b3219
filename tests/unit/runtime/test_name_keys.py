"""How names are found and compared: characters, pinyin, initials, several readings, rare signs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.name_keys import name_keys, name_query, name_sound, plain_name


def finds(typed: str, name: str) -> bool:
    keys = name_keys(name)
    return any(all(any(key.startswith(begin) for key in keys) for begin in each) for each in name_query(typed))


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("wxm", "王小明"),
        ("WXM", "王小明"),
        ("wangxm", "王 小明"),
        ("wangxiaoming", "王小明"),
        ("wang xiao ming", "王小明"),
        ("小明", "王小明"),
        ("明", "王小明"),
        ("xiaom", "王小明"),
        ("xm", "王小明"),
        ("王xm", "王小明"),
        ("王xiaom", "王小明"),
        ("zgf", "曾国藩"),
        ("cengguofan", "曾国藩"),
        ("shantianfang", "单田芳"),
        ("lvbu", "吕布"),
        ("lyubu", "吕布"),
        ("ouyang", "欧阳小明"),
        ("maimaiti", "阿卜杜拉·买买提"),
        ("买买提", "阿卜杜拉·买买提"),
        ("li wei", "Li Wei"),
        ("wei li", "Li Wei"),
        ("ji", "\U00020bb7田"),
        ("\U00020bb7", "\U00020bb7田"),
        ("䶮", "陈䶮"),
        ("cy", "陈䶮"),
        ("ＷＸＭ", "王小明"),
    ],
)
def test_a_name_is_found_by(typed: str, name: str) -> None:
    assert finds(typed, name)


@pytest.mark.parametrize(
    ("typed", "name"),
    [("wxm", "王小"), ("明小", "王小明"), ("李xm", "王小明"), ("ang", "王小明"), ("wm", "王小明"), ("小m", "王大明")],
)
def test_a_name_is_not_found_by(typed: str, name: str) -> None:
    assert not finds(typed, name)


@pytest.mark.parametrize("typed", ["", " ", "%", "_", "*", "'", "' | '", "·"])
def test_signs_alone_are_nothing_to_search_by(typed: str) -> None:
    assert name_query(typed) == ()


def test_names_that_are_read_alike_sound_the_same() -> None:
    assert name_sound("王晓明") == name_sound("王小明") == name_sound("王 小 明") == "wangxiaoming"
    assert name_sound("王小敏") != name_sound("王小明")
    assert plain_name("Ａna-María  o'Neil") == "anamaríaoneil"


@given(st.text(max_size=30))
def test_keys_hold_letters_and_digits_only_so_that_they_can_be_quoted(name: str) -> None:
    for key in (*name_keys(name), *(begin for each in name_query(name) for begin in each)):
        assert key
        assert not set(key) & set("'\\ :&|!()*<>")


@given(st.text(min_size=1, max_size=30))
def test_whatever_a_name_is_its_plain_form_finds_it(name: str) -> None:
    assert finds(name, name) or not plain_name(name)


def test_a_long_name_has_not_more_keys_than_it_is_worth() -> None:
    assert len(name_keys("行" * 200)) < 80
