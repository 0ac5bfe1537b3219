"""Keeping the lanes: tasks whose hour has come take their place, some move up, some leave an agent's own lane."""

from datetime import datetime

import structlog

from db.unit_of_work import UnitOfWork
from followup.dialing_rules import Profile
from followup.events import DomainEvent, EventKind
from followup.plans import TaskMode
from followup.waiting import Standing, WaitingFacts, is_urgent, stand
from scheduler.task_steps import LOOK_AGAIN, ask_for_a_person, task_ids

log = structlog.get_logger(__name__)

PLACED_AT_ONCE = 500


def keep_lanes(uow: UnitOfWork, *, profile: Profile, now: datetime, limit: int = PLACED_AT_ONCE) -> bool:
    """Bring the lanes up to now; True if more tasks may still wait for a place."""
    uow.waiting.let_go(now)
    uow.waiting.move_up(now)
    arrived = uow.waiting.claim_to_place(now, limit)
    if not arrived:
        return False
    agents = uow.waiting.agents_facts()
    standings: dict[str, Standing] = {}
    for facts in arrived:
        if facts.mode is TaskMode.AUTOMATED and is_urgent(facts.priority):
            _not_for_a_machine(uow, facts, now)
            continue
        try:
            standing = stand(facts, agents, profile, now)
        except (LookupError, ValueError):
            # One row that cannot be judged (a zone nobody knows) must not keep everybody else from being called.
            log.exception("task_not_judged", task=facts.task_id, queue=facts.queue_id)
            _look_into(uow, facts.task_id, now)
            continue
        if standing.owner_lost is not None:
            _give_back(uow, facts, standing)
        standings[facts.task_id] = standing
    uow.flush()
    uow.waiting.place(standings)
    return len(arrived) == limit


def _give_back(uow: UnitOfWork, facts: WaitingFacts, standing: Standing) -> None:
    task = uow.plans.task_for_update(facts.task_id)
    if task is None or standing.owner_lost is None:
        return
    log.warning(
        "owned_task_given_back", task=task.id, owner=task.owner_id, queue=task.queue_id, because=standing.owner_lost
    )
    ids = {**task_ids(task), "agent": str(task.owner_id)}
    task.owner_id = task.owner_until = None
    task.owner_reason = standing.owner_lost.value
    uow.emit(DomainEvent(kind=EventKind.TASK_GIVEN_BACK, subject=task.id, ids=ids))


def _not_for_a_machine(uow: UnitOfWork, facts: WaitingFacts, now: datetime) -> None:
    log.warning("urgent_task_kept_from_machine", task=facts.task_id, queue=facts.queue_id)
    _look_into(uow, facts.task_id, now)


def _look_into(uow: UnitOfWork, task_id: str, now: datetime) -> None:
    task = uow.plans.task_for_update(task_id)
    if task is not None:
        ask_for_a_person(uow, task, look_again_at=now + LOOK_AGAIN)
