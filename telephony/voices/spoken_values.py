"""How a value is said: the recorded pieces of a date, an hour, a weekday or a number in Chinese and English. Pure."""

from datetime import datetime
from decimal import Decimal, InvalidOperation

FORMS = ("date", "weekday", "time", "number", "kg")
"""How a value can be asked for in a sentence, behind the colon, and be said by pieces."""

ZH_BEFORE_POINT = range(30, 100)
"""Of these numbers a Chinese piece says the point too: what most people weigh."""

TEXT = "text"
"""As it is written: a name, a department. Only a live voice says that."""


class UnspeakableError(ValueError):
    """A value that has no pieces; the text says which and why, but never the value."""


def pieces_of(value: str, form: str, language: str) -> tuple[str, ...]:
    """Keys of the pieces that say `value` in this form; UnspeakableError where there are none."""
    if language not in ("zh", "en"):
        raise UnspeakableError(f"no pieces for the language {language}")
    match form:
        case "date":
            moment = _moment(value)
            return f"month_{moment.month}", f"day_{moment.day}"
        case "weekday":
            return (f"weekday_{_moment(value).isoweekday()}",)
        case "time":
            moment = _moment(value)
            hour, minute = moment.hour, moment.minute
            return _time_zh(hour, minute) if language == "zh" else _time_en(hour, minute)
        case "number":
            return _number(value, language)
        case "kg":
            return _kilograms(value, language)
        case _:
            raise UnspeakableError(f"no pieces for the form {form}; there are {', '.join(FORMS)}")


def _moment(value: str) -> datetime:
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        raise UnspeakableError("a moment is written like 2026-11-25T09:30") from None


def _time_zh(hour: int, minute: int) -> tuple[str, ...]:
    if not minute:
        return (f"hour_{hour}",)
    if not minute % 5:  # what appointments are made for, in one piece
        return f"hour_{hour}", f"minutes_{minute}"
    return f"hour_{hour}", *((f"oh_{minute}",) if minute < 10 else _below_hundred(minute)), "minutes"


def _time_en(hour: int, minute: int) -> tuple[str, ...]:
    if hour == 12 and not minute:
        return ("at_noon",)
    said = ("o_clock",) if not minute else (f"oh_{minute}",) if minute < 10 else _below_hundred(minute)
    part = "in_the_morning" if hour < 12 else "in_the_afternoon" if hour < 18 else "in_the_evening"
    # "two fifteen" by itself is heard as "to 15".
    return f"at_{hour % 12 or 12}", *said, "at_night" if hour >= 21 else part


def _kilograms(value: str, language: str) -> tuple[str, ...]:
    pieces = _number(value, language)
    whole, tenth = divmod(int(Decimal(value) * 10), 10)
    if language == "zh" and tenth and whole % 100 in ZH_BEFORE_POINT:
        # 六十三点 and 二公斤: the 点 is lost where a piece begins with it, and syllables by themselves are misheard.
        hundred = (f"hundred_{whole // 100}",) if whole >= 100 else ()
        return *hundred, f"before_point_{whole % 100}", f"tenth_kg_{tenth}"
    return *pieces, "kg"


def _number(value: str, language: str) -> tuple[str, ...]:
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise UnspeakableError("a number is written like 63.2") from None
    tenths = number * 10
    if not number.is_finite() or not 0 <= number < 300 or tenths != tenths.to_integral_value():
        raise UnspeakableError("numbers are said from 0 to 299.9, with one decimal place")
    whole, tenth = divmod(int(tenths), 10)
    return (*_whole(whole, language), *((f"point_{tenth}",) if tenth else ()))


def _whole(number: int, language: str) -> tuple[str, ...]:
    hundreds, rest = divmod(number, 100)
    if not hundreds:
        return _below_hundred(rest)
    if not rest:
        return (f"hundred_{hundreds}",)
    if language == "zh" and rest < 20:
        # 一百零五, 一百一十五: behind a hundred the ten is counted, and its place is not left out.
        return f"hundred_{hundreds}", f"oh_{rest}" if rest < 10 else f"teen_{rest}"
    return f"hundred_{hundreds}", *_below_hundred(rest)


def _below_hundred(number: int) -> tuple[str, ...]:
    if number < 20 or not number % 10:
        return (f"number_{number}",)
    return f"number_{number // 10 * 10}", f"number_{number % 10}"
