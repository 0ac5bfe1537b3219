"""Values a patient reads out, found in a turn's text as it is written: pressure, glucose, weight and the like."""

import re
from dataclasses import dataclass
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
    """A value and where in the text it stands."""

    quantity: Quantity
    value: float
    start: int
    end: int


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
_KILOGRAMS = r"\s*(?:公斤|千克|kg)"
_CHINESE: _Patterns = (
    (re.compile(rf"(?:体温|发烧|烧到|温度|高烧){_NEAR}{_NUMBER}"), (Quantity.TEMPERATURE,)),
    (re.compile(rf"{_NUMBER}\s*(?:摄氏)?(?:度|℃|°c)"), (Quantity.TEMPERATURE,)),
    (re.compile(rf"(?:高压|收缩压|上压){_NEAR}{_NUMBER}"), (Quantity.SYSTOLIC,)),
    (re.compile(rf"(?:低压|舒张压|下压){_NEAR}{_NUMBER}"), (Quantity.DIASTOLIC,)),
    (re.compile(rf"血压{_NEAR}{_NUMBER}[^\d。！？!?]{{1,4}}{_NUMBER}"), _PRESSURE),
    (re.compile(rf"{_NUMBER}\s*/\s*{_NUMBER}"), _PRESSURE),
    (re.compile(rf"(?<![\d./]){_NUMBER}/{_NUMBER}(?!/)"), _PRESSURE),
    (re.compile(rf"量{_NEAR}{_NUMBER}\s*[，,、]\s*{_NUMBER}"), _PRESSURE),
    (re.compile(rf"血压{_NEAR}{_NUMBER}"), (Quantity.SYSTOLIC,)),
    (re.compile(rf"(?:糖化血红蛋白|糖化){_NEAR}{_NUMBER}"), (Quantity.HBA1C,)),
    (re.compile(rf"(?:血糖|空腹|饭后|餐后){_NEAR}{_NUMBER}(?!片|粒|次|个|天|点|小时|分钟|\s*mg)"), (Quantity.GLUCOSE,)),
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
    r"(?:控制|目标|正常|标准|应该|最好|不要超过|不能超过|别超过|不超过)[^\d。！？，,]{0,8}$"
    r"|\b(?:should be|should stay|ought to be|target|goal|normal|no more than|not over|keep it)\b[^\d.!?,]{0,16}$"
)
_IN_POUNDS = re.compile(r"^\s*(?:pounds?|lbs?)\b")


def measurements_in(text: str, language: str) -> list[Measurement]:
    """Every value in a text, in its order; each of its numbers is used once, by the most telling words before it.

    An aim or a usual value ("should be below 140") was not measured; "below 90" alone was.
    """
    lower = text.lower()
    found: dict[int, Measurement] = {}
    for pattern, quantities in _CHINESE if language == "zh" else _ENGLISH:
        for match in pattern.finditer(lower):
            values = [
                (
                    quantity,
                    in_our_unit(quantity, float(match.group(group)), lower[match.end(group) :]),
                    match.start(group),
                    match.end(group),
                )
                for group, quantity in enumerate(quantities, start=1)
            ]
            if any(start in found or is_aim(lower, start) for _, _, start, _ in values):
                continue
            if quantities is _PRESSURE and values[0][1] <= values[1][1]:
                continue
            if all(_RANGES[quantity][0] <= value <= _RANGES[quantity][1] for quantity, value, _, _ in values):
                found |= {
                    start: Measurement(quantity=quantity, value=value, start=start, end=end)
                    for quantity, value, start, end in values
                }
    return [found[start] for start in sorted(found)]


def is_aim(text: str, position: int) -> bool:
    """Whether the number that begins there in a lower-case text is said to be a limit, not a finding."""
    return _AIM.search(text[:position]) is not None


def in_our_unit(quantity: Quantity, value: float, after: str) -> float:
    """A value in our unit, by the unit said after it or because no patient has it in ours: Fahrenheit and mg/dL."""
    if quantity is Quantity.TEMPERATURE and 93 <= value <= 110:
        return round((value - 32) / 1.8, 1)
    if quantity is Quantity.GLUCOSE and value > _RANGES[quantity][1]:
        return round(value / 18.0, 1)
    if quantity is Quantity.WEIGHT:
        if after.startswith("斤"):
            return round(value / 2, 2)
        if _IN_POUNDS.match(after):
            return round(value / _POUNDS_PER_KILOGRAM, 1)
    return value
