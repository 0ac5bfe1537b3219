"""How much heavier a patient says to have become, and within how many days."""

import re
from dataclasses import dataclass

_KILOGRAMS = {"公斤": 1.0, "千克": 1.0, "斤": 0.5, "kg": 1.0, "kilo": 1.0, "pound": 0.4536, "lb": 0.4536}
_DAYS = {"天": 1, "日": 1, "周": 7, "礼拜": 7, "星期": 7, "day": 1, "week": 7}
_NUMBERS = {
    **{char: float(value) for value, char in enumerate("零一二三四五六七八九十")},
    **dict.fromkeys(("两", "俩", "two", "a couple of"), 2.0),
    "半": 0.5,
    "几": 3.0,
    "好几": 4.0,
    "a": 1.0,
    "an": 1.0,
    "one": 1.0,
    "half a": 0.5,
    **dict(
        zip(("three", "four", "five", "six", "seven", "eight", "nine", "ten"), map(float, range(3, 11)), strict=True)
    ),
}
_ZH_NUMBER = r"(\d+(?:\.\d+)?|好几|[一二两俩三四五六七八九十半几])"
_EN_NUMBER = (
    rf"(\d+(?:\.\d+)?|{'|'.join(sorted((name for name in _NUMBERS if name.isascii()), key=len, reverse=True))})"
)
_ZH_GAIN = re.compile(rf"(?:重|胖|涨|长|增加|增|多)(?:了)?{_ZH_NUMBER}(?:多|来)?(?:个)?(公斤|千克|斤|kg)(半)?")
_EN_GAIN = re.compile(
    rf"(?:gain\w*|put on|up|heavier|added|increased)(?: by| about| nearly| almost| over)?\W+{_EN_NUMBER}\W+(kg"
    rf"|kilo|pound|lb)\w*"
    rf"|{_EN_NUMBER}\W+(kg|kilo|pound|lb)\w*\W+(?:heavier|more|up)\b"
)
_ZH_DAYS = re.compile(rf"(?:{_ZH_NUMBER}个?|这个?|本|上个?)(天|日|周|礼拜|星期)")
_EN_DAYS = re.compile(
    rf"(?:{_EN_NUMBER}|this|last|the past|a)\W+(day|week)s?\b|since (?:yesterday|(?:mon|tues|wednes|thurs|fri"
    rf"|satur|sun)day)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """Kilograms gained, within how many days where it was said, and where in the text it stands."""

    kilograms: float
    days: int | None
    start: int
    end: int


def gains_in(text: str, language: str) -> list[Gain]:
    """Every gain of weight in a text (in small letters)."""
    wording, days = (_ZH_GAIN, _ZH_DAYS) if language == "zh" else (_EN_GAIN, _EN_DAYS)
    found = []
    for match in wording.finditer(text):
        amount, unit, half = [*(group for group in match.groups() if group), ""][:3]
        value = _number(amount) + (0.5 if half == "半" else 0.0)
        around = [_days(span) for span in days.finditer(text[max(0, match.start() - 24) : match.end() + 32])]
        found.append(
            Gain(
                kilograms=round(value * _KILOGRAMS[unit], 2),
                days=around[0] if around else None,
                start=match.start(),
                end=match.end(),
            )
        )
    return found


def _number(said: str) -> float:
    return _NUMBERS[said] if said in _NUMBERS else float(said)


def _days(match: re.Match[str]) -> int:
    if match.lastindex is None:
        return 7  # since some day of the week
    unit = match.group(match.lastindex)
    count = match.group(1)
    return round((_number(count) if count and count != unit else 1) * _DAYS[unit])
