"""A first call is announced where its queue wants that: patients suspect fraud when an unknown number rings."""

from datetime import datetime

import structlog

from care.patients import Patient
from db.unit_of_work import UnitOfWork
from followup.plans import Task
from scheduler.outcomes import AttemptPolicies

log = structlog.get_logger(__name__)


def announce_first_call(
    uow: UnitOfWork, task: Task, patient: Patient, *, policies: AttemptPolicies, now: datetime
) -> None:
    """Write to the patient ahead of a task's first call and let the call wait so long; not where time is short.

    Where no message may be written the call is made as it would be without.
    """
    policy, notices = policies.of_queue(uow, task.queue_id), policies.notices
    if notices is None or policy.message_before_first is None or task.attempts_made > 0:
        return
    call_at = now + policy.message_lead
    if call_at > task.latest_at:
        return
    message = notices.write_around_calls(
        uow, patient=patient, task=task, policy=policy, key=policy.message_before_first, good_until=call_at
    )
    if message is None or message.send_at > now:
        return
    task.next_attempt_at = call_at
    task.next_at = call_at
    log.info("first_call_announced", task=task.id, message=message.id)
