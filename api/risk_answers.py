"""Risk as the API shows it: models, results with each input's date, source and share, and what is lacking, in words."""

from datetime import datetime

from api.fields import Answer, Instant
from care.risk.assessing import Assessed, Lack, LackReason, Refused, UsedInput
from care.risk.inputs import InputKind, Origin, RiskFact, Span, Value
from care.risk.models import Band, RiskModel
from care.risk.records import AssessmentCause, RiskAssessment, WithdrawalReason, titles_of
from runtime.content.documents import Wording
from runtime.content.library import Content


class SpanAnswer(Answer):
    """From and up to; null does not hold."""

    lowest: float | None
    highest: float | None


class NeedAnswer(Answer):
    """One input of a model."""

    input: str
    title: Wording
    kind: InputKind
    unit: str
    choices: dict[str, Wording]
    within_days: int | None
    valid: SpanAnswer
    settings: list[str]  # where it must have been measured; empty: anywhere
    only_for: str | None  # a sex
    stated: bool  # POST /patients/{patient_id}/risk-facts takes it
    stated_for_visit: bool  # and for one visit
    result: str | None  # the concept of a result


class BandAnswer(Answer):
    """A class of values, from a bound on."""

    key: str
    title: Wording
    meaning: Wording | None
    sex: str | None
    at_least: float | None
    above: float | None


class ModelAnswer(Answer):
    """A score or class. A draft is not yet approved by a clinician."""

    id: str
    version: int
    status: str
    source: str
    title: Wording
    unit: str
    of_visit: bool
    variants: list[str]
    refused_with: list[Wording]
    only_with: list[Wording]
    needs: list[NeedAnswer]
    bands: list[BandAnswer]


class ModelsAnswer(Answer):
    """Every model, in the order in which they are shown."""

    notice: Wording
    models: list[ModelAnswer]


class InputAnswer(Answer):
    """A value that was used: where and when it comes from, and what it did to the result."""

    input: str
    title: Wording
    value: Value
    unit: str
    used: Value  # in the model's own unit
    used_unit: str
    origin: Origin
    origin_words: Wording
    taken_at: Instant | None
    valid_until: Instant | None
    source: str
    references: list[str]
    out_of_range: bool
    points: float | None
    share: float | None  # the result less what it would be with `reference` in its place
    reference: Value | None


class LackAnswer(Answer):
    """Why an input keeps the model from being used."""

    input: str
    title: Wording
    reason: LackReason
    words: Wording
    value: Value | None
    taken_at: Instant | None
    within_days: int | None
    needed: SpanAnswer | None


class ResultAnswer(Answer):
    """What a model says. `notice` belongs beside it wherever it is shown."""

    model: str
    model_version: int
    variant: str
    title: Wording
    value: float
    unit: str
    band: str | None
    band_title: Wording | None
    meaning: Wording | None
    remarks: list[Wording]
    out_of_range: bool
    inputs: list[InputAnswer]
    assessed_at: Instant
    valid_until: Instant | None
    notice: Wording


class AssessmentAnswer(ResultAnswer):
    """A result that was kept, with what became of it."""

    id: str
    patient_id: str
    encounter_id: str | None
    cause: AssessmentCause
    changes: list[str]
    replaces: str | None
    recorded_at: Instant
    recorded_by: str | None
    current: bool
    outdated: bool  # an input is older by now than the model takes it
    superseded_at: Instant | None
    withdrawn_at: Instant | None
    withdrawn_because: WithdrawalReason | None
    withdrawn_words: Wording | None
    withdrawn_inputs: list[str]
    request_id: str | None  # the request by which the patient is told of the change


class AssessmentsAnswer(Answer):
    """Newest first; ask on with after=`next`, which is empty on the last page."""

    assessments: list[AssessmentAnswer]
    next: str | None


class StandingAnswer(Answer):
    """A model for this patient now: what it would say, or what is lacking, and what was kept last."""

    model: str
    title: Wording
    of_visit: bool
    applies: bool  # false: not for this patient, whatever else is entered
    result: ResultAnswer | None
    lacks: list[LackAnswer]
    kept: AssessmentAnswer | None


class StandingsAnswer(Answer):
    """Every model for one patient."""

    notice: Wording
    standings: list[StandingAnswer]


class FactAnswer(Answer):
    """Something stated for risk only."""

    id: str
    input: str
    title: Wording
    value: Value
    encounter_id: str | None
    taken_at: Instant
    recorded_at: Instant
    recorded_by: str


class FactsAnswer(Answer):
    """What holds of what was stated."""

    facts: list[FactAnswer]


def models_answer(content: Content) -> ModelsAnswer:
    """Every model of this content."""
    return ModelsAnswer(
        notice=content.risk_words.notice, models=[_model(content, model) for model in content.risk_models.values()]
    )


def _model(content: Content, model: RiskModel) -> ModelAnswer:
    return ModelAnswer(
        id=model.id,
        version=model.version,
        status=model.status,
        source=model.source,
        title=Wording(**model.titles),
        unit=model.unit,
        of_visit=model.of_visit,
        variants=list(model.variants),
        refused_with=[title_of(content, name) for name in model.refused_with],
        only_with=[title_of(content, name) for name in model.only_with],
        needs=[
            NeedAnswer(
                input=need.name,
                title=title_of(content, need.name),
                kind=wanted.kind,
                unit=wanted.unit,
                choices={word: Wording(**titles) for word, titles in wanted.choices.items()},
                within_days=need.within.days if need.within is not None else None,
                # In the record's unit, as it is entered.
                valid=_span(need.valid),
                settings=sorted(setting.value for setting in need.settings),
                only_for=need.only_for or None,
                stated=wanted.stated,
                stated_for_visit=wanted.stated_for_visit,
                result=wanted.concept or None,
            )
            for need in model.needs
            for wanted in (content.risk_inputs[need.name],)
        ],
        bands=[_band(band, sex) for sex, bands in model.bands.items() for band in bands],
    )


def _band(band: Band, sex: str) -> BandAnswer:
    return BandAnswer(
        key=band.key,
        title=Wording(**band.titles),
        meaning=Wording(**band.meanings) if band.meanings else None,
        sex=sex or None,
        at_least=band.begins.at_least,
        above=band.begins.above,
    )


def result_answer(content: Content, assessed: Assessed) -> ResultAnswer:
    """A result that is not kept."""
    return ResultAnswer(
        model=assessed.model.id,
        model_version=assessed.model.version,
        variant=assessed.variant,
        value=assessed.value,
        unit=assessed.model.unit,
        band=assessed.band.key if assessed.band is not None else None,
        out_of_range=assessed.out_of_range,
        inputs=[_input(content, each) for each in assessed.inputs],
        assessed_at=assessed.at,
        valid_until=assessed.valid_until,
        notice=content.risk_words.notice,
        **_words(titles_of(assessed)),
    )


def assessment_answer(content: Content, kept: RiskAssessment, *, now: datetime) -> AssessmentAnswer:
    """A result that was kept, in the words of its day."""
    because = kept.withdrawn_because
    return AssessmentAnswer(
        id=kept.id,
        patient_id=kept.patient_id,
        encounter_id=kept.encounter_id,
        model=kept.model,
        model_version=kept.model_version,
        variant=kept.variant,
        value=kept.value,
        unit=kept.unit,
        band=kept.band,
        out_of_range=kept.out_of_range,
        inputs=[_input(content, each) for each in kept.used()],
        assessed_at=kept.assessed_at,
        valid_until=kept.valid_until,
        notice=content.risk_words.notice,
        cause=kept.cause,
        changes=kept.changes,
        replaces=kept.replaces,
        recorded_at=kept.recorded_at,
        recorded_by=kept.recorded_by,
        current=kept.is_current,
        outdated=kept.valid_until is not None and kept.valid_until < now,
        superseded_at=kept.superseded_at,
        withdrawn_at=kept.withdrawn_at,
        withdrawn_because=because,
        withdrawn_words=content.risk_words.withdrawals[because] if because is not None else None,
        withdrawn_inputs=kept.withdrawn_inputs or [],
        request_id=kept.request_id,
        **_words(kept.titles),
    )


def lack_answer(content: Content, lack: Lack) -> LackAnswer:
    """What is lacking, in words."""
    return LackAnswer(
        input=lack.input,
        title=title_of(content, lack.input),
        reason=lack.reason,
        words=content.risk_words.lacks[lack.reason],
        value=lack.known.value if lack.known is not None else None,
        taken_at=lack.known.taken_at if lack.known is not None else None,
        within_days=lack.within_days,
        needed=_span(lack.needed) if lack.needed is not None else None,
    )


def standing_answer(
    content: Content, result: Assessed | Refused, kept: RiskAssessment | None, *, now: datetime
) -> StandingAnswer:
    """What a model says of the patient now, or what it lacks."""
    refused = result if isinstance(result, Refused) else None
    return StandingAnswer(
        model=result.model.id,
        title=Wording(**result.model.titles),
        of_visit=result.model.of_visit,
        applies=refused is None or refused.applies,
        result=result_answer(content, result) if isinstance(result, Assessed) else None,
        lacks=[lack_answer(content, lack) for lack in refused.lacks] if refused is not None else [],
        kept=assessment_answer(content, kept, now=now) if kept is not None else None,
    )


def fact_answer(content: Content, fact: RiskFact) -> FactAnswer:
    """What was stated."""
    return FactAnswer(
        id=fact.id,
        input=fact.name,
        title=title_of(content, fact.name),
        value=fact.value,
        encounter_id=fact.encounter_id,
        taken_at=fact.taken_at,
        recorded_at=fact.recorded_at,
        recorded_by=fact.recorded_by,
    )


def title_of(content: Content, name: str) -> Wording:
    """An input's name in words; an input that content has forgotten is called as it is written."""
    wanted = content.risk_inputs.get(name)
    return Wording(**wanted.titles) if wanted is not None else Wording(zh=name, en=name)


def _input(content: Content, used: UsedInput) -> InputAnswer:
    return InputAnswer(
        input=used.name,
        title=title_of(content, used.name),
        value=used.value,
        unit=used.unit,
        used=used.used,
        used_unit=used.used_unit,
        origin=used.origin,
        origin_words=content.risk_words.origins[used.origin],
        taken_at=used.taken_at,
        valid_until=used.valid_until,
        source=used.source,
        references=list(used.references),
        out_of_range=used.out_of_range,
        points=used.points,
        share=used.share,
        reference=used.reference,
    )


def _words(titles: dict[str, dict[str, str]]) -> dict[str, object]:
    return {
        "title": Wording(**titles["model"]),
        "band_title": Wording(**titles["band"]) if titles.get("band") else None,
        "meaning": Wording(**titles["meaning"]) if titles.get("meaning") else None,
        "remarks": [Wording(**texts) for key, texts in titles.items() if key.startswith("remark.")],
    }


def _span(span: Span) -> SpanAnswer:
    return SpanAnswer(lowest=span.lowest, highest=span.highest)
