"""Working days and public holidays of a country or region, make-up working days included; unknown years say so."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

USUAL_WEEKEND = frozenset({6, 7})
"""ISO weekdays off where nobody has told otherwise."""

_ONE_DAY = timedelta(days=1)


class UnknownRegionError(ValueError):
    """Nobody knows a calendar for the country or its part; the sentence says what to write."""


class DayKind(StrEnum):
    """What makes a day differ from its weekday."""

    HOLIDAY = "holiday"
    MAKE_UP = "make_up"  # a weekend day on which people work, for a day off elsewhere


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarDay:
    """A day that is not as its weekday says."""

    day: date
    kind: DayKind
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarYear:
    """A year that is known: its weekend, and where the knowledge comes from."""

    year: int
    weekend: frozenset[int] = USUAL_WEEKEND
    source: str = ""

    def __post_init__(self) -> None:
        if not self.weekend < set(range(1, 8)):
            raise ValueError(f"calendar year {self.year}: the weekend is some of the ISO weekdays 1 to 7, never all")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkCalendar:
    """The calendar of one region. A year that is not known counts as Monday to Friday without any holiday."""

    region: str
    years: Mapping[int, CalendarYear] = field(default_factory=dict)
    days: Mapping[date, CalendarDay] = field(default_factory=dict)

    def covers(self, day: date) -> bool:
        """True if the day's year is known; otherwise the answers are a guess by the weekday."""
        return day.year in self.years

    def is_public_holiday(self, day: date) -> bool:
        """True on a public holiday and on the days off that belong to it."""
        known = self.days.get(day)
        return known is not None and known.kind is DayKind.HOLIDAY

    def is_working_day(self, day: date) -> bool:
        """True on a working day; on a make-up day also at the weekend."""
        known = self.days.get(day)
        if known is not None:
            return known.kind is DayKind.MAKE_UP
        year = self.years.get(day.year)
        return day.isoweekday() not in (year.weekend if year else USUAL_WEEKEND)

    def add_working_days(self, day: date, count: int) -> date:
        """The working day that is `count` working days after `day` (before it, if negative); 0 is the day itself."""
        step = _ONE_DAY if count > 0 else -_ONE_DAY
        left = abs(count)
        while left:
            day += step
            left -= self.is_working_day(day)
        return day

    def working_days_between(self, first: date, last: date) -> int:
        """How many working days come after `first`, up to and with `last`; none if `last` is not later."""
        return sum(self.is_working_day(first + timedelta(days=count)) for count in range(1, (last - first).days + 1))

    def next_working_day(self, day: date) -> date:
        """The day itself if it is a working day, else the first one after it."""
        return day if self.is_working_day(day) else self.add_working_days(day, 1)

    def previous_working_day(self, day: date) -> date:
        """The day itself if it is a working day, else the last one before it."""
        return day if self.is_working_day(day) else self.add_working_days(day, -1)

    def unknown_years(self, first: date, last: date) -> tuple[int, ...]:
        """Years between two days of which nothing is known."""
        return tuple(year for year in range(first.year, last.year + 1) if year not in self.years)

    def warning(self, first: date, last: date) -> str | None:
        """What to tell whoever relies on these days, or None if all are known."""
        unknown = self.unknown_years(first, last)
        if not unknown:
            return None
        named = ", ".join(map(str, unknown))
        return (
            f"the calendar {self.region} knows nothing of {named}: Monday to Friday count as working days and no day "
            "as a holiday, until the year is loaded (suifang calendar load) or entered by an administrator"
        )
