"""What a patient has agreed to: by purpose and channel, the latest word counts (FHIR Consent)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from care.patients import PatientId


class Purpose(StrEnum):
    """What a contact is for; every plan and task has exactly one."""

    CARE = "care"  # follow-up of an illness or operation
    REMINDER = "reminder"  # appointment, examination, medicine
    SURVEY = "survey"
    COMPLAINT = "complaint"


class ConsentScope(StrEnum):
    """What is agreed to: being contacted for a purpose by a channel, or being recorded."""

    PHONE = "phone"
    AUTOMATED_PHONE = "automated_phone"
    MESSAGE = "message"
    RECORDING = "recording"


@dataclass(kw_only=True, eq=False)
class Consent:
    """One statement of consent or its withdrawal; rows are added, never changed."""

    id: str
    patient_id: PatientId
    purpose: Purpose
    scope: ConsentScope
    granted: bool
    source: str  # form, call, portal
    call_id: str | None = None
    at_second: float | None = None  # within the recording of that call
    recorded_at: datetime


def is_granted(consents: Iterable[Consent], purpose: Purpose, scope: ConsentScope) -> bool:
    """True if the latest statement for this purpose and scope grants it; silence is no consent."""
    statements = [c for c in consents if c.purpose is purpose and c.scope is scope]
    return bool(statements) and max(statements, key=lambda c: (c.recorded_at, not c.granted)).granted
