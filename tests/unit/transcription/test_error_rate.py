"""The yardstick of the transcripts."""

import pytest

from transcription.error_rate import error_rate


def test_spelling_case_and_punctuation_are_no_errors_in_english() -> None:
    assert error_rate("MISTER JOHN pressed 1, it's fine", "Mr. John pressed one. It's fine!", "en") == 0


def test_traditional_characters_punctuation_and_figures_are_no_errors_in_chinese() -> None:
    assert error_rate("享受着秋风。他有十一个", "享受著秋風，他有11个", "zh") == 0
    assert error_rate("一三四七三八二幺三六八", "13473821368", "zh") == 0


def test_one_wrong_word_of_four_is_a_quarter_and_made_up_words_count() -> None:
    assert error_rate("no chest pain today", "no chess pain today", "en") == 0.25
    assert error_rate("yes", "yes thank you for watching", "en") == 4


def test_hearing_nothing_is_all_wrong() -> None:
    assert error_rate("你好", "", "zh") == 1


def test_an_empty_reference_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing to compare"):
        error_rate("。", "text", "zh")
