"""A call by a person that a patient of an automated call is owed: he wants another day, or answered nothing."""

from datetime import timedelta

import structlog

from db.unit_of_work import UnitOfWork
from followup.appointments import ENCOUNTER
from followup.flows import Flow
from followup.plans import Task, TaskId, TaskMode
from runtime.identifiers import new_id

log = structlog.get_logger(__name__)

OWED_PRIORITY = 10
"""Before what nobody asked for, behind what cannot wait."""

OWED_BECAUSE = "owed_because"
OWED_BY = "owed_by"
"""What an owed call's variables say: the step of the flow that owes it, and the automated task."""

OWED_WINDOW = timedelta(days=2)
BEFORE_THE_VISIT = timedelta(hours=2)
AT_LEAST = timedelta(hours=1)


def owe_call(uow: UnitOfWork, flow: Flow, task: Task, because: str) -> Task | None:
    """A task of an agent's queue, closing before the appointment it is about; None where no queue has agents.

    Whoever is owed one already, by the same task, gets no second.
    """
    owed = [one for one in uow.plans.tasks_of_patient(task.patient_id) if one.variables.get(OWED_BY) == task.id]
    if owed:
        return owed[0]
    queue = uow.queues.by_name(flow.person_queue) if flow.person_queue else uow.inbound.first_agents_queue()
    if queue is None or queue.mode is not TaskMode.AGENT:
        log.error("call_owed_without_queue", task=task.id, flow=flow.id, wanted=flow.person_queue)
        return None
    visit = uow.appointments.of_task(task)
    latest = uow.now + OWED_WINDOW
    if visit is not None:
        latest = max(uow.now + AT_LEAST, min(latest, visit.occurred_at - BEFORE_THE_VISIT))
    call = Task(
        id=TaskId(new_id()),
        plan_id=None,
        patient_id=task.patient_id,
        queue_id=queue.id,
        purpose=task.purpose,
        mode=TaskMode.AGENT,
        priority=OWED_PRIORITY,
        earliest_at=uow.now,
        target_at=uow.now,
        latest_at=latest,
        next_attempt_at=uow.now,
        created_at=uow.now,
        variables={**task.variables, OWED_BECAUSE: because, OWED_BY: task.id},
    )
    if visit is not None:
        call.variables = {**call.variables, ENCOUNTER: visit.id}
    uow.plans.add_task(call)
    uow.flush()
    uow.outbox.wake()
    log.info("call_owed", task=call.id, by=task.id, because=because, queue=queue.id)
    return call
