"""The closed lists of outcomes: what came of an attempt and what came of a task (business words, not line causes)."""

from enum import StrEnum

from followup.calls import Answered, EndReason, Party


class AttemptOutcome(StrEnum):
    """What one attempt came to. Metrics depend on this list, so nothing else is ever stored."""

    CONNECTED_PATIENT = "connected-patient"
    CONNECTED_PROXY = "connected-proxy"
    CONNECTED_WRONG_PERSON = "connected-wrong-person"
    WRONG_NUMBER = "wrong-number"
    ANSWERED_MACHINE = "answered-machine"
    NO_ANSWER = "no-answer"
    BUSY = "busy"
    UNREACHABLE = "unreachable"
    REJECTED = "rejected"
    INVALID_NUMBER = "invalid-number"
    NETWORK_FAILURE = "network-failure"
    CALLER_ABANDONED = "caller-abandoned"  # our side gave up or broke off
    BLOCKED_BY_POLICY = "blocked-by-policy"


REACHED_A_PERSON = frozenset(
    {
        AttemptOutcome.CONNECTED_PATIENT,
        AttemptOutcome.CONNECTED_PROXY,
        AttemptOutcome.CONNECTED_WRONG_PERSON,
        AttemptOutcome.WRONG_NUMBER,
    }
)

NOT_COUNTED = frozenset(
    {AttemptOutcome.NETWORK_FAILURE, AttemptOutcome.CALLER_ABANDONED, AttemptOutcome.BLOCKED_BY_POLICY}
)
"""Attempts that say nothing about the patient and do not use up one of the tries."""


NUMBER_IS_NO_USE = frozenset(
    {AttemptOutcome.WRONG_NUMBER, AttemptOutcome.INVALID_NUMBER, AttemptOutcome.CONNECTED_WRONG_PERSON}
)
"""After these the same number is not dialed again for the task: another one is needed."""


NOT_THE_PATIENT = frozenset({AttemptOutcome.WRONG_NUMBER, AttemptOutcome.CONNECTED_WRONG_PERSON})
"""Somebody else spoke: nothing that was said belongs into this patient's record."""


class TaskOutcome(StrEnum):
    """What a task came to."""

    COMPLETED = "completed"
    PARTIALLY_COMPLETED = "partially-completed"
    REFUSED = "refused"
    LOST_TO_FOLLOW_UP = "lost-to-follow-up"
    DECEASED = "deceased"
    READMITTED = "readmitted"
    TRANSFERRED = "transferred"
    CANCELLED = "cancelled"
    NOT_DUE = "not-due"


_BY_END_REASON = {
    EndReason.BUSY: AttemptOutcome.BUSY,
    EndReason.NO_ANSWER: AttemptOutcome.NO_ANSWER,
    EndReason.REJECTED: AttemptOutcome.REJECTED,
    EndReason.INVALID_NUMBER: AttemptOutcome.INVALID_NUMBER,
    EndReason.UNREACHABLE: AttemptOutcome.UNREACHABLE,
    EndReason.CONGESTION: AttemptOutcome.NETWORK_FAILURE,
    EndReason.NETWORK_FAILURE: AttemptOutcome.NETWORK_FAILURE,
    EndReason.MACHINE: AttemptOutcome.ANSWERED_MACHINE,
    EndReason.CANCELLED: AttemptOutcome.CALLER_ABANDONED,
    EndReason.WORKER_LOST: AttemptOutcome.CALLER_ABANDONED,
    EndReason.TIME_LIMIT: AttemptOutcome.CALLER_ABANDONED,
    EndReason.REFUSED_BY_GATE: AttemptOutcome.BLOCKED_BY_POLICY,
}


def outcome_without_a_person(
    end_reason: EndReason, party: Party, *, answered: bool, answered_by: Answered | None
) -> AttemptOutcome | None:
    """The outcome the system may set by itself, or None when a person spoke and a person must decide.

    A call that was answered and then ended normally was a conversation, unless a machine took it. One that our own
    side lost after the answer is the agent's to judge too: the patient may have said what mattered.
    """
    if answered_by is Answered.MACHINE or end_reason is EndReason.MACHINE:
        return AttemptOutcome.ANSWERED_MACHINE
    if answered:
        return None
    if end_reason is EndReason.HANG_UP:
        return AttemptOutcome.REJECTED if party is Party.PATIENT else AttemptOutcome.CALLER_ABANDONED
    return _BY_END_REASON[end_reason]
