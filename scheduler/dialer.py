"""Reserving: a queued task, the agent or line that takes it, its attempt and its call, in one transaction."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

import structlog

from care.patients import ContactPoint, Patient
from db.calls import TelephonyNode
from db.claims import Claim, ClaimedRows
from db.gate import Gate, GateAnswer
from db.refusals import RowRefusedError, broken_rule
from db.unit_of_work import UnitOfWork
from followup.attempts import Attempt, AttemptId
from followup.calls import Call
from followup.closing import move_agent
from followup.dialing_rules import GateReason
from followup.events import DomainEvent, EventKind
from followup.outcomes import NUMBER_IS_NO_USE
from followup.plans import WISHED_NUMBER, Task, TaskMode, TaskState, TaskTrigger, next_task_state
from followup.queues import Agent, AgentTrigger, DialStyle, Queue, can_be_given_a_call
from followup.what_next import NEXT_NUMBER
from runtime.identifiers import new_id
from scheduler.call_planning import plan_call
from scheduler.pacing import dial_ahead
from scheduler.task_steps import LOOK_AGAIN, ask_for_a_person, take_refusal, task_ids
from scheduler.tasks_along import tasks_along
from scheduler.waiting_line import keep_lanes

log = structlog.get_logger(__name__)

MATCHED_AT_ONCE = 8
"""So many are made before they are committed: the first of them is dialed when the last is written."""

NODE_HEARTBEAT_LIMIT = timedelta(seconds=10)


class ReservationRefusedError(Exception):
    """No attempt was made; the sentence says why and what helps. The transaction may go on."""


class TaskNotWaitingError(ReservationRefusedError):
    """The task is not one that waits for a call."""


class AgentNotReadyError(ReservationRefusedError):
    """The agent cannot be given a call now."""


class PatientBusyError(ReservationRefusedError):
    """The patient has, or is just being given, another live attempt."""


class GateRefusedError(ReservationRefusedError):
    """The gate does not allow the call; `reasons` are all of them."""

    def __init__(self, answer: GateAnswer) -> None:
        self.answer = answer
        self.reasons: tuple[GateReason, ...] = answer.verdict.reasons
        words = ", ".join(reason.value for reason in self.reasons)
        super().__init__(f"the patient may not be called for this task now: {words}")


def reserve(
    uow: UnitOfWork,
    *,
    task: Task,
    agent_id: str | None,
    node: str,
    gate: Gate,
    now: datetime,
    preview: timedelta | None = None,
) -> Attempt:
    """Save an attempt with its planned call and tell the node to dial; ReservationRefusedError if that cannot be.

    With `preview` the agent is shown it for so long first, and nothing is planned before she dials.

    Nothing is sent here: row first, effect second. The caller commits.
    """
    locked = uow.plans.task_for_update(task.id)
    if locked is None or locked.state is not TaskState.QUEUED:
        state = locked.state.value if locked else "gone"
        raise TaskNotWaitingError(f"the task is {state}: only a queued task can be called")
    agent = _ready_agent(uow, locked, agent_id, now)
    patient = uow.patients.get(locked.patient_id) if uow.patients.lock(locked.patient_id) else None
    try:
        with uow.savepoint():
            attempt = _attempt(uow, locked, agent, patient, gate=gate, now=now)
    except RowRefusedError as error:
        raise _busy(error) from error
    uow.waiting.leave_lanes_of_patients([locked.patient_id])
    locked.state = next_task_state(locked.state, TaskTrigger.RESERVE)
    attempt.preview_until = now + preview if preview is not None else None
    call = plan_call(uow, attempt, node=node, now=now) if preview is None else None
    if agent is not None:
        uow.emit(move_agent(agent, AgentTrigger.RESERVE, now=now))
    _tell(uow, locked, attempt, call)
    return attempt


def match_and_reserve(uow: UnitOfWork, *, gate: Gate, now: datetime, limit: int = MATCHED_AT_ONCE) -> int:
    """Give waiting tasks to agents and lines that are free; how many tasks were moved, by a call or a refusal.

    A few at a time, so that the first of them is dialed soon: the caller commits and asks again while any moved.
    """
    more_to_place = keep_lanes(uow, profile=gate.profile, now=now)
    nodes = {node.name: node for node in uow.calls.living_nodes(now - NODE_HEARTBEAT_LIMIT)}
    if not nodes:
        return 0
    turn = _Turn(uow=uow, gate=gate, now=now)
    # First those who dial ahead: the agents whom their lines need are kept before anybody is given away.
    dial_ahead(
        uow,
        gate=gate,
        now=now,
        workers={name: _free_lines(uow, node) for name, node in nodes.items()},
        place=lambda queue, node: turn.take(partial(uow.claims.ahead_of_agents, queue.id, now), node=node),
        limit=limit,
    )
    left = limit
    while left and (claims := uow.claims.for_agents(now, nodes=nodes, limit=left, besides=turn.refused)):
        left -= turn.make(claims)
    automated = uow.claims.free_lines(now)
    free_workers = {name: _free_lines(uow, node) for name, node in nodes.items()} if automated else {}
    for queue_id, free in automated.items():
        given = turn.made
        for _ in range(limit):
            roomiest = max(free_workers, key=lambda name: (free_workers[name], name))
            if turn.made - given >= free or free_workers[roomiest] < 1:
                break
            made = turn.made
            if not turn.take(partial(uow.claims.for_line, queue_id, now), node=roomiest):
                break
            free_workers[roomiest] -= turn.made - made
    return turn.moved + int(more_to_place)


class _Claiming(Protocol):
    def __call__(self, *, besides: Collection[str]) -> Claim | None: ...


@dataclass(kw_only=True)
class _Turn:
    """One turn of matching, and what became of its claims."""

    uow: UnitOfWork
    gate: Gate
    now: datetime
    moved: int = 0
    made: int = 0
    refused: set[str] = field(default_factory=set)
    queues: dict[str, Queue | None] = field(default_factory=dict)  # kept, so that the session forgets none

    def take(self, claiming: _Claiming, *, node: str | None) -> bool:
        """Claim a task for a line and make its attempt; False when there was nothing to claim."""
        claim = claiming(besides=self.refused)
        return claim is not None and self.make([claim], node=node) > 0

    def make(self, claims: Sequence[Claim], *, node: str | None = None) -> int:
        """Make the attempts of claims, one after the other; how many were looked at.

        The first that is refused goes back with all behind it, agents to their state and waiting time: whose task was
        refused chooses again before those who wait less long.
        """
        rows = self.uow.claims.rows(claims)
        made = 0
        while made < len(claims) and self._is_made(claims[made], rows, node, unmade=claims[made:]):
            made += 1
        if made:
            busy = [rows.tasks[claim.task_id].patient_id for claim in claims[:made]]
            self.uow.flush()
            self.uow.waiting.leave_lanes_of_patients(busy)
        return min(made + 1, len(claims))

    def _is_made(self, claim: Claim, rows: ClaimedRows, node: str | None, *, unmade: Sequence[Claim]) -> bool:
        try:
            with self.uow.savepoint():
                self._make_attempt(claim, rows, node)
        except RowRefusedError as error:
            task = self._given_back(claim, unmade)
            log.info("reservation_refused", task=task.id, queue=task.queue_id, reason=str(_busy(error)))
            return False
        except GateRefusedError as refusal:
            take_refusal(self.uow, self._given_back(claim, unmade), self.gate, refusal.answer, self.now)
        except ReservationRefusedError as refusal:
            task = self._given_back(claim, unmade)
            log.info("reservation_refused", task=task.id, queue=task.queue_id, reason=str(refusal))
            return False
        except (LookupError, ValueError):
            # One row that cannot be judged (a zone nobody knows) must not keep everybody else from being called.
            task = self._given_back(claim, unmade)
            log.exception("task_not_judged", task=task.id, queue=task.queue_id)
            ask_for_a_person(self.uow, task, look_again_at=self.now + LOOK_AGAIN)
        else:
            self.made += 1
            self.moved += 1
            return True
        self.moved += 1
        return False

    def _make_attempt(self, claim: Claim, rows: ClaimedRows, node: str | None) -> None:
        uow, now = self.uow, self.now
        task = rows.tasks[claim.task_id]
        agent = rows.agents[claim.agent_id] if claim.agent_id else None
        queue = self._queue(task.queue_id)
        node = agent.headset_node if agent is not None else node
        if queue is None or node is None:
            raise LookupError(f"task {claim.task_id} was claimed, but its queue or node is not there")
        attempt = _attempt(uow, task, agent, rows.patients.get(task.patient_id), gate=self.gate, now=now)
        attempt.ahead = agent is None and task.mode is TaskMode.AGENT
        if agent is not None and queue.style is DialStyle.PREVIEW:
            attempt.preview_until = now + timedelta(seconds=queue.preview_seconds)
            call = None
        else:
            call = plan_call(uow, attempt, node=node, now=now)
        if agent is not None:
            uow.emit(DomainEvent(kind=EventKind.AGENT_CHANGED, subject=agent.id))
        _tell(uow, task, attempt, call)

    def _queue(self, queue_id: str) -> Queue | None:
        if queue_id not in self.queues:
            self.queues[queue_id] = self.uow.queues.get(queue_id)
        return self.queues[queue_id]

    def _given_back(self, claim: Claim, unmade: Sequence[Claim]) -> Task:
        """The refused task, back in its lane as all that were claimed with it and not made; not claimed again now."""
        self.refused.add(claim.task_id)
        return self.uow.claims.give_back(unmade)[claim.task_id]


def _attempt(
    uow: UnitOfWork, task: Task, agent: Agent | None, patient: Patient | None, *, gate: Gate, now: datetime
) -> Attempt:
    """The attempt for a task that is locked, and for the patient's others that go along with it.

    `patient` is locked as well; None if somebody else holds him. RowRefusedError breaks the transaction: it is asked
    within a savepoint.
    """
    if patient is None:
        raise PatientBusyError("the patient is just being called for another task: try again in a moment")
    past = uow.attempts.of_task(task.id)
    useless = {attempt.contact_point_id for attempt in past if attempt.outcome in NUMBER_IS_NO_USE}
    number = _number_to_dial(patient, task, useless)
    answer = gate.ask(uow, task, number, now=now)
    if not answer.verdict.allowed or number is None:
        raise GateRefusedError(answer)
    along = tasks_along(uow, task, agent, number, gate=gate, now=now)
    attempt = Attempt(
        id=AttemptId(new_id()),
        task_id=task.id,
        patient_id=task.patient_id,
        queue_id=task.queue_id,
        agent_id=agent.id if agent else None,
        contact_point_id=number.id,
        number=number.number,
        ordinal=1 + max((attempt.ordinal for attempt in past if attempt.task_id == task.id), default=0),
        due_at=task.next_attempt_at,
        reserved_at=now,
        gate=answer.kept,
    )
    uow.attempts.add(attempt)
    uow.flush()
    uow.attempts.join_tasks(attempt.id, [task.id, *(other.id for other in along)])
    for other in along:
        other.state = next_task_state(other.state, TaskTrigger.RESERVE)
    for each in (task, *along):
        each.attempts_made += 1
        each.next_action = each.next_at = None
    return attempt


def _busy(error: RowRefusedError) -> PatientBusyError:
    """The database's own rule spoke: one live attempt of a patient, one of an agent; any other rule is a fault."""
    if broken_rule(error) not in ("uq_attempts_live_patient", "uq_attempts_live_agent"):
        raise error
    return PatientBusyError("the patient or the agent has a live attempt already")


def _tell(uow: UnitOfWork, task: Task, attempt: Attempt, call: Call | None) -> None:
    ids = {"task": task.id, **task_ids(task)}
    if call is not None:
        ids["call"] = call.id
    if attempt.agent_id is not None:
        ids["agent"] = attempt.agent_id
    uow.emit(DomainEvent(kind=EventKind.ATTEMPT_RESERVED, subject=attempt.id, ids=ids))
    log.info(
        "attempt_reserved",
        attempt=attempt.id,
        call=call.id if call else None,
        task=task.id,
        agent=attempt.agent_id,
        node=call.node if call else None,
        preview_until=attempt.preview_until.isoformat() if attempt.preview_until else None,
    )


def _number_to_dial(patient: Patient, task: Task, useless: set[str]) -> ContactPoint | None:
    """The number that the last decision or a wish to be rung back named, if still of use, else the patient's best."""
    best = patient.best_number(besides=useless)
    for named in (task.variables.get(NEXT_NUMBER), task.variables.get(WISHED_NUMBER)):
        if named is not None and named not in useless:
            others = {point.id for point in patient.contact_points if point.id != named}
            return patient.best_number(besides=others) or best
    return best


def _ready_agent(uow: UnitOfWork, task: Task, agent_id: str | None, now: datetime) -> Agent | None:
    if agent_id is None:
        if task.mode is TaskMode.AGENT:
            raise TaskNotWaitingError("the task is to be called by an agent: name one")
        return None
    agent = uow.queues.agent_for_update(agent_id)
    if agent is None:
        raise AgentNotReadyError("there is no such agent")
    if not can_be_given_a_call(agent, now):
        raise AgentNotReadyError(
            f"the agent is {agent.state.value} and the headset {agent.headset_state.value}: a call needs an available "
            "agent with the headset up and the console open"
        )
    return agent


def _free_lines(uow: UnitOfWork, node: TelephonyNode) -> int:
    """The node's free workers, less the calls it was given and cannot have counted yet."""
    return max(0, node.free_workers - uow.calls.given_to(node))
