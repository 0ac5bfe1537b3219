"""Moving an appointment: its new state, the history's line, and the end of reminders that nobody needs any more."""

import structlog

from care.appointments import AppointmentState
from care.patients import Encounter
from db.unit_of_work import UnitOfWork
from followup.appointments import (
    CANCELLED_BECAUSE,
    NO_MORE_REMINDERS,
    AppointmentChange,
    AppointmentSource,
    AppointmentTrigger,
    next_appointment_state,
)
from followup.events import DomainEvent, EventKind
from followup.outcomes import TaskOutcome
from followup.plans import TaskTrigger, next_task_state
from runtime.identifiers import new_id

log = structlog.get_logger(__name__)


def move_appointment(
    uow: UnitOfWork,
    encounter: Encounter,
    trigger: AppointmentTrigger,
    *,
    source: AppointmentSource,
    by: str | None = None,
    call_id: str | None = None,
    besides: str | None = None,
) -> AppointmentState:
    """Move an appointment and keep how; its open reminders (but the task `besides`) are cancelled with the reason.

    IllegalTransitionError if it cannot move so; the same word twice changes nothing.
    """
    before = encounter.appointment_state or AppointmentState.BOOKED
    after = next_appointment_state(before, trigger)
    if after is before and encounter.appointment_state is not None:
        return after
    encounter.appointment_state = after
    uow.appointments.add(
        AppointmentChange(
            id=new_id(),
            encounter_id=encounter.id,
            before=before,
            after=after,
            source=source,
            by=by,
            call_id=call_id,
            changed_at=uow.now,
        )
    )
    cancelled = _cancel_reminders(uow, encounter, after, besides) if after in NO_MORE_REMINDERS else 0
    log.info("appointment_moved", encounter=encounter.id, state=after.value, source=source.value, cancelled=cancelled)
    return after


def _cancel_reminders(uow: UnitOfWork, encounter: Encounter, after: AppointmentState, besides: str | None) -> int:
    open_ones = uow.appointments.open_reminders(encounter.id, besides=besides)
    for task in open_ones:
        task.state = next_task_state(task.state, TaskTrigger.CANCEL)
        task.outcome = TaskOutcome.CANCELLED
        task.next_action, task.next_at = None, None
        task.variables = {**task.variables, CANCELLED_BECAUSE: f"appointment_{after.value}"}
        ids = {"patient": task.patient_id, "queue": task.queue_id}
        uow.emit(DomainEvent(kind=EventKind.TASK_CLOSED, subject=task.id, ids=ids))
    return len(open_ones)
