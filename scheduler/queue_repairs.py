"""What stalls in queues: previews that run out, tasks left behind by a call, tasks that nobody can take."""

import structlog

from followup.plans import TaskState, TaskTrigger, next_task_state
from scheduler import previews
from scheduler.reconcile import DECISION_LIMIT, Repairs

log = structlog.get_logger(__name__)


def end_expired_previews(repairs: Repairs) -> int:
    """Previews that ran out: nothing was sent, the task goes back to its place."""
    with repairs.units_of_work() as uow:
        expired = uow.attempts.expired_previews(uow.now)
    ended = 0
    for attempt_id in expired:
        with repairs.units_of_work() as uow:
            ended += previews.end_expired(uow, attempt_id, now=uow.now)
            uow.commit()
    return ended


def free_tasks_taken_along(repairs: Repairs) -> int:
    """Tasks taken along in an attempt that is decided, for which nothing was decided: back to their queue."""
    with repairs.units_of_work() as uow:
        forgotten = uow.attempts.forgotten_along(uow.now - DECISION_LIMIT)
        for task_id in forgotten:
            task = uow.plans.task_for_update(task_id)
            if task is not None and task.state is TaskState.IN_PROGRESS:
                task.state = next_task_state(task.state, TaskTrigger.CALL_AGAIN)
                task.next_attempt_at = uow.now
                log.warning("task_taken_along_freed", task=task.id, queue=task.queue_id)
        uow.commit()
    return len(forgotten)


def tell_of_unserved_lanes(repairs: Repairs) -> int:
    """Tasks that demand what no agent of their queue can do wait in vain: a supervisor has to hear of it."""
    with repairs.units_of_work() as uow:
        unserved = uow.waiting.unserved(uow.now)
    for lane, queue, waiting in unserved:
        log.warning("lane_unserved", lane=lane, queue=queue, waiting=waiting)
        repairs.live.publish("lane_unserved", {"subject": lane, "queue": queue})
    return 0
