"""Dialing ahead of agents: each desk's lines by the pure controller, and the agents who are kept for them."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum
from zoneinfo import ZoneInfo

import structlog

from db.gate import Gate
from db.pacing import AgentsNow, LinesNow
from db.unit_of_work import UnitOfWork
from followup.closing import TRIGGER_TO, move_agent
from followup.events import DomainEvent, EventKind
from followup.pacing import (
    NOT_AHEAD,
    DayCount,
    Desk,
    Held,
    Placing,
    PredictiveRule,
    agents_to_keep,
    estimated,
    lines_to_place,
)
from followup.queues import DialStyle, Queue

log = structlog.get_logger(__name__)

ALARM_SHARE = 2 / 3
"""A day on which so much of the limit is used is told of, once."""


class OneToOne(StrEnum):
    """Why a desk places no line ahead of an agent."""

    NOT_PREDICTIVE = "not_predictive"  # the queue's style is another, or the queue is stopped
    NOT_ALLOWED = "not_allowed"  # the law's page does not let it
    FEW_AGENTS = "few_agents"
    WANTED_ELSEWHERE = "wanted_elsewhere"  # tasks wait that need her first
    LIMIT = "limit"  # one line more could break the day's limit
    RISK = "risk"  # one line more would probably find nobody


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """A desk at one moment and what follows from it."""

    queue: Queue
    rule: PredictiveRule
    lines: LinesNow
    agents: AgentsNow
    wanted_elsewhere: int  # tasks that want one of its free agents before anything is dialed ahead
    day: DayCount
    placing: Placing

    @property
    def node(self) -> str | None:
        """Where its lines and its agents are; None while lines are elsewhere than the agents."""
        return self.agents.node if self.lines.node in (None, self.agents.node) else None

    @property
    def one_to_one(self) -> OneToOne | None:
        """Why no line is ahead of an agent, nor to be placed so; None when some are."""
        if self.queue.style is not DialStyle.PREDICTIVE or self.queue.paused:
            return OneToOne.NOT_PREDICTIVE
        if not self.rule.allowed:
            return OneToOne.NOT_ALLOWED
        if self.agents.at_work < self.rule.agents_least:
            return OneToOne.FEW_AGENTS
        lines = len(self.lines.ringing) + self.lines.answered + self.placing.lines
        if lines > len(self.agents.free):
            return None
        if self.wanted_elsewhere:
            return OneToOne.WANTED_ELSEWHERE
        return OneToOne.RISK if self.placing.held is Held.RISK else OneToOne.LIMIT


def day_began(zone: str, now: datetime) -> datetime:
    """The hospital's midnight."""
    tz = ZoneInfo(zone)
    return datetime.combine(now.astimezone(tz).date(), time(0), tzinfo=tz)


def pace_of(
    uow: UnitOfWork, queue: Queue, *, gate: Gate, now: datetime, nodes: Collection[str], lock: bool = False
) -> Pace:
    """Look at a desk; with `lock` its free agents are ours until the end of the transaction."""
    rule = gate.profile.predictive or NOT_AHEAD
    lines = uow.pacing.lines(queue.id, now)
    # Lines can be joined with agents of their own node alone: while any are in flight, no other node counts.
    agents = uow.pacing.agents(queue, now, nodes=[lines.node] if lines.node else nodes, lock=lock)
    wanted = uow.pacing.waiting_for_agents(agents.free, now, len(agents.free)) if agents.free else 0
    staying = sum(agent.wanted_state is None for agent in agents.free)
    desk = Desk(
        free=max(0, staying - wanted),
        talking=agents.talking,
        wrapping=agents.wrapping,
        ringing=lines.ringing,
        answered=lines.answered,
    )
    day = uow.pacing.day(queue.id, day_began(gate.zone, now))
    limit = rule.limit if rule.allowed and agents.at_work >= rule.agents_least else 0.0
    rates = estimated(uow.pacing.ring_counts(queue.id))
    return Pace(
        queue=queue,
        rule=rule,
        lines=lines,
        agents=agents,
        wanted_elsewhere=wanted,
        day=day,
        placing=lines_to_place(desk, day, rates, limit=limit),
    )


def dial_ahead(
    uow: UnitOfWork,
    *,
    gate: Gate,
    now: datetime,
    workers: dict[str, int],
    place: Callable[[Queue, str], bool],
    limit: int,
) -> None:
    """Place lines for every desk that dials ahead, `limit` at most for each, and keep the agents they may need.

    `place` dials one task of the queue from a node; False when there is none. What is kept is written in the same
    transaction as the lines: nobody else is ever given an agent whom a line in flight needs.
    """
    for queue in uow.pacing.desks(now):
        pace = pace_of(uow, queue, gate=gate, now=now, nodes=workers, lock=True)
        _tell_of_alarm(uow, pace, day_began(gate.zone, now))
        may = queue.style is DialStyle.PREDICTIVE and not queue.paused and pace.rule.allowed and pace.node is not None
        room = min(pace.placing.lines, limit, workers.get(pace.node or "", 0)) if may else 0
        tried = 0
        while tried < room and pace.node is not None and place(queue, pace.node):
            tried += 1
        if tried:
            workers[pace.node or ""] -= tried
            log.info("dialed_ahead", queue=queue.id, lines=tried, free=len(pace.agents.free), most=pace.placing.most)
        # Lines that the gate refused are counted as if they rang: too many are kept, until the next look.
        _keep(uow, pace, len(pace.lines.ringing) + pace.lines.answered + tried, now)


def _keep(uow: UnitOfWork, pace: Pace, lines: int, now: datetime) -> None:
    needed = agents_to_keep(lines, pace.day, pace.rule.limit)
    for place, agent in enumerate(pace.agents.free):
        if place < needed:
            agent.kept_for = pace.queue.id
            continue
        was_kept, agent.kept_for = agent.kept_for is not None, None
        if was_kept and agent.wanted_state is not None:
            uow.emit(move_agent(agent, TRIGGER_TO[agent.wanted_state], now=now))
            agent.wanted_state = None
    if not lines:
        uow.pacing.let_go(pace.queue.id)
    uow.flush()


def _tell_of_alarm(uow: UnitOfWork, pace: Pace, since: datetime) -> None:
    today = since.date()
    used = pace.day.abandoned and pace.rule.limit and pace.day.rate >= ALARM_SHARE * pace.rule.limit
    if not used or pace.queue.pacing_alarm_on == today:
        return
    pace.queue.pacing_alarm_on = today
    log.warning("abandonment_near_limit", queue=pace.queue.id, answered=pace.day.answered, abandoned=pace.day.abandoned)
    uow.emit(
        DomainEvent(
            kind=EventKind.PACING_ALARM,
            subject=pace.queue.id,
            ids={"answered": str(pace.day.answered), "abandoned": str(pace.day.abandoned)},
        )
    )
