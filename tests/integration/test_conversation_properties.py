"""Whatever order leg events come in, doubled or shuffled: no illegal state, one end, one attempt, nobody left over."""

import random
from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from care.consent import Purpose
from db.engine import make_engine
from db.gate import Gate
from db.refusals import RowRefusedError
from db.unit_of_work import UnitOfWork, UnitsOfWork
from followup.attempts import AttemptState
from followup.calls import CALL_TRANSITIONS, Call, CallState
from followup.dialing_rules import Mode
from followup.plans import TaskMode, TaskState
from followup.queues import AgentState
from runtime.content import Content
from runtime.settings import REPOSITORY
from scheduler.dialer import ReservationRefusedError, reserve
from telephony.call_control import LegEvent, LegEventKind
from telephony.conversation import Conversation
from tests.support.builders import a_node, a_patient, a_queue, a_task, an_agent, an_attempt

CONTENT = Content(REPOSITORY / "content")
GATE = Gate(mode=Mode.DEMO, profile=CONTENT.jurisdictions["demo"], trunk_is_loopback=True, allow_list=frozenset())
REACHABLE = {(state, target) for (state, _), target in CALL_TRANSITIONS.items()}

ENDS = [
    {"end_reason": reason, "party": party, "sip_status": status}
    for reason, party, status in (
        ("hang_up", "patient", 200),
        ("hang_up", "us", 200),
        ("busy", "patient", 486),
        ("no_answer", "patient", 487),
        ("worker_lost", "us", 0),
        ("network_failure", "carrier", 0),
    )
]
KINDS = st.one_of(
    st.sampled_from(
        [
            (LegEventKind.ABOUT_TO_INVITE, {"attempt_id": "x"}),
            (LegEventKind.INVITED, {"sip_call_id": "abc"}),
            (LegEventKind.RINGING, {}),
            (LegEventKind.EARLY_MEDIA, {}),
            (LegEventKind.ANSWERED, {}),
            (LegEventKind.BRIDGED, {"with": "headset"}),
            (LegEventKind.UNBRIDGED, {"with": "headset"}),
            (LegEventKind.HELD, {}),
            (LegEventKind.RESUMED, {}),
            (LegEventKind.DIGIT, {"digit": "1"}),
            (LegEventKind.DIGIT, {"digit": "8"}),
            (LegEventKind.DIGITS_COLLECTED, {"digits": "1", "reason": "complete"}),
            (LegEventKind.DIGITS_COLLECTED, {"digits": "8", "reason": "complete"}),
            (LegEventKind.DIGITS_COLLECTED, {"digits": "", "reason": "timeout"}),
            (LegEventKind.PROMPT_FINISHED, {"prompt": "p"}),
            (LegEventKind.RECORDING_STARTED, {"folder": "/nowhere/spool"}),
            (LegEventKind.RECORDING_STOPPED, {"folder": "/nowhere/spool"}),
            (LegEventKind.MEDIA_SILENT, {"seconds": 20}),
        ]
    ),
    st.sampled_from(ENDS).map(lambda values: (LegEventKind.ENDED, values)),
)


@pytest.fixture(scope="module")
def units(module_database_url: str) -> Iterator[UnitsOfWork]:
    engine = make_engine(module_database_url)
    yield UnitsOfWork(engine)
    engine.dispose()


@pytest.mark.parametrize("mode", [TaskMode.AGENT, TaskMode.AUTOMATED])
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kinds=st.lists(KINDS, max_size=25), chance=st.randoms(use_true_random=False))
def test_no_order_of_events_breaks_a_call(
    units: UnitsOfWork,
    mode: TaskMode,
    kinds: list[tuple[LegEventKind, dict[str, str | int]]],
    chance: random.Random,
) -> None:
    conversation = Conversation(CONTENT.flows)
    with units() as uow:  # never committed: every example finds the same empty database
        call, agent_id = a_reserved_call(uow, mode)
        events = [
            LegEvent(
                event_id=f"worker:{number}",
                leg_id=call.legs[0].id,
                kind=kind,
                occurred_at=uow.now + timedelta(milliseconds=number),
                values=values,
            )
            for number, (kind, values) in enumerate(kinds)
        ]
        ends = 0
        for event in [*events, *chance.sample(events, len(events))]:  # all of them again, in another order
            before, ended_at = call.state, call.ended_at
            conversation.apply(uow, event)
            uow.flush()
            assert call.state is before or (before, call.state) in REACHABLE
            ends += before is not CallState.ENDED and call.state is CallState.ENDED
            assert ended_at is None or call.ended_at == ended_at
            if call.state is not before:
                nobody_is_dialed_twice(uow, call)
        assert ends <= 1
        nothing_is_left_hanging(uow, call, agent_id)


def a_reserved_call(uow: UnitOfWork, mode: TaskMode) -> tuple[Call, str | None]:
    a_node(uow)
    patient = a_patient(uow)
    queue = a_queue(uow, mode=mode, purpose=Purpose.CARE if mode is TaskMode.AGENT else Purpose.REMINDER)
    task = a_task(uow, patient, queue)
    agent_id = an_agent(uow, queue).id if mode is TaskMode.AGENT else None
    attempt = reserve(uow, task=task, agent_id=agent_id, node="node-1", gate=GATE, now=uow.now)
    call = uow.calls.of_attempt(attempt.id)
    assert call is not None
    return call, agent_id


def nobody_is_dialed_twice(uow: UnitOfWork, call: Call) -> None:
    """While the attempt lives, neither the dialer nor the database lets the patient have another."""
    attempt = uow.attempts.get(call.attempt_id)
    assert attempt is not None
    if attempt.state is AttemptState.CLOSED:
        return
    patient, queue = uow.patients.get(call.patient_id), uow.queues.get(call.queue_id)
    assert patient is not None
    assert queue is not None
    second = a_task(uow, patient, queue)
    with pytest.raises(ReservationRefusedError):
        reserve(uow, task=second, agent_id=None, node="node-1", gate=GATE, now=uow.now)
    with pytest.raises(RowRefusedError), uow.savepoint():
        an_attempt(uow, second, state=AttemptState.RESERVED)


def nothing_is_left_hanging(uow: UnitOfWork, call: Call, agent_id: str | None) -> None:
    attempt = uow.attempts.get(call.attempt_id)
    assert attempt is not None
    task = uow.plans.task(attempt.task_id)
    assert task is not None
    assert task.state is TaskState.IN_PROGRESS  # what comes next is decided elsewhere, once the attempt is closed
    agent = uow.queues.agent(agent_id) if agent_id else None
    if call.state is CallState.ENDED:
        assert attempt.state in (AttemptState.WRAP_UP, AttemptState.CLOSED)
        if agent is not None:
            wanted = AgentState.WRAP_UP if attempt.state is AttemptState.WRAP_UP else AgentState.AVAILABLE
            assert agent.state is wanted
        if attempt.state is AttemptState.CLOSED:
            assert attempt.outcome is not None
    else:
        assert attempt.state in (AttemptState.RESERVED, AttemptState.IN_CALL)
        if agent is not None:
            assert agent.state in (AgentState.RESERVED, AgentState.ON_CALL)
