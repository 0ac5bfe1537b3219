"""Previews: an agent who was shown a task dials it, skips it with a reason, or lets it run out."""

from datetime import datetime, timedelta

import structlog

from db.gate import Gate
from db.unit_of_work import UnitOfWork
from followup.attempts import Attempt, AttemptState
from followup.calls import Call
from followup.closing import leave_preview
from followup.events import DomainEvent, EventKind
from followup.plans import Task, TaskState, TaskTrigger, next_task_state
from followup.previews import REST_AFTER_SKIP, SkipReason
from followup.queues import ExpiredPreview, can_be_dialed_for
from scheduler.call_planning import plan_call
from scheduler.dialer import NODE_HEARTBEAT_LIMIT, GateRefusedError
from scheduler.task_steps import take_refusal, task_ids

log = structlog.get_logger(__name__)


class PreviewNotPossibleError(Exception):
    """The preview cannot be dialed or skipped now; the sentence says why and what helps."""


def dial(uow: UnitOfWork, attempt: Attempt, *, gate: Gate, now: datetime) -> Call:
    """Dial the attempt its agent looks at; the gate is asked again.

    GateRefusedError when it says no: the preview is over then and the task waits or asks for a person, as anywhere
    else; the caller commits that too.
    """
    _require_preview(attempt)
    agent = uow.queues.agent_for_update(attempt.agent_id) if attempt.agent_id else None
    task, patient = uow.plans.task(attempt.task_id), uow.patients.get(attempt.patient_id)
    if agent is None or task is None or patient is None:
        raise LookupError(f"attempt {attempt.id}: its agent, task or patient does not exist")
    if agent.headset_node is None or not can_be_dialed_for(agent, now):
        raise PreviewNotPossibleError("your headset is not up or your console was not heard: put it on and try again")
    living = {node.name for node in uow.calls.living_nodes(now - NODE_HEARTBEAT_LIMIT)}
    if agent.headset_node not in living:
        raise PreviewNotPossibleError("the telephony node that holds your headset was not heard: try again in a moment")
    number = next((point for point in patient.contact_points if point.id == attempt.contact_point_id), None)
    answer = gate.ask(uow, task, number, now=now, besides_attempt=attempt.id)
    attempt.gate = answer.kept
    if not answer.verdict.allowed:
        for back in end(uow, attempt, reason=SkipReason.NOT_ALLOWED, by=None, now=now):
            if back.id == task.id:
                take_refusal(uow, back, gate, answer, now)
        raise GateRefusedError(answer)
    attempt.preview_until = None
    call = plan_call(uow, attempt, node=agent.headset_node, now=now)
    log.info("preview_dialed", attempt=attempt.id, call=call.id, agent=agent.id, node=call.node)
    return call


def skip(
    uow: UnitOfWork, attempt: Attempt, *, reason: SkipReason, by: str, now: datetime, again_at: datetime | None = None
) -> None:
    """Give the tasks of a preview back, to be shown again after a rest or at the hour the agent names."""
    _require_preview(attempt)
    for task in end(uow, attempt, reason=reason, by=by, now=now):
        if reason is SkipReason.NEEDS_ANOTHER_AGENT and task.owner_id == attempt.agent_id:
            task.owner_id = task.owner_until = None
        # Not beyond the window: who skips a task that closes now does not make it disappear.
        task.next_attempt_at = min(again_at or now + REST_AFTER_SKIP[reason], task.latest_at)


def end_expired(uow: UnitOfWork, attempt_id: str, *, now: datetime) -> bool:
    """End a preview if it ran out: its tasks go back to their places, its agent where her queue says."""
    attempt = uow.attempts.for_update(attempt_id)
    if (
        attempt is None
        or attempt.state is not AttemptState.RESERVED
        or attempt.preview_until is None
        or attempt.preview_until > now
    ):
        return False
    end(uow, attempt, reason=SkipReason.EXPIRED, by=None, now=now)
    ids = {"task": attempt.task_id, "patient": attempt.patient_id, "queue": attempt.queue_id}
    if attempt.agent_id is not None:
        ids["agent"] = attempt.agent_id
    uow.emit(DomainEvent(kind=EventKind.PREVIEW_EXPIRED, subject=attempt.id, ids=ids))
    return True


def end(uow: UnitOfWork, attempt: Attempt, *, reason: SkipReason, by: str | None, now: datetime) -> list[Task]:
    """Close a previewed attempt and put its tasks back into their queues; they are answered, locked."""
    queue = uow.queues.get(attempt.queue_id)
    agent = uow.queues.agent_for_update(attempt.agent_id) if attempt.agent_id else None
    rest = reason is SkipReason.EXPIRED and (queue is None or queue.expired_preview is ExpiredPreview.BREAK)
    for event in leave_preview(attempt, agent, reason=reason, by=by, now=now, rest=rest):
        uow.emit(event)
    back = []
    for task_id in uow.attempts.tasks_of(attempt.id):
        task = uow.plans.task_for_update(task_id)
        if task is None or task.state is not TaskState.IN_PROGRESS:
            continue
        task.state = next_task_state(task.state, TaskTrigger.CALL_AGAIN)
        task.attempts_made -= 1  # nobody was rung
        uow.emit(DomainEvent(kind=EventKind.TASK_QUEUED, subject=task.id, ids=task_ids(task)))
        back.append(task)
    log.info("preview_ended", attempt=attempt.id, agent=attempt.agent_id, queue=attempt.queue_id, reason=reason.value)
    return back


def _require_preview(attempt: Attempt) -> None:
    if attempt.state is not AttemptState.RESERVED or attempt.preview_until is None:
        raise PreviewNotPossibleError(
            f"the attempt is {attempt.state.value} and no preview any more: it was dialed, skipped, or ran out"
        )


PREVIEW_NET = timedelta(seconds=1)
"""So often expired previews are looked for."""
