"""After an attempt: what comes next for each of its tasks, decided once and written down with all that follows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

import structlog

from care.patients import ContactPoint, NumberQuality, Patient
from db.gate import Gate
from db.unit_of_work import UnitOfWork
from followup.attempts import Attempt, AttemptState
from followup.best_hour import chances_by_part, counts_by_part
from followup.decisions import Decision, picture
from followup.dialing_rules import next_opening
from followup.events import DomainEvent, EventKind
from followup.outcomes import NUMBER_IS_NO_USE, AttemptOutcome, TaskOutcome
from followup.plans import Task, TaskState, TaskTrigger, next_task_state
from followup.what_next import NEXT_NUMBER, AttemptPolicy, NextAction, NextStep, Try, counted, decide_next
from runtime.content.attempt_policies import PolicyDocument
from runtime.content.library import Content
from runtime.identifiers import new_id
from runtime.settings import Jurisdiction, Settings
from scheduler.notices import Notices
from scheduler.stops import patient_died, stopped_outcome
from scheduler.task_steps import ask_for_a_person, close_task, hold_for_a_person

log = structlog.get_logger(__name__)

_NOBODYS_NUMBER = frozenset({AttemptOutcome.WRONG_NUMBER, AttemptOutcome.INVALID_NUMBER})

CLOSING = {
    TaskOutcome.COMPLETED: TaskTrigger.COMPLETE,
    TaskOutcome.PARTIALLY_COMPLETED: TaskTrigger.COMPLETE_PARTIALLY,
    TaskOutcome.REFUSED: TaskTrigger.REFUSE,
    TaskOutcome.LOST_TO_FOLLOW_UP: TaskTrigger.LOSE,
}
"""How a task ends with an outcome; with any other it is cancelled."""

AFTER_THE_WINDOW = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePolicy:
    """What a queue follows: the policy with the queue's own values in it, and its name as decisions keep it."""

    policy: AttemptPolicy
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptPolicies:
    """How each queue tries again; under `only` every queue follows that one policy, without values of its own."""

    by_id: Mapping[str, AttemptPolicy]
    documents: Mapping[str, PolicyDocument] = field(default_factory=dict)
    only: str | None = None
    notices: Notices | None = None  # None: no message is ever written

    @classmethod
    def of(cls, settings: Settings, content: Content) -> "AttemptPolicies":
        """The policies of an installation: in the demo a round must be short enough to be watched."""
        only = Jurisdiction.DEMO.value if settings.jurisdiction is Jurisdiction.DEMO else None
        return cls(
            by_id=content.policies,
            documents=content.policy_documents,
            only=only,
            notices=Notices.of(settings, content),
        )

    def of_queue(self, uow: UnitOfWork, queue_id: str) -> AttemptPolicy:
        """The policy that a queue follows."""
        return self.named(uow, queue_id).policy

    def named(self, uow: UnitOfWork, queue_id: str) -> QueuePolicy:
        """The policy that a queue follows, with its name."""
        queue = uow.queues.get(queue_id)
        wanted = self.only or (queue.policy if queue else "")
        if wanted not in self.by_id:
            raise LookupError(
                f"queue {queue_id} names the attempt policy {wanted!r}, which content/attempt_policies does not have: "
                f"set one of {', '.join(sorted(self.by_id))}"
            )
        policy = self.by_id[wanted]
        name = f"{policy.id}/{policy.version}"
        changes = uow.decisions.queue_changes(queue_id) if self.only is None and wanted in self.documents else {}
        if not changes:
            return QueuePolicy(policy=policy, name=name)
        return QueuePolicy(policy=self.documents[wanted].changed(changes).value(), name=f"{name}+")


def decide_next_for(uow: UnitOfWork, attempt_id: str, *, gate: Gate, policies: AttemptPolicies) -> bool:
    """Decide what follows a closed attempt and write it down; False when there was nothing to decide (any more)."""
    attempt = uow.attempts.for_update(attempt_id)
    if attempt is None:
        log.error("attempt_unknown", attempt=attempt_id)
        return False
    if attempt.state is not AttemptState.CLOSED or attempt.outcome is None or attempt.decided_at is not None:
        log.info("attempt_not_to_decide", attempt=attempt_id, state=attempt.state.value)
        return False
    results = uow.attempts.results_of(attempt.id)
    patient = uow.patients.get(attempt.patient_id)
    if patient is None:
        raise LookupError(f"attempt {attempt_id}: its patient does not exist")
    closed = _learn(uow, attempt, patient, [result for result in results.values() if result])
    attempt.decided_at = uow.now
    for task_id, result in results.items():
        task = uow.plans.task_for_update(task_id)
        if task is None:
            raise LookupError(f"attempt {attempt_id}: its task {task_id} does not exist")
        uow.emit(
            DomainEvent(
                kind=EventKind.NEXT_DECIDED,
                subject=attempt.id,
                ids={"task": task.id, "patient": task.patient_id, "queue": task.queue_id},
            )
        )
        if task.state is not TaskState.IN_PROGRESS:
            log.info("task_closed_meanwhile", attempt=attempt.id, task=task.id, state=task.state.value)
            continue
        own = result or (attempt.task_result if task.id == attempt.task_id else None)
        _decide_for_task(uow, attempt, task, patient, own, closed, gate=gate, policies=policies)
    return True


def _decide_for_task(
    uow: UnitOfWork,
    attempt: Attempt,
    task: Task,
    patient: Patient,
    result: str | None,
    closed: tuple[ContactPoint, NumberQuality] | None,
    *,
    gate: Gate,
    policies: AttemptPolicies,
) -> None:
    if attempt.outcome is None:
        raise ValueError(f"attempt {attempt.id} is closed without an outcome")
    followed = policies.named(uow, task.queue_id)
    past = [each for each in uow.attempts.of_task(task.id) if each.outcome is not None and each.skipped is None]
    tries = [_as_try(uow, each, last=each.id == attempt.id) for each in past]
    step, number = _next_step(uow, task, patient, result, past, tries, gate=gate, policy=followed.policy)
    before = picture(task)
    _apply(uow, task, step, number)
    if step.action is NextAction.ESCALATE or attempt.outcome in _NOBODYS_NUMBER:
        _ask_the_registry(uow, attempt, patient, past)
    if policies.notices is not None:
        _write(uow, attempt, task, patient, step, followed.policy, policies.notices)
    uow.decisions.add(
        Decision(
            id=new_id(),
            attempt_id=attempt.id,
            task_id=task.id,
            patient_id=task.patient_id,
            queue_id=task.queue_id,
            decided_at=uow.now,
            action=step.action,
            reason=step.reason,
            next_at=step.at,
            next_number=number.id if number is not None else None,
            task_outcome=step.task_outcome,
            policy=followed.name,
            tries_counted=counted(followed.policy, tries),
            before=before,
            left=picture(task),
            closed_number=closed[0].id if closed else None,
            closed_number_was=closed[1].value if closed else None,
            undo_until=uow.now + followed.policy.undo_within,
        )
    )
    uow.flush()
    log.info(
        "next_decided",
        attempt=attempt.id,
        task=task.id,
        outcome=attempt.outcome.value,
        action=step.action.value,
        at=step.at.isoformat() if step.at else None,
        because=step.reason.value,
    )


def _learn(
    uow: UnitOfWork, attempt: Attempt, patient: Patient, results: Sequence[str]
) -> tuple[ContactPoint, NumberQuality] | None:
    """What the attempt told about the person: a number that is not his, with what was thought of it; or his death."""
    if TaskOutcome.DECEASED.value in (*results, attempt.task_result) and patient.deceased_at is None:
        # Nobody of this family may be rung about the dead by any other task; the day itself is the record's matter.
        patient_died(uow, patient, at=attempt.closed_at or uow.now, by=attempt.outcome_by)
    if attempt.outcome not in _NOBODYS_NUMBER:
        return None
    for point in patient.contact_points:
        if point.id == attempt.contact_point_id and point.quality is not NumberQuality.WRONG:
            was, point.quality = point.quality, NumberQuality.WRONG
            return point, was
    return None


def _as_try(uow: UnitOfWork, attempt: Attempt, *, last: bool) -> Try:
    if attempt.outcome is None:
        raise ValueError(f"attempt {attempt.id} has no outcome yet")
    # How long it rang is asked of the last one only: it alone decides the rest.
    call = uow.calls.of_attempt(attempt.id) if last else None
    rang = call.ended_at - call.ringing_at if call and call.ended_at and call.ringing_at else None
    return Try(outcome=attempt.outcome, at=attempt.reserved_at, rang=rang)


def _next_step(
    uow: UnitOfWork,
    task: Task,
    patient: Patient,
    result: str | None,
    past: Sequence[Attempt],
    tries: Sequence[Try],
    *,
    gate: Gate,
    policy: AttemptPolicy,
) -> tuple[NextStep, ContactPoint | None]:
    useless = {each.contact_point_id for each in past if each.outcome in NUMBER_IS_NO_USE}
    number = patient.best_number(besides=useless)
    answer = gate.ask(uow, task, number, now=uow.now)
    chances = {}
    if policy.best_hour:
        chances = chances_by_part(
            policy,
            counts_by_part(policy, patient.zone, uow.decisions.lately_of_patient(patient.id)),
            counts_by_part(policy, patient.zone, uow.decisions.lately_of_queue(task.queue_id)),
        )
    step = decide_next(
        policy=policy,
        opening=partial(next_opening, gate.profile, patient.zone, callee=answer.facts.callee),
        zone=patient.zone,
        tries=tries,
        task_result=TaskOutcome(result) if result else None,
        latest_at=task.latest_at,
        another_number=number is not None,
        now=uow.now,
        block_passes=answer.verdict.allowed or answer.verdict.waiting_helps,
        chances=chances,
    )
    if step.action is not NextAction.CALL_AGAIN:
        return step, None
    left = policy.max_attempts - counted(policy, tries)
    return step, _number_for_next(uow, task, patient, past, useless, step, left=left, gate=gate)


def _number_for_next(
    uow: UnitOfWork,
    task: Task,
    patient: Patient,
    past: Sequence[Attempt],
    useless: set[str],
    step: NextStep,
    *,
    left: int,
    gate: Gate,
) -> ContactPoint | None:
    """A number not tried yet that may be dialed: wanted by the outcome's row, or needed before the tries run out."""
    tried = {each.contact_point_id for each in past}
    untried = []
    besides = useless | tried
    while (point := patient.best_number(besides=besides)) is not None:
        besides.add(point.id)
        verdict = gate.ask(uow, task, point, now=uow.now).verdict
        if verdict.allowed or verdict.waiting_helps:
            untried.append(point)
    if not untried or not (step.other_number or left <= len(untried)):
        return None
    return untried[0]


def _apply(uow: UnitOfWork, task: Task, step: NextStep, number: ContactPoint | None) -> None:
    if step.task_outcome is not None and uow.alerts.holds(task.id):
        # It ends when somebody has said what came of its alert; until then the alert is its owner.
        hold_for_a_person(uow, task)
        return
    if step.task_outcome is not None:
        close_task(uow, task, CLOSING.get(step.task_outcome, TaskTrigger.CANCEL), step.task_outcome, step.action)
        return
    stopped = stopped_outcome(uow, task)
    if stopped is not None:
        # Its plan was paused or called off, or the patient has died, while the call was up: nobody rings again.
        close_task(uow, task, TaskTrigger.CANCEL, stopped, None)
        return
    task.state = next_task_state(task.state, TaskTrigger.CALL_AGAIN)
    if step.action is NextAction.CALL_AGAIN and step.at is not None:
        task.next_action, task.next_at = step.action.value, step.at
        task.next_attempt_at = step.at
        others = {name: value for name, value in task.variables.items() if name != NEXT_NUMBER}
        # A new mapping: the database compares the old one with it.
        task.variables = {**others, NEXT_NUMBER: number.id} if number is not None else others
        # The scheduler sleeps until the next hour it knows of; this one is new.
        uow.outbox.wake()
        return
    # It stays open for a person until its window closes; no machine and no matching takes it up before.
    ask_for_a_person(uow, task, look_again_at=task.latest_at + AFTER_THE_WINDOW)


def _ask_the_registry(uow: UnitOfWork, attempt: Attempt, patient: Patient, past: Sequence[Attempt]) -> None:
    """The number was of no use: somebody of the registry has to find a new one."""
    if attempt.outcome not in NUMBER_IS_NO_USE:
        return
    useless = {each.contact_point_id for each in past if each.outcome in NUMBER_IS_NO_USE}
    search = uow.number_searches.open(
        patient_id=patient.id,
        contact_point_id=attempt.contact_point_id,
        attempt_id=attempt.id,
        because=attempt.outcome,
        none_left=patient.best_number(besides=useless) is None,
        now=uow.now,
    )
    uow.emit(DomainEvent(kind=EventKind.NUMBER_WANTED, subject=search.id, ids={"patient": patient.id}))


def _write(
    uow: UnitOfWork,
    attempt: Attempt,
    task: Task,
    patient: Patient,
    step: NextStep,
    policy: AttemptPolicy,
    notices: Notices,
) -> None:
    if step.message_now is not None:
        notices.write_around_calls(
            uow, patient=patient, task=task, policy=policy, key=step.message_now, attempt_id=attempt.id
        )
    if step.message_ahead is not None and step.at is not None:
        notices.write_around_calls(
            uow,
            patient=patient,
            task=task,
            policy=policy,
            key=step.message_ahead,
            attempt_id=attempt.id,
            send_at=max(uow.now, step.at - policy.message_lead),
            good_until=step.at + policy.message_lead,
        )
