"""What an agent has before her today: her queues' tasks as they will be called, nobody's name in full."""

from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request

from api.edge import Route, Work
from api.fields import Answer, Instant
from api.glances import day_of_plan
from api.masking import masked_name
from api.permissions import AgentOnly
from api.problems import Kind, Problem, problems
from api.wiring import wiring_of
from db.worklists import Owed
from followup.follow_up_rules import age_on
from followup.plans import TaskState
from followup.waiting import is_urgent

router = APIRouter(tags=["worklists"], route_class=Route)


class Pressing(StrEnum):
    """Why a task stands where it stands."""

    URGENT = "urgent"
    CALL_BACK = "call_back"
    OVERDUE = "overdue"
    TODAY = "today"


class OwedAnswer(Answer):
    """A task that waits: enough to recognize it, not to know the patient."""

    task_id: str
    patient_id: str
    name: str  # masked
    sex: str | None
    age: int | None
    department: str | None
    queue_id: str
    queue_name: str
    pressing: Pressing
    day: int | None  # of the plan
    target_at: Instant
    latest_at: Instant
    next_attempt_at: Instant
    attempts_made: int
    own: bool  # promised by the caller, or given to her
    in_hand: bool  # somebody speaks with the patient, or looks at him, now
    ready: bool  # it waits for an agent: one can take it now


class WorklistAnswer(Answer):
    """The first tasks in the order in which they are called, and how many there are in all."""

    as_of: Instant
    due: int
    overdue: int
    call_backs: int
    done: int  # attempts of the caller that were closed today
    tasks: list[OwedAnswer]


@router.get("/agents/me/worklist", responses=problems(Kind.UNKNOWN_AGENT))
def read_worklist(
    caller: AgentOnly, request: Request, uow: Work, limit: Annotated[int, Query(ge=1, le=500)] = 200
) -> WorklistAnswer:
    """Due, overdue, called back: what is owed in the caller's queues until the hospital's day ends."""
    agent = uow.queues.agent(caller.user_id)
    if agent is None:
        raise Problem.of(Kind.UNKNOWN_AGENT, "agent", "this user has no desk; an administrator adds users as agents")
    zone = wiring_of(request).zone
    day_begins = datetime.combine(uow.now.astimezone(zone).date(), time(), zone)
    day_ends = datetime.combine((day_begins + timedelta(days=1)).date(), time(), zone)
    counts = uow.worklists.counts(agent.id, agent.queues, now=uow.now, day_begins=day_begins, day_ends=day_ends)
    owed = uow.worklists.of(agent.id, agent.queues, now=uow.now, day_begins=day_begins, day_ends=day_ends, limit=limit)
    return WorklistAnswer(
        as_of=uow.now,
        due=counts.due,
        overdue=counts.overdue,
        call_backs=counts.call_backs,
        done=counts.done,
        tasks=[_owed(each, agent.id, uow.now, day_begins) for each in owed],
    )


def _owed(each: Owed, agent_id: str, now: datetime, day_begins: datetime) -> OwedAnswer:
    today = now.astimezone(ZoneInfo(each.zone)).date()
    return OwedAnswer(
        task_id=each.task_id,
        patient_id=each.patient_id,
        name=masked_name(each.name),
        sex=each.sex,
        age=age_on(each.born, today),
        department=each.department,
        queue_id=each.queue_id,
        queue_name=each.queue_name,
        pressing=_pressing(each, day_begins),
        day=day_of_plan(each.anchor_at, each.zone, today) if each.anchor_at is not None else None,
        target_at=each.target_at,
        latest_at=each.latest_at,
        next_attempt_at=each.next_attempt_at,
        attempts_made=each.attempts_made,
        own=each.owner_id == agent_id,
        in_hand=each.held_by is not None,
        ready=each.state is TaskState.QUEUED and each.held_by is None and each.next_attempt_at <= now,
    )


def _pressing(each: Owed, day_begins: datetime) -> Pressing:
    if is_urgent(each.priority):
        return Pressing.URGENT
    if each.called_back:
        return Pressing.CALL_BACK
    return Pressing.OVERDUE if each.target_at < day_begins else Pressing.TODAY
