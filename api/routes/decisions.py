"""What the system decided after attempts, why, and how to take it back; what each queue's policy says."""

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import StringConstraints

from api import found
from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant
from api.permissions import CareTeam, CareTeamCommanding, Everybody, OverseersCommanding
from api.problems import Kind, Problem, problems
from api.wiring import wiring_of
from db.unit_of_work import UnitOfWork
from followup.decisions import Decision, UndoRefusedError
from followup.outcomes import TaskOutcome
from followup.what_next import DecisionReason, NextAction
from runtime.content.attempt_policies import PolicyChangeError, PolicyDocument
from runtime.content.documents import Wording
from scheduler.undoing import undo_decision

router = APIRouter(tags=["decisions"], route_class=Route)


class DecisionAnswer(Answer):
    """What was decided after an attempt for one of its tasks, and whether it was undone."""

    id: str
    attempt_id: str
    task_id: str
    patient_id: str
    decided_at: Instant
    action: NextAction
    reason: DecisionReason
    words: Wording
    next_at: Instant | None
    next_number: str | None  # the contact point that the next try dials
    task_outcome: TaskOutcome | None
    policy: str
    tries_counted: int
    undo_until: Instant
    undone_at: Instant | None
    undone_by: str | None
    undo_reason: str


class DecisionsAnswer(Answer):
    """Decisions, of an attempt in their order, of a task the newest first."""

    decisions: list[DecisionAnswer]


class UndoAsk(Ask):
    """Why the decision is taken back."""

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class PolicyAsk(Ask):
    """A queue's own values of its attempt policy; an empty object takes them all back."""

    changes: dict[str, Any]


class PolicyChangeAnswer(Answer):
    """A queue's own values as somebody once set them."""

    changes: dict[str, Any]
    set_at: Instant
    set_by: str


class QueuePolicyAnswer(Answer):
    """What a queue follows: its policy with its own values in it, and who set these when (newest first)."""

    queue_id: str
    policy: PolicyDocument
    changes: dict[str, Any]
    history: list[PolicyChangeAnswer]


@router.get("/attempts/{attempt_id}/decisions", responses=problems(Kind.UNKNOWN_ATTEMPT))
def decisions_of_attempt(attempt_id: Id, caller: CareTeam, request: Request, uow: Work) -> DecisionsAnswer:
    """What was decided after an attempt, one for each of its tasks; none until it was."""
    attempt = found.attempt(uow, attempt_id)
    _viewed(uow, caller, "attempt", attempt.id, attempt.patient_id)
    return _answer(request, uow.decisions.of_attempt(attempt.id))


@router.get("/tasks/{task_id}/decisions", responses=problems(Kind.UNKNOWN_TASK))
def decisions_of_task(task_id: Id, caller: CareTeam, request: Request, uow: Work) -> DecisionsAnswer:
    """Every decision about a task, newest first."""
    task = found.task(uow, task_id)
    _viewed(uow, caller, "task", task.id, task.patient_id)
    return _answer(request, uow.decisions.of_task(task.id))


@router.post(
    "/attempts/{attempt_id}/undo-decision",
    responses=problems(Kind.UNKNOWN_ATTEMPT, Kind.NOT_YOURS, Kind.NOT_POSSIBLE_NOW),
)
def undo_after_attempt(
    attempt_id: Id, ask: UndoAsk, caller: CareTeamCommanding, request: Request, uow: Work
) -> DecisionsAnswer:
    """Take back what the system decided: the task is as it was before and waits for a person."""
    attempt = found.attempt(uow, attempt_id)
    if attempt.agent_id is not None:
        found.only_own(attempt.agent_id, caller, "attempt_id")
    try:
        undone = undo_decision(uow, attempt.id, by=caller.user_id, reason=ask.reason)
    except UndoRefusedError as refusal:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "attempt_id", str(refusal)) from refusal
    return _answer(request, undone)


@router.get("/queues/{queue_id}/attempt-policy", responses=problems(Kind.UNKNOWN_QUEUE))
def queue_policy(queue_id: Id, caller: Everybody, request: Request, uow: Work) -> QueuePolicyAnswer:  # noqa: ARG001
    """What a queue follows after each outcome."""
    return _queue_policy(request, uow, queue_id)


@router.post("/queues/{queue_id}/attempt-policy", responses=problems(Kind.UNKNOWN_QUEUE))
def change_queue_policy(
    queue_id: Id, ask: PolicyAsk, caller: OverseersCommanding, request: Request, uow: Work
) -> QueuePolicyAnswer:
    """Set a queue's own values; they hold for every decision from now on, those before stay on record."""
    queue = found.queue(uow, queue_id)
    content = wiring_of(request).content
    document = _document(request, queue.policy)
    try:
        changed = document.changed(ask.changes)
    except PolicyChangeError as error:
        raise Problem.of(Kind.INVALID_REQUEST, "changes", str(error)) from error
    unknown = sorted(changed.texts() - set(content.messages))
    if unknown:
        raise Problem.of(
            Kind.INVALID_REQUEST,
            "changes",
            f"there is no message {', '.join(unknown)}; choose of {', '.join(sorted(content.messages))}",
        )
    uow.decisions.change_queue(queue.id, ask.changes, now=uow.now, by=caller.user_id)
    uow.audit.note(
        user_id=caller.user_id,
        action="attempt_policy_changed",
        subject_kind="queue",
        subject=queue.id,
        detail={"changes": ask.changes},
    )
    return _queue_policy(request, uow, queue_id)


def _queue_policy(request: Request, uow: UnitOfWork, queue_id: str) -> QueuePolicyAnswer:
    queue = found.queue(uow, queue_id)
    changes = dict(uow.decisions.queue_changes(queue.id))
    return QueuePolicyAnswer(
        queue_id=queue.id,
        policy=_document(request, queue.policy).changed(changes),
        changes=changes,
        history=[
            PolicyChangeAnswer(changes=row.changes, set_at=row.set_at, set_by=row.set_by)
            for row in uow.decisions.queue_history(queue.id)
        ],
    )


def _document(request: Request, policy: str) -> PolicyDocument:
    documents = wiring_of(request).content.policy_documents
    if policy not in documents:
        raise Problem.of(
            Kind.INVALID_REQUEST,
            "policy",
            f"the queue names the attempt policy {policy}, which content/attempt_policies does not have; set one of "
            f"{', '.join(sorted(documents))}",
        )
    return documents[policy]


def _answer(request: Request, decisions: Any) -> DecisionsAnswer:
    words = wiring_of(request).content.decision_reasons
    return DecisionsAnswer(decisions=[_one(decision, words[decision.reason]) for decision in decisions])


def _one(decision: Decision, words: Wording) -> DecisionAnswer:
    return DecisionAnswer(
        id=decision.id,
        attempt_id=decision.attempt_id,
        task_id=decision.task_id,
        patient_id=decision.patient_id,
        decided_at=decision.decided_at,
        action=decision.action,
        reason=decision.reason,
        words=words,
        next_at=decision.next_at,
        next_number=decision.next_number,
        task_outcome=decision.task_outcome,
        policy=decision.policy,
        tries_counted=decision.tries_counted,
        undo_until=decision.undo_until,
        undone_at=decision.undone_at,
        undone_by=decision.undone_by,
        undo_reason=decision.undo_reason,
    )


def _viewed(uow: UnitOfWork, caller: Caller, kind: str, subject: str, patient_id: str) -> None:
    uow.audit.note(
        user_id=caller.user_id,
        action="decisions_viewed",
        subject_kind=kind,
        subject=subject,
        patient_id=patient_id,
    )
