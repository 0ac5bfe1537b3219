"""What a model makes up is told from what somebody said."""

import pytest

from transcription.plausibility import (
    LAST_HEARING,
    Rejection,
    doubt_about_turn,
    doubt_about_window,
    is_repetition,
    is_skipped,
)
from transcription.transcriber import WindowText, Word


def _window(
    text: str = "I feel better today", probability: float = -0.2, no_speech: float = 0.05, compression: float = 1.2
) -> WindowText:
    return WindowText(
        words=(Word(text=text, start=0, end=2, probability=0.9),),
        mean_log_probability=probability,
        no_speech_probability=no_speech,
        compression_ratio=compression,
    )


@pytest.mark.parametrize(
    ("window", "doubt"),
    [
        (_window(), None),
        (_window(no_speech=0.9), None),  # a sure text outweighs it, as in Whisper's own rule
        (_window(probability=-1.2, no_speech=0.9), Rejection.NO_SPEECH),
        (_window(probability=-1.2), Rejection.LOW_PROBABILITY),
        (_window(compression=2.6), Rejection.REPETITION),
        (_window("Congratulations. " * 12), Rejection.REPETITION),
    ],
)
def test_a_window_is_doubted(window: WindowText, doubt: Rejection | None) -> None:
    assert doubt_about_window(window) == doubt


def test_at_the_last_hearing_a_patient_on_a_bad_line_is_believed() -> None:
    assert doubt_about_window(_window(probability=-1.2), LAST_HEARING) is None
    assert doubt_about_window(_window(probability=-1.7), LAST_HEARING) is Rejection.LOW_PROBABILITY
    assert doubt_about_window(_window(probability=-1.2, no_speech=0.9), LAST_HEARING) is Rejection.NO_SPEECH


@pytest.mark.parametrize(
    ("text", "seconds", "confidence", "language", "doubt"),
    [
        ("我好多了", 1.5, 0.8, "zh", None),
        ("好好好好好", 1.0, 0.8, "zh", None),
        ("疼疼疼疼疼疼疼疼疼", 4.0, 0.8, "zh", None),
        ("13473821368", 4.0, 0.8, "zh", None),
        ("1 3 8 0 0 0 0 0 0 0 0", 6.0, 0.8, "zh", None),
        ("", 1.0, 0.0, "zh", Rejection.SOUND_MARK),
        ("[Music]", 2.0, 0.8, "en", Rejection.SOUND_MARK),
        ("(字幕:J Chong)", 2.0, 0.8, "zh", Rejection.SOUND_MARK),
        ("♪♪", 2.0, 0.8, "en", Rejection.SOUND_MARK),
        ("请不吝点赞 订阅 转发 打赏支持明镜与点点栏目", 4.0, 0.8, "zh", Rejection.SUBTITLES),
        ("Thank you so much for watching!", 3.0, 0.8, "en", Rejection.SUBTITLES),
        ("呃呃呃呃呃呃呃呃呃呃呃呃呃呃呃呃呃呃呃呃", 5.0, 0.8, "zh", Rejection.REPETITION),
        ("and so my fellow Americans " * 9, 30.0, 0.8, "en", Rejection.REPETITION),
        ("nobody can say as much as this within half a second", 0.5, 0.8, "en", Rejection.TOO_FAST),
        ("嗯", 0.5, 0.1, "zh", Rejection.LOW_PROBABILITY),
    ],
)
def test_a_turn_is_believed_or_left_out(
    text: str, seconds: float, confidence: float, language: str, doubt: Rejection | None
) -> None:
    assert doubt_about_turn(text, seconds=seconds, confidence=confidence, language=language) == doubt


def test_thanks_at_the_end_of_a_call_are_no_subtitle() -> None:
    assert doubt_about_turn("Thank you, goodbye.", seconds=1.5, confidence=0.9, language="en") is None


def test_a_long_number_is_no_loop() -> None:
    assert not is_repetition("我的号码是13888888888")


def test_a_stretch_with_far_too_few_characters_was_skipped() -> None:
    assert is_skipped([], seconds=0.4)
    assert is_skipped([Word(text="天", start=0, end=1, probability=0.5)], seconds=4.0)
    assert not is_skipped([Word(text="有", start=0, end=0.3, probability=0.5)], seconds=0.4)


@pytest.mark.parametrize(
    ("text", "left_out"),
    [
        ("诶诶诶诶诶", True),
        ("啊，啊，啊，啊。", True),
        ("嗯嗯", False),
        ("诶诶诶诶诶你听得到吗", False),
        ("疼疼疼疼疼", False),
    ],
)
def test_one_sound_held_over_music_is_no_speech_but_a_repeated_word_is(text: str, left_out: bool) -> None:
    doubt = doubt_about_turn(text, seconds=5.0, confidence=0.8, language="zh")
    assert (doubt is Rejection.SOUND_MARK) is left_out
