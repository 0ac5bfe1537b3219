"""After an attempt: what comes next, decided once and written down with everything that follows from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import structlog

from care.patients import NumberQuality, Patient
from db.gate import Gate
from db.unit_of_work import UnitOfWork
from followup.attempts import Attempt, AttemptState
from followup.events import DomainEvent, EventKind
from followup.outcomes import NUMBER_IS_NO_USE, AttemptOutcome, TaskOutcome
from followup.plans import Task, TaskState, TaskTrigger, next_task_state
from followup.what_next import AttemptPolicy, NextAction, NextStep, decide_next
from runtime.content.library import Content
from runtime.settings import Jurisdiction, Settings
from scheduler.task_steps import ask_for_a_person, close_task

log = structlog.get_logger(__name__)

_NOBODYS_NUMBER = frozenset({AttemptOutcome.WRONG_NUMBER, AttemptOutcome.INVALID_NUMBER})

_CLOSING = {
    TaskOutcome.COMPLETED: TaskTrigger.COMPLETE,
    TaskOutcome.PARTIALLY_COMPLETED: TaskTrigger.COMPLETE_PARTIALLY,
    TaskOutcome.REFUSED: TaskTrigger.REFUSE,
    TaskOutcome.LOST_TO_FOLLOW_UP: TaskTrigger.LOSE,
}
"""How a task ends with an outcome; with any other it is cancelled."""

_AFTER_THE_WINDOW = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptPolicies:
    """How often and how soon each queue tries again; under `only` every queue follows that one policy."""

    by_id: Mapping[str, AttemptPolicy]
    only: str | None = None

    @classmethod
    def of(cls, settings: Settings, content: Content) -> "AttemptPolicies":
        """The policies of an installation: in the demo a round must be short enough to be watched."""
        only = Jurisdiction.DEMO.value if settings.jurisdiction is Jurisdiction.DEMO else None
        return cls(by_id=content.policies, only=only)

    def of_queue(self, uow: UnitOfWork, queue_id: str) -> AttemptPolicy:
        """The policy that a queue follows."""
        queue = uow.queues.get(queue_id)
        wanted = self.only or (queue.policy if queue else "")
        if wanted not in self.by_id:
            raise LookupError(
                f"queue {queue_id} names the attempt policy {wanted!r}, which content/attempt_policies does not have: "
                f"set one of {', '.join(sorted(self.by_id))}"
            )
        return self.by_id[wanted]


def decide_next_for(uow: UnitOfWork, attempt_id: str, *, gate: Gate, policies: AttemptPolicies) -> bool:
    """Decide what follows a closed attempt and write it down; False when there was nothing to decide (any more)."""
    attempt = uow.attempts.for_update(attempt_id)
    if attempt is None:
        log.error("attempt_unknown", attempt=attempt_id)
        return False
    if attempt.state is not AttemptState.CLOSED or attempt.outcome is None or attempt.decided_at is not None:
        log.info("attempt_not_to_decide", attempt=attempt_id, state=attempt.state.value)
        return False
    task, patient = uow.plans.task_for_update(attempt.task_id), uow.patients.get(attempt.patient_id)
    if task is None or patient is None:
        raise LookupError(f"attempt {attempt_id}: its task or patient does not exist")
    _learn(uow, attempt, patient)
    attempt.decided_at = uow.now
    uow.emit(
        DomainEvent(
            kind=EventKind.NEXT_DECIDED,
            subject=attempt.id,
            ids={"task": task.id, "patient": task.patient_id, "queue": task.queue_id},
        )
    )
    if task.state is not TaskState.IN_PROGRESS:
        log.info("task_closed_meanwhile", attempt=attempt.id, task=task.id, state=task.state.value)
        return True
    step = _next_step(uow, attempt, task, patient, gate=gate, policy=policies.of_queue(uow, task.queue_id))
    _apply(uow, task, step)
    log.info(
        "next_decided",
        attempt=attempt.id,
        task=task.id,
        outcome=attempt.outcome.value,
        action=step.action.value,
        at=step.at.isoformat() if step.at else None,
        because=step.reason,
    )
    return True


def _learn(uow: UnitOfWork, attempt: Attempt, patient: Patient) -> None:
    """What the attempt told about the person: a number that is not his, or that he has died."""
    if attempt.outcome in _NOBODYS_NUMBER:
        for point in patient.contact_points:
            if point.id == attempt.contact_point_id:
                point.quality = NumberQuality.WRONG
    if attempt.task_result == TaskOutcome.DECEASED and patient.deceased_at is None:
        # Nobody of this family may be rung about the dead by any other task; the day itself is the record's matter.
        patient.deceased_at = attempt.closed_at or uow.now


def _next_step(
    uow: UnitOfWork, attempt: Attempt, task: Task, patient: Patient, *, gate: Gate, policy: AttemptPolicy
) -> NextStep:
    past = uow.attempts.of_task(task.id)
    number = patient.best_number(besides={a.contact_point_id for a in past if a.outcome in NUMBER_IS_NO_USE})
    block_passes = False
    if attempt.outcome is AttemptOutcome.BLOCKED_BY_POLICY:
        verdict = gate.ask(uow, task, number, now=uow.now).verdict
        block_passes = verdict.allowed or verdict.waiting_helps
    return decide_next(
        policy=policy,
        profile=gate.profile,
        zone=patient.zone,
        outcomes=[a.outcome for a in past if a.outcome is not None],
        task_result=TaskOutcome(attempt.task_result) if attempt.task_result else None,
        latest_at=task.latest_at,
        another_number=number is not None,
        now=uow.now,
        block_passes=block_passes,
    )


def _apply(uow: UnitOfWork, task: Task, step: NextStep) -> None:
    if step.task_outcome is not None:
        close_task(uow, task, _CLOSING.get(step.task_outcome, TaskTrigger.CANCEL), step.task_outcome, step.action)
        return
    task.state = next_task_state(task.state, TaskTrigger.CALL_AGAIN)
    if step.action is NextAction.CALL_AGAIN and step.at is not None:
        task.next_action, task.next_at = step.action.value, step.at
        task.next_attempt_at = step.at
        # The scheduler sleeps until the next hour it knows of; this one is new.
        uow.outbox.wake()
        return
    # It stays open for a person until its window closes; no machine and no matching takes it up before.
    ask_for_a_person(uow, task, look_again_at=task.latest_at + _AFTER_THE_WINDOW)
