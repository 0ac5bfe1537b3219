"""Indicators: the worked numbers of the definitions, the interval, the warnings, and what is not told."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from followup.indicators import (
    BY_CODE,
    INDICATORS,
    Cell,
    Dimension,
    Family,
    Figure,
    Month,
    Narrowing,
    figure,
    month_of,
    stretches,
    told_by,
    wilson,
)

# 420 discharges due, 5 died before the window, 331 completed of which 298 inside it, 37 lost, 9 refused, 38 open.
TASKS = {
    "planned": 415,
    "cohort": 415,
    "died_before": 5,
    "completed": 331,
    "timely": 298,
    "lost": 37,
    "refused": 9,
}
STAYS = {"discharges": 420, "discharges_alive": 415, "followed": 331}


def of(code: str, family: Family, **counts: float) -> Figure:
    return figure(BY_CODE[code], [Cell(family=family, counts=counts)])


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("discharges_followed", 78.81),
        ("discharges_followed_without_deaths", 79.76),
        ("completion_with_deaths", 78.81),
        ("completion", 79.76),
        ("timely", 71.81),
        ("timely_with_deaths", 70.95),
        ("lost", 8.92),
        ("refused", 2.17),
    ],
)
def test_the_worked_discharges_come_out_to_two_decimals(code: str, value: float) -> None:
    family = BY_CODE[code].families[0]
    assert of(code, family, **(TASKS if family is Family.TASKS else STAYS)).value == value


def test_the_worked_survey_comes_out() -> None:
    counts = {
        "rated": 300,
        "satisfied": 250,
        "rated_top": 140,
        "rating_sum": 1266,
        "recommended": 300,
        "promoters": 180,
        "detractors": 45,
    }
    assert of("satisfaction", Family.SURVEYS, **counts).value == 83.33
    assert of("top_box", Family.SURVEYS, **counts).value == 46.67
    assert of("recommendation", Family.SURVEYS, **counts).value == 45.0
    assert of("mean_rating", Family.SURVEYS, **counts).value == 4.22


def test_more_detractors_than_promoters_is_below_zero() -> None:
    assert of("recommendation", Family.SURVEYS, recommended=100, promoters=10, detractors=60).value == -50.0


def test_fourteen_abandoned_and_486_connected_are_two_point_eight_percent() -> None:
    assert of("dialer_abandonment", Family.CALLS, left_alone=14, joined_ahead=486).value == 2.8


def test_the_composite_is_the_mean_of_the_questions_and_not_of_the_answers() -> None:
    counts = {"item_rated.a": 100.0, "item_top.a": 100.0, "item_rated.b": 20.0, "item_top.b": 0.0}
    assert of("top_box_composite", Family.SURVEYS, **counts).value == 50.0


@pytest.mark.parametrize(
    ("part", "total", "low", "high"),
    # Newcombe 1998 (Statistics in Medicine 17, 857-872), table I, method 3: score without continuity correction.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_is_wilsons_as_published(part: int, total: int, low: float, high: float) -> None:
    assert wilson(part, total) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 100_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_the_share_and_stays_between_none_and_all(counted: tuple[int, int]) -> None:
    part, total = counted
    low, high = wilson(part, total)
    assert 0.0 <= low <= part / total + 1e-12
    assert part / total - 1e-12 <= high <= 1.0


def test_fewer_than_thirty_are_marked_and_thirty_are_not() -> None:
    assert of("completion", Family.TASKS, planned=29, completed=20).small
    assert not of("completion", Family.TASKS, planned=30, completed=20).small


def test_opinions_of_fewer_than_ten_are_hidden_with_their_numerator() -> None:
    hidden = of("satisfaction", Family.SURVEYS, rated=9, satisfied=9)
    assert (hidden.hidden, hidden.value, hidden.numerator, hidden.low) == (True, None, None, None)
    assert of("satisfaction", Family.SURVEYS, rated=10, satisfied=9).value == 90.0


def test_of_nothing_there_is_no_figure_and_it_is_not_called_hidden() -> None:
    for indicator in INDICATORS:
        nothing = figure(indicator, [])
        assert not nothing.hidden
        assert nothing.value is None or indicator.code == "planned"


def test_durations_give_median_and_ninetieth_over_all_cells() -> None:
    cells = [
        Cell(family=Family.ALERTS, spans={"red_seconds": [float(second) for second in range(1, 6)]}),
        Cell(family=Family.ALERTS, spans={"red_seconds": [float(second) for second in range(6, 11)]}),
        Cell(family=Family.ALERTS, spans={"amber_seconds": [9_999.0]}),
    ]
    told = figure(BY_CODE["alert_response_red"], cells)
    assert (told.denominator, told.value, told.ninetieth) == (10, 5.5, 9.0)


def test_counts_of_another_family_with_the_same_name_are_left_alone() -> None:
    cells = [
        Cell(family=Family.CALLS, counts={"answered": 5, "dialed": 10}),
        Cell(family=Family.INBOUND, counts={"answered": 90}),
    ]
    assert figure(BY_CODE["answer_seizure"], cells).value == 50.0


def test_an_indicator_is_not_told_by_what_is_not_known_of_it() -> None:
    by_agent = {indicator.code for indicator in told_by(INDICATORS, frozenset({Dimension.AGENT}))}
    assert "connect" in by_agent
    assert {"discharges_followed", "complaint_closing", "complaints_per_contact"}.isdisjoint(by_agent)


def test_a_reader_of_one_department_gets_only_its_cells() -> None:
    mine = Narrowing(departments=("心内科",))
    assert mine.takes(Cell(family=Family.TASKS, department="心内科"))
    assert not mine.takes(Cell(family=Family.TASKS, department="骨科"))
    assert not Narrowing(queue="q1", departments=("心内科",)).takes(Cell(family=Family.TASKS, department="心内科"))


def test_a_months_figures_freeze_on_the_fifth_of_the_next_in_hospital_time() -> None:
    assert month_of(date(2026, 12, 31)).freezes_at(ZoneInfo("Asia/Shanghai")) == datetime(2027, 1, 4, 16, tzinfo=UTC)


def test_a_stretch_of_days_is_cut_into_whole_months_and_the_rest() -> None:
    cut = stretches(date(2026, 1, 30), date(2026, 3, 5))
    assert [(part.first, part.last) for part in cut] == [
        (date(2026, 1, 30), date(2026, 1, 31)),
        (date(2026, 2, 1), date(2026, 2, 28)),
        (date(2026, 3, 1), date(2026, 3, 5)),
    ]
    assert [part.month for part in cut] == [None, Month(first=date(2026, 2, 1)), None]
