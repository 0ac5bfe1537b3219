"""Whose speech is heard next."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from followup.captions import Caption
from followup.recordings import Channel
from transcription.caption_order import GIVEN_UP_SECONDS, given_up, next_to_hear, written_already
from transcription.live_ear import Waiting
from transcription.live_stretches import Stretch


def waits(end: float, *, over: bool = True, channel: Channel = Channel.PATIENT) -> Waiting:
    sound = np.zeros(16, dtype=np.float32)
    return Waiting(channel=channel, stretch=Stretch(id=str(end), start=end - 2, end=end, sound=sound, is_over=over))


def test_nothing_waits_and_nothing_is_chosen() -> None:
    assert next_to_hear({"a": [], "b": []}, {}) is None


def test_of_one_call_the_newest_speech_comes_first() -> None:
    older, newer = waits(10), waits(14)
    assert next_to_hear({"a": [older, newer]}, {}) == ("a", newer)


def test_what_is_over_comes_before_what_goes_on() -> None:
    over, going = waits(10), waits(14, over=False)
    assert next_to_hear({"a": [going], "b": [over]}, {"a": 1.0, "b": 5.0}) == ("b", over)
    assert next_to_hear({"a": [going, over]}, {}) == ("a", over)


def test_the_call_that_was_served_longest_ago_comes_first() -> None:
    mine, other = waits(10), waits(10)
    assert next_to_hear({"a": [mine], "b": [other]}, {"a": 2.0, "b": 1.0}) == ("b", other)
    assert next_to_hear({"a": [mine], "b": [other]}, {"a": 2.0}) == ("b", other)


@given(st.lists(st.integers(1, 5), min_size=2, max_size=6))
def test_every_call_is_served_before_any_is_served_again(counts: list[int]) -> None:
    waiting = {str(call): [waits(10 + place) for place in range(count)] for call, count in enumerate(counts)}
    served: dict[str, float] = {}
    order: list[str] = []
    while (chosen := next_to_hear(waiting, served)) is not None:
        call, one = chosen
        waiting[call].remove(one)
        served[call] = len(order) + 1.0
        order.append(call)
    assert len(order) == sum(counts)
    assert len(set(order[: len(counts)])) == len(counts)


def test_what_waited_too_long_is_left_to_the_transcript_and_never_what_goes_on() -> None:
    old, new, going = waits(10), waits(20), waits(10, over=False)
    assert given_up([old, new, going], 10 + GIVEN_UP_SECONDS + 0.1) == [old]


@pytest.mark.parametrize(
    ("captions", "written"),
    [
        ([(8.0, 10.0)], True),
        ([(8.2, 9.7)], True),  # a model's times are not those of the voice activity
        ([(8.0, 8.9), (9.0, 10.0)], True),
        ([(0.0, 8.9)], False),  # its larger part is new
        ([(7.0, 8.0)], False),
        ([], False),
    ],
)
def test_what_stands_in_a_caption_of_its_side_already_is_not_written_again(
    captions: list[tuple[float, float]], *, written: bool
) -> None:
    earlier = [
        Caption(
            id=str(start), recording_id="r", channel=Channel.PATIENT, start=start, end=end, text="我", stable=1,
            final=True, confidence=0.9,
        )
        for start, end in captions
    ]  # fmt: skip
    assert written_already(waits(10), earlier) is written
    assert not written_already(waits(10, channel=Channel.AGENT), earlier)


def test_a_long_stretch_of_which_a_second_is_new_is_heard_again() -> None:
    sound = np.zeros(16, dtype=np.float32)
    long = Waiting(channel=Channel.PATIENT, stretch=Stretch(id="s", start=0, end=10, sound=sound, is_over=True))
    most = Caption(
        id="c", recording_id="r", channel=Channel.PATIENT, start=0.0, end=8.5, text="我", stable=1, final=True,
        confidence=0.9,
    )  # fmt: skip
    assert not written_already(long, [most])
