"""content/advice_rules.yaml and content/advice: who must never be told what, and the vetted texts themselves."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Self

from pydantic import Field, model_validator

from care.advice import AdviceKind, Article, Bound, Circumstance, Hazard, Since
from runtime.content.documents import ContentError, Head, Strict, Wording


class BoundDocument(Strict):
    code: str
    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    below: float | None = None

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if (self.at_least, self.above, self.at_most, self.below) == (None, None, None, None):
            raise ValueError(f"{self.code} has no limit: add at_least, above, at_most or below")
        return self

    def made(self) -> Bound:
        return Bound(**self.model_dump())


class SinceDocument(Strict):
    moment: str
    from_day: int = Field(default=0, ge=0)
    to_day: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.to_day is not None and self.to_day < self.from_day:
            raise ValueError(f"{self.moment}: to_day lies before from_day")
        return self


class CircumstanceDocument(Strict):
    """Any of these; nothing said: it never holds."""

    groups: tuple[str, ...] = ()
    allergies: tuple[str, ...] = ()
    medicines: tuple[str, ...] = ()
    results: tuple[BoundDocument, ...] = ()
    bands: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    since: tuple[SinceDocument, ...] = ()
    younger_than: int | None = None
    older_than: int | None = None

    def made(self) -> Circumstance:
        return Circumstance(
            groups=frozenset(self.groups),
            allergies=tuple(word.casefold() for word in self.allergies),
            medicines=tuple(begin.upper() for begin in self.medicines),
            results=tuple(bound.made() for bound in self.results),
            bands={score: frozenset(classes) for score, classes in self.bands.items()},
            since=tuple(Since(moment=part.moment, from_day=part.from_day, to_day=part.to_day) for part in self.since),
            younger_than=self.younger_than,
            older_than=self.older_than,
        )


class MomentDocument(Strict):
    """How it is known that something was done, and on which day: procedures, diagnoses, or a plan's anchor."""

    title: Wording
    procedures: tuple[str, ...] = ()  # begins of ICD-9-CM-3 codes
    conditions: tuple[str, ...] = ()  # begins of ICD-10 codes
    plan_templates: tuple[str, ...] = ()


class HazardDocument(Strict):
    id: str = Field(pattern=r"^[a-z][a-z0-9_]{1,63}$")
    title: Wording
    words: tuple[str, ...] = Field(min_length=1)
    never_for: CircumstanceDocument
    known_within_days: dict[str, int] = Field(default_factory=dict)

    def made(self) -> Hazard:
        return Hazard(
            id=self.id,
            title={"zh": self.title.zh, "en": self.title.en},
            words=tuple(word.casefold() for word in self.words),
            never_for=self.never_for.made(),
            known_within_days=dict(self.known_within_days),
        )


class AdviceRulesDocument(Head):
    hotline: str = Field(min_length=3)  # every text that is shown whatever speaks against it names it
    reminder: Wording  # stands under every text
    reckoned: dict[str, str] = Field(default_factory=dict)  # result → the risk model that reckons it
    named: dict[str, tuple[str, ...]] = Field(default_factory=dict)  # group → parts of names, where no code is
    moments: dict[str, MomentDocument]
    hazards: tuple[HazardDocument, ...] = Field(min_length=1)


class ArticleDocument(Head):
    author: str = Field(min_length=2)
    reviewer: str = Field(min_length=2)
    reviewed_on: date | None
    expires_on: date
    kind: AdviceKind
    title: Wording
    text: Wording
    suits: CircumstanceDocument = CircumstanceDocument()
    always_for: CircumstanceDocument = CircumstanceDocument()
    not_for: CircumstanceDocument = CircumstanceDocument()
    urges: tuple[str, ...] = ()
    warns_of: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _reviewed(self) -> Self:
        if self.status == "active" and self.reviewed_on is None:
            raise ValueError("an active text needs reviewed_on: the day on which its reviewer signed it")
        if self.reviewed_on is not None and self.expires_on <= self.reviewed_on:
            raise ValueError("expires_on must lie after reviewed_on")
        return self

    def made(self) -> Article:
        return Article(
            id=self.id,
            version=self.version,
            status=self.status,
            source=self.source,
            author=self.author,
            reviewer=self.reviewer,
            reviewed_on=self.reviewed_on,
            expires_on=self.expires_on,
            kind=self.kind,
            title={"zh": self.title.zh, "en": self.title.en},
            text={"zh": self.text.zh, "en": self.text.en},
            suits=self.suits.made(),
            always_for=self.always_for.made(),
            not_for=self.not_for.made(),
            urges=self.urges,
            warns_of=self.warns_of,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AdviceLibrary:
    """Every article and hazard, and how moments are known."""

    version: int
    hotline: str
    reminder: Wording
    reckoned: Mapping[str, str]
    named: Mapping[str, tuple[str, ...]]
    moments: Mapping[str, MomentDocument]
    hazards: Mapping[str, Hazard]
    articles: Mapping[str, Article]

    def results_asked(self) -> frozenset[str]:
        """The concepts that any rule reads."""
        asked = {code for hazard in self.hazards.values() for code in hazard.known_within_days}
        return frozenset(asked | {bound.code for each in self._circumstances() for bound in each.results})

    def groups_named(self, illness: str) -> frozenset[str]:
        """The groups of an illness that only has a name."""
        said = illness.casefold()
        return frozenset(group for group, words in self.named.items() if any(word in said for word in words))

    def scores_asked(self) -> frozenset[str]:
        """The scores whose class any rule reads."""
        return frozenset(score for each in self._circumstances() for score in each.bands)

    def _circumstances(self) -> Iterable[Circumstance]:
        for hazard in self.hazards.values():
            yield hazard.never_for
        for article in self.articles.values():
            yield from (article.suits, article.always_for, article.not_for)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Names that rules of advice may use."""

    groups: frozenset[str]
    concepts: frozenset[str]
    bands: Mapping[str, frozenset[str]]  # score → its classes
    plan_templates: frozenset[str]
    risk_models: frozenset[str]


def advice_library(rules: AdviceRulesDocument, documents: Iterable[ArticleDocument], known: Known) -> AdviceLibrary:
    """The library; ContentError for a text that speaks of a hazard without saying so, or a name that nobody knows."""
    hazards = {hazard.id: hazard.made() for hazard in rules.hazards}
    if len(hazards) != len(rules.hazards):
        raise ContentError("content/advice_rules.yaml: a hazard is named twice")
    articles = {document.id: document.made() for document in documents}
    library = AdviceLibrary(
        version=rules.version,
        hotline=rules.hotline,
        reminder=rules.reminder,
        reckoned=rules.reckoned,
        named={group: tuple(word.casefold() for word in words) for group, words in rules.named.items()},
        moments=rules.moments,
        hazards=hazards,
        articles=articles,
    )
    _all_known("content/advice_rules.yaml, reckoned", rules.reckoned, known.concepts, "result")
    _all_known("content/advice_rules.yaml, reckoned", rules.reckoned.values(), known.risk_models, "risk model")
    _all_known("content/advice_rules.yaml, named", rules.named, known.groups, "group of illnesses")
    for name, moment in rules.moments.items():
        _all_known(f"content/advice_rules.yaml, moment {name}", moment.plan_templates, known.plan_templates, "plan")
    for hazard in hazards.values():
        where = f"content/advice_rules.yaml, hazard {hazard.id}"
        _check_circumstance(where, hazard.never_for, known, rules.moments)
        _all_known(where, hazard.known_within_days, known.concepts, "result")
    for article in articles.values():
        _check_article(article, library, known)
    return library


def _check_article(article: Article, library: AdviceLibrary, known: Known) -> None:
    where = f"content/advice: {article.id}"
    for circumstance in (article.suits, article.always_for, article.not_for):
        _check_circumstance(where, circumstance, known, library.moments)
    _all_known(where, (*article.urges, *article.warns_of), library.hazards, "hazard")
    if both := set(article.urges) & set(article.warns_of):
        raise ContentError(f"{where} urges and warns of {', '.join(sorted(both))}: it can do one of the two")
    said = " ".join((*article.title.values(), *article.text.values())).casefold()
    for hazard in library.hazards.values():
        words = [word for word in hazard.words if word in said]
        if words and hazard.id not in (*article.urges, *article.warns_of):
            raise ContentError(
                f"{where} says {', '.join(words)}, which is of hazard {hazard.id}; write it under urges, or under "
                "warns_of if the text advises against it"
            )
    if article.always_for.says_nothing:
        return
    if article.urges or not article.not_for.says_nothing:
        raise ContentError(
            f"{where} is shown whatever speaks against it: it can neither urge a hazard nor have not_for"
        )
    if not all(library.hotline in text for text in article.text.values()):
        raise ContentError(f"{where} is shown whatever speaks against it: it must name {library.hotline} in zh and en")


def _check_circumstance(where: str, one: Circumstance, known: Known, moments: Mapping[str, object]) -> None:
    _all_known(where, one.groups, known.groups, "group of illnesses")
    _all_known(where, (bound.code for bound in one.results), known.concepts, "result")
    _all_known(where, (part.moment for part in one.since), moments, "moment")
    _all_known(where, one.bands, known.bands, "score")
    for score, classes in one.bands.items():
        _all_known(where, classes, known.bands[score], f"class of {score}")


def _all_known(where: str, names: Iterable[str], known: Iterable[str], what: str) -> None:
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise ContentError(f"{where} names {', '.join(unknown)}: there is no such {what}")
