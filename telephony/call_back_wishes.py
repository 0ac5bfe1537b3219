"""A caller's wish to be rung back: one open task, brought forward or made, for the number he rang from."""

from datetime import timedelta

import structlog

from care.patients import Patient, PatientId
from db.unit_of_work import UnitOfWork
from followup.dialing_rules import Profile, next_opening
from followup.inbound import InboundCall
from followup.plans import WISHED_AT, WISHED_NUMBER, WISHED_OF, Task, TaskId, TaskMode, TaskState
from followup.queues import Queue
from runtime.identifiers import new_id

log = structlog.get_logger(__name__)

WISH_PRIORITY = 10
"""Before what nobody asked for, behind what cannot wait."""

WISH_WINDOW = timedelta(days=2)
_WAITING = frozenset({TaskState.PLANNED, TaskState.DUE, TaskState.QUEUED})


def note_wish(uow: UnitOfWork, inbound: InboundCall, *, queue: Queue | None, profile: Profile) -> Task | None:
    """The task that will ring the caller back; None where nobody is known to have this number.

    A wish says nothing of who spoke it, so it grants no consent: the gate is asked before the call as before any other.
    """
    likeliest = inbound.patient_id or next(iter(inbound.candidates), None)
    patient = uow.patients.get(likeliest) if likeliest else None
    if patient is None or inbound.caller is None or queue is None:
        log.warning("wish_without_task", inbound=inbound.id, known=patient is not None, queue=queue is not None)
        return None
    at = next_opening(profile, patient.zone, uow.now) or uow.now + timedelta(days=1)
    wish = {WISHED_AT: uow.now.isoformat()}
    point = next((point.id for point in patient.contact_points if point.number == inbound.caller), None)
    if point is not None:
        wish[WISHED_NUMBER] = point
    if inbound.called_by is not None:
        wish[WISHED_OF] = inbound.called_by
    task = _open_task(uow, patient)
    if task is None:
        task = Task(
            id=TaskId(new_id()),
            plan_id=None,
            patient_id=PatientId(patient.id),
            queue_id=queue.id,
            purpose=queue.purpose,
            mode=TaskMode.AGENT,
            priority=WISH_PRIORITY,
            earliest_at=at,
            target_at=at,
            latest_at=at + WISH_WINDOW,
            next_attempt_at=at,
            created_at=uow.now,
            variables=wish,
        )
        uow.plans.add_task(task)
        uow.flush()
    else:
        task.priority = min(task.priority, WISH_PRIORITY)
        task.next_attempt_at = min(task.next_attempt_at, at)
        task.variables = {**task.variables, **wish}
    inbound.task_id = task.id
    uow.outbox.wake()
    log.info("wish_noted", inbound=inbound.id, task=task.id, queue=task.queue_id)
    return task


def _open_task(uow: UnitOfWork, patient: Patient) -> Task | None:
    """A call-back that is owed already, or an agent's task that may be called for now: one call settles both."""
    owed = [
        task
        for task in uow.plans.tasks_of_patient(patient.id)
        if task.mode is TaskMode.AGENT
        and task.state in _WAITING
        and (WISHED_AT in task.variables or task.earliest_at <= uow.now <= task.latest_at)
    ]
    owed.sort(key=lambda task: (WISHED_AT not in task.variables, task.priority, task.id))
    return uow.plans.task_for_update(owed[0].id) if owed else None
