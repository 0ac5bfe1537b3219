"""Which tasks of a patient go along in one call."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from care.consent import Purpose
from care.patients import PatientId
from followup.merging import QueuedTask, may_take_along
from followup.plans import Task, TaskId, TaskMode, TaskState
from followup.queues import Agent, MergeRule, Queue

NOW = datetime(2026, 3, 4, 2, 0, tzinfo=UTC)
AGENT = Agent(id="lin", languages=["zh"], skills=["heart"], queues=["cardiology"], state_since=NOW)


def queued(name: str, *, queue: dict[str, Any] | None = None, **values: Any) -> QueuedTask:
    task: dict[str, Any] = {
        "id": TaskId(name),
        "plan_id": None,
        "patient_id": PatientId("p"),
        "queue_id": name,
        "purpose": Purpose.CARE,
        "mode": TaskMode.AGENT,
        "state": TaskState.QUEUED,
        "earliest_at": NOW,
        "target_at": NOW,
        "latest_at": NOW + timedelta(days=1),
        "next_attempt_at": NOW,
        "created_at": NOW,
        **values,
    }
    of: dict[str, Any] = {
        "id": name,
        "name": name,
        "mode": task["mode"],
        "purpose": task["purpose"],
        "created_at": NOW,
        **(queue or {}),
    }
    return QueuedTask(task=Task(**task), queue=Queue(**of))


FIRST = queued("cardiology")


@pytest.mark.parametrize(
    "other",
    [
        queued("orthopedics"),
        queued("reminder", purpose=Purpose.REMINDER),
        queued("stoma", skills=["heart"]),
        queued("own", owner_id="lin", owner_until=NOW + timedelta(hours=1)),
        queued("lapsed", owner_id="zhou", owner_until=NOW),
        queued("tomorrow's next try", next_attempt_at=NOW + timedelta(hours=20)),
    ],
    ids=lambda each: each.task.id,
)
def test_due_tasks_of_one_patient_that_the_agent_can_do_go_along(other: QueuedTask) -> None:
    assert may_take_along(FIRST, other, AGENT, NOW)


@pytest.mark.parametrize(
    "other",
    [
        queued("another patient", patient_id=PatientId("q")),
        queued("a machine's", mode=TaskMode.AUTOMATED),
        queued("in progress", state=TaskState.IN_PROGRESS),
        queued("not open yet", earliest_at=NOW + timedelta(hours=1), target_at=NOW + timedelta(hours=1)),
        queued("escalated", next_action="escalate"),
        queued("urgent", priority=1),
        queued("survey", purpose=Purpose.SURVEY),
        queued("complaint", purpose=Purpose.COMPLAINT),
        queued("promised by another", owner_id="zhou", owner_until=NOW + timedelta(hours=1)),
        queued("other skill", skills=["stoma"]),
        queued("other language", language="en"),
        queued("queue's dialect", queue={"dialect": "cantonese"}),
        queued("never", queue={"merges": MergeRule.NEVER}),
        queued("its own queue only", queue={"merges": MergeRule.SAME_QUEUE}),
        queued("paused", queue={"paused": True}),
    ],
    ids=lambda each: each.task.id,
)
def test_what_must_not_be_merged_is_a_rule(other: QueuedTask) -> None:
    assert not may_take_along(FIRST, other, AGENT, NOW)
