"""Segments steer a contact when it is planned: a person rings instead of a machine, somebody who speaks his dialect."""

from collections.abc import Sequence

import structlog

from db.unit_of_work import UnitOfWork
from followup.plans import Plan, Task, TaskMode
from followup.queues import Queue
from followup.waiting import AgentFacts

log = structlog.get_logger(__name__)


def steer(uow: UnitOfWork, plan: Plan, task: Task) -> None:
    """Change a task that is not saved yet into what the patient's segments ask for, as far as the hospital has it.

    Hours need nothing here: segments keep the patient's own hours, and the gate asks those before every call.
    """
    steering = uow.tags.steering(task.patient_id)
    if not steering.by_person and steering.dialect is None and steering.language is None:
        return
    agents = uow.waiting.agents_facts()
    if steering.by_person and task.mode is TaskMode.AUTOMATED:
        queue = _queue_of_people(uow, plan, task, agents, steering.dialect)
        if queue is None:
            log.warning("nobody_to_ring_instead", plan=plan.id, step=task.step_key, purpose=task.purpose.value)
        else:
            task.mode, task.queue_id, task.flow = TaskMode.AGENT, queue.id, None
    patient = uow.patients.get(task.patient_id)
    if task.mode is not TaskMode.AGENT or patient is None:
        return
    serving = [agent for agent in agents if task.queue_id in agent.queues]
    # What the patient's own row says in our words is asked for when the task waits; this is for other spellings of it.
    if steering.dialect not in (None, patient.dialect) and any(steering.dialect in one.dialects for one in serving):
        task.dialect = steering.dialect
    if steering.language not in (None, patient.language) and any(steering.language in one.languages for one in serving):
        task.language = steering.language


def _queue_of_people(
    uow: UnitOfWork, plan: Plan, task: Task, agents: Sequence[AgentFacts], dialect: str | None
) -> Queue | None:
    """A queue of agents for the same purpose: first where his dialect is spoken, then those the plan has already."""
    known = {step.queue for step in plan.steps if step.mode is TaskMode.AGENT}
    queues = [queue for queue in uow.queues.all() if queue.mode is TaskMode.AGENT and queue.purpose is task.purpose]
    return min(
        queues,
        key=lambda queue: (
            dialect is not None and not any(queue.id in one.queues and dialect in one.dialects for one in agents),
            queue.name not in known,
            queue.name,
        ),
        default=None,
    )
