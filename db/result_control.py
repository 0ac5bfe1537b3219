"""Classes of a patient's newest results, and whether his illness is controlled under each rule set that there is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from care.observations import Observation, Setting
from care.patients import Patient
from care.result_classes import bmi_of
from db.unit_of_work import UnitOfWork
from followup.follow_up_rules import Control, FollowUpRules, age_on, classify, rules_on
from runtime.content.library import Content

PRESSURE = ("systolic", "diastolic")
_PLACES = {Setting.HOME: "home", Setting.DEVICE: "home", Setting.TOLD: "home"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassedResult:
    """A class, what it was made of, and where the bands come from."""

    subject: str  # blood_pressure, or a concept
    code: str
    names: Mapping[str, str]
    isolated: Mapping[str, str] | None = None  # only one of the two numbers is high: in words
    place: str | None = None
    values: Mapping[str, float]
    taken_at: datetime  # of the oldest value in it
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlUnderRules:
    """What one rule set makes of the newest results of its topic, after those before them."""

    topic: str
    rule_set: str
    rules: str  # id/version
    effective_from: date
    in_force: bool  # the hospital goes by it on the day of the result
    control: Control | None
    because: tuple[str, ...]
    answers: Mapping[str, object]
    taken_at: datetime


def classes_of(uow: UnitOfWork, content: Content, patient: Patient) -> tuple[ClassedResult, ...]:
    """The classes of the newest results; a body mass index is reckoned where weight and height are newer than it."""
    banded = content.result_classes.banded()
    latest = uow.observations.latest(patient.id, {*banded, *PRESSURE, "weight", "height"})
    found: list[ClassedResult] = []
    pressure = _pressure_class(content, latest)
    if pressure is not None:
        found.append(pressure)
    for code, concept in banded.items():
        reckoned = _bmi(latest) if code == "bmi" else None
        observation = latest.get(code)
        if reckoned is not None and (observation is None or reckoned[1] > observation.taken_at):
            value, taken_at, values = reckoned
        elif observation is not None and observation.value is not None:
            value, taken_at, values = observation.value, observation.taken_at, {code: observation.value}
        else:
            continue
        band = concept.class_of(value, sex=patient.sex, age=_age(patient, taken_at))
        if band is not None:
            found.append(
                ClassedResult(
                    subject=code,
                    code=band.code,
                    names=band.names,
                    values=values,
                    taken_at=taken_at,
                    source=concept.source,
                )
            )
    return tuple(found)


def control_of(uow: UnitOfWork, content: Content, patient: Patient) -> tuple[ControlUnderRules, ...]:
    """Each topic under each of its rule sets, as if the hospital had gone by it: the class of the newest reading."""
    choices = uow.plan_records.rule_choices()
    known = content.follow_up_rules
    found: list[ControlUnderRules] = []
    for rules in sorted(known.values(), key=lambda each: (each.topic, each.effective_from, each.id)):
        readings = _readings(uow, content, patient, rules)
        if not readings:
            continue
        control: Control | None = None
        made_of = None
        for taken_at, answers in readings:
            made_of = classify(rules, answers, age=_age(patient, taken_at), before=control)
            control = made_of.control if made_of is not None else control
        taken_at, answers = readings[-1]
        day = taken_at.astimezone(ZoneInfo(patient.zone)).date()
        in_force = rules_on(day, rules.topic, known.values(), choices)
        found.append(
            ControlUnderRules(
                topic=rules.topic,
                rule_set=rules.rule_set,
                rules=f"{rules.id}/{rules.version}",
                effective_from=rules.effective_from,
                in_force=in_force is rules,
                control=made_of.control if made_of is not None else None,
                because=made_of.because if made_of is not None else (),
                answers=answers,
                taken_at=taken_at,
            )
        )
    return tuple(found)


def _readings(
    uow: UnitOfWork, content: Content, patient: Patient, rules: FollowUpRules
) -> list[tuple[datetime, dict[str, object]]]:
    """The last two readings of what the rules set targets for: enough to tell a first from a repeated one."""
    targets = {item for target in rules.targets for item in target.below}
    found: dict[datetime, dict[str, object]] = {}
    for concept in content.concepts.values():
        # Only a glucose that is known to be a fasting one counts where the rules ask for that.
        counts = all(concept.with_answers.get(item) in wanted for item, wanted in rules.counted_only_when.items())
        if concept.item not in targets or not counts:
            continue
        for each in uow.observations.series(patient.id, concept.code, limit=2):
            if each.value is not None:
                found.setdefault(each.taken_at, {}).update({concept.item: each.value, **concept.with_answers})
    return sorted(found.items())[-2:]


def _pressure_class(content: Content, latest: Mapping[str, Observation]) -> ClassedResult | None:
    pair = [latest.get(code) for code in PRESSURE]
    systolic, diastolic = pair
    if systolic is None or diastolic is None or systolic.taken_at != diastolic.taken_at:
        return None
    if systolic.value is None or diastolic.value is None:
        return None
    classes = content.result_classes.pressure()
    place = _PLACES.get(systolic.setting, "office")
    made = classes.class_of(systolic.value, diastolic.value, place=place)
    return ClassedResult(
        subject="blood_pressure",
        code=made.band.code,
        names=made.band.names,
        isolated=classes.isolated[made.isolated] if made.isolated is not None else None,
        place=place,
        values={"systolic": systolic.value, "diastolic": diastolic.value},
        taken_at=systolic.taken_at,
        source=classes.source,
    )


def _bmi(latest: Mapping[str, Observation]) -> tuple[float, datetime, dict[str, float]] | None:
    weight, height = latest.get("weight"), latest.get("height")
    if weight is None or height is None or weight.value is None or not height.value:
        return None
    bmi = round(bmi_of(weight_kg=weight.value, height_cm=height.value), 2)
    return bmi, weight.taken_at, {"bmi": bmi, "weight": weight.value, "height": height.value}


def _age(patient: Patient, at: datetime) -> int | None:
    return age_on(patient.born, at.astimezone(ZoneInfo(patient.zone)).date())
