"""A decision of the system as it is kept: what it was, why, what the task was before, and whether it was undone."""

from dataclasses import dataclass, field
from datetime import datetime

from followup.outcomes import TaskOutcome
from followup.plans import Task, TaskState
from followup.what_next import NEXT_NUMBER, DecisionReason, NextAction


class UndoRefusedError(Exception):
    """A decision cannot be undone; the sentence says why and what helps."""


@dataclass(kw_only=True, eq=False)
class Decision:
    """What was decided after an attempt for one of its tasks."""

    id: str
    attempt_id: str
    task_id: str
    patient_id: str
    queue_id: str
    decided_at: datetime
    action: NextAction
    reason: DecisionReason
    next_at: datetime | None
    next_number: str | None  # contact point of the next try, where it was chosen
    task_outcome: TaskOutcome | None
    policy: str  # id/version, with + where the queue has values of its own
    tries_counted: int
    before: dict[str, object] = field(default_factory=dict)
    left: dict[str, object] = field(default_factory=dict)  # the task as the decision left it
    closed_number: str | None = None  # contact point that was closed with this attempt
    closed_number_was: str | None = None  # its quality before
    undo_until: datetime
    undone_at: datetime | None = None
    undone_by: str | None = None
    undo_reason: str = ""


def picture(task: Task) -> dict[str, object]:
    """What of a task a decision may change, in a form that can be kept and compared."""
    return {
        "state": task.state.value,
        "priority": task.priority,
        "next_attempt_at": task.next_attempt_at.isoformat(),
        "next_action": task.next_action,
        "next_at": task.next_at.isoformat() if task.next_at else None,
        "outcome": task.outcome.value if task.outcome else None,
        "next_number": task.variables.get(NEXT_NUMBER),
        "attempts_made": task.attempts_made,
    }


def refuse_undo(decision: Decision, task: Task, *, last_attempt_id: str, now: datetime) -> None:
    """UndoRefusedError where a decision stands: too late, given by a person, or something has happened since."""
    if decision.undone_at is not None:
        raise UndoRefusedError("the decision was undone already")
    if decision.action is NextAction.DONE:
        raise UndoRefusedError("the task's result was given by the person who spoke; correct it in the note")
    if now > decision.undo_until:
        raise UndoRefusedError(
            f"a decision can be undone until {decision.undo_until:%H:%M} UTC; dial or cancel the task instead"
        )
    if now > task.latest_at:
        raise UndoRefusedError("the task's window has closed meanwhile; plan a new task")
    if last_attempt_id != decision.attempt_id:
        raise UndoRefusedError("the patient was called again meanwhile")
    if task.state is TaskState.IN_PROGRESS:
        raise UndoRefusedError("an alert holds the task: say what came of it first")
    if picture(task) != decision.left:
        raise UndoRefusedError(f"the task was changed meanwhile; it is {task.state.value} now")
