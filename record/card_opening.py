"""Opening a card: who the person is, one record for each, what the counter saw and what was agreed to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import structlog

from care.cards import Card, CardKind, CardTrigger
from care.duplicates import Comparison, Evidence, Likeness, Particulars, compare
from care.guardians import GUARDIAN_BELOW, is_child, lacks_guardian
from care.identifiers import IdentifierKind, IdNumberRefusedError, PersonIdentifier, id_card
from care.patients import Patient, PatientId
from db.duplicates import particulars_of
from db.listed_people import RECORD_NUMBER, Key
from db.unit_of_work import UnitOfWork
from followup.events import DomainEvent, EventKind
from record.counter import (
    AT_THE_COUNTER,
    BY_THE_GUARDIAN,
    OpeningRefusedError,
    RefusalKind,
    ToldConsent,
    ToldNumber,
    add_consent,
    add_number,
)
from record.guardians import ToldGuardian, add_guardian
from runtime.identifiers import new_id
from runtime.name_keys import name_sound, plain_name

log = structlog.get_logger(__name__)

_OWN_RECORD = "SF-"  # begins the record number of a person for whom none was given, as with lists
_ID_FAULTS = {
    "lost_digits": "has lost digits: a spreadsheet rounded it; read it from the card",
    "form": "is no ID card number: 17 digits and a digit or X, or 15 digits of an old card",
    "birth": "names a day of birth that does not exist; compare it with the card",
    "checksum": "its last place does not fit the others: a digit is wrong; compare it with the card",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What was told at the counter. `person` names a known record, or `new_person` says that he is none of them."""

    name: str
    born: date | None = None
    sex: str | None = None
    language: str = "zh"
    dialect: str | None = None
    zone: str
    synthetic: bool = False
    record_number: str | None = None
    identifiers: tuple[tuple[IdentifierKind, str], ...] = ()
    numbers: tuple[ToldNumber, ...] = ()
    consents: tuple[ToldConsent, ...] = ()
    guardian: ToldGuardian | None = None
    kind: CardKind = CardKind.PROGRAM
    number: str | None = None
    replaces: str | None = None  # a card of his that this one stands for from now on
    person: str | None = None
    new_person: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The card, whose it is, and whether his record was there before."""

    card: Card
    patient: Patient
    was_known: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A record that may be this person's."""

    patient_id: str
    comparison: Comparison


def open_card(uow: UnitOfWork, opening: Opening, *, by: str) -> Opened:
    """Open a card for a person: his record is made once, however often he comes."""
    told = _read(opening)
    patient_id = _who(uow, opening, told)
    was_known = patient_id is not None
    patient = _known(uow, patient_id) if patient_id is not None else _newcomer(opening, told, uow.now)
    if not was_known:
        if not opening.consents:
            raise OpeningRefusedError(
                RefusalKind.INVALID, "consents", "is empty: ask what the person agrees to and record it, a no too"
            )
        uow.patients.add(patient)
        uow.flush()
    _complete(uow, patient, opening, told)
    _see_to_guardian(uow, patient, opening.guardian, by=by)
    card = _new_card(uow, patient, opening, by=by)
    child = is_child(patient.born, patient.zone, uow.now)
    _add_consents(uow, patient, opening.consents, BY_THE_GUARDIAN if child else AT_THE_COUNTER)
    uow.flush()
    uow.audit.note(
        user_id=by,
        action="card_opened",
        subject_kind="card",
        subject=card.id,
        patient_id=patient.id,
        detail={"kind": card.kind.value, "was_known": was_known, "decided": bool(opening.person or opening.new_person)},
    )
    uow.emit(DomainEvent(kind=EventKind.RECORD_CHANGED, subject=patient.id))
    log.info("card_opened", card=card.id, patient=patient.id, was_known=was_known)
    return Opened(card=card, patient=patient, was_known=was_known)


def candidates_for(
    uow: UnitOfWork, particulars: Particulars, name: str, *, besides: str | None = None
) -> list[Candidate]:
    """Records that may be this person's, the likeliest first; those that somebody ruled to be others' are left out."""
    keys = uow.listed_people.by_keys(particulars.identifiers)
    found = set(keys.values()) | set(
        uow.duplicates.candidates(name=name, born=particulars.born, numbers=particulars.numbers)
    )
    if besides is not None:
        found -= {besides, *uow.duplicates.ruled_apart_from(besides)}
    compared = [
        Candidate(patient_id=patient_id, comparison=compare(particulars, particulars_of(person)))
        for patient_id, person in uow.duplicates.known(found).items()
    ]
    order = list(Likeness)
    return sorted(
        (each for each in compared if each.comparison.likeness is not Likeness.NONE),
        key=lambda each: (order.index(each.comparison.likeness), each.patient_id),
    )


def particulars_told(opening: Opening) -> Particulars:
    """What was told, as it can be compared; OpeningRefusedError for an ID number that is none."""
    return _read(opening)


def _read(opening: Opening) -> Particulars:
    keys: set[Key] = set()
    born, sex = opening.born, opening.sex
    for place, (kind, value) in enumerate(opening.identifiers):
        field = f"identifiers[{place}].value"
        read = value.strip()
        if kind is IdentifierKind.ID_CARD:
            try:
                card = id_card(read)
            except IdNumberRefusedError as error:
                raise OpeningRefusedError(RefusalKind.INVALID, field, _ID_FAULTS[error.code]) from error
            if opening.born is not None and opening.born != card.born:
                raise OpeningRefusedError(
                    RefusalKind.INVALID, "born", f"is not the day that the ID number tells ({card.born}); correct one"
                )
            if opening.sex in {"female", "male"} and opening.sex != card.sex:
                raise OpeningRefusedError(RefusalKind.INVALID, "sex", f"is not what the ID number tells ({card.sex})")
            read, born, sex = card.number, card.born, card.sex
        elif kind is IdentifierKind.PASSPORT:
            read = read.upper()
        keys.add((kind.value, read))
    if opening.record_number:
        keys.add((RECORD_NUMBER, opening.record_number))
    return Particulars(
        name=plain_name(opening.name),
        sound=name_sound(opening.name),
        born=born,
        sex=sex,
        identifiers=frozenset(keys),
        numbers=frozenset(each.number for each in opening.numbers),
    )


def _who(uow: UnitOfWork, opening: Opening, told: Particulars) -> str | None:
    """The record of the person; None for somebody nobody knows."""
    found = sorted(set(uow.listed_people.by_keys(told.identifiers).values()))
    if len(found) > 1:
        raise OpeningRefusedError(
            RefusalKind.DUPLICATES,
            "identifiers",
            "belong to two records: merge them if they are one person's, or correct the numbers",
            found,
        )
    if opening.person is not None:
        if found and found != [opening.person]:
            raise OpeningRefusedError(
                RefusalKind.DUPLICATES, "person", "another record has this identifier: name that one, or merge", found
            )
        _no_other_identifier(uow, opening.person, told)
        return opening.person
    if found:
        _agrees(uow, found[0], told)
        return found[0]
    if opening.new_person:
        return None
    candidates = candidates_for(uow, told, opening.name)
    if candidates and candidates[0].comparison.likeness is Likeness.SAME:
        # Another counter has opened his record since we asked for his numbers.
        _agrees(uow, candidates[0].patient_id, told)
        return candidates[0].patient_id
    if candidates:
        raise OpeningRefusedError(
            RefusalKind.DUPLICATES,
            "person",
            "may be known already: compare with the records named in `reasons`, then name one as `person`, or send "
            "`new_person` if he is none of them",
            [each.patient_id for each in candidates],
        )
    return None


def _comparison(uow: UnitOfWork, patient_id: str, told: Particulars) -> Comparison | None:
    person = uow.duplicates.known([patient_id]).get(patient_id)
    return compare(told, particulars_of(person)) if person is not None else None


def _no_other_identifier(uow: UnitOfWork, patient_id: str, told: Particulars) -> None:
    comparison = _comparison(uow, patient_id, told)
    if comparison is not None and Evidence.OTHER_IDENTIFIER in comparison.evidence:
        raise OpeningRefusedError(
            RefusalKind.INVALID, "identifiers", "this record has another ID card or passport number: compare the cards"
        )


def _agrees(uow: UnitOfWork, patient_id: str, told: Particulars) -> None:
    """Whoever bears the number must be named alike and born on that day: a wrong digit may be another's number."""
    comparison = _comparison(uow, patient_id, told)
    if comparison is None:
        return
    evidence = set(comparison.evidence)
    differs = [
        name
        for name, fault in (
            ("name", not evidence & {Evidence.NAME, Evidence.SOUND}),
            ("born", Evidence.OTHER_BIRTH in evidence),
            ("sex", Evidence.OTHER_SEX in evidence),
            ("identifiers", Evidence.OTHER_IDENTIFIER in evidence),
        )
        if fault
    ]
    if differs:
        raise OpeningRefusedError(
            RefusalKind.DUPLICATES,
            differs[0],
            f"differs from the record that has this number ({', '.join(differs)}): compare it with the card; if he is "
            "that person, name the record as `person`",
            [patient_id],
        )


def _known(uow: UnitOfWork, patient_id: str) -> Patient:
    patient = uow.patients.get(patient_id)
    if patient is None:
        raise OpeningRefusedError(
            RefusalKind.INVALID, "person", "there is no such patient; POST /api/v1/patients/search finds one"
        )
    if (kept := uow.merges.merged_into(patient.id)) is not None:
        raise OpeningRefusedError(
            RefusalKind.DUPLICATES, "person", "this record went into another: name that one", [kept]
        )
    if patient.deceased_at is not None:
        raise OpeningRefusedError(
            RefusalKind.NOT_POSSIBLE, "person", "the patient with this number has died: compare it with the card"
        )
    return patient


def _newcomer(opening: Opening, told: Particulars, now: datetime) -> Patient:
    if told.born is None:
        raise OpeningRefusedError(
            RefusalKind.INVALID, "born", "is missing: give an ID number or the day of birth; a child needs a guardian"
        )
    patient_id = PatientId(new_id())
    return Patient(
        id=patient_id,
        record_number=opening.record_number or f"{_OWN_RECORD}{patient_id}",
        name=opening.name,
        language=opening.language,
        zone=opening.zone,
        born=told.born,
        sex=told.sex,
        dialect=opening.dialect,
        synthetic=opening.synthetic,
        created_at=now,
    )


def _complete(uow: UnitOfWork, patient: Patient, opening: Opening, told: Particulars) -> None:
    """Add what the record lacks; what it says already stays."""
    patient.born = patient.born or told.born
    patient.sex = patient.sex or told.sex
    patient.dialect = patient.dialect or opening.dialect
    has = {(each.kind.value, each.value) for each in uow.patients.identifiers_of(patient.id)}
    has.add((RECORD_NUMBER, patient.record_number))
    for kind, value in sorted(told.identifiers - has):
        if kind == RECORD_NUMBER:
            if (IdentifierKind.MEDICAL_RECORD.value, value) in has:
                continue
            stored = IdentifierKind.MEDICAL_RECORD
        else:
            stored = IdentifierKind(kind)
        uow.patients.add_identifier(PersonIdentifier(id=new_id(), patient_id=patient.id, kind=stored, value=value))
    for number in opening.numbers:
        add_number(uow, patient, number)
    uow.flush()


def _see_to_guardian(uow: UnitOfWork, patient: Patient, guardian: ToldGuardian | None, *, by: str) -> None:
    known = uow.relatives.of_patient(patient.id)
    if guardian is not None:
        if not any(one.guardian and one.lives(uow.now) and one.name == guardian.name for one in known):
            add_guardian(uow, patient, guardian, by=by)
    elif is_child(patient.born, patient.zone, uow.now) and lacks_guardian(known, uow.now):
        raise OpeningRefusedError(
            RefusalKind.INVALID,
            "guardian",
            f"is missing: somebody younger than {GUARDIAN_BELOW} is enrolled by his guardian; give name, relation and "
            "what showed it",
        )


def _new_card(uow: UnitOfWork, patient: Patient, opening: Opening, *, by: str) -> Card:
    if opening.number is None and opening.kind is not CardKind.PROGRAM:
        raise OpeningRefusedError(RefusalKind.INVALID, "card.number", "is missing: read it from the card")
    replaced = uow.cards.for_update(opening.replaces) if opening.replaces else None
    if opening.replaces and (replaced is None or replaced.patient_id != patient.id):
        raise OpeningRefusedError(RefusalKind.INVALID, "card.replaces", "is no card of this patient")
    if replaced is not None:
        uow.cards.move(replaced, CardTrigger.REPLACE, at=uow.now, by=by, reason="another card was opened in its place")
    card = Card(
        id=new_id(),
        patient_id=patient.id,
        kind=opening.kind,
        number=opening.number or uow.cards.next_number(),
        state_since=uow.now,
        replaces_id=replaced.id if replaced else None,
        opened_at=uow.now,
        opened_by=by,
    )
    uow.cards.add(card)
    return card


def _add_consents(uow: UnitOfWork, patient: Patient, told: Sequence[ToldConsent], source: str) -> None:
    for each in told:
        add_consent(uow, patient, each, source)
