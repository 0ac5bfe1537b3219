"""How far from its anchor a contact lies: hours that pass, or days, weeks, months and years of the local calendar."""

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Self
from zoneinfo import ZoneInfo

_WRITTEN = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*([a-z]+)\s*")
_DAYS_A_MONTH = 365.2425 / 12
_HOURS_A_CLOCK_MOVES = 2.0
_MONTHS_A_YEAR = 12


class OffsetUnit(StrEnum):
    """What is counted. Hours pass; the others keep the hour of the local clock, whatever summer time does."""

    HOURS = "h"
    DAYS = "d"
    WEEKS = "w"
    MONTHS = "mo"
    YEARS = "y"


_DAYS = {OffsetUnit.DAYS: 1, OffsetUnit.WEEKS: 7}
_MONTHS = {OffsetUnit.MONTHS: 1, OffsetUnit.YEARS: _MONTHS_A_YEAR}


@dataclass(frozen=True, slots=True, kw_only=True)
class Offset:
    """A signed distance in time, as a template writes it: 48 h, 7 d, 6 w, 3 mo, 1 y; negative before the anchor."""

    count: float
    unit: OffsetUnit

    def __post_init__(self) -> None:
        if self.unit is not OffsetUnit.HOURS and self.count != int(self.count):
            raise ValueError(f"{self}: only hours may have a fraction")

    def __str__(self) -> str:
        return f"{self.count:.10g} {self.unit.value}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The offset that is written as `48 h`; ValueError says how it is written."""
        found = _WRITTEN.fullmatch(text)
        units = [unit.value for unit in OffsetUnit]
        if found is None or found[2] not in units:
            raise ValueError(f"{text!r} is no distance in time: write a number and one of {', '.join(units)}, as 48 h")
        return cls(count=float(found[1]), unit=OffsetUnit(found[2]))

    @classmethod
    def passing(cls, span: timedelta) -> Self:
        """The offset of a span that simply passes."""
        return cls(count=span / timedelta(hours=1), unit=OffsetUnit.HOURS)

    def times(self, count: int) -> "Offset":
        """So many of it, one after the other."""
        return Offset(count=self.count * count, unit=self.unit)

    def after(self, anchor: datetime, zone: ZoneInfo) -> datetime:
        """The instant, in UTC, that lies this far from the anchor on the clocks of the zone.

        A month that has no such day gives its last one; an hour that summer time leaves out gives the one after it.
        """
        if self.unit is OffsetUnit.HOURS or not self.count:
            # Nothing at all is the anchor itself, also in the hour that the clock shows twice.
            return anchor.astimezone(UTC) + timedelta(hours=self.count)
        wall = anchor.astimezone(zone).replace(tzinfo=None)
        if self.unit in _DAYS:
            wall += timedelta(days=int(self.count) * _DAYS[self.unit])
        else:
            wall = _months_later(wall, int(self.count) * _MONTHS[self.unit])
        return wall.replace(tzinfo=zone).astimezone(UTC)

    def is_at_most(self, other: "Offset") -> bool:
        """True if it never lies behind `other`, whatever the anchor and the zone."""
        for same in (_DAYS, _MONTHS, {OffsetUnit.HOURS: 1}):
            if self.unit in same and other.unit in same:
                return self.count * same[self.unit] <= other.count * same[other.unit]
        return self.longest_hours <= other.shortest_hours

    @property
    def shortest_hours(self) -> float:
        """The fewest hours that it can last."""
        return self._hours(-1)

    @property
    def longest_hours(self) -> float:
        """The most hours that it can last."""
        return self._hours(1)

    def _hours(self, sign: int) -> float:
        if self.unit is OffsetUnit.HOURS or self.count == 0:
            return self.count
        if self.unit in _DAYS:
            return self.count * _DAYS[self.unit] * 24 + sign * _HOURS_A_CLOCK_MOVES
        # Twelve months from a day are a year to the day; in between, short and long months shift it by three days.
        return (self.count * _MONTHS[self.unit] * _DAYS_A_MONTH + sign * 3) * 24 + sign * _HOURS_A_CLOCK_MOVES


def _months_later(wall: datetime, months: int) -> datetime:
    years, month = divmod(wall.month - 1 + months, _MONTHS_A_YEAR)
    year = wall.year + years
    last = calendar.monthrange(year, month + 1)[1]
    return wall.replace(year=year, month=month + 1, day=min(wall.day, last))
