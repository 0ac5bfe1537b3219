"""Which values of a sentence a transcript holds, whatever characters or figures they are written with. Pure.

Chinese is compared by its reading without tones: who writes 商务 for 上午 has heard it; 三号 for 十三号 is wrong.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

from cn2an import an2cn
from pypinyin import lazy_pinyin

from transcription.chinese import to_simplified

Values = dict[str, str]
"""`date` 11-23, `weekday` 1–7, `time` 14:15, `number` 63.2; what was not understood is not there."""

_ZH_NUMERALS = frozenset(["ling", "yi", "er", "san", "si", "wu", "liu", "qi", "ba", "jiu", "shi", "bai", "qian"])
_ZH_LEADS = (["jian", "shi"], ["de", "shi"])  # 时间是, 您输入的是: the numeral 十 is read like their last character
_ZH_PARTS = ((6, "凌晨"), (8, "早上"), (12, "上午"), (13, "中午"), (18, "下午"), (24, "晚上"))
_ZH_FIGURES = re.compile(r"(?P<hour>\d{1,2})[.:](?P<minute>\d\d)(?!\d)|(?P<number>\d{1,8}(?:\.\d)?)")

_EN_UNITS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_EN_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_EN_ORDINALS = [
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
    "thirteenth",
    "fourteenth",
    "fifteenth",
    "sixteenth",
    "seventeenth",
    "eighteenth",
    "nineteenth",
]
_EN_NUMBERS: Mapping[str, int] = {
    **{word: number for number, word in enumerate(_EN_UNITS)},
    **{word: number for number, word in enumerate(_EN_ORDINALS, start=1)},
    **{word: number for number, word in zip(range(20, 100, 10), _EN_TENS, strict=True)},
    "twentieth": 20,
    "thirtieth": 30,
}
_MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_EN_DATE = re.compile(rf"({'|'.join(_MONTHS)}) (?:the )?(\d+)")
_EN_TIME = re.compile(
    r"(\d{1,2})(?:[ :.]?(\d\d)| o'?clock)? (?:o'?clock )?(?:(?:in|and) the )?(morning|afternoon|evening|at night|am|pm)"
)
_EN_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def true_values(sentence_values: Mapping[str, str]) -> Values:
    """What a listener should have understood of a moment or a weight."""
    found: Values = {}
    for value in sentence_values.values():
        if "T" not in value:
            found["number"] = _plain(value)
            continue
        moment = datetime.fromisoformat(value)
        found |= {
            "date": f"{moment.month}-{moment.day}",
            "weekday": str(moment.isoweekday()),
            "time": f"{moment.hour}:{moment.minute:02}",
        }
    return found


def misheard(wanted: Values, transcript: str, language: str) -> list[str]:
    """The kinds of the values that the transcript does not hold."""
    if language == "en":
        heard = _heard_en(transcript)
        return [kind for kind, value in wanted.items() if heard.get(kind) != value]
    reading = _reading(transcript)
    start = next((at + 2 for at in range(len(reading)) if reading[at : at + 2] in _ZH_LEADS), 0)
    reading = reading[start:]
    return [kind for kind, value in wanted.items() if not any(_holds(reading, way) for way in _ways_zh(kind, value))]


def _ways_zh(kind: str, value: str) -> list[list[str]]:
    """How a value may be read."""
    match kind:
        case "date":
            month, day = value.split("-")
            return [_reading(f"{month}月{day}")]
        case "weekday":
            return [
                _reading("期" + day) for day in (("日", "天") if value == "7" else ("一二三四五六"[int(value) - 1],))
            ]
        case "time":
            hour, minute = (int(part) for part in value.split(":"))
            part = next(name for until, name in _ZH_PARTS if hour < until)
            spoken = f"{part}{hour if hour <= 12 else hour - 12}点"
            exact = {0: ("",), 15: ("15", "一刻"), 30: ("30", "半"), 45: ("45", "三刻")}
            others = (f"{minute}" if minute > 9 else f"零{minute}",)
            return [_reading(spoken + said) for said in exact.get(minute, others)]
        case _:
            return [_reading(value)]


def _holds(reading: list[str], wanted: list[str]) -> bool:
    """Whether these syllables follow each other, and no numeral beside them makes another number of them."""
    size = len(wanted)
    for at in range(len(reading) - size + 1):
        if reading[at : at + size] != wanted:
            continue
        before, behind = reading[at - 1 : at] if at else [], reading[at + size : at + size + 1]
        grown = bool(before) and before[0] in _ZH_NUMERALS and wanted[0] in _ZH_NUMERALS and wanted[0] != "qi"
        if not grown and (not behind or behind[0] not in _ZH_NUMERALS | {"dian"}):
            return True
    return False


def _reading(text: str) -> list[str]:
    """The syllables, numbers spelled out: 9:05 and 九点零五 are both jiu dian ling wu."""
    spelled = _ZH_FIGURES.sub(_spelled, to_simplified(text).replace("：", ":"))
    plain = re.sub(r"\W", "", spelled).replace("事儿", "是").replace("两", "二")
    return [syllable for syllable in lazy_pinyin(plain) if syllable.isalpha()]


def _spelled(found: re.Match[str]) -> str:
    if found["hour"]:
        minute = found["minute"]
        return f"{_zh(found['hour'])}点{'' if minute == '00' else '零' * (minute[0] == '0') + _zh(minute)}"
    whole, _, tenth = found["number"].partition(".")
    zero = "零" if len(whole) > 1 and whole[0] == "0" else ""
    return zero + _zh(whole) + (f"点{_zh(tenth)}" if tenth else "")


def _zh(figures: str) -> str:
    spoken: str = an2cn(int(figures))
    return spoken[1:] if spoken.startswith("一十") else spoken


def _heard_en(transcript: str) -> Values:
    text = _figures(transcript)
    found: Values = {}
    if date := _EN_DATE.search(text):
        found["date"] = f"{_MONTHS.index(date[1]) + 1}-{int(date[2])}"
    if weekday := re.search("|".join(_WEEKDAYS), text):
        found["weekday"] = str(_WEEKDAYS.index(weekday[0]) + 1)
    if time := _EN_TIME.search(text):
        hour = int(time[1]) % 12 + (0 if time[3] in ("morning", "am") else 12)
        found["time"] = f"{hour}:{time[2] or '00'}"
    elif re.search(r"\bnoon\b", text):
        found["time"] = "12:00"
    if numbers := _EN_NUMBER.findall(text):
        found["number"] = _plain(max(numbers, key=len))
    return found


def _figures(transcript: str) -> str:
    """Lower case, numbers in figures: `Twenty-third` → 23, `one hundred and five point five` → 105.5, `8th` → 8."""
    text = re.sub(r"(\d)(?:st|nd|rd|th)\b", r"\1", transcript.lower().replace("’", "'"))
    text = re.sub(r"\b([ap])\.m\b\.?", r"\1m", text).replace("-", " ")
    words = re.findall(r"\d+(?:[.:]\d+)*|[a-z']+", text)
    made: list[str] = []
    before: int | None = None  # a spoken number that the next word may belong to
    for word, following in pairwise([*words, ""]):
        number = _EN_NUMBERS.get(word)
        if word == "hundred" and made and made[-1].isdigit():
            before = int(made.pop()) * 100
            made.append(str(before))
        elif word == "and" and before is not None and before % 100 == 0:
            continue
        elif number is None:
            made.append(word)
            before = None
        elif before is not None and (before % 100 == 0 < before or (before % 10 == 0 and 0 < number < 10)):
            made[-1] = str(int(made[-1]) + number)
            before = number if number >= 20 and following else None
        elif made and made[-1] in ("oh", "o") and number < 10:
            made[-1] = f"0{number}"
            before = None
        else:
            made.append(str(number))
            before = number if number >= 20 else None
    return re.sub(r"(\d) point (\d)", r"\1.\2", " ".join(made))


def _plain(number: str) -> str:
    return f"{Decimal(number).normalize():f}"
