"""Hours in which a patient may be rung: spans of local time, the noon rest, holidays, and what he asked for himself."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import StrEnum

from care.consent import Purpose
from followup.calendars import DayKind

EVERY_DAY = frozenset(range(1, 8))


class HolidayRule(StrEnum):
    """What a public holiday does to the hours of a purpose."""

    CLOSED = "closed"
    AS_SUNDAY = "as_sunday"
    OPEN = "open"  # as its weekday says


@dataclass(frozen=True, slots=True, kw_only=True)
class CallingHours:
    """A span of local time in which a call may be placed, on the ISO weekdays given (1 is Monday)."""

    start: time
    end: time
    weekdays: frozenset[int]

    def __post_init__(self) -> None:
        if self.start >= self.end:
            raise ValueError("calling hours: start must be before end")
        if not self.weekdays or not self.weekdays <= EVERY_DAY:
            raise ValueError("calling hours: weekdays are 1 (Monday) to 7 (Sunday)")


@dataclass(frozen=True, slots=True, kw_only=True)
class NoonRest:
    """A rest at noon in which people from an age on are not rung; who was born when nobody knows, rests too."""

    start: time
    end: time
    from_age: int

    def __post_init__(self) -> None:
        if self.start >= self.end:
            raise ValueError("noon rest: start must be before end")

    def holds_for(self, born: date | None, day: date) -> bool:
        """True if somebody born then rests on this day."""
        if born is None:
            return True
        age = day.year - born.year - ((day.month, day.day) < (born.month, born.day))
        return age >= self.from_age


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnHours:
    """The hours a patient asked for. A `wish` ("ring me after nine, I work late") may go beyond what is customary."""

    spans: tuple[CallingHours, ...]
    wish: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Callee:
    """What the hours of one call depend on besides the clock."""

    purpose: Purpose = Purpose.CARE
    born: date | None = None
    own: OwnHours | None = None
    campaign: tuple[CallingHours, ...] = ()  # hours of the campaign for which he is called; none: it sets none
    days: Mapping[date, DayKind] = field(default_factory=dict)  # days that are not as their weekday says


Span = tuple[time, time]


def meet(some: Iterable[Span], others: Iterable[Span]) -> tuple[Span, ...]:
    """The time that lies in a span of both."""
    others = tuple(others)
    pairs = ((max(a[0], b[0]), min(a[1], b[1])) for a in some for b in others)
    return tuple(sorted({(start, end) for start, end in pairs if start < end}))


def without(spans: Iterable[Span], rest: Span) -> tuple[Span, ...]:
    """The spans less the rest."""
    parts = (part for start, end in spans for part in ((start, min(end, rest[0])), (max(start, rest[1]), end)))
    return tuple((start, end) for start, end in parts if start < end)


def on_weekday(hours: Iterable[CallingHours], weekday: int) -> tuple[Span, ...]:
    """The spans that hold on an ISO weekday."""
    return tuple((span.start, span.end) for span in hours if weekday in span.weekdays)


def in_span(spans: Iterable[Span], local: datetime) -> bool:
    """True if the local clock shows a time in one of the spans; its end is outside."""
    shown = local.time().replace(tzinfo=None)
    return any(start <= shown < end for start, end in spans)
