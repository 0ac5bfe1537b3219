"""Working days: holidays, make-up working days, due dates, and years of which nobody knows anything."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from followup.calendars import CalendarDay, CalendarYear, DayKind, UnknownRegionError, WorkCalendar
from interop.calendar_source import packaged_year


def calendar_of(region: str, *years: int) -> WorkCalendar:
    found = [known for year in years if (known := packaged_year(region, year)) is not None]
    return WorkCalendar(
        region=region,
        years={known.year.year: known.year for known in found},
        days={day.day: day for known in found for day in known.days},
    )


CHINA = calendar_of("CN", 2025, 2026, 2027)


def test_national_day_2026_is_off_and_its_make_up_days_are_worked() -> None:
    assert CHINA.is_public_holiday(date(2026, 10, 1))
    assert not CHINA.is_working_day(date(2026, 10, 7))
    assert date(2026, 10, 10).isoweekday() == 6
    assert CHINA.is_working_day(date(2026, 10, 10))
    assert CHINA.is_working_day(date(2026, 9, 20))
    assert not CHINA.is_public_holiday(date(2026, 10, 10))


def test_due_dates_pass_over_the_holiday_and_count_the_make_up_day() -> None:
    assert CHINA.add_working_days(date(2026, 9, 29), 5) == date(2026, 10, 12)
    assert CHINA.add_working_days(date(2026, 9, 29), 10) == date(2026, 10, 19)
    assert CHINA.add_working_days(date(2026, 10, 12), -5) == date(2026, 9, 29)


def test_a_year_nobody_announced_falls_back_to_weekdays_and_says_so() -> None:
    assert packaged_year("CN", 2030) is None
    assert not CHINA.covers(date(2030, 10, 1))
    assert CHINA.is_working_day(date(2030, 10, 1))
    assert CHINA.warning(date(2026, 1, 1), date(2026, 12, 31)) is None
    assert "2030" in (CHINA.warning(date(2026, 12, 1), date(2030, 1, 5)) or "")


def test_other_countries_and_their_parts_have_their_own_holidays_and_weekends() -> None:
    assert calendar_of("US", 2027).is_public_holiday(date(2027, 11, 25))
    assert calendar_of("GB-SCT", 2027).is_public_holiday(date(2027, 11, 30))
    assert not calendar_of("GB-ENG", 2027).is_public_holiday(date(2027, 11, 30))
    assert calendar_of("SA", 2027).is_working_day(date(2027, 6, 6))  # a Sunday


def test_a_country_that_nobody_knows_is_refused_in_words() -> None:
    with pytest.raises(UnknownRegionError, match="CN or US"):
        packaged_year("XX", 2026)


def test_a_week_without_a_working_day_is_refused() -> None:
    with pytest.raises(ValueError, match="never all"):
        CalendarYear(year=2026, weekend=frozenset(range(1, 8)))


@st.composite
def calendars(draw: st.DrawFn) -> WorkCalendar:
    days = draw(st.dictionaries(st.dates(date(2026, 1, 1), date(2027, 12, 31)), st.sampled_from(DayKind), max_size=40))
    weekend = draw(st.frozensets(st.integers(1, 7), max_size=6))
    return WorkCalendar(
        region="CN",
        years={2026: CalendarYear(year=2026, weekend=weekend)},
        days={day: CalendarDay(day=day, kind=kind) for day, kind in days.items()},
    )


@given(calendars(), st.dates(date(2026, 1, 1), date(2027, 6, 30)), st.integers(1, 30))
def test_adding_working_days_lands_on_one_and_passes_exactly_so_many(
    calendar: WorkCalendar, day: date, count: int
) -> None:
    landed = calendar.add_working_days(day, count)
    assert calendar.is_working_day(landed)
    passed = [day + timedelta(days=n) for n in range(1, (landed - day).days + 1)]
    assert sum(map(calendar.is_working_day, passed)) == count
    assert calendar.add_working_days(calendar.next_working_day(day), -count) < day + timedelta(days=1)


@given(calendars(), st.dates(date(2026, 1, 1), date(2027, 6, 30)))
def test_the_next_and_previous_working_days_leave_a_working_day_alone(calendar: WorkCalendar, day: date) -> None:
    before, after = calendar.previous_working_day(day), calendar.next_working_day(day)
    assert before <= day <= after
    assert (before == day) == (after == day) == calendar.is_working_day(day)
