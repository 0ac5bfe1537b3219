"""Telephone numbers at the edge: text becomes E.164, or is refused in words. Short and emergency numbers never dial."""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

import phonenumbers
from phonenumbers import Leniency, NumberParseException, PhoneNumberFormat, PhoneNumberMatcher


class NumberRefusedError(ValueError):
    """A text that is not a number we may dial."""


def to_e164(text: str, region: str = "CN") -> str:
    """E.164 of what somebody wrote (`region` is the ISO country meant when no + is written)."""
    try:
        number = phonenumbers.parse(text, region)
    except NumberParseException as error:
        raise NumberRefusedError(f"is not a telephone number ({error}); write it like +86 199 0000 0001") from error
    if phonenumbers.is_emergency_number(text.strip(), region) or len(str(number.national_number)) < 7:
        raise NumberRefusedError("is a short or emergency number; those are never dialed")
    if not phonenumbers.is_valid_number(number):
        raise NumberRefusedError("is not a number that exists in its country; check the digits")
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def is_dialable(number: str) -> bool:
    """True if a stored number is still one that may be dialed."""
    try:
        return to_e164(number) == number
    except NumberRefusedError:
        return False


class NumberFault(StrEnum):
    """Why a piece of a list's cell gives no number."""

    LOST_DIGITS = "lost_digits"  # a spreadsheet rounded it
    SHORT = "short"  # a short or emergency number
    AREA_CODE = "area_code"  # a landline without its area code
    INVALID = "invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadNumber:
    """A number found in a cell: E.164, its extension, and the words that stood by it (本人, 儿子, office)."""

    number: str
    extension: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberCell:
    """What a cell of telephone numbers holds, each number once, and what of it cannot be used."""

    numbers: tuple[ReadNumber, ...]
    faults: tuple[NumberFault, ...]


_DASHES = re.compile(r"[‐-―−－ー—–~]")
_EXTENSION = re.compile(
    r"\s*(?:转分机|分机号?|转|#|\bextension|\bext\.?|\bx)\s*[:：]?\s*(\d{1,6})(?!\d)", re.IGNORECASE
)
_THIRD_PART = re.compile(r"((?<!\d)0\d{2,3}-\d{7,8})-(\d{1,6})(?!\d)")
_PLAIN = re.compile(r"\+?\d[\d -]{5,17}\d")
_SEPARATORS = re.compile(r"[,;/、|\n\r]+|\s+或\s*|\s+or\s+")
_ROUNDED = re.compile(r"\d(?:\.\d+)?E\+?\d+", re.IGNORECASE)
_MARKS = " \t:()[]{}<>【】《》「」-_.'\"=*"


def read_numbers(cell: str, *, region: str = "CN", area_code: str = "") -> NumberCell:
    """The numbers in a cell as people write them: several at once, with labels, extensions, full-width digits.

    A landline without an area code gets `area_code`, where one is given.
    """
    if _PLAIN.fullmatch(cell) and (plain := _read_plain(cell, region)) is not None:
        return NumberCell(numbers=(plain,), faults=())
    written = _DASHES.sub("-", unicodedata.normalize("NFKC", cell)).strip().removeprefix("'")
    written = re.sub(r"(?<=\d)\.0+$", "", written)
    written = _EXTENSION.sub(r" ext. \1 ", _THIRD_PART.sub(r"\1 ext. \2 ", written))
    found: dict[str, ReadNumber] = {}
    faults: list[NumberFault] = []
    for piece in _SEPARATORS.split(written):
        numbers, fault = _read_piece(piece, region, area_code)
        for number in numbers:
            found.setdefault(number.number, number)
        if fault is not None:
            faults.append(fault)
    return NumberCell(numbers=tuple(found.values()), faults=tuple(faults))


def _read_plain(cell: str, region: str) -> ReadNumber | None:
    """The one number of a cell with nothing else in it: what nearly all cells are, and searching takes longer."""
    try:
        return ReadNumber(number=to_e164(cell, region))
    except NumberRefusedError:
        return None


def _read_piece(piece: str, region: str, area_code: str) -> tuple[list[ReadNumber], NumberFault | None]:
    matches = list(PhoneNumberMatcher(piece, region, leniency=Leniency.VALID))
    if not matches:
        return _read_odd_piece(piece, region, area_code)
    # Labels stand before their numbers, or all behind them.
    before = [
        piece[start:end] for start, end in zip([0, *(m.end for m in matches)], [m.start for m in matches], strict=False)
    ]
    behind = [
        piece[start:end]
        for start, end in zip([m.end for m in matches], [*(m.start for m in matches[1:]), len(piece)], strict=False)
    ]
    words = before if before[0].strip(_MARKS) else behind
    numbers = [
        ReadNumber(
            number=phonenumbers.format_number(match.number, PhoneNumberFormat.E164),
            extension=match.number.extension or "",
            words=label.strip(_MARKS),
        )
        for match, label in zip(matches, words, strict=True)
    ]
    left = "".join(words)
    return numbers, NumberFault.INVALID if re.search(r"\d{3}", left) else None


def _read_odd_piece(piece: str, region: str, area_code: str) -> tuple[list[ReadNumber], NumberFault | None]:
    if _ROUNDED.search(piece):
        return [], NumberFault.LOST_DIGITS
    plain, _, extension = piece.partition(" ext. ")
    digits = re.sub(r"\D", "", plain)
    words = re.sub(r"[\d+]", "", plain).strip(_MARKS)
    if not digits:
        return [], None
    if len(digits) < 7:
        return [], NumberFault.SHORT
    if len(digits) > 8 or digits.startswith("0"):
        return [], NumberFault.INVALID
    if not area_code:
        return [], NumberFault.AREA_CODE
    try:
        number = to_e164(area_code + digits, region)
    except NumberRefusedError:
        return [], NumberFault.INVALID
    return [ReadNumber(number=number, extension=extension.strip(), words=words)], None
