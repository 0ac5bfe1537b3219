"""What a patient has agreed to: by purpose and channel, the latest word counts (FHIR Consent)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from care.patients import PatientId


class Purpose(StrEnum):
    """What a contact is for; every plan and task has exactly one."""

    CARE = "care"  # follow-up of an illness or operation
    REMINDER = "reminder"  # appointment, examination, medicine
    SURVEY = "survey"
    COMPLAINT = "complaint"
    MARKETING = "marketing"
    RESEARCH = "research"


class ConsentScope(StrEnum):
    """What is agreed to: being contacted for a purpose by a channel, being recorded, being passed on."""

    PHONE = "phone"
    AUTOMATED_PHONE = "automated_phone"  # a machine speaks
    MESSAGE = "message"  # any of the three that follow, unless one of them was spoken of later
    SMS = "sms"
    EMAIL = "email"
    WECHAT = "wechat"
    RECORDING = "recording"
    RELATIVE = "relative"  # that a relative is rung on his own number instead
    DISCLOSURE = "disclosure"  # that a relative hears what he may
    THIRD_PARTY = "third_party"  # that what was learned is passed to somebody outside the hospital


class Standing(StrEnum):
    """Where a patient stands on one purpose and scope."""

    GRANTED = "granted"
    WITHDRAWN = "withdrawn"
    SILENT = "silent"  # never asked: no consent, and no refusal either


class LegalBasis(StrEnum):
    """On what a contact rests."""

    CONSENT = "consent"
    DUTY_OF_CARE = "duty_of_care"  # the law's own duty to follow up; a refusal is respected all the same


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


class Word(Protocol):
    """One statement, as far as it is asked for here."""

    @property
    def purpose(self) -> Purpose:
        """What for."""

    @property
    def scope(self) -> ConsentScope:
        """By which channel."""

    @property
    def granted(self) -> bool:
        """Agreed, or withdrawn."""

    @property
    def recorded_at(self) -> datetime:
        """When it was said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A statement of a patient without its evidence."""

    purpose: Purpose
    scope: ConsentScope
    granted: bool
    recorded_at: datetime


_ALSO_SAID_BY = {
    ConsentScope.SMS: ConsentScope.MESSAGE,
    ConsentScope.EMAIL: ConsentScope.MESSAGE,
    ConsentScope.WECHAT: ConsentScope.MESSAGE,
}
"""Scopes of which a word about a wider one speaks too."""

_ALSO_REFUSED_BY = {ConsentScope.AUTOMATED_PHONE: ConsentScope.PHONE}
"""Who wants no calls wants none by a machine either; who agrees to a person's call has not agreed to a machine's."""


def standing(words: Iterable[Word], purpose: Purpose, scope: ConsentScope) -> Standing:
    """Where the patient stands: his latest word counts, and of two at one instant the refusal."""
    statements = [
        word
        for word in words
        if word.purpose is purpose
        and (
            word.scope is scope
            or word.scope is _ALSO_SAID_BY.get(scope)
            or (word.scope is _ALSO_REFUSED_BY.get(scope) and not word.granted)
        )
    ]
    if not statements:
        return Standing.SILENT
    last = max(statements, key=lambda word: (word.recorded_at, not word.granted))
    return Standing.GRANTED if last.granted else Standing.WITHDRAWN


def is_granted(words: Iterable[Word], purpose: Purpose, scope: ConsentScope) -> bool:
    """True if the latest statement for this purpose and scope grants it; silence is no consent."""
    return standing(words, purpose, scope) is Standing.GRANTED


def is_permitted(where: Standing, basis: LegalBasis) -> bool:
    """True if a contact may rest on this: a grant always, silence only where the law's duty bears it."""
    return where is Standing.GRANTED or (where is Standing.SILENT and basis is LegalBasis.DUTY_OF_CARE)
