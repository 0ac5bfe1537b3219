"""Numbers entered by keys: what `632#` means, whether it can be, and whether it must be confirmed. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum

CLEAR_KEY = "*"
"""Begins an entry anew: what was typed before it does not count."""


class EntryKind(StrEnum):
    """What is entered."""

    NUMBER = "number"
    BIRTHDAY = "birthday"  # month and day, four digits, compared with what is on record


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyEntry:
    """What is asked for by keys, ended by # or by waiting."""

    kind: EntryKind
    variable: str  # the value's name; of a birthday the variable it is compared with
    then: str  # next step when it is good
    jump: str | None = None  # next step when it is far from last time's and has to be confirmed
    decimals: int = 0
    minimum: Decimal = Decimal(0)
    maximum: Decimal = Decimal(0)
    compared_with: str = ""  # variable with last time's value
    jump_percent: Decimal = Decimal(10)

    def __post_init__(self) -> None:
        if self.kind is EntryKind.NUMBER and not self.minimum < self.maximum:
            raise ValueError(f"entry {self.variable}: minimum must be below maximum")
        if bool(self.compared_with) != bool(self.jump):
            raise ValueError(f"entry {self.variable}: compared_with and jump belong together")


class EntryVerdict(StrEnum):
    """What is to be made of what was typed."""

    GOOD = "good"
    JUMP = "jump"
    WRONG = "wrong"
    EMPTY = "empty"
    PERSON = "person"  # a single 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """The verdict, and the value in plain decimal notation where there is one."""

    verdict: EntryVerdict
    value: str = ""


def judge_entry(entry: KeyEntry, typed: str, known: Mapping[str, str]) -> Entered:
    """What `typed` (without the #) means for this entry, given the values known so far."""
    digits = typed.rpartition(CLEAR_KEY)[2]
    if not digits:
        return Entered(verdict=EntryVerdict.EMPTY)
    if digits == "0":
        return Entered(verdict=EntryVerdict.PERSON)
    if not digits.isascii() or not digits.isdigit():
        return Entered(verdict=EntryVerdict.WRONG)
    if entry.kind is EntryKind.BIRTHDAY:
        good = digits == known.get(entry.variable)
        return Entered(verdict=EntryVerdict.GOOD if good else EntryVerdict.WRONG)
    number = Decimal(digits).scaleb(-entry.decimals)
    if not entry.minimum <= number <= entry.maximum:
        return Entered(verdict=EntryVerdict.WRONG)
    value = f"{number:f}"
    last = _number(known.get(entry.compared_with, "")) if entry.compared_with else None
    if last and abs(number - last) * 100 > last * entry.jump_percent:
        return Entered(verdict=EntryVerdict.JUMP, value=value)
    return Entered(verdict=EntryVerdict.GOOD, value=value)


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() and number > 0 else None
