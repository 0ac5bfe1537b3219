"""Packing stretches of speech into windows, and finding each word's stretch again."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcription.transcriber import SAMPLE_RATE, WINDOW_SECONDS, Word
from transcription.voice_activity import Span
from transcription.windows import pack


def _word(text: str, start: float, end: float) -> Word:
    return Word(text=text, start=start, end=end, probability=0.9)


_TIMES = st.lists(st.tuples(st.floats(0.55, 5.0), st.floats(0.1, 28.0)), min_size=1, max_size=15)


@given(gaps_and_lengths=_TIMES)
def test_every_stretch_lies_whole_in_just_one_window_that_the_model_can_hear(
    gaps_and_lengths: list[tuple[float, float]],
) -> None:
    spans, clock = [], 0.0
    for gap, length in gaps_and_lengths:
        spans.append(Span(start=clock + gap, end=clock + gap + length))
        clock += gap + length
    windows = pack(np.zeros(round((clock + 1) * SAMPLE_RATE), np.float32), spans)
    assert sorted(piece.span for window in windows for piece in window.pieces) == spans
    assert all(list(window.pieces) == sorted(window.pieces, key=lambda piece: piece.span) for window in windows)
    assert all(window.audio.size <= WINDOW_SECONDS * SAMPLE_RATE for window in windows)
    for window in windows:
        ends = [piece.offset for piece in window.pieces[1:]] + [window.audio.size / SAMPLE_RATE]
        for piece, end in zip(window.pieces, ends, strict=True):
            assert end - piece.offset >= piece.span.seconds - 0.001


def test_a_window_holds_the_sound_of_its_stretches_and_a_little_around() -> None:
    samples = np.arange(20 * SAMPLE_RATE, dtype=np.float32)
    (window,) = pack(samples, [Span(start=2, end=3), Span(start=3.6, end=5), Span(start=15, end=16)])
    first, second, third = window.pieces
    starts = [window.audio[round(piece.offset * SAMPLE_RATE)] / SAMPLE_RATE for piece in (first, second, third)]
    assert starts == [1.6, 3.3, 14.6]  # neighbors share the pause between them


def test_a_short_stretch_fills_the_room_that_an_earlier_window_has_left() -> None:
    samples = np.zeros(90 * SAMPLE_RATE, np.float32)
    short, long, last = Span(start=2, end=10), Span(start=20, end=45), Span(start=60, end=64)
    windows = pack(samples, [short, long, last])
    assert [[piece.span for piece in window.pieces] for window in windows] == [[short, last], [long]]
    (_, words), (_, late) = windows[0].pieces_of([_word("one", 1.0, 2.0), _word("two", 9.6, 10.4)])
    assert [round(word.start, 2) for word in (*words, *late)] == [2.6, 60.4]


def test_a_word_belongs_to_the_stretch_in_which_it_ends() -> None:
    samples = np.zeros(20 * SAMPLE_RATE, np.float32)
    (window,) = pack(samples, [Span(start=2, end=3), Span(start=10, end=11)])
    # The second stretch begins at 1.8 s of the window; the model lets its first word begin in the pause before it.
    words = [_word("one", 0.4, 1.3), _word("two", 1.4, 2.6), _word("three", 2.6, 3.0)]
    assert [[word.text for word in own] for _, own in window.pieces_of(words)] == [["one"], ["two", "three"]]


def test_words_come_back_in_seconds_of_the_recording() -> None:
    samples = np.zeros(40 * SAMPLE_RATE, np.float32)
    (window,) = pack(samples, [Span(start=2, end=3), Span(start=30, end=31)])
    (_, first), (_, second) = window.pieces_of([_word("one", 0.4, 1.3), _word("two", 2.2, 2.8)])
    assert [(round(word.start, 2), round(word.end, 2)) for word in (*first, *second)] == [(2.0, 2.9), (30.0, 30.6)]
    ((_, alone),) = window.alone(window.pieces[1]).pieces_of([_word("two", 0.4, 1.0)])
    assert [round(word.start, 2) for word in alone] == [30.0]


@pytest.mark.parametrize("seconds", [10.0, 20.0])
def test_windows_are_no_longer_than_the_engine_likes_but_for_one_long_stretch(seconds: float) -> None:
    samples = np.zeros(100 * SAMPLE_RATE, np.float32)
    spans = [*(Span(start=4 * place, end=4 * place + 3) for place in range(10)), Span(start=60, end=85)]
    *packed, long = pack(samples, spans, seconds)
    assert all(window.audio.size <= seconds * SAMPLE_RATE for window in packed)
    assert (len(long.pieces), long.audio.size) == (1, round(25.8 * SAMPLE_RATE))


def test_one_stretch_can_be_taken_out_for_a_second_hearing() -> None:
    samples = np.arange(20 * SAMPLE_RATE, dtype=np.float32)
    (window,) = pack(samples, [Span(start=2, end=3), Span(start=10, end=11)])
    alone = window.alone(window.pieces[1])
    assert [piece.span for piece in alone.pieces] == [Span(start=10, end=11)]
    assert alone.audio[0] / SAMPLE_RATE == 9.6
    assert alone.audio.size == round(1.8 * SAMPLE_RATE)


def test_no_speech_gives_no_window() -> None:
    assert pack(np.zeros(1000, np.float32), []) == []
