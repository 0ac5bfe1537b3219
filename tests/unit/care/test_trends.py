"""Slopes and classes of results, against published vectors and against brute sense."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care.result_classes import bmi_of
from care.trends import MOST_POINTS, Per, Point, slope_of
from runtime.content.library import Content
from runtime.settings import REPOSITORY

CONTENT = Content(REPOSITORY / "content")
BEGIN = datetime(2023, 1, 1, tzinfo=UTC)
YEAR = timedelta(days=365.2425)


def yearly(*values: float) -> list[Point]:
    return [Point(at=BEGIN + place * YEAR, value=value) for place, value in enumerate(values)]


def test_a_steady_rise_is_its_slope_and_one_slip_of_the_pen_does_not_bend_it() -> None:
    straight = slope_of(yearly(5.0, 5.5, 6.0, 6.5, 7.0, 7.5))
    assert straight is not None
    assert straight.per is Per.YEAR
    assert straight.value == pytest.approx(0.5)
    assert straight.is_clear
    slipped = slope_of(yearly(5.0, 5.5, 60.0, 6.5, 7.0, 7.5))
    assert slipped is not None
    assert slipped.value == pytest.approx(0.5, abs=0.1)


def test_noise_is_no_clear_trend_and_two_points_are_none() -> None:
    noise = slope_of(yearly(5.0, 6.0, 5.1, 5.9, 5.0, 5.8))
    assert noise is not None
    assert not noise.is_clear
    assert slope_of(yearly(5.0, 6.0)) is None
    assert slope_of([Point(at=BEGIN, value=value) for value in (1.0, 2.0, 3.0)]) is None
    assert slope_of([]) is None


def test_scores_of_days_3_14_and_30_are_told_by_the_week() -> None:
    points = [Point(at=BEGIN + timedelta(days=day), value=value) for day, value in ((3, 14), (14, 9), (30, 5))]
    slope = slope_of(points)
    assert slope is not None
    assert slope.per is Per.WEEK
    assert slope.value == pytest.approx(-2.33, abs=0.01)


def test_more_points_than_pairs_can_be_looked_at_are_refused() -> None:
    with pytest.raises(ValueError, match="median of each week"):
        slope_of([Point(at=BEGIN + timedelta(hours=hour), value=1.0) for hour in range(MOST_POINTS + 1)])


@given(
    slope=st.floats(-5, 5).map(lambda value: round(value, 3)),
    start=st.floats(0, 100),
    days=st.lists(st.integers(0, 2000), min_size=3, max_size=30, unique=True),
)
def test_any_straight_line_is_found_within_its_bounds(slope: float, start: float, days: list[int]) -> None:
    points = [Point(at=BEGIN + timedelta(days=day), value=start + slope * day) for day in days]
    found = slope_of(points)
    assert found is not None
    assert found.value == pytest.approx(slope * (found.per.length / timedelta(days=1)), abs=1e-6)
    assert found.low <= found.value + 1e-9
    assert found.high >= found.value - 1e-9


@pytest.mark.parametrize(
    ("systolic", "diastolic", "place", "band", "isolated"),
    [
        (152, 108, "office", "grade2", None),
        (146, 84, "office", "grade1", "systolic"),
        (138, 92, "office", "grade1", "diastolic"),
        (119, 79, "office", "normal", None),
        (120, 70, "office", "high_normal", None),
        (139, 89, "office", "high_normal", None),
        (140, 90, "office", "grade1", None),
        (180, 80, "office", "grade3", "systolic"),
        (135, 84, "home", "high", "systolic"),
        (134, 84, "home", "not_high", None),
        (129, 80, "ambulatory_24h", "high", "diastolic"),
        (119, 69, "ambulatory_night", "not_high", None),
    ],
)
def test_blood_pressure_has_its_class(
    systolic: float, diastolic: float, place: str, band: str, isolated: str | None
) -> None:
    found = CONTENT.result_classes.pressure().class_of(systolic, diastolic, place=place)
    assert (found.band.code, found.isolated) == (band, isolated)


@pytest.mark.parametrize(
    ("concept", "value", "sex", "age", "code"),
    [
        ("bmi", 18.4, None, 40, "low"),
        ("bmi", 18.5, None, 40, "normal"),
        ("bmi", 23.99, None, 40, "normal"),
        ("bmi", 24.0, None, 40, "overweight"),
        ("bmi", 28.0, None, 40, "obese"),
        ("bmi", 28.0, None, 17, None),
        ("bmi", 28.0, None, None, None),
        ("waist", 85, "male", 40, "pre_central"),
        ("waist", 90, "male", 40, "central"),
        ("waist", 85, "female", 40, "central"),
        ("waist", 79.9, "female", 40, "normal"),
        ("waist", 90, None, 40, None),
        ("glucose_fasting", 6.09, None, None, "normal"),
        ("glucose_fasting", 6.1, None, None, "impaired"),
        ("glucose_fasting", 7.0, None, None, "diabetes_range"),
        ("glucose_2h", 7.8, None, None, "impaired"),
        ("glucose_2h", 11.1, None, None, "diabetes_range"),
        ("hba1c", 6.4, None, None, "below_diabetes_range"),
        ("hba1c", 6.5, None, None, "diabetes_range"),
    ],
)
def test_a_result_has_its_class_and_whom_it_is_not_meant_for_none(
    concept: str, value: float, sex: str | None, age: int | None, code: str | None
) -> None:
    found = CONTENT.result_classes.banded()[concept].class_of(value, sex=sex, age=age)
    assert (found.code if found else None) == code


def test_the_body_mass_index_of_the_vector() -> None:
    bmi = bmi_of(weight_kg=72, height_cm=170)
    assert round(bmi, 2) == 24.91
    band = CONTENT.result_classes.banded()["bmi"].class_of(bmi, sex="male", age=40)
    assert band is not None
    assert band.code == "overweight"
