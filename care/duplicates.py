"""Whether two records are one person's: by numbers that stand for a person, name as written and as heard, birth."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from care.identifiers import IdentifierKind

_ONE_FOR_LIFE = frozenset({IdentifierKind.ID_CARD.value, IdentifierKind.PASSPORT.value})
"""Kinds of which two different values speak for two persons."""


class Likeness(StrEnum):
    """How much speaks for one person."""

    SAME = "same"  # one identifier
    LIKELY = "likely"
    POSSIBLE = "possible"
    NONE = "none"


class Evidence(StrEnum):
    """What speaks for it, or against it."""

    IDENTIFIER = "identifier"
    NAME = "name"
    SOUND = "sound"  # written otherwise, read alike: 王小明, 王晓明
    BORN = "born"
    NUMBER = "number"
    OTHER_IDENTIFIER = "other_identifier"  # against
    OTHER_BIRTH = "other_birth"  # against
    OTHER_SEX = "other_sex"  # against


@dataclass(frozen=True, slots=True, kw_only=True)
class Particulars:
    """What is known of a person, as far as it can be compared. `name` is plain, `sound` its pinyin without tones."""

    name: str
    sound: str
    born: date | None = None
    sex: str | None = None
    identifiers: frozenset[tuple[str, str]] = frozenset()  # kind, value
    numbers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How alike two are, and why."""

    likeness: Likeness
    evidence: tuple[Evidence, ...]


def compare(one: Particulars, other: Particulars) -> Comparison:
    """Hold two people's particulars against each other."""
    against = _against(one, other)
    evidence = list(against)
    if one.identifiers & other.identifiers:
        evidence.append(Evidence.IDENTIFIER)
    if one.name and one.name == other.name:
        evidence.append(Evidence.NAME)
    elif one.sound and one.sound == other.sound:
        evidence.append(Evidence.SOUND)
    if one.born is not None and one.born == other.born:
        evidence.append(Evidence.BORN)
    if one.numbers & other.numbers:
        evidence.append(Evidence.NUMBER)
    return Comparison(likeness=_likeness(frozenset(evidence)), evidence=tuple(evidence))


def _against(one: Particulars, other: Particulars) -> list[Evidence]:
    found = []
    mine, theirs = dict(one.identifiers), dict(other.identifiers)
    if any(kind in theirs and theirs[kind] != value for kind, value in mine.items() if kind in _ONE_FOR_LIFE):
        found.append(Evidence.OTHER_IDENTIFIER)
    if one.born and other.born and one.born != other.born:
        found.append(Evidence.OTHER_BIRTH)
    if {one.sex, other.sex} == {"female", "male"}:
        found.append(Evidence.OTHER_SEX)
    return found


def _likeness(evidence: frozenset[Evidence]) -> Likeness:
    if Evidence.IDENTIFIER in evidence:
        return Likeness.SAME
    if evidence & {Evidence.OTHER_IDENTIFIER, Evidence.OTHER_BIRTH} or not evidence & {Evidence.NAME, Evidence.SOUND}:
        return Likeness.NONE
    if Evidence.OTHER_SEX in evidence:
        # A twin of the other sex is read alike, born on that day and has the parents' number.
        return Likeness.POSSIBLE if evidence >= {Evidence.NAME, Evidence.BORN} else Likeness.NONE
    if evidence >= {Evidence.NAME, Evidence.BORN} or evidence >= {Evidence.BORN, Evidence.NUMBER}:
        return Likeness.LIKELY
    return Likeness.POSSIBLE if evidence & {Evidence.BORN, Evidence.NUMBER} else Likeness.NONE
