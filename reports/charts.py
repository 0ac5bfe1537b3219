"""Where points, range and marks of a chart lie, as fractions of its width and height, decided from the facts."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from care.stage_facts import Mark, ResultLine

_MOST_TICKS_ACROSS = 5
_TICKS_UPWARD = 4
_ABOVE, _BELOW = 0.18, 0.26
"""Room beyond the outermost values, for their numbers."""
_MONTH_STEPS = (1, 2, 3, 6, 12, 24, 60)
_DAY_STEPS = (1, 2, 7, 14)
_LABELLED_AT_MOST = 6
"""With more points only the first and the last bear their number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartPoint:
    """One result: from the left, from below; `label` is its number where it is written."""

    across: float
    upward: float
    out: bool  # of its own reference range
    label: str = ""
    below: bool = False  # where the number stands: the line comes from above


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A mark on an axis."""

    place: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One concept over the period."""

    points: tuple[ChartPoint, ...]
    across: tuple[Tick, ...]
    upward: tuple[Tick, ...]
    band: tuple[float, float] | None  # of the last result's reference range, clipped to the chart


def chart_of(line: ResultLine, *, since: date, until: date, zone: ZoneInfo) -> Chart:
    """The chart of a line of results; `since` and `until` are its edges."""
    low, high = _bounds(line)
    days = max((until - since).days, 1)

    def upward(value: float) -> float:
        return round((value - low) / (high - low), 4)

    shown = {0, len(line.points) - 1} if len(line.points) > _LABELLED_AT_MOST else set(range(len(line.points)))
    points = []
    for place, point in enumerate(line.points):
        at = point.at.astimezone(zone)
        part_of_day = (at.hour * 60 + at.minute) / 1440
        across = ((at.date() - since).days + part_of_day) / (days + 1)
        points.append(
            ChartPoint(
                across=round(min(max(across, 0.0), 1.0), 4),
                upward=upward(point.value),
                out=point.mark in (Mark.LOW, Mark.HIGH),
                label=point.written(line.decimals) if place in shown else "",
                below=_lies_below(line, place),
            )
        )
    return Chart(
        points=tuple(points),
        across=ticks_across(since, until),
        upward=tuple(Tick(place=upward(value), label=_number(value)) for value in ticks_upward(low, high)),
        band=_band(line, low, high, upward),
    )


def ticks_upward(low: float, high: float) -> tuple[float, ...]:
    """Round numbers between low and high, about four."""
    rough = (high - low) / _TICKS_UPWARD
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * each for each in (1, 2, 2.5, 5, 10) if power * each >= rough * 0.8)
    first = math.ceil(low / step - 1e-9)
    return tuple(round(place * step, 6) for place in range(first, math.floor(high / step + 1e-9) + 1))


def ticks_across(since: date, until: date) -> tuple[Tick, ...]:
    """Firsts of months, or days for a short period, at most five."""
    span = (until - since).days + 1
    for months in _MONTH_STEPS:
        firsts = _firsts(since, until, months)
        if len(firsts) <= _MOST_TICKS_ACROSS and (len(firsts) > 1 or months > 1):
            break
    if len(firsts) < 2:
        step = next((each for each in _DAY_STEPS if span / each <= _MOST_TICKS_ACROSS), _DAY_STEPS[-1])
        firsts = [since + timedelta(days=each) for each in range(0, span, step)]
        return tuple(Tick(place=round((day - since).days / span, 4), label=f"{day:%m-%d}") for day in firsts)
    years = all(day.month == 1 for day in firsts) and months >= _MONTH_STEPS[4]
    return tuple(
        Tick(place=round((day - since).days / span, 4), label=f"{day:%Y}" if years else f"{day:%Y-%m}")
        for day in firsts
    )


def _firsts(since: date, until: date, months: int) -> list[date]:
    found = []
    month = since.year * 12 + since.month - 1 + (since.day > 1)
    # Steps begin with the year, so that a mark of half a year is January or July.
    month += -month % months
    while (first := date(month // 12, month % 12 + 1, 1)) <= until:
        found.append(first)
        month += months
    return found


def _bounds(line: ResultLine) -> tuple[float, float]:
    last = line.points[-1]
    values = [point.value for point in line.points]
    values += [bound for bound in (last.low, last.high) if bound is not None]
    low, high = min(values), max(values)
    if high - low < 1e-9:
        room = abs(high) * 0.1 or 1.0
        low, high = low - room, high + room
    room = high - low
    # Nothing that we measure is below nothing.
    return (max(low - room * _BELOW, 0.0) if low >= 0 else low - room * _BELOW), high + room * _ABOVE


def _lies_below(line: ResultLine, place: int) -> bool:
    beside = [line.points[each].value for each in (place - 1, place + 1) if 0 <= each < len(line.points)]
    return bool(beside) and sum(beside) / len(beside) > line.points[place].value


def _band(line: ResultLine, low: float, high: float, upward: Callable[[float], float]) -> tuple[float, float] | None:
    last = line.points[-1]
    if last.low is None and last.high is None:
        return None
    return upward(low if last.low is None else last.low), upward(high if last.high is None else last.high)


def _number(value: float) -> str:
    return f"{value:g}"
