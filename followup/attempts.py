"""An attempt: one try to reach a patient for one task. At most one is live per patient."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NewType

from care.patients import PatientId
from followup.outcomes import AttemptOutcome
from followup.plans import TaskId
from followup.states import follow

AttemptId = NewType("AttemptId", str)


class AttemptState(StrEnum):
    """Where an attempt is; everything but closed is live."""

    RESERVED = "reserved"
    IN_CALL = "in_call"
    WRAP_UP = "wrap_up"
    CLOSED = "closed"


class AttemptTrigger(StrEnum):
    """What moves an attempt."""

    CONNECT = "connect"
    END_CALL = "end_call"  # a person spoke: an agent has to say what came of it
    CLOSE = "close"


ATTEMPT_TRANSITIONS: dict[tuple[AttemptState, AttemptTrigger], AttemptState] = {
    (AttemptState.RESERVED, AttemptTrigger.CONNECT): AttemptState.IN_CALL,
    (AttemptState.IN_CALL, AttemptTrigger.END_CALL): AttemptState.WRAP_UP,
    (AttemptState.RESERVED, AttemptTrigger.CLOSE): AttemptState.CLOSED,
    (AttemptState.IN_CALL, AttemptTrigger.CLOSE): AttemptState.CLOSED,
    (AttemptState.WRAP_UP, AttemptTrigger.CLOSE): AttemptState.CLOSED,
}


def next_attempt_state(state: AttemptState, trigger: AttemptTrigger) -> AttemptState:
    """The state after `trigger`; IllegalTransitionError if the attempt cannot do that now."""
    return follow("attempt", ATTEMPT_TRANSITIONS, state, trigger)


@dataclass(kw_only=True, eq=False)
class Attempt:
    """One try (FHIR Communication): row first, then the call."""

    id: AttemptId
    task_id: TaskId
    patient_id: PatientId
    queue_id: str
    agent_id: str | None
    contact_point_id: str
    number: str
    ordinal: int
    state: AttemptState = AttemptState.RESERVED
    due_at: datetime
    reserved_at: datetime
    wrap_up_at: datetime | None = None
    closed_at: datetime | None = None
    outcome: AttemptOutcome | None = None
    outcome_by: str | None = None  # user id, or None when the system set it
    task_result: str | None = None  # completed, partially_completed or refused, as the agent judged
    decided_at: datetime | None = None  # when what comes next was decided
    identity_confirmed_at: datetime | None = None  # until then the agent sees the patient masked
    preview_until: datetime | None = None  # nothing is dialed before the agent says so; then it is None again
    ahead: bool = False  # dialed before an agent was chosen: whoever is free at the answer takes it
    person_at: datetime | None = None  # since when a person is known to be on such a line
    abandoned_at: datetime | None = None  # he found nobody, and was told whose call it was
    not_ahead_until: datetime | None = None  # until then this patient is rung only for an agent who waits for him
    skipped: str | None = None  # why the agent did not dial after the preview
    gate: dict[str, object] = field(default_factory=dict)  # the last verdict with its inputs
    answers: dict[str, object] = field(default_factory=dict)
