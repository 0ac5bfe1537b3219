"""Counts for indicators out of the house's rows, and the months whose counts were frozen: tables, repository."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    ForeignKey,
    Identity,
    String,
    Table,
    TextClause,
    column,
    insert,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from care.care_team import Reader
from db import indicator_statements as statements
from db.care_team import tie_condition
from db.metadata import instant, metadata
from followup.calendars import WorkCalendar
from followup.indicators import Cell, Dimension, Family, Indicator, Month, Narrowing
from followup.requests import RequestKind

frozen_months = Table(
    "frozen_months",
    metadata,
    Column("month", Date, primary_key=True),
    instant("frozen_at"),
)

frozen_counts = Table(
    "frozen_counts",
    metadata,
    Column("position", BigInteger, Identity(always=True), primary_key=True),
    Column("month", Date, ForeignKey("frozen_months.month"), nullable=False, index=True),
    Column("family", String(20), nullable=False),
    Column("department", String(100), nullable=False),
    Column("queue", String(36), nullable=False),
    Column("agent", String(36), nullable=False),
    Column("plan", String(64), nullable=False),
    Column("counts", JSONB, nullable=False),
    Column("spans", JSONB, nullable=False),
)

SURVEY = "satisfaction"
RATING, RECOMMENDING = "overall", "recommend"
"""The form of content/forms by which patients say how they were treated, and its two leading questions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Days of the hospital, both included."""

    first: date
    last: date
    zone: ZoneInfo

    @property
    def from_at(self) -> datetime:
        """The instant at which it begins."""
        return datetime.combine(self.first, time(), self.zone)

    @property
    def until_at(self) -> datetime:
        """The first instant behind it."""
        return datetime.combine(self.last + timedelta(days=1), time(), self.zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedTask:
    """A task behind a figure: ids, and where it stands; whose it is, is for the record to say."""

    task_id: str
    patient_id: str
    state: str
    outcome: str | None
    department: str
    queue: str
    agent: str
    plan: str
    latest_at: datetime
    dials: int


_BUCKETS = {
    "": "''",
    "day": "to_char(counted_at AT TIME ZONE :zone, 'YYYY-MM-DD')",
    "week": "to_char(date_trunc('week', counted_at AT TIME ZONE :zone), 'YYYY-MM-DD')",
    "month": "to_char(date_trunc('month', counted_at AT TIME ZONE :zone), 'YYYY-MM-DD')",
}
"""How a moment is told by time; of a week, its Monday."""

_COLUMNS = ("department", "queue", "agent", "plan")


class IndicatorRepository:
    """Counts of periods and of frozen months."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def count(
        self,
        period: Period,
        families: Iterable[Family],
        *,
        now: datetime,
        calendar: WorkCalendar,
        bucket: str = "",
    ) -> list[Cell]:
        """Everything these families counted in a period, as it stands now; `bucket`: day, week, month or nothing."""
        values = {
            "from_at": period.from_at,
            "until_at": period.until_at,
            "zone": str(period.zone),
            "now": now,
            "survey": SURVEY,
            "rating": RATING,
            "recommending": RECOMMENDING,
        }
        cells: list[Cell] = []
        for family in sorted(families):
            if family is Family.REQUESTS:
                cells += self._requests(values, period.zone, calendar, bucket)
            elif family in _FACTS:
                cells += self._counted(family, values, bucket)
            if family is Family.SURVEYS:
                cells += self._survey_items(values, bucket)
        return cells

    def behind(
        self,
        indicator: Indicator,
        period: Period,
        narrowing: Narrowing,
        *,
        met: bool | None,
        reader: Reader | None,
        now: datetime,
        after: str | None,
        limit: int,
    ) -> Sequence[CountedTask]:
        """Tasks in an indicator's denominator, in order of id: those that met it, those that did not, or all.

        `reader` sees only those of patients whose records are open to him.
        """
        if not indicator.drills:
            raise ValueError(f"{indicator.code} is not made of tasks")
        family = indicator.families[0]
        counts = _COUNTS[family]
        of = " OR ".join(f"({counts[name]})" for name in indicator.of) or counts[indicator.part]
        part = counts.get(indicator.part, "true")
        wanted = [f"({of})", *(() if met is None else (f"({part})" if met else f"({part}) IS NOT TRUE",))]
        values: dict[str, object] = {
            "from_at": period.from_at,
            "until_at": period.until_at,
            "survey": SURVEY,
            "after": after,
        }
        for name in ("department", "queue", "agent", "plan"):
            if (asked := getattr(narrowing, name)) is not None:
                wanted.append(f"{name} = :{name}")
                values[name] = asked
        if narrowing.departments:
            wanted.append("department = ANY(:departments)")
            values["departments"] = list(narrowing.departments)
        statement = _fill(_BEHIND, facts=_FACTS[family], conditions=" AND ".join(wanted), rest=_REST[family])
        behind = _bound(statement, values).columns(*(column(name) for name in _BEHIND_COLUMNS)).subquery("behind")
        query = select(behind).order_by(behind.c.task_id).limit(limit)
        if reader is not None and reader.departments:
            query = query.where(tie_condition("behind.patient_id", reader, now))
        rows = self._session.execute(query)
        return [
            CountedTask(
                task_id=str(row.task_id),
                patient_id=str(row.patient_id),
                state=row.state,
                outcome=row.task_outcome,
                department=row.department,
                queue=row.queue,
                agent=row.agent,
                plan=row.plan,
                latest_at=row.latest_at,
                dials=row.dials,
            )
            for row in rows
        ]

    def frozen(self, months: Iterable[Month]) -> dict[Month, datetime]:
        """Which of these months are frozen, and since when."""
        rows = self._session.execute(
            select(frozen_months).where(frozen_months.c.month.in_([month.first for month in months]))
        )
        return {Month(first=row.month): row.frozen_at for row in rows}

    def last_frozen(self) -> Month | None:
        """The latest month that is frozen."""
        last = self._session.scalar(select(frozen_months.c.month).order_by(frozen_months.c.month.desc()).limit(1))
        return Month(first=last) if last else None

    def frozen_cells(self, month: Month, families: Iterable[Family]) -> list[Cell]:
        """What was counted when the month was frozen."""
        rows = self._session.execute(
            select(frozen_counts).where(
                frozen_counts.c.month == month.first,
                frozen_counts.c.family.in_([family.value for family in families]),
            )
        )
        return [
            Cell(
                family=Family(row.family),
                department=row.department,
                queue=row.queue,
                agent=row.agent,
                plan=row.plan,
                counts=row.counts,
                spans=row.spans,
            )
            for row in rows
        ]

    def freeze(self, month: Month, cells: Iterable[Cell], *, now: datetime) -> None:
        """Keep a month's counts for good."""
        self._session.execute(insert(frozen_months).values(month=month.first, frozen_at=now))
        rows = [
            {
                "month": month.first,
                "family": cell.family.value,
                **{name: getattr(cell, name) for name in _COLUMNS},
                "counts": dict(cell.counts),
                "spans": {name: list(spans) for name, spans in cell.spans.items()},
            }
            for cell in cells
        ]
        if rows:
            self._session.execute(insert(frozen_counts), rows)

    def first_day(self) -> datetime | None:
        """The closing of the oldest task's window: before it nothing was followed up."""
        found: datetime | None = self._session.scalar(text("SELECT min(latest_at) FROM tasks"))
        return found

    def departments(self) -> Sequence[str]:
        """Every department that somebody visited, one step of the index for each."""
        return self._session.scalars(text(_DEPARTMENTS)).all()

    def agents(self) -> dict[str, str]:
        """Everybody with a desk, by id."""
        rows = self._session.execute(
            text(
                "SELECT CAST(users.id AS text) AS key, display_name AS name FROM agents JOIN users USING (id)"
                " ORDER BY display_name, users.id LIMIT 5000"
            )
        )
        return {row.key: row.name for row in rows}

    def plans(self) -> Sequence[str]:
        """Templates that there are plans of."""
        return self._session.scalars(text("SELECT DISTINCT template_id FROM plans ORDER BY template_id")).all()

    def names(self, dimension: Dimension, keys: Iterable[str]) -> dict[str, str]:
        """How queues and agents are called, by id."""
        statement = {
            Dimension.QUEUE: "SELECT CAST(id AS text) AS key, name FROM queues WHERE CAST(id AS text) = ANY(:keys)",
            Dimension.AGENT: "SELECT CAST(id AS text) AS key, display_name AS name FROM users"
            " WHERE CAST(id AS text) = ANY(:keys)",
        }.get(dimension)
        if statement is None:
            return {}
        return {row.key: row.name for row in self._session.execute(text(statement), {"keys": sorted(keys)})}

    def _counted(self, family: Family, values: Mapping[str, Any], bucket: str) -> list[Cell]:
        counts, sums, spans = _COUNTS[family], _SUMS.get(family, {}), _SPANS.get(family, {})
        columns = [
            *(f'count(*) FILTER (WHERE {condition}) AS "{name}"' for name, condition in counts.items()),
            *(f'coalesce(sum({summed}), 0) AS "{name}"' for name, summed in sums.items()),
            *(
                f'array_agg(CAST(seconds AS double precision)) FILTER (WHERE {condition}) AS "{name}"'
                for name, condition in spans.items()
            ),
        ]
        rows = self._session.execute(
            _bound(_fill(_COUNTED, facts=_FACTS[family], bucket=_BUCKETS[bucket], columns=", ".join(columns)), values)
        ).mappings()
        return [
            Cell(
                family=family,
                bucket=row["bucket"],
                **{name: row[name] for name in _COLUMNS},
                counts={name: float(row[name]) for name in (*counts, *sums) if row[name]},
                spans={name: list(row[name]) for name in spans if row[name]},
            )
            for row in rows
        ]

    def _survey_items(self, values: Mapping[str, Any], bucket: str) -> list[Cell]:
        statement = "WITH " + statements.SURVEY_FACTS + _fill(statements.SURVEY_ITEMS, bucket=_BUCKETS[bucket])
        return [
            Cell(
                family=Family.SURVEYS,
                bucket=row["bucket"],
                **{name: row[name] for name in _COLUMNS},
                counts={f"item_rated.{row['item']}": float(row["rated"]), f"item_top.{row['item']}": float(row["top"])},
            )
            for row in self._session.execute(_bound(statement, values)).mappings()
        ]

    def _requests(self, values: Mapping[str, Any], zone: ZoneInfo, calendar: WorkCalendar, bucket: str) -> list[Cell]:
        """Complaints and disputes, one by one: how many working days lie between two of them only the calendar says."""
        today = values["now"].astimezone(zone).date()
        return [
            _complaint(row, today=today, zone=zone, calendar=calendar, bucket=bucket)
            for row in self._session.execute(_bound(statements.REQUESTS, values))
        ]


def _complaint(row: Any, *, today: date, zone: ZoneInfo, calendar: WorkCalendar, bucket: str) -> Cell:
    received = row.received_at.astimezone(zone).date()
    replied = row.replied_at.astimezone(zone).date() if row.replied_at else None
    disputed = row.kind == RequestKind.DISPUTE.value
    counts = {
        "complaints": not disputed,
        "disputes": disputed,
        "reply_owed": not disputed and (replied is not None or row.due_on < today),
        "replied_in_time": not disputed and replied is not None and replied <= row.due_on,
        "replied": not disputed and row.replied,
        "reopened": not disputed and row.reopened,
    }
    days = None if disputed or replied is None else calendar.working_days_between(received, replied)
    return Cell(
        family=Family.REQUESTS,
        bucket=_bucket_of(received, bucket),
        department=row.department,
        counts={name: 1.0 for name, counted in counts.items() if counted},
        spans={} if days is None else {"complaint_days": [float(days)]},
    )


def _bucket_of(day: date, bucket: str) -> str:
    begins = {"": None, "day": day, "week": day - timedelta(days=day.weekday()), "month": day.replace(day=1)}[bucket]
    return begins.isoformat() if begins else ""


def _bound(statement: str, values: Mapping[str, Any]) -> TextClause:
    """The statement with those of the values that it names."""
    return text(statement).bindparams(**{name: each for name, each in values.items() if f":{name}" in statement})


def _fill(statement: str, **parts: str) -> str:
    """A statement with its parts put in; they are ours, whatever is asked comes in as a bound value."""
    for name, part in parts.items():
        statement = statement.replace("{" + name + "}", part)
    return statement


_COUNTED = """
  WITH {facts}
  SELECT {bucket} AS bucket, department, queue, agent, plan, {columns}
  FROM facts GROUP BY 1, 2, 3, 4, 5
"""

_DEPARTMENTS = """
  WITH RECURSIVE found(department) AS (
    SELECT min(department) FROM encounters
    UNION ALL
    SELECT (SELECT min(department) FROM encounters WHERE department > found.department)
    FROM found WHERE found.department IS NOT NULL)
  SELECT department FROM found WHERE department <> '' ORDER BY department
"""

_BEHIND = """
  WITH {facts}
  SELECT DISTINCT ON (task_id) task_id, patient_id, state, department, queue, agent, plan, latest_at, {rest}
  FROM facts
  WHERE {conditions} AND (CAST(:after AS uuid) IS NULL OR task_id > CAST(:after AS uuid))
  ORDER BY task_id
"""

_BEHIND_COLUMNS = (
    "task_id",
    "patient_id",
    "state",
    "department",
    "queue",
    "agent",
    "plan",
    "latest_at",
    "task_outcome",
    "dials",
)

_REST = {
    Family.TASKS: "outcome AS task_outcome, dials",
    Family.CALLS: "task_outcome, 1 AS dials",
}

_FACTS = {
    Family.TASKS: statements.TASK_FACTS,
    Family.CALLS: statements.CALL_FACTS,
    Family.STAYS: statements.STAY_FACTS,
    Family.SURVEYS: statements.SURVEY_FACTS,
    Family.INBOUND: statements.INBOUND_FACTS,
    Family.ALERTS: statements.ALERT_FACTS,
    Family.QUALITY: statements.QUALITY_FACTS,
}

_COUNTS = {
    Family.TASKS: statements.TASK_COUNTS,
    Family.CALLS: statements.CALL_COUNTS,
    Family.STAYS: statements.STAY_COUNTS,
    Family.SURVEYS: statements.SURVEY_COUNTS,
    Family.INBOUND: statements.INBOUND_COUNTS,
    Family.ALERTS: statements.ALERT_COUNTS,
    Family.QUALITY: statements.QUALITY_COUNTS,
}

_SUMS = {
    Family.TASKS: {"dials": "CASE WHEN state <> 'cancelled' THEN dials END"},
    Family.CALLS: {name: f"CASE WHEN handled THEN {summed} END" for name, summed in statements.CALL_SUMS.items()},
    Family.SURVEYS: statements.SURVEY_SUMS,
    Family.INBOUND: statements.INBOUND_SUMS,
    Family.QUALITY: statements.QUALITY_SUMS,
}

_SPANS = {Family.ALERTS: statements.ALERT_SPANS}
