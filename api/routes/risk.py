"""Risk scores and classes: what each asks for, what a patient's record lacks, assessing, and every result ever told."""

from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import Field, StringConstraints

from api import found
from api.auth import Caller
from api.edge import Route, Work
from api.fields import Ask, Id, Instant, Limit
from api.permissions import CareTeam, CareTeamCommanding, Everybody
from api.problems import Fault, Kind, Problem, problems
from api.risk_answers import (
    AssessmentAnswer,
    AssessmentsAnswer,
    FactsAnswer,
    ModelsAnswer,
    StandingsAnswer,
    assessment_answer,
    fact_answer,
    models_answer,
    standing_answer,
)
from api.wiring import wiring_of
from care.patients import Encounter, Patient
from care.risk.assessing import Assessed, Refused, assess
from care.risk.inputs import RiskFact, Value
from care.risk.models import RiskModel
from care.risk.records import AssessmentCause, RiskAssessment
from db.unit_of_work import UnitOfWork
from followup.events import DomainEvent, EventKind
from record import risk
from runtime.content.library import Content
from runtime.identifiers import new_id

router = APIRouter(tags=["risk"], route_class=Route)

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]


class AssessAsk(Ask):
    """A model to assess by; one about a visit names it. A variant is another way of counting that was published."""

    model: Name
    encounter_id: Id | None = None
    variant: Annotated[str, StringConstraints(max_length=40)] = ""


class FactsAsk(Ask):
    """Values for risk only, by input. What is a result is entered as a result, an illness in the history."""

    facts: Annotated[dict[Name, bool | float | Annotated[str, StringConstraints(max_length=40)]], Field(min_length=1)]
    encounter_id: Id | None = None
    taken_at: Instant | None = None


@router.get("/risk-models")
def list_risk_models(caller: Everybody, request: Request) -> ModelsAnswer:  # noqa: ARG001
    """Scores and classes with what they ask for, their bands and whom they are not for."""
    return models_answer(wiring_of(request).content)


@router.get("/patients/{patient_id}/risks", responses=problems(Kind.UNKNOWN_PATIENT, Kind.UNKNOWN_ENCOUNTER))
def read_risks(
    patient_id: Id, caller: CareTeam, request: Request, uow: Work, encounter_id: Id | None = None
) -> StandingsAnswer:
    """What every model says of the patient now, or what it lacks; with a visit also those that are about one."""
    patient = found.patient(uow, patient_id)
    visit = _visit(uow, patient, encounter_id)
    _note(uow, caller, "risks_viewed", patient)
    content, zone = wiring_of(request).content, wiring_of(request).zone
    answers = []
    of_patient = [model for model in content.risk_models.values() if not model.of_visit]
    of_visit = [model for model in content.risk_models.values() if model.of_visit]
    results = risk.look(uow, content, zone, patient, now=uow.now, models=of_patient)
    if visit is not None:
        results += risk.look(uow, content, zone, patient, now=uow.now, models=of_visit, visit=visit)
    kept: dict[tuple[str, str | None], RiskAssessment] = {}
    for each in uow.risk.current_of(patient.id):
        kept.setdefault((each.model, each.encounter_id), each)
    for result in results:
        about = visit.id if visit is not None and result.model.of_visit else None
        answers.append(standing_answer(content, result, kept.get((result.model.id, about)), now=uow.now))
    return StandingsAnswer(notice=content.risk_words.notice, standings=answers)


@router.post(
    "/patients/{patient_id}/risk-assessments",
    status_code=201,
    responses={
        200: {"description": "The model has already said this from the same values", "model": AssessmentAnswer},
        **problems(
            Kind.UNKNOWN_PATIENT,
            Kind.UNKNOWN_ENCOUNTER,
            Kind.UNKNOWN_RISK_MODEL,
            Kind.RISK_NOT_APPLICABLE,
            Kind.RISK_INPUTS_LACKING,
        ),
    },
)
def assess_risk(
    patient_id: Id, ask: AssessAsk, caller: CareTeamCommanding, request: Request, response: Response, uow: Work
) -> AssessmentAnswer:
    """Assess the patient by a model and keep the result; refused with every input that is lacking."""
    patient = found.patient(uow, patient_id)
    content, zone = wiring_of(request).content, wiring_of(request).zone
    model = _model(content, ask)
    visit = _visit(uow, patient, ask.encounter_id)
    if model.of_visit and visit is None:
        raise Problem.of(
            Kind.INVALID_REQUEST,
            "encounter_id",
            "this model is about a visit; GET /api/v1/patients/{patient_id}/encounters lists them",
        )
    visit = visit if model.of_visit else None
    looked_at = risk.findings_of(uow, content, zone, patient, models=[model], now=uow.now, visit=visit)
    result = assess(model, content.risk_inputs, looked_at, variant=ask.variant)
    if isinstance(result, Refused):
        raise _refusal(content, result)
    kept = _keep(uow, caller, patient, result, visit)
    if kept.recorded_at != uow.now:
        response.status_code = 200
    else:
        # Tags and goals go by scores too.
        uow.emit(DomainEvent(kind=EventKind.RECORD_CHANGED, subject=patient.id))
    return assessment_answer(content, kept, now=uow.now)


@router.get("/patients/{patient_id}/risk-assessments", responses=problems(Kind.UNKNOWN_PATIENT))
def list_risk_assessments(
    patient_id: Id,
    caller: CareTeam,
    request: Request,
    uow: Work,
    model: Name | None = None,
    after: Id | None = None,
    limit: Limit = 50,
) -> AssessmentsAnswer:
    """Everything that was ever told, newest first: current, superseded and withdrawn."""
    patient = found.patient(uow, patient_id)
    _note(uow, caller, "risk_assessments_viewed", patient)
    content = wiring_of(request).content
    page = uow.risk.of_patient(patient.id, model=model, after=after, limit=limit)
    return AssessmentsAnswer(
        assessments=[assessment_answer(content, each, now=uow.now) for each in page],
        next=page[-1].id if len(page) == limit else None,
    )


@router.get("/risk-assessments/{assessment_id}", responses=problems(Kind.UNKNOWN_RISK_ASSESSMENT, Kind.UNKNOWN_PATIENT))
def read_risk_assessment(assessment_id: Id, caller: CareTeam, request: Request, uow: Work) -> AssessmentAnswer:
    """One result with everything that it rests on."""
    kept = uow.risk.get(assessment_id)
    if kept is None:
        raise Problem.of(
            Kind.UNKNOWN_RISK_ASSESSMENT,
            "assessment_id",
            "there is no such assessment; GET /api/v1/patients/{patient_id}/risk-assessments lists a patient's",
        )
    patient = found.patient(uow, kept.patient_id)
    uow.audit.note(
        user_id=caller.user_id,
        action="risk_assessment_viewed",
        subject_kind="risk_assessment",
        subject=kept.id,
        patient_id=patient.id,
    )
    return assessment_answer(wiring_of(request).content, kept, now=uow.now)


@router.get("/patients/{patient_id}/risk-facts", responses=problems(Kind.UNKNOWN_PATIENT))
def list_risk_facts(patient_id: Id, caller: CareTeam, request: Request, uow: Work) -> FactsAnswer:
    """What was stated for risk only."""
    patient = found.patient(uow, patient_id)
    _note(uow, caller, "risk_facts_viewed", patient)
    content = wiring_of(request).content
    return FactsAnswer(facts=[fact_answer(content, each) for each in uow.risk.facts_of(patient.id)])


@router.post(
    "/patients/{patient_id}/risk-facts",
    status_code=201,
    responses=problems(Kind.UNKNOWN_PATIENT, Kind.UNKNOWN_ENCOUNTER),
)
def state_risk_facts(
    patient_id: Id, ask: FactsAsk, caller: CareTeamCommanding, request: Request, uow: Work
) -> FactsAnswer:
    """Write down what scores ask for and no result tells: treated, north of the river, the family, a stay's days."""
    patient = found.patient(uow, patient_id)
    visit = _visit(uow, patient, ask.encounter_id)
    content = wiring_of(request).content
    taken_at = ask.taken_at or uow.now
    if taken_at > uow.now:
        raise Problem.of(Kind.INVALID_REQUEST, "taken_at", "lies in the future; say when it was asked or seen")
    kept = []
    for name, value in ask.facts.items():
        about = _about(content, name, value, visit)
        kept.append(
            uow.risk.state(
                RiskFact(
                    id=new_id(),
                    patient_id=patient.id,
                    encounter_id=about,
                    name=name,
                    value=value,
                    taken_at=taken_at,
                    recorded_at=uow.now,
                    recorded_by=caller.user_id,
                )
            )
        )
    uow.audit.note(
        user_id=caller.user_id,
        action="risk_facts_stated",
        subject_kind="patient",
        subject=patient.id,
        patient_id=patient.id,
        detail={"inputs": ", ".join(sorted(ask.facts))},
    )
    uow.emit(DomainEvent(kind=EventKind.RECORD_CHANGED, subject=patient.id))
    return FactsAnswer(facts=[fact_answer(content, each) for each in kept])


def _about(content: Content, name: str, value: Value, visit: Encounter | None) -> str | None:
    """The visit that a value belongs to, if any; a problem if the value cannot be stated so."""
    field = f"facts.{name}"
    wanted = content.risk_inputs.get(name)
    if wanted is None:
        raise Problem.of(Kind.INVALID_REQUEST, field, "no score asks for this; GET /api/v1/risk-models lists inputs")
    if not wanted.stated:
        raise Problem.of(
            Kind.INVALID_REQUEST,
            field,
            "this is not stated for risk only: enter a result as a result and an illness in the history",
        )
    if not wanted.is_written(value):
        choices = f"one of {', '.join(wanted.choices)}" if wanted.choices else f"a plausible {wanted.kind.value}"
        raise Problem.of(Kind.INVALID_REQUEST, field, f"must be {choices}")
    if wanted.stated_for_visit and visit is None:
        raise Problem.of(Kind.INVALID_REQUEST, "encounter_id", f"{name} belongs to a visit; name the visit")
    return visit.id if visit is not None and wanted.stated_for_visit else None


def _visit(uow: UnitOfWork, patient: Patient, encounter_id: str | None) -> Encounter | None:
    if encounter_id is None:
        return None
    visit = found.encounter(uow, encounter_id)
    if visit.patient_id != patient.id:
        raise Problem.of(Kind.UNKNOWN_ENCOUNTER, "encounter_id", "this patient has no such visit")
    return visit


def _model(content: Content, ask: AssessAsk) -> RiskModel:
    model = content.risk_models.get(ask.model)
    if model is None:
        raise Problem.of(Kind.UNKNOWN_RISK_MODEL, "model", "there is no such model; GET /api/v1/risk-models lists them")
    if ask.variant and ask.variant not in model.variants:
        known = ", ".join(model.variants) or "none"
        raise Problem.of(Kind.INVALID_REQUEST, "variant", f"this model has the variants: {known}")
    return model


def _refusal(content: Content, refused: Refused) -> Problem:
    faults = []
    for lack in refused.lacks:
        title = content.risk_inputs[lack.input].titles["en"]
        taken = f" (of {lack.known.taken_at.date().isoformat()})" if lack.known and lack.known.taken_at else ""
        limits = ""
        if lack.needed is not None:
            limits = f" ({_limit(lack.needed.lowest, 'from')}{_limit(lack.needed.highest, ' to')})"
        elif lack.within_days is not None:
            limits = f"; it may be {lack.within_days} days old"
        faults.append(
            Fault(field=lack.input, reason=f"{title}{taken} {content.risk_words.lacks[lack.reason].en}{limits}")
        )
    kind = Kind.RISK_INPUTS_LACKING if refused.applies else Kind.RISK_NOT_APPLICABLE
    return Problem(kind=kind, faults=faults, reasons=[lack.reason.value for lack in refused.lacks])


def _limit(bound: float | None, word: str) -> str:
    return "" if bound is None else f"{word} {bound:g}"


def _keep(
    uow: UnitOfWork, caller: Caller, patient: Patient, result: Assessed, visit: Encounter | None
) -> RiskAssessment:
    kept = risk.keep(uow, patient, result, visit=visit, by=caller.user_id, cause=AssessmentCause.ASKED)
    uow.audit.note(
        user_id=caller.user_id,
        action="risk_assessed",
        subject_kind="risk_assessment",
        subject=kept.id,
        patient_id=patient.id,
        detail={"model": f"{kept.model}/{kept.model_version}"},
    )
    return kept


def _note(uow: UnitOfWork, caller: Caller, action: str, patient: Patient) -> None:
    uow.audit.note(
        user_id=caller.user_id, action=action, subject_kind="patient", subject=patient.id, patient_id=patient.id
    )
