"""Windows follow their anchor by the hospital's clock and calendar, and templates that cannot be are refused."""

from datetime import date, datetime, time, timedelta
from itertools import islice, pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.plan_steps import PlanSteps
from followup.calendars import WorkCalendar
from followup.offsets import Offset, OffsetUnit
from followup.plan_windows import next_window, occurrences, window_of, windows
from followup.plans import HolidayRule, TaskMode, TemplateStep
from interop.calendar_source import packaged_year
from runtime.content.library import Content
from runtime.settings import REPOSITORY
from tests.support.builders import a_step, a_template, an_instant, local_days
from tests.unit.followup.test_calendars import calendars
from tests.unit.followup.test_may_call_now import INSTANTS, ZONES

CONTENT = Content(REPOSITORY / "content")
HOURS = st.lists(st.integers(-1000, 10_000), min_size=3, max_size=3).map(
    lambda hours: tuple(timedelta(hours=offset) for offset in sorted(hours))
)
OFFSETS = st.builds(Offset, count=st.integers(-40, 400), unit=st.sampled_from(OffsetUnit))
SHIFTING_ZONES = (*ZONES, "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia")


def china() -> WorkCalendar:
    known = packaged_year("CN", 2026)
    assert known is not None
    return WorkCalendar(region="CN", years={2026: known.year}, days={day.day: day for day in known.days})


@given(offsets=st.lists(HOURS, min_size=1, max_size=6), anchor=INSTANTS, zone=st.sampled_from(SHIFTING_ZONES))
def test_every_window_holds_its_target_and_none_is_lost(
    offsets: list[tuple[timedelta, ...]], anchor: datetime, zone: str
) -> None:
    steps = [a_step(f"s{i}", earliest=e, target=t, latest=last) for i, (e, t, last) in enumerate(offsets)]
    found = windows(steps, anchor.astimezone(ZoneInfo(zone)), local_days(zone))
    assert {window.step.key for window in found} == {step.key for step in steps}
    assert [window.target_at for window in found] == sorted(window.target_at for window in found)
    for window in found:
        assert window.earliest_at <= window.target_at <= window.latest_at
        passed = window.target_at.timestamp() - anchor.timestamp()
        assert passed == pytest.approx(window.step.target.count * 3600)


@given(one=OFFSETS, two=OFFSETS, anchor=INSTANTS, zone=st.sampled_from(SHIFTING_ZONES[:-1]))
def test_an_offset_that_is_said_to_be_at_most_another_never_lies_behind_it(
    one: Offset, two: Offset, anchor: datetime, zone: str
) -> None:
    if one.is_at_most(two):
        assert one.after(anchor, ZoneInfo(zone)) <= two.after(anchor, ZoneInfo(zone))


@given(
    offsets=st.lists(OFFSETS, min_size=3, max_size=3),
    day=st.dates(date(2026, 1, 1), date(2027, 6, 30)),
    wall=st.times(),
    zone=st.sampled_from(SHIFTING_ZONES),
    calendar=calendars(),
    rule=st.sampled_from(HolidayRule),
)
def test_working_days_move_a_target_only_within_its_window(
    offsets: list[Offset], day: date, wall: time, zone: str, calendar: WorkCalendar, rule: HolidayRule
) -> None:
    days = local_days(zone, calendar)
    at = datetime.combine(day, wall, tzinfo=ZoneInfo(zone))
    earliest, target, latest = sorted(offsets, key=lambda offset: offset.after(at, days.zone))
    if not (earliest.is_at_most(target) and target.is_at_most(latest)):
        return
    step = a_step(earliest=earliest, target=target, latest=latest)
    plain = window_of(step, at, days)
    kept = window_of(a_step(earliest=earliest, target=target, latest=latest, holidays=rule), at, days)
    assert (kept.earliest_at, kept.latest_at) == (plain.earliest_at, plain.latest_at)
    assert kept.earliest_at <= kept.opens_at <= kept.target_at <= kept.latest_at
    if kept.target_at != plain.target_at:
        assert not calendar.is_working_day(plain.target_at.astimezone(days.zone).date())
        assert calendar.is_working_day(kept.target_at.astimezone(days.zone).date())


@given(
    every=st.builds(Offset, count=st.integers(1, 24), unit=st.sampled_from(OffsetUnit)),
    anchor=INSTANTS,
    zone=st.sampled_from(SHIFTING_ZONES),
    ahead=st.integers(0, 20),
    skipped=st.integers(0, 2000),
)
def test_what_comes_again_comes_later_each_time_and_one_is_planned_at_a_time(
    every: Offset, anchor: datetime, zone: str, ahead: int, skipped: int
) -> None:
    if every.shortest_hours <= 0:
        return
    step = a_step(latest=timedelta(0), every=every)
    days = local_days(zone)
    found = list(islice(occurrences(step, anchor, days), 6))
    assert all(one.target_at < two.target_at for one, two in pairwise(found)) or zone == "Pacific/Apia"
    now = anchor + timedelta(hours=skipped)
    following = next_window(step, anchor, days, after=ahead, now=now)
    assert following is not None
    assert following.occurrence > ahead
    assert following.latest_at > now


def test_a_repetition_ends_where_it_is_told_to() -> None:
    step = a_step(latest="3 d", target="0 d", earliest="0 d", every="1 mo", until="3 mo")
    found = list(occurrences(step, an_instant("2026-01-31 02:00"), local_days()))
    assert [window.target_at.date() for window in found] == [
        date(2026, 1, 31),
        date(2026, 2, 28),
        date(2026, 3, 31),
        date(2026, 4, 30),
    ]
    assert next_window(step, an_instant("2026-01-31 02:00"), local_days(), after=3, now=found[0].target_at) is None


def test_a_day_keeps_the_hour_of_the_local_clock_when_summer_time_begins() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    before = datetime(2026, 3, 28, 9, 0, tzinfo=berlin)
    assert Offset.parse("1 d").after(before, berlin).astimezone(berlin).hour == 9
    assert Offset.parse("24 h").after(before, berlin).astimezone(berlin).hour == 10
    left_out = Offset.parse("1 d").after(datetime(2026, 3, 28, 2, 30, tzinfo=berlin), berlin).astimezone(berlin)
    assert (left_out.day, left_out.hour, left_out.minute) == (29, 3, 30)


def test_a_target_in_the_holidays_goes_to_the_make_up_day_or_the_next_working_day_of_its_window() -> None:
    days = local_days(calendar=china())
    discharge = an_instant("2026-09-26 02:00")  # a Saturday, a day off; a week later all is closed
    step = a_step(earliest="5 d", target="7 d", latest="14 d", holidays=HolidayRule.NEXT)
    window = window_of(step, discharge, days)
    assert window.target_at == an_instant("2026-10-08 02:00")
    assert window.opens_at == an_instant("2026-10-07 16:00")  # the first minute of the 8th in Shanghai
    back = window_of(a_step(earliest="3 d", target="7 d", latest="8 d", holidays=HolidayRule.NEXT), discharge, days)
    assert back.target_at == an_instant("2026-09-30 02:00"), "the window ends in the holidays: the day before them"
    made_up = window_of(
        a_step(earliest="13 d", target="14 d", latest="15 d", holidays=HolidayRule.NEXT), discharge, days
    )
    assert made_up.target_at == an_instant("2026-10-10 02:00"), "a Saturday that is worked"


def test_the_shipped_discharge_plan_begins_a_day_after_the_discharge() -> None:
    first = windows(CONTENT.plans["T01"].steps, an_instant("2026-03-02 02:00"), local_days())[0]
    assert first.earliest_at == an_instant("2026-03-03 02:00")
    assert first.latest_at == an_instant("2026-03-05 02:00")


def test_all_sixteen_templates_are_there_each_with_its_source() -> None:
    assert {f"T{number:02}" for number in range(1, 17)} <= set(CONTENT.plans)
    for template in CONTENT.plans.values():
        assert template.status == "draft"
        assert len(template.source) > 40 or template.id.startswith("DEMO")


def test_an_anchor_without_its_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        windows(a_template().steps, datetime(2026, 3, 2), local_days())  # noqa: DTZ001 that is the fault


@pytest.mark.parametrize(
    "values",
    [
        {"earliest": timedelta(1), "target": timedelta(0), "latest": timedelta(2)},
        {"earliest": timedelta(0), "target": timedelta(2), "latest": timedelta(1)},
        {"earliest": "90 d", "target": "3 mo", "latest": "99 d"},
    ],
)
def test_a_step_out_of_order_in_any_month_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="step call: earliest, target and latest"):
        a_step(**values)


def test_an_automated_step_needs_a_flow() -> None:
    with pytest.raises(ValueError, match="needs a flow"):
        a_step(mode=TaskMode.AUTOMATED)


def test_a_repetition_that_would_run_into_itself_is_refused() -> None:
    with pytest.raises(ValueError, match="two occurrences would overlap"):
        a_step(earliest="0 d", target="4 d", latest="8 d", every="1 w")
    with pytest.raises(ValueError, match="how often"):
        a_step(until="1 y")


@pytest.mark.parametrize(
    "other",
    [
        {"earliest": "4 d", "target": "5 d", "latest": "6 d"},
        {"earliest": "1 d", "target": "1 d", "latest": "2 d", "every": "2 d"},
        {"earliest": "-9 d", "target": "-8 d", "latest": "-7 d", "every": "2 w"},
    ],
)
def test_two_steps_of_a_queue_whose_windows_meet_are_refused(other: dict[str, str]) -> None:
    one = a_step("one", earliest="3 d", target="4 d", latest="5 d")
    with pytest.raises(ValueError, match="steps one and two overlap in queue discharge"):
        a_template(one, a_step("two", **other))
    a_template(one, a_step("two", queue="doctors", **other))


@pytest.mark.parametrize(
    "other",
    [
        {"earliest": "5 d", "target": "5 d", "latest": "6 d"},
        {"earliest": "0 d", "target": "1 d", "latest": "1 d", "every": "2 d", "until": "2 d"},
        {"earliest": "6 d", "target": "7 d", "latest": "8 d", "every": "1 w"},
    ],
)
def test_two_steps_of_a_queue_that_only_touch_are_fine(other: dict[str, str]) -> None:
    template = a_template(a_step("one", earliest="3 d", target="4 d", latest="5 d"), a_step("two", **other))
    assert len(template.steps) == 2


def test_a_key_that_is_used_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="used twice"):
        a_template(a_step("one"), a_step("one", queue="doctors"))


def test_steps_are_equal_after_they_were_written_down() -> None:
    column = PlanSteps()
    steps: list[TemplateStep] = [step for template in CONTENT.plans.values() for step in template.steps]
    assert column.process_result_value(column.process_bind_param(steps, None), None) == steps  # type: ignore[arg-type]


def test_a_working_day_of_which_the_window_holds_only_the_night_is_not_waited_for() -> None:
    days = local_days()
    # A discharge on a Sunday at three in the morning: the window ends on Monday at three.
    discharged = an_instant("2026-03-07 19:00")
    step = a_step(earliest="-1 d", target="0 d", latest="1 d", holidays=HolidayRule.NEXT)
    (window,) = windows([step], discharged, days)
    assert (window.target_at, window.opens_at) == (discharged, window.earliest_at)
    # Twelve hours later there is a Monday to call on.
    (later,) = windows([step], discharged + timedelta(hours=12), days)
    assert later.target_at == discharged + timedelta(hours=36)
    assert later.opens_at == an_instant("2026-03-08 16:00")


def test_no_distance_from_an_hour_that_the_clock_shows_twice_is_that_hour_itself() -> None:
    second_time = an_instant("2026-11-01 06:30")  # 01:30 in New York, shown once already an hour before
    days = local_days("America/New_York")
    (window,) = windows([a_step(earliest="0 d", target="0 d", latest="1 d")], second_time, days)
    assert (window.earliest_at, window.target_at) == (second_time, second_time)
