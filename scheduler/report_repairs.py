"""Prints whose worker or message was lost are sent to the workers again, and given up in the end with a reason."""

from datetime import timedelta

import structlog

from followup.events import DomainEvent, EventKind
from scheduler.reconcile import Repairs

log = structlog.get_logger(__name__)

STALLED = timedelta(minutes=2)
GIVEN_UP = timedelta(hours=6)


def resume_stalled_prints(repairs: Repairs) -> int:
    """A print asked for minutes ago that is not over: setting one takes seconds, and set twice it is the same."""
    with repairs.units_of_work() as uow:
        stalled = uow.summaries.stuck_prints(uow.now - STALLED)
        for print_id in stalled:
            made = uow.summaries.print_for_update(print_id)
            if made is None or made.over:
                continue
            if uow.now - made.asked_at > GIVEN_UP:
                made.fail(
                    "no worker has set it for hours: see that `suifang worker` runs and look at its log, then print "
                    "it again",
                    uow.now,
                )
                uow.emit(DomainEvent(kind=EventKind.PRINT_CHANGED, subject=made.id, ids={"summary": made.summary_id}))
                log.error("print_given_up", print=print_id)
                continue
            log.warning("print_stalled", print=print_id)
            uow.emit(DomainEvent(kind=EventKind.PRINT_ASKED, subject=made.id, ids={"summary": made.summary_id}))
        uow.commit()
    return len(stalled)
