"""Tasks: contacts that are owed."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field, StringConstraints

from api import found
from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant, Limit
from api.gate_words import faults_of
from api.permissions import AgentCommanding, CareTeam, CareTeamCommanding
from api.problems import Fault, Kind, Problem, problems
from api.wiring import wiring_of
from care.consent import Purpose
from db.unit_of_work import UnitOfWork
from followup.outcomes import TaskOutcome
from followup.plans import Task, TaskId, TaskMode, TaskState, TaskTrigger
from followup.waiting import is_urgent
from runtime.identifiers import new_id
from scheduler.dialer import (
    NODE_HEARTBEAT_LIMIT,
    GateRefusedError,
    ReservationRefusedError,
    reserve,
)
from scheduler.task_steps import close_task

router = APIRouter(tags=["tasks"], route_class=Route)

TONGUE = r"^[a-z]{2}$"
TAG = r"^[a-z0-9][a-z0-9_-]{0,39}$"
"""A dialect or a skill as the hospital names it: cantonese, stoma-care."""


class TaskAsk(Ask):
    """A single contact outside a plan."""

    patient_id: Id
    queue_id: Id
    purpose: Purpose
    earliest_at: Instant
    target_at: Instant
    latest_at: Instant
    form: Annotated[str, StringConstraints(max_length=64)] | None = None
    flow: Annotated[str, StringConstraints(max_length=64)] | None = None
    priority: Annotated[int, Field(ge=1, le=100)] = 50  # 1 to 9 cannot wait
    language: Annotated[str, StringConstraints(pattern=TONGUE)] | None = None  # of the agent, besides the queue's
    dialect: Annotated[str, StringConstraints(pattern=TAG)] | None = None
    skills: Annotated[list[Annotated[str, StringConstraints(pattern=TAG)]], Field(max_length=10)] = Field(
        default_factory=list
    )


class TaskAnswer(Answer):
    """A contact that is owed: due between earliest and latest, best at target."""

    id: str
    plan_id: str | None
    step_key: str | None
    occurrence: int
    patient_id: str
    queue_id: str
    purpose: Purpose
    mode: TaskMode
    state: TaskState
    priority: int
    earliest_at: Instant
    target_at: Instant
    latest_at: Instant
    next_attempt_at: Instant
    form: str | None
    flow: str | None
    attempts_made: int
    outcome: TaskOutcome | None
    next_action: str | None
    next_at: Instant | None
    language: str | None
    dialect: str | None
    skills: list[str]
    owner_id: str | None  # the agent to whom it belongs until `owner_until`
    owner_until: Instant | None
    owner_reason: str
    created_at: Instant


class TasksAnswer(Answer):
    """A page of tasks in order of id; ask on with after=`next`, which is empty on the last page."""

    tasks: list[TaskAnswer]
    next: str | None


class DialAnswer(Answer):
    """The patient is about to be dialed; GET /agents/me/call shows the call."""

    attempt_id: str


@router.get("/tasks")
def list_tasks(
    caller: CareTeam,  # noqa: ARG001
    uow: Work,
    queue_id: Id | None = None,
    state: TaskState | None = None,
    patient_id: Id | None = None,
    owner_id: Id | None = None,
    in_line: bool | None = None,  # could be called now
    after: Id | None = None,
    limit: Limit = 50,
) -> TasksAnswer:
    """Tasks, all or of one queue, state, patient or owner."""
    if patient_id is not None:
        uow.care_team.admit(patient_id, uow.now)
    page = uow.waiting.page(
        queue_id=queue_id,
        state=state,
        patient_id=patient_id,
        owner_id=owner_id,
        in_line=in_line,
        after=after,
        limit=limit,
    )
    return TasksAnswer(
        tasks=[TaskAnswer.model_validate(task) for task in page], next=page[-1].id if len(page) == limit else None
    )


@router.get("/tasks/{task_id}", responses=problems(Kind.UNKNOWN_TASK))
def read_task(task_id: Id, caller: CareTeam, uow: Work) -> TaskAnswer:  # noqa: ARG001
    """One task."""
    return TaskAnswer.model_validate(found.task(uow, task_id))


@router.post(
    "/tasks", status_code=201, responses=problems(Kind.UNKNOWN_PATIENT, Kind.UNKNOWN_QUEUE, Kind.WINDOW_REFUSED)
)
def create_task(ask: TaskAsk, caller: CareTeamCommanding, request: Request, uow: Work) -> TaskAnswer:
    """Add a single task. Whether the patient may be called for it is asked when it falls due."""
    _require_window(ask, uow)
    patient = found.patient(uow, ask.patient_id)
    queue = found.queue(uow, ask.queue_id)
    content = wiring_of(request).content
    if ask.purpose is not queue.purpose:
        raise Problem.of(Kind.INVALID_REQUEST, "purpose", f"the queue is for {queue.purpose.value}: consent goes by it")
    if ask.form is not None and ask.form not in content.forms:
        raise Problem.of(Kind.INVALID_REQUEST, "form", "there is no such form")
    if queue.mode is TaskMode.AUTOMATED and ask.flow not in content.flows:
        raise Problem.of(Kind.INVALID_REQUEST, "flow", "an automated queue's task needs the flow of its call")
    if queue.mode is TaskMode.AUTOMATED and is_urgent(ask.priority):
        raise Problem.of(
            Kind.INVALID_REQUEST, "priority", "1 to 9 cannot wait and go to a person: name an agents' queue"
        )
    task = Task(
        id=TaskId(new_id()),
        plan_id=None,
        patient_id=patient.id,
        queue_id=queue.id,
        purpose=ask.purpose,
        mode=queue.mode,
        priority=ask.priority,
        earliest_at=ask.earliest_at,
        target_at=ask.target_at,
        latest_at=ask.latest_at,
        next_attempt_at=ask.earliest_at,
        form=ask.form,
        flow=ask.flow,
        language=ask.language,
        dialect=ask.dialect,
        skills=sorted(set(ask.skills)),
        created_at=uow.now,
    )
    uow.plans.add_task(task)
    uow.outbox.wake()
    _audit(uow, caller, "task_added", task)
    return TaskAnswer.model_validate(task)


@router.post("/tasks/{task_id}/cancel", responses=problems(Kind.UNKNOWN_TASK, Kind.NOT_POSSIBLE_NOW))
def cancel_task(task_id: Id, caller: CareTeamCommanding, uow: Work) -> TaskAnswer:
    """Call a task off; not while the patient is being called for it."""
    task = found.task_for_update(uow, task_id)
    if task.state is TaskState.IN_PROGRESS:
        raise Problem.of(
            Kind.NOT_POSSIBLE_NOW,
            "state",
            "the patient is being called for this task; hang up and finish the wrap-up, then cancel",
        )
    close_task(uow, task, TaskTrigger.CANCEL, TaskOutcome.CANCELLED, None)
    _audit(uow, caller, "task_cancelled", task)
    return TaskAnswer.model_validate(task)


@router.post(
    "/tasks/{task_id}/dial",
    status_code=202,
    responses=problems(Kind.UNKNOWN_TASK, Kind.UNKNOWN_AGENT, Kind.CALL_REFUSED, Kind.NOT_POSSIBLE_NOW),
)
def dial(task_id: Id, caller: AgentCommanding, request: Request, uow: Work) -> DialAnswer:
    """Call this task's patient now, with the caller as agent (preview dialing)."""
    task = found.task(uow, task_id)
    agent = uow.queues.agent(caller.user_id)
    if agent is None:
        raise Problem.of(Kind.UNKNOWN_AGENT, "agent", "this user has no desk; an administrator adds users as agents")
    living = {node.name for node in uow.calls.living_nodes(uow.now - NODE_HEARTBEAT_LIMIT)}
    if agent.headset_node not in living:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "headset", "no telephony node holds your headset; attach it first")
    try:
        attempt = reserve(
            uow, task=task, agent_id=agent.id, node=agent.headset_node, gate=wiring_of(request).gate, now=uow.now
        )
    except GateRefusedError as refusal:
        codes = [reason.value for reason in refusal.reasons]
        raise Problem(kind=Kind.CALL_REFUSED, faults=faults_of(refusal.reasons), reasons=codes) from refusal
    except ReservationRefusedError as refusal:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "task_id", str(refusal)) from refusal
    _audit(uow, caller, "task_dialed", task)
    return DialAnswer(attempt_id=attempt.id)


def _require_window(ask: TaskAsk, uow: UnitOfWork) -> None:
    faults = []
    if ask.earliest_at > ask.target_at:
        faults.append(Fault(field="target_at", reason="must not be before earliest_at"))
    if ask.target_at > ask.latest_at:
        faults.append(Fault(field="latest_at", reason="must not be before target_at"))
    if ask.latest_at <= uow.now:
        faults.append(Fault(field="latest_at", reason="is past: nobody could be called any more"))
    if faults:
        raise Problem(kind=Kind.WINDOW_REFUSED, faults=faults)


def _audit(uow: UnitOfWork, caller: Caller, action: str, task: Task) -> None:
    uow.audit.note(
        user_id=caller.user_id,
        action=action,
        subject_kind="task",
        subject=task.id,
        patient_id=task.patient_id,
    )
