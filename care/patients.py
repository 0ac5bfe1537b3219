"""A patient and the numbers under which he or a relative can be reached."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import NewType

from care.appointments import AppointmentState

PatientId = NewType("PatientId", str)


class NumberOwner(StrEnum):
    """Whose telephone it is."""

    SELF = "self"
    RELATIVE = "relative"


class NumberQuality(StrEnum):
    """What is known of a number."""

    UNVERIFIED = "unverified"
    VERIFIED = "verified"
    WRONG = "wrong"  # somebody else answered: no queue dials it again


@dataclass(kw_only=True, eq=False)
class ContactPoint:
    """A telephone number (FHIR ContactPoint), E.164, with its owner and quality."""

    id: str
    patient_id: PatientId
    number: str
    owner: NumberOwner = NumberOwner.SELF
    label: str = ""
    rank: int = 1
    quality: NumberQuality = NumberQuality.UNVERIFIED
    do_not_call: bool = False


@dataclass(kw_only=True, eq=False)
class Patient:
    """A person in care (FHIR Patient). Synthetic people belong to the demo and never leave loopback."""

    id: PatientId
    record_number: str
    name: str
    language: str  # "zh" or "en"
    zone: str  # IANA time zone
    born: date | None = None
    sex: str | None = None
    dialect: str | None = None  # as the hospital writes it
    slow_speech: bool = False  # a machine speaks slower and waits longer
    synthetic: bool = False
    deceased_at: datetime | None = None
    created_at: datetime
    contact_points: list[ContactPoint] = field(default_factory=list)

    def best_number(self, *, besides: Collection[str] = ()) -> ContactPoint | None:
        """The number to dial first: not wrong, not closed to calls, none of the ids in `besides`, lowest rank."""
        usable = [
            point
            for point in self.contact_points
            if point.quality is not NumberQuality.WRONG and not point.do_not_call and point.id not in besides
        ]
        return min(usable, key=lambda point: (point.rank, point.id), default=None)


class VisitKind(StrEnum):
    """Visits that hospitals' systems tell of; besides these, whatever a plan counts from is one."""

    ADMISSION = "admission"
    ADMISSION_CANCELLED = "admission_cancelled"
    DISCHARGE = "discharge"
    DISCHARGE_CANCELLED = "discharge_cancelled"
    OUTPATIENT = "outpatient"
    EMERGENCY = "emergency"
    APPOINTMENT = "appointment"


@dataclass(kw_only=True, eq=False)
class Encounter:
    """The visit that a follow-up is about (FHIR Encounter)."""

    id: str
    patient_id: PatientId
    department: str
    kind: str  # a VisitKind, or another thing that a plan counts from, such as enrolment
    occurred_at: datetime
    visit_number: str | None = None  # the hospital's own number of the visit
    ward: str | None = None
    doctor: str | None = None
    appointment_state: AppointmentState | None = None  # of an appointment; None: booked, and nobody has moved it
    source: str = "hospital"  # who told of it: hl7:…, list:…, hand:…; "hospital" where that was not kept
