"""What identifies is taken out of what was said, and nothing that matters to a nurse."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from followup.recordings import Channel, Turn
from runtime.content.library import Content
from runtime.settings import REPOSITORY
from tests.support.redaction_phrases import CHINESE, ENGLISH, plain
from transcription.redaction import Hidden, findings_in, redact_turns, redacted
from transcription.spoken_names import NOBODY, Known

SIGNS = Content(Path(REPOSITORY) / "content").redaction


def _turn(text: str, start: float, channel: Channel = Channel.PATIENT) -> Turn:
    return Turn(channel=channel, start=start, end=start + 3, text=text, confidence=0.9)


@pytest.mark.parametrize(("language", "phrases"), [("zh", CHINESE), ("en", ENGLISH)])
def test_everything_marked_is_hidden_and_hardly_anything_else(language: str, phrases: list[str]) -> None:
    others = lost = 0
    for marked in phrases:
        text, spans = plain(marked)
        hidden = {at for found in findings_in(text, language, SIGNS, NOBODY) for at in range(found.start, found.end)}
        wanted = {at for start, end in spans for at in range(start, end) if text[at].isalnum()}
        assert wanted <= hidden, marked
        spoken = {at for at in range(len(text)) if text[at].isalnum()} - wanted
        others, lost = others + len(spoken), lost + len(spoken & hidden)
    assert lost / others < 0.03


def test_each_kind_has_a_mask_of_its_own() -> None:
    said = "我叫王建国，住在文三路十号，电话一三八零零幺二三四五六，邮箱wang@example.org"
    assert redacted(said, "zh", SIGNS, NOBODY) == "我叫[姓名]，住在[地址]，电话[号码]，邮箱[邮箱]"
    said = "My name is John Smith, I live at 12 Oak Street. Call 555-123-4567 or john@example.org"
    assert redacted(said, "en", SIGNS, NOBODY) == (
        "My name is [name], I live at [address]. Call [number] or [mail]"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("电话13812345678,谢谢", "电话[号码],谢谢"),
        ("身份证11010519491231002X。", "身份证[号码]。"),
        ("一三八一二三四五六七八", "[号码]"),
        ("打 +86 (10) 8888-7777", "打 [号码]"),
        ("写到wang.fang@example.org", "写到[邮箱]"),
        ("血压150/92,心率80", "血压150/92,心率80"),
        ("2026年11月28日复诊", "2026年11月28日复诊"),
    ],
)
def test_identifying_numbers_are_masked_and_values_stay(text: str, masked: str) -> None:
    assert redacted(text, "zh", SIGNS, NOBODY) == masked


@pytest.mark.parametrize(
    ("name", "heard"),
    [
        ("王建国", "请问汪见过在吗"),
        ("王建国", "建国，过来听电话"),
        ("李丽", "喂理力吗"),
        ("Margaret Hill", "is Margret in"),
    ],
)
def test_a_known_name_is_found_as_it_sounds(name: str, heard: str) -> None:
    language = "en" if name.isascii() else "zh"
    (found,) = findings_in(heard, language, SIGNS, Known(names=(name,)))
    assert found.kind is Hidden.NAME


def test_what_a_person_wants_hidden_is_hidden() -> None:
    assert redacted("去钱塘江边", "zh", SIGNS, Known(words=("钱塘江",))) == "去[姓名]边"


def test_a_number_told_in_pieces_is_hidden_in_each_turn_and_where_it_is_repeated() -> None:
    turns = [
        _turn("您电话多少", 0, Channel.AGENT),
        _turn("一三八零", 4),
        _turn("嗯，一三八零", 8, Channel.AGENT),
        _turn("零幺二三", 12),
        _turn("四五六", 16),
        _turn("血压一百四十", 20),
    ]
    texts = [each.turn.as_written for each in redact_turns(turns, "zh", SIGNS, NOBODY)]
    assert texts == ["您电话多少", "[号码]", "[号码]", "[号码]", "[号码]", "血压140"]


def test_a_number_told_in_pieces_at_the_end_of_a_call_is_hidden_and_one_told_minutes_apart_is_none() -> None:
    pieces = [_turn("一三八零", 4), _turn("零幺二三", 12)]
    assert [each.turn.text for each in redact_turns(pieces, "zh", SIGNS, NOBODY)] == ["[号码]", "[号码]"]
    apart = [_turn("一三八零", 4), _turn("零幺二三", 60)]
    assert [each.turn.text for each in redact_turns(apart, "zh", SIGNS, NOBODY)] == ["一三八零", "零幺二三"]


@pytest.mark.parametrize(
    ("language", "said", "clean"),
    [
        ("zh", "我的电话是138嗯1234嗯5678", "我的电话是[号码]"),
        ("zh", "一三八。一二三四。五六七八。", "[号码]。"),
        ("zh", "138那个1234，对，5678", "[号码]"),
        ("zh", "身份证三二零一零六，然后一九七零零一，零一一二，三叉", "身份证[号码]"),
        ("zh", "一百三十八 一千二百三十四 五千六百七十八", "[号码]"),
        ("en", "it is one three eight um one two three four um five six seven eight", "it is [number]"),
        ("en", "138 and then 1234, uh, 5678", "[number]"),
        ("en", "My name is O'Brien", "My name is [name]"),
        ("en", "Is Mrs van der Berg there?", "Is Mrs [name] there?"),
        ("zh", "血压130。128。然后125", "血压130。128。然后125"),
    ],
)
def test_a_number_told_with_pauses_and_hesitation_is_hidden_whole(language: str, said: str, clean: str) -> None:
    (turn,) = redact_turns([_turn(said, 0)], language, SIGNS, NOBODY)
    assert (turn.turn.text, turn.turn.written) == (clean, "")


@given(
    st.text(alphabet="我叫王建国住在文三路十号电话一三八零,。 姓张ab12@.", max_size=40), st.sampled_from(["zh", "en"])
)
def test_whatever_is_hidden_in_the_words_is_hidden_in_the_sound(said: str, language: str) -> None:
    (clean,) = redact_turns([_turn(said, 0)], language, SIGNS, NOBODY)
    kept = "".join(
        letter for at, letter in enumerate(said) if not any(found.start <= at < found.end for found in clean.hidden)
    )
    assert re.sub(r"\[[^\]]*\]", "", clean.turn.text) == kept


def test_a_number_that_begins_behind_a_cue_and_goes_on_in_the_next_turn_is_hidden_in_both() -> None:
    turns = [_turn("我手机是一三八零", 0), _turn("零幺二三", 6), _turn("血压一百四", 12)]
    texts = [each.turn.text for each in redact_turns(turns, "zh", SIGNS, NOBODY)]
    assert texts == ["[号码]", "[号码]", "血压一百四"]


def test_values_told_one_after_the_other_stay() -> None:
    turns = [_turn("一百四", 0), _turn("九十", 4), _turn("血糖7.8，6.5，9.0，11.2", 8)]
    texts = [each.turn.text for each in redact_turns(turns, "zh", SIGNS, NOBODY)]
    assert texts == ["一百四", "九十", "血糖7.8，6.5，9.0，11.2"]


_SEPARATED = st.sampled_from(["", " ", "-", "，", "、", ",", "。", "…", "嗯", "，呃，", " um ", ", and then "])


@given(
    number=st.from_regex(r"1[3-9][0-9]{9}|[1-9][0-9]{16}[0-9X]", fullmatch=True),
    spoken=st.booleans(),
    every=st.integers(1, 6),
    separator=_SEPARATED,
    before=st.text(max_size=10),
    after=st.text(max_size=10),
    language=st.sampled_from(["zh", "en"]),
)
def test_no_telephone_or_identity_number_is_left(
    number: str, spoken: bool, every: int, separator: str, before: str, after: str, language: str
) -> None:
    said = number.translate(str.maketrans("0123456789", "洞幺二三四五六七八九")) if spoken else number
    said = separator.join(said[at : at + every] for at in range(0, len(said), every))
    (clean,) = redact_turns([_turn(f"{before}{said}{after}", 0)], language, SIGNS, NOBODY)
    for text in (clean.turn.text, clean.turn.as_written):
        assert said not in text
        assert number not in "".join(character for character in text if character.isalnum())


_DIGIT_WORDS = ["zero", "oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


@given(st.lists(st.sampled_from(_DIGIT_WORDS), min_size=7, max_size=18), st.sampled_from([" ", ", ", "-"]))
def test_no_number_said_in_english_words_is_left(words: list[str], separator: str) -> None:
    (clean,) = redact_turns([_turn(f"it is {separator.join(words)} thanks", 0)], "en", SIGNS, NOBODY)
    assert clean.turn.as_written == "it is [number] thanks"


@given(st.text(max_size=60), st.sampled_from(["zh", "en"]))
def test_redacting_again_changes_nothing(text: str, language: str) -> None:
    once = redacted(text, language, SIGNS, NOBODY)
    assert redacted(once, language, SIGNS, NOBODY) == once
