"""SIU: appointments made, moved, cancelled and missed; a pure reading of the message."""

from datetime import datetime

from followup.feeds import FeedReason
from interop.hl7.persons import FeedRules, Remarks, name_of, person_of
from interop.hl7.reading import BadTimeError, Hl7Message, Segment, instant
from interop.hl7.telling import AppointmentTold, Booking, NotUsableError

_NUMBER, _NAME = 64, 100
_STARTS = (("SCH", 11, 4), ("AIS", 4, 1), ("AIG", 8, 1), ("AIP", 6, 1), ("AIL", 6, 1), ("TQ1", 7, 1))
_PLACES = (("AIL", 3, 9), ("AIL", 3, 1), ("PV1", 10, 1), ("PV1", 3, 1), ("AIS", 3, 2), ("SCH", 5, 2))


def appointment_told(message: Hl7Message, booking: Booking, at: datetime, rules: FeedRules) -> AppointmentTold:
    """What the message tells; NotUsableError if nothing says which appointment it is, or when."""
    remarks = Remarks()
    person = person_of(message, rules, remarks)
    sch = message.first("SCH")
    number = sch.text(2) or sch.text(1)
    if not number:
        raise NotUsableError(FeedReason.NO_VISIT, "SCH-1 and SCH-2 are empty: nothing says which appointment it is")
    starts_at = _starts(message, rules)
    if starts_at is None and booking in {Booking.BOOKED, Booking.RESCHEDULED, Booking.MODIFIED}:
        raise NotUsableError(FeedReason.BAD_TIME, "no time: SCH-11, AIS-4, AIG-8, AIP-6 and AIL-6 are empty")
    department = next((text for name, place, part in _PLACES if (text := message.first(name).text(place, part))), "")
    if not department and booking is Booking.BOOKED:
        raise NotUsableError(FeedReason.NO_VISIT, "the department is missing: AIL-3, PV1-10 and PV1-3 are empty")
    return AppointmentTold(
        booking=booking,
        at=at,
        person=person,
        number=number[:_NUMBER],
        starts_at=starts_at,
        department=rules.sender.departments.get(department, department)[:_NAME],
        doctor=_doctor(message),
        remarks=tuple(remarks.told),
    )


def _starts(message: Hl7Message, rules: FeedRules) -> datetime | None:
    for name, place, part in _STARTS:
        text = message.first(name).text(place, part)
        if not text:
            continue
        try:
            return instant(text, rules.zone)
        except BadTimeError as fault:
            raise NotUsableError(FeedReason.BAD_TIME, f"{name}-{place}: {fault}") from fault
    return None


def _doctor(message: Hl7Message) -> str | None:
    for name, place in (("AIP", 3), ("PV1", 7), ("SCH", 12)):
        repetitions = message.first(name).repetitions(place)
        parts = repetitions[0] if repetitions else ()
        if len(parts) > 1 and any(parts[1:3]):
            return name_of(Segment("XPN", ((), (parts[1:],))), 1)[:_NAME] or None
    return None
