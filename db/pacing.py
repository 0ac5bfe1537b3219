"""Lines dialed ahead of agents: what a desk looks like, what its day has come to, and what is taken from it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, Float, and_, case, cast, func, or_, select, update
from sqlalchemy.orm import Session

from db.attempts import attempts
from db.calls import calls
from db.plans import tasks
from db.queues import agents, queues
from db.waiting import lanes
from followup.attempts import Attempt, AttemptState
from followup.calls import CallState
from followup.pacing import DayCount, RingCounts, new_counts, ring_bin
from followup.plans import TaskMode
from followup.queues import HEARTBEAT_LIMIT, Agent, AgentState, DialStyle, HeadsetState, Queue

_LEARNED_FROM = 500
"""So many of the last calls tell how long lines ring and agents talk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinesNow:
    """A queue's lines ahead of agents that may still want one."""

    ringing: Sequence[float] = ()  # seconds since each was placed
    answered: int = 0
    node: str | None = None  # where they are; they can be joined with agents of that node alone


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentsNow:
    """Those of a queue's agents who are at work on one node."""

    node: str | None = None
    at_work: int = 0
    talking: int = 0
    wrapping: int = 0
    free: Sequence[Agent] = field(default_factory=tuple)  # those who want to stay first


class PacingRepository:
    """What pacing looks at and takes."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def desks(self, now: datetime) -> Sequence[Queue]:
        """Queues with something to dial ahead, or with agents kept; locked, so that one scheduler paces each."""
        work = (
            select(tasks.c.id)
            .join(lanes, lanes.c.id == tasks.c.lane_id)
            .where(lanes.c.queue_id == queues.c.id, lanes.c.ahead, tasks.c.place.is_not(None), tasks.c.latest_at >= now)
            .exists()
        )
        keeps = select(agents.c.id).where(agents.c.kept_for == queues.c.id).exists()
        return self._session.scalars(
            select(Queue)
            .where(or_(and_(queues.c.style == DialStyle.PREDICTIVE, queues.c.paused.is_(False), work), keeps))
            .order_by(queues.c.id)
            .with_for_update(skip_locked=True, key_share=True)
            .execution_options(populate_existing=True)
        ).all()

    def lines(self, queue_id: str, now: datetime) -> LinesNow:
        """The queue's lines in flight."""
        rows = self._session.execute(
            select(attempts.c.reserved_at, calls.c.invite_at, calls.c.answered_at, calls.c.node)
            .join(calls, calls.c.attempt_id == attempts.c.id)
            .where(attempts.c.queue_id == queue_id, _in_flight(), calls.c.state != CallState.ENDED)
            .order_by(attempts.c.reserved_at)
        ).all()
        return LinesNow(
            ringing=tuple(
                max(0.0, (now - (row.invite_at or row.reserved_at)).total_seconds())
                for row in rows
                if row.answered_at is None
            ),
            answered=sum(row.answered_at is not None for row in rows),
            node=rows[0].node if rows else None,
        )

    def agents(self, queue: Queue, now: datetime, *, nodes: Collection[str], lock: bool) -> AgentsNow:
        """The queue's agents on the node of `nodes` that has most of them; the free ones locked."""
        serving = and_(
            agents.c.queues.has_key(queue.id),
            agents.c.skills.contains(list(queue.skills)),
            agents.c.state != AgentState.OFFLINE,
            agents.c.headset_node.in_([*nodes]),
            *([agents.c.languages.has_key(queue.language)] if queue.language else []),
            *([agents.c.dialects.has_key(queue.dialect)] if queue.dialect else []),
        )
        staying = agents.c.wanted_state.is_(None)
        row = self._session.execute(
            select(
                agents.c.headset_node,
                func.count().label("at_work"),
                _how_many(agents.c.state.in_([AgentState.RESERVED, AgentState.ON_CALL]) & staying).label("talking"),
                _how_many((agents.c.state == AgentState.WRAP_UP) & staying).label("wrapping"),
            )
            .where(serving)
            .group_by(agents.c.headset_node)
            .order_by(func.count().desc(), agents.c.headset_node)
            .limit(1)
        ).one_or_none()
        if row is None:
            return AgentsNow()
        free = (
            select(Agent)
            .where(serving, agents.c.headset_node == row.headset_node, _can_take(now, queue.id))
            .order_by(agents.c.wanted_state.is_not(None), agents.c.state_since, agents.c.id)
            .execution_options(populate_existing=True)
        )
        return AgentsNow(
            node=row.headset_node,
            at_work=row.at_work,
            talking=row.talking,
            wrapping=row.wrapping,
            free=tuple(self._session.scalars(free.with_for_update(skip_locked=True) if lock else free)),
        )

    def waiting_for_agents(self, serving: Sequence[Agent], now: datetime, limit: int) -> int:
        """Tasks that want one of these agents before anything is dialed ahead for them, counted up to `limit`."""
        served = sorted({queue for agent in serving for queue in agent.queues})
        some = (
            select(tasks.c.id)
            .join(lanes, lanes.c.id == tasks.c.lane_id)
            .join(queues, queues.c.id == lanes.c.queue_id)
            .where(
                lanes.c.mode == TaskMode.AGENT,
                lanes.c.ahead.is_(False),
                queues.c.paused.is_(False),
                tasks.c.place.is_not(None),
                tasks.c.latest_at >= now,
                or_(
                    lanes.c.agent_id.in_([agent.id for agent in serving]),
                    and_(lanes.c.agent_id.is_(None), lanes.c.queue_id.in_(served)),
                ),
            )
            .limit(limit)
            .subquery()
        )
        return self._session.scalar(select(func.count()).select_from(some)) or 0

    def day(self, queue_id: str, since: datetime) -> DayCount:
        """What the queue's lines ahead of agents have come to since the day began.

        A line that was lost with its worker while a patient waited has found nobody either.
        """
        found_nobody = attempts.c.abandoned_at.is_not(None) | (attempts.c.state == AttemptState.CLOSED)
        row = self._session.execute(
            select(
                _how_many(attempts.c.agent_id.is_not(None) | found_nobody).label("answered"),
                _how_many(attempts.c.agent_id.is_(None) & found_nobody).label("abandoned"),
            ).where(attempts.c.queue_id == queue_id, attempts.c.ahead, attempts.c.person_at >= since)
        ).one()
        return DayCount(answered=row.answered, abandoned=row.abandoned)

    def ring_counts(self, queue_id: str) -> RingCounts:
        """How the queue's last lines rang and its agents talked and wrote."""
        counts = new_counts()
        for rang, answered, talked, wrote in self._session.execute(
            select(
                _seconds(calls.c.invite_at, func.coalesce(calls.c.answered_at, calls.c.ended_at)),
                calls.c.answered_at.is_not(None),
                _seconds(calls.c.bridged_at, calls.c.ended_at),
                _seconds(attempts.c.wrap_up_at, attempts.c.closed_at),
            )
            .join(calls, calls.c.attempt_id == attempts.c.id)
            .where(
                attempts.c.queue_id == queue_id,
                attempts.c.ahead,
                attempts.c.state == AttemptState.CLOSED,
                calls.c.invite_at.is_not(None),
                calls.c.ended_at.is_not(None),
            )
            .order_by(attempts.c.reserved_at.desc())
            .limit(_LEARNED_FROM)
        ):
            (counts.answered if answered else counts.ended)[ring_bin(max(0.0, rang))] += 1
            if talked is not None:
                counts.talks, counts.talk_seconds = counts.talks + 1, counts.talk_seconds + talked
            if wrote is not None:
                counts.wraps, counts.wrap_seconds = counts.wraps + 1, counts.wrap_seconds + wrote
        return counts

    def let_go(self, queue_id: str) -> None:
        """Nobody is kept for the queue any more, in whatever state she is."""
        self._session.flush()
        self._session.execute(
            update(agents)
            .where(agents.c.kept_for == queue_id)
            .values(kept_for=None)
            .execution_options(synchronize_session="fetch")
        )

    # --- at the answer ------------------------------------------------------------------------------------------------

    def reserve_agent(self, queue: Queue, *, node: str, now: datetime) -> Agent | None:
        """The queue's agent on this node who has waited longest, kept ones included, locked; None if nobody is free."""
        return self._session.scalar(
            select(Agent)
            .where(
                agents.c.queues.has_key(queue.id),
                agents.c.skills.contains(list(queue.skills)),
                *([agents.c.languages.has_key(queue.language)] if queue.language else []),
                *([agents.c.dialects.has_key(queue.dialect)] if queue.dialect else []),
                agents.c.headset_node == node,
                _can_take(now, queue.id),
            )
            .order_by(agents.c.wanted_state.is_not(None), agents.c.state_since, agents.c.id)
            .limit(1)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        )

    def patients_waiting(self, node: str) -> Sequence[Attempt]:
        """Attempts of this node whose patient waits for an agent, longest first, locked."""
        return self._session.scalars(
            select(Attempt)
            .join(calls, calls.c.attempt_id == attempts.c.id)
            .where(
                calls.c.node == node,
                calls.c.state != CallState.ENDED,
                _in_flight(),
                attempts.c.person_at.is_not(None),
            )
            .order_by(attempts.c.person_at, attempts.c.id)
            .with_for_update(of=attempts, skip_locked=True)
            .execution_options(populate_existing=True)
        ).all()

    def not_ahead_again(self, attempt: Attempt, until: datetime) -> None:
        """Nobody dials this patient ahead of agents before `until`: his other tasks take their places anew."""
        attempt.not_ahead_until = until
        self._session.execute(
            update(tasks)
            .where(tasks.c.patient_id == attempt.patient_id, tasks.c.place.is_not(None))
            .values(lane_id=None, place=None, closing_at=None, held_until=None)
            .execution_options(synchronize_session=False)
        )


def _in_flight() -> ColumnElement[bool]:
    return and_(
        attempts.c.ahead,
        attempts.c.state != AttemptState.CLOSED,
        attempts.c.agent_id.is_(None),
        attempts.c.abandoned_at.is_(None),
    )


def _can_take(now: datetime, queue_id: str) -> ColumnElement[bool]:
    return and_(
        agents.c.state == AgentState.AVAILABLE,
        agents.c.headset_state == HeadsetState.UP,
        agents.c.headset_lost_at.is_(None),
        agents.c.headset_leg_id.is_not(None),
        agents.c.heartbeat_at > now - HEARTBEAT_LIMIT,
        or_(agents.c.kept_for.is_(None), agents.c.kept_for == queue_id),
    )


def _how_many(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def _seconds(start: ColumnElement[datetime], end: ColumnElement[datetime]) -> ColumnElement[float]:
    return cast(func.extract("epoch", end - start), Float)
