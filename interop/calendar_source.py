"""Where public holidays come from: the packages `chinesecalendar` and `holidays`, asked only here.

China's make-up working days are announced each autumn for the next year. `chinesecalendar` holds the years that were
announced when it was published and refuses the others; `holidays` computes China's festivals for any year, without
make-up days that nobody has announced yet, so it is not asked for China.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.metadata import version

import chinese_calendar
import holidays
import structlog

from db.unit_of_work import UnitOfWork
from followup.calendars import USUAL_WEEKEND, CalendarDay, CalendarYear, DayKind, UnknownRegionError

log = structlog.get_logger(__name__)

_CHINA = "CN"


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagedYear:
    """One year as a package knows it."""

    year: CalendarYear
    days: tuple[CalendarDay, ...]


def packaged_year(region: str, year: int) -> PackagedYear | None:
    """The year of a region, None if no package has it; UnknownRegionError if none knows the region."""
    return _chinese_year(year) if region == _CHINA else _year_elsewhere(region, year)


def load_calendar(uow: UnitOfWork, region: str, *, first: int, last: int) -> tuple[int, ...]:
    """Bring what the packages know of these years into the calendar table; the years that changed.

    What a person has entered stays.
    """
    changed = []
    for year in range(first, last + 1):
        found = packaged_year(region, year)
        if found is not None and uow.calendar.load_year(region, found.year, found.days, now=uow.now):
            changed.append(year)
    if changed:
        log.info("calendar_loaded", region=region, years=changed)
    return tuple(changed)


def _chinese_year(year: int) -> PackagedYear | None:
    # The package's own tables: asked for a day, it raises NotImplementedError for every year that it does not have.
    days = tuple(sorted(_chinese_days(year), key=lambda day: day.day))
    if not days:
        return None
    return PackagedYear(
        year=CalendarYear(year=year, weekend=USUAL_WEEKEND, source=f"chinesecalendar {version('chinesecalendar')}"),
        days=days,
    )


def _chinese_days(year: int) -> Iterator[CalendarDay]:
    for day, name in chinese_calendar.holidays.items():
        if day.year == year:
            yield CalendarDay(day=day, kind=DayKind.HOLIDAY, name=str(name))
    for day, name in chinese_calendar.workdays.items():
        if day.year == year:
            yield CalendarDay(day=day, kind=DayKind.MAKE_UP, name=str(name))


def _year_elsewhere(region: str, year: int) -> PackagedYear | None:
    known = _country(region)
    if not known.start_year <= year <= known.end_year:
        return None
    weekend = frozenset(number + 1 for number in known.weekend)
    known.get(date(year, 1, 1))  # the package works a year out when a day of it is first asked for
    off = [CalendarDay(day=day, kind=DayKind.HOLIDAY, name=name) for day, name in known.items() if day.year == year]
    made_up = [
        CalendarDay(day=day, kind=DayKind.MAKE_UP) for day in getattr(known, "weekend_workdays", ()) if day.year == year
    ]
    return PackagedYear(
        year=CalendarYear(year=year, weekend=weekend, source=f"holidays {version('holidays')}"),
        days=tuple(sorted((*off, *made_up), key=lambda day: day.day)),
    )


@cache
def _country(region: str) -> holidays.HolidayBase:
    country, _, part = region.partition("-")
    try:
        return holidays.country_holidays(country, subdiv=part or None)
    except NotImplementedError as error:
        raise UnknownRegionError(
            f"no calendar is known for {region!r} ({error}): write an ISO country such as CN or US, or a part of one "
            "such as GB-SCT"
        ) from error
