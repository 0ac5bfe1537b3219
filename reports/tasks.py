"""The Celery task of reports: setting a print."""

from dataclasses import dataclass

from celery import Celery

from db.unit_of_work import UnitsOfWork
from reports.printing import PrintShop, set_print
from runtime.task_queue import TRIED_AGAIN
from runtime.worker_context import provided

SET_PRINT = "reports.set_print"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportParts:
    """What the task works with."""

    units_of_work: UnitsOfWork
    shop: PrintShop


def register(app: Celery) -> None:
    """Make the task known to a worker's application."""
    app.task(set_one_print, name=SET_PRINT, lazy=False, **TRIED_AGAIN)


def set_one_print(print_id: str) -> None:
    """Set a print; what cannot be set fails with a reason, what went wrong on our side is tried again and parked."""
    parts = provided(ReportParts)
    set_print(parts.units_of_work, print_id, parts.shop)
