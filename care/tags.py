"""Tags: what rules say of a patient by what is known of him, with the evidence; decided from the facts alone.

A rule never remembers what it said before: the same facts give the same tags, in whichever order they came in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import groupby
from typing import Protocol

from care.bounds import Bounds
from care.patients import PatientId

Value = float | str | bool


class TagOrigin(StrEnum):
    """Who says it."""

    RULE = "rule"
    HAND = "hand"  # a person, with a reason; no rule ever touches it


class TagEnd(StrEnum):
    """Why a tag no longer stands."""

    NO_LONGER = "no_longer"  # what is known does not say it any more
    RESTATED = "restated"  # it still stands, by other evidence or another version of its rule
    RULE_GONE = "rule_gone"  # there is no such rule any more
    HAND = "hand"


class Kind(StrEnum):
    """What a known thing is."""

    GROUP = "group"
    RESULT = "result"
    RESULT_CLASS = "result_class"
    SCORE = "score"
    ANSWER = "answer"
    ATTEMPT = "attempt"
    MEDICINE = "medicine"
    RISK = "risk"
    TAG = "tag"
    PREFERENCE = "preference"
    CARD = "card"
    FOLLOW_UP = "follow_up"  # entered at a plan, with no result of its own
    CLASS = "class"  # of a reading, by the rules of its day


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One thing that is known of a patient, and the row in which it stands."""

    kind: Kind
    what: str  # systolic, phq9.total, hypertension …
    value: Value
    id: str
    at: datetime | None = None

    def written(self) -> dict[str, object]:
        """As it is kept and shown as evidence."""
        return {
            "kind": self.kind.value,
            "what": self.what,
            "value": self.value,
            "id": self.id,
            "at": self.at.isoformat() if self.at is not None else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What was measured together of an illness, with its class under the rule set of its day."""

    at: datetime
    day: date  # the patient's
    values: Mapping[str, float]
    control: str | None  # as followup.follow_up_rules.Control says it; None where the reading did not say enough
    known: tuple[Known, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TagFacts:
    """Everything that rules may ask: by kind and by what it is, newest first; readings by topic, oldest first."""

    now: datetime
    age: int | None
    sex: str | None
    known: Mapping[Kind, Mapping[str, tuple[Known, ...]]] = field(default_factory=dict)
    readings: Mapping[str, tuple[Reading, ...]] = field(default_factory=dict)

    def of(self, kind: Kind, what: str) -> tuple[Known, ...]:
        """What is known of it, newest first."""
        return self.known.get(kind, {}).get(what, ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a condition makes of the facts, by which of them, and when time alone may change that."""

    holds: bool
    evidence: tuple[Known, ...] = ()
    until: datetime | None = None


class Condition(Protocol):
    """Something that facts say or do not say."""

    def look(self, facts: TagFacts) -> Look:
        """Whether they say it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits(Bounds):
    """Between which numbers a value lies, or which words it is one of; nothing said: any value."""

    one_of: tuple[Value, ...] = ()

    def hold_for(self, value: Value) -> bool:
        """Whether the value is meant."""
        if self.one_of and not any(type(each) is type(value) and each == value for each in self.one_of):
            return False
        if (self.at_least, self.above, self.at_most, self.below) == (None, None, None, None):
            return True
        if isinstance(value, bool | str):
            return False
        return self.hold(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Newest:
    """The newest of its kind lies within the limits; `within`: and it is no older than that."""

    kind: Kind
    what: str
    limits: Limits = field(default_factory=Limits)
    in_a_row: int = 1
    within: timedelta | None = None

    def look(self, facts: TagFacts) -> Look:
        """The newest ones, as many as have to agree."""
        newest = facts.of(self.kind, self.what)[: self.in_a_row]
        agree = len(newest) == self.in_a_row and all(self.limits.hold_for(each.value) for each in newest)
        until = None
        if self.within is not None:
            instants = [each.at for each in newest if each.at is not None]
            until = min(instants) + self.within if instants else None
            agree = agree and until is not None and until > facts.now
        return Look(holds=agree, evidence=newest, until=until if agree else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """A time that begins with a reading and ends with others: high values begin it, controlled days in a row end it.

    Every reading of a day may begin it by its values; for the class of a day its last classed reading counts.
    """

    topic: str
    begins_at_least: Mapping[str, float] = field(default_factory=dict)
    begins_with: frozenset[str] = frozenset()  # classes
    ends_with: frozenset[str] = frozenset()
    ends_after_days: int = 2

    def look(self, facts: TagFacts) -> Look:
        """Go through the readings, day by day, from the first on."""
        began: Reading | None = None
        ending: list[Reading] = []
        ended_by: tuple[Reading, ...] = ()
        for _, each_day in groupby(facts.readings.get(self.topic, ()), key=lambda reading: reading.day):
            readings = tuple(each_day)
            begins, classed = self._of_day(readings)
            if begins is not None:
                began, ending, ended_by = began or begins, [], ()
            elif began is not None and classed is not None:
                ending = [*ending, classed] if classed.control in self.ends_with else []
                if len(ending) >= self.ends_after_days:
                    began, ended_by = None, tuple(ending)
        shown = (began,) if began is not None else ended_by or facts.readings.get(self.topic, ())[-1:]
        return Look(holds=began is not None, evidence=tuple(one for each in shown for one in each.known))

    def _of_day(self, readings: Sequence[Reading]) -> tuple[Reading | None, Reading | None]:
        classed = next((each for each in reversed(readings) if each.control is not None), None)
        high = next(
            (
                each
                for each in readings
                if any(each.values.get(name, limit - 1) >= limit for name, limit in self.begins_at_least.items())
            ),
            None,
        )
        if high is None and classed is not None and classed.control in self.begins_with:
            high = classed
        return high, classed


@dataclass(frozen=True, slots=True, kw_only=True)
class Age:
    """The patient is so old; with an unknown age it never holds."""

    from_years: int | None = None
    under_years: int | None = None

    def look(self, facts: TagFacts) -> Look:
        """By full years today."""
        age = facts.age
        holds = (
            age is not None
            and (self.from_years is None or age >= self.from_years)
            and (self.under_years is None or age < self.under_years)
        )
        known = Known(kind=Kind.CARD, what="age", value=float(age), id="card") if age is not None else None
        return Look(holds=holds, evidence=(known,) if known is not None else ())


@dataclass(frozen=True, slots=True, kw_only=True)
class AllOf:
    """All of them hold."""

    parts: tuple[Condition, ...]

    def look(self, facts: TagFacts) -> Look:
        """Every part's evidence; of those that do not hold, theirs only."""
        looks = [part.look(facts) for part in self.parts]
        failed = [look for look in looks if not look.holds]
        return _joined(failed or looks, holds=not failed)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyOf:
    """At least one of them holds."""

    parts: tuple[Condition, ...]

    def look(self, facts: TagFacts) -> Look:
        """The evidence of the first that holds, so that another one beside it changes nothing."""
        looks = [part.look(facts) for part in self.parts]
        first = next((look for look in looks if look.holds), None)
        return first if first is not None else _joined(looks, holds=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotAny:
    """None of them holds."""

    parts: tuple[Condition, ...]

    def look(self, facts: TagFacts) -> Look:
        """What is not there is no evidence; what is speaks against it. It may come true when something grows old."""
        against = [look for look in (part.look(facts) for part in self.parts) if look.holds]
        return _joined(against, holds=not against)


@dataclass(frozen=True, slots=True, kw_only=True)
class TagRule:
    """One rule of content/tags."""

    code: str
    version: int
    when: Condition

    @property
    def name(self) -> str:
        """As it is shown beside a tag."""
        return f"{self.code}/{self.version}"


@dataclass(kw_only=True, eq=False)
class Tag:
    """A tag of a patient. A row is only ever ended, once; what stood when, and by what, stays."""

    id: str
    patient_id: PatientId
    code: str
    origin: TagOrigin
    rule: str | None = None  # code/version; None: by hand
    title: dict[str, str]
    reason: str = ""  # by hand: why
    evidence: list[dict[str, object]] = field(default_factory=list)
    since: datetime  # of the evidence: the newest row that it took
    added_at: datetime
    added_by: str | None = None
    look_again_at: datetime | None = None  # then its evidence is too old
    ended_at: datetime | None = None
    end: TagEnd | None = None
    ended_by: str | None = None
    end_reason: str = ""
    end_evidence: list[dict[str, object]] = field(default_factory=list)

    @property
    def stands(self) -> bool:
        """Whether it holds."""
        return self.ended_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class TagChange:
    """What has to be done so that the tags say what the facts say."""

    rule: TagRule | None  # None: the rule of the tag that ends is gone
    ends: Tag | None
    end: TagEnd | None
    begins: bool
    look: Look


def changes(rules: Sequence[TagRule], facts: TagFacts, standing: Sequence[Tag]) -> list[TagChange]:
    """The differences between what the rules say and the rules' tags that stand; manual ones are not looked at."""
    held = {tag.code: tag for tag in standing if tag.origin is TagOrigin.RULE and tag.stands}
    found: list[TagChange] = []
    for rule in rules:
        tag = held.pop(rule.code, None)
        look = rule.when.look(facts)
        if not look.holds:
            if tag is not None:
                found.append(TagChange(rule=rule, ends=tag, end=TagEnd.NO_LONGER, begins=False, look=look))
            continue
        if tag is None:
            found.append(TagChange(rule=rule, ends=None, end=None, begins=True, look=look))
        elif tag.rule != rule.name or tag.evidence != [each.written() for each in look.evidence]:
            found.append(TagChange(rule=rule, ends=tag, end=TagEnd.RESTATED, begins=True, look=look))
    found += [
        TagChange(rule=None, ends=tag, end=TagEnd.RULE_GONE, begins=False, look=Look(holds=False))
        for tag in held.values()
    ]
    return found


def since_of(look: Look, otherwise: datetime) -> datetime:
    """Since when the facts say so: the newest of the evidence."""
    return max((each.at for each in look.evidence if each.at is not None), default=otherwise)


def _joined(looks: Sequence[Look], *, holds: bool) -> Look:
    untils = [look.until for look in looks if look.until is not None]
    return Look(
        holds=holds,
        evidence=tuple(dict.fromkeys(one for look in looks for one in look.evidence)),
        until=min(untils, default=None),
    )
