"""The readings of an illness over the years, each with its class: from results, and from what plans have classed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from care.observations import Observation, Setting
from care.patients import Patient
from care.tags import Kind, Known, Reading
from db.unit_of_work import UnitOfWork
from followup.follow_up_rules import (
    Control,
    FollowUpResult,
    FollowUpRules,
    age_on,
    classify,
    number_in,
    rules_on,
)
from runtime.content.library import Content

_LOOKED_THROUGH = 400
"""So many results of one concept are gone through, the newest."""


@dataclass(slots=True)
class _Measured:
    """What was measured together, and the rows."""

    at: datetime
    day: date
    answers: dict[str, object] = field(default_factory=dict)
    rows: list[Observation] = field(default_factory=list)
    control: Control | None = None
    told: bool = False
    result: FollowUpResult | None = None


def readings_of(uow: UnitOfWork, content: Content, patient: Patient, topic: str) -> tuple[Reading, ...]:
    """Readings of a topic, oldest first; each is classed by the rules of its day after those of the day before it.

    What a plan has classed keeps its class: that knows of complaints too, which no value tells.
    """
    zone = ZoneInfo(patient.zone)
    known = [rules for rules in content.follow_up_rules.values() if rules.topic == topic]
    targets = {item for rules in known for target in rules.targets for item in target.below}
    measured = _measured(uow, content, patient, targets, zone)
    measured += _only_told(measured, uow.plan_records.results_of(patient.id, topic), targets, zone)
    choices = uow.plan_records.rule_choices()
    found: list[Reading] = []
    for each in sorted(measured, key=lambda one: (one.at, one.rows[0].id if one.rows else "")):
        rules = rules_on(each.day, topic, known, choices)
        before = next((one.control for one in reversed(found) if one.control is not None and one.day < each.day), None)
        control = each.control or _class_of(each, rules, patient, Control(before) if before is not None else None)
        found.append(
            Reading(
                at=each.at,
                day=each.day,
                values={item: value for item, value in _numbers(each.answers) if item in targets},
                control=control.value if control is not None else None,
                known=_evidence(each, targets, rules, control),
            )
        )
    return tuple(found)


def _measured(
    uow: UnitOfWork, content: Content, patient: Patient, targets: set[str], zone: ZoneInfo
) -> list[_Measured]:
    found: dict[datetime, _Measured] = {}
    # Of two concepts for one question the one that says more of it comes last and counts.
    for concept in sorted(content.concepts.values(), key=lambda each: len(each.with_answers)):
        if concept.item not in targets:
            continue
        for row in uow.observations.series(patient.id, concept.code, limit=_LOOKED_THROUGH):
            if row.value is None:
                continue
            together = found.setdefault(row.taken_at, _Measured(row.taken_at, row.taken_at.astimezone(zone).date()))
            together.answers.update({concept.item: row.value, **concept.with_answers})
            together.rows.append(row)
            together.told = together.told or row.setting is Setting.TOLD
    return list(found.values())


def _only_told(
    measured: Sequence[_Measured], results: Iterable[FollowUpResult], targets: set[str], zone: ZoneInfo
) -> list[_Measured]:
    """Give readings the class that a plan gave them; what plans know and no result tells is a reading of its own."""
    alone: list[_Measured] = []
    seen: set[datetime] = set()
    for result in sorted(results, key=lambda each: each.recorded_at, reverse=True):
        if result.taken_at in seen:
            continue  # it was classed anew after a correction
        seen.add(result.taken_at)
        day = result.taken_at.astimezone(zone).date()
        values = {item: value for item, value in _numbers(result.answers) if item in targets}
        same = [each for each in measured if each.day == day and values == _within(each, targets)]
        if same:
            near = min(same, key=lambda each: abs(each.at - result.taken_at))
            near.control = near.control or result.control
            continue
        # Reckoned from a result, or answered in a form: what is not there any more was corrected or taken back.
        from_results = result.recorded_by is None and result.task_id is None
        amended = result.task_id is not None and any(each.told and each.day == day for each in measured)
        if not from_results and not amended:
            alone.append(
                _Measured(
                    at=result.taken_at, day=day, answers=dict(result.answers), control=result.control, result=result
                )
            )
    return alone


def _class_of(
    measured: _Measured, rules: FollowUpRules | None, patient: Patient, before: Control | None
) -> Control | None:
    if rules is None:
        return None
    made_of = classify(rules, measured.answers, age=age_on(patient.born, measured.day), before=before)
    return made_of.control if made_of is not None else None


def _evidence(
    measured: _Measured, targets: set[str], rules: FollowUpRules | None, control: Control | None
) -> tuple[Known, ...]:
    rows = [
        Known(kind=Kind.RESULT, what=row.code, value=row.value, id=row.id, at=row.taken_at)
        for row in sorted(measured.rows, key=lambda row: row.code)
        if row.value is not None
    ]
    result = measured.result
    if result is not None:
        rows = [
            Known(kind=Kind.FOLLOW_UP, what=item, value=value, id=result.id, at=result.taken_at)
            for item, value in sorted(_numbers(result.answers))
            if item in targets
        ]
        said = ", ".join(result.because)
        rows = rows or [Known(kind=Kind.FOLLOW_UP, what=result.topic, value=said, id=result.id, at=result.taken_at)]
    if rules is not None and control is not None:
        by = result.rules if result is not None else f"{rules.id}/{rules.version}"
        rows.append(Known(kind=Kind.CLASS, what=by, value=control.value, id=rows[0].id, at=measured.at))
    return tuple(rows)


def _numbers(answers: dict[str, object]) -> list[tuple[str, float]]:
    numbers = ((item, number_in(answer)) for item, answer in answers.items())
    return [(item, number) for item, number in numbers if number is not None]


def _within(measured: _Measured, targets: set[str]) -> dict[str, float]:
    return {item: value for item, value in _numbers(measured.answers) if item in targets}
