"""Calendars of working days: what is known, and what an administrator enters where no package has it."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field, StringConstraints

from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Ask
from api.permissions import AdminCommanding, AdminOnly, Everybody
from api.problems import Kind, Problem, problems
from db.unit_of_work import UnitOfWork
from followup.calendars import CalendarDay, CalendarYear, DayKind

router = APIRouter(tags=["calendars"], route_class=Route)

Region = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")]
Year = Annotated[int, Field(ge=1900, le=2200)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]


class DayAsk(Ask):
    """What a day is, although its weekday says otherwise."""

    kind: DayKind
    name: Name = ""


class YearDayAsk(DayAsk):
    """A day of a year that is entered whole."""

    day: date


class YearAsk(Ask):
    """A whole year, as announced; what was known of it before is forgotten."""

    year: Year
    weekend: Annotated[frozenset[Annotated[int, Field(ge=1, le=7)]], Field(min_length=1, max_length=6)] = frozenset(
        {6, 7}
    )
    source: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=200)]
    days: Annotated[tuple[YearDayAsk, ...], Field(max_length=366)]


class DayAnswer(Answer):
    """A day that is not as its weekday says."""

    day: date
    kind: DayKind
    name: str


class CalendarAnswer(Answer):
    """One year of a region's calendar. With a warning, the answers to what is a working day are guesses."""

    region: str
    year: int
    known: bool
    source: str | None
    weekend: list[int]
    warning: str | None
    days: list[DayAnswer]


class CalendarsAnswer(Answer):
    """Regions of which something is known."""

    regions: list[str]


@router.get("/calendars")
def list_calendars(caller: Everybody, uow: Work) -> CalendarsAnswer:  # noqa: ARG001
    """The regions that have a calendar."""
    return CalendarsAnswer(regions=uow.calendar.regions())


@router.get("/calendars/{region}")
def read_calendar(
    region: Region,
    caller: Everybody,  # noqa: ARG001
    uow: Work,
    year: Annotated[int | None, Query(ge=1900, le=2200)] = None,
) -> CalendarAnswer:
    """A year of a region's calendar, the present one if none is named."""
    return _answer(uow, region, year or uow.now.year)


@router.post("/calendars/{region}/years")
def enter_year(region: Region, ask: YearAsk, caller: AdminCommanding, uow: Work) -> CalendarAnswer:
    """Enter a whole year; no package changes it any more."""
    strays = [day.day for day in ask.days if day.day.year != ask.year]
    if strays:
        raise Problem.of(Kind.INVALID_REQUEST, "days", f"{strays[0].isoformat()} is not in {ask.year}: enter it there")
    twice = {day.day for day in ask.days}
    if len(twice) != len(ask.days):
        raise Problem.of(Kind.INVALID_REQUEST, "days", "a day is there twice: say once what it is")
    uow.calendar.enter_year(
        region,
        CalendarYear(year=ask.year, weekend=ask.weekend, source=ask.source),
        [CalendarDay(day=day.day, kind=day.kind, name=day.name) for day in ask.days],
        by=caller.user_id,
        now=uow.now,
    )
    _audit(uow, caller, "calendar_year_entered", f"{region}/{ask.year}", {"days": len(ask.days), "source": ask.source})
    return _answer(uow, region, ask.year)


@router.put("/calendars/{region}/days/{day}")
def enter_day(region: Region, day: date, ask: DayAsk, caller: AdminOnly, uow: Work) -> CalendarAnswer:
    """Say what one day is. No package changes it any more; the rest of its year is as known or unknown as before."""
    uow.calendar.enter_day(region, CalendarDay(day=day, kind=ask.kind, name=ask.name), by=caller.user_id, now=uow.now)
    _audit(uow, caller, "calendar_day_entered", f"{region}/{day.isoformat()}", {"kind": ask.kind.value})
    return _answer(uow, region, day.year)


@router.delete("/calendars/{region}/days/{day}", responses=problems(Kind.UNKNOWN_CALENDAR_DAY))
def forget_day(region: Region, day: date, caller: AdminOnly, uow: Work) -> CalendarAnswer:
    """Let a day be as its weekday says."""
    if not uow.calendar.forget_day(region, day, now=uow.now):
        raise Problem.of(Kind.UNKNOWN_CALENDAR_DAY, "day", "this day is as its weekday says already")
    _audit(uow, caller, "calendar_day_forgotten", f"{region}/{day.isoformat()}", {})
    return _answer(uow, region, day.year)


def _answer(uow: UnitOfWork, region: str, year: int) -> CalendarAnswer:
    calendar = uow.calendar.of(region)
    known = calendar.years.get(year)
    return CalendarAnswer(
        region=region,
        year=year,
        known=known is not None,
        source=known.source if known else None,
        weekend=sorted((known or CalendarYear(year=year)).weekend),
        warning=calendar.warning(date(year, 1, 1), date(year, 12, 31)),
        days=[
            DayAnswer.model_validate(day)
            for day in sorted(calendar.days.values(), key=lambda day: day.day)
            if day.day.year == year
        ],
    )


def _audit(uow: UnitOfWork, caller: Caller, action: str, subject: str, detail: dict[str, object]) -> None:
    uow.audit.note(user_id=caller.user_id, action=action, subject_kind="calendar", subject=subject, detail=detail)
