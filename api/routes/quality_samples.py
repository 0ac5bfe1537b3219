"""Samples of calls to judge: drawn by rule and seed, with what they may claim; anybody can draw them again."""

import secrets
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field, StringConstraints

from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant, Limit
from api.permissions import SupervisorCommanding, SupervisorOnly
from api.problems import Kind, Problem, problems
from api.quality_answers import document_of, name_of
from api.wiring import wiring_of
from db.quality import QualitySample, SampledCall
from db.unit_of_work import UnitOfWork
from followup.quality_samples import Because, PartStatement, Sample, SampleRule, Stratum, digest_of, draw
from followup.scorecards import QualityState
from runtime.identifiers import new_id

router = APIRouter(tags=["quality"], route_class=Route)

LONGEST = timedelta(days=93)
_SEEDS = 1_000_000_000


class SampleRuleAsk(Ask):
    """Of which calls, parted how, how sure. Without a seed one is chosen and told."""

    since: Instant
    until: Instant
    strata: Annotated[frozenset[Stratum], Field(max_length=3)] = frozenset({Stratum.AGENT})
    confidence: Annotated[float, Field(ge=0.8, le=0.999)] = 0.95
    margin: Annotated[float, Field(ge=0.01, le=0.5)] = 0.1
    at_least: Annotated[int, Field(ge=0, le=100)] = 5
    queue_id: Id | None = None
    seed: Annotated[int, Field(ge=0, lt=_SEEDS)] | None = None


class EstimateAsk(SampleRuleAsk):
    """As a draw, and nothing is kept."""


class SampleAsk(SampleRuleAsk):
    """A draw, and the card by which its calls are to be judged."""

    card: Annotated[str, StringConstraints(min_length=1, max_length=64)]


class SamplePartAnswer(Answer):
    """One stratum: `certain` calls with a red flag or complaint, `drawn` of the `population` others; its margin."""

    names: list[str]
    certain: int
    population: int
    drawn: int
    margin: float | None


class SampleStatementAnswer(Answer):
    """What a sample may claim: shares of the population are known to within `margin` at this confidence."""

    seed: int
    strata: list[Stratum]
    confidence: float
    margin_wanted: float
    at_least: int
    certain: int
    population: int
    drawn: int
    margin: float | None
    parts: list[SamplePartAnswer]


class SampleAnswer(Answer):
    """A sample in short; `judged` of its `calls` have a score that is given."""

    id: str
    since: Instant
    until: Instant
    card: str
    drawn_by_name: str
    drawn_at: Instant
    calls: int
    judged: int
    statement: SampleStatementAnswer


class SamplesAnswer(Answer):
    """Samples, newest first."""

    samples: list[SampleAnswer]


class SampledCallAnswer(Answer):
    """A call to judge, why it is here, and how far its score is."""

    attempt_id: str
    because: Because
    agent_id: str
    agent_name: str
    recording_id: str | None
    seconds: float | None
    at: Instant
    score_id: str | None
    score_state: QualityState | None
    value: float | None


class FullSampleAnswer(SampleAnswer):
    """A sample with its calls in the order of the draw; those outside the reader's care teams are counted only."""

    to_judge: list[SampledCallAnswer]
    hidden: int


class RedrawAnswer(Answer):
    """Whether the rule, drawn once more, brings the same calls; it may not where calls were flagged since."""

    same_calls_to_draw_from: bool
    same_draw: bool


@router.post("/quality/sample-estimates", responses=problems(Kind.UNKNOWN_QUEUE))
def estimate_sample(ask: EstimateAsk, caller: SupervisorCommanding, uow: Work) -> SampleStatementAnswer:  # noqa: ARG001
    """How many calls a rule would bring and what they could claim, before anything is drawn."""
    rule = _rule(ask)
    return _statement(uow, rule, _drawn(uow, ask, rule)[0])


@router.post("/quality/samples", status_code=201, responses=problems(Kind.UNKNOWN_SCORECARD, Kind.NOT_POSSIBLE_NOW))
def draw_sample(ask: SampleAsk, caller: SupervisorCommanding, request: Request, uow: Work) -> FullSampleAnswer:
    """Draw a sample and keep it with its rule, seed and a fingerprint of the calls it was drawn from."""
    document_of(wiring_of(request).content, ask.card)
    rule = _rule(ask)
    sample, digest = _drawn(uow, ask, rule)
    if not sample.calls:
        raise Problem.of(
            Kind.NOT_POSSIBLE_NOW, "since", "no agent spoke with anybody in this period; choose a longer one"
        )
    made = QualitySample(
        id=new_id(),
        rule={
            "seed": rule.seed,
            "strata": sorted(rule.strata),
            "confidence": rule.confidence,
            "margin": rule.margin,
            "at_least": rule.at_least,
            "queue_id": ask.queue_id,
        },
        since=ask.since,
        until=ask.until,
        card=ask.card,
        statement=_statement(uow, rule, sample).model_dump(mode="json"),
        drawn_from=digest,
        drawn_by=caller.user_id,
        drawn_at=uow.now,
    )
    uow.quality.add_sample(made, sample.calls)
    _audit(uow, caller, "quality_sample_drawn", made)
    return _full(uow, made)


@router.get("/quality/samples")
def list_samples(caller: SupervisorOnly, uow: Work, limit: Limit = 50) -> SamplesAnswer:  # noqa: ARG001
    """Samples, newest first."""
    return SamplesAnswer(
        samples=[
            SampleAnswer.model_validate(_short(uow, each, uow.quality.sampled_calls(each.id)))
            for each in uow.quality.samples(limit=limit)
        ]
    )


@router.get("/quality/samples/{sample_id}", responses=problems(Kind.UNKNOWN_SAMPLE))
def read_sample(sample_id: Id, caller: SupervisorOnly, uow: Work) -> FullSampleAnswer:
    """A sample with its calls and how far each is judged."""
    sample = _sample(uow, sample_id)
    _audit(uow, caller, "quality_sample_viewed", sample)
    return _full(uow, sample)


@router.get("/quality/samples/{sample_id}/redraw", responses=problems(Kind.UNKNOWN_SAMPLE))
def redraw_sample(sample_id: Id, caller: SupervisorOnly, uow: Work) -> RedrawAnswer:
    """Draw it once more by its own rule, keeping nothing: was it drawn and not picked?"""
    sample = _sample(uow, sample_id)
    _audit(uow, caller, "quality_sample_redrawn", sample)
    again = SampleRuleAsk.model_validate({**sample.rule, "since": sample.since, "until": sample.until})
    drawn, digest = _drawn(uow, again, _rule(again))
    kept = {call.attempt_id for call in uow.quality.sampled_calls(sample.id)}
    return RedrawAnswer(
        same_calls_to_draw_from=digest == sample.drawn_from,
        same_draw={call.attempt_id for call in drawn.calls} == kept,
    )


def _rule(ask: SampleRuleAsk) -> SampleRule:
    return SampleRule(
        seed=ask.seed if ask.seed is not None else secrets.randbelow(_SEEDS),
        strata=ask.strata,
        confidence=ask.confidence,
        margin=ask.margin,
        at_least=ask.at_least,
    )


def _drawn(uow: UnitOfWork, ask: SampleRuleAsk, rule: SampleRule) -> tuple[Sample, str]:
    if not ask.since < ask.until:
        raise Problem.of(Kind.INVALID_REQUEST, "until", "lies before `since`; the period ends after it begins")
    if ask.until - ask.since > LONGEST:
        raise Problem.of(Kind.INVALID_REQUEST, "since", f"a sample is of {LONGEST.days} days at most")
    candidates = uow.real_calls.candidates(ask.since, ask.until, queue_id=ask.queue_id)
    return draw(candidates, rule), digest_of(candidates)


def _statement(uow: UnitOfWork, rule: SampleRule, sample: Sample) -> SampleStatementAnswer:
    return SampleStatementAnswer(
        seed=rule.seed,
        strata=[each for each in Stratum if each in rule.strata],
        confidence=rule.confidence,
        margin_wanted=rule.margin,
        at_least=rule.at_least,
        certain=sample.certain,
        population=sample.population,
        drawn=sample.drawn,
        margin=sample.margin,
        parts=[_part(uow, rule, part) for part in sample.parts],
    )


def _part(uow: UnitOfWork, rule: SampleRule, part: PartStatement) -> SamplePartAnswer:
    names = []
    for stratum, value in zip((each for each in Stratum if each in rule.strata), part.part, strict=True):
        if stratum is Stratum.AGENT:
            names.append(name_of(uow, value))
        elif stratum is Stratum.QUEUE:
            queue = uow.queues.get(value)
            names.append(queue.name if queue else "")
        else:
            names.append(value)
    return SamplePartAnswer(
        names=names, certain=part.certain, population=part.population, drawn=part.drawn, margin=part.margin
    )


def _sample(uow: UnitOfWork, sample_id: str) -> QualitySample:
    sample = uow.quality.sample(sample_id)
    if sample is None:
        raise Problem.of(
            Kind.UNKNOWN_SAMPLE, "sample_id", "there is no such sample; GET /api/v1/quality/samples lists them"
        )
    return sample


def _short(uow: UnitOfWork, sample: QualitySample, calls: list[SampledCall]) -> dict[str, object]:
    return {
        "id": sample.id,
        "since": sample.since,
        "until": sample.until,
        "card": sample.card,
        "drawn_by_name": name_of(uow, sample.drawn_by),
        "drawn_at": sample.drawn_at,
        "calls": len(calls),
        "judged": sum(call.score_state not in (None, QualityState.DRAFT) for call in calls),
        "statement": SampleStatementAnswer.model_validate(sample.statement),
    }


def _full(uow: UnitOfWork, sample: QualitySample) -> FullSampleAnswer:
    calls = uow.quality.sampled_calls(sample.id)
    seen = [call for call in calls if uow.care_team.is_open(call.patient_id, uow.now)]
    return FullSampleAnswer(
        **SampleAnswer.model_validate(_short(uow, sample, calls)).model_dump(),
        to_judge=[
            SampledCallAnswer(
                attempt_id=call.attempt_id,
                because=call.because,
                agent_id=call.agent_id,
                agent_name=name_of(uow, call.agent_id),
                recording_id=call.recording_id,
                seconds=call.seconds,
                at=call.closed_at,
                score_id=call.score_id,
                score_state=call.score_state,
                value=call.value,
            )
            for call in seen
        ],
        hidden=len(calls) - len(seen),
    )


def _audit(uow: UnitOfWork, caller: Caller, action: str, sample: QualitySample) -> None:
    uow.audit.note(
        user_id=caller.user_id,
        action=action,
        subject_kind="quality_sample",
        subject=sample.id,
        detail={"seed": sample.rule["seed"]},
    )
