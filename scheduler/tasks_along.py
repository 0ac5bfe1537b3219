"""Which of a patient's other due tasks go along in the call that is about to be made."""

from collections.abc import Sequence
from datetime import datetime

from care.patients import ContactPoint
from db.gate import Gate
from db.unit_of_work import UnitOfWork
from followup.merging import TASKS_OF_ONE_CALL, QueuedTask, may_take_along
from followup.plans import Task, TaskMode
from followup.queues import Agent, MergeRule

_LOOKED_AT = 20


def tasks_along(
    uow: UnitOfWork, task: Task, agent: Agent | None, number: ContactPoint, *, gate: Gate, now: datetime
) -> Sequence[Task]:
    """The patient's other tasks that the rule and the gate let go along with `task`, locked; the first counts as one.

    The gate is asked about each by itself: consent goes by purpose, and caps are counted by the call.
    """
    queue = uow.queues.get(task.queue_id)
    if agent is None or task.mode is not TaskMode.AGENT or queue is None or queue.merges is MergeRule.NEVER:
        return []
    first = QueuedTask(task=task, queue=queue)
    along: list[Task] = []
    for other in uow.waiting.others_of(task.patient_id, task.id, _LOOKED_AT):
        others_queue = uow.queues.get(other.queue_id)
        if (
            others_queue is not None
            and may_take_along(first, QueuedTask(task=other, queue=others_queue), agent, now)
            and gate.ask(uow, other, number, now=now).verdict.allowed
        ):
            along.append(other)
        if len(along) + 1 == TASKS_OF_ONE_CALL:
            break
    return along
