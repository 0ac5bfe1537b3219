"""Figures of a period: months that are frozen as they were counted then, the rest as it stands now."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from db.indicators import Period
from db.unit_of_work import UnitOfWork
from followup.calendars import WorkCalendar
from followup.indicators import (
    DIMENSIONS,
    INDICATORS,
    Cell,
    Dimension,
    Figure,
    Indicator,
    Month,
    Narrowing,
    Stretch,
    figure,
    grouped,
    stretches,
    told_by,
)


class By(StrEnum):
    """How figures are told apart."""

    NONE = "none"
    DEPARTMENT = "department"
    QUEUE = "queue"
    AGENT = "agent"
    PLAN = "plan"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"

    @property
    def dimension(self) -> Dimension | None:
        """The dimension that it is, if it is one."""
        return Dimension(self.value) if self.value in set(Dimension) else None

    @property
    def bucket(self) -> str:
        """The piece of time that it is, if it is one."""
        return self.value if self in (By.DAY, By.WEEK, By.MONTH) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureRow:
    """Figures of one department, queue, agent, plan or piece of time. `key` is empty where it is none of them."""

    key: str
    name: str
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureTable:
    """The figures that were asked for, all together and told apart."""

    period: Period
    by: By
    total: tuple[Figure, ...]
    rows: tuple[FigureRow, ...]
    frozen: Mapping[Month, datetime]
    as_of: datetime


def figure_table(
    uow: UnitOfWork,
    period: Period,
    *,
    by: By,
    narrowing: Narrowing,
    calendar: WorkCalendar,
    plan_names: Mapping[str, str],
    live: bool = False,
) -> FigureTable:
    """The figures of a period; `live` counts frozen months anew, with what came in since."""
    told = _told(by, narrowing)
    # By days and weeks nothing was frozen: a month keeps its sums only.
    frozen = {} if live or by in (By.DAY, By.WEEK) else _frozen_months(uow, period)
    cells = [
        cell for cell in _cells(uow, period, told, frozen, calendar=calendar, bucket=by.bucket) if narrowing.takes(cell)
    ]
    dimension = by.dimension
    groups = grouped(cells, lambda cell: cell.of(dimension) if dimension else cell.bucket)
    names = uow.indicators.names(dimension, groups) if dimension else {}
    if dimension is Dimension.PLAN:
        names = dict(plan_names)
    rows = [
        FigureRow(key=key, name=names.get(key, key), figures=tuple(figure(indicator, group) for indicator in told))
        for key, group in groups.items()
    ]
    return FigureTable(
        period=period,
        by=by,
        total=tuple(figure(indicator, cells) for indicator in told),
        rows=() if by is By.NONE else tuple(sorted(rows, key=lambda row: (row.key == "", row.name, row.key))),
        frozen=frozen,
        as_of=uow.now,
    )


def _told(by: By, narrowing: Narrowing) -> tuple[Indicator, ...]:
    dimensions = narrowing.dimensions | ({by.dimension} if by.dimension else set())
    return told_by(INDICATORS, frozenset(dimensions))


def _frozen_months(uow: UnitOfWork, period: Period) -> dict[Month, datetime]:
    whole = [stretch.month for stretch in stretches(period.first, period.last)]
    return uow.indicators.frozen([month for month in whole if month is not None])


def _cells(
    uow: UnitOfWork,
    period: Period,
    told: Iterable[Indicator],
    frozen: Mapping[Month, datetime],
    *,
    calendar: WorkCalendar,
    bucket: str,
) -> Iterable[Cell]:
    families = {family for indicator in told for family in indicator.families if family in DIMENSIONS}
    for part in _parts(period, frozen):
        if isinstance(part, Month):
            for cell in uow.indicators.frozen_cells(part, families):
                yield replace(cell, bucket=part.first.isoformat() if bucket else "")
        else:
            yield from uow.indicators.count(part, families, now=uow.now, calendar=calendar, bucket=bucket)


def _parts(period: Period, frozen: Mapping[Month, datetime]) -> Iterable[Month | Period]:
    """Frozen months one by one, and between them the days that are not frozen, as few stretches as can be."""
    begun: Stretch | None = None
    for stretch in stretches(period.first, period.last):
        if stretch.month is not None and stretch.month in frozen:
            if begun is not None:
                yield Period(first=begun.first, last=stretch.first - timedelta(days=1), zone=period.zone)
                begun = None
            yield stretch.month
        elif begun is None:
            begun = stretch
    if begun is not None:
        yield Period(first=begun.first, last=period.last, zone=period.zone)
