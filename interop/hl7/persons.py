"""PID, NK1 and MRG: who a message is about and how he is reached. What of it cannot be used becomes a remark."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from care.identifiers import IdentifierKind, IdNumberRefusedError, id_card
from care.patients import NumberOwner
from db.listed_people import RECORD_NUMBER, Key
from followup.feeds import FeedReason
from interop.hl7.reading import BadTimeError, Hl7Message, Segment, day, instant
from interop.hl7.telling import NotUsableError, SentNumber, SentPerson
from runtime.content.feeds import FeedSender
from runtime.phone_numbers import read_numbers

T = TypeVar("T")

_SEXES = {
    "M": "male", "1": "male", "男": "male",
    "F": "female", "2": "female", "女": "female",
    "O": "other", "U": "unknown",
}  # fmt: skip
_LANGUAGES = {
    "ZH": "zh", "CHI": "zh", "ZHO": "zh", "ZH-CN": "zh",
    "EN": "en", "ENG": "en", "EN-US": "en", "EN-GB": "en",
}  # fmt: skip
_HAN = re.compile(r"[\u2e80-\u9fff\U00020000-\U0003ffff]")
_AHEAD = timedelta(days=1)
"""Clocks differ."""

_LONGEST_KEY, _LONGEST_NAME, _LONGEST_LABEL, _LONGEST_DIALECT = 64, 200, 100, 40
_OF_KIND = {
    "record": RECORD_NUMBER,
    "medical_record": IdentifierKind.MEDICAL_RECORD.value,
    "id_card": IdentifierKind.ID_CARD.value,
    "insurance": IdentifierKind.INSURANCE.value,
    "passport": IdentifierKind.PASSPORT.value,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedRules:
    """What holds for reading the messages of one sender."""

    sender: FeedSender
    zone: ZoneInfo
    area_code: str = ""
    region: str = "CN"


@dataclass(slots=True)
class Remarks:
    """What was left out of a message; a remark names fields, never what stands in them."""

    told: list[str] = field(default_factory=list)

    def add(self, remark: str) -> None:
        """Keep one, each once."""
        if remark not in self.told:
            self.told.append(remark)


def person_of(message: Hl7Message, rules: FeedRules, remarks: Remarks) -> SentPerson:
    """The person; NotUsableError if nothing stands for him."""
    pid = message.first("PID")
    if len({each.fields[2:] for each in message.all("PID")}) > 1:
        raise NotUsableError(
            FeedReason.TWO_PERSONS,
            "it holds several PID segments, and what follows may be anybody's: have one message sent for each person",
        )
    keys = keys_of(message, rules, remarks)
    if not keys:
        raise NotUsableError(
            FeedReason.NO_PATIENT,
            "PID-3 holds no number that stands for a person here: compare its types (PID-3.5) with content/feeds",
        )
    own_card = next((value for kind, value in keys if kind == IdentifierKind.ID_CARD.value), None)
    read = id_card(own_card) if own_card else None
    died_at = or_remark(lambda: instant(pid.text(29), rules.zone), "PID-29", remarks)
    return SentPerson(
        keys=keys,
        name=name_of(pid, 5),
        born=or_remark(lambda: day(pid.text(7)), "PID-7", remarks) or (read.born if read else None),
        sex=_SEXES.get(pid.text(8).upper()) or (read.sex if read else None),
        language=_LANGUAGES.get(pid.text(15).upper()),
        dialect=next(iter(first_at(message, rules.sender.dialect)), "")[:_LONGEST_DIALECT] or None,
        numbers=_numbers(message, rules, remarks),
        died=pid.text(30).upper() == "Y" or died_at is not None,
        died_at=died_at,
    )


def keys_of(message: Hl7Message, rules: FeedRules, remarks: Remarks) -> tuple[Key, ...]:
    """Everything that stands for the person, the hospital's own record number first."""
    keys = keys_in(message.first("PID"), 3, rules, remarks)
    card = next(iter(first_at(message, rules.sender.id_card)), "")
    if card and (key := _key("id_card", card, rules, remarks)) is not None:
        keys.append(key)
    for value in first_at(message, rules.sender.insurance):
        if (key := _key("insurance", value, rules, remarks)) is not None:
            keys.append(key)
    return tuple(dict.fromkeys(keys))


def keys_in(segment: Segment, place: int, rules: FeedRules, remarks: Remarks) -> list[Key]:
    """What the repetitions of a CX field stand for, the hospital's own record number first."""
    found: list[Key] = []
    left_out = 0
    for parts in segment.repetitions(place):
        value, authority, type_ = (parts[at] if len(parts) > at else "" for at in (0, 3, 4))
        if not value:
            continue
        kind = rules.sender.kind_of(type_, authority)
        if kind is None:
            left_out += 1
        elif (key := _key(kind, value, rules, remarks)) is not None:
            found.append(key)
    if left_out:
        remarks.add(f"{segment.name}-{place}: {left_out} of types that content/feeds does not name left out")
    return sorted(found, key=lambda key: key[0] != RECORD_NUMBER)


def name_of(segment: Segment, place: int) -> str:
    """A person's name: in Han characters without a blank, otherwise the given name first."""
    repetitions = segment.repetitions(place)
    if not repetitions:
        return ""
    chosen = next((parts for parts in repetitions if len(parts) > 7 and parts[7] == "I"), repetitions[0])
    family, given = (chosen[at] if len(chosen) > at else "" for at in (0, 1))
    name = family + given if _HAN.search(family + given) else f"{given} {family}"
    return re.sub(r"\s+", " ", name).strip()[:_LONGEST_NAME]


def _key(kind: str, value: str, rules: FeedRules, remarks: Remarks) -> Key | None:
    if kind == "id_card":
        try:
            return IdentifierKind.ID_CARD.value, id_card(value).number
        except IdNumberRefusedError as refusal:
            remarks.add(f"the ID card number is left out ({refusal.code})")
            return None
    plain = re.sub(r"\s+", "", value).upper() if kind == "passport" else value.strip()
    if kind in {"record", "medical_record"}:
        plain = rules.sender.number_prefix + plain
    if len(plain) > _LONGEST_KEY:
        remarks.add(f"a number of the kind {kind} is left out: it is longer than {_LONGEST_KEY} characters")
        return None
    return _OF_KIND[kind], plain


def _numbers(message: Hl7Message, rules: FeedRules, remarks: Remarks) -> tuple[SentNumber, ...]:
    found: dict[str, SentNumber] = {}
    for place in rules.sender.telephones:
        segment, _, number = place.partition("-")
        for each in message.all(segment):
            for parts in each.repetitions(int(number.partition(".")[0])):
                for read in _read(_written(parts), place, rules, remarks):
                    found.setdefault(read, SentNumber(number=read, owner=NumberOwner.SELF))
    for relative in message.all("NK1"):
        label = " ".join(
            part for part in (name_of(relative, 2), relative.text(3, 2) or relative.text(3)) if part
        )[:_LONGEST_LABEL]  # fmt: skip
        for parts in relative.repetitions(5):
            for read in _read(_written(parts), "NK1-5", rules, remarks):
                found.setdefault(read, SentNumber(number=read, owner=NumberOwner.RELATIVE, label=label))
    return tuple(found.values())


def _written(parts: tuple[str, ...]) -> str:
    """A telephone number of XTN: as one text (1 or 12), or in parts (5 country, 6 area, 7 number)."""
    part = dict(enumerate(parts, start=1))
    if part.get(1):
        return part[1]
    if part.get(12):
        return part[12]
    country = f"+{part[5].lstrip('+')} " if part.get(5) and part.get(7) else ""
    return f"{country}{part.get(6, '')}{part.get(7, '')}"


def _read(text: str, place: str, rules: FeedRules, remarks: Remarks) -> Iterable[str]:
    if not text:
        return ()
    cell = read_numbers(text, region=rules.region, area_code=rules.area_code)
    for fault in cell.faults:
        remarks.add(f"{place}: a telephone number is left out ({fault.value})")
    return [each.number for each in cell.numbers]


def first_at(message: Hl7Message, places: tuple[str, ...]) -> list[str]:
    """What stands at the first place that holds something."""
    return next((found for place in places if (found := message.at(place))), [])


def past(text: str, place: str, rules: FeedRules, remarks: Remarks, *, now: datetime) -> datetime | None:
    """An instant that cannot lie ahead; nothing and a remark where it does: all that comes later would be older."""
    found = or_remark(lambda: instant(text, rules.zone), place, remarks)
    if found is not None and found > now + _AHEAD:
        remarks.add(f"{place} is left out: it lies in the future")
        return None
    return found


def or_remark(read: Callable[[], T], place: str, remarks: Remarks) -> T | None:
    """What is read, or nothing and a remark where it is no time."""
    try:
        return read()
    except BadTimeError as fault:
        remarks.add(f"{place} is left out: {fault}")
        return None
