"""Who a message means: known by what stands for him, new, or a contradiction; and what it says of him, taken in."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from care.conflicts import PersonField
from care.identifiers import IdentifierKind, PersonIdentifier
from care.patients import ContactPoint, NumberOwner, NumberQuality, Patient, PatientId
from db.listed_people import RECORD_NUMBER, Key
from db.unit_of_work import UnitOfWork
from followup.feeds import FeedReason
from interop.hl7.desk import FeedDesk
from interop.hl7.persons import Remarks
from interop.hl7.telling import NotUsableError, SentPerson
from interop.lists.matching import plain_name
from runtime.identifiers import new_id

_OWN_RECORD = "SF-"
_SLACK = timedelta(days=1)
_ONE_EACH = frozenset({IdentifierKind.ID_CARD.value, IdentifierKind.PASSPORT.value})


@dataclass(frozen=True, slots=True, kw_only=True)
class Meant:
    """The patient whom a message means, as he is after it."""

    patient: Patient
    new: bool = False
    changed: bool = False


def key_texts(keys: Iterable[Key]) -> list[str]:
    """What stands for a person as one text each; a record number is the same whichever list it stands in."""
    records = {RECORD_NUMBER, IdentifierKind.MEDICAL_RECORD.value}
    return sorted({f"{'record' if kind in records else kind}:{value}" for kind, value in keys})


def known_patient(uow: UnitOfWork, keys: Collection[Key]) -> Patient | None:
    """The patient whom these numbers stand for; NotUsableError if they stand for two."""
    found = _one_of(set(uow.listed_people.by_keys(set(keys)).values()))
    return uow.patients.get(found) if found else None


def _one_of(found: set[str]) -> str | None:
    if len(found) > 1:
        raise NotUsableError(
            FeedReason.TWO_PERSONS,
            "the identifiers belong to two patients: merge their records, or correct the identifier that is wrong",
        )
    return next(iter(found), None)


def person_meant(uow: UnitOfWork, person: SentPerson) -> Patient:
    """The known patient; NotUsableError if nobody is known, or it is somebody else's name and birth."""
    meant = persons_meant(uow, [person])[0]
    if isinstance(meant, NotUsableError):
        raise meant
    return meant


def persons_meant(uow: UnitOfWork, persons: Sequence[SentPerson]) -> list[Patient | NotUsableError]:
    """The known patients of several messages, or why one means nobody; as many questions as for one."""
    by_key = uow.listed_people.by_keys({key for person in persons for key in person.keys})
    patients = uow.patients.of_ids(set(by_key.values()))
    return [_meant(person, by_key, patients) for person in persons]


def _meant(person: SentPerson, by_key: Mapping[Key, str], patients: Mapping[str, Patient]) -> Patient | NotUsableError:
    try:
        patient_id = _one_of({by_key[key] for key in person.keys if key in by_key})
        if patient_id is not None:
            _refuse_another(patients[patient_id], person)
            return patients[patient_id]
    except NotUsableError as fault:
        return fault
    return NotUsableError(
        FeedReason.UNKNOWN_PATIENT, "nobody is known by these identifiers: it waits for the message that tells of him"
    )


def take_person(
    uow: UnitOfWork, desk: FeedDesk, person: SentPerson, *, sender: str, at: datetime, remarks: Remarks
) -> Meant:
    """Take in what a message says of the person; a new one is brought in."""
    patient = known_patient(uow, person.keys)
    if patient is None:
        patient = _new_patient(uow, desk, person)
        _add_identifiers(uow, patient, person.keys, remarks)
        _state(uow, desk, patient, person, sender=sender, at=at, remarks=remarks)
        _add_numbers(uow, patient, person)
        uow.feeds.note_person_told(patient.id, sender, at)
        uow.feeds.wait_again(FeedReason.UNKNOWN_PATIENT, key_texts(person.keys))
        return Meant(patient=patient, new=True, changed=True)
    _refuse_another(patient, person)
    if _add_identifiers(uow, patient, person.keys, remarks):
        uow.feeds.wait_again(FeedReason.UNKNOWN_PATIENT, key_texts(person.keys))
    late = not uow.feeds.note_person_told(patient.id, sender, at)
    changed = _state(uow, desk, patient, person, sender=sender, at=at, remarks=remarks, late=late)
    if not late:
        changed = _add_numbers(uow, patient, person) or changed
    uow.flush()
    return Meant(patient=patient, changed=changed)


def add_identifiers(uow: UnitOfWork, patient: Patient, keys: Collection[Key], remarks: Remarks) -> None:
    """Let further numbers stand for a patient."""
    if _add_identifiers(uow, patient, keys, remarks):
        uow.feeds.wait_again(FeedReason.UNKNOWN_PATIENT, key_texts(keys))


def source_of(sender: str) -> str:
    """How a sender is called as a source of what the record holds: by its application."""
    return f"hl7:{sender.partition('/')[0]}"[:100]


def _new_patient(uow: UnitOfWork, desk: FeedDesk, person: SentPerson) -> Patient:
    if not person.name:
        raise NotUsableError(FeedReason.NO_NAME, "PID-5 is empty and nobody is known by these identifiers")
    patient_id = PatientId(new_id())
    record_number = next((value for kind, value in person.keys if kind == RECORD_NUMBER), _OWN_RECORD + patient_id)
    patient = Patient(
        id=patient_id,
        record_number=record_number,
        name=person.name,
        language=person.language or "zh",
        zone=desk.zone.key,
        born=_possible_birth(person.born, uow.now),
        sex=person.sex,
        dialect=person.dialect,
        synthetic=desk.synthetic,
        created_at=uow.now,
    )
    uow.patients.add(patient)
    uow.flush()
    return patient


def _refuse_another(patient: Patient, person: SentPerson) -> None:
    """One of name, birth and sex may be corrected; the name with another is another person's: a number was mistyped.

    Or it is a newborn's, who has his mother's card for want of his own.
    """
    named = bool(person.name) and plain_name(person.name) != plain_name(patient.name)
    born = person.born is not None and patient.born is not None and person.born != patient.born
    sex = {patient.sex, person.sex} == {"male", "female"}
    if named and (born or sex):
        raise NotUsableError(
            FeedReason.PERSON_DIFFERS,
            f"name and {'birth' if born else 'sex'} both differ from the patient's whom the identifiers stand for: "
            "find out whose they are",
        )


def _possible_birth(born: date | None, now: datetime) -> date | None:
    return born if born is not None and born.year >= 1880 and born <= now.date() + _SLACK else None


def _state(
    uow: UnitOfWork,
    desk: FeedDesk,
    patient: Patient,
    person: SentPerson,
    *,
    sender: str,
    at: datetime,
    remarks: Remarks,
    late: bool = False,
) -> bool:
    """What the sender says of name, birth, sex and tongue; whose word holds is the hospital's rule."""
    said = {
        PersonField.NAME: person.name or None,
        PersonField.BORN: person.born.isoformat() if person.born else None,
        PersonField.SEX: person.sex,
        PersonField.LANGUAGE: person.language,
        PersonField.DIALECT: person.dialect,
    }
    # A field that is left empty says nothing: it takes no word back.
    told = {field: value for field, value in said.items() if value is not None and _possible(field, value, uow.now)}
    for field in (field for field, value in said.items() if value is not None and field not in told):
        remarks.add(f"{field.value} is left out: it cannot be so")
    return bool(
        uow.stated.state(
            patient,
            told,
            source=source_of(sender),
            policies=desk.content.source_ranks.person,
            at=uow.now,
            stated_at=at,
            late=late,
        )
    )


def _possible(field: PersonField, value: str, now: datetime) -> bool:
    return field is not PersonField.BORN or _possible_birth(date.fromisoformat(value), now) is not None


def _add_identifiers(uow: UnitOfWork, patient: Patient, keys: Collection[Key], remarks: Remarks) -> bool:
    known = {(each.kind.value, each.value) for each in uow.patients.identifiers_of(patient.id)}
    known |= {(RECORD_NUMBER, patient.record_number), (IdentifierKind.MEDICAL_RECORD.value, patient.record_number)}
    added = False
    for kind, value in keys:
        stored = (IdentifierKind.MEDICAL_RECORD.value if kind == RECORD_NUMBER else kind, value)
        if stored in known or uow.listed_people.by_keys({(kind, value)}).get((kind, value)) == patient.id:
            # A record that went into this one may have brought it, and takes it along should the merger be undone.
            continue
        if stored[0] in _ONE_EACH and any(other == stored[0] for other, _ in known):
            remarks.add(f"the {stored[0]} number differs from the one on record, which stays: find out which is right")
            continue
        known.add(stored)
        uow.patients.add_identifier(
            PersonIdentifier(id=new_id(), patient_id=patient.id, kind=IdentifierKind(stored[0]), value=value)
        )
        added = True
    if added:
        uow.flush()
    return added


def _add_numbers(uow: UnitOfWork, patient: Patient, person: SentPerson) -> bool:
    """The patient's new numbers are dialed first, unless one was found to be right; old ones and relatives' follow."""
    known = {point.number for point in patient.contact_points}
    fresh = [each for each in person.numbers if each.number not in known]
    if not fresh:
        return False
    verified = any(point.quality is NumberQuality.VERIFIED for point in patient.contact_points)
    first = [] if verified else [each for each in fresh if each.owner is NumberOwner.SELF]
    for point in patient.contact_points:
        point.rank += len(first)
    last = max((point.rank for point in patient.contact_points), default=len(first))
    later = [each for each in fresh if each not in first]
    ranked = [*enumerate(first, start=1), *enumerate(later, start=last + 1)]
    patient.contact_points.extend(
        ContactPoint(
            id=new_id(),
            patient_id=patient.id,
            number=each.number,
            owner=each.owner,
            label=each.label,
            rank=rank,
        )
        for rank, each in ranked
    )
    uow.flush()
    return True
