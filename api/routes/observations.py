"""Results of a patient: entered by hand or sent by a device, read as a list, a trend, classes, versions."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Literal, Self

from fastapi import APIRouter, Query, Request
from pydantic import Field, StringConstraints, model_validator

from api import found
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant, Limit, Line
from api.permissions import CareTeam, CareTeamCommanding, Everybody
from api.problems import Fault, Kind, Problem, problems
from api.wiring import wiring_of
from care.concepts import Mark
from care.observations import Observation, ObservationStatus, Setting
from care.patients import Patient
from care.trends import Per, Slope
from db.observations import PutOutcome, Span, SpanKind
from db.result_control import ClassedResult, ControlUnderRules, classes_of, control_of
from db.result_trends import MarkedResult, Trend, marked, trend_of
from db.unit_of_work import UnitOfWork
from followup.alerts import AlertLevel, AlertState
from followup.events import DomainEvent, EventKind
from followup.follow_up_rules import Control
from interop.results import SentResult, Unplaced, placed, take_results
from runtime.content.library import Content
from runtime.identifiers import new_id

router = APIRouter(tags=["results"], route_class=Route)

_SLACK = timedelta(minutes=5)  # a device's clock may be a little ahead

Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Cursor = Annotated[str | None, Query(pattern=r"^[0-9T:.+Z-]{10,40}_[0-9a-f-]{36}$")]


class MeasuredAsk(Ask):
    """One value; without a unit it is in the concept's own."""

    code: Code
    value: Annotated[float | str, Field(union_mode="left_to_right")]
    unit: Annotated[str, StringConstraints(max_length=40)] = ""

    @model_validator(mode="after")
    def _short(self) -> Self:
        if isinstance(self.value, str) and not 0 < len(self.value.strip()) <= 200:
            raise ValueError("value: a number, or a finding in at most 200 characters")
        return self


class ObservationsAsk(Ask):
    """What was measured at one instant. A device sends its own key; the same key of the same device is the same."""

    taken_at: Instant
    setting: Literal[Setting.OFFICE, Setting.HOME, Setting.DEVICE, Setting.TOLD]
    device: Annotated[str | None, StringConstraints(pattern=r"^[\w .:-]{1,60}$")] = None
    key: Annotated[str | None, StringConstraints(min_length=1, max_length=120)] = None
    encounter_id: Id | None = None
    results: Annotated[list[MeasuredAsk], Field(min_length=1, max_length=40)]

    @model_validator(mode="after")
    def _named(self) -> Self:
        if (self.setting is Setting.DEVICE) != (self.device is not None):
            raise ValueError("device: a device names itself, and nothing else does")
        codes = [each.code for each in self.results]
        if len(set(codes)) != len(codes):
            raise ValueError("results: a code stands there twice; send two requests with an instant each")
        return self


class WithdrawAsk(Ask):
    """Why a result was an error."""

    reason: Line


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


@router.get("/concepts")
def list_concepts(caller: Everybody, request: Request) -> ConceptsAnswer:  # noqa: ARG001
    """What is measured, with units, limits and usual ranges."""
    content = wiring_of(request).content
    panels = content.observations.panels
    return ConceptsAnswer(
        concepts=[
            ConceptAnswer(
                code=each.code,
                name_zh=each.names["zh"],
                name_en=each.names["en"],
                panel=each.panel,
                panel_zh=panels[each.panel].zh,
                panel_en=panels[each.panel].en,
                loinc=each.loinc,
                unit=each.unit,
                decimals=each.decimals,
                lowest=each.lowest,
                highest=each.highest,
                ranges=[ConceptRangeAnswer.model_validate(span) for span in each.ranges],
            )
            for each in content.concepts.values()
        ]
    )


@router.post(
    "/patients/{patient_id}/observations",
    status_code=201,
    responses=problems(Kind.UNKNOWN_PATIENT, Kind.UNKNOWN_ENCOUNTER),
)
def enter_observations(
    patient_id: Id, ask: ObservationsAsk, caller: CareTeamCommanding, request: Request, uow: Work
) -> EnteredAnswer:
    """Keep what was measured; alerts are raised at once, contacts follow by the rules of the patient's plans."""
    patient = found.patient(uow, patient_id)
    content = wiring_of(request).content
    if ask.taken_at > uow.now + _SLACK:
        raise Problem.of(Kind.INVALID_REQUEST, "taken_at", "lies in the future; set the clock of the device right")
    if ask.encounter_id is not None and found.encounter(uow, ask.encounter_id).patient_id != patient.id:
        raise Problem.of(Kind.INVALID_REQUEST, "encounter_id", "is another patient's visit")
    sent = _sent(ask, patient, content, caller.user_id)
    _refuse_unplaced(content, sent, uow.now)
    taken = take_results(uow, content, sent)
    uow.audit.note(
        user_id=caller.user_id,
        action="results_entered",
        subject_kind="patient",
        subject=patient.id,
        patient_id=patient.id,
        detail={"codes": [each.code for each in ask.results], "setting": ask.setting.value},
    )
    return EnteredAnswer(
        results=[
            KeptAnswer(outcome=put.outcome, result=_answer(content, marked(content.concepts[put.observation.code],
                                                                           put.observation, patient)))
            for each in taken
            for put in each.puts
        ],
        open_alerts=[
            RaisedAnswer.model_validate(alert)
            for alert in uow.alerts.of_patient(patient.id)
            if alert.state is not AlertState.CLOSED
        ],
    )  # fmt: skip


@router.get("/patients/{patient_id}/results", responses=problems(Kind.UNKNOWN_PATIENT))
def list_results(
    patient_id: Id,
    caller: CareTeam,
    request: Request,
    uow: Work,
    code: Annotated[list[Code] | None, Query(max_length=40)] = None,
    before: Cursor = None,
    limit: Limit = 100,
) -> ResultsPageAnswer:
    """A patient's results that count, newest first."""
    patient = found.patient(uow, patient_id)
    content = wiring_of(request).content
    rows = uow.observations.page(patient.id, codes=code or (), before=_cursor(before), limit=limit + 1)
    page = [each for each in rows[:limit] if each.code in content.concepts]
    _viewed(uow, caller.user_id, patient)
    last = rows[limit - 1] if len(rows) > limit else None
    return ResultsPageAnswer(
        results=[_answer(content, marked(content.concepts[each.code], each, patient)) for each in page],
        next=f"{last.taken_at.isoformat()}_{last.id}".replace("+00:00", "Z") if last is not None else None,
    )


@router.get("/patients/{patient_id}/trends", responses=problems(Kind.UNKNOWN_PATIENT))
def show_trends(
    patient_id: Id,
    code: Annotated[list[Code], Query(min_length=1, max_length=12)],
    caller: CareTeam,
    request: Request,
    uow: Work,
    since: Annotated[Instant | None, Query()] = None,
    until: Annotated[Instant | None, Query()] = None,
) -> TrendsAnswer:
    """Concepts over the years, each in one unit on one axis."""
    patient = found.patient(uow, patient_id)
    content = wiring_of(request).content
    unknown = sorted(set(code) - set(content.concepts))
    if unknown:
        raise Problem.of(
            Kind.INVALID_REQUEST, "code", f"nothing is called {', '.join(unknown)}; GET /api/v1/concepts lists all"
        )
    _viewed(uow, caller.user_id, patient)
    return TrendsAnswer(
        trends=[
            _trend(content, trend_of(uow, content, patient, each, since=since, until=until))
            for each in dict.fromkeys(code)
        ]
    )


@router.get("/patients/{patient_id}/result-classes", responses=problems(Kind.UNKNOWN_PATIENT))
def show_classes(patient_id: Id, caller: CareTeam, request: Request, uow: Work) -> ClassesAnswer:
    """Classes of the newest weight, waist, blood pressure and glucose, and control under every rule set."""
    patient = found.patient(uow, patient_id)
    content = wiring_of(request).content
    _viewed(uow, caller.user_id, patient)
    return ClassesAnswer(
        classes=[_class(each) for each in classes_of(uow, content, patient)],
        control=[_control(each) for each in control_of(uow, content, patient)],
    )


@router.get("/results/{observation_id}/versions", responses=problems(Kind.UNKNOWN_RESULT, Kind.UNKNOWN_PATIENT))
def list_result_versions(observation_id: Id, caller: CareTeam, request: Request, uow: Work) -> VersionsAnswer:
    """Every version of a result, oldest first: what was sent before it was corrected."""
    observation = _observation(uow, observation_id)
    patient = found.patient(uow, observation.patient_id)
    _viewed(uow, caller.user_id, patient)
    content = wiring_of(request).content
    return VersionsAnswer(
        versions=[
            _answer(content, marked(content.concepts[each.code], each, patient))
            for each in uow.observations.versions_of(observation.id)
            if each.code in content.concepts
        ]
    )


@router.post(
    "/results/{observation_id}/withdraw",
    responses=problems(Kind.UNKNOWN_RESULT, Kind.UNKNOWN_PATIENT, Kind.NOT_POSSIBLE_NOW),
)
def withdraw_result(
    observation_id: Id, ask: WithdrawAsk, caller: CareTeamCommanding, request: Request, uow: Work
) -> ResultAnswer:
    """Take back a result that was an error: it counts no more, and stays in its versions with the reason."""
    observation = _observation(uow, observation_id)
    patient = found.patient(uow, observation.patient_id)
    if observation.superseded_at is not None or observation.status is ObservationStatus.ENTERED_IN_ERROR:
        raise Problem.of(
            Kind.NOT_POSSIBLE_NOW, "observation_id", "this version counts no more; take back the newest of its versions"
        )
    put = uow.observations.withdraw(observation, by=caller.user_id, reason=ask.reason, now=uow.now)
    uow.emit(DomainEvent(kind=EventKind.RECORD_CHANGED, subject=patient.id))
    uow.audit.note(
        user_id=caller.user_id,
        action="result_withdrawn",
        subject_kind="result",
        subject=observation.id,
        patient_id=patient.id,
        detail={"reason": ask.reason},
    )
    content = wiring_of(request).content
    return _answer(content, marked(content.concepts[observation.code], put.observation, patient))


def _sent(ask: ObservationsAsk, patient: Patient, content: Content, user_id: str) -> list[SentResult]:
    source = f"device:{ask.device}" if ask.device is not None else f"hand:{user_id}"
    # A device that sends a measurement again means the same one; two typed by hand are two.
    key = ask.key or (f"{patient.id}:{ask.taken_at.isoformat()}" if ask.device is not None else new_id())
    return [
        SentResult(
            patient_id=patient.id,
            source=source,
            source_key=f"{key}:{each.code}",
            code=each.code,
            value=each.value if isinstance(each.value, str) else f"{each.value!r}",
            unit=each.unit or (content.concepts[each.code].unit if each.code in content.concepts else ""),
            taken_at=ask.taken_at,
            setting=ask.setting,
            encounter_id=ask.encounter_id,
            recorded_by=user_id,
        )
        for each in ask.results
    ]


def _refuse_unplaced(content: Content, sent: Sequence[SentResult], now: datetime) -> None:
    """A problem naming every value that cannot be kept: whoever typed it is still there to set it right."""
    faults: list[Fault] = []
    for place, each in enumerate(sent):
        field = f"results[{place}]"
        if each.code not in content.concepts:
            reason = f"nothing is called {each.code}; GET /api/v1/concepts lists all"
            faults.append(Fault(field=f"{field}.code", reason=reason))
            continue
        made = placed(content, each, {}, now)
        if isinstance(made, Unplaced):
            faults.append(Fault(field=f"{field}.value", reason=made.detail or made.reason.value))
    if faults:
        raise Problem(kind=Kind.INVALID_REQUEST, faults=faults)


def _observation(uow: UnitOfWork, observation_id: str) -> Observation:
    observation = uow.observations.get(observation_id)
    if observation is None:
        raise Problem.of(
            Kind.UNKNOWN_RESULT,
            "observation_id",
            "there is no such result; GET /api/v1/patients/{patient_id}/results lists a patient's",
        )
    return observation


def _cursor(before: str | None) -> tuple[datetime, str] | None:
    if before is None:
        return None
    at, _, observation_id = before.rpartition("_")
    try:
        instant = datetime.fromisoformat(at)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise Problem.of(Kind.INVALID_REQUEST, "before", "is not what `next` of the page before said")
    return instant, observation_id


def _viewed(uow: UnitOfWork, user_id: str, patient: Patient) -> None:
    uow.audit.note(
        user_id=user_id, action="results_viewed", subject_kind="patient", subject=patient.id, patient_id=patient.id
    )


def _answer(content: Content, result: MarkedResult) -> ResultAnswer:
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


def _trend(content: Content, trend: Trend) -> TrendAnswer:
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
        results=[_answer(content, each) for each in trend.results],
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


def _class(made: ClassedResult) -> ClassAnswer:
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


def _control(made: ControlUnderRules) -> ControlAnswer:
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
