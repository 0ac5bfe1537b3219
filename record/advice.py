"""What rules of advice may know of a patient, and advice taken back when what was known has changed."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import structlog

from care.adherence import Helper
from care.advice import GivenAdvice, KnownResult, PersonFacts, against_giving, judge
from care.history import EntryState, HistoryEntry, HistoryKind, groups_of
from care.medicines import MedicineState
from care.patients import Patient
from care.risk.assessing import Assessed
from db.request_making import make_request, tell_of_request
from db.unit_of_work import UnitOfWork
from followup.requests import RequestKind
from record.following import Follower, RecordParts
from record.owners import helper_for, let_in
from record.risk import look
from runtime.content.advice import MomentDocument
from runtime.content.library import Content

log = structlog.get_logger(__name__)


def facts_of(uow: UnitOfWork, content: Content, patient: Patient) -> PersonFacts:
    """What rules of advice may know of a patient, as the record stands now."""
    zone = ZoneInfo(patient.zone)
    today = uow.now.astimezone(zone).date()
    history = uow.history.current_of(patient.id)
    active = [entry for entry in history if entry.state is EntryState.ACTIVE]
    # An operation that is over was done all the same.
    happened = [entry for entry in history if entry.state is not EntryState.REFUTED]
    library = content.advice
    latest = uow.observations.latest(patient.id, library.results_asked())
    results = {
        code: KnownResult(value=one.value, taken_on=one.taken_at.astimezone(zone).date())
        for code, one in latest.items()
        if one.value is not None
    }
    _add_reckoned(uow, content, patient, results, zone)
    return PersonFacts(
        age=_age(patient.born, today),
        sex=patient.sex,
        groups=groups_of(history, content.diagnosis_groups).union(
            *(library.groups_named(one.name) for one in active if one.kind is HistoryKind.CONDITION and not one.code)
        ),
        allergies=tuple(entry.name for entry in active if entry.kind is HistoryKind.ALLERGY),
        medicines=tuple(
            named
            for medicine in uow.medicines.current_of(patient.id)
            if medicine.state is MedicineState.ACTIVE
            for named in (medicine.code, medicine.name)
            if named
        ),
        results=results,
        bands=_bands(uow, patient.id, library.scores_asked()),
        moments=_moments(uow, patient, happened, library.moments, zone, today),
    )


def written_facts(facts: PersonFacts) -> dict[str, object]:
    """The facts as they are kept with advice that was given by them."""
    return {
        "age": facts.age,
        "groups": sorted(facts.groups),
        "allergies": list(facts.allergies),
        "medicines": list(facts.medicines),
        "results": {
            code: {"value": known.value, "taken_on": known.taken_on.isoformat()}
            for code, known in sorted(facts.results.items())
        },
        "bands": dict(facts.bands),
        "moments": {name: day.isoformat() for name, day in sorted(facts.moments.items())},
    }


def follow_advice(uow: UnitOfWork, parts: RecordParts, patient_id: str) -> None:
    """Take back advice that must not stand any more, and let whoever gave it tell the patient."""
    standing = uow.advice.standing(patient_id)
    patient = uow.patients.get(patient_id)
    if not standing or patient is None:
        return
    library = parts.content.advice
    facts = facts_of(uow, parts.content, patient)
    today = uow.now.astimezone(ZoneInfo(patient.zone)).date()
    for given in standing:
        article = library.articles.get(given.article_id)
        if article is None:
            continue
        choice = judge(article, library.hazards, facts, today)
        if choice is not None and choice.may_be_given:
            continue
        # That nothing is known of a result any more makes nothing dangerous: it was known when the advice was given.
        against = [
            reason for reason in against_giving(article, library.hazards, facts, today) if ": not known:" not in reason
        ]
        if against:
            _take_back(uow, parts, given, against, title=article.title)


def _take_back(
    uow: UnitOfWork, parts: RecordParts, given: GivenAdvice, against: list[str], *, title: Mapping[str, str]
) -> None:
    owner = helper_for(
        uow,
        Helper.NURSE,
        department=parts.content.adherence_document.departments[Helper.NURSE],
        patient_id=given.patient_id,
        known=given.given_by,
    )
    request = make_request(
        uow,
        kind=RequestKind.REQUEST,
        cause="explanation",
        text=f"以前给的建议「{title['zh']}」现在不适合,请告诉患者停止。/ The advice '{title['en']}' does not suit the "
        "patient any more: tell him not to follow it.",
        due_on=uow.now.astimezone(parts.zone).date() + timedelta(days=1),
        received_by=owner.id,
        owner_id=owner.id,
        patient_id=given.patient_id,
        detail={"advice": given.id, "because": against},
    )
    given.withdrawn_at, given.withdrawn_because, given.request_id = uow.now, against, request.id
    let_in(uow, owner, given.patient_id, role=Helper.NURSE.value, reason=f"request {request.id}", by=None)
    tell_of_request(uow, request)
    log.warning("advice_withdrawn", advice=given.id, article=given.article_id, request=request.id)


def _add_reckoned(
    uow: UnitOfWork, content: Content, patient: Patient, results: dict[str, KnownResult], zone: ZoneInfo
) -> None:
    """A result that no laboratory sent, as a risk model reckons it now, of the day of its oldest measured input."""
    for code, name in content.advice.reckoned.items():
        model = content.risk_models[name]
        # How old a result may be is for the rules of advice to say: an old bad kidney is not taken for a sound one.
        ageless = replace(model, needs=tuple(replace(need, within=None) for need in model.needs))
        for said in look(uow, content, zone, patient, now=uow.now, models=[ageless]):
            if not isinstance(said, Assessed):
                continue
            days = [used.taken_at.astimezone(zone).date() for used in said.inputs if used.taken_at is not None]
            if days and (code not in results or results[code].taken_on < min(days)):
                results[code] = KnownResult(value=said.value, taken_on=min(days))


def _bands(uow: UnitOfWork, patient_id: str, scores: frozenset[str]) -> dict[str, str]:
    found = {}
    for score in sorted(scores):
        latest = uow.responses.observations_of(patient_id, code=score, limit=1)
        if latest and latest[0].band is not None:
            found[score] = latest[0].band
    return found


def _moments(
    uow: UnitOfWork,
    patient: Patient,
    happened: list[HistoryEntry],
    moments: Mapping[str, MomentDocument],
    zone: ZoneInfo,
    today: date,
) -> dict[str, date]:
    plans = uow.plans.plans_of_patient(patient.id)
    found = {}
    for name, moment in moments.items():
        days = [
            # Nobody knows how long ago it was: no longer than it is on record.
            entry.since or entry.recorded_at.astimezone(zone).date()
            for entry in happened
            if (
                (entry.kind is HistoryKind.PROCEDURE and _begins(entry.code, moment.procedures))
                or (entry.kind is HistoryKind.CONDITION and _begins(entry.code, moment.conditions))
            )
        ]
        days += [plan.anchor_at.astimezone(zone).date() for plan in plans if plan.template_id in moment.plan_templates]
        past = [day for day in days if day <= today]
        if past:
            found[name] = max(past)
    return found


def _begins(code: str, begins: tuple[str, ...]) -> bool:
    return any(code.upper().startswith(begin.upper()) for begin in begins)


def _age(born: date | None, today: date) -> int | None:
    if born is None:
        return None
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


ADVICE = Follower("advice", follow_advice)
