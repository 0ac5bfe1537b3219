"""What is told and shown at a counter: numbers, statements of consent, and why something was not done."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from care.consent import Consent, ConsentScope, Purpose
from care.patients import ContactPoint, NumberOwner, Patient
from db.unit_of_work import UnitOfWork
from runtime.identifiers import new_id

AT_THE_COUNTER = "card"
BY_THE_GUARDIAN = "card_guardian"
"""Where a statement of consent was made: Consent.source."""


class RefusalKind(StrEnum):
    """Why no card was opened."""

    INVALID = "invalid"  # a field has to be corrected
    DUPLICATES = "duplicates"  # somebody has to decide who it is
    NOT_POSSIBLE = "not_possible"


class OpeningRefusedError(ValueError):
    """No card was opened; `field` and the sentence say why, `candidates` whom it may be."""

    def __init__(self, kind: RefusalKind, field: str, sentence: str, candidates: Sequence[str] = ()) -> None:
        super().__init__(sentence)
        self.kind = kind
        self.field = field
        self.candidates = tuple(candidates)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldNumber:
    """A telephone number in E.164 and whose it is."""

    number: str
    owner: NumberOwner = NumberOwner.SELF
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldConsent:
    """One statement."""

    purpose: Purpose
    scope: ConsentScope
    granted: bool


def add_number(uow: UnitOfWork, patient: Patient, told: ToldNumber) -> ContactPoint:
    """The patient's contact point of this number, added behind the others if he has none."""
    there = next((point for point in patient.contact_points if point.number == told.number), None)
    if there is not None:
        return there
    point = ContactPoint(
        id=new_id(),
        patient_id=patient.id,
        number=told.number,
        owner=told.owner,
        label=told.label,
        rank=max((each.rank for each in patient.contact_points), default=0) + 1,
    )
    patient.contact_points.append(point)
    uow.flush()
    return point


def add_consent(uow: UnitOfWork, patient: Patient, told: ToldConsent, source: str) -> Consent:
    """Append a statement of consent."""
    consent = Consent(
        id=new_id(),
        patient_id=patient.id,
        purpose=told.purpose,
        scope=told.scope,
        granted=told.granted,
        source=source,
        recorded_at=uow.now,
    )
    uow.patients.add_consent(consent)
    uow.flush()
    return consent
