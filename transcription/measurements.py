"""Values a patient reads out, found in a turn's text: temperature, blood pressure, glucose, oxygen, heart rate."""

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
}
"""What a living patient can have; anything else was another number or was misheard."""

_NUMBER = r"(\d{1,3}(?:\.\d{1,2})?)(?!\d)"
_NEAR = r"[^\d。！？.!?]{0,12}?"
_Patterns = tuple[tuple[re.Pattern[str], tuple[Quantity, ...]], ...]

_PRESSURE = (Quantity.SYSTOLIC, Quantity.DIASTOLIC)
_CHINESE: _Patterns = (
    (re.compile(rf"(?:体温|发烧|烧到|温度|高烧){_NEAR}{_NUMBER}"), (Quantity.TEMPERATURE,)),
    (re.compile(rf"{_NUMBER}(?:(?:摄氏)?度|℃)"), (Quantity.TEMPERATURE,)),
    (re.compile(rf"(?:高压|收缩压){_NEAR}{_NUMBER}"), (Quantity.SYSTOLIC,)),
    (re.compile(rf"(?:低压|舒张压){_NEAR}{_NUMBER}"), (Quantity.DIASTOLIC,)),
    (re.compile(rf"血压{_NEAR}{_NUMBER}[^\d。！？!?]{{1,4}}{_NUMBER}"), _PRESSURE),
    (re.compile(rf"(?<![\d./]){_NUMBER}/{_NUMBER}(?!/)"), _PRESSURE),
    (re.compile(rf"血压{_NEAR}{_NUMBER}"), (Quantity.SYSTOLIC,)),
    (re.compile(rf"血糖{_NEAR}{_NUMBER}"), (Quantity.GLUCOSE,)),
    (re.compile(rf"(?:血氧|氧饱和度){_NEAR}{_NUMBER}"), (Quantity.OXYGEN_SATURATION,)),
    (re.compile(rf"(?:心率|心跳|脉搏){_NEAR}{_NUMBER}"), (Quantity.HEART_RATE,)),
)
_NEAR_EN = r"[^\d.!?]{0,24}?"
_ENGLISH: _Patterns = (
    (re.compile(rf"\b(?:temperature|fever)\b{_NEAR_EN}{_NUMBER}"), (Quantity.TEMPERATURE,)),
    (re.compile(rf"\b{_NUMBER}\s*(?:degrees|°)"), (Quantity.TEMPERATURE,)),
    (re.compile(rf"\bpressure\b{_NEAR_EN}{_NUMBER}\s*(?:over|/|by)\s*{_NUMBER}"), _PRESSURE),
    (re.compile(rf"\b{_NUMBER}\s*(?:over|/)\s*{_NUMBER}"), _PRESSURE),
    (re.compile(rf"\bpressure\b{_NEAR_EN}{_NUMBER}"), (Quantity.SYSTOLIC,)),
    (re.compile(rf"\b(?:glucose|sugar)\b{_NEAR_EN}{_NUMBER}"), (Quantity.GLUCOSE,)),
    (re.compile(rf"\b(?:oxygen|saturation|sats)\b{_NEAR_EN}{_NUMBER}"), (Quantity.OXYGEN_SATURATION,)),
    (re.compile(rf"\b(?:heart rate|pulse)\b{_NEAR_EN}{_NUMBER}"), (Quantity.HEART_RATE,)),
)


def measurements_in(text: str, language: str) -> list[Measurement]:
    """Every value in a text, in its order; each of its numbers is used once, by the most telling words before it."""
    found: dict[int, Measurement] = {}
    for pattern, quantities in _CHINESE if language == "zh" else _ENGLISH:
        for match in pattern.finditer(text.lower()):
            values = [
                (quantity, _in_our_unit(quantity, float(match.group(group))), match.start(group), match.end(group))
                for group, quantity in enumerate(quantities, start=1)
            ]
            if any(start in found for _, _, start, _ in values):
                continue
            if all(_RANGES[quantity][0] <= value <= _RANGES[quantity][1] for quantity, value, _, _ in values):
                found |= {
                    start: Measurement(quantity=quantity, value=value, start=start, end=end)
                    for quantity, value, start, end in values
                }
    return [found[start] for start in sorted(found)]


def _in_our_unit(quantity: Quantity, value: float) -> float:
    """Fahrenheit and mg/dL, recognized by values that no patient has in our units."""
    if quantity is Quantity.TEMPERATURE and 93 <= value <= 110:
        return round((value - 32) / 1.8, 1)
    if quantity is Quantity.GLUCOSE and value > _RANGES[quantity][1]:
        return round(value / 18.0, 1)
    return value
