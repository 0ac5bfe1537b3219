"""`suifang calendar`: what is known of working days and holidays, and loading what the packages know."""

from datetime import date

from db.engine import make_engine
from db.unit_of_work import UnitsOfWork
from followup.calendars import DayKind, WorkCalendar
from interop.calendar_source import load_calendar

YEARS_BACK = 1
YEARS_AHEAD = 2
"""Years loaded around the present one: windows reach that far, reports look back that far."""


def load(units: UnitsOfWork, region: str, *, first: int | None = None, last: int | None = None) -> str:
    """Load a region's calendar and say in a sentence what changed and what is still unknown."""
    with units() as uow:
        today = uow.now.date()
        first, last = first or today.year - YEARS_BACK, last or today.year + YEARS_AHEAD
        changed = load_calendar(uow, region, first=first, last=last)
        calendar = uow.calendar.of(region)
        uow.commit()
    told = f"{region}: {', '.join(map(str, changed)) or 'nothing'} changed"
    warning = calendar.warning(date(first, 1, 1), date(last, 12, 31))
    return f"{told}\n{warning}" if warning else told


def ensure_loaded(database_url: str, region: str) -> None:
    """Bring a fresh or older installation's calendar to what the packages know now."""
    engine = make_engine(database_url, application="suifang-calendar")
    try:
        load(UnitsOfWork(engine), region)
    finally:
        engine.dispose()


def shown(units: UnitsOfWork, region: str, year: int) -> str:
    """A year as the system knows it, one line for each day that is not as its weekday says."""
    with units() as uow:
        calendar = uow.calendar.of(region)
    return "\n".join(_lines(calendar, year))


def _lines(calendar: WorkCalendar, year: int) -> list[str]:
    known = calendar.years.get(year)
    warning = calendar.warning(date(year, 1, 1), date(year, 12, 31))
    head = [f"{calendar.region} {year}: from {known.source}"] if known else []
    days = [
        f"{day.day.isoformat()}  {'holiday' if day.kind is DayKind.HOLIDAY else 'worked '}  {day.name}".rstrip()
        for day in sorted(calendar.days.values(), key=lambda day: day.day)
        if day.day.year == year
    ]
    return [*head, *([warning] if warning else []), *days]
