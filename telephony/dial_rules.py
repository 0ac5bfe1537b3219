"""Dial rules: how a trunk wants an E.164 number written. Pure; what a number is, phonenumbers tells."""

from dataclasses import dataclass
from enum import StrEnum

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType

MOBILES = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE})


class NumberFormat(StrEnum):
    """How a number is written before any prefix."""

    E164 = "e164"  # +8613900000000, +861055550000
    DIGITS = "digits"  # 8613900000000: the same without its plus
    NATIONAL = "national"  # 13900000000, 01055550000; of another country: 0044…


class DialRuleError(ValueError):
    """A number that cannot be written for the trunk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DialRules:
    """What one trunk wants."""

    number_format: NumberFormat = NumberFormat.E164
    region: str = "CN"  # whose numbers are national
    international_prefix: str = "00"
    outside_line: str = ""  # dialed first, to leave the PBX
    out_of_town_prefix: str = ""  # before a mobile that is not of the home town
    home_mobile_ranges: tuple[str, ...] = ()  # how the home town's mobiles begin, usually seven digits each
    home_area_code: str = ""  # with its 0; landlines of this area are dialed without it


def dialed(number: str, rules: DialRules) -> str:
    """What is dialed on the trunk for this E.164 number; a headset's SIP user or address is left as it is."""
    if not number.startswith("+"):
        return number
    try:
        parsed = phonenumbers.parse(number, None)
    except NumberParseException as error:
        raise DialRuleError(f"the number is not E.164 ({error}); correct the patient's number") from error
    if rules.number_format is NumberFormat.E164:
        return number
    if rules.number_format is NumberFormat.DIGITS:
        return rules.outside_line + number.removeprefix("+")
    if parsed.country_code != phonenumbers.country_code_for_region(rules.region):
        return rules.outside_line + rules.international_prefix + number.removeprefix("+")
    national = _digits(phonenumbers.format_number(parsed, PhoneNumberFormat.NATIONAL))
    # A range too new for the library is written like a mobile all the same: without the 0 of an area code.
    if phonenumbers.number_type(parsed) in MOBILES or not national.startswith("0"):
        home = national.startswith(rules.home_mobile_ranges) if rules.home_mobile_ranges else False
        return rules.outside_line + ("" if home else rules.out_of_town_prefix) + national
    if rules.home_area_code and national.startswith(rules.home_area_code):
        national = national.removeprefix(rules.home_area_code)
    return rules.outside_line + national


def _digits(text: str) -> str:
    return "".join(character for character in text if character.isdigit())
