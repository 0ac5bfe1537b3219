"""Goals decided from results alone: in whatever order they come, however often, and after corrections."""

import random
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from care.goals import (
    Comparator,
    GoalNotPossibleError,
    GoalState,
    GoalVerdict,
    Target,
    check_goal,
    verdict_on,
)
from care.observations import Observation, ObservationStatus
from care.patients import PatientId
from runtime.content.library import Content
from runtime.settings import REPOSITORY

SHANGHAI = ZoneInfo("Asia/Shanghai")
START, DUE = date(2026, 9, 1), date(2026, 11, 30)
PRESSURE = (
    Target(code="systolic", comparator=Comparator.BELOW, value=140),
    Target(code="diastolic", comparator=Comparator.BELOW, value=90),
)


def result(code: str, value: float | None, day: int, *, hour: int = 2, name: str = "", **more: object) -> Observation:
    taken_at = datetime(2026, 9, 1, hour, tzinfo=UTC) + timedelta(days=day)
    values = {"unit": "mm[Hg]", "source": "hand:1", "recorded_at": taken_at, **more}
    key = name or f"{code}/{day}/{hour}"
    return Observation(
        id=key,
        patient_id=PatientId("p"),
        code=code,
        value=value,
        taken_at=taken_at,
        source_key=key,
        **values,  # type: ignore[arg-type]
    )


def pressure(systolic: float, diastolic: float, day: int, **more: object) -> list[Observation]:
    return [result("systolic", systolic, day, **more), result("diastolic", diastolic, day, **more)]  # type: ignore[arg-type]


def verdict(results: list[Observation], *, readings: int = 2, today: date = date(2026, 10, 1)) -> GoalVerdict:
    return verdict_on(PRESSURE, readings, starts_on=START, due_on=DUE, results=results, zone=SHANGHAI, today=today)


def test_pressure_below_140_90_on_two_days_in_a_row_closes_the_goal_as_achieved() -> None:
    results = pressure(152, 94, 0) + pressure(138, 88, 7) + pressure(136, 84, 14)
    found = verdict(results)
    assert found.state is GoalState.ACHIEVED
    assert set(found.evidence) == {"systolic/7/2", "diastolic/7/2", "systolic/14/2", "diastolic/14/2"}
    assert verdict(results[:4]).state is GoalState.ACTIVE
    assert verdict(results[:4], readings=1).state is GoalState.ACHIEVED


def test_one_of_the_two_above_its_limit_begins_the_row_anew() -> None:
    results = pressure(138, 88, 1) + pressure(136, 90, 2) + pressure(136, 84, 3)
    assert verdict(results).state is GoalState.ACTIVE
    assert verdict(results + pressure(130, 80, 4)).state is GoalState.ACHIEVED


def test_the_last_result_of_a_day_counts_and_a_day_with_half_a_pair_counts_nothing() -> None:
    morning_low = pressure(130, 80, 1, hour=0) + pressure(160, 95, 1, hour=9)
    assert verdict(morning_low + pressure(130, 80, 2)).state is GoalState.ACTIVE
    half = [*pressure(130, 80, 1), result("systolic", 131, 2), *pressure(132, 81, 3)]
    assert verdict(half).state is GoalState.ACHIEVED


@pytest.mark.parametrize(
    "spoiled",
    [
        {"status": ObservationStatus.ENTERED_IN_ERROR},
        {"status": ObservationStatus.PRELIMINARY},
        {"superseded_at": datetime(2026, 9, 20, tzinfo=UTC)},
        {"value": None},
    ],
)
def test_what_was_taken_back_superseded_or_not_final_proves_nothing(spoiled: dict[str, object]) -> None:
    first, second = pressure(130, 80, 1), pressure(131, 81, 2)
    for name, value in spoiled.items():
        setattr(second[0], name, value)
    assert verdict(first + second).state is GoalState.ACTIVE


def test_results_before_its_first_day_or_after_its_last_prove_nothing_and_the_last_day_passes() -> None:
    outside = pressure(120, 70, -2) + pressure(121, 71, -1) + pressure(122, 72, 95) + pressure(122, 72, 96)
    assert verdict(outside).state is GoalState.ACTIVE
    assert verdict(outside, today=DUE).state is GoalState.ACTIVE
    assert verdict(outside, today=DUE + timedelta(days=1)).state is GoalState.MISSED


def test_a_day_is_a_day_of_the_hospital_and_not_of_greenwich() -> None:
    # 23:30 UTC is already the next morning in Shanghai: two days, not one.
    results = pressure(130, 80, 1, hour=10) + pressure(131, 81, 1, hour=23)
    assert verdict(results).state is GoalState.ACHIEVED


days = st.lists(
    st.tuples(st.integers(-5, 100), st.integers(100, 180), st.integers(60, 110), st.integers(0, 23)),
    max_size=12,
    unique_by=lambda one: (one[0], one[3]),
)


@settings(max_examples=60, deadline=None)
@given(days, st.integers(1, 3), st.randoms(use_true_random=False))
def test_the_order_in_which_results_come_in_makes_no_difference(
    measured: list[tuple[int, int, int, int]], readings: int, dice: random.Random
) -> None:
    results = [one for day, high, low, hour in measured for one in pressure(high, low, day, hour=hour)]
    shuffled = list(results)
    dice.shuffle(shuffled)
    assert verdict(results, readings=readings) == verdict(shuffled, readings=readings)


@settings(max_examples=60, deadline=None)
@given(days, st.integers(1, 3))
def test_without_a_day_on_target_no_goal_is_achieved(measured: list[tuple[int, int, int, int]], readings: int) -> None:
    high = [one for day, value, low, hour in measured for one in pressure(max(value, 140), low, day, hour=hour)]
    assert verdict(high, readings=readings).state is GoalState.ACTIVE


def test_a_goal_of_which_nothing_could_come_is_refused() -> None:
    low = Target(code="glucose", comparator=Comparator.BELOW, value=4)
    high = Target(code="glucose", comparator=Comparator.ABOVE, value=7)
    for targets, readings, due_on in (((), 1, DUE), (PRESSURE, 0, DUE), (PRESSURE, 1, date(2026, 8, 1)),
                                      (PRESSURE, 4, date(2026, 9, 3)), ((low, high), 1, DUE)):  # fmt: skip
        with pytest.raises(GoalNotPossibleError):
            check_goal(targets, readings, START, due_on)
    check_goal(PRESSURE, 2, START, DUE)


def test_a_template_is_offered_by_illness_and_age() -> None:
    goals = Content(REPOSITORY / "content").goals
    offered = {name for name, one in goals.items() if one.offered_to(frozenset({"hypertension"}), 58)}
    assert offered == {"blood_pressure_140_90"}
    assert goals["blood_pressure_150_90"].offered_to(frozenset({"hypertension"}), 66)
    assert not goals["blood_pressure_150_90"].offered_to(frozenset({"hypertension"}), None)
    assert not goals["hba1c_7"].offered_to(frozenset({"diabetes", "pregnancy"}), 30)
