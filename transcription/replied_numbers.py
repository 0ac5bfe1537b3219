"""Numbers in a reply: figures and small numerals, with their units, and as the measurement that was asked for."""

import re

from cn2an import cn2an

from transcription.measurements import Quantity, in_our_unit, is_aim, is_exact
from transcription.question_phrases import Question

_NUMERAL = {
    "zh": re.compile(r"(?<![\d.])\d+(?:\.\d+)?(?!\d|\.\d)|[零一二两三四五六七八九十百]+"),
    "en": re.compile(
        r"(?<![\d.])\d+(?:\.\d+)?(?!\d|\.\d)|\b(?:zero|one|two|three|four|five|six|seven|eight|nine|ten|once|twice)\b"
    ),
}
_ENGLISH_UP_TO_TEN = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_ENGLISH = {word: number for number, word in enumerate(_ENGLISH_UP_TO_TEN)} | {"once": 1, "twice": 2}
_ABOUT = re.compile("一[两二]|[二两]三|三四|四五|五六|六七|七八|八九")
_NOT_A_NUMBER = re.compile(
    r"一(?:直|般|定|样|下|点|些|次都|天都|起|共|边)|万一|第[零一二两三四五六七八九十百\d]+|(?:周|星期|礼拜)[一二三四五六]"
)


_OTHERWISE = re.compile(
    r"\s*(?:号|点(?!\d)|月|岁|床|楼|层|年|块钱?|周|个?(?:星期|礼拜|月)|个?小时|分钟|(?:weeks?|months?|years?|hours?|minutes?)\b|:\d|：\d|o'clock|[ap]\.?m\b|st\b|nd\b|rd\b|th\b)"
)
"""When it was or where: no count."""
_UNIT_OF_WEIGHT = re.compile(r"(公斤|千克|kg|kilo)|(斤|pound|lb)")


def as_measured(value: float, quantity: Quantity | None, *, reply: str, asked: str) -> float | None:
    """A bare number as the measurement that was asked for; a weight without any unit may be pounds or 斤: None."""
    if quantity is None:
        return value
    unit = ""
    if quantity is Quantity.WEIGHT:
        said = _UNIT_OF_WEIGHT.search(reply) or _UNIT_OF_WEIGHT.search(asked)
        if said is None:
            return None
        unit = (said.group(2) or "").replace("lb", "lbs").replace("pound", "pounds")
    return in_our_unit(quantity, value, unit)


def numbers_in(text: str, question: Question, language: str) -> list[float]:
    """The numbers of a reply that carry one of the units, or all if there are no units or none carries one."""
    if _ABOUT.search(text) and language == "zh":
        return [float("nan"), float("nan")]
    plain = _NOT_A_NUMBER.sub(lambda match: "　" * len(match.group()), text) if language == "zh" else text
    matches = [match for match in _NUMERAL[language].finditer(plain) if not is_aim(plain, match.start())]
    units = (question.count.zh if language == "zh" else question.count.en) if question.count is not None else ()
    matches = [
        match
        for match in matches
        if not _OTHERWISE.match(plain, match.end()) or (units and plain[match.end() :].lstrip().startswith(units))
    ]
    if question.count is not None:
        counted = [match for match in matches if plain[match.end() :].lstrip().startswith(units)] if units else []
        matches = counted or matches
    if any(not is_exact(plain, *match.span()) for match in matches):
        return [float("nan"), float("nan")]  # 不到七, "more than three": a number, but not the answer
    return list(dict.fromkeys(_read(match.group(), language) for match in matches))


def _read(numeral: str, language: str) -> float:
    if numeral[0].isdigit():
        return float(numeral)
    return float(_ENGLISH[numeral]) if language == "en" else float(cn2an(numeral.replace("两", "二"), "smart"))
