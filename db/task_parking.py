"""Parking a task that failed for good, and what a person does with it: one row each, an event, an audit entry."""

from sqlalchemy.exc import DBAPIError

from db.refusals import RowRefusedError
from db.unit_of_work import UnitOfWork
from followup.events import DomainEvent, EventKind
from followup.parked_tasks import ParkedTask, ParkedTaskState
from runtime.identifiers import new_id

LONGEST_REASON = 500


class NotParkedError(ValueError):
    """The task is not parked (any more)."""


def why(error: BaseException) -> str:
    """The reason in words that name nobody: what the database says may hold people's values, so only its kind."""
    said = "" if isinstance(error, DBAPIError) else f": {error}"
    return f"{type(error).__name__}{said}"[:LONGEST_REASON]


def park(uow: UnitOfWork, *, name: str, subject: str, reason: str) -> ParkedTask:
    """Keep a task that failed for good; one that is parked already is counted."""
    if (known := uow.parked.open_of(name, subject)) is None:
        parked = ParkedTask(
            id=new_id(), name=name, subject=subject, reason=reason, first_parked_at=uow.now, parked_at=uow.now
        )
        try:
            with uow.savepoint():
                uow.parked.add(parked)
                uow.flush()
        except RowRefusedError:
            # Another worker parked it a moment ago.
            if (known := uow.parked.open_of(name, subject)) is None:
                raise
        else:
            uow.emit(DomainEvent(kind=EventKind.TASK_PARKED, subject=parked.id))
            return parked
    known.times += 1
    known.reason, known.parked_at = reason, uow.now
    return known


def settle(uow: UnitOfWork, parked_id: str, *, state: ParkedTaskState, by: str | None, because: str) -> ParkedTask:
    """Replay or dismiss a parked task; sending it is the relay's: it follows the event. NotParkedError if it is not."""
    parked = uow.parked.for_update(parked_id)
    if parked is None or parked.state is not ParkedTaskState.PARKED:
        raise NotParkedError(f"task {parked_id} is {parked.state.value if parked else 'unknown'}: nothing to settle")
    parked.state, parked.settled_at, parked.settled_by, parked.settled_because = state, uow.now, by, because
    kind = EventKind.TASK_REPLAYED if state is ParkedTaskState.REPLAYED else EventKind.TASK_DISMISSED
    uow.emit(DomainEvent(kind=kind, subject=parked.id))
    uow.audit.note(
        user_id=by,
        action=kind.value,
        subject_kind="parked_task",
        subject=parked.id,
        detail={"name": parked.name, "subject": parked.subject, "because": because},
    )
    return parked
