"""What a patient, or whoever may hear for him, reads of his record on his own page; and which part is for whom."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from care.observations import Observation, Setting
from care.relatives import Matter
from care.stage_facts import GoalLine, MedicineLine


class OwnPart(StrEnum):
    """A part of the page."""

    APPOINTMENTS = "appointments"
    CONTACTS = "contacts"
    RESULTS = "results"
    MEDICINES = "medicines"
    GOALS = "goals"
    ADVICE = "advice"
    ANSWERS = "answers"
    SUMMARIES = "summaries"
    LISTENERS = "listeners"


_OPENED_BY: dict[Matter, frozenset[OwnPart]] = {
    Matter.APPOINTMENTS: frozenset({OwnPart.APPOINTMENTS, OwnPart.CONTACTS}),
    Matter.BOOKING: frozenset({OwnPart.APPOINTMENTS}),
    Matter.COMPLAINTS: frozenset({OwnPart.ANSWERS}),
    Matter.SYMPTOMS: frozenset({OwnPart.RESULTS, OwnPart.ANSWERS}),
    Matter.MEDICINES: frozenset({OwnPart.MEDICINES, OwnPart.ANSWERS}),
    Matter.RESULTS: frozenset({OwnPart.RESULTS, OwnPart.GOALS, OwnPart.ADVICE, OwnPart.ANSWERS}),
}
"""Advice and goals tell what somebody suffers from: they are findings. Nothing opens psychology here."""

_AT_HOME = frozenset({Setting.HOME, Setting.DEVICE, Setting.TOLD})


def parts_for(scope: Collection[Matter] | None) -> frozenset[OwnPart]:
    """The parts that a relative with this scope reads; None: the patient himself, who reads all."""
    if scope is None:
        return frozenset(OwnPart)
    return frozenset(part for matter in scope for part in _OPENED_BY.get(matter, ()))


def may_read_result(scope: Collection[Matter] | None, result: Observation) -> bool:
    """What is measured at home is how he is; what others measured are findings."""
    return scope is None or (Matter.SYMPTOMS if result.setting in _AT_HOME else Matter.RESULTS) in scope


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentLine:
    """A visit to come."""

    at: datetime
    department: str
    doctor: str
    ward: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactAhead:
    """A call that is planned: between which days, by whom, about what."""

    first_day: date
    last_day: date
    automated: bool
    about: str  # the form's title; empty where it is not for this reader


@dataclass(frozen=True, slots=True, kw_only=True)
class NewestResult:
    """The newest result of one thing, with its own reference range."""

    name: str
    value: str
    unit: str
    low: str
    high: str
    mark: str  # "low", "high", "within", "unknown"
    on: date
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Advice or a lesson, as it was given."""

    title: str
    text: str
    on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredForm:
    """A form that was answered, question by question."""

    title: str
    on: date
    answers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedSummary:
    """A summary that can be opened. `place` counts the patient's summaries and says nothing of any other."""

    place: int
    number: str
    since: date
    until: date
    signed_on: date
    signer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Whom the patient lets hear what, and until when."""

    name: str
    relation: str
    matters: tuple[Matter, ...]
    until: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPage:
    """Everything that stands on the page. A part that is not in `parts` is not there at all, not even empty."""

    name: str
    reader: str  # the relative's relation; empty for the patient
    at: datetime
    zone: str
    parts: frozenset[OwnPart]
    appointments: tuple[AppointmentLine, ...] = ()
    contacts: tuple[ContactAhead, ...] = ()
    results: tuple[NewestResult, ...] = ()
    medicines: tuple[MedicineLine, ...] = ()
    goals: tuple[GoalLine, ...] = ()
    advice: tuple[Told, ...] = ()
    answers: tuple[AnsweredForm, ...] = ()
    answers_kept_back: bool = False
    summaries: tuple[SignedSummary, ...] = ()
    listeners: tuple[Listener, ...] = ()
