"""Lists whose worker or message was lost go on, plans that a list still owes are started, old rows are forgotten."""

from datetime import timedelta

import structlog

from followup.events import DomainEvent, EventKind
from followup.imports import ImportState
from scheduler.reconcile import Repairs

log = structlog.get_logger(__name__)

STALLED = timedelta(minutes=2)

_AGAIN = {ImportState.APPLYING: EventKind.IMPORT_TO_APPLY, ImportState.UNDOING: EventKind.IMPORT_TO_UNDO}


def resume_stalled_imports(repairs: Repairs) -> int:
    """Imports under way of which nothing has been heard for minutes; every step looks what is left to do."""
    with repairs.units_of_work() as uow:
        stalled = uow.imports.stalled(uow.now - STALLED)
        for import_id, state in stalled:
            log.warning("import_stalled", list_import=import_id, state=state.value)
            uow.emit(DomainEvent(kind=_AGAIN[state], subject=import_id))
        owing = uow.imports.owing_plans(uow.now - STALLED)
        for import_id in owing:
            uow.emit(DomainEvent(kind=EventKind.IMPORT_PROGRESSED, subject=import_id))
        uow.commit()
    return len(stalled) + len(owing)


def forget_import_rows(repairs: Repairs) -> int:
    """Rows of lists hold health data: they are emptied when their time is over."""
    with repairs.units_of_work() as uow:
        forgotten = uow.imports.forget_rows(uow.now)
        uow.commit()
    if forgotten:
        log.info("import_rows_forgotten", count=forgotten)
    return 0
