"""Values a patient reads out, found in a turn's text as it is written: pressure, glucose, weight and the like."""

import re
from dataclasses import dataclass, replace
from enum import StrEnum


class Quantity(StrEnum):
    """What was measured, and in which unit we keep it."""

    TEMPERATURE = "temperature"  # °C
    SYSTOLIC = "systolic"  # mmHg
    DIASTOLIC = "diastolic"  # mmHg
    GLUCOSE = "glucose"  # mmol/L
    OXYGEN_SATURATION = "oxygen_saturation"  # %
    HEART_RATE = "heart_rate"  # per minute
    WEIGHT = "weight"  # kg
    INR = "inr"
    HBA1C = "hba1c"  # %
    PAIN = "pain"  # 0 to 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """A value and where in the text it stands; not exact is "over 180", "140 or 150", "not 160": nothing to enter."""

    quantity: Quantity
    value: float
    start: int
    end: int
    exact: bool = True


_RANGES = {
    Quantity.TEMPERATURE: (34.0, 43.0),
    Quantity.SYSTOLIC: (60.0, 260.0),
    Quantity.DIASTOLIC: (30.0, 160.0),
    Quantity.GLUCOSE: (1.0, 40.0),
    Quantity.OXYGEN_SATURATION: (50.0, 100.0),
    Quantity.HEART_RATE: (25.0, 220.0),
    Quantity.WEIGHT: (20.0, 250.0),
    Quantity.INR: (0.5, 15.0),
    Quantity.HBA1C: (3.0, 20.0),
    Quantity.PAIN: (0.0, 10.0),
}
"""What a living patient can have; anything else was another number or was misheard."""

_NUMBER = r"(?<![\d.])(\d{1,3}(?:\.\d{1,2})?)(?!\d|\.\d)"
_NEAR = r"[^\d。！？.!?]{0,12}?"
_Patterns = tuple[tuple[re.Pattern[str], tuple[Quantity, ...]], ...]

_PRESSURE = (Quantity.SYSTOLIC, Quantity.DIASTOLIC)
_POUNDS_PER_KILOGRAM = 2.20462
_PAIRED = r"(?:\s*(?:[/,，、\-~]|到|至|比|杠|和|跟|的)\s*|\s+|[,，、]?(?:低压|舒张压|下压)[是有]?)"
"""Between the numbers of one pressure; 从180降到140 and 不是160,是140 are two pressures."""
_KILOGRAMS = r"\s*(?:公斤|千克|kg)"
_CHINESE: _Patterns = (
    (re.compile(rf"(?:体温|发烧|烧到|温度|高烧){_NEAR}{_NUMBER}"), (Quantity.TEMPERATURE,)),
    (re.compile(rf"{_NUMBER}\s*(?:摄氏)?(?:度|℃|°c)"), (Quantity.TEMPERATURE,)),
    (re.compile(rf"(?:高压|收缩压|上压){_NEAR}{_NUMBER}"), (Quantity.SYSTOLIC,)),
    (re.compile(rf"(?:低压|舒张压|下压){_NEAR}{_NUMBER}"), (Quantity.DIASTOLIC,)),
    (re.compile(rf"(?<!不是)(?<!从)血压{_NEAR}(?<!不是)(?<!从){_NUMBER}{_PAIRED}{_NUMBER}"), _PRESSURE),
    (re.compile(rf"{_NUMBER}\s*/\s*{_NUMBER}"), _PRESSURE),
    (re.compile(rf"(?<![\d./]){_NUMBER}/{_NUMBER}(?!/)"), _PRESSURE),
    (re.compile(rf"量{_NEAR}{_NUMBER}\s*[，,、]\s*{_NUMBER}"), _PRESSURE),
    (re.compile(rf"血压{_NEAR}{_NUMBER}"), (Quantity.SYSTOLIC,)),
    (re.compile(rf"(?:糖化血红蛋白|糖化){_NEAR}{_NUMBER}"), (Quantity.HBA1C,)),
    (re.compile(rf"(?:血糖|空腹|饭后|餐后){_NEAR}{_NUMBER}(?!片|粒|次|个|天|点|小时|分钟)"), (Quantity.GLUCOSE,)),
    (re.compile(rf"(?:血氧|氧饱和度){_NEAR}{_NUMBER}"), (Quantity.OXYGEN_SATURATION,)),
    (re.compile(rf"(?:心率|心跳|脉搏){_NEAR}{_NUMBER}"), (Quantity.HEART_RATE,)),
    (re.compile(rf"(?:体重|称了?|重)(?![涨长增]|了|多){_NEAR}{_NUMBER}(?:{_KILOGRAMS}|斤)"), (Quantity.WEIGHT,)),
    (re.compile(rf"体重(?![^\d]{{0,6}}[涨长增]){_NEAR}{_NUMBER}(?!\s*(?:次|天|个|点|片|米|厘米))"), (Quantity.WEIGHT,)),
    (re.compile(rf"(?:inr|国际标准化比值){_NEAR}{_NUMBER}"), (Quantity.INR,)),
    (re.compile(rf"(?:疼|痛){_NEAR}{_NUMBER}\s*分(?!钟)"), (Quantity.PAIN,)),
)
_NEAR_EN = r"[^\d.!?]{0,24}?"
_POUNDS = r"\s*(?:kilograms?|kilos?|kg|pounds?|lbs?)\b"
_ENGLISH: _Patterns = (
    (re.compile(rf"\b(?:temperature|fever)\b{_NEAR_EN}{_NUMBER}"), (Quantity.TEMPERATURE,)),
    (re.compile(rf"{_NUMBER}\s*(?:degrees|°|℃)"), (Quantity.TEMPERATURE,)),
    (re.compile(rf"\bpressure\b{_NEAR_EN}{_NUMBER}\s*(?:over|/|by)\s*{_NUMBER}"), _PRESSURE),
    (re.compile(rf"{_NUMBER}\s*(?:over|/)\s*{_NUMBER}"), _PRESSURE),
    (re.compile(rf"\b(?:hba1c|a1c|hemoglobin a1c)\b{_NEAR_EN}{_NUMBER}"), (Quantity.HBA1C,)),
    (re.compile(rf"\b(?:upper|top|systolic)\b{_NEAR_EN}{_NUMBER}"), (Quantity.SYSTOLIC,)),
    (re.compile(rf"\b(?:lower|bottom|diastolic)\b{_NEAR_EN}{_NUMBER}"), (Quantity.DIASTOLIC,)),
    (re.compile(rf"\bpressure\b{_NEAR_EN}{_NUMBER}"), (Quantity.SYSTOLIC,)),
    (re.compile(rf"\b(?:glucose|sugar)\b{_NEAR_EN}{_NUMBER}"), (Quantity.GLUCOSE,)),
    (re.compile(rf"\b(?:oxygen|saturation|sats)\b{_NEAR_EN}{_NUMBER}"), (Quantity.OXYGEN_SATURATION,)),
    (re.compile(rf"\b(?:heart rate|pulse)\b{_NEAR_EN}{_NUMBER}"), (Quantity.HEART_RATE,)),
    (re.compile(rf"\b(?:weigh|weight|weighed|scale)\b{_NEAR_EN}{_NUMBER}(?:{_POUNDS})?"), (Quantity.WEIGHT,)),
    (re.compile(rf"\binr\b{_NEAR_EN}{_NUMBER}"), (Quantity.INR,)),
    (re.compile(rf"\bpain\b{_NEAR_EN}{_NUMBER}\s*(?:out of|/)\s*10\b"), (Quantity.PAIN,)),
    (re.compile(rf"{_NUMBER}\s*out of\s*10\b"), (Quantity.PAIN,)),
    # A bare number that hardly is anything but a temperature: "I had 38.9 this morning".
    (
        re.compile(
            r"\b(?:had|have|was|got|it's|is|at)\s+((?:3[6-9]|4[0-2])\.\d)(?![\d%]|\s*(?:k|pound|lb|percent|mm))"
        ),
        (Quantity.TEMPERATURE,),
    ),
)

_AIM = re.compile(
    r"(?:控制|目标|正常|标准(?!化)|应该|最好|不要超过|不能超过|别超过|不超过|[要得需](?:低于|高于|小于|在))[^\d。！？，,]{0,8}$"
    r"|\b(?:should be|should stay|ought to be|target|goal|normal|no more than|not over|keep it)\b[^\d.!?,]{0,16}$"
)
_BOUND = re.compile(
    r"(?:超过|没超|不超|高于|大于|低于|小于|少于|不到|没到|没有到|没有?|达到|到不了|不是|从|以前|原来|上次)[了过是]?\s*$"
    r"|(?:\d\s*(?:到|至|和|还是|或者?|、|-|~))\s*$"
    r"|\b(?:over|under|above|below|more than|less than|at least|at most|up to|not|wasn't|isn't|from|between|or|to|than)"
    r"\s+$"
)
"""What before a number makes it a limit, one of two, or what it was not."""
_NOT_EXACT = re.compile(
    r"^\s*(?:[多几来]|以上|以下|以内|(?:到|至|还是|或者?|、|-|~)\s*\d|降到|升到|(?:something|plus)\b|(?:to|or)\s+\d)"
)
_OTHER_UNIT = re.compile(
    r"^(?::\d|\s*(?:片|粒|颗|丸|支|天|周|个|年|岁|号|点钟?|楼|床|小时|分钟|秒|毫克|毫升|mg(?!\s*/|每)|ml\b|mcg|μg|g\b|iu\b"
    r"|-?(?:days?|weeks?|months?|years?|hours?|minutes?|seconds?|tablets?|pills?|capsules?|units?|steps|times|meters|feet"
    r"|milligrams?(?! per)|a\.?m\b|p\.?m\b|o'clock)))"
)
"""Of these a number is when it was, how long or how much of a medicine: 血压药吃了100毫克 is no pressure."""
_ANOTHER = re.compile(r"^\s*(?:[,，、/和]|over)\s*(\d{2,3})(?![\d.])")
_MILLIGRAMS = re.compile(r"^\s*(?:(?:mg|毫克)\s*(?:/|每)\s*(?:dl|分升)|milligrams? per deci)")
_OTHER_DEGREES = re.compile(
    r"(?:弯|屈|伸|抬|膝|关节|角度|床头|外面|室外|室温|气温|天气|空调|水温|热水|地方)[^。！？]{0,10}$"
    r"|\b(?:bend|bends|bent|flex\w*|knee|elbow|joint|raise|lift|angle|outside|weather|room|water|oven)\b[^.!?]{0,24}$"
)
_DOUBTFUL_GLUCOSE = (25.0, 40.0)
"""Few patients have so much in mmol/L; in mg/dL it is a dangerous lack: nobody knows without the unit."""
_IN_POUNDS = re.compile(r"^\s*(?:pounds?|lbs?)\b")


def measurements_in(text: str, language: str) -> list[Measurement]:
    """Every value in a text, in its order; each of its numbers is used once, by the most telling words before it.

    An aim or a usual value ("should be below 140") was not measured; "below 90" alone was.
    """
    lower = text.lower()
    found: dict[int, Measurement] = {}
    for pattern, quantities in _CHINESE if language == "zh" else _ENGLISH:
        for match in pattern.finditer(lower):
            values = [_measurement(quantity, match, group, lower) for group, quantity in enumerate(quantities, start=1)]
            if any(each.start in found or _is_other(each, lower) for each in values):
                continue
            if quantities is _PRESSURE:
                if values[0].value <= values[1].value:
                    continue
                # The pair stands or falls together; its own "to" or "over" is no limit.
                exact = values[0].exact or not _BOUND.search(lower[: values[0].start])
                exact = exact and not _NOT_EXACT.match(lower[values[1].end :])
                values = [replace(each, exact=exact) for each in values]
            if all(_RANGES[each.quantity][0] <= each.value <= _RANGES[each.quantity][1] for each in values):
                found |= {each.start: each for each in values}
    return [found[start] for start in sorted(found)]


def _measurement(quantity: Quantity, match: re.Match[str], group: int, text: str) -> Measurement:
    start, end = match.span(group)
    said, after = float(match.group(group)), text[end:]
    exact = is_exact(text, start, end)
    if quantity is Quantity.GLUCOSE and not _MILLIGRAMS.match(after):
        low, high = _DOUBTFUL_GLUCOSE
        exact = exact and not (low <= said <= high and not re.match(r"\s*(?:mmol|毫摩尔)", after))
    if quantity is Quantity.SYSTOLIC and (other := _ANOTHER.match(after)):
        exact = exact and float(other.group(1)) < said  # 85，130 was told the wrong way round, or is no pressure
    if quantity is Quantity.WEIGHT and not re.match(r"\s*(?:公斤|千克|斤|kg|kilo|pound|lb)", after):
        exact = False  # 斤 or pounds as often as kilograms
    value = in_our_unit(quantity, said, after)
    return Measurement(quantity=quantity, value=value, start=start, end=end, exact=exact)


def _is_other(measured: Measurement, text: str) -> bool:
    """Whether the number is an aim, a time, an amount, or degrees of something else."""
    before, after = text[: measured.start], text[measured.end :]
    if is_aim(text, measured.start):
        return True
    if measured.quantity is Quantity.GLUCOSE and _MILLIGRAMS.match(after):
        return False
    if measured.quantity is Quantity.TEMPERATURE and _OTHER_DEGREES.search(before):
        return re.search(r"体温|发烧|烧|fever|temperature", before) is None
    return _OTHER_UNIT.match(after) is not None


def is_exact(text: str, start: int, end: int) -> bool:
    """Whether the number there in a lower-case text is told as the value: not as a limit, a range or a mistake."""
    return not _BOUND.search(text[:start]) and not _NOT_EXACT.match(text[end:])


def is_aim(text: str, position: int) -> bool:
    """Whether the number that begins there in a lower-case text is said to be a limit, not a finding."""
    return _AIM.search(text[:position]) is not None


def in_our_unit(quantity: Quantity, value: float, after: str) -> float:
    """A value in our unit, by the unit said after it or because no patient has it in ours: Fahrenheit and mg/dL."""
    if quantity is Quantity.TEMPERATURE and 93 <= value <= 110:
        return round((value - 32) / 1.8, 1)
    if quantity is Quantity.GLUCOSE and (value > _RANGES[quantity][1] or _MILLIGRAMS.match(after)):
        return round(value / 18.0, 1)
    if quantity is Quantity.WEIGHT:
        if after.startswith("斤"):
            return round(value / 2, 2)
        if _IN_POUNDS.match(after):
            return round(value / _POUNDS_PER_KILOGRAM, 1)
    return value
