"""Results as the API answers them: versions with their range and mark, trends, classes."""

from datetime import date
from typing import Literal

from api.fields import Answer, Instant
from care.concepts import Mark
from care.observations import ObservationStatus, Setting
from care.trends import Per, Slope
from db.observations import PutOutcome, Span, SpanKind
from db.result_control import ClassedResult, ControlUnderRules
from db.result_trends import MarkedResult, Trend
from followup.alerts import AlertLevel
from followup.follow_up_rules import Control
from runtime.content.library import Content


class RangeAnswer(Answer):
    """What is usual."""

    low: float | None
    high: float | None


class ResultAnswer(Answer):
    """One version of a result, held against its range: the laboratory's own, or the usual one for sex and age."""

    id: str
    patient_id: str
    code: str
    name: dict[str, str]  # zh and en
    value: float | None
    text: str
    unit: str
    decimals: int
    mark: Mark | None
    reference: RangeAnswer
    reference_is_own: bool
    sent_code: str
    sent_value: str
    sent_unit: str
    taken_at: Instant
    issued_at: Instant | None
    setting: Setting
    status: ObservationStatus
    source: str
    derived_from: str | None
    encounter_id: str | None
    version: int
    superseded_at: Instant | None
    recorded_at: Instant
    recorded_by: str | None


class KeptAnswer(Answer):
    """What became of one value."""

    outcome: PutOutcome
    result: ResultAnswer


class RaisedAnswer(Answer):
    """An alert that the values are a sign of."""

    id: str
    code: str
    level: AlertLevel


class EnteredAnswer(Answer):
    """What was kept, and the alerts of the patient that stand open after it."""

    results: list[KeptAnswer]
    open_alerts: list[RaisedAnswer]


class ResultsPageAnswer(Answer):
    """Results, newest first; `next` is where the following page begins."""

    results: list[ResultAnswer]
    next: str | None


class VersionsAnswer(Answer):
    """Every version of a result, oldest first."""

    versions: list[ResultAnswer]


class PointAnswer(Answer):
    """A point of the line."""

    at: Instant
    value: float


class SlopeAnswer(Answer):
    """Theil–Sen's slope with its 95 % bounds; not clear where they lie on both sides of nothing."""

    method: Literal["theil_sen"] = "theil_sen"
    per: Per
    value: float
    low: float
    high: float
    clear: bool
    points: int


class YearAnswer(Answer):
    """A calendar year of the patient's zone; `change`: its median against that of the year before it."""

    year: int
    count: int
    lowest: float
    highest: float
    mean: float
    median: float
    last: float
    change: float | None


class TrendAnswer(Answer):
    """A concept over the years: line and band for a chart, results for its table, years side by side."""

    code: str
    name: dict[str, str]  # zh and en
    unit: str
    decimals: int
    count: int
    line: list[PointAnswer]
    line_by: SpanKind | None  # the line's points are medians of these spans; null: each is a result
    band: RangeAnswer | None
    slope: SlopeAnswer | None
    years: list[YearAnswer]
    results: list[ResultAnswer]
    more: bool


class TrendsAnswer(Answer):
    """Trends in the order asked for."""

    trends: list[TrendAnswer]


class ClassAnswer(Answer):
    """The class of the newest result; no diagnosis."""

    subject: str
    code: str
    name: dict[str, str]  # zh and en
    isolated: dict[str, str] | None
    place: str | None
    values: dict[str, float]
    taken_at: Instant
    source: str


class ControlAnswer(Answer):
    """Whether an illness is controlled, under one rule set, by the newest reading after the one before it."""

    topic: str
    rule_set: str
    rules: str
    effective_from: date
    in_force: bool
    control: Control | None
    because: list[str]
    answers: dict[str, object]
    taken_at: Instant


class ClassesAnswer(Answer):
    """Classes of a patient's newest results, and control under every rule set."""

    classes: list[ClassAnswer]
    control: list[ControlAnswer]
    note: str = "仅供参考,不作诊断 / for information only, no diagnosis"


class ConceptRangeAnswer(Answer):
    """What is usual for a sex and an age."""

    low: float | None
    high: float | None
    sex: str | None
    age_from: int | None
    age_under: int | None


class ConceptAnswer(Answer):
    """One thing that is measured."""

    code: str
    name_zh: str
    name_en: str
    panel: str
    panel_zh: str
    panel_en: str
    loinc: str
    unit: str
    decimals: int
    lowest: float
    highest: float
    ranges: list[ConceptRangeAnswer]


class ConceptsAnswer(Answer):
    """Everything that is measured, panel by panel."""

    concepts: list[ConceptAnswer]


def result_answer(content: Content, result: MarkedResult) -> ResultAnswer:
    """A result held against its range."""
    each = result.observation
    concept = content.concepts[each.code]
    return ResultAnswer(
        id=each.id,
        patient_id=each.patient_id,
        code=each.code,
        name=dict(concept.names),
        value=each.value,
        text=each.text,
        unit=each.unit,
        decimals=concept.decimals,
        mark=result.mark,
        reference=RangeAnswer(low=result.low, high=result.high),
        reference_is_own=result.range_is_own,
        sent_code=each.sent_code,
        sent_value=each.sent_value,
        sent_unit=each.sent_unit,
        taken_at=each.taken_at,
        issued_at=each.issued_at,
        setting=each.setting,
        status=each.status,
        source=each.source,
        derived_from=each.derived_from,
        encounter_id=each.encounter_id,
        version=each.version,
        superseded_at=each.superseded_at,
        recorded_at=each.recorded_at,
        recorded_by=each.recorded_by,
    )


def trend_answer(content: Content, trend: Trend) -> TrendAnswer:
    """What a chart and its table show."""
    return TrendAnswer(
        code=trend.concept.code,
        name=dict(trend.concept.names),
        unit=trend.concept.unit,
        decimals=trend.concept.decimals,
        count=trend.count,
        line=[PointAnswer(at=point.at, value=point.value) for point in trend.line],
        line_by=trend.line_by,
        band=RangeAnswer(low=trend.band.low, high=trend.band.high) if trend.band is not None else None,
        slope=_slope(trend.slope),
        years=[_year(each.year, each.change) for each in trend.years],
        results=[result_answer(content, each) for each in trend.results],
        more=trend.more,
    )


def _slope(slope: Slope | None) -> SlopeAnswer | None:
    if slope is None:
        return None
    return SlopeAnswer(
        per=slope.per, value=slope.value, low=slope.low, high=slope.high, clear=slope.is_clear, points=slope.points
    )


def _year(span: Span, change: float | None) -> YearAnswer:
    return YearAnswer(
        year=span.begins.year,
        count=span.count,
        lowest=span.lowest,
        highest=span.highest,
        mean=span.mean,
        median=span.median,
        last=span.last,
        change=change,
    )


def class_answer(made: ClassedResult) -> ClassAnswer:
    """A class in words."""
    return ClassAnswer(
        subject=made.subject,
        code=made.code,
        name=dict(made.names),
        isolated=dict(made.isolated) if made.isolated is not None else None,
        place=made.place,
        values=dict(made.values),
        taken_at=made.taken_at,
        source=made.source,
    )


def control_answer(made: ControlUnderRules) -> ControlAnswer:
    """Control under one rule set."""
    return ControlAnswer(
        topic=made.topic,
        rule_set=made.rule_set,
        rules=made.rules,
        effective_from=made.effective_from,
        in_force=made.in_force,
        control=made.control,
        because=list(made.because),
        answers=dict(made.answers),
        taken_at=made.taken_at,
    )
