"""When each contact of a plan is owed: windows by the hospital's clock and calendar, and what comes again when."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from followup.calendars import WorkCalendar
from followup.plans import HolidayRule, TemplateStep

DAYTIME = (time(9), time(17))
LEAST_DAYTIME = timedelta(hours=2)
"""A working day of which a window holds less is not waited for: the day off is the better chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalDays:
    """The clock and the calendar by which windows are reckoned."""

    zone: ZoneInfo
    calendar: WorkCalendar


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskWindow:
    """Earliest, target and latest instant of one occurrence of a step, and when it is first looked at."""

    step: TemplateStep
    occurrence: int = 0
    earliest_at: datetime
    opens_at: datetime  # the first working day of the window where the step keeps to them
    target_at: datetime
    latest_at: datetime


def windows(steps: Iterable[TemplateStep], anchor_at: datetime, days: LocalDays) -> tuple[TaskWindow, ...]:
    """The first window of every step for an anchor (a discharge, an appointment), in order of their targets."""
    found = [window_of(step, anchor_at, days) for step in steps]
    return tuple(sorted(found, key=lambda window: (window.target_at, window.step.key)))


def window_of(step: TemplateStep, anchor_at: datetime, days: LocalDays, occurrence: int = 0) -> TaskWindow:
    """The window of one occurrence. Each is reckoned from the anchor itself, so that month ends do not wander."""
    if anchor_at.tzinfo is None:
        raise ValueError("anchor_at must carry its time zone")
    start = anchor_at.astimezone(UTC)
    if step.every is not None and occurrence:
        start = step.every.times(occurrence).after(start, days.zone)
    earliest, target, latest = (offset.after(start, days.zone) for offset in (step.earliest, step.target, step.latest))
    # A zone may skip a day (Samoa did): what stood in order before still does.
    target = max(earliest, target)
    latest = max(target, latest)
    if step.holidays is not HolidayRule.NONE:
        target = _on_a_working_day(target, earliest, latest, step.holidays, days)
    return TaskWindow(
        step=step,
        occurrence=occurrence,
        earliest_at=earliest,
        opens_at=earliest if step.holidays is HolidayRule.NONE else _opening(earliest, target, latest, days),
        target_at=target,
        latest_at=latest,
    )


def occurrences(
    step: TemplateStep, anchor_at: datetime, days: LocalDays, *, beginning: int = 0
) -> Iterator[TaskWindow]:
    """The windows of a step from an occurrence on, one after the other; endless where nothing ends it."""
    stops = step.until.after(anchor_at, days.zone) if step.until is not None else None
    occurrence = beginning
    while True:
        window = window_of(step, anchor_at, days, occurrence)
        if stops is not None and window.target_at > stops:
            return
        yield window
        if step.every is None:
            return
        occurrence += 1


def next_window(
    step: TemplateStep, anchor_at: datetime, days: LocalDays, *, after: int, now: datetime
) -> TaskWindow | None:
    """The occurrence to plan when number `after` has ended: the first one that can still be kept, if there is any."""
    if step.every is None:
        return None
    ahead = occurrences(step, anchor_at, days, beginning=after + 1)
    return next((window for window in ahead if window.latest_at > now), None)


def _on_a_working_day(
    target: datetime, earliest: datetime, latest: datetime, rule: HolidayRule, days: LocalDays
) -> datetime:
    wall = target.astimezone(days.zone)
    calendar = days.calendar
    if calendar.is_working_day(wall.date()):
        return target
    after, before = calendar.next_working_day(wall.date()), calendar.previous_working_day(wall.date())
    # The other direction is better than a day off, as long as the window allows it.
    for day in (after, before) if rule is HolidayRule.NEXT else (before, after):
        moved = _at(day, wall.time(), days.zone)
        if earliest <= moved <= latest and _leaves_time(day, earliest, latest, days):
            return moved
    return target


def _opening(earliest: datetime, target: datetime, latest: datetime, days: LocalDays) -> datetime:
    day = earliest.astimezone(days.zone).date()
    if days.calendar.is_working_day(day):
        return earliest
    first = days.calendar.add_working_days(day, 1)
    morning = _at(first, time(0), days.zone)
    # No working day before the target means that there is none in the window at all.
    return morning if morning <= target and _leaves_time(first, earliest, latest, days) else earliest


def _leaves_time(day: date, earliest: datetime, latest: datetime, days: LocalDays) -> bool:
    """True if the window holds enough of a working day for a call: a Monday until three at night helps nobody."""
    begins, ends = max(earliest, _at(day, DAYTIME[0], days.zone)), min(latest, _at(day, DAYTIME[1], days.zone))
    return ends - begins >= LEAST_DAYTIME


def _at(day: date, wall: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, wall.replace(fold=0), tzinfo=zone).astimezone(UTC)
