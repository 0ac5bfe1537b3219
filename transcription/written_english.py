"""Spoken English numbers as they are written down: one forty over ninety → 140/90, two tablets → 2 tablets.

A single "one" to "nine" stays a word unless a unit follows: "one of them" is no count.
"""

import re
from collections.abc import Callable, Collection
from functools import lru_cache

from transcription.number_rules import Rule, written_by

_ONES = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_TEENS = (
    "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_VALUES = {
    "zero": 0, "oh": 0, "o": 0, "a": 1, "an": 1, "double": 2, "triple": 3,
    **{word: value for value, word in enumerate(_ONES + _TEENS, start=1)},
    **{word: value for value, word in zip(range(20, 100, 10), _TENS, strict=True)},
}  # fmt: skip
_ORDINALS = (
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh",
    "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth",
    "twentieth",
)  # fmt: skip

_ONE = f"(?:{'|'.join(_ONES)})"
_TEEN = f"(?:{'|'.join(sorted(_TEENS, key=len, reverse=True))})"
_TEN = f"(?:{'|'.join(_TENS)})"
_FROM_TEN = rf"(?:{_TEN}(?:[ -]{_ONE}\b)?|{_TEEN}\b)"
_BELOW_100 = rf"(?:{_FROM_TEN}|{_ONE}\b)"
_HUNDREDS = rf"(?:(?:{_BELOW_100}|an?)[ -]hundred\b(?: and)?(?: {_BELOW_100})?)"
_THOUSANDS = rf"(?:(?:{_HUNDREDS}|{_BELOW_100}|an?)[ -]thousand\b,?(?: and)?(?: (?:{_HUNDREDS}|{_BELOW_100}))?)"
_LARGE = rf"(?:{_THOUSANDS}|{_HUNDREDS}|{_FROM_TEN})"
_INTEGER = rf"(?:{_LARGE}|{_ONE}\b)"
_SHORT = rf"(?:{_ONE}[ -](?:oh[ -]{_ONE}\b|{_FROM_TEN}))"
"""One forty, two oh five: hundreds with the word left out."""
_DIGIT = rf"(?:{_ONE}|zero|oh)\b"
_NUMBER = rf"(?:(?:{_INTEGER}|zero\b|oh\b) point(?: {_DIGIT})+|{_LARGE}|{_ONE}\b|\d+(?:\.\d+)?)"

_NUMBER_ENDS = rf"(?!\d|\.\d|[ -](?:{_ONE}|hundred|thousand)\b)"

_UNITS = {
    "milligram": "mg", "microgram": "μg", "gram": "g", "milliliter": "ml", "millilitre": "ml", "liter": "L",
    "litre": "L", "kilogram": "kg", "kilo": "kg", "centimeter": "cm", "centimetre": "cm",
    "millimeters of mercury": "mmHg", "millimetres of mercury": "mmHg", "millimoles per liter": "mmol/L",
    "millimoles per litre": "mmol/L", "millimole": "mmol/L", "milligrams per deciliter": "mg/dL",
    "milligrams per decilitre": "mg/dL", "percent": "%", "per cent": "%",
    "degrees celsius": "°C", "degrees centigrade": "°C", "degrees fahrenheit": "°F",
}  # fmt: skip
_UNIT = rf"(?:{'|'.join(sorted(_UNITS, key=len, reverse=True))})"
_MASS = r"(?:milligram|microgram|gram|mg\b|mcg\b|milliliter|millilitre|ml\b)"
_COUNTED = (
    rf"(?:{_UNIT}|tablet|pill|capsule|drop|puff|sachet|spoon|teaspoon|tablespoon|unit|dose|patch|injection|glass|cup|time"
    "|minute|hour|day|week|month|year|pound|stone|mile|step|o'clock|am|pm|a\\.m|p\\.m|degree|point|out of)(?:e?s)?\\b"
)
_MONTH = "(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_ORDINAL = (
    rf"(?:(?:(?P<tens>twenty|thirty)[ -])?(?P<ones>{'|'.join(sorted(_ORDINALS, key=len, reverse=True))})"
    "|(?P<last>thirtieth))"
)
_DAY_PART = (
    r"(?:[ap]\.?m\b\.?|in the (?:morning|afternoon|evening)|at night|tonight|this (?:morning|afternoon|evening))"
)
_HOUR = rf"(?:{_ONE}|ten|eleven|twelve|\d\d?)"
_MINUTES = rf"(?:oh {_ONE}\b|{_FROM_TEN}|\d\d)"
_VALUE_WORD = re.compile(
    r"\b(?:pressure|systolic|diastolic|sugar|glucose|heart rate|pulse|upper|top|bottom|weigh\w*)\b[^.?!]{0,30}$",
    re.IGNORECASE,
)


def written_english(text: str, names: Collection[str] = ()) -> str:
    """The text with its numbers in figures and their units as signs; writing that again changes nothing."""
    return written_by([(_kept(frozenset(names)), None), *_RULES], text)


@lru_cache(maxsize=4)
def _kept(names: frozenset[str]) -> re.Pattern[str]:
    words = sorted({"one another", "one by one", "one hundred percent sure", *names}, key=len, reverse=True)
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, words))})\b", re.IGNORECASE)


def _figures(spoken: str) -> str:
    """A spoken number in figures."""
    spoken = spoken.lower()
    if spoken[0].isdigit():
        return spoken
    whole, point, fraction = spoken.partition(" point ")
    if point:
        return f"{_any(whole)}.{_digits(fraction)}"
    total = part = 0
    for word in re.findall(r"[a-z]+", spoken):
        match word:
            case "thousand":
                total, part = part * 1000, 0
            case "hundred":
                part *= 100
            case "and":
                continue
            case _:
                part += _VALUES[word]
    return str(total + part)


def _digits(spoken: str) -> str:
    """Digits said one by one, with double and triple ones."""
    said, times = "", 1
    for word in re.findall(r"[a-z]+", spoken.lower()):
        if word in ("double", "triple"):
            times = _VALUES[word]
        else:
            said, times = said + str(_VALUES[word]) * times, 1
    return said


def _short(spoken: str) -> str:
    first, rest = re.split("[ -]", spoken.lower(), maxsplit=1)
    return str(_VALUES[first] * 100 + int(_figures(re.sub("^oh[ -]", "", rest))))


def _any(spoken: str) -> str:
    return _short(spoken) if re.fullmatch(_SHORT, spoken, re.IGNORECASE) else _figures(spoken)


def _number(found: re.Match[str]) -> str:
    return _figures(found.group())


def _below_one(found: re.Match[str]) -> str:
    return f"0.{_digits(found['tenths'])}"


def _read_out(found: re.Match[str]) -> str:
    return _digits(found.group())


def _counted(found: re.Match[str]) -> str:
    return f"{_figures(found['number'])}{found['what']}"


def _and_a_half(found: re.Match[str]) -> str:
    return f"{_figures(found['number'])}.5"


def _fraction(found: re.Match[str]) -> str:
    return f"{_VALUES[found['part'].lower()]}/{3 if found['of'].lower() == 'third' else 4}"


def _year(found: re.Match[str]) -> str:
    return _figures(found["century"]) + _figures(found["year"])


def _pressure(found: re.Match[str]) -> str:
    high, low = _any(found["high"]), _any(found["low"])
    if 70 <= float(high) <= 260 and 30 <= float(low) < float(high):
        return f"{high}/{low}"
    return found.group()


def _clock(found: re.Match[str]) -> str:
    hour = int(_figures(found["hour"]))
    minute = int(_figures(found["minutes"].lower().removeprefix("oh ")))
    return f"{hour}:{minute:02}{found['rest']}" if hour <= 24 and minute < 60 else found.group()


def _past(found: re.Match[str]) -> str:
    hour = int(_figures(found["hour"]))
    match found["part"].lower(), found["way"].lower():
        case ("half", "past"):
            return f"{hour}:30"
        case ("quarter", "past"):
            return f"{hour}:15"
        case ("quarter", "to"):
            return f"{(hour - 2) % 12 + 1}:45"
        case _:
            return found.group()


def _ordinal(found: re.Match[str]) -> str:
    if found["last"]:
        return "30"
    day = _ORDINALS.index(found["ones"].lower()) + 1
    return str(day + _VALUES[found["tens"].lower()] if found["tens"] else day)


def _month_day(found: re.Match[str]) -> str:
    return f"{found['month']} {_ordinal(found)}"


def _short_value(found: re.Match[str]) -> str:
    return _short(found.group()) if _VALUE_WORD.search(found.string[: found.start()]) else found.group()


def _unit(found: re.Match[str]) -> str:
    sign = _UNITS[found["unit"].lower()]
    return sign if sign == "%" else f" {sign}"


_Rule = tuple[str, Callable[[re.Match[str]], str]]
_SPOKEN: tuple[_Rule, ...] = (
    (rf"\b(?P<month>{_MONTH}) (?:the )?{_ORDINAL}\b", _month_day),
    (rf"\b(?:the )?{_ORDINAL} of (?P<month>{_MONTH})\b", _month_day),
    (rf"\b(?P<part>half|quarter) (?P<way>past|to) (?P<hour>{_HOUR})\b", _past),
    (
        rf"\b(?P<high>{_SHORT}|{_NUMBER}) (?:over|by) (?P<low>{_SHORT}|{_NUMBER}){_NUMBER_ENDS}",
        _pressure,
    ),
    (rf"\b(?P<hour>{_HOUR}) (?P<minutes>{_MINUTES})(?P<rest>,? {_DAY_PART})", _clock),
    (rf"\b(?P<number>{_INTEGER}|\d+) and a half\b", _and_a_half),
    (r"\bhalf an? (?=tablet|pill|capsule|sachet)", lambda _: "0.5 "),
    (r"\b(?P<part>one|two|three) (?P<of>third|quarter)s?\b", _fraction),
    (rf"\b(?:{_SHORT}|{_INTEGER}|zero|oh) point(?: {_DIGIT})+", _number),
    (rf"(?<!this )(?<!that )(?<!some )(?<!the )\bpoint(?P<tenths>(?: {_DIGIT})+)(?=[ -]{_MASS})", _below_one),
    (rf"\b(?P<century>eighteen|nineteen|twenty) (?P<year>{_FROM_TEN})(?![ -](?:hundred|thousand|{_MASS}))", _year),
    (rf"\b{_SHORT}(?![ -](?:{_MASS}(?!s? per\b)|hundred|thousand))", _short_value),
    (rf"\b(?:(?:double |triple )?{_DIGIT}[ -]?){{2,}}(?:double |triple )?{_DIGIT}", _read_out),
    (rf"\b{_LARGE}", _number),
    (rf"\b(?P<number>{_ONE})(?P<what>[ -]{_COUNTED})", _counted),
    (rf"(?<=\d)[ -](?P<unit>{_UNIT})s?\b", _unit),
)
_RULES: list[Rule] = [(re.compile(pattern, re.IGNORECASE), replacement) for pattern, replacement in _SPOKEN]
