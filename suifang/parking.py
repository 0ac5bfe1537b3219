"""In a worker: a task that failed for good is parked with why, whatever component it belongs to."""

from dataclasses import dataclass
from typing import Any

import structlog
from celery import signals

from db.task_parking import park, why
from db.unit_of_work import UnitsOfWork
from runtime.worker_context import provided

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkingParts:
    """What parking works with."""

    units_of_work: UnitsOfWork


def park_what_fails() -> None:
    """From now on, in this process and its children."""
    signals.task_failure.connect(_failed_for_good, weak=False, dispatch_uid="suifang.parking")


def _failed_for_good(*, sender: Any, exception: BaseException, args: tuple[str, ...], **_: Any) -> None:
    """Every try failed, it hung, or it took its process down: Celery tells of it once, after the last."""
    with provided(ParkingParts).units_of_work() as uow:
        parked = park(uow, name=sender.name, subject=args[0], reason=why(exception))
        uow.commit()
    log.error("task_parked", task=parked.name, subject=parked.subject, times=parked.times)
