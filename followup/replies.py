"""What a patient writes back: values and signs read from his words by rules of the content; nothing is guessed."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from followup.messages import Channel


class ReplyState(StrEnum):
    """What became of a text that came in."""

    READ = "read"  # a value was read and kept, or a sign of danger was found
    QUERIED = "queried"  # a value that cannot be, or several of one kind: the patient was asked again, nothing is kept
    FOR_PERSON = "for_person"  # no rule reads it: somebody has to
    UNPLACED = "unplaced"  # nobody, or more than one, has this address: whose it is has to be found out


WAITS_FOR_A_PERSON = frozenset({ReplyState.QUERIED, ReplyState.FOR_PERSON, ReplyState.UNPLACED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How one measured thing is written in words: behind one of its names, between its limits."""

    code: str  # a concept
    names: tuple[str, ...]  # lower case
    unit: str  # meant where none is written
    units: Mapping[str, tuple[str, ...]]  # unit → how it is written, lower case
    limits: Mapping[str, tuple[float, float]]  # by unit; beyond them the patient is asked again


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyRules:
    """Everything that texts are read by, and what is answered."""

    readings: tuple[Reading, ...]
    signs: Mapping[str, tuple[str, ...]]  # item of the alert rules → words that say it
    denials: tuple[str, ...]  # words that turn the sign behind them round
    not_now: tuple[str, ...]  # words that tell of another time: a person reads it
    query: Mapping[str, str]  # by language: what is asked when a value cannot be
    answers: Mapping[str, Mapping[str, str]]  # code of an alert → fixed text by language


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadValue:
    """A value as the patient wrote it."""

    code: str
    value: float
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadReply:
    """What a text says: values that can be, values that cannot, and signs that are there."""

    values: tuple[ReadValue, ...] = ()
    doubtful: tuple[ReadValue, ...] = ()
    signs: tuple[str, ...] = ()


@dataclass(kw_only=True, eq=False)
class ReceivedMessage:
    """One text that came in. The same `provider_id` of the same channel is the same text, sent again by its carrier."""

    id: str
    channel: Channel
    provider_id: str
    address: str  # from where it came
    text: str
    state: ReplyState
    received_at: datetime
    times: int = 1
    patient_id: str | None = None
    values: list[dict[str, object]] = field(default_factory=list)
    signs: list[str] = field(default_factory=list)
    alerts: list[str] = field(default_factory=list)  # ids
    seen_by: str | None = None
    seen_at: datetime | None = None


_GAP = r"[^0-9+\-]{0,6}?"
_NUMBER = r"(?P<number>\d{1,4}(?:[.,]\d{1,3})?)(?![\d.])"
_BEFORE_A_SIGN = 4


def read_reply(text: str, rules: ReplyRules) -> ReadReply:
    """Read a text. Words about another time leave everything to a person; a denied sign is none."""
    said = unicodedata.normalize("NFKC", text).lower()
    if any(word in said for word in rules.not_now):
        return ReadReply()
    found = list(_values(said, rules.readings))
    limits = {reading.code: reading.limits for reading in rules.readings}
    several = {one.code for one in found if any(one.code == other.code and one != other for other in found)}
    fine: list[ReadValue] = []
    doubtful: list[ReadValue] = []
    for one in dict.fromkeys(found):
        lowest, highest = limits[one.code][one.unit]
        can_be = lowest <= one.value <= highest and one.code not in several
        (fine if can_be else doubtful).append(one)
    return ReadReply(values=tuple(fine), doubtful=tuple(doubtful), signs=tuple(_signs(said, rules)))


def _values(said: str, readings: Sequence[Reading]) -> Iterator[ReadValue]:
    named = sorted(((name, each) for each in readings for name in each.names), key=lambda pair: -len(pair[0]))
    for name, reading in named:
        written = {spelling: unit for unit, spellings in reading.units.items() for spelling in spellings}
        choices = "|".join(re.escape(each) for each in sorted(written, key=len, reverse=True))
        for match in re.finditer(rf"{re.escape(name)}{_GAP}{_NUMBER}\s*(?P<unit>{choices})?", said):
            value = float(match["number"].replace(",", "."))
            yield ReadValue(code=reading.code, value=value, unit=written.get(match["unit"] or "", reading.unit))
        # A longer name holds a shorter one: what it has read is read.
        said = said.replace(name, "\n" * len(name))


def _signs(said: str, rules: ReplyRules) -> Iterator[str]:
    for item, words in rules.signs.items():
        places = [match.start() for word in words for match in re.finditer(re.escape(word), said)]
        if any(not _denied(said, place, rules.denials) for place in places):
            yield item


def _denied(said: str, place: int, denials: Sequence[str]) -> bool:
    return any(word in said[max(0, place - _BEFORE_A_SIGN) : place] for word in denials)
