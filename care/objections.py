"""Do not call: who or what number is closed to calls, for what, since when, by whose word; and a doctor's exception."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from care.consent import Purpose
from care.patients import PatientId


class ObjectionSource(StrEnum):
    """Where the word came from."""

    CALL = "call"
    KEYS = "keys"  # the opt-out key of an automated call
    MESSAGE = "message"
    PORTAL = "portal"
    VISIT = "visit"
    LETTER = "letter"
    RELATIVE = "relative"
    AUTHORITY = "authority"
    LIST = "list"  # brought in with a list of numbers
    UNKNOWN = "unknown"


@dataclass(kw_only=True, eq=False)
class Objection:
    """One entry of the do-not-call list: of a person or a number, for one purpose or all, for one campaign or all.

    Entries are lifted, never removed, so that it can be told later what held when.
    """

    id: str
    patient_id: PatientId | None = None
    number: str | None = None
    purpose: Purpose | None = None
    campaign_id: str | None = None
    reason: str
    source: ObjectionSource = ObjectionSource.UNKNOWN
    call_id: str | None = None
    at_second: float | None = None  # within the recording of that call
    recorded_by: str | None = None
    since: datetime
    lifted_at: datetime | None = None
    lifted_by: str | None = None
    lifted_because: str = ""

    def __post_init__(self) -> None:
        if self.patient_id is None and self.number is None:
            raise ValueError("an objection names a person or a number")


@dataclass(kw_only=True, eq=False)
class DoctorsException:
    """A doctor's word that a patient is to be rung for his care all the same, with the reason and an end."""

    id: str
    patient_id: PatientId
    task_id: str | None = None  # None: every task of his care
    doctor: str
    reason: str
    recorded_by: str
    recorded_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None
