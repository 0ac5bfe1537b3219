"""Telephone numbers at the edge: text becomes E.164, or is refused in words. Short and emergency numbers never dial."""

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat


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
