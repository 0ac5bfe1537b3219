"""Indicators: what each counts, out of what, by which date; their figures from counts, with interval and warnings."""

import calendar
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from math import ceil, sqrt
from statistics import NormalDist, median
from typing import TypeVar
from zoneinfo import ZoneInfo

SMALL = 30
"""Below so many in the denominator a figure is no ground for a comparison."""

HIDDEN_BELOW = 10
"""Opinions of fewer people are not shown: it could be guessed who said what."""

FROZEN_ON = 5
"""The day of the next month from which on a month's figures no longer change."""

_Z95 = NormalDist().inv_cdf(0.975)


class Family(StrEnum):
    """What an indicator counts, and by which date it falls into a period."""

    TASKS = "tasks"  # by the closing of their window
    STAYS = "stays"  # by the day of discharge or visit
    CALLS = "calls"  # by the moment of dialing
    SURVEYS = "surveys"  # by the completion of the answers
    INBOUND = "inbound"  # by the moment of ringing
    ALERTS = "alerts"  # by the moment of raising
    REQUESTS = "requests"  # by the day of receipt
    QUALITY = "quality"  # by the day of scoring


class Dimension(StrEnum):
    """By what figures are told apart or narrowed down."""

    DEPARTMENT = "department"
    QUEUE = "queue"
    AGENT = "agent"
    PLAN = "plan"


_ALL = frozenset(Dimension)

DIMENSIONS: dict[Family, frozenset[Dimension]] = {
    Family.TASKS: _ALL,
    Family.STAYS: frozenset({Dimension.DEPARTMENT}),
    Family.CALLS: _ALL,
    Family.SURVEYS: _ALL,
    Family.INBOUND: frozenset({Dimension.QUEUE, Dimension.AGENT}),
    Family.ALERTS: _ALL,
    Family.REQUESTS: frozenset({Dimension.DEPARTMENT}),
    Family.QUALITY: _ALL,
}
"""What is known of each family; a figure is not told by anything else."""


class Shape(StrEnum):
    """How numerator and denominator become a value."""

    COUNT = "count"
    PERCENT = "percent"
    RATIO = "ratio"
    SECONDS = "seconds"  # a mean
    MEAN = "mean"
    BALANCE = "balance"  # percent for less percent against
    COMPOSITE = "composite"  # mean of the percents of several questions
    PER_THOUSAND = "per_thousand"
    PER_TEN_THOUSAND = "per_ten_thousand"
    MEDIAN_SECONDS = "median_seconds"
    MEDIAN_DAYS = "median_days"  # working days


_TIMES = {
    Shape.PERCENT: 100.0,
    Shape.BALANCE: 100.0,
    Shape.PER_THOUSAND: 1_000.0,
    Shape.PER_TEN_THOUSAND: 10_000.0,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicator:
    """One indicator. `part` and `of` name counts (docs/indicators.md); what is `less` is taken from the numerator."""

    code: str
    shape: Shape
    families: tuple[Family, ...]  # of its counts; the first says by which date
    part: str
    of: tuple[str, ...] = ()  # summed
    less: str = ""
    opinion: bool = False

    @property
    def dimensions(self) -> frozenset[Dimension]:
        """By what it can be told."""
        return frozenset.intersection(*(DIMENSIONS[family] for family in self.families))

    @property
    def drills(self) -> bool:
        """Whether the tasks behind it can be listed."""
        return self.families[0] in (Family.TASKS, Family.CALLS)


def _percent(code: str, family: Family, part: str, *of: str, opinion: bool = False) -> Indicator:
    return Indicator(code=code, shape=Shape.PERCENT, families=(family,), part=part, of=of, opinion=opinion)


INDICATORS: tuple[Indicator, ...] = (
    _percent("discharges_followed", Family.STAYS, "followed", "discharges"),
    _percent("discharges_followed_without_deaths", Family.STAYS, "followed", "discharges_alive"),
    _percent("readmission_31", Family.STAYS, "back_within_31_days", "discharges"),
    Indicator(code="planned", shape=Shape.COUNT, families=(Family.TASKS,), part="planned"),
    _percent("completion", Family.TASKS, "completed", "planned"),
    _percent("completion_with_deaths", Family.TASKS, "completed", "planned", "died_before"),
    _percent("timely", Family.TASKS, "timely", "planned"),
    _percent("timely_with_deaths", Family.TASKS, "timely", "planned", "died_before"),
    _percent("effective", Family.TASKS, "effective", "planned"),
    _percent("contact", Family.TASKS, "contacted", "attempted"),
    _percent("lost", Family.TASKS, "lost", "cohort"),
    _percent("refused", Family.TASKS, "refused", "cohort"),
    _percent("missed", Family.TASKS, "missed", "planned"),
    Indicator(
        code="attempts_per_completed", shape=Shape.RATIO, families=(Family.TASKS,), part="dials", of=("completed",)
    ),
    _percent("wrong_number", Family.TASKS, "wrong_number", "attempted"),
    _percent("connect", Family.CALLS, "human", "dialed"),
    _percent("answer_seizure", Family.CALLS, "answered", "dialed"),
    _percent("right_party", Family.CALLS, "right_party", "human"),
    _percent("dialer_abandonment", Family.CALLS, "left_alone", "left_alone", "joined_ahead"),
    Indicator(
        code="handling_time", shape=Shape.SECONDS, families=(Family.CALLS,), part="handling_seconds", of=("handled",)
    ),
    _percent("abandonment", Family.INBOUND, "gave_up", "offered"),
    _percent("service_level", Family.INBOUND, "answered_soon", "offered"),
    Indicator(
        code="answer_speed", shape=Shape.SECONDS, families=(Family.INBOUND,), part="waited_seconds", of=("spoken",)
    ),
    _percent("first_call", Family.INBOUND, "not_again", "spoken"),
    _percent("satisfaction", Family.SURVEYS, "satisfied", "rated", opinion=True),
    _percent("top_box", Family.SURVEYS, "rated_top", "rated", opinion=True),
    Indicator(
        code="mean_rating",
        shape=Shape.MEAN,
        families=(Family.SURVEYS,),
        part="rating_sum",
        of=("rated",),
        opinion=True,
    ),
    Indicator(
        code="top_box_composite",
        shape=Shape.COMPOSITE,
        families=(Family.SURVEYS,),
        part="item_top.",
        of=("item_rated.",),
        opinion=True,
    ),
    Indicator(
        code="recommendation",
        shape=Shape.BALANCE,
        families=(Family.SURVEYS,),
        part="promoters",
        less="detractors",
        of=("recommended",),
        opinion=True,
    ),
    _percent("survey_response", Family.TASKS, "surveys_answered", "surveys_due"),
    Indicator(
        code="complaint_closing",
        shape=Shape.MEDIAN_DAYS,
        families=(Family.REQUESTS,),
        part="complaint_days",
    ),
    _percent("complaints_on_time", Family.REQUESTS, "replied_in_time", "reply_owed"),
    _percent("complaints_reopened", Family.REQUESTS, "reopened", "replied"),
    Indicator(
        code="complaints_per_contact",
        shape=Shape.PER_THOUSAND,
        families=(Family.REQUESTS, Family.CALLS),
        part="complaints",
        of=("right_party",),
    ),
    Indicator(
        code="complaints_per_visit",
        shape=Shape.PER_TEN_THOUSAND,
        families=(Family.REQUESTS, Family.STAYS),
        part="complaints",
        of=("visits",),
    ),
    Indicator(
        code="disputes_per_visit",
        shape=Shape.PER_TEN_THOUSAND,
        families=(Family.REQUESTS, Family.STAYS),
        part="disputes",
        of=("visits",),
    ),
    *(
        indicator
        for level in ("red", "amber", "yellow")
        for indicator in (
            Indicator(
                code=f"alert_response_{level}",
                shape=Shape.MEDIAN_SECONDS,
                families=(Family.ALERTS,),
                part=f"{level}_seconds",
            ),
            _percent(f"alert_in_time_{level}", Family.ALERTS, f"{level}_in_time", f"{level}_timed"),
        )
    ),
    _percent("alert_confirmed", Family.ALERTS, "confirmed", "judged"),
    Indicator(code="quality_score", shape=Shape.MEAN, families=(Family.QUALITY,), part="score_sum", of=("scored",)),
    _percent("quality_fatal", Family.QUALITY, "fatal", "scored"),
)

BY_CODE = {indicator.code: indicator for indicator in INDICATORS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Counts of one department, queue, agent and plan; empty where something belongs to none or none is known."""

    family: Family
    bucket: str = ""  # a day, the Monday of a week, or a month, where it was asked for
    department: str = ""
    queue: str = ""
    agent: str = ""
    plan: str = ""
    counts: Mapping[str, float] = field(default_factory=dict)
    spans: Mapping[str, Sequence[float]] = field(default_factory=dict)  # single durations, for medians

    def of(self, dimension: Dimension) -> str:
        """Its department, queue, agent or plan."""
        return {
            Dimension.DEPARTMENT: self.department,
            Dimension.QUEUE: self.queue,
            Dimension.AGENT: self.agent,
            Dimension.PLAN: self.plan,
        }[dimension]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One indicator's figure. `value` is None where nothing was counted, or where it is hidden."""

    code: str
    numerator: float | None
    denominator: float | None
    value: float | None
    low: float | None = None  # Wilson, 95 %; of a proportion only
    high: float | None = None
    ninetieth: float | None = None  # of a duration: nine of ten were not longer
    small: bool = False
    hidden: bool = False


def wilson(part: float, of: float) -> tuple[float, float]:
    """The interval that holds a proportion with 95 % confidence, each between 0 and 1 (Wilson's score)."""
    if of <= 0 or not 0 <= part <= of:
        raise ValueError(f"{part} of {of} is no proportion")
    share, squared = part / of, _Z95 * _Z95
    middle = (share + squared / (2 * of)) / (1 + squared / of)
    reach = _Z95 / (1 + squared / of) * sqrt(share * (1 - share) / of + squared / (4 * of * of))
    return max(0.0, middle - reach), min(1.0, middle + reach)


def figure(indicator: Indicator, cells: Iterable[Cell]) -> Figure:
    """The indicator over all these cells together."""
    counts: dict[str, float] = {}
    spans: list[float] = []
    for cell in cells:
        if cell.family not in indicator.families:
            continue
        for name, count in cell.counts.items():
            counts[name] = counts.get(name, 0.0) + count
        spans.extend(cell.spans.get(indicator.part, ()))
    if indicator.shape in (Shape.MEDIAN_SECONDS, Shape.MEDIAN_DAYS):
        return _of_spans(indicator, spans)
    if indicator.shape is Shape.COMPOSITE:
        return _composite(indicator, counts)
    part = counts.get(indicator.part, 0.0) - (counts.get(indicator.less, 0.0) if indicator.less else 0.0)
    if indicator.shape is Shape.COUNT:
        return Figure(code=indicator.code, numerator=part, denominator=None, value=part)
    of = sum(counts.get(name, 0.0) for name in indicator.of)
    if indicator.opinion and of < HIDDEN_BELOW:
        return _hidden(indicator, of)
    value = part / of * _TIMES.get(indicator.shape, 1.0) if of else None
    low = high = None
    if indicator.shape is Shape.PERCENT and of:
        low, high = (round(100 * end, 2) for end in wilson(part, of))
    return Figure(
        code=indicator.code,
        numerator=round(part, 2),
        denominator=round(of, 2),
        value=None if value is None else round(value, 2),
        low=low,
        high=high,
        small=of < SMALL,
    )


def _of_spans(indicator: Indicator, spans: Sequence[float]) -> Figure:
    ordered = sorted(spans)
    if not ordered:
        return Figure(code=indicator.code, numerator=None, denominator=0, value=None, small=True)
    return Figure(
        code=indicator.code,
        numerator=None,
        denominator=len(ordered),
        value=round(median(ordered), 2),
        ninetieth=round(ordered[ceil(0.9 * len(ordered)) - 1], 2),
        small=len(ordered) < SMALL,
    )


def _composite(indicator: Indicator, counts: Mapping[str, float]) -> Figure:
    """The mean of the questions' percents; a question that too few answered is not part of it."""
    asked = indicator.of[0]
    shares = [
        counts.get(indicator.part + name.removeprefix(asked), 0.0) / count
        for name, count in counts.items()
        if name.startswith(asked) and count >= HIDDEN_BELOW
    ]
    of = max((count for name, count in counts.items() if name.startswith(asked)), default=0.0)
    if not shares:
        return _hidden(indicator, of)
    return Figure(
        code=indicator.code,
        numerator=None,
        denominator=of,
        value=round(100 * sum(shares) / len(shares), 2),
        small=of < SMALL,
    )


def _hidden(indicator: Indicator, of: float) -> Figure:
    return Figure(code=indicator.code, numerator=None, denominator=of, value=None, small=True, hidden=of > 0)


Key = TypeVar("Key", bound=Hashable)


def grouped(cells: Iterable[Cell], key: Callable[[Cell], Key]) -> dict[Key, list[Cell]]:
    """Cells by what a function tells of each."""
    found: dict[Key, list[Cell]] = {}
    for cell in cells:
        found.setdefault(key(cell), []).append(cell)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowing:
    """What figures are narrowed down to; empty: everything. `departments` are those that the reader may see."""

    department: str | None = None
    queue: str | None = None
    agent: str | None = None
    plan: str | None = None
    departments: tuple[str, ...] = ()

    @property
    def dimensions(self) -> frozenset[Dimension]:
        """By what it narrows."""
        asked = {
            Dimension.DEPARTMENT: self.department is not None or bool(self.departments),
            Dimension.QUEUE: self.queue is not None,
            Dimension.AGENT: self.agent is not None,
            Dimension.PLAN: self.plan is not None,
        }
        return frozenset(dimension for dimension, narrows in asked.items() if narrows)

    def takes(self, cell: Cell) -> bool:
        """Whether a cell belongs to it."""
        wanted = ((self.department, cell.department), (self.queue, cell.queue))
        also = ((self.agent, cell.agent), (self.plan, cell.plan))
        return all(asked is None or asked == held for asked, held in (*wanted, *also)) and (
            not self.departments or cell.department in self.departments
        )


def told_by(indicators: Iterable[Indicator], dimensions: frozenset[Dimension]) -> tuple[Indicator, ...]:
    """Those indicators of which all of this is known; what another one would say is no figure but a guess."""
    return tuple(indicator for indicator in indicators if dimensions <= indicator.dimensions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """A calendar month."""

    first: date

    @property
    def days(self) -> int:
        """How many days it has."""
        return calendar.monthrange(self.first.year, self.first.month)[1]

    @property
    def next(self) -> "Month":
        """The month after it."""
        return Month(first=self.first + timedelta(days=self.days))

    def freezes_at(self, zone: ZoneInfo) -> datetime:
        """When its figures stop to change."""
        return datetime.combine(self.next.first.replace(day=FROZEN_ON), time(), zone)


def month_of(day: date) -> Month:
    """The month of a day."""
    return Month(first=day.replace(day=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Days from `first` to `last`, both included: one whole month, or what lies between whole months."""

    first: date
    last: date

    @classmethod
    def of(cls, month: Month) -> "Stretch":
        """The days of a month."""
        return cls(first=month.first, last=month.next.first - timedelta(days=1))

    @property
    def month(self) -> Month | None:
        """The month that it is, if it is one."""
        month = month_of(self.first)
        return month if self.first == month.first and self.last == month.next.first - timedelta(days=1) else None


def stretches(first: date, last: date) -> tuple[Stretch, ...]:
    """The days from `first` to `last` cut where months begin, so that whole months can be taken as they were frozen."""
    cut: list[Stretch] = []
    while first <= last:
        end = min(last, month_of(first).next.first - timedelta(days=1))
        cut.append(Stretch(first=first, last=end))
        first = end + timedelta(days=1)
    return tuple(cut)
