"""When a number's answer rate has fallen so far that somebody must look."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from followup.caller_ids import AlarmRule, CallerIdDay, fall_of, wilson_interval

TODAY = date(2026, 5, 20)
RULE = AlarmRule()


def day(tries: int, answered: int, *, ago: int = 0, number: str = "+861055550000") -> CallerIdDay:
    return CallerIdDay(caller_id=number, day=TODAY - timedelta(days=ago), tries=tries, answered=answered)


USUAL = [day(100, 60, ago=ago) for ago in range(1, 11)]


@pytest.mark.parametrize(
    ("tries", "answered", "falls"),
    [
        (100, 60, False),  # as ever
        (100, 50, False),  # chance
        (100, 30, True),
        (30, 9, True),
        (29, 0, False),  # too few to say anything
        (30, 12, False),  # could still be chance
        (3000, 1650, False),  # certain, but small
        (50, 0, True),
    ],
)
def test_a_day_is_judged_against_the_numbers_own_history(tries: int, answered: int, falls: bool) -> None:
    found = fall_of(day(tries, answered), USUAL, RULE)
    assert (found is not None) is falls
    if found is not None:
        assert found.usual_rate == pytest.approx(0.6)
        assert found.upper_rate < found.usual_rate


def test_days_of_other_numbers_of_long_ago_and_of_the_future_do_not_count() -> None:
    others = [
        *(day(1000, 900, ago=ago, number="+861055550001") for ago in range(1, 10)),
        day(1000, 900, ago=15),
        day(1000, 900, ago=-1),
        day(1000, 900, ago=0),
    ]
    assert fall_of(day(100, 10), others, RULE) is None
    assert fall_of(day(100, 10), [*others, day(100, 60, ago=14)], RULE) is not None


def test_a_number_without_a_history_raises_nothing() -> None:
    assert fall_of(day(100, 0), [], RULE) is None
    assert fall_of(day(100, 0), [day(99, 60, ago=1)], RULE) is None


@pytest.mark.parametrize(
    ("successes", "tries", "low", "high"),
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0), (81, 263, 0.2553, 0.3662)],
)
def test_the_interval_is_wilsons(successes: int, tries: int, low: float, high: float) -> None:
    assert wilson_interval(successes, tries, 1.96) == pytest.approx((low, high), abs=5e-4)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_the_share_and_stays_within_bounds(counts: tuple[int, int]) -> None:
    low, high = wilson_interval(*counts, 2.576)
    assert 0.0 <= low <= counts[0] / counts[1] + 1e-12
    assert counts[0] / counts[1] - 1e-12 <= high <= 1.0
