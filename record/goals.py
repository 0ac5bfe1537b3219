"""Goals follow the results: whatever changed in a record, each goal stands where its results put it."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import structlog

from care.goals import Goal, GoalState, GoalVerdict, verdict_on
from care.observations import Observation
from db.goals import GoalEventKind
from db.unit_of_work import UnitOfWork
from followup.events import DomainEvent, EventKind
from record.following import Follower, RecordParts

log = structlog.get_logger(__name__)

_EVENT = {
    GoalState.ACTIVE: GoalEventKind.REOPENED,
    GoalState.ACHIEVED: GoalEventKind.ACHIEVED,
    GoalState.MISSED: GoalEventKind.MISSED,
}


def follow_goals(uow: UnitOfWork, parts: RecordParts, patient_id: str) -> None:  # noqa: ARG001 every follower is called so
    """Move every goal of a patient to where the results put it now; what stands there already is left alone."""
    for goal in uow.goals.to_follow(patient_id):
        move_by_results(uow, goal)


def move_by_results(uow: UnitOfWork, goal: Goal) -> None:
    """Move one goal to where its results put it, with the evidence."""
    verdict = verdict_of(uow, goal)
    if verdict.state is goal.state and list(verdict.evidence) == goal.evidence:
        return
    changed = verdict.state is not goal.state
    goal.evidence = list(verdict.evidence)
    if not changed:
        return
    before, goal.state, goal.state_since = goal.state, verdict.state, uow.now
    uow.goals.note(
        goal,
        _EVENT[verdict.state],
        at=uow.now,
        user_id=None,
        detail={"from": before.value, "evidence": goal.evidence},
    )
    tell_of_goal(uow, goal)
    log.info("goal_moved", goal=goal.id, goal_state=goal.state.value)


def verdict_of(uow: UnitOfWork, goal: Goal) -> GoalVerdict:
    """What the results say of a goal now."""
    zone = ZoneInfo(goal.zone)
    return verdict_on(
        goal.aims,
        goal.readings,
        starts_on=goal.starts_on,
        due_on=goal.due_on,
        results=results_for(uow, goal, since=beginning_of(goal.starts_on, zone)),
        zone=zone,
        today=uow.now.astimezone(zone).date(),
    )


def results_for(uow: UnitOfWork, goal: Goal, *, since: datetime | None = None) -> list[Observation]:
    """The results that a goal goes by."""
    codes = dict.fromkeys(target.code for target in goal.aims)
    return [one for code in codes for one in uow.observations.series(goal.patient_id, code, since=since)]


def beginning_of(day: date, zone: ZoneInfo) -> datetime:
    """The instant at which a day begins."""
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)


def tell_of_goal(uow: UnitOfWork, goal: Goal) -> None:
    """Tell the live stream that a goal is another now."""
    ids = {"patient": goal.patient_id, "state": goal.state.value}
    uow.emit(DomainEvent(kind=EventKind.GOAL_CHANGED, subject=goal.id, ids=ids))


GOALS = Follower("goals", follow_goals)
