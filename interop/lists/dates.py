"""Dates and hours as lists write them: text of many forms, a spreadsheet's serial number; never a guess."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

_SERIAL_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001 a spreadsheet's day has no zone
_SERIALS = (3654, 73051)  # 1910 to 2099
_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?: (\d{2}):(\d{2})(?::(\d{2}))?)?")
_DATE = re.compile(r"(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})(?P<rest>\D.*)?")
_MONTH_FIRST = re.compile(r"(?P<a>\d{1,2})-(?P<b>\d{1,2})-(?P<y>\d{4})(?P<rest>\D.*)?")
_COMPACT = re.compile(r"(?P<y>(?:19|20)\d{2})(?P<m>\d{2})(?P<d>\d{2})(?P<rest>[\sT]?\d{4}(?:\d{2})?|\s.*)?")
_NAMED = ("%d %b %Y", "%d %B %Y", "%b %d %Y", "%B %d %Y", "%d-%b-%Y", "%d-%B-%Y")
_TIME = re.compile(r"(?P<h>\d{1,2})(?::(?P<m>\d{1,2}))?(?::(?P<s>\d{1,2})(?:\.\d+)?)?")
_HALF_DAYS = ((r"上午|早上|凌晨|\ba\.?m\.?\b", 0), (r"下午|晚上|傍晚|\bp\.?m\.?\b", 12), (r"中午", 12))


class DateRefusedError(ValueError):
    """A text that is no date, or could be two; `code`: unknown_form, ambiguous, no_such_day or no_such_time."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenDate:
    """A day, and the hour if one was written."""

    day: date
    hour: time | None = None


def read_date(text: str) -> WrittenDate:
    """The day and hour in a cell."""
    if match := _ISO.fullmatch(text):
        year, month, day, hour, minute, second = match.groups()
        return WrittenDate(
            day=_day(int(year), int(month), int(day)),
            hour=_clock(int(hour), int(minute), int(second or 0)) if hour else None,
        )
    written = _tidy(text)
    if re.fullmatch(r"\d{4,5}(\.\d+)?", written) and _SERIALS[0] <= float(written) < _SERIALS[1]:
        return _of_serial(float(written))
    if match := _DATE.fullmatch(written):
        return _made(match["y"], match["m"], match["d"], match["rest"])
    if match := _COMPACT.fullmatch(written):
        rest = (match["rest"] or "").strip("T ")
        if re.fullmatch(r"\d{4}(\d{2})?", rest):
            rest = ":".join(re.findall(r"\d\d", rest))
        return _made(match["y"], match["m"], match["d"], rest)
    if match := _MONTH_FIRST.fullmatch(written):
        return _either_order(match)
    return _named(written)


def read_time(text: str) -> time:
    """The hour in a cell; of a span (08:00-08:30) its beginning."""
    written = _tidy(text).strip("T ")
    if re.fullmatch(r"0?\.\d+", written):
        return _of_serial(_SERIALS[0] + float(written)).hour or time()
    afternoon: int | None = None
    for words, hours in _HALF_DAYS:
        written, found = re.subn(words, " ", written, flags=re.IGNORECASE)
        if found:
            afternoon = hours
    written = re.split(r"\s*(?:-|~|至|到|\bto\b)\s*", written.strip())[0]
    match = _TIME.fullmatch(written)
    # A bare figure is an hour only where a word says which half of the day it belongs to.
    if match is None or (match["m"] is None and afternoon is None):
        raise DateRefusedError("no_such_time")
    hour = int(match["h"])
    if afternoon == 12 and hour < 12:
        hour += 12
    elif afternoon == 0 and hour == 12:
        hour = 0
    return _clock(hour, int(match["m"] or 0), int(match["s"] or 0))


def _day(year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise DateRefusedError("no_such_day") from None


def _clock(hour: int, minute: int, second: int) -> time:
    try:
        return time(hour, minute, second)
    except ValueError:
        raise DateRefusedError("no_such_time") from None


def _tidy(text: str) -> str:
    written = unicodedata.normalize("NFKC", text).strip().removeprefix("'")
    written = re.sub(r"[(\[]?(?:星期|周)[一二三四五六日天][)\]]?", " ", written)
    written = re.sub(r"\s*[年月]\s*", "-", written)
    written = re.sub(r"[日号]\s*", " ", written)
    written = re.sub(r"[时点](?=\s*\d)", ":", written)
    written = re.sub(r"[时点]", ":00", written)
    written = re.sub(r"分(?=\s*\d)", ":", written)
    written = re.sub(r"[分秒]|(?<=\d)Z$", "", written)
    written = re.sub(
        r"(?<=\d)\s*[/.]\s*(?=\d{1,4}\s*[-/.])|(?<=[-/.]\d)[/.](?=\d)|(?<=[-/.]\d\d)[/.](?=\d)", "-", written
    )
    return re.sub(r"\s+", " ", written).strip()


def _made(year: str, month: str, day: str, rest: str | None) -> WrittenDate:
    found = _day(int(year), int(month), int(day))
    rest = (rest or "").strip(" T")
    return WrittenDate(day=found, hour=read_time(rest) if rest else None)


def _either_order(match: re.Match[str]) -> WrittenDate:
    first, second = int(match["a"]), int(match["b"])
    if first <= 12 and second <= 12 and first != second:
        raise DateRefusedError("ambiguous")
    month, day = (match["b"], match["a"]) if first > 12 else (match["a"], match["b"])
    return _made(match["y"], month, day, match["rest"])


def _named(written: str) -> WrittenDate:
    plain = written.replace(",", "")
    day_words = " ".join(plain.split(" ")[:3]) if "-" not in plain else plain.split(" ")[0]
    for form in _NAMED:
        try:
            day = datetime.strptime(day_words, form).date()  # noqa: DTZ007 a day has no zone
        except ValueError:
            continue
        rest = plain.removeprefix(day_words).strip()
        return WrittenDate(day=day, hour=read_time(rest) if rest else None)
    raise DateRefusedError("unknown_form")


def _of_serial(serial: float) -> WrittenDate:
    moment = _SERIAL_ZERO + timedelta(seconds=round(serial * 86_400))
    return WrittenDate(day=moment.date(), hour=moment.time() if serial % 1 else None)
