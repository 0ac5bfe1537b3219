"""Windows about to close: a person is told while a call is still possible; the waiting order puts them ahead."""

from datetime import timedelta

import structlog

from db.unit_of_work import UnitOfWork
from followup.dialing_rules import Profile, next_opening
from followup.events import DomainEvent, EventKind
from followup.plans import Task
from followup.what_next import NextAction
from scheduler.outcomes import AttemptPolicies
from scheduler.reconcile import Repairs
from scheduler.task_steps import task_ids

log = structlog.get_logger(__name__)

LOOKED_AT_ONCE = 200
HORIZON = timedelta(hours=48)
"""No policy raises a task earlier than so long before its window closes."""


def raise_closing_tasks(repairs: Repairs) -> int:
    """Tell of tasks whose last opening is near, once; how many. One that a person looks into already is only marked."""
    if repairs.profile is None:
        return 0
    with repairs.units_of_work() as uow:
        raised = _raise_near(uow, repairs.profile, repairs.policies)
        uow.commit()
    return raised


def _raise_near(uow: UnitOfWork, profile: Profile, policies: AttemptPolicies) -> int:
    raised = 0
    for task in uow.plans.claim_nearly_closing(uow.now, uow.now + HORIZON, LOOKED_AT_ONCE):
        patient = uow.patients.get(task.patient_id)
        policy = policies.of_queue(uow, task.queue_id)
        if patient is None or policy.closing <= timedelta(0):
            continue
        later = next_opening(profile, patient.zone, uow.now + policy.closing)
        if later is None or later > task.latest_at:
            _raise(uow, task)
            raised += 1
    return raised


def _raise(uow: UnitOfWork, task: Task) -> None:
    task.raised_at = uow.now
    if task.next_action != NextAction.ESCALATE.value:
        uow.emit(DomainEvent(kind=EventKind.TASK_ESCALATED, subject=task.id, ids=task_ids(task)))
    log.info("closing_task_raised", task=task.id, queue=task.queue_id, latest=task.latest_at.isoformat())
