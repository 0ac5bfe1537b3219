"""Charts: points inside the frame, round marks on the axes, the range where it belongs."""

import itertools
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care.stage_facts import ResultLine, ResultPoint, Words
from reports.charts import chart_of, ticks_across, ticks_upward

ZONE = ZoneInfo("Asia/Shanghai")
SINCE, UNTIL = date(2024, 1, 1), date(2026, 12, 31)


def a_line(*values: float, low: float | None = None, high: float | None = None, decimals: int = 1) -> ResultLine:
    begin = datetime(2024, 1, 1, tzinfo=UTC)
    return ResultLine(
        code="x",
        name=Words(zh="x", en="x"),
        unit="1",
        decimals=decimals,
        points=tuple(
            ResultPoint(at=begin + timedelta(days=30 * place), value=value, low=low, high=high, source="t")
            for place, value in enumerate(values)
        ),
    )


@given(
    values=st.lists(st.floats(0, 1e4, allow_nan=False).map(lambda each: round(each, 3)), min_size=1, max_size=36),
    bounds=st.one_of(
        st.just((None, None)), st.tuples(st.floats(0, 50).map(lambda each: round(each, 2)), st.just(120.0))
    ),
)
def test_every_point_mark_and_range_lies_inside_the_frame(
    values: list[float], bounds: tuple[float | None, float | None]
) -> None:
    low, high = bounds
    chart = chart_of(a_line(*values, low=low, high=high), since=SINCE, until=UNTIL, zone=ZONE)
    places = [part for point in chart.points for part in (point.across, point.upward)]
    places += [tick.place for tick in (*chart.across, *chart.upward)]
    places += list(chart.band or ())
    assert all(-0.001 <= place <= 1.001 for place in places), places
    assert 1 <= len(chart.upward) <= 8
    assert [point.out for point in chart.points] == [
        (low is not None and value < low) or (high is not None and value > high) for value in values
    ]


def test_a_larger_value_is_higher_and_a_later_one_further_right() -> None:
    chart = chart_of(a_line(5.77, 6.2, 5.9), since=SINCE, until=UNTIL, zone=ZONE)
    first, second, third = chart.points
    assert first.across < second.across < third.across
    assert first.upward < third.upward < second.upward


def test_an_open_range_reaches_the_edge() -> None:
    chart = chart_of(a_line(4.2, 5.9, high=5.19), since=SINCE, until=UNTIL, zone=ZONE)
    assert chart.band is not None
    assert chart.band[0] == 0
    upper = chart_of(a_line(1.0, 1.1, low=1.0), since=SINCE, until=UNTIL, zone=ZONE)
    assert upper.band is not None
    assert upper.band[1] == 1


def test_only_the_first_and_last_of_many_points_bear_their_numbers() -> None:
    few = chart_of(a_line(*range(6)), since=SINCE, until=UNTIL, zone=ZONE)
    assert [point.label for point in few.points] == ["0.0", "1.0", "2.0", "3.0", "4.0", "5.0"]
    many = chart_of(a_line(*range(7)), since=SINCE, until=UNTIL, zone=ZONE)
    assert [point.label for point in many.points] == ["0.0", "", "", "", "", "", "6.0"]


def test_a_number_stands_where_the_line_does_not_come_from() -> None:
    chart = chart_of(a_line(5, 4, 6), since=SINCE, until=UNTIL, zone=ZONE)
    assert [point.below for point in chart.points] == [False, True, False]


@pytest.mark.parametrize(
    ("since", "until", "labels"),
    [
        (date(2024, 1, 1), date(2026, 11, 15), ["2024", "2025", "2026"]),
        (date(2026, 1, 1), date(2026, 6, 30), ["2026-01", "2026-03", "2026-05"]),
        (date(2026, 1, 15), date(2026, 5, 20), ["2026-02", "2026-03", "2026-04", "2026-05"]),
        (date(2026, 10, 5), date(2026, 10, 9), ["10-05", "10-06", "10-07", "10-08", "10-09"]),
        (date(2026, 10, 5), date(2026, 10, 5), ["10-05"]),
    ],
)
def test_marks_across_are_firsts_of_years_months_or_days(since: date, until: date, labels: list[str]) -> None:
    assert [tick.label for tick in ticks_across(since, until)] == labels


@pytest.mark.parametrize(("low", "high"), [(90, 162), (3.9, 6.4), (0.96, 1.14), (0, 27), (-5, 5)])
def test_marks_upward_are_round_and_between(low: float, high: float) -> None:
    ticks = ticks_upward(low, high)
    assert 2 <= len(ticks) <= 8
    assert all(low - 1e-6 <= tick <= high + 1e-6 for tick in ticks)
    assert len({round(two - one, 6) for one, two in itertools.pairwise(ticks)}) == 1
