"""Stretches of a waveform."""

from hypothesis import given
from hypothesis import strategies as st

from api.waveforms import Waveform, drawn

LANE = st.lists(st.integers(0, 100), max_size=300)


def stretch(agent: list[int], *, start: float = 0.0, end: float | None = None, most: int = 100) -> Waveform:
    return drawn({"per_second": 10, "agent": agent, "patient": agent[::-1]}, start=start, end=end, most=most)


@given(LANE, st.integers(1, 50))
def test_coarser_never_loses_the_loudest_moment_and_never_has_more_than_asked_for(lane: list[int], most: int) -> None:
    found = stretch(lane, most=most)
    assert len(found.agent) == len(found.patient) <= most
    assert max(found.agent, default=0) == max(found.patient, default=0) == max(lane, default=0)


def test_a_stretch_has_the_values_of_its_seconds() -> None:
    found = stretch(list(range(100)), start=2.0, end=3.0)
    assert (found.start, found.per_second) == (2.0, 10)
    assert found.agent == list(range(20, 30))


def test_half_as_many_values_stand_for_twice_as_long() -> None:
    found = stretch([1, 5, 2, 8], most=2)
    assert (found.per_second, found.agent, found.patient) == (5.0, [5, 8], [8, 5])


def test_behind_the_end_there_is_nothing() -> None:
    assert stretch([1, 2], start=60, end=70).agent == []
