"""ADT: admissions, discharges, corrections, merges; a pure reading of the message."""

import hashlib
from collections.abc import Iterator
from datetime import date, datetime

from care.history import HistoryKind
from followup.feeds import FeedReason
from interop.hl7.persons import FeedRules, Remarks, first_at, keys_in, name_of, or_remark, past, person_of
from interop.hl7.reading import BadTimeError, Hl7Message, Segment, day, instant
from interop.hl7.telling import AdtTold, Happening, NotUsableError, SentEntry, SentVisit
from runtime.content.feeds import FeedSender

_DEPARTMENT, _WARD, _DOCTOR, _VISIT = 100, 100, 100, 64
_CODE, _NAME, _KEY = 40, 300, 200
_DAY_ONLY = len("20261122")
_NEEDS_VISIT = frozenset({Happening.ADMITTED, Happening.DISCHARGED, Happening.ADMISSION_CANCELLED})


def adt_told(message: Hl7Message, happening: Happening, at: datetime, rules: FeedRules) -> AdtTold:
    """What the message tells; NotUsableError if it lacks what its event is about."""
    remarks = Remarks()
    person = person_of(message, rules, remarks)
    replaced = tuple(dict.fromkeys(key for merge in message.all("MRG") for key in keys_in(merge, 1, rules, remarks)))
    if happening is Happening.MERGED and not replaced:
        raise NotUsableError(
            FeedReason.NO_PATIENT,
            "MRG-1 holds no number of the record that is replaced: compare its types with content/feeds",
        )
    visit = visit_of(message, rules, remarks) if message.has("PV1") else None
    if happening in _NEEDS_VISIT and visit is None:
        raise NotUsableError(FeedReason.NO_VISIT, f"{happening.value} without PV1: nothing says which visit it is")
    if happening is Happening.DISCHARGED and visit is not None and not visit.department:
        raise NotUsableError(
            FeedReason.NO_VISIT, "the department is missing: PV1-10 and PV1-3 are empty (content/feeds says where else)"
        )
    entries = tuple(_entries(message, remarks))
    return AdtTold(
        happening=happening,
        at=at,
        person=person,
        visit=visit,
        entries=entries,
        diagnosis=_first_diagnosis(message),
        replaced_keys=replaced,
        remarks=tuple(remarks.told),
    )


def happened_at(message: Hl7Message, rules: FeedRules, remarks: Remarks, *, otherwise: datetime) -> datetime:
    """When it became so in the hospital: EVN-2, else MSH-7, else when it came in."""
    recorded, sent = message.first("EVN").text(2), message.first("MSH").text(7)
    recorded_at = past(recorded, "EVN-2", rules, remarks, now=otherwise)
    sent_at = past(sent, "MSH-7", rules, remarks, now=otherwise)
    if recorded_at is None or sent_at is None:
        return recorded_at or sent_at or otherwise
    same_day = recorded_at.astimezone(rules.zone).date() == sent_at.astimezone(rules.zone).date()
    # A day alone reads as its midnight: what happened in the night before would be newer.
    return sent_at if same_day and len(recorded) <= _DAY_ONLY else recorded_at


def visit_of(message: Hl7Message, rules: FeedRules, remarks: Remarks) -> SentVisit:
    """The visit of PV1."""
    pv1 = message.first("PV1")
    sender = rules.sender
    number = next(iter(first_at(message, sender.visit_number)), "")
    if len(number) > _VISIT:
        remarks.add(f"the visit's number is left out: it is longer than {_VISIT} characters")
        number = ""
    department = next(iter(first_at(message, sender.department)), "")
    disposition = {part for parts in pv1.repetitions(36) for part in parts if part}
    return SentVisit(
        number=number or None,
        patient_class=pv1.text(2).upper(),
        department=sender.departments.get(department, department)[:_DEPARTMENT],
        ward=pv1.text(3)[:_WARD] or None,
        doctor=_doctor(pv1),
        admitted_at=_needed(pv1, 44, rules),
        discharged_at=_needed(pv1, 45, rules),
        died=_one_of(disposition, sender.died),
        unclear=next((part for part in sorted(disposition) if _one_of({part}, sender.unclear)), "")[:40],
        no_plan=_one_of(disposition, sender.no_plan),
    )


def _needed(pv1: Segment, place: int, rules: FeedRules) -> datetime | None:
    try:
        return instant(pv1.text(place), rules.zone)
    except BadTimeError as fault:
        # The day of a discharge decides when somebody is called: it is not guessed.
        raise NotUsableError(FeedReason.BAD_TIME, f"PV1-{place}: {fault}") from fault


def _one_of(found: set[str], named: tuple[str, ...]) -> bool:
    plain = {part.casefold() for part in found}
    return any(name.casefold() in plain for name in named)


def _doctor(pv1: Segment) -> str | None:
    repetitions = pv1.repetitions(7)
    parts = repetitions[0] if repetitions else ()
    if len(parts) > 1 and any(parts[1:3]):
        shifted = Segment("XPN", ((), (parts[1:],)))
        return name_of(shifted, 1)[:_DOCTOR] or None
    return (parts[0] if parts else "")[:_DOCTOR] or None


def _entries(message: Hl7Message, remarks: Remarks) -> Iterator[SentEntry]:
    for name, kind, place, since_at in (
        ("DG1", HistoryKind.CONDITION, 3, 5),
        ("AL1", HistoryKind.ALLERGY, 3, 6),
        ("PR1", HistoryKind.PROCEDURE, 3, 5),
    ):
        for segment in message.all(name):
            code, text = segment.text(place)[:_CODE], segment.text(place, 2)
            words = (text or segment.text(4) or code)[:_NAME]
            if not words:
                remarks.add(f"{name} without code and name left out")
                continue
            yield SentEntry(
                kind=kind,
                key=_entry_key(name, code, words),
                code=code,
                name=words,
                since=_since(segment, since_at, remarks),
            )


def _since(segment: Segment, place: int, remarks: Remarks) -> date | None:
    return or_remark(lambda: day(segment.text(place)), f"{segment.name}-{place}", remarks)


def _entry_key(segment: str, code: str, words: str) -> str:
    """What makes it the same entry when it is told again, in whatever order."""
    return f"{segment}/{code}"[:_KEY] if code else f"{segment}/#{hashlib.sha256(words.encode()).hexdigest()[:32]}"


def _first_diagnosis(message: Hl7Message) -> str:
    """The code of the main diagnosis: DG1-15 is 1, else the first final one (DG1-6 is F), else the first."""
    coded = [segment for segment in message.all("DG1") if segment.text(3)]
    chosen = (
        [segment for segment in coded if segment.text(15) == "1"]
        or [segment for segment in coded if segment.text(6).upper() == "F"]
        or coded
    )
    return chosen[0].text(3)[:_CODE] if chosen else ""


def sender_of(senders: dict[str, FeedSender], name: str) -> FeedSender:
    """The file for a sender: application and facility, the application alone, or whoever has none."""
    return senders.get(name) or senders.get(name.partition("/")[0]) or senders["*"]
