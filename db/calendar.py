"""The calendar of working days: known years, days that differ from their weekday, and who entered them."""

from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Self
from zoneinfo import ZoneInfo

from sqlalchemy import Column, Date, Integer, String, Table, Uuid, and_, delete, func, select
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import Session

from db.metadata import closed_set, instant, metadata
from followup.calendars import CalendarDay, CalendarYear, DayKind, WorkCalendar
from followup.plan_windows import LocalDays
from runtime.identifiers import new_id
from runtime.settings import Settings

calendars = Table(
    "calendars",
    metadata,
    Column("region", String(16), primary_key=True),
    # A new value with every change: what was read before is known to be old.
    Column("edition", Uuid(as_uuid=False), nullable=False),
    instant("changed_at"),
)

calendar_years = Table(
    "calendar_years",
    metadata,
    Column("region", String(16), primary_key=True),
    Column("year", Integer, primary_key=True),
    Column("weekend", ARRAY(Integer), nullable=False),
    Column("source", String(200), nullable=False),
    Column("entered_by", Uuid(as_uuid=False), nullable=True),
    instant("changed_at"),
)

calendar_days = Table(
    "calendar_days",
    metadata,
    Column("region", String(16), primary_key=True),
    Column("day", Date, primary_key=True),
    closed_set("kind", DayKind),
    Column("name", String(200), nullable=False),
    Column("entered_by", Uuid(as_uuid=False), nullable=True),  # empty: from a package, replaced when it is loaded anew
    instant("changed_at"),
)

Shelf = MutableMapping[str, tuple[str, WorkCalendar]]
"""Calendars read before, by region, each with its edition: they are large, asked for often, seldom new."""


class CalendarRepository:
    """Calendars by region: an ISO country (CN), or a part of one (GB-SCT)."""

    def __init__(self, session: Session, shelf: Shelf) -> None:
        self._session = session
        self._shelf = shelf

    def of(self, region: str) -> WorkCalendar:
        """The calendar of a region; one that knows no year if nothing was loaded or entered for it."""
        edition = self._session.scalar(select(calendars.c.edition).where(calendars.c.region == region))
        if edition is None:
            return WorkCalendar(region=region)
        shelved = self._shelf.get(region)
        if shelved is None or shelved[0] != edition:
            shelved = (edition, self._read(region))
            self._shelf[region] = shelved
        return shelved[1]

    def regions(self) -> list[str]:
        """Regions of which something is known."""
        return list(self._session.scalars(select(calendars.c.region).order_by(calendars.c.region)))

    def load_year(self, region: str, year: CalendarYear, days: Iterable[CalendarDay], *, now: datetime) -> bool:
        """Take a year from a package: it replaces what a package said before, never what a person entered.

        True if anything changed.
        """
        entered = self._session.scalar(
            select(calendar_years.c.entered_by).where(
                calendar_years.c.region == region, calendar_years.c.year == year.year
            )
        )
        if entered is not None:
            return False
        wanted = {day.day: (day.kind, day.name) for day in days}
        of_year = and_(calendar_days.c.region == region, func.extract("year", calendar_days.c.day) == year.year)
        present = {row.day: row for row in self._session.execute(select(calendar_days).where(of_year)).all()}
        by_hand = {day for day, row in present.items() if row.entered_by is not None}
        wanted = {day: value for day, value in wanted.items() if day not in by_hand}
        known = self._session.execute(
            select(calendar_years.c.weekend, calendar_years.c.source).where(
                calendar_years.c.region == region, calendar_years.c.year == year.year
            )
        ).first()
        same_days = wanted == {day: (row.kind, row.name) for day, row in present.items() if day not in by_hand}
        if known is not None and same_days and (frozenset(known[0]), known[1]) == (year.weekend, year.source):
            return False
        self._session.execute(delete(calendar_days).where(of_year, calendar_days.c.entered_by.is_(None)))
        for day, (kind, name) in wanted.items():
            self._put_day(region, CalendarDay(day=day, kind=kind, name=name), by=None, now=now)
        self._put_year(region, year, by=None, now=now)
        return True

    def enter_year(
        self, region: str, year: CalendarYear, days: Iterable[CalendarDay], *, by: str, now: datetime
    ) -> None:
        """Take a whole year as a person entered it; no package changes it any more."""
        of_year = and_(calendar_days.c.region == region, func.extract("year", calendar_days.c.day) == year.year)
        self._session.execute(delete(calendar_days).where(of_year))
        for day in days:
            self._put_day(region, day, by=by, now=now)
        self._put_year(region, year, by=by, now=now)

    def enter_day(self, region: str, day: CalendarDay, *, by: str, now: datetime) -> None:
        """Take one day as a person entered it; its year is not known by that alone."""
        self._put_day(region, day, by=by, now=now)
        self._changed(region, now)

    def forget_day(self, region: str, day: date, *, now: datetime) -> bool:
        """Let a day be as its weekday says; False if it was already."""
        gone = self._session.execute(
            delete(calendar_days)
            .where(calendar_days.c.region == region, calendar_days.c.day == day)
            .returning(calendar_days.c.day)
        ).first()
        if gone is not None:
            self._changed(region, now)
        return gone is not None

    def _read(self, region: str) -> WorkCalendar:
        years = self._session.execute(select(calendar_years).where(calendar_years.c.region == region)).all()
        days = self._session.execute(select(calendar_days).where(calendar_days.c.region == region)).all()
        return WorkCalendar(
            region=region,
            years={
                row.year: CalendarYear(year=row.year, weekend=frozenset(row.weekend), source=row.source)
                for row in years
            },
            days={row.day: CalendarDay(day=row.day, kind=row.kind, name=row.name) for row in days},
        )

    def _put_year(self, region: str, year: CalendarYear, *, by: str | None, now: datetime) -> None:
        values = {"weekend": sorted(year.weekend), "source": year.source, "entered_by": by, "changed_at": now}
        self._session.execute(
            insert(calendar_years)
            .values(region=region, year=year.year, **values)
            .on_conflict_do_update(index_elements=["region", "year"], set_=values)
        )
        self._changed(region, now)

    def _put_day(self, region: str, day: CalendarDay, *, by: str | None, now: datetime) -> None:
        values = {"kind": day.kind, "name": day.name, "entered_by": by, "changed_at": now}
        self._session.execute(
            insert(calendar_days)
            .values(region=region, day=day.day, **values)
            .on_conflict_do_update(index_elements=["region", "day"], set_=values)
        )

    def _changed(self, region: str, now: datetime) -> None:
        values = {"edition": new_id(), "changed_at": now}
        self._session.execute(
            insert(calendars)
            .values(region=region, **values)
            .on_conflict_do_update(index_elements=["region"], set_=values)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class HospitalTime:
    """The hospital's zone, and the region whose working days it keeps."""

    zone: ZoneInfo
    region: str

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Those of an installation."""
        return cls(zone=settings.zone, region=settings.calendar_region)

    def days(self, calendars_known: CalendarRepository, *, zone: str | None = None) -> LocalDays:
        """The clock and calendar for windows; `zone` is a plan's own, if it has one."""
        return LocalDays(zone=ZoneInfo(zone) if zone else self.zone, calendar=calendars_known.of(self.region))
