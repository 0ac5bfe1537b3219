"""What rules of tags and segments may know of a patient, each thing with the row in which it stands."""

from collections.abc import Iterable
from dataclasses import replace
from zoneinfo import ZoneInfo

from care.history import EntryState, HistoryKind
from care.medicines import MedicineState
from care.patients import Patient
from care.responses import ResponseState
from care.tags import Kind, Known, Tag, TagFacts
from db.result_control import classes_of
from db.unit_of_work import UnitOfWork
from followup.attempts import AttemptState
from followup.follow_up_rules import age_on
from followup.outcomes import NOT_COUNTED
from record.tag_readings import readings_of
from runtime.content.library import Content
from runtime.content.tags import ATTEMPT_OUTCOME

_ATTEMPTS = 50
_RESPONSES = 100

ByWhat = dict[str, tuple[Known, ...]]


def facts_of(uow: UnitOfWork, content: Content, patient: Patient) -> TagFacts:
    """Everything but tags; `with_tags` adds those."""
    today = uow.now.astimezone(ZoneInfo(patient.zone)).date()
    return TagFacts(
        now=uow.now,
        age=age_on(patient.born, today),
        sex=patient.sex,
        known={
            Kind.GROUP: _groups(uow, content, patient),
            Kind.RESULT: _results(uow, content, patient),
            Kind.RESULT_CLASS: _classes(uow, content, patient),
            Kind.SCORE: _scores(uow, patient),
            Kind.ANSWER: _answers(uow, patient),
            Kind.ATTEMPT: _attempts(uow, patient),
            Kind.MEDICINE: _medicines(uow, patient),
            Kind.RISK: _risks(uow, patient),
            Kind.PREFERENCE: _preferences(uow, patient),
            Kind.CARD: _card(patient),
        },
        readings={
            topic: readings_of(uow, content, patient, topic)
            for topic in sorted({rules.topic for rules in content.follow_up_rules.values()})
        },
    )


def with_tags(facts: TagFacts, standing: Iterable[Tag]) -> TagFacts:
    """The facts with the tags that stand now, by rule or by hand."""
    tags = [Known(kind=Kind.TAG, what=tag.code, value=tag.origin.value, id=tag.id, at=tag.added_at) for tag in standing]
    return replace(facts, known={**facts.known, Kind.TAG: _by_what(tags)})


def _groups(uow: UnitOfWork, content: Content, patient: Patient) -> ByWhat:
    """One diagnosis of each group, the first that was told: another beside it is no other evidence."""
    found = []
    for entry in sorted(uow.history.current_of(patient.id, HistoryKind.CONDITION), key=lambda each: each.recorded_at):
        if entry.state is not EntryState.ACTIVE:
            continue
        for group, begins in content.diagnosis_groups.items():
            if any(entry.code.upper().startswith(begin) for begin in begins):
                at = entry.stated_at or entry.recorded_at
                found.append(Known(kind=Kind.GROUP, what=group, value=entry.code, id=entry.id, at=at))
    return _by_what(found)


def _results(uow: UnitOfWork, content: Content, patient: Patient) -> ByWhat:
    latest = uow.observations.latest(patient.id, set(content.concepts))
    found = [
        Known(kind=Kind.RESULT, what=code, value=row.value, id=row.id, at=row.taken_at)
        for code, row in sorted(latest.items())
        if row.value is not None
    ]
    # A rate that a model reckoned counts like one that the laboratory sent, whichever is newer.
    for concept, model in content.advice.reckoned.items():
        for assessment in uow.risk.current_of(patient.id, {model})[:1]:
            taken = [used.taken_at for used in assessment.used() if used.taken_at is not None]
            if taken:
                found.append(
                    Known(kind=Kind.RESULT, what=concept, value=assessment.value, id=assessment.id, at=min(taken))
                )
    return _by_what(found)


def _classes(uow: UnitOfWork, content: Content, patient: Patient) -> ByWhat:
    found = []
    classes = classes_of(uow, content, patient)
    latest = uow.observations.latest(patient.id, {code for each in classes for code in each.values})
    for each in classes:
        rows = (latest[code] for code in each.values if code in latest)
        ids = sorted(row.id for row in rows if row.taken_at == each.taken_at)
        found.append(
            Known(
                kind=Kind.RESULT_CLASS, what=each.subject, value=each.code, id=ids[0] if ids else "", at=each.taken_at
            )
        )
    return _by_what(found)


def _scores(uow: UnitOfWork, patient: Patient) -> ByWhat:
    return _by_what(
        Known(kind=Kind.SCORE, what=each.code, value=each.band, id=each.id, at=each.at)
        for each in uow.responses.observations_of(patient.id, limit=200)
        if each.band is not None
    )


def _answers(uow: UnitOfWork, patient: Patient) -> ByWhat:
    return _by_what(
        Known(kind=Kind.ANSWER, what=item, value=value, id=response.id, at=response.completed_at)
        for response in uow.responses.of_patient(patient.id, limit=_RESPONSES)
        if response.state is not ResponseState.IN_PROGRESS
        for item, value in sorted(response.answers.items())
    )


def _attempts(uow: UnitOfWork, patient: Patient) -> ByWhat:
    """Closed tries that say something of the patient, newest first."""
    return _by_what(
        Known(kind=Kind.ATTEMPT, what=ATTEMPT_OUTCOME, value=each.outcome.value, id=each.id, at=each.closed_at)
        for each in uow.attempts.of_patient(patient.id, limit=_ATTEMPTS)
        if each.state is AttemptState.CLOSED and each.outcome is not None and each.outcome not in NOT_COUNTED
    )


def _medicines(uow: UnitOfWork, patient: Patient) -> ByWhat:
    """What he takes, under every beginning of its ATC code: B01 is everything against clotting."""
    return _by_what(
        Known(kind=Kind.MEDICINE, what=each.code.upper()[:length], value=each.name, id=each.id, at=each.recorded_at)
        for each in sorted(uow.medicines.current_of(patient.id), key=lambda one: one.id)
        if each.state is MedicineState.ACTIVE and each.code
        for length in (1, 3, 4, 5, 7)
        if len(each.code) >= length
    )


def _risks(uow: UnitOfWork, patient: Patient) -> ByWhat:
    return _by_what(
        Known(kind=Kind.RISK, what=each.model, value=each.band, id=each.id, at=each.assessed_at)
        for each in uow.risk.current_of(patient.id)
        if each.band is not None
    )


def _preferences(uow: UnitOfWork, patient: Patient) -> ByWhat:
    said = uow.tags.preference_of(patient.id)
    if said is None:
        return {}
    words = {"hearing": said.hearing, "part_of_day": said.part_of_day, "channel": said.channel}
    return _by_what(
        Known(kind=Kind.PREFERENCE, what=what, value=word.value, id=said.id, at=said.recorded_at)
        for what, word in words.items()
    )


def _card(patient: Patient) -> ByWhat:
    words = {"language": patient.language, "dialect": patient.dialect, "sex": patient.sex}
    return _by_what(Known(kind=Kind.CARD, what=what, value=word, id=patient.id) for what, word in words.items() if word)


def _by_what(known: Iterable[Known]) -> ByWhat:
    """By what it is, newest first; of two of one instant the row that was given first."""
    found: dict[str, list[Known]] = {}
    for each in known:
        found.setdefault(each.what, []).append(each)
    return {
        what: tuple(sorted(rows, key=lambda row: row.at.timestamp() if row.at is not None else 0.0, reverse=True))
        for what, rows in found.items()
    }
