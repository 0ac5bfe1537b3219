"""Measured values as a note words them, with their units."""

from transcription.measurements import Measurement, Quantity
from transcription.weight_gain import Gain


def value_in_words(measured: Measurement, text: str, language: str) -> str:
    """A value with its name and unit, and with what is said of the moment (fasting, after a meal)."""
    place = 0 if language == "zh" else 1
    name, unit = _QUANTITIES[measured.quantity][place], _UNITS[measured.quantity]
    if measured.quantity is Quantity.GLUCOSE:
        moment = moment_of_glucose(text[: measured.start], language)
        name = _MOMENTS[moment][place] if moment else name
    return f"{name} {measured.value:g} {unit}".strip()


def gain_in_words(gain: Gain, language: str) -> str:
    """A gain of weight, and within how many days where it was said."""
    if language == "zh":
        return f"体重增加 {gain.kilograms:g} kg" + (f"({gain.days}天内)" if gain.days else "")
    return f"weight gain {gain.kilograms:g} kg" + (f" within {gain.days} d" if gain.days else "")


def moment_of_glucose(before: str, language: str) -> str | None:
    """Whether the glucose that follows these words was measured fasting or after a meal; the last word counts."""
    found = {code: max((before.rfind(word) for word in words), default=-1) for code, words in _MEALS[language].items()}
    code, place = max(found.items(), key=lambda pair: pair[1])
    return code if place >= 0 else None


_MEALS = {
    "zh": {"fasting": ("空腹", "早上没吃"), "after_meal": ("饭后", "餐后", "吃完饭")},
    "en": {
        "fasting": ("fasting", "before breakfast"),
        "after_meal": ("after meal", "after a meal", "after lunch", "after eating", "after dinner"),
    },
}
_MOMENTS = {"fasting": ("空腹血糖", "fasting glucose"), "after_meal": ("餐后血糖", "glucose after a meal")}
_QUANTITIES = {
    Quantity.TEMPERATURE: ("体温", "temperature"),
    Quantity.SYSTOLIC: ("收缩压", "systolic pressure"),
    Quantity.DIASTOLIC: ("舒张压", "diastolic pressure"),
    Quantity.GLUCOSE: ("血糖", "glucose"),
    Quantity.OXYGEN_SATURATION: ("血氧饱和度", "oxygen saturation"),
    Quantity.HEART_RATE: ("心率", "heart rate"),
    Quantity.WEIGHT: ("体重", "weight"),
    Quantity.INR: ("INR", "INR"),
    Quantity.HBA1C: ("糖化血红蛋白", "HbA1c"),
    Quantity.PAIN: ("疼痛评分", "pain score"),
}
_UNITS = {
    Quantity.TEMPERATURE: "°C",
    Quantity.SYSTOLIC: "mmHg",
    Quantity.DIASTOLIC: "mmHg",
    Quantity.GLUCOSE: "mmol/L",
    Quantity.OXYGEN_SATURATION: "%",
    Quantity.HEART_RATE: "/min",
    Quantity.WEIGHT: "kg",
    Quantity.INR: "",
    Quantity.HBA1C: "%",
    Quantity.PAIN: "/10",
}
