"""What a result asks for: controlled or not, how often in a row, and which contacts follow within two weeks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from care.patients import PatientId
from followup.offsets import Offset


class ContactWay(StrEnum):
    """How a result was taken. A telephone call is no face-to-face follow-up and is counted apart."""

    TELEPHONE = "telephone"
    FACE_TO_FACE = "face_to_face"
    HOME_VISIT = "home_visit"
    DEVICE = "device"
    LABORATORY = "laboratory"  # a result alone: nobody was met or spoken to


class Control(StrEnum):
    """What a result says of the illness."""

    CONTROLLED = "controlled"
    FIRST_UNCONTROLLED = "first_uncontrolled"
    REPEATEDLY_UNCONTROLLED = "repeatedly_uncontrolled"
    EMERGENCY = "emergency"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A sign of an emergency: a value too high or too low, or a question that was answered with yes."""

    item: str
    at_least: float | None = None
    at_most: float | None = None

    def is_met_by(self, answers: Mapping[str, object]) -> bool:
        """True if the answers show it."""
        answer = answers.get(self.item)
        if self.at_least is None and self.at_most is None:
            return answer is True
        value = number_in(answer)
        if value is None:
            return False
        return (self.at_least is not None and value >= self.at_least) or (
            self.at_most is not None and value <= self.at_most
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Below which values the illness counts as controlled, for patients from and under an age."""

    below: Mapping[str, float]
    age_from: int | None = None
    age_under: int | None = None

    def holds_for(self, age: int | None) -> bool:
        """True if the target is meant for this age; with an unknown age only one that names none."""
        if age is None:
            return self.age_from is None and self.age_under is None
        return (self.age_from is None or age >= self.age_from) and (self.age_under is None or age < self.age_under)


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUpAction:
    """A contact that a result asks for, counted from the result."""

    key: str
    queue: str
    form: str | None
    priority: int
    earliest: Offset
    target: Offset
    latest: Offset
    until_next_result: bool = False  # called off when a newer result is there, however it came


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUpRules:
    """One rule set for one illness (content/follow_up_rules), as it holds from a day on."""

    id: str
    version: int
    status: str
    source: str
    rule_set: str
    topic: str
    effective_from: date
    chosen_by_default: bool
    counted_only_when: Mapping[str, frozenset[str]]
    emergencies: tuple[Limit, ...]
    worse: tuple[str, ...]  # answers that weigh as much as a second uncontrolled result
    not_well: tuple[str, ...]  # answers that weigh as much as a first one
    targets: tuple[Target, ...]
    tag: str
    actions: Mapping[Control, tuple[FollowUpAction, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not any(target.holds_for(None) for target in self.targets):
            raise ValueError(f"rules {self.id}: the last target must name no age, for patients whose age is not known")
        missing = [control.value for control in Control if control not in self.actions]
        if missing:
            raise ValueError(f"rules {self.id}: say what follows for {', '.join(missing)} (an empty list for nothing)")

    @property
    def items(self) -> frozenset[str]:
        """Every question whose answer matters here."""
        values = (item for target in self.targets for item in target.below)
        signs = (limit.item for limit in self.emergencies)
        return frozenset((*values, *signs, *self.worse, *self.not_well, *self.counted_only_when))


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    """What the rules make of a result, and by what."""

    control: Control
    because: tuple[str, ...]
    tag: str | None


def classify(
    rules: FollowUpRules, answers: Mapping[str, object], *, age: int | None, before: Control | None
) -> Classification | None:
    """The class of a result after the one before it; None if the answers do not say enough."""
    signs = tuple(limit.item for limit in rules.emergencies if limit.is_met_by(answers))
    if signs:
        return Classification(control=Control.EMERGENCY, because=_told(signs, answers), tag=None)
    worse = tuple(item for item in rules.worse if answers.get(item) is True)
    if worse:
        return Classification(control=Control.REPEATEDLY_UNCONTROLLED, because=worse, tag=rules.tag)
    target = next((target for target in rules.targets if target.holds_for(age)), None)
    values = {item: number_in(answers.get(item)) for item in target.below} if target else {}
    counted = all(answers.get(item) in wanted for item, wanted in rules.counted_only_when.items())
    missed: tuple[str, ...] = ()
    if target is not None and counted:
        missed = tuple(item for item, limit in target.below.items() if (values[item] or 0) >= limit)
    not_well = tuple(item for item in rules.not_well if answers.get(item) is True)
    if not missed and not not_well:
        complete = counted and all(value is not None for value in values.values())
        return Classification(control=Control.CONTROLLED, because=(), tag=None) if complete else None
    again = before is not None and before is not Control.CONTROLLED
    return Classification(
        control=Control.REPEATEDLY_UNCONTROLLED if again else Control.FIRST_UNCONTROLLED,
        because=_told((*missed, *not_well), answers),
        tag=rules.tag if again else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleChoice:
    """From a day on the hospital goes by this rule set."""

    topic: str
    rule_set: str
    effective_from: date


@dataclass(kw_only=True, eq=False)
class FollowUpResult:
    """What was measured or told at one contact, the class it got, and by which rules: reports name the set."""

    id: str
    patient_id: PatientId
    plan_id: str
    task_id: str | None
    topic: str
    taken_at: datetime
    way: ContactWay
    answers: dict[str, object]
    rule_set: str
    rules: str  # id/version
    control: Control | None  # None where the answers did not say enough
    because: list[str]
    tag: str | None
    recorded_by: str | None
    recorded_at: datetime


def rules_on(
    day: date, topic: str, known: Iterable[FollowUpRules], choices: Sequence[RuleChoice]
) -> FollowUpRules | None:
    """The rules that hold for a result of this day: what was chosen for it, or the default; None if there are none."""
    of_topic = [rules for rules in known if rules.topic == topic]
    chosen = [choice for choice in choices if choice.topic == topic and choice.effective_from <= day]
    latest = max(enumerate(chosen), key=lambda pair: (pair[1].effective_from, pair[0]), default=None)
    wanted = [
        rules
        for rules in of_topic
        if rules.effective_from <= day
        and (rules.rule_set == latest[1].rule_set if latest is not None else rules.chosen_by_default)
    ]
    return max(wanted, key=lambda rules: (rules.effective_from, rules.version), default=None)


def age_on(born: date | None, day: date) -> int | None:
    """Full years of age on a day."""
    if born is None:
        return None
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def number_in(answer: object) -> float | None:
    """The number of an answer; None for anything else, truth values too."""
    return float(answer) if isinstance(answer, int | float) and not isinstance(answer, bool) else None


def _told(items: Iterable[str], answers: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(item if answers[item] is True else f"{item} {answers[item]}" for item in items))
