"""Chinese text in one spelling: simplified characters, numbers as they are written."""

import re
from functools import cache

from cn2an import cn2an
from opencc import OpenCC

_DIGITS = "零〇一二两三四五六七八九幺"
_NUMERALS = f"{_DIGITS}十百千万"
_NUMBER = re.compile(
    rf"[{_NUMERALS}]+点[{_DIGITS}]+(?![十百千万分刻])"  # 十六点七, but not the time of day 三点五十
    rf"|[{_NUMERALS}]{{2,}}"
)
_DEGREES = re.compile(rf"([{_NUMERALS}]+|\d+)度(半|[{_DIGITS}]|\d)(?![{_NUMERALS}\d])")
_POINT = re.compile(r"(\d)点(\d)(?![\d分刻])")
_ABOUT = re.compile("一二|两三|三四|四五|五六|六七|七八|八九")
"""Two neighbors mean "about": 三四天 is three or four days, never 34."""

_NOT_NUMBERS = ("千万别", "千万不", "千万要", "万一", "百分之百", "一一", "七七八八")


@cache
def _converter() -> OpenCC:
    return OpenCC("tw2s")


def to_simplified(text: str) -> str:
    """Traditional characters as simplified ones, one for one."""
    simplified: str = _converter().convert(text)
    return simplified


def written_numbers(text: str) -> str:
    """Spoken numbers in figures: 一百四十 → 140, 三十八度六 → 38.6度, 一三四七 → 1347; words like 一个 or 万一 stay."""
    text = _DEGREES.sub(_written_degrees, text)
    written: list[str] = []
    position = 0
    while position < len(text):
        word = next((word for word in _NOT_NUMBERS if text.startswith(word, position)), None)
        found = None if word else _NUMBER.match(text, position)
        step = word or (found.group() if found else text[position])
        written.append(_figures(step) if found else step)
        position += len(step)
    return _POINT.sub(r"\1.\2", "".join(written))


def _written_degrees(found: re.Match[str]) -> str:
    tenths = "5" if found.group(2) == "半" else _figures(found.group(2))
    return f"{_figures(found.group(1))}.{tenths}度"


def _figures(spoken: str) -> str:
    """One spoken number in figures; unchanged when it is none after all."""
    if spoken.isascii() or _ABOUT.fullmatch(spoken):
        return spoken
    plain = spoken.translate(str.maketrans("〇两幺", "零二一"))
    if not re.search("[十百千万点]", plain):
        return plain.translate(str.maketrans("零一二三四五六七八九", "0123456789"))
    try:
        return f"{cn2an(plain, 'smart'):.12g}"
    except (ValueError, KeyError):  # cn2an's answers to what is no number, such as 十十零
        return spoken
