"""content/tags and content/segments: rules that add and take off tags, segments and how they steer the contact."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import time, timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from care.segments import Hours, SegmentRule, Steering
from care.tags import Age, AllOf, AnyOf, Condition, Kind, Limits, Newest, NotAny, Spell, TagRule, Value
from followup.follow_up_rules import Control
from followup.outcomes import AttemptOutcome
from runtime.content.documents import Head, Strict, Wording

Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One thing that a rule asks for: of its kind, by its name, with the words it compares with."""

    kind: str
    what: str
    words: tuple[Value, ...] = ()


class NewestDocument(Strict):
    """The newest of a kind. `in` compares words, the limits numbers; `within_days`: no older than that."""

    what: Annotated[str, StringConstraints(min_length=1, max_length=130)]
    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    below: float | None = None
    one_of: tuple[bool | str, ...] = Field(default=(), alias="in")
    in_a_row: int = Field(default=1, ge=1, le=20)
    within_days: int | None = Field(default=None, ge=1)

    def made(self, kind: Kind) -> Newest:
        return Newest(
            kind=kind,
            what=self.what,
            limits=Limits(
                at_least=self.at_least, above=self.above, at_most=self.at_most, below=self.below, one_of=self.one_of
            ),
            in_a_row=self.in_a_row,
            within=timedelta(days=self.within_days) if self.within_days is not None else None,
        )


class SpellBegins(Strict):
    at_least: dict[str, float] = Field(default_factory=dict)
    control: tuple[Control, ...] = ()


class SpellEnds(Strict):
    control: tuple[Control, ...] = Field(min_length=1)
    days: int = Field(default=2, ge=1, le=10)


class SpellDocument(Strict):
    """A time that readings of a topic of content/follow_up_rules begin and end."""

    topic: str
    begins: SpellBegins
    ends: SpellEnds

    def made(self) -> Spell:
        return Spell(
            topic=self.topic,
            begins_at_least=self.begins.at_least,
            begins_with=frozenset(each.value for each in self.begins.control),
            ends_with=frozenset(each.value for each in self.ends.control),
            ends_after_days=self.ends.days,
        )


class AgeDocument(Strict):
    from_years: int | None = Field(default=None, alias="from")
    under_years: int | None = Field(default=None, alias="under")


class ConditionDocument(Strict):
    """Exactly one of these. `group`: somebody has an illness of it; `tag`: one stands."""

    all: tuple["ConditionDocument", ...] | None = Field(default=None, min_length=1)
    any: tuple["ConditionDocument", ...] | None = Field(default=None, min_length=1)
    none: tuple["ConditionDocument", ...] | None = Field(default=None, min_length=1)
    group: str | None = None
    tag: str | None = None
    result: NewestDocument | None = None
    result_class: NewestDocument | None = None
    score: NewestDocument | None = None
    answer: NewestDocument | None = None
    attempts: NewestDocument | None = None
    medicine: NewestDocument | None = None
    risk: NewestDocument | None = None
    preference: NewestDocument | None = None
    card: NewestDocument | None = None
    age: AgeDocument | None = None
    spell: SpellDocument | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        said = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(said) != 1:
            raise ValueError(
                f"a condition says one thing; this says {', '.join(said) or 'nothing'}: use all, any, none"
            )
        return self

    def made(self) -> Condition:
        """The condition as the domain has it."""
        for name, kind in _NEWEST.items():
            newest: NewestDocument | None = getattr(self, name)
            if newest is not None:
                return newest.made(kind)
        if self.all is not None:
            return AllOf(parts=tuple(part.made() for part in self.all))
        if self.any is not None:
            return AnyOf(parts=tuple(part.made() for part in self.any))
        if self.none is not None:
            return NotAny(parts=tuple(part.made() for part in self.none))
        if self.group is not None:
            return Newest(kind=Kind.GROUP, what=self.group)
        if self.tag is not None:
            return Newest(kind=Kind.TAG, what=self.tag)
        if self.spell is not None:
            return self.spell.made()
        age = self.age or AgeDocument()
        return Age(from_years=age.from_years, under_years=age.under_years)

    def asks(self) -> list[Asked]:
        """What it names of other content."""
        for name in _NEWEST:
            newest: NewestDocument | None = getattr(self, name)
            if newest is not None:
                return [Asked(kind=name, what=newest.what, words=newest.one_of)]
        parts = self.all or self.any or self.none
        if parts is not None:
            return [asked for part in parts for asked in part.asks()]
        if self.spell is not None:
            return [Asked(kind="spell", what=self.spell.topic, words=tuple(self.spell.begins.at_least))]
        named = [("group", self.group), ("tag", self.tag)]
        return [Asked(kind=kind, what=what) for kind, what in named if what is not None]


_NEWEST = {
    "result": Kind.RESULT,
    "result_class": Kind.RESULT_CLASS,
    "score": Kind.SCORE,
    "answer": Kind.ANSWER,
    "attempts": Kind.ATTEMPT,
    "medicine": Kind.MEDICINE,
    "risk": Kind.RISK,
    "preference": Kind.PREFERENCE,
    "card": Kind.CARD,
}


class TagDocument(Head):
    """A tag, what it means, and when it stands."""

    id: Code
    title: Wording
    meaning: Wording
    when: ConditionDocument

    def value(self) -> TagRule:
        return TagRule(code=self.id, version=self.version, when=self.when.made())


class HoursDocument(Strict):
    start: time
    end: time

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.start >= self.end:
            raise ValueError("hours: start must be before end")
        return self


class SteersDocument(Strict):
    """What a segment asks of scheduling."""

    plans: tuple[str, ...] = ()
    hours: tuple[HoursDocument, ...] = ()
    language: Literal["zh", "en"] | None = None
    dialect: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")] | None = None
    slow_speech: bool = False
    by_person: bool = False

    def value(self) -> Steering:
        return Steering(
            plans=self.plans,
            hours=tuple(Hours(start=each.start, end=each.end) for each in self.hours),
            language=self.language,
            dialect=self.dialect,
            slow_speech=self.slow_speech,
            by_person=self.by_person,
        )


class SegmentDocument(Head):
    """A segment, who is in it, and what follows for the contact. Of two the lower `order` counts."""

    title: Wording
    order: int = Field(ge=1)
    when: ConditionDocument
    steers: SteersDocument

    def value(self) -> SegmentRule:
        return SegmentRule(
            id=self.id,
            version=self.version,
            order=self.order,
            when=self.when.made(),
            steering=self.steers.value(),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownContent:
    """What conditions may name."""

    names: dict[str, Collection[str]]  # kind → what there is of it
    words: dict[tuple[str, str], Collection[Value]]  # (kind, what) → the words it may have

    def fault(self, asked: Asked) -> str | None:
        """Why this cannot be asked, in words; None if it can."""
        names = self.names.get(asked.kind)
        if names is not None and asked.what not in names:
            return f"{asked.kind} {asked.what} is not there; there are {', '.join(sorted(names)[:40])}"
        words = self.words.get((asked.kind, asked.what))
        unknown = [str(word) for word in asked.words if words is not None and word not in words]
        return f"{asked.kind} {asked.what} is never {', '.join(unknown)}" if unknown else None


ATTEMPT_OUTCOME = "outcome"
"""What attempts are asked for: each one's outcome."""

OUTCOMES = frozenset(outcome.value for outcome in AttemptOutcome)
