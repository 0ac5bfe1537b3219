"""Reserving: a queued task, the agent or line that takes it, its attempt and its call, in one transaction."""

from datetime import datetime, timedelta

import structlog

from care.patients import ContactPoint, Patient
from db.attempts import Match
from db.calls import CallCommand, TelephonyNode
from db.gate import Gate, GateAnswer
from db.refusals import RowRefusedError
from db.unit_of_work import UnitOfWork
from followup.attempts import Attempt, AttemptId
from followup.calls import Call, CallId, CallState, Leg, LegId, LegRole
from followup.closing import move_agent
from followup.dialing_rules import GateReason
from followup.events import DomainEvent, EventKind
from followup.outcomes import NUMBER_IS_NO_USE
from followup.plans import WISHED_NUMBER, Task, TaskMode, TaskState, TaskTrigger, next_task_state
from followup.queues import Agent, AgentTrigger, can_be_given_a_call
from runtime.identifiers import new_id
from scheduler.task_steps import LOOK_AGAIN, ask_for_a_person, take_refusal, task_ids

log = structlog.get_logger(__name__)

DIAL_DEADLINE = timedelta(seconds=15)
"""A node that takes the command later refuses it: the agent no longer waits."""

MATCHED_AT_ONCE = 5

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


def reserve(uow: UnitOfWork, *, task: Task, agent_id: str | None, node: str, gate: Gate, now: datetime) -> Attempt:
    """Save an attempt with its planned call and tell the node to dial; ReservationRefusedError if that cannot be.

    Nothing is sent here: row first, effect second. The caller commits.
    """
    locked = uow.plans.task_for_update(task.id)
    if locked is None or locked.state is not TaskState.QUEUED:
        state = locked.state.value if locked else "gone"
        raise TaskNotWaitingError(f"the task is {state}: only a queued task can be called")
    agent = _ready_agent(uow, locked, agent_id, now)
    if not uow.patients.lock(locked.patient_id):
        raise PatientBusyError("the patient is just being called for another task: try again in a moment")
    patient = uow.patients.get(locked.patient_id)
    past = uow.attempts.of_task(locked.id)
    useless = {attempt.contact_point_id for attempt in past if attempt.outcome in NUMBER_IS_NO_USE}
    number = _number_to_dial(patient, locked, useless) if patient else None
    answer = gate.ask(uow, locked, number, now=now)
    if not answer.verdict.allowed or number is None:
        raise GateRefusedError(answer)
    attempt = Attempt(
        id=AttemptId(new_id()),
        task_id=locked.id,
        patient_id=locked.patient_id,
        queue_id=locked.queue_id,
        agent_id=agent_id,
        contact_point_id=number.id,
        number=number.number,
        ordinal=locked.attempts_made + 1,
        due_at=locked.next_attempt_at,
        reserved_at=now,
        gate=answer.kept,
    )
    try:
        with uow.savepoint():
            uow.attempts.add(attempt)
            uow.flush()
    except RowRefusedError as error:
        # The database's own rule: one live attempt of a patient, one of an agent.
        raise PatientBusyError("the patient or the agent has a live attempt already") from error
    call = _planned_call(attempt, node, now)
    uow.calls.add(call)
    uow.flush()
    locked.state = next_task_state(locked.state, TaskTrigger.RESERVE)
    locked.attempts_made = attempt.ordinal
    locked.next_action = locked.next_at = None
    ids = {"task": locked.id, "call": call.id, **task_ids(locked)}
    if agent is not None:
        ids["agent"] = agent.id
        uow.emit(move_agent(agent, AgentTrigger.RESERVE, now=now))
    uow.emit(DomainEvent(kind=EventKind.ATTEMPT_RESERVED, subject=attempt.id, ids=ids))
    uow.calls.command(
        CallCommand(
            node=node,
            verb="dial",
            subject=call.id,
            arguments={"attempt_id": attempt.id},
            idempotency_key=f"dial:{attempt.id}",
            deadline=now + DIAL_DEADLINE,
            created_at=now,
        )
    )
    log.info("attempt_reserved", attempt=attempt.id, call=call.id, task=locked.id, agent=agent_id, node=node)
    return attempt


def match_and_reserve(uow: UnitOfWork, *, gate: Gate, now: datetime, limit: int = MATCHED_AT_ONCE) -> int:
    """Give waiting tasks to agents and lines that are free; how many tasks were moved, by a call or a refusal.

    A few at a time, so that the first of them is dialed soon: the caller commits and asks again while any moved.
    """
    nodes = {node.name: node for node in uow.calls.living_nodes(now - NODE_HEARTBEAT_LIMIT)}
    if not nodes:
        return 0
    moved = 0
    for match in uow.attempts.match_agents(now, limit):
        node = _node_of_headset(uow, match, nodes)
        if node is not None:
            moved += _try(uow, match, node=node, gate=gate, now=now)
    free = {name: _free_lines(uow, node) for name, node in nodes.items()}
    for match in uow.attempts.match_lines(now, min(limit, sum(free.values()))):
        roomiest = max(free, key=lambda name: (free[name], name))
        if free[roomiest] < 1:
            break
        if _try(uow, match, node=roomiest, gate=gate, now=now):
            free[roomiest] -= 1
            moved += 1
    return moved


def _try(uow: UnitOfWork, match: Match, *, node: str, gate: Gate, now: datetime) -> bool:
    task = uow.plans.task_for_update(match.task_id)
    if task is None:
        return False
    try:
        with uow.savepoint():
            reserve(uow, task=task, agent_id=match.agent_id, node=node, gate=gate, now=now)
    except GateRefusedError as refusal:
        take_refusal(uow, task, gate, refusal.answer, now)
    except ReservationRefusedError as refusal:
        log.info("reservation_refused", task=match.task_id, agent=match.agent_id, reason=str(refusal))
        return False
    except (LookupError, ValueError):
        # One row that cannot be judged (a zone nobody knows) must not keep everybody else from being called.
        log.exception("task_not_judged", task=task.id, queue=task.queue_id)
        ask_for_a_person(uow, task, look_again_at=now + LOOK_AGAIN)
    return True


def _number_to_dial(patient: Patient, task: Task, useless: set[str]) -> ContactPoint | None:
    """The number that a wish to be rung back named, if it is still of use, else the patient's best."""
    best = patient.best_number(besides=useless)
    wished = task.variables.get(WISHED_NUMBER)
    if wished is None or wished in useless:
        return best
    others = {point.id for point in patient.contact_points if point.id != wished}
    return patient.best_number(besides=others) or best


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


def _planned_call(attempt: Attempt, node: str, now: datetime) -> Call:
    call_id = CallId(new_id())
    return Call(
        id=call_id,
        attempt_id=attempt.id,
        patient_id=attempt.patient_id,
        queue_id=attempt.queue_id,
        agent_id=attempt.agent_id,
        number=attempt.number,
        node=node,
        planned_at=now,
        legs=[Leg(id=LegId(new_id()), call_id=call_id, role=LegRole.PATIENT)],
    )


def _node_of_headset(uow: UnitOfWork, match: Match, nodes: dict[str, TelephonyNode]) -> str | None:
    agent = uow.queues.agent(match.agent_id) if match.agent_id else None
    if agent is None or agent.headset_node not in nodes:
        log.warning("headset_node_silent", agent=match.agent_id, node=agent.headset_node if agent else None)
        return None
    return agent.headset_node


def _free_lines(uow: UnitOfWork, node: TelephonyNode) -> int:
    """The node's free workers, less the calls it was given and cannot have counted yet."""
    given = sum(
        1
        for call in uow.calls.live_on(node.name)
        if call.agent_id is None and (call.state is CallState.PLANNED or call.planned_at > node.heartbeat_at)
    )
    return max(0, node.free_workers - given)
