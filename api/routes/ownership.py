"""Whose a task is: promised calls back, what an agent can do, and giving tasks to others when somebody is ill."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field, StringConstraints, model_validator

from api import found
from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant
from api.permissions import CareTeamCommanding, Overseers, OverseersCommanding
from api.problems import Kind, Problem, problems
from api.routes.tasks import TAG, TONGUE, TaskAnswer
from api.wiring import wiring_of
from db.callees import callee_of
from db.unit_of_work import UnitOfWork
from followup.plans import Task, TaskState
from followup.queues import Agent
from scheduler import ownership

router = APIRouter(tags=["ownership"], route_class=Route)

AT_ONCE = 1000
_WAITING = frozenset({TaskState.PLANNED, TaskState.DUE, TaskState.QUEUED})


class PromiseAsk(Ask):
    """The hour at which the patient wants to be rung, and whose promise it is; none: anybody's."""

    at: Instant
    owner_id: Id | None = None


class AbilitiesAsk(Ask):
    """What an agent speaks and can do, and which queues she serves; what is left out stays."""

    languages: Annotated[list[Annotated[str, StringConstraints(pattern=TONGUE)]], Field(max_length=10)] | None = None
    dialects: Annotated[list[Annotated[str, StringConstraints(pattern=TAG)]], Field(max_length=20)] | None = None
    skills: Annotated[list[Annotated[str, StringConstraints(pattern=TAG)]], Field(max_length=50)] | None = None
    queues: Annotated[list[Id], Field(max_length=100)] | None = None


class AbilitiesAnswer(Answer):
    """What an agent speaks and can do, and which queues she serves."""

    agent_id: str
    languages: list[str]
    dialects: list[str]
    skills: list[str]
    queues: list[str]


class ReassignAsk(Ask):
    """These tasks, or all of an agent; to an agent, to a queue, or back to everybody of their own queue."""

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500)]
    task_ids: Annotated[list[Id], Field(max_length=AT_ONCE)] = Field(default_factory=list)
    of_agent_id: Id | None = None
    to_agent_id: Id | None = None
    to_queue_id: Id | None = None
    until: Instant | None = None  # with an agent: so long they are hers; without it a shift from their hour on

    @model_validator(mode="after")
    def _one_of_each(self) -> "ReassignAsk":
        if bool(self.task_ids) == (self.of_agent_id is not None):
            raise ValueError("name either task_ids or of_agent_id")
        if self.to_agent_id is not None and self.to_queue_id is not None:
            raise ValueError("name to_agent_id or to_queue_id, not both")
        return self


class LeftAnswer(Answer):
    """A task that stayed where it is, and why."""

    task_id: str
    reason: str


class ReassignAnswer(Answer):
    """What was moved and what was not; `more`: the agent has more tasks than are moved at once, ask again."""

    moved: list[str]
    left: list[LeftAnswer]
    more: bool


@router.post(
    "/tasks/{task_id}/call-back",
    responses=problems(Kind.UNKNOWN_TASK, Kind.UNKNOWN_AGENT, Kind.NOT_POSSIBLE_NOW, Kind.WINDOW_REFUSED),
)
def promise(task_id: Id, ask: PromiseAsk, caller: CareTeamCommanding, request: Request, uow: Work) -> TaskAnswer:
    """Promise a patient an hour; at it the task goes to its owner, and if she is away to everybody, with the reason."""
    task = found.task_for_update(uow, task_id)
    patient = found.patient(uow, task.patient_id)
    if task.state not in _WAITING:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "state", f"the task is {task.state.value}: nothing can be promised")
    if ask.owner_id is not None:
        _agent(uow, ask.owner_id, "owner_id")
    try:
        gate = wiring_of(request).gate
        ownership.require_possible(
            task,
            ask.at,
            zone=patient.zone,
            profile=gate.profile,
            now=uow.now,
            callee=callee_of(uow, patient, task.purpose, region=gate.calendar_region, at=ask.at),
        )
    except ownership.CallBackNotPossibleError as error:
        raise Problem.of(Kind.WINDOW_REFUSED, "at", str(error)) from error
    ownership.promise(task, ask.at, owner_id=ask.owner_id, now=uow.now)
    uow.outbox.wake()
    _audit(uow, caller, "call_back_promised", task, {"at": ask.at.isoformat(), "owner": ask.owner_id or ""})
    return TaskAnswer.model_validate(task)


@router.post("/tasks/reassign", responses=problems(Kind.UNKNOWN_TASK, Kind.UNKNOWN_AGENT, Kind.UNKNOWN_QUEUE))
def reassign(ask: ReassignAsk, caller: OverseersCommanding, uow: Work) -> ReassignAnswer:
    """Give many tasks to others at once, as when somebody is ill. Tasks that are being called stay as they are."""
    if ask.of_agent_id is not None:
        _agent(uow, ask.of_agent_id, "of_agent_id")
    if ask.to_agent_id is not None:
        _agent(uow, ask.to_agent_id, "to_agent_id")
    queue = found.queue(uow, ask.to_queue_id, "to_queue_id") if ask.to_queue_id else None
    if ask.of_agent_id is not None:
        tasks = uow.waiting.owned_by(ask.of_agent_id, limit=AT_ONCE)
    else:
        tasks = uow.waiting.for_update(ask.task_ids)
        known = {task.id for task in tasks}
        for place, task_id in enumerate(ask.task_ids):
            if task_id not in known and uow.plans.task(task_id) is None:
                raise Problem.of(Kind.UNKNOWN_TASK, f"task_ids[{place}]", "there is no such task")
    owners = {task.id: task.owner_id for task in tasks}
    done = ownership.reassign(uow, tasks, to_agent=ask.to_agent_id, to_queue=queue, until=ask.until)
    for task in done.moved:
        detail = {
            "reason": ask.reason,
            "from": owners[task.id] or "",
            "to_agent": ask.to_agent_id or "",
            "to_queue": ask.to_queue_id or "",
        }
        _audit(uow, caller, "task_reassigned", task, detail)
    seen = {*(task.id for task in done.moved), *(each.task_id for each in done.left)}
    busy = [task_id for task_id in ask.task_ids if task_id not in seen]
    return ReassignAnswer(
        moved=[task.id for task in done.moved],
        left=[
            *(LeftAnswer(task_id=each.task_id, reason=each.reason) for each in done.left),
            *(LeftAnswer(task_id=each, reason="somebody works on it at this moment; ask again") for each in busy),
        ],
        more=ask.of_agent_id is not None and len(tasks) == AT_ONCE,
    )


@router.put("/agents/{agent_id}/abilities", responses=problems(Kind.UNKNOWN_AGENT, Kind.UNKNOWN_QUEUE))
def set_abilities(agent_id: Id, ask: AbilitiesAsk, caller: Overseers, uow: Work) -> AbilitiesAnswer:
    """Say what an agent speaks and can do, and which queues she serves; it counts from her next call on."""
    agent = _agent(uow, agent_id, "agent_id")
    for place, queue_id in enumerate(ask.queues or ()):
        found.queue(uow, queue_id, f"queues[{place}]")
    wanted = ask.model_dump(exclude_none=True)
    for name, values in wanted.items():
        setattr(agent, name, list(dict.fromkeys(values)))
    uow.audit.note(
        user_id=caller.user_id,
        action="agent_abilities_set",
        subject_kind="agent",
        subject=agent.id,
        detail=wanted,
    )
    uow.outbox.wake()
    return AbilitiesAnswer(
        agent_id=agent.id,
        languages=agent.languages,
        dialects=agent.dialects,
        skills=agent.skills,
        queues=agent.queues,
    )


def _agent(uow: UnitOfWork, agent_id: str, field: str) -> Agent:
    agent = uow.queues.agent_for_update(agent_id)
    if agent is None:
        raise Problem.of(Kind.UNKNOWN_AGENT, field, "there is no such agent; GET /api/v1/agents lists them")
    return agent


def _audit(uow: UnitOfWork, caller: Caller, action: str, task: Task, detail: dict[str, str]) -> None:
    uow.audit.note(
        user_id=caller.user_id,
        action=action,
        subject_kind="task",
        subject=task.id,
        patient_id=task.patient_id,
        detail=detail,
    )
