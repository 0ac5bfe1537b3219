"""Previews: the agent has seen whom she would ring and why, and dials, or says why not."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import StringConstraints

from api import found
from api.edge import Route, Work
from api.fields import Ask, Id, Instant
from api.gate_words import faults_of
from api.permissions import AgentCommanding
from api.problems import Kind, Problem, problems
from api.routes.attempts import AttemptAnswer
from api.wiring import wiring_of
from followup.plans import Task
from followup.previews import SYSTEMS_OWN, SkipReason
from followup.queues import Agent
from scheduler import previews
from scheduler.dialer import GateRefusedError, ReservationRefusedError, reserve

router = APIRouter(tags=["previews"], route_class=Route)


class SkipAsk(Ask):
    """Why the agent does not dial, and when the task may be shown again; without an hour after a rest."""

    reason: SkipReason
    words: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)] = ""
    again_at: Instant | None = None


@router.post(
    "/attempts/{attempt_id}/dial",
    status_code=202,
    responses=problems(Kind.UNKNOWN_ATTEMPT, Kind.NOT_YOURS, Kind.CALL_REFUSED, Kind.NOT_POSSIBLE_NOW),
)
def dial_preview(attempt_id: Id, caller: AgentCommanding, request: Request, uow: Work) -> AttemptAnswer:
    """Dial the previewed patient. The gate is asked again; when it says no the preview is over."""
    attempt = found.own_attempt(uow, attempt_id, caller)
    try:
        previews.dial(uow, attempt, gate=wiring_of(request).gate, now=uow.now)
    except GateRefusedError as refusal:
        codes = [reason.value for reason in refusal.reasons]
        raise Problem(
            kind=Kind.CALL_REFUSED, faults=faults_of(refusal.reasons), reasons=codes, keeps_work=True
        ) from refusal
    except previews.PreviewNotPossibleError as error:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "attempt_id", str(error)) from error
    uow.audit.note(
        user_id=caller.user_id,
        action="preview_dialed",
        subject_kind="attempt",
        subject=attempt.id,
        patient_id=attempt.patient_id,
    )
    return AttemptAnswer.model_validate(attempt)


@router.post(
    "/tasks/{task_id}/claim",
    status_code=201,
    responses=problems(Kind.UNKNOWN_TASK, Kind.UNKNOWN_AGENT, Kind.CALL_REFUSED, Kind.NOT_POSSIBLE_NOW),
)
def claim_task(task_id: Id, caller: AgentCommanding, request: Request, uow: Work) -> AttemptAnswer:
    """Have this waiting task shown to the caller, who then dials or skips it as any preview."""
    task = found.task(uow, task_id)
    agent = found.own_desk(uow, caller)
    queue = found.queue(uow, task.queue_id)
    if agent.headset_node is None:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "headset", "no telephony node holds your headset; attach it first")
    _require_hers(task, agent, uow.now)
    try:
        attempt = reserve(
            uow,
            task=task,
            agent_id=agent.id,
            node=agent.headset_node,
            gate=wiring_of(request).gate,
            now=uow.now,
            preview=timedelta(seconds=queue.preview_seconds),
        )
    except GateRefusedError as refusal:
        codes = [reason.value for reason in refusal.reasons]
        raise Problem(kind=Kind.CALL_REFUSED, faults=faults_of(refusal.reasons), reasons=codes) from refusal
    except ReservationRefusedError as refusal:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "task_id", str(refusal)) from refusal
    uow.audit.note(
        user_id=caller.user_id,
        action="task_claimed",
        subject_kind="task",
        subject=task.id,
        patient_id=task.patient_id,
    )
    return AttemptAnswer.model_validate(attempt)


def _require_hers(task: Task, agent: Agent, now: datetime) -> None:
    """What can be claimed is what the agent's worklist shows: of her queues, or promised by her, nobody else's."""
    if task.owner_id == agent.id:
        return
    if task.queue_id not in agent.queues:
        raise Problem.of(
            Kind.NOT_POSSIBLE_NOW, "task_id", "the task is of a queue that you do not serve; a supervisor gives queues"
        )
    if task.owner_id is not None and task.owner_until is not None and task.owner_until >= now:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "task_id", "a colleague has promised to ring this patient herself")


@router.post(
    "/attempts/{attempt_id}/skip",
    responses=problems(Kind.UNKNOWN_ATTEMPT, Kind.NOT_YOURS, Kind.NOT_POSSIBLE_NOW),
)
def skip_preview(attempt_id: Id, ask: SkipAsk, caller: AgentCommanding, uow: Work) -> AttemptAnswer:
    """Give the previewed patient back to the queue."""
    attempt = found.own_attempt(uow, attempt_id, caller)
    if ask.reason in SYSTEMS_OWN:
        raise Problem.of(Kind.INVALID_REQUEST, "reason", "only the system itself says this; choose another reason")
    if ask.again_at is not None and ask.again_at <= uow.now:
        raise Problem.of(Kind.INVALID_REQUEST, "again_at", "is past: name an hour that lies ahead, or none")
    try:
        previews.skip(uow, attempt, reason=ask.reason, by=caller.user_id, now=uow.now, again_at=ask.again_at)
    except previews.PreviewNotPossibleError as error:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "attempt_id", str(error)) from error
    uow.audit.note(
        user_id=caller.user_id,
        action="preview_skipped",
        subject_kind="attempt",
        subject=attempt.id,
        patient_id=attempt.patient_id,
        detail={"reason": ask.reason.value, "words": ask.words},
    )
    return AttemptAnswer.model_validate(attempt)
