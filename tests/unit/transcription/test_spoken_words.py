"""Cutting what was said into words, and what was typed into what is looked for."""

import tempfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from followup.searches import Phrase
from transcription.snippets import LONGEST_SNIPPET, Marker
from transcription.spoken_words import SpokenWords, sounds_of
from transcription.turn_query import Names, NothingToSearchError, query_of

GROUPS = (("阿司匹林", "aspirin", "拜阿司匹灵"), ("胸痛", "胸口疼", "chest pain"))
WORDS = SpokenWords([name for group in GROUPS for name in group], Path(tempfile.gettempdir()) / "suifang-dictionary")


class Heard:
    """A vocabulary of these words."""

    def __init__(self, *words: str) -> None:
        self._sounds = sounds_of(words)

    def words_sounding(self, sounds: Collection[str]) -> Mapping[str, Sequence[str]]:
        found: dict[str, list[str]] = {}
        for word, sound in self._sounds.items():
            if sound in sounds:
                found.setdefault(sound, []).append(word)
        return found

    def words_with(self, character: str, limit: int) -> Sequence[str]:
        return [word for word in self._sounds if character in word][:limit]


HEARD = Heard("血压", "雪压", "一百", "女儿", "头痛", "胸痛", "痛")


def flat(phrase: Phrase) -> str:
    """A phrase with the distance of each word from the first."""
    return " ".join(f"{word.text}{'*' if word.begins else ''}@{word.place}" for word in phrase)


def readings(typed: str, *, by_sound: bool = False) -> list[list[set[str]]]:
    query = query_of(typed, WORDS, Names(GROUPS, WORDS), HEARD, by_sound=by_sound)
    return [[{flat(phrase) for phrase in term.any_of} for term in reading] for reading in query.readings]


def test_words_stand_where_they_were_said_with_the_shorter_words_inside_them() -> None:
    assert WORDS.places("怕是肺栓塞") == {"怕": (1,), "是": (2,), "肺栓塞": (3,), "栓塞": (4,)}
    assert WORDS.places("血压 140/90，38.5℃") == {"血压": (1,), "140": (3,), "90": (4,), "38.5": (5,)}
    assert WORDS.places("Two Medicines") == {"two": (1,), "medicin": (2,)}


def test_a_number_is_one_word_and_never_found_by_a_part_of_it() -> None:
    assert list(WORDS.places("一百三十八")) == ["一百三十八"]
    assert "四十" not in WORDS.places("一百四十到九十")
    assert "十二指肠" in WORDS.places("十二指肠溃疡")


def test_what_is_written_down_stands_apart_from_what_was_said() -> None:
    places = WORDS.places("血压一百四十", "血压140")
    assert set(places) == {"血压", "一百四十", "140"}
    first, second = places["血压"]
    assert places["140"] == (second + 2,)
    assert second - first > len("血压一百四十")


def test_pinyin_has_no_tones_and_writes_v() -> None:
    assert sounds_of(["血压", "女儿", "abc", "140"]) == {"血压": "xueya", "女儿": "nver"}


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("头晕", [[{"头晕@0"}]]),
        ("頭暈", [[{"头晕@0"}]]),
        ("头晕 咳嗽", [[{"头晕@0"}, {"咳嗽@0"}]]),
        ("头晕咳嗽", [[{"头晕@0 咳嗽@2"}]]),
        ("一百四十", [[{"一百四十@0"}], [{"140@0"}]]),
        ("ａｓｐｉｒｉｎ", [[{"阿司匹林@0", "aspirin@0", "拜阿司匹灵@0"}]]),
        ("chest pain", [[{"胸痛@0", "胸口疼@0", "chest@0 pain@1"}]]),
        ("胸痛头晕", [[{"胸痛@0 头晕@2", "胸口疼@0 头晕@3", "chest@0 pain@1 头晕@2"}]]),
        ('"胸痛"', [[{"胸痛@0"}]]),
        ("xueya", [[{"xueya@0", "血压@0", "雪压@0"}]]),
        ("xueyayibai", [[{"xueyayibai@0", "血压@0 一百@2", "雪压@0 一百@2"}]]),
        ("medic*", [[{"medic*@0"}]]),
        ("痛", [[{"痛@0", "头痛@0", "胸痛@0"}]]),
    ],
)
def test_what_is_typed_is_read_in_every_way_it_may_have_been_said(typed: str, wanted: list[list[set[str]]]) -> None:
    assert readings(typed) == wanted


def test_by_sound_each_word_may_be_any_that_sounds_the_same() -> None:
    assert readings("血压", by_sound=True) == [[{"血压@0", "雪压@0"}]]


def test_unwanted_words_are_kept_apart() -> None:
    query = query_of("头晕 -咳嗽", WORDS, Names((), WORDS), HEARD)
    assert [flat(phrase) for term in query.none_of for phrase in term.any_of] == ["咳嗽@0"]


@pytest.mark.parametrize("typed", ["", "  ", "？！", "-", '""', "-咳嗽"])
def test_nothing_to_look_for_is_said_so(typed: str) -> None:
    with pytest.raises(NothingToSearchError, match="no word"):
        query_of(typed, WORDS, Names((), WORDS), HEARD)


@given(st.text(alphabet='一二三十百血压头晕药ab 1.，-"*', max_size=30))
def test_a_text_is_found_by_itself_or_holds_no_word(said: str) -> None:
    places = WORDS.places(said)
    quoted = said.replace('"', " ").replace("-", " ").replace("*", " ")
    if not places:
        return
    query = query_of(f'"{quoted}"', WORDS, Names((), WORDS), HEARD)
    (phrase,) = query.readings[0][0].any_of
    first = phrase[0]
    assert any(
        all(start + word.place in places.get(word.text, ()) for word in phrase) for start in places.get(first.text, ())
    )


def test_a_snippet_shows_the_find_and_marks_it() -> None:
    query = query_of("咳嗽", WORDS, Names((), WORDS), HEARD)
    marker = Marker.of(query, WORDS)
    short = marker.snippet("昨天咳嗽了，今天不咳嗽", "")
    assert [short.text[start:end] for start, end in short.marks] == ["咳嗽", "咳嗽"]
    long = marker.snippet("还好" * 100 + "咳嗽" + "谢谢" * 100, "")
    assert len(long.text) == LONGEST_SNIPPET
    assert [long.text[start:end] for start, end in long.marks] == ["咳嗽"]
    assert long.cut_before
    assert long.cut_behind


def test_a_find_in_figures_shows_the_figures() -> None:
    query = query_of("140", WORDS, Names((), WORDS), HEARD)
    shown = Marker.of(query, WORDS).snippet("血压一百四十", "血压140")
    assert (shown.text, shown.marks) == ("血压140", ((2, 5),))
