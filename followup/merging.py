"""One call for several due tasks of a patient: which of them may be taken along, as a rule."""

from dataclasses import dataclass
from datetime import datetime

from care.consent import Purpose
from followup.plans import Task, TaskMode, TaskState
from followup.queues import Agent, MergeRule, Queue
from followup.waiting import is_urgent
from followup.what_next import NextAction

TASKS_OF_ONE_CALL = 4
"""More than that is no conversation any more."""

_TOGETHER = frozenset({Purpose.CARE, Purpose.REMINDER})
"""Purposes that one person may speak of in one call; a survey or a complaint wants somebody who was not concerned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedTask:
    """A waiting task and its queue."""

    task: Task
    queue: Queue


def may_take_along(first: QueuedTask, other: QueuedTask, agent: Agent, now: datetime) -> bool:
    """May `other` be settled in the call that is about to be made for `first`? The gate is asked about it besides."""
    task, queue = other.task, other.queue
    return (
        task.patient_id == first.task.patient_id
        and task.id != first.task.id
        and task.state is TaskState.QUEUED
        and task.mode is TaskMode.AGENT
        and first.task.mode is TaskMode.AGENT
        and task.earliest_at <= now <= task.latest_at
        # What a person has to look into first is not settled by ringing.
        and task.next_action != NextAction.ESCALATE.value
        # An emergency is spoken of alone.
        and is_urgent(task.priority) is is_urgent(first.task.priority)
        and _purposes_fit(first.task.purpose, task.purpose)
        and _queues_fit(first.queue, queue)
        and (task.owner_id is None or task.owner_id == agent.id or (task.owner_until or now) <= now)
        and _able(agent, task, queue)
    )


def _purposes_fit(one: Purpose, other: Purpose) -> bool:
    return one is other or (one in _TOGETHER and other in _TOGETHER)


def _queues_fit(first: Queue, other: Queue) -> bool:
    if other.paused or MergeRule.NEVER in (first.merges, other.merges):
        return False
    return first.id == other.id or (first.merges is MergeRule.ANY and other.merges is MergeRule.ANY)


def _able(agent: Agent, task: Task, queue: Queue) -> bool:
    language, dialect = task.language or queue.language, task.dialect or queue.dialect
    return (
        (language is None or language in agent.languages)
        and (dialect is None or dialect in agent.dialects)
        and set(task.skills) | set(queue.skills) <= set(agent.skills)
    )
