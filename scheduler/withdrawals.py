"""A patient's no and a pressed switch, acted upon at once: what is not placed yet is judged again or closed."""

from collections.abc import Iterable
from datetime import timedelta

import structlog

from care.consent import ConsentScope, Purpose, Standing, standing
from db.calls import CallCommand
from db.gate import Gate
from db.unit_of_work import UnitOfWork
from followup.attempts import AttemptState
from followup.calls import Call
from followup.events import DomainEvent, EventKind
from followup.outcomes import TaskOutcome
from followup.plans import Task, TaskMode, TaskState, TaskTrigger
from followup.previews import SkipReason
from followup.switches import Switch, SwitchOf
from followup.what_next import NextAction
from runtime.identifiers import new_id
from scheduler.previews import end as end_preview
from scheduler.task_steps import close_task, take_refusal

log = structlog.get_logger(__name__)

JUDGE_DEADLINE = timedelta(seconds=15)
"""As a command to dial: later there is nothing left to judge."""

_WAITING = frozenset({TaskState.PLANNED, TaskState.DUE, TaskState.QUEUED})


def act_on_refusal(uow: UnitOfWork, patient_id: str, *, gate: Gate) -> int:
    """After a withdrawal or objection: close what the patient refused, judge anew what is reserved; tasks closed.

    Care is never closed by itself: its next call is refused by the gate and put before a person. A task whose call is
    up is left to the wrap-up.
    """
    judge_again(uow, uow.calls.unplaced(patient_id=patient_id))
    withdraw_previews(uow, gate=gate, patient_id=patient_id)
    closed = 0
    for task in sorted(uow.plans.tasks_of_patient(patient_id), key=lambda each: each.id):
        if task.purpose is Purpose.CARE or task.state not in _WAITING:
            continue
        locked = uow.plans.task_for_update(task.id)
        if locked is not None and locked.state in _WAITING and _refused(uow, locked):
            close_task(uow, locked, TaskTrigger.CANCEL, TaskOutcome.REFUSED, NextAction.DONE)
            closed += 1
    uow.outbox.wake()
    log.info("refusal_acted_upon", patient=patient_id, tasks_closed=closed)
    return closed


def judge_again(uow: UnitOfWork, calls: Iterable[Call]) -> int:
    """Have the nodes ask the gate again about calls without an INVITE; how many."""
    asked = 0
    for call in calls:
        uow.calls.command(
            CallCommand(
                node=call.node,
                verb="ask_gate",
                subject=call.id,
                idempotency_key=f"ask_gate:{new_id()}",
                deadline=uow.now + JUDGE_DEADLINE,
                created_at=uow.now,
            )
        )
        asked += 1
    return asked


def withdraw_previews(
    uow: UnitOfWork,
    *,
    gate: Gate,
    patient_id: str | None = None,
    queue_id: str | None = None,
    campaign_id: str | None = None,
) -> int:
    """Take from agents' screens what they look at and may not dial any more; how many."""
    taken = 0
    for attempt_id in uow.attempts.previewed(patient_id=patient_id, queue_id=queue_id, campaign_id=campaign_id):
        attempt = uow.attempts.for_update(attempt_id)
        task = uow.plans.task(attempt.task_id) if attempt else None
        patient = uow.patients.get(task.patient_id) if task else None
        if attempt is None or task is None or patient is None or attempt.state is not AttemptState.RESERVED:
            continue
        number = next((point for point in patient.contact_points if point.id == attempt.contact_point_id), None)
        answer = gate.ask(uow, task, number, now=uow.now, besides_attempt=attempt.id)
        if answer.verdict.allowed:
            continue
        attempt.gate = answer.kept
        for back in end_preview(uow, attempt, reason=SkipReason.NOT_ALLOWED, by=None, now=uow.now):
            if back.id == task.id:
                take_refusal(uow, back, gate, answer, uow.now)
        taken += 1
    return taken


def press_switch(
    uow: UnitOfWork, *, kind: SwitchOf, subject: str, stopped: bool, reason: str, by: str, gate: Gate
) -> None:
    """Put down who stopped a queue or campaign, or let it go on, and why; a stop takes unplaced calls along."""
    press = Switch(
        id=new_id(), kind=kind, subject=subject, stopped=stopped, reason=reason, pressed_by=by, pressed_at=uow.now
    )
    uow.switches.add(press)
    # Before the node asks the gate, so that it finds the queue stopped.
    uow.flush()
    uow.audit.note(
        user_id=by,
        action=f"{kind.value}_{'paused' if stopped else 'resumed'}",
        subject_kind=kind.value,
        subject=subject,
        detail={"reason": reason},
    )
    if kind is SwitchOf.QUEUE:
        uow.emit(DomainEvent(kind=EventKind.QUEUE_CHANGED, subject=subject, ids={"by": by}))
        if stopped:
            judge_again(uow, uow.calls.unplaced(queue_id=subject))
            withdraw_previews(uow, gate=gate, queue_id=subject)
    if kind is SwitchOf.CAMPAIGN:
        uow.emit(DomainEvent(kind=EventKind.CAMPAIGN_CHANGED, subject=subject, ids={"by": by}))
        if stopped:
            judge_again(uow, uow.calls.unplaced(campaign_id=subject))
            withdraw_previews(uow, gate=gate, campaign_id=subject)
    uow.outbox.wake()
    log.info("switch_pressed", kind=kind.value, subject=subject, stopped=stopped, by=by)


def _refused(uow: UnitOfWork, task: Task) -> bool:
    closed = any(
        each.number is None and each.campaign_id is None and each.purpose in (None, task.purpose)
        for each in uow.objections.holding(task.patient_id)
    )
    scope = ConsentScope.AUTOMATED_PHONE if task.mode is TaskMode.AUTOMATED else ConsentScope.PHONE
    words = uow.patients.consents_of(task.patient_id)
    return closed or standing(words, task.purpose, scope) is Standing.WITHDRAWN
