"""Messages whose time has come go to the workers; those that a worker took and lost are parked with a reason."""

from datetime import timedelta

import structlog

from followup.messages import MessageTrigger
from scheduler.reconcile import Repairs

log = structlog.get_logger(__name__)

SEND_MESSAGE = "interop.send_message"
LOST_AFTER = timedelta(minutes=10)
"""No channel takes so long: the worker died with the message in its hand."""

HANDED_OVER_FOR = timedelta(minutes=1)
"""A message handed to the workers so lately is not handed over again: it waits in their row."""


def send_waiting_messages(repairs: Repairs) -> int:
    """Hand over what waits for nothing but a worker, and park what was lost on the way; how many were parked."""
    with repairs.units_of_work() as uow:
        lost = uow.messages.left_sending(uow.now - LOST_AFTER)
        for message in lost:
            uow.messages.move(
                message,
                MessageTrigger.PARK,
                at=uow.now,
                reason="the worker was lost while sending and it is not known whether the message left; ask the "
                "provider before sending it again",
            )
            log.warning("lost_message_parked", message=message.id)
        waiting, now = uow.messages.to_send(uow.now), uow.now
        uow.commit()
    for message_id in waiting:
        handed_over = repairs.sent_again.get((SEND_MESSAGE, message_id))
        if handed_over is None or now - handed_over >= HANDED_OVER_FOR:
            repairs.task_queue.send_task(SEND_MESSAGE, args=[message_id], retry=False)
            repairs.sent_again[(SEND_MESSAGE, message_id)] = now
    return len(lost)
