"""Stopping what is owed: tasks are called off, calls not yet dialed are withdrawn, ringing ones hung up."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import structlog

from care.patients import Patient
from db.calls import CallCommand
from db.unit_of_work import UnitOfWork
from followup.attempts import AttemptState
from followup.calls import Call, CallState
from followup.outcomes import TaskOutcome
from followup.plans import (
    Plan,
    PlanChange,
    PlanEnd,
    PlanState,
    PlanTrigger,
    Task,
    TaskState,
    TaskTrigger,
    next_plan_state,
)
from scheduler.task_steps import close_task

log = structlog.get_logger(__name__)

HANG_UP_DEADLINE = timedelta(seconds=30)
_NOT_ANSWERED = (CallState.PLANNED, CallState.DIALING, CallState.RINGING)


def stop_tasks(uow: UnitOfWork, tasks: Iterable[Task], outcome: TaskOutcome, *, now: datetime) -> int:
    """Call tasks off at once; how many. One that is being called is hung up before anybody answers.

    A conversation that is up goes on: the agent ends it, and its task is not queued again afterwards.
    """
    stopped = 0
    for task in tasks:
        if task.state is TaskState.IN_PROGRESS:
            _withdraw_call(uow, task, now)
        else:
            close_task(uow, task, TaskTrigger.CANCEL, outcome, None)
        stopped += 1
    uow.flush()
    return stopped


def stopped_outcome(uow: UnitOfWork, task: Task) -> TaskOutcome | None:
    """What a task comes to that is over for another reason than its last attempt; None if it goes on."""
    patient = uow.patients.get(task.patient_id)
    if patient is not None and patient.deceased_at is not None:
        return TaskOutcome.DECEASED
    if task.campaign_id is not None and uow.campaigns.is_stopped(task.campaign_id):
        return TaskOutcome.CANCELLED
    plan = uow.plans.get(task.plan_id) if task.plan_id is not None and task.step_key is not None else None
    if plan is None or plan.state is PlanState.RUNNING or plan.state is PlanState.COMPLETED:
        return None
    return TaskOutcome.READMITTED if plan.state is PlanState.PAUSED else TaskOutcome.CANCELLED


def pause_plan(uow: UnitOfWork, plan: Plan, *, by: str | None, reason: str, now: datetime) -> None:
    """The patient is in hospital again: nothing of the plan is called until it is resumed."""
    _move(plan, PlanTrigger.PAUSE, now)
    stopped = stop_tasks(uow, uow.plans.open_tasks_of_plan(plan.id), TaskOutcome.READMITTED, now=now)
    uow.plan_records.note(plan.id, PlanChange.PAUSED, at=now, by=by, reason=reason, detail={"tasks": stopped})
    log.info("plan_paused", plan=plan.id, tasks=stopped)


def cancel_plan(uow: UnitOfWork, plan: Plan, end: PlanEnd, *, by: str | None, reason: str, now: datetime) -> None:
    """End a plan for good."""
    _move(plan, PlanTrigger.CANCEL, now)
    plan.cancelled_at, plan.end = now, end
    outcome = TaskOutcome.DECEASED if end is PlanEnd.DECEASED else TaskOutcome.CANCELLED
    stopped = stop_tasks(uow, uow.plans.open_tasks_of_plan(plan.id), outcome, now=now)
    uow.plan_records.note(
        plan.id, PlanChange.CANCELLED, at=now, by=by, reason=reason, detail={"end": end.value, "tasks": stopped}
    )
    log.info("plan_cancelled", plan=plan.id, end=end.value, tasks=stopped)


def patient_died(uow: UnitOfWork, patient: Patient, *, at: datetime, by: str | None, reason: str = "") -> int:
    """Nobody of this family is rung about the dead: every plan ends, every task stops; how many tasks."""
    if patient.deceased_at is None:
        patient.deceased_at = at
    uow.flush()
    open_before = len(uow.plans.open_tasks_of_patient(patient.id))
    for plan in uow.plans.unfinished_of_patient(patient.id):
        cancel_plan(uow, plan, PlanEnd.DECEASED, by=by, reason=reason, now=uow.now)
    uow.flush()
    stop_tasks(uow, uow.plans.open_tasks_of_patient(patient.id), TaskOutcome.DECEASED, now=uow.now)
    log.info("patient_deceased", patient=patient.id, tasks=open_before)
    return open_before


def _move(plan: Plan, trigger: PlanTrigger, now: datetime) -> None:
    plan.state = next_plan_state(plan.state, trigger)
    plan.state_since = now


def _withdraw_call(uow: UnitOfWork, task: Task, now: datetime) -> None:
    """The node hangs up what is not answered; a call it has not dialed yet is ended by the same command."""
    live = [attempt for attempt in uow.attempts.of_task(task.id) if attempt.state is not AttemptState.CLOSED]
    call = uow.calls.of_attempt(live[-1].id) if live else None
    if call is None or call.state not in _NOT_ANSWERED:
        return
    uow.calls.command(_hang_up(call, now))
    log.info("call_withdrawn", call=call.id, task=task.id)


def _hang_up(call: Call, now: datetime) -> CallCommand:
    return CallCommand(
        node=call.node,
        verb="hang_up",
        subject=call.id,
        arguments={"because": "stopped"},
        idempotency_key=f"stop:{call.id}",
        deadline=now + HANG_UP_DEADLINE,
        created_at=now,
    )
