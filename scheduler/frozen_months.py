"""Months whose figures no longer change: from the fifth of the next month on they are as they were counted then."""

from zoneinfo import ZoneInfo

import structlog

from db.indicators import Period
from db.unit_of_work import UnitOfWork
from followup.indicators import DIMENSIONS, Month, Stretch, month_of
from scheduler.reconcile import Repairs

log = structlog.get_logger(__name__)


def freeze_months(repairs: Repairs) -> int:
    """Freeze every month whose day has come, the oldest first, each in a transaction of its own."""
    region = repairs.plan_desk.time.region if repairs.plan_desk is not None else ""
    frozen = 0
    while True:
        with repairs.units_of_work() as uow:
            if not freeze_next(uow, ZoneInfo(repairs.zone), region):
                return frozen
            uow.commit()
        frozen += 1


def freeze_next(uow: UnitOfWork, zone: ZoneInfo, region: str) -> Month | None:
    """Freeze the oldest month that can be and is not yet; None if there is none."""
    month = _next_month(uow, zone)
    if month is None or uow.now < month.freezes_at(zone):
        return None
    days = Stretch.of(month)
    cells = uow.indicators.count(
        Period(first=days.first, last=days.last, zone=zone), DIMENSIONS, now=uow.now, calendar=uow.calendar.of(region)
    )
    uow.indicators.freeze(month, cells, now=uow.now)
    log.info("month_frozen", month=month.first.isoformat(), cells=len(cells))
    return month


def _next_month(uow: UnitOfWork, zone: ZoneInfo) -> Month | None:
    last = uow.indicators.last_frozen()
    if last is not None:
        return last.next
    first = uow.indicators.first_day()
    return month_of(first.astimezone(zone).date()) if first is not None else None
