"""Who is called next: a waiting task's lane (who may take it) and its place in that lane, reckoned when its hour comes.

The order in a lane is urgent, then windows that close on their last calling day, then priority, then due.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from enum import IntEnum, StrEnum
from zoneinfo import ZoneInfo

from followup.calling_hours import Callee
from followup.dialing_rules import Profile, next_opening
from followup.plans import TaskMode
from followup.queues import AgentState

URGENT_BELOW = 10
"""Priorities 0 to 9 cannot wait: they go to a person, never to a machine."""

LEAST_CHANCE = timedelta(hours=1)
"""A day that offers less of its calling hours before the window closes is not counted on."""

_DAYS_LOOKED_BACK = 14
OWNER_LATE = timedelta(minutes=2)
"""So long an owner who is not at her desk is waited for when the patient's hour has come."""


class Place(IntEnum):
    """A task's group in its lane; the lower goes first."""

    URGENT = 0
    CLOSING = 1  # the last calling day of its window has begun
    ORDINARY = 2


class OwnerReason(StrEnum):
    """Why a task belongs to one agent, and why it no longer does."""

    CALL_BACK = "call_back"  # she promised it
    WISHED = "wished"  # the patient asked for her
    SAME_NURSE = "same_nurse"  # she spoke with the patient last
    REASSIGNED = "reassigned"
    OWNER_ABSENT = "owner_absent"  # she was not at her desk at the patient's hour: to the queue
    OWNER_BUSY = "owner_busy"  # she did not come to it in time: to the queue
    TAKEN_BACK = "taken_back"  # somebody gave it back to the queue


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """A row of tasks that the same agents (or lines) may take: those able to do what it demands, or one agent."""

    queue_id: str
    mode: TaskMode
    language: str | None = None
    dialect: str | None = None
    skills: tuple[str, ...] = ()
    agent_id: str | None = None
    ahead: bool = False  # dialed before an agent is chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentFacts:
    """What the choice of a lane asks of an agent."""

    id: str
    state: AgentState
    queues: tuple[str, ...]
    languages: tuple[str, ...]
    dialects: tuple[str, ...]

    @property
    def at_work(self) -> bool:
        """True if she is at her desk, even if she talks or rests just now."""
        return self.state is not AgentState.OFFLINE


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingFacts:
    """What is looked at when a task's hour has come."""

    task_id: str
    queue_id: str
    mode: TaskMode
    priority: int
    latest_at: datetime
    next_attempt_at: datetime
    language: str | None  # what task or queue demand
    dialect: str | None
    skills: tuple[str, ...]
    patients_language: str | None
    patients_dialect: str | None
    zone: str
    owner_id: str | None
    owner_until: datetime | None
    last_agent_id: str | None  # asked for by the patient, or the one who spoke with him last
    same_nurse: timedelta
    ahead: bool = False  # its queue dials ahead of agents, it demands no more than the queue, nobody was abandoned


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a task stands from now on; `owner_lost` says why it no longer belongs to its owner."""

    lane: Lane
    place: Place
    closing_at: datetime  # when it moves up at the latest
    held_until: datetime | None = None  # then it leaves the agent's own lane
    owner_lost: OwnerReason | None = None


def is_urgent(priority: int) -> bool:
    """True for what cannot wait."""
    return priority < URGENT_BELOW


def closing_from(profile: Profile, zone: str, latest_at: datetime) -> datetime:
    """When the last calling day begins on which a window that closes at `latest_at` still offers a fair chance."""
    tz = ZoneInfo(zone)
    last_moment = latest_at - LEAST_CHANCE
    for back in range(_DAYS_LOOKED_BACK):
        day = last_moment.astimezone(tz).date() - timedelta(days=back)
        opening = next_opening(profile, zone, datetime.combine(day, time(0), tzinfo=tz).astimezone(UTC), days=0)
        if opening is not None and opening <= last_moment:
            return opening
    return last_moment


def is_last_chance_near(
    profile: Profile, zone: str, now: datetime, *, latest_at: datetime, lead: timedelta, callee: Callee | None = None
) -> bool:
    """True if no call will be possible any more when `lead` has passed: a person has to hear of it before."""
    later = next_opening(profile, zone, now + lead, callee=callee)
    return later is None or later > latest_at


def stand(facts: WaitingFacts, agents: Collection[AgentFacts], profile: Profile, now: datetime) -> Standing:
    """The lane and place of a task whose hour has come.

    A promise keeps it in its owner's own lane until it expires; the nurse who spoke with the patient last has it to
    herself for the queue's span if she is at work. Then it is anybody's who can do what it demands.
    """
    closing_at = closing_from(profile, facts.zone, facts.latest_at)
    place = Place.URGENT if is_urgent(facts.priority) else Place.CLOSING if closing_at <= now else Place.ORDINARY
    common = _common_lane(facts, agents)
    if facts.mode is TaskMode.AUTOMATED:
        return Standing(lane=common, place=place, closing_at=closing_at)
    by_id = {agent.id: agent for agent in agents}
    lost: OwnerReason | None = None
    if facts.owner_id is not None:
        until = _owned_until(facts, by_id.get(facts.owner_id), now)
        if until > now:
            return Standing(
                lane=Lane(queue_id=facts.queue_id, mode=facts.mode, agent_id=facts.owner_id),
                place=place,
                closing_at=closing_at,
                held_until=until,
            )
        present = facts.owner_id in by_id and by_id[facts.owner_id].at_work
        lost = OwnerReason.OWNER_BUSY if present else OwnerReason.OWNER_ABSENT
    last = by_id.get(facts.last_agent_id or "")
    same_until = facts.next_attempt_at + facts.same_nurse
    # What cannot wait does not wait for anybody in particular.
    if last is not None and last.at_work and same_until > now and place is not Place.URGENT and lost is None:
        return Standing(
            lane=Lane(queue_id=facts.queue_id, mode=facts.mode, agent_id=last.id),
            place=place,
            closing_at=closing_at,
            held_until=same_until,
        )
    if _goes_ahead(facts, common, agents, place, profile):
        common = replace(common, ahead=True)
    return Standing(lane=common, place=place, closing_at=closing_at, owner_lost=lost)


def _goes_ahead(
    facts: WaitingFacts, common: Lane, agents: Collection[AgentFacts], place: Place, profile: Profile
) -> bool:
    """What is urgent, and what not everybody at the desk could take, is rung for an agent who waits for it."""
    if not facts.ahead or place is Place.URGENT or profile.predictive is None or not profile.predictive.allowed:
        return False
    return all(
        (common.language is None or common.language in agent.languages)
        and (common.dialect is None or common.dialect in agent.dialects)
        for agent in agents
        if agent.at_work and facts.queue_id in agent.queues
    )


def _owned_until(facts: WaitingFacts, owner: AgentFacts | None, now: datetime) -> datetime:
    until = facts.owner_until or now
    if owner is None:
        return now
    return until if owner.at_work else min(until, facts.next_attempt_at + OWNER_LATE)


def _common_lane(facts: WaitingFacts, agents: Collection[AgentFacts]) -> Lane:
    serving = [agent for agent in agents if facts.queue_id in agent.queues]
    return Lane(
        queue_id=facts.queue_id,
        mode=facts.mode,
        language=facts.language or _if_any(facts.patients_language, [agent.languages for agent in serving]),
        dialect=facts.dialect or _if_any(facts.patients_dialect, [agent.dialects for agent in serving]),
        skills=tuple(sorted(set(facts.skills))),
    )


def _if_any(spoken: str | None, by: Sequence[tuple[str, ...]]) -> str | None:
    """The patient's own tongue is asked for only where somebody of the queue has it: else he would wait for ever."""
    return spoken if spoken is not None and any(spoken in tongues for tongues in by) else None
