"""Advice by rule: which vetted articles suit a person, and which are withheld from him and why.

What is dangerous to whom stands once, with the hazard (potassium for a diseased kidney); an article says which hazards
it urges, and no article can get round them.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from care.bounds import Bounds
from care.education import LessonWay
from care.patients import PatientId


class AdviceKind(StrEnum):
    """What an article is about."""

    DIET = "diet"
    EXERCISE = "exercise"
    MIND = "mind"
    SLEEP = "sleep"
    HABITS = "habits"
    CONDITIONING = "conditioning"  # traditional Chinese medicine, as education


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownResult:
    """The latest result of a concept, in its own unit."""

    value: float
    taken_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonFacts:
    """What rules of advice may know of a person."""

    age: int | None = None
    sex: str | None = None
    groups: frozenset[str] = frozenset()  # of illnesses
    allergies: tuple[str, ...] = ()  # as they are written
    medicines: tuple[str, ...] = ()  # codes (ATC) and names of what he takes
    results: Mapping[str, KnownResult] = field(default_factory=dict)
    bands: Mapping[str, str] = field(default_factory=dict)  # score → its class: phq9.total → severe
    moments: Mapping[str, date] = field(default_factory=dict)  # what was done to him → the last day of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound(Bounds):
    """A result that lies on one side of a limit."""

    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """Days after something was done: from the first to the last of them, both counted; no last: for ever."""

    moment: str
    from_day: int
    to_day: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstance:
    """What may be the case with a person; it is so if any part of it is."""

    groups: frozenset[str] = frozenset()
    allergies: tuple[str, ...] = ()  # words, in small letters
    medicines: tuple[str, ...] = ()  # begins of codes, or parts of names, in capitals
    results: tuple[Bound, ...] = ()
    bands: Mapping[str, frozenset[str]] = field(default_factory=dict)
    since: tuple[Since, ...] = ()
    younger_than: int | None = None
    older_than: int | None = None

    @property
    def says_nothing(self) -> bool:
        """Whether nothing is asked."""
        return self == Circumstance()

    def reasons(self, facts: PersonFacts, today: date) -> tuple[str, ...]:
        """What of it is so, in words that name the fact; none if nothing is."""
        found = [f"group:{group}" for group in sorted(self.groups & facts.groups)]
        found += [
            f"allergy:{allergy}"
            for allergy in facts.allergies
            if any(word in allergy.casefold() for word in self.allergies)
        ]
        found += [
            f"medicine:{code}"
            for code in facts.medicines
            if any(_names(begin, code.upper()) for begin in self.medicines)
        ]
        for bound in self.results:
            known = facts.results.get(bound.code)
            if known is not None and bound.hold(known.value):
                found.append(f"result:{bound.code}={known.value:g} ({known.taken_on})")
        found += [
            f"band:{score}={facts.bands[score]}"
            for score, classes in sorted(self.bands.items())
            if facts.bands.get(score) in classes
        ]
        for part in self.since:
            day = facts.moments.get(part.moment)
            days = (today - day).days if day is not None else None
            if days is not None and part.from_day <= days and (part.to_day is None or days <= part.to_day):
                found.append(f"moment:{part.moment}+{days}d")
        if facts.age is not None:
            if self.younger_than is not None and facts.age < self.younger_than:
                found.append(f"age:{facts.age}")
            if self.older_than is not None and facts.age > self.older_than:
                found.append(f"age:{facts.age}")
        return tuple(found)


_CODE = re.compile(r"[A-Z]\d")


def _names(word: str, medicine: str) -> bool:
    """A code names what begins with it; a name stands anywhere, as the salt comes first in 马来酸依那普利."""
    return medicine.startswith(word) if _CODE.match(word) else word in medicine


@dataclass(frozen=True, slots=True, kw_only=True)
class Hazard:
    """Something that is bad for some: whom it is never urged on, and what has to be known before it is."""

    id: str
    title: Mapping[str, str]
    words: tuple[str, ...]  # by which a text that speaks of it is known, in small letters
    never_for: Circumstance
    known_within_days: Mapping[str, int]  # results that must be no older

    def reasons(self, facts: PersonFacts, today: date) -> tuple[str, ...]:
        """Why it is not urged on this person; none if it may be."""
        against = self.never_for.reasons(facts, today)
        unknown = (
            f"not known:{code}"
            for code, days in sorted(self.known_within_days.items())
            if code not in facts.results or (today - facts.results[code].taken_on).days > days
        )
        return tuple(f"{self.id}: {reason}" for reason in (*against, *unknown))


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """One vetted text (content/advice) with who wrote and reviewed it and the day its review ends."""

    id: str
    version: int
    status: str
    source: str
    author: str
    reviewer: str
    reviewed_on: date | None
    expires_on: date
    kind: AdviceKind
    title: Mapping[str, str]
    text: Mapping[str, str]
    suits: Circumstance  # says nothing: everybody
    always_for: Circumstance  # shown whatever speaks against it
    not_for: Circumstance
    urges: tuple[str, ...]  # hazards
    warns_of: tuple[str, ...]


class Fit(StrEnum):
    """Whether an article is for a person."""

    ALWAYS = "always"  # nothing may keep it from him
    SUITS = "suits"
    WITHHELD = "withheld"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """An article, whether it is for the person, and why."""

    article: Article
    fit: Fit
    because: tuple[str, ...]
    review_overdue: bool = False

    @property
    def may_be_given(self) -> bool:
        """Whether the person may be told it."""
        return self.fit in (Fit.ALWAYS, Fit.SUITS)


@dataclass(kw_only=True, eq=False)
class GivenAdvice:
    """An article as a patient was told it, with the facts by which it was chosen; withdrawn when they changed."""

    id: str
    patient_id: PatientId
    article_id: str
    article_version: int
    language: str
    text: str
    facts: dict[str, object]
    way: LessonWay
    attempt_id: str | None = None
    given_at: datetime
    given_by: str
    withdrawn_at: datetime | None = None
    withdrawn_because: list[str] = field(default_factory=list)
    request_id: str | None = None


def judge(article: Article, hazards: Mapping[str, Hazard], facts: PersonFacts, today: date) -> Choice | None:
    """Whether an article is for this person; None if it is not meant for him at all."""
    overdue = today > article.expires_on
    always = article.always_for.reasons(facts, today)
    if always:
        return Choice(article=article, fit=Fit.ALWAYS, because=always, review_overdue=overdue)
    meant = article.suits.reasons(facts, today)
    only_always = article.suits.says_nothing and not article.always_for.says_nothing
    if only_always or (not meant and not article.suits.says_nothing):
        return None
    against = against_giving(article, hazards, facts, today)
    if against:
        return Choice(article=article, fit=Fit.WITHHELD, because=against)
    if overdue:
        return Choice(article=article, fit=Fit.EXPIRED, because=(f"expired:{article.expires_on}",), review_overdue=True)
    return Choice(article=article, fit=Fit.SUITS, because=meant)


def against_giving(article: Article, hazards: Mapping[str, Hazard], facts: PersonFacts, today: date) -> tuple[str, ...]:
    """What speaks against telling an article to this person: its own contraindications, and those of its hazards."""
    own = article.not_for.reasons(facts, today)
    of_hazards = [reason for name in article.urges for reason in hazards[name].reasons(facts, today)]
    return (*own, *of_hazards)


def choose(
    articles: Iterable[Article], hazards: Mapping[str, Hazard], facts: PersonFacts, today: date
) -> Sequence[Choice]:
    """Every article that is meant for this person: what nothing may keep from him first, what is withheld last."""
    found = [choice for article in articles if (choice := judge(article, hazards, facts, today)) is not None]
    order = list(Fit)
    return sorted(found, key=lambda choice: (order.index(choice.fit), choice.article.kind, choice.article.id))
