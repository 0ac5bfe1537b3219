"""What messages tell, as values: a person, a visit, what he has, an appointment, results; and why one is of no use."""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from care.history import HistoryKind
from care.observations import ObservationStatus
from care.patients import NumberOwner
from db.listed_people import Key
from followup.feeds import FeedReason


class NotUsableError(ValueError):
    """A message cannot be applied as things are; the sentence says why and what helps."""

    def __init__(self, reason: FeedReason, told: str) -> None:
        super().__init__(told)
        self.reason = reason


class Happening(StrEnum):
    """What an ADT message tells of."""

    ADMITTED = "A01"
    DISCHARGED = "A03"
    REGISTERED = "A04"
    UPDATED = "A08"
    ADMISSION_CANCELLED = "A11"
    DISCHARGE_CANCELLED = "A13"
    PERSON_ADDED = "A28"
    PERSON_UPDATED = "A31"
    MERGED = "A40"


class Booking(StrEnum):
    """What a SIU message tells of an appointment."""

    BOOKED = "S12"
    RESCHEDULED = "S13"
    MODIFIED = "S14"
    CANCELLED = "S15"
    MISSED = "S26"


@dataclass(frozen=True, slots=True, kw_only=True)
class SentNumber:
    """A telephone number in the order in which it is to be dialed."""

    number: str
    owner: NumberOwner
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentPerson:
    """Who a message is about."""

    keys: tuple[Key, ...]
    name: str
    born: date | None = None
    sex: str | None = None
    language: str | None = None
    dialect: str | None = None
    numbers: tuple[SentNumber, ...] = ()
    died: bool = False
    died_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SentVisit:
    """The visit that a message tells of."""

    number: str | None
    patient_class: str
    department: str
    ward: str | None
    doctor: str | None
    admitted_at: datetime | None
    discharged_at: datetime | None
    died: bool = False
    unclear: str = ""  # a disposition that may mean that he died
    no_plan: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SentEntry:
    """A diagnosis, allergy or operation."""

    kind: HistoryKind
    key: str
    code: str
    name: str
    since: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AdtTold:
    """What an ADT message tells."""

    happening: Happening
    at: datetime  # when it became so
    person: SentPerson
    visit: SentVisit | None
    entries: tuple[SentEntry, ...] = ()
    diagnosis: str = ""  # the first one's code
    replaced_keys: tuple[Key, ...] = ()  # of the record that goes over, at a merge
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentTold:
    """What a SIU message tells."""

    booking: Booking
    at: datetime
    person: SentPerson
    number: str
    starts_at: datetime | None
    department: str
    doctor: str | None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldResult:
    """One OBX, as it is written."""

    key: str
    ordered: bool  # its order has a number, which no other patient's has
    code: str
    system: str
    name: str
    panel: str
    value: str
    unit: str
    reference: str
    flags: tuple[str, ...]
    status: ObservationStatus
    taken_at: datetime
    told_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultsTold:
    """What an ORU message tells."""

    at: datetime
    person: SentPerson
    visit_number: str | None
    results: tuple[ToldResult, ...]
    remarks: tuple[str, ...] = field(default=())
