"""Trunks as the nodes see them, the pace at which each is dialed, and how often each caller ID is answered."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import (
    Column,
    Date,
    Float,
    Integer,
    String,
    Table,
    UniqueConstraint,
    and_,
    delete,
    func,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Session

from db.attempts import attempts
from db.calls import calls, legs
from db.metadata import closed_set, id_column, instant, mapper_registry, metadata
from db.patients import encounters
from db.plans import plans, tasks
from followup.caller_ids import NOT_THE_NUMBERS_DOING, CallerIdDay, Fall
from followup.calls import LegRole


class TrunkCondition(StrEnum):
    """Whether a trunk answers."""

    UNKNOWN = "unknown"  # not asked: dialed like one that is up
    UP = "up"
    DOWN = "down"


@dataclass(kw_only=True, eq=False)
class TrunkState:
    """A trunk as one node sees it; `declared` is what its entry in the trunks file says, without any password."""

    node: str
    trunk: str
    condition: TrunkCondition = TrunkCondition.UNKNOWN
    since: datetime
    checked_at: datetime | None = None
    reason: str = ""
    declared: dict[str, object] = field(default_factory=dict)


trunk_states = Table(
    "trunk_states",
    metadata,
    Column("node", String(64), primary_key=True),
    Column("trunk", String(36), primary_key=True),
    closed_set("condition", TrunkCondition),
    instant("since"),
    instant("checked_at", nullable=True),
    Column("reason", String(200), nullable=False, default=""),
    Column("declared", JSONB, nullable=False, default=dict),
)

# Tokens of the calls each trunk may begin; the row's lock also makes counting its channels exact across nodes.
trunk_paces = Table(
    "trunk_paces",
    metadata,
    Column("trunk", String(36), primary_key=True),
    Column("tokens", Float, nullable=False),
    instant("filled_at"),
)


@dataclass(kw_only=True, eq=False)
class CallerIdAlarm:
    """Once for each number and day: it was answered far less than it used to be."""

    id: str
    caller_id: str
    day: date
    tries: int
    answered: int
    usual_rate: float
    upper_rate: float
    raised_at: datetime


caller_id_alarms = Table(
    "caller_id_alarms",
    metadata,
    id_column(),
    Column("caller_id", String(32), nullable=False),
    Column("day", Date, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("answered", Integer, nullable=False),
    Column("usual_rate", Float, nullable=False),
    Column("upper_rate", Float, nullable=False),
    instant("raised_at"),
    UniqueConstraint("caller_id", "day"),
)

mapper_registry.map_imperatively(TrunkState, trunk_states)
mapper_registry.map_imperatively(CallerIdAlarm, caller_id_alarms)


class TrunkRepository:
    """States, paces and answer rates."""

    def __init__(self, session: Session) -> None:
        self._session = session

    # --- states -------------------------------------------------------------------------------------------------------

    def of_node(self, node: str) -> Sequence[TrunkState]:
        """The trunks of one node, by name."""
        return self._session.scalars(
            select(TrunkState).where(trunk_states.c.node == node).order_by(trunk_states.c.trunk)
        ).all()

    def all(self) -> Sequence[TrunkState]:
        """The trunks of every node."""
        return self._session.scalars(select(TrunkState).order_by(trunk_states.c.trunk, trunk_states.c.node)).all()

    def declare(self, node: str, declared: Mapping[str, Mapping[str, object]], *, now: datetime) -> None:
        """Say which trunks this node has now, by name; those it no longer has are forgotten."""
        self._session.execute(
            delete(trunk_states).where(trunk_states.c.node == node, trunk_states.c.trunk.not_in(list(declared)))
        )
        for name, facts in declared.items():
            self._session.execute(
                insert(trunk_states)
                .values(
                    node=node,
                    trunk=name,
                    condition=TrunkCondition.UNKNOWN,
                    since=now,
                    reason="",
                    declared=dict(facts),
                )
                .on_conflict_do_update(index_elements=["node", "trunk"], set_={"declared": dict(facts)})
            )

    def checked(self, node: str, trunk: str, condition: TrunkCondition, reason: str, *, now: datetime) -> bool:
        """Note what a look at the trunk showed; True when that is news."""
        state = self._session.get(TrunkState, (node, trunk), with_for_update=True, populate_existing=True)
        if state is None:
            return False
        news = state.condition is not condition
        state.condition, state.reason, state.checked_at = condition, reason[:200], now
        if news:
            state.since = now
        return news

    # --- channels and pace --------------------------------------------------------------------------------------------

    def lock_pace(self, trunk: str, *, full: float, now: datetime) -> tuple[float, datetime]:
        """The trunk's tokens and when they were counted, locked until the end of the transaction."""
        self._session.execute(
            insert(trunk_paces)
            .values(trunk=trunk, tokens=full, filled_at=now)
            .on_conflict_do_nothing(index_elements=["trunk"])
        )
        row = self._session.execute(
            select(trunk_paces.c.tokens, trunk_paces.c.filled_at).where(trunk_paces.c.trunk == trunk).with_for_update()
        ).one()
        return float(row.tokens), row.filled_at

    def put_pace(self, trunk: str, tokens: float, filled_at: datetime) -> None:
        """Write the tokens that are left."""
        self._session.execute(
            trunk_paces.update().where(trunk_paces.c.trunk == trunk).values(tokens=tokens, filled_at=filled_at)
        )

    def channels_in_use(self) -> dict[str, int]:
        """How many legs are up or on their way over each trunk, on all nodes; headsets outside a call are not among
        them."""
        rows = self._session.execute(
            select(legs.c.trunk, func.count())
            .where(legs.c.ended_at.is_(None), legs.c.trunk.is_not(None))
            .group_by(legs.c.trunk)
        )
        return {str(name): int(count) for name, count in rows}

    def department_of_attempt(self, attempt_id: str) -> str | None:
        """The department whose visit the attempt's task follows up."""
        return self._session.scalar(
            select(encounters.c.department)
            .join(plans, plans.c.encounter_id == encounters.c.id)
            .join(tasks, tasks.c.plan_id == plans.c.id)
            .join(attempts, attempts.c.task_id == tasks.c.id)
            .where(attempts.c.id == attempt_id)
        )

    # --- caller IDs ---------------------------------------------------------------------------------------------------

    def caller_id_days(
        self, *, first: date, last: date, zone: str, caller_ids: Collection[str] | None = None
    ) -> list[CallerIdDay]:
        """For each number and hospital day: the ended calls to patients that could have been answered, and were.

        A leg over a trunk that refused before anything rang is not a try of its own.
        """
        later = legs.alias("later")
        day = func.date(func.timezone(zone, calls.c.invite_at))
        answered = legs.c.answered_at.is_not(None)
        wanted = [
            legs.c.role == LegRole.PATIENT,
            legs.c.caller_id.is_not(None),
            legs.c.ended_at.is_not(None),
            calls.c.invite_at.is_not(None),
            day.between(first, last),
            or_(answered, calls.c.end_reason.not_in(sorted(NOT_THE_NUMBERS_DOING))),
            ~select(later.c.id).where(later.c.replaces == legs.c.id).exists(),
        ]
        if caller_ids is not None:
            wanted.append(legs.c.caller_id.in_(list(caller_ids)))
        rows = self._session.execute(
            select(legs.c.caller_id, day, func.count(), func.count().filter(answered))
            .join(calls, calls.c.id == legs.c.call_id)
            .where(and_(*wanted))
            .group_by(legs.c.caller_id, day)
            .order_by(legs.c.caller_id, day)
        )
        return [CallerIdDay(caller_id=row[0], day=row[1], tries=row[2], answered=row[3]) for row in rows]

    def raise_alarm(self, fall: Fall, *, alarm_id: str, now: datetime) -> bool:
        """Write the alarm of a number and day; False if it was written before."""
        written = self._session.scalar(
            insert(caller_id_alarms)
            .values(
                id=alarm_id,
                caller_id=fall.day.caller_id,
                day=fall.day.day,
                tries=fall.day.tries,
                answered=fall.day.answered,
                usual_rate=fall.usual_rate,
                upper_rate=fall.upper_rate,
                raised_at=now,
            )
            .on_conflict_do_nothing(index_elements=["caller_id", "day"])
            .returning(caller_id_alarms.c.id)
        )
        return written is not None

    def alarms(self, *, first: date) -> Sequence[CallerIdAlarm]:
        """Alarms of days since `first`, newest first."""
        return self._session.scalars(
            select(CallerIdAlarm)
            .where(caller_id_alarms.c.day >= first)
            .order_by(caller_id_alarms.c.day.desc(), caller_id_alarms.c.caller_id)
        ).all()
