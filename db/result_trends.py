"""One concept over the years for one patient: points, marks against the range of each, years side by side, slope."""

from dataclasses import dataclass
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from care.concepts import Concept, Mark, ReferenceRange, mark_of
from care.observations import Observation
from care.patients import Patient
from care.trends import MOST_POINTS, Point, Slope, slope_of
from db.observations import Span, SpanKind
from db.unit_of_work import UnitOfWork
from followup.follow_up_rules import age_on
from runtime.content.library import Content


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkedResult:
    """A result with the range it is held against."""

    observation: Observation
    low: float | None
    high: float | None
    range_is_own: bool  # the laboratory sent it with the result; else the concept's for this person
    mark: Mark | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedYear:
    """A year, and how its median differs from that of the year with results before it."""

    year: Span
    change: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """What a chart and its table need. Of very many results the line is the median of each span."""

    concept: Concept
    count: int  # results with a value
    results: tuple[MarkedResult, ...]  # the newest, oldest first
    more: bool  # there are older ones
    line: tuple[Point, ...]
    line_by: SpanKind | None  # None: each result is a point
    band: ReferenceRange | None  # usual for the person now
    slope: Slope | None
    years: tuple[ComparedYear, ...]


def trend_of(
    uow: UnitOfWork,
    content: Content,
    patient: Patient,
    code: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = MOST_POINTS,
) -> Trend:
    """The trend of a concept; empty where nobody measured it. KeyError without such a concept."""
    concept = content.concepts[code]
    found = uow.observations.series(patient.id, code, since, until=until, limit=limit + 1)
    results = tuple(marked(concept, each, patient) for each in found[-limit:])
    more = len(found) > limit
    line_by: SpanKind | None = None
    line = tuple(
        Point(at=each.observation.taken_at, value=each.observation.value)
        for each in results
        if each.observation.value is not None
    )
    count = len(line)
    if more or len(line) > MOST_POINTS:
        for line_by in (SpanKind.WEEK, SpanKind.MONTH, SpanKind.YEAR):
            spans = uow.observations.spans(patient.id, code, patient.zone, line_by, since, until)
            if len(spans) <= MOST_POINTS:
                break
        line = tuple(Point(at=_noon(span, patient.zone), value=span.median) for span in spans)
        count = sum(span.count for span in spans)
    today = uow.now.astimezone(ZoneInfo(patient.zone)).date()
    years = uow.observations.years(patient.id, code, patient.zone)
    return Trend(
        concept=concept,
        count=count,
        results=results,
        more=more,
        line=line,
        line_by=line_by,
        band=concept.reference_for(patient.sex, age_on(patient.born, today)),
        slope=slope_of(line),
        years=tuple(
            ComparedYear(year=year, change=year.median - years[place - 1].median if place else None)
            for place, year in enumerate(years)
        ),
    )


def marked(concept: Concept, observation: Observation, patient: Patient) -> MarkedResult:
    """A result held against its own range, or the usual one for the patient's sex and age on that day."""
    low, high = observation.reference_low, observation.reference_high
    own = low is not None or high is not None
    if not own:
        day = observation.taken_at.astimezone(ZoneInfo(patient.zone)).date()
        usual = concept.reference_for(patient.sex, age_on(patient.born, day))
        low, high = (usual.low, usual.high) if usual is not None else (None, None)
    return MarkedResult(
        observation=observation, low=low, high=high, range_is_own=own, mark=mark_of(observation.value, low, high)
    )


def _noon(span: Span, zone: str) -> datetime:
    return datetime.combine(span.begins, time(12), ZoneInfo(zone)).astimezone(UTC)
