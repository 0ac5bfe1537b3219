"""Risk of one patient: what the record says to each model, assessing, and following what changes in the record."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import structlog

from care.conflicts import findings_of as found_in
from care.history import HistoryEntry
from care.patients import Encounter, Patient
from care.risk.assessing import Assessed, LackReason, Refused, UsedInput, assess
from care.risk.findings import Findings
from care.risk.inputs import RiskInput
from care.risk.models import RiskModel
from care.risk.records import (
    AssessmentCause,
    RiskAssessment,
    WithdrawalReason,
    changed_inputs,
    titles_of,
    written,
)
from db.unit_of_work import UnitOfWork
from followup.events import DomainEvent, EventKind
from record.following import RecordParts
from record.risk_telling import is_worth_telling, tell_of_change
from runtime.content.library import Content
from runtime.identifiers import new_id

log = structlog.get_logger(__name__)

_LOOKED_THROUGH = 200
"""So many results of one kind are looked through for one that was measured where the model wants it."""


def findings_of(
    uow: UnitOfWork,
    content: Content,
    zone: ZoneInfo,
    patient: Patient,
    *,
    models: Collection[RiskModel],
    now: datetime,
    visit: Encounter | None = None,
) -> Findings:
    """What the record says to these models, now or at the end of the visit that they are about."""
    at = visit.occurred_at if visit is not None else now
    inputs = [content.risk_inputs[name] for name in {name for model in models for name in model.names}]
    picked = {need.name for model in models for need in model.needs if need.settings}
    through, newest = _concepts(inputs, picked)
    results = {code: [found] for code, found in uow.observations.latest(patient.id, newest, until=at).items()}
    for code in through:
        results[code] = list(uow.observations.series(patient.id, code, limit=_LOOKED_THROUGH))
    return Findings(
        at=at,
        zone=zone,
        born=patient.born,
        sex=patient.sex,
        results=results,
        history=_what_holds(uow, content, patient.id),
        medicines=uow.medicines.current_of(patient.id),
        facts=uow.risk.facts_of(patient.id),
        visits=uow.patients.encounters_of(patient.id) if visit is not None else (),
        visit=visit,
    )


def look(
    uow: UnitOfWork,
    content: Content,
    zone: ZoneInfo,
    patient: Patient,
    *,
    now: datetime,
    models: Sequence[RiskModel],
    visit: Encounter | None = None,
) -> list[Assessed | Refused]:
    """What each model says of the patient now, or why it says nothing; nothing is kept."""
    found = findings_of(uow, content, zone, patient, models=models, now=now, visit=visit)
    return [assess(model, content.risk_inputs, found) for model in models]


def keep(
    uow: UnitOfWork,
    patient: Patient,
    assessed: Assessed,
    *,
    visit: Encounter | None,
    by: str | None,
    cause: AssessmentCause,
    changes: Sequence[str] = (),
) -> RiskAssessment:
    """Keep a result in the place of the model's current one; the same once more is the one that is there."""
    uow.risk.one_at_a_time(patient.id)
    visit_id = visit.id if visit is not None else None
    before = [each for each in uow.risk.current_of(patient.id, [assessed.model.id]) if each.encounter_id == visit_id]
    if before and _is_same(before[0], assessed):
        uow.risk.supersede(before[1:], uow.now)
        return before[0]
    kept = RiskAssessment(
        id=new_id(),
        patient_id=patient.id,
        encounter_id=visit_id,
        model=assessed.model.id,
        model_version=assessed.model.version,
        variant=assessed.variant,
        value=assessed.value,
        unit=assessed.model.unit,
        band=assessed.band.key if assessed.band is not None else None,
        out_of_range=assessed.out_of_range,
        inputs=written(assessed.inputs),
        titles=titles_of(assessed),
        assessed_at=assessed.at,
        valid_until=assessed.valid_until,
        cause=cause,
        changes=list(changes),
        replaces=before[0].id if before else None,
        recorded_at=uow.now,
        recorded_by=by,
    )
    uow.risk.put(kept, in_place_of=before)
    uow.emit(DomainEvent(kind=EventKind.RISK_CHANGED, subject=kept.id, ids={"patient": patient.id}))
    log.info("risk_assessed", assessment=kept.id, model=kept.model, band=kept.band, cause=cause.value)
    return kept


def follow(uow: UnitOfWork, parts: RecordParts, patient_id: str) -> None:
    """Reckon anew what rests on values that are not as they were; withdraw what cannot be reckoned any more."""
    if not uow.risk.current_of(patient_id):
        return
    uow.risk.one_at_a_time(patient_id)
    patient = uow.patients.get(patient_id)
    if patient is None:
        return
    for stored in _one_of_each(uow, uow.risk.current_of(patient_id)):
        model = parts.content.risk_models.get(stored.model)
        visit = uow.patients.encounter(stored.encounter_id) if stored.encounter_id is not None else None
        # A model that the hospital has taken out of its content tells no more; what it told stays.
        if model is not None:
            _follow_one(uow, parts, patient, stored, model, visit)


def _follow_one(
    uow: UnitOfWork,
    parts: RecordParts,
    patient: Patient,
    stored: RiskAssessment,
    model: RiskModel,
    visit: Encounter | None,
) -> None:
    found = findings_of(uow, parts.content, parts.zone, patient, models=[model], now=uow.now, visit=visit)
    result = assess(model, parts.content.risk_inputs, found, variant=stored.variant)
    changes = changed_inputs(stored.used(), result.inputs)
    if isinstance(result, Assessed):
        if changes:
            kept = keep(
                uow, patient, result, visit=visit, by=None, cause=AssessmentCause.RECORD_CHANGED, changes=changes
            )
            if is_worth_telling(uow, stored, kept):
                tell_of_change(uow, parts, patient, kept)
        return
    illness = any(lack.reason in _ILLNESS for lack in result.lacks)
    # That a year has passed or somebody turned 75 makes yesterday's result old, not wrong.
    if not changes and not illness:
        return
    because = _why_withdrawn(result)
    uow.risk.withdraw(
        stored, because=because, inputs=[*dict.fromkeys((*changes, *(lack.input for lack in result.lacks)))], at=uow.now
    )
    tell_of_change(uow, parts, patient, stored)
    uow.emit(DomainEvent(kind=EventKind.RISK_CHANGED, subject=stored.id, ids={"patient": patient.id}))
    log.info("risk_withdrawn", assessment=stored.id, model=stored.model, because=because.value)


_ILLNESS = frozenset({LackReason.KNOWN_ILLNESS, LackReason.WITHOUT_ILLNESS})


def _why_withdrawn(refused: Refused) -> WithdrawalReason:
    if not refused.applies:
        return WithdrawalReason.NOT_APPLICABLE
    if any(lack.reason is LackReason.MISSING for lack in refused.lacks):
        return WithdrawalReason.INPUT_GONE
    return WithdrawalReason.INPUTS_TOO_OLD


def _is_same(stored: RiskAssessment, assessed: Assessed) -> bool:
    """The same model has already said the same from the same values."""
    held: Sequence[UsedInput] = stored.used()
    return (
        (stored.model_version, stored.variant, stored.value, stored.band)
        == (assessed.model.version, assessed.variant, assessed.value, assessed.band.key if assessed.band else None)
    ) and not changed_inputs(held, assessed.inputs)


def _one_of_each(uow: UnitOfWork, current: Sequence[RiskAssessment]) -> list[RiskAssessment]:
    """The newest of each model and visit; after a merger of two records the others give way to it."""
    newest: dict[tuple[str, str | None], RiskAssessment] = {}
    for each in current:
        newest.setdefault((each.model, each.encounter_id), each)
    kept = list(newest.values())
    uow.risk.supersede([each for each in current if each not in kept], uow.now)
    return kept


def _what_holds(uow: UnitOfWork, content: Content, patient_id: str) -> list[HistoryEntry]:
    """Each thing once, as the sources' ranks settle it; whose word holds may have left the code to another."""
    holding = []
    for each in found_in(uow.history.current_of(patient_id), content.source_ranks.history):
        code = each.holds.code or next((other.code for other in each.others if other.code), "")
        holding.append(each.holds if code == each.holds.code else replace(each.holds, code=code))
    return holding


def _concepts(inputs: Collection[RiskInput], picked: Collection[str]) -> tuple[frozenset[str], frozenset[str]]:
    """Concepts whose results are looked through, and those of which the newest is enough."""
    through = {each.concept for each in inputs if each.concept and each.name in picked}
    newest = {concept for each in inputs for concept in (each.concept, each.weight, each.height) if concept}
    return frozenset(through), frozenset(newest - through)
