"""What a supervisor's wall shows at one moment, in a few statements whatever the number of agents."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, distinct, func, select
from sqlalchemy.orm import Session

from db.attempts import attempts
from db.inbound_calls import inbound_calls
from db.plans import tasks
from db.queues import agents
from db.users import users
from db.waiting import lanes
from followup.attempts import AttemptState
from followup.inbound import InboundCall, InboundReason, InboundState
from followup.outcomes import NOT_COUNTED, REACHED_A_PERSON, AttemptOutcome
from followup.pacing import DayCount
from followup.waiting import Place

SHORT_ABANDON = timedelta(seconds=5)
"""Who hangs up sooner has not given up waiting: he had dialed a wrong number, or changed his mind."""

_REACHED = (AttemptOutcome.CONNECTED_PATIENT, AttemptOutcome.CONNECTED_PROXY)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueDay:
    """What a queue's closed attempts of today came to. Each share has its numerator and its denominator."""

    tasks_tried: int = 0
    tasks_reached: int = 0  # the patient, or somebody who may speak for him, at least once
    attempts_dialed: int = 0
    attempts_answered: int = 0  # by a person


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLine:
    """Who waits in a queue for a call of ours."""

    waiting: int = 0
    closing: int = 0  # whose window closes soon
    oldest: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallersDay:
    """Callers of today who had to wait for an agent."""

    offered: int = 0
    gave_up: int = 0


class WallRepository:
    """Counts of the moment and of the day."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def names(self) -> dict[str, str]:
        """The display names of agents."""
        rows = self._session.execute(select(users.c.id, users.c.display_name).join(agents, agents.c.id == users.c.id))
        return {row.id: row.display_name for row in rows}

    def name_of(self, user_id: str) -> str:
        """The display name of one user; empty where there is none."""
        return self._session.scalar(select(users.c.display_name).where(users.c.id == user_id)) or ""

    def connected_agents(self) -> frozenset[str]:
        """Agents who speak with a caller; such a conversation may have no call of ours yet."""
        connected = inbound_calls.c.state == InboundState.CONNECTED
        rows = self._session.scalars(
            select(inbound_calls.c.agent_id).where(connected, inbound_calls.c.agent_id.is_not(None))
        )
        return frozenset(rows)

    def lines(self) -> dict[str, QueueLine]:
        """By queue: the tasks that could be called this moment."""
        rows = self._session.execute(
            select(
                lanes.c.queue_id,
                func.count().label("waiting"),
                func.count().filter(tasks.c.place == Place.CLOSING).label("closing"),
                func.min(tasks.c.next_attempt_at).label("oldest"),
            )
            .join(lanes, lanes.c.id == tasks.c.lane_id)
            .where(tasks.c.place.is_not(None))
            .group_by(lanes.c.queue_id)
        )
        return {row.queue_id: QueueLine(waiting=row.waiting, closing=row.closing, oldest=row.oldest) for row in rows}

    def days(self, since: datetime) -> dict[str, QueueDay]:
        """By queue: what its attempts that were closed since came to; those that count."""
        reached = attempts.c.outcome.in_(_REACHED)
        rows = self._session.execute(
            select(
                attempts.c.queue_id,
                func.count(distinct(attempts.c.task_id)).label("tasks_tried"),
                func.count(distinct(attempts.c.task_id)).filter(reached).label("tasks_reached"),
                func.count().label("attempts_dialed"),
                func.count().filter(attempts.c.outcome.in_(REACHED_A_PERSON)).label("attempts_answered"),
            )
            .where(attempts.c.closed_at >= since, attempts.c.outcome.not_in(NOT_COUNTED))
            .group_by(attempts.c.queue_id)
        )
        return {
            row.queue_id: QueueDay(
                tasks_tried=row.tasks_tried,
                tasks_reached=row.tasks_reached,
                attempts_dialed=row.attempts_dialed,
                attempts_answered=row.attempts_answered,
            )
            for row in rows
        }

    def abandonment(self, since: datetime) -> dict[str, DayCount]:
        """By queue: calls ahead of agents that a person answered since, and those that found nobody.

        As `PacingRepository.day` counts for one queue.
        """
        rows = self._session.execute(
            select(
                attempts.c.queue_id,
                func.count().filter(attempts.c.agent_id.is_not(None) | _found_nobody()).label("answered"),
                func.count().filter(attempts.c.agent_id.is_(None) & _found_nobody()).label("abandoned"),
            )
            .where(attempts.c.ahead, attempts.c.person_at >= since)
            .group_by(attempts.c.queue_id)
        )
        return {row.queue_id: DayCount(answered=row.answered, abandoned=row.abandoned) for row in rows}

    def callers(self) -> Sequence[InboundCall]:
        """Callers who have not been joined with an agent, the longest there first."""
        waits = (InboundState.RINGING, InboundState.GREETED, InboundState.WAITING, InboundState.OFFERED)
        return self._session.scalars(
            select(InboundCall)
            .where(inbound_calls.c.state.in_(waits))
            .order_by(inbound_calls.c.rang_at, inbound_calls.c.id)
            .limit(500)
        ).all()

    def callers_day(self, since: datetime) -> CallersDay:
        """Callers who waited for an agent since, and those who gave up."""
        waited = func.coalesce(inbound_calls.c.connected_at, inbound_calls.c.ended_at) - inbound_calls.c.waiting_since
        long_enough = waited > SHORT_ABANDON
        gave_up = (inbound_calls.c.reason == InboundReason.HUNG_UP) & long_enough
        row = self._session.execute(
            select(
                func.count().filter(inbound_calls.c.connected_at.is_not(None) | long_enough).label("offered"),
                func.count().filter(gave_up).label("gave_up"),
            ).where(inbound_calls.c.rang_at >= since, inbound_calls.c.waiting_since.is_not(None))
        ).one()
        return CallersDay(offered=row.offered, gave_up=row.gave_up)


def _found_nobody() -> ColumnElement[bool]:
    return attempts.c.abandoned_at.is_not(None) | (attempts.c.state == AttemptState.CLOSED)
