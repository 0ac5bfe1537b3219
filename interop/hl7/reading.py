"""A message as segments and fields: python-hl7 splits it, and what is not there is an empty text, never an error."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

import hl7

_TIME = re.compile(
    r"(?P<year>\d{4})(?P<month>\d{2})?(?P<day>\d{2})?"
    r"(?:(?P<hour>\d{2})(?P<minute>\d{2})?(?P<second>\d{2})?(?:\.\d{1,6})?)?(?P<zone>[+-]\d{4})?"
)
_PLACE = re.compile(r"(?P<segment>[A-Z][A-Z0-9]{2})-(?P<field>\d{1,3})(?:\.(?P<component>\d{1,2}))?")
_NOTHING = '""'
"""How HL7 writes that a value is to be deleted."""


class UnreadableError(ValueError):
    """The structure of a message is no HL7; the sentence says where."""


class BadTimeError(ValueError):
    """A time that is none. It does not repeat what stands there, which may be anything that slipped into the field."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment: its name and its fields, each a list of repetitions, each a list of components."""

    name: str
    fields: tuple[tuple[tuple[str, ...], ...], ...]

    def text(self, field: int, component: int = 1, *, repetition: int = 1) -> str:
        """One component; empty where there is none."""
        repetitions = self.repetitions(field)
        if len(repetitions) < repetition:
            return ""
        parts = repetitions[repetition - 1]
        return parts[component - 1] if len(parts) >= component else ""

    def repetitions(self, field: int) -> Sequence[tuple[str, ...]]:
        """A field's repetitions, each a list of components."""
        return self.fields[field] if field < len(self.fields) else ()

    def values(self, field: int, component: int = 1) -> Iterator[str]:
        """One component of every repetition that has it."""
        for parts in self.repetitions(field):
            if len(parts) >= component and parts[component - 1]:
                yield parts[component - 1]


@dataclass(frozen=True, slots=True)
class Hl7Message:
    """The segments of a message in their order, Z-segments among them."""

    segments: tuple[Segment, ...]

    def first(self, name: str) -> Segment:
        """The first segment of a name; an empty one where there is none."""
        return next((segment for segment in self.segments if segment.name == name), Segment(name, ()))

    def all(self, name: str) -> Iterator[Segment]:
        """Every segment of a name."""
        return (segment for segment in self.segments if segment.name == name)

    def has(self, name: str) -> bool:
        """True if there is such a segment."""
        return any(segment.name == name for segment in self.segments)

    def at(self, place: str) -> list[str]:
        """What stands at a place written as `ZPI-5` or `PV1-3.9`, of every repetition."""
        found = _PLACE.fullmatch(place)
        if found is None:
            return []
        component = int(found["component"] or 1)
        return [
            value for segment in self.all(found["segment"]) for value in segment.values(int(found["field"]), component)
        ]


def read_message(text: str) -> Hl7Message:
    """The message's segments; UnreadableError in words."""
    lines = [line for line in re.split(r"\r\n|\r|\n", text) if line.strip()]
    if not lines:
        raise UnreadableError("the message is empty")
    try:
        parsed = hl7.parse("\r".join(lines))
        return Hl7Message(tuple(_segment(parsed, segment) for segment in parsed))
    except (hl7.HL7Exception, AssertionError, ValueError, LookupError, TypeError, AttributeError) as error:
        # python-hl7 answers a malformed message with whatever error its place of failure happens to raise.
        raise UnreadableError(
            f"the message cannot be split into segments and fields ({type(error).__name__})"
        ) from error


def instant(text: str, zone: ZoneInfo) -> datetime | None:
    """A time of HL7 (DTM, TS) as an instant, in the sender's zone where it names none; None where none is written."""
    if not text or text == _NOTHING:
        return None
    found = _TIME.fullmatch(text.strip())
    if found is None:
        raise BadTimeError("what stands there is no time; HL7 writes 20261122103000")
    part = {name: int(value) for name, value in found.groupdict().items() if value and name != "zone"}
    try:
        local = datetime(
            part["year"], part.get("month", 1), part.get("day", 1), part.get("hour", 0), part.get("minute", 0),
            min(part.get("second", 0), 59), tzinfo=zone,
        )  # fmt: skip
        if found["zone"]:
            local = datetime.strptime(local.strftime("%Y%m%d%H%M%S") + found["zone"], "%Y%m%d%H%M%S%z")
        return local.astimezone(ZoneInfo("UTC"))
    except (ValueError, OverflowError):
        raise BadTimeError("the time that stands there does not exist") from None


def day(text: str) -> date | None:
    """A date of HL7 (DT, or the day of a DTM); None where nothing or only a month is written."""
    found = _TIME.fullmatch(text.strip()) if text and text != _NOTHING else None
    if text and text != _NOTHING and found is None:
        raise BadTimeError("what stands there is no date; HL7 writes 19580412")
    if found is None or not found["day"]:
        return None
    try:
        return date(int(found["year"]), int(found["month"]), int(found["day"]))
    except ValueError:
        raise BadTimeError("the date that stands there does not exist") from None


def _segment(message: hl7.Message, segment: hl7.Segment) -> Segment:
    name = str(segment[0])
    fields: list[tuple[tuple[str, ...], ...]] = []
    for place, field in enumerate(segment):
        if name == "MSH" and place in (1, 2):
            fields.append(((str(field),),))
        else:
            fields.append(tuple(_components(message, part) for part in field))
    return Segment(name, tuple(fields))


def _components(message: hl7.Message, repetition: object) -> tuple[str, ...]:
    if isinstance(repetition, str):
        return (_plain(message, repetition),)
    if isinstance(repetition, hl7.Repetition):
        # Of subcomponents the first is the value, as whoever writes none means it.
        return tuple(
            _plain(message, part if isinstance(part, str) else str(part[0]) if len(part) else "") for part in repetition
        )
    return (_plain(message, str(repetition)),)


def _plain(message: hl7.Message, text: str) -> str:
    found = _unescaped(message, text) if message.esc and message.esc in text else text
    found = found.replace("\x00", "").strip()
    return "" if found == _NOTHING else found


def _unescaped(message: hl7.Message, text: str) -> str:
    """A text without its escapes. Ours: python-hl7's writes what it cannot read, which is about people, to the log."""
    escape = str(message.esc)
    field, repetition, component, subcomponent = message.separators[1:5]
    signs = {"F": field, "R": repetition, "S": component, "T": subcomponent, "E": escape, "H": "", "N": "", ".br": "\n"}

    def sign(found: re.Match[str]) -> str:
        name = found[1]
        if name in signs:
            return str(signs[name])
        if re.fullmatch(r"X(?:[0-9A-Fa-f]{2})+", name):
            return bytes.fromhex(name[1:]).decode("utf-8", errors="replace")
        return found[0]

    mark = re.escape(escape)
    return re.sub(f"{mark}([^{mark}]*){mark}", sign, text)
