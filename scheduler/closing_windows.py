"""Windows about to close: a person is told while a call is still possible; the waiting order puts them ahead."""

from datetime import timedelta

import structlog

from db.callees import callee_of
from db.unit_of_work import UnitOfWork
from followup.dialing_rules import Profile
from followup.events import DomainEvent, EventKind
from followup.plans import Task
from followup.waiting import is_last_chance_near
from followup.what_next import NextAction
from scheduler.reconcile import Repairs
from scheduler.task_steps import task_ids

log = structlog.get_logger(__name__)

LOOKED_AT_ONCE = 200
LOOKED_AT_MOST = 1000
HORIZON = timedelta(hours=48)
"""No policy raises a task earlier than so long before its window closes."""


def raise_closing_tasks(repairs: Repairs) -> int:
    """Tell of tasks whose last opening is near, once; how many. One that a person looks into already is only marked."""
    if repairs.profile is None:
        return 0
    with repairs.units_of_work() as uow:
        raised = _raise_near(uow, repairs.profile, repairs)
        uow.commit()
    return raised


def _raise_near(uow: UnitOfWork, profile: Profile, repairs: Repairs) -> int:
    raised = looked_at = 0
    leads: dict[str, timedelta] = {}
    last: Task | None = None
    while looked_at < LOOKED_AT_MOST:
        # A queue whose policy tells of nothing must not stand in front of the others for ever.
        untold = [queue_id for queue_id, lead in leads.items() if lead <= timedelta(0)]
        page = uow.plans.claim_nearly_closing(uow.now, uow.now + HORIZON, LOOKED_AT_ONCE, after=last, besides=untold)
        for last in page:
            if last.queue_id not in leads:
                leads[last.queue_id] = repairs.policies.of_queue(uow, last.queue_id).closing
            if leads[last.queue_id] > timedelta(0):
                looked_at += 1
                raised += _raise_if_near(uow, last, profile, repairs, leads[last.queue_id])
        if len(page) < LOOKED_AT_ONCE:
            break
    return raised


def _raise_if_near(uow: UnitOfWork, task: Task, profile: Profile, repairs: Repairs, lead: timedelta) -> bool:
    patient = uow.patients.get(task.patient_id)
    if patient is None:
        return False
    region = repairs.plan_desk.time.region if repairs.plan_desk is not None else None
    try:
        callee = callee_of(uow, patient, task.purpose, region=region, at=uow.now)
        near = is_last_chance_near(profile, patient.zone, uow.now, latest_at=task.latest_at, lead=lead, callee=callee)
    except (LookupError, ValueError):
        # A zone nobody knows: the gate has put the task before a person already.
        log.exception("task_not_judged", task=task.id, queue=task.queue_id)
        return False
    if near:
        _raise(uow, task)
    return near


def _raise(uow: UnitOfWork, task: Task) -> None:
    task.raised_at = uow.now
    if task.next_action != NextAction.ESCALATE.value:
        uow.emit(DomainEvent(kind=EventKind.TASK_ESCALATED, subject=task.id, ids=task_ids(task)))
    log.info("closing_task_raised", task=task.id, queue=task.queue_id, latest=task.latest_at.isoformat())
