"""Answers to a form (FHIR QuestionnaireResponse): one instance for a task over all its calls, modes and helpers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from care.forms import AnswerRefusedError, Answers, Form, FormItem, enabled_items
from care.patients import PatientId
from care.relatives import Matter, Relative, may_be_told


class ResponseMode(StrEnum):
    """How an answer came in."""

    AGENT = "agent"
    KEYS = "keys"  # of the telephone, in an automated call
    LINK = "link"  # by the patient on a page
    PAPER = "paper"  # typed in by somebody of the hospital


class ResponseState(StrEnum):
    """Whether the answers may still be changed; FHIR's words."""

    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    AMENDED = "amended"  # completed, and corrected afterwards with a reason


class SkipReason(StrEnum):
    """Why a question was not put to whoever answered."""

    NOT_FOR_RELATIVES = "not-for-relatives"
    BEYOND_SCOPE = "beyond-scope"


class ResponseClosedError(ValueError):
    """Somebody tried to change complete answers."""

    def __init__(self) -> None:
        super().__init__("the answers are complete and cannot be changed; amend one with a reason instead")


class ResponseOpenError(ValueError):
    """Somebody tried to amend answers that are not complete."""

    def __init__(self) -> None:
        super().__init__("the answers are not complete yet: change the answer itself")


class ResponseIncompleteError(ValueError):
    """Required questions stand open."""

    def __init__(self, missing: tuple[str, ...]) -> None:
        super().__init__(f"required questions have no answer: {', '.join(missing)}; ask them, or leave it in progress")
        self.missing = missing


@dataclass(kw_only=True, eq=False)
class Response:
    """The answers of one patient to one form; `answers` are those that count now, the history keeps all."""

    id: str
    form_id: str
    form_version: int
    patient_id: PatientId
    task_id: str | None
    state: ResponseState = ResponseState.IN_PROGRESS
    answers: dict[str, bool | int | float | str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)  # link_id → SkipReason
    started_at: datetime
    changed_at: datetime
    completed_at: datetime | None = None
    completed_by: str | None = None
    completed_mode: ResponseMode | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenAnswer:
    """One line of the history: who gave which answer, how and when; `value` None takes the answer back."""

    response_id: str
    link_id: str
    value: bool | float | str | None
    mode: ResponseMode
    by: str | None  # the user who wrote it down; None: keys or link
    relative_id: str | None  # who spoke, if it was not the patient
    attempt_id: str | None
    at: datetime
    reason: str = ""  # of an amendment


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """A score at its time (FHIR Observation, derivedFrom the response); a later one does not change it."""

    id: str
    patient_id: PatientId
    response_id: str
    code: str  # form.score
    form_version: int
    value: float
    band: str | None
    at: datetime


def refuse_for_relative(item: FormItem, relative: Relative, now: datetime) -> None:
    """AnswerRefusedError where this relative may not be asked the question."""
    reason = skip_reason(item, relative.matters(now))
    if reason is SkipReason.NOT_FOR_RELATIVES:
        raise AnswerRefusedError(item.link_id, "only the patient can answer this", "leave it for a call with him")
    if reason is SkipReason.BEYOND_SCOPE:
        raise AnswerRefusedError(
            item.link_id,
            f"the patient has not allowed this relative to speak about {item.matter.value}",
            "leave it for a call with the patient, or record his consent",
        )


def skip_reason(item: FormItem, scope: frozenset[Matter]) -> SkipReason | None:
    """Why a question is not put to a relative with this scope; None if it is."""
    if not item.for_proxies:
        return SkipReason.NOT_FOR_RELATIVES
    return None if may_be_told(scope, item.matter) else SkipReason.BEYOND_SCOPE


def skips_of(form: Form, answers: Answers, scope: frozenset[Matter]) -> Mapping[str, str]:
    """Every open question without an answer that a relative with this scope is not asked, and why."""
    found = {}
    for item in enabled_items(form, answers):
        reason = skip_reason(item, scope)
        if reason is not None and item.link_id not in answers:
            found[item.link_id] = reason.value
    return found
