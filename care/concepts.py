"""What is measured: concepts with unit, plausible limits and reference ranges, and how what is sent becomes one."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase

IGNORED = ""
"""What a local code is mapped to that nobody wants to keep."""


class Mark(StrEnum):
    """Where a value lies against its reference range."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceRange:
    """What is usual for a sex and an age; a bound that is None does not hold."""

    low: float | None = None
    high: float | None = None
    sex: str | None = None
    age_from: int | None = None
    age_under: int | None = None

    def is_meant_for(self, sex: str | None, age: int | None) -> bool:
        """True if it holds for this sex and age; what is not known fits only a range that does not ask for it."""
        if self.sex is not None and self.sex != sex:
            return False
        if age is None:
            return self.age_from is None and self.age_under is None
        return (self.age_from is None or age >= self.age_from) and (self.age_under is None or age < self.age_under)


@dataclass(frozen=True, slots=True, kw_only=True)
class Concept:
    """One thing that is measured or scored (content/observations.yaml), under one code and in one unit."""

    code: str
    names: Mapping[str, str]
    panel: str
    loinc: str = ""
    unit: str  # UCUM; "1" for a score
    decimals: int
    lowest: float  # outside of these nobody lives: a slip of the pen or of the unit
    highest: float
    ranges: tuple[ReferenceRange, ...] = ()
    item: str = ""  # the question of forms and alert rules that means it
    with_answers: Mapping[str, str] = field(default_factory=dict)  # and how others beside it are answered
    score: str = ""  # the score of a form that is it: "phq9.total"

    def reference_for(self, sex: str | None, age: int | None) -> ReferenceRange | None:
        """The usual range for a person; None if there is none."""
        return next((each for each in self.ranges if each.is_meant_for(sex, age)), None)

    def is_plausible(self, value: float) -> bool:
        """True if a living person can have it."""
        return self.lowest <= value <= self.highest


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """value in `to` = value in `sent` × factor + offset, for these concepts (all, if none is named)."""

    sent: str
    to: str
    factor: float
    offset: float = 0.0
    concepts: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitRules:
    """How units are written (content/unit_conversions.yaml) and turned into each other."""

    spellings: Mapping[str, str]  # tidied spelling → UCUM
    conversions: tuple[Conversion, ...]

    def unit_named(self, written: str) -> str | None:
        """The UCUM unit that is meant; None if nobody knows it."""
        return self.spellings.get(tidy(written))

    def converted(self, value: float, sent: str, concept: Concept) -> float | None:
        """The value in the concept's unit, unrounded; None if there is no way from the one to the other."""
        if sent == concept.unit:
            return value
        for each in self.conversions:
            if each.sent == sent and each.to == concept.unit and (not each.concepts or concept.code in each.concepts):
                return value * each.factor + each.offset
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedCode:
    """What a source's code stands for."""

    concept: str  # IGNORED: nothing that is kept; "systolic/diastolic": two in one
    unit: str = ""  # what it means where it sends none, or one that nobody knows


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeMap:
    """What the codes of some sources stand for (content/code_maps)."""

    id: str
    feeds: tuple[str, ...]  # patterns of sources: "hl7:*"
    codes: Mapping[str, MappedCode]  # by tidied code or name

    def is_for(self, source: str) -> bool:
        """True if it tells of this source."""
        return any(fnmatchcase(source, pattern) for pattern in self.feeds)


def tidy(written: str) -> str:
    """A code, name or unit without differences of width, case and blanks."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", written)).casefold()


def concept_meant(
    source: str,
    code: str,
    name: str,
    *,
    decided: Mapping[str, MappedCode],
    maps: Iterable[CodeMap],
    concepts: Mapping[str, Concept],
) -> MappedCode | None:
    """What a source means: as the hospital decided for it, by the shipped maps, by LOINC, by our own code."""
    written = [each for each in (tidy(code), tidy(name)) if each]
    tables = [decided, *(each.codes for each in maps if each.is_for(source))]
    for table in tables:
        for each in written:
            if each in table:
                return table[each]
    if code and code in concepts:
        return MappedCode(concept=code)
    of_loinc = {concept.loinc: concept.code for concept in concepts.values() if concept.loinc}
    return MappedCode(concept=of_loinc[code]) if code in of_loinc else None


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenValue:
    """What stands in the place of a value: a number, perhaps with a sign before it, or words."""

    number: float | None
    sign: str = ""
    words: str = ""


_NUMBER = re.compile(
    r"(?P<sign>[<>]=?|[≤≥])?\s*(?P<number>[+-]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?)\s*[↑↓*hl]*", re.IGNORECASE
)
_WITH_UNIT = re.compile(r"(?P<number>(?:[<>]=?|[≤≥])?\s*[+-]?\d+(?:\.\d+)?)\s*(?P<unit>\D.*)")
_SIGNS = {"<=": "≤", ">=": "≥"}
_BOUND = r"[+-]?\d+(?:\.\d+)?"
_SPAN = re.compile(rf"(?P<low>{_BOUND})\s*(?:-{{1,2}}|~|—|–|至|to)\s*(?P<high>{_BOUND})", re.IGNORECASE)
_ONE_BOUND = re.compile(rf"(?P<sign>[<>]=?|[≤≥])\s*(?P<bound>{_BOUND})")


def read_value(written: str) -> WrittenValue:
    """The number that was written; anything else is words."""
    text = unicodedata.normalize("NFKC", written).strip()
    match = _NUMBER.fullmatch(text)
    if match is None or not re.search(r"\d", match["number"] or ""):
        return WrittenValue(number=None, words=text)
    sign = match["sign"] or ""
    return WrittenValue(number=float(match["number"].replace(",", "")), sign=_SIGNS.get(sign, sign))


def value_with_unit(written: str, units: UnitRules) -> tuple[WrittenValue, str]:
    """The value, and the unit if it is written behind it: 5.6 mmol/L."""
    value = read_value(written)
    if value.number is not None:
        return value, ""
    match = _WITH_UNIT.fullmatch(value.words)
    if match is None or units.unit_named(match["unit"]) is None:
        return value, ""
    return read_value(match["number"]), match["unit"]


def read_reference(written: str) -> tuple[float | None, float | None]:
    """Lower and upper bound of a range as laboratories write it; neither, if it is not one."""
    text = unicodedata.normalize("NFKC", written).strip().strip("()[]")
    # A unit behind the range says nothing that the value's own unit does not say.
    if match := _SPAN.match(text):
        low, high = float(match["low"]), float(match["high"])
        return (low, high) if low <= high else (None, None)
    if match := _ONE_BOUND.match(text):
        bound = float(match["bound"])
        return (None, bound) if match["sign"] in {"<", "<=", "≤"} else (bound, None)
    return None, None


def mark_of(value: float | None, low: float | None, high: float | None) -> Mark | None:
    """Below, within or above a range; None without a value or a range."""
    if value is None or (low is None and high is None):
        return None
    if low is not None and value < low:
        return Mark.LOW
    return Mark.HIGH if high is not None and value > high else Mark.NORMAL
