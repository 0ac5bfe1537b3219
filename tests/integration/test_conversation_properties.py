"""Whatever order leg events come in, doubled or shuffled: no illegal state, one end, one attempt, nobody left over."""

import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from care.consent import Purpose
from db.engine import make_engine
from db.gate import Gate
from db.refusals import RowRefusedError
from db.unit_of_work import UnitOfWork, UnitsOfWork
from followup.attempts import AttemptState
from followup.calls import CALL_TRANSITIONS, Call, CallState, Leg, LegId, LegRole
from followup.dialing_rules import Mode
from followup.inbound import InboundRules
from followup.plans import TaskMode, TaskState
from followup.queues import AgentState
from followup.supervision import Supervision, SupervisionMode, SupervisionReason
from followup.transfers import Transfer, TransferTarget
from runtime.content.library import Content
from runtime.identifiers import new_id
from runtime.settings import REPOSITORY
from scheduler.dialer import ReservationRefusedError, reserve
from telephony.call_control import LegEvent, LegEventKind, MonitorMode, TransferEnding
from telephony.conversation import Conversation
from telephony.inbound import InboundCalls
from tests.support.builders import a_node, a_patient, a_queue, a_task, a_user, an_agent, an_attempt

CONTENT = Content(REPOSITORY / "content")
GATE = Gate(mode=Mode.DEMO, profile=CONTENT.jurisdictions["demo"], trunk_is_loopback=True, allow_list=frozenset())
CALLERS = InboundCalls(
    node="node-1",
    spool=Path("/nowhere/spool"),
    rules=InboundRules(),
    profile=CONTENT.jurisdictions["demo"],
    zone="Asia/Shanghai",
)
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
JOINING = (LegEventKind.BRIDGED, LegEventKind.UNBRIDGED)
HOLDING = (LegEventKind.HELD, LegEventKind.RESUMED)
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
            (LegEventKind.HELD, {"by": "us"}),
            (LegEventKind.HELD, {"by": "far_end"}),
            (LegEventKind.RESUMED, {"by": "us"}),
            (LegEventKind.RESUMED, {"by": "far_end"}),
            (LegEventKind.HOLD_REFUSED, {"sip_status": 488}),
            (LegEventKind.DIGIT, {"digit": "1"}),
            (LegEventKind.DIGIT, {"digit": "8"}),
            (LegEventKind.DIGIT, {"digit": "0"}),
            (LegEventKind.DIGITS_COLLECTED, {"digits": "1", "reason": "complete"}),
            (LegEventKind.DIGITS_COLLECTED, {"digits": "8", "reason": "complete"}),
            (LegEventKind.DIGITS_COLLECTED, {"digits": "", "reason": "timeout"}),
            (LegEventKind.DIGITS_COLLECTED, {"digits": "0", "reason": "complete"}),
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
    conversation = Conversation(CONTENT.flows, CALLERS)
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


NAMES_A_LEG = frozenset({"with", "to", "of"})
PATIENT, THIRD, SUPERVISOR, HEADSET = "patient", "third", "supervisor", "headset"
ON_ANY_LEG = st.one_of(
    st.sampled_from(
        [
            *[(PATIENT, kind, {"with": other}) for kind in JOINING for other in (HEADSET, THIRD)],
            *[(PATIENT, kind, {"by": by}) for kind in HOLDING for by in ("us", "far_end")],
            (PATIENT, LegEventKind.TRANSFER_BEGUN, {"to": THIRD, "mode": "consult"}),
            *[
                (PATIENT, LegEventKind.TRANSFER_ENDED, {"to": THIRD, "ending": ending.value})
                for ending in TransferEnding
            ],
            (PATIENT, LegEventKind.TRANSFER_ENDED, {"to": "nobody", "ending": "back"}),
            (PATIENT, LegEventKind.RECORDING_STARTED, {"folder": "/nowhere/spool"}),
            (PATIENT, LegEventKind.RECORDING_PAUSED, {}),
            (PATIENT, LegEventKind.RECORDING_RESUMED, {}),
            (THIRD, LegEventKind.ANSWERED, {}),
            (THIRD, LegEventKind.BRIDGED, {"with": HEADSET}),
            (THIRD, LegEventKind.DIGIT, {"digit": "1"}),
            (SUPERVISOR, LegEventKind.ANSWERED, {}),
            *[(SUPERVISOR, LegEventKind.MONITORED, {"of": PATIENT, "mode": mode.value}) for mode in MonitorMode],
            (SUPERVISOR, LegEventKind.UNMONITORED, {"of": PATIENT}),
            (HEADSET, LegEventKind.MUTED, {}),
            (HEADSET, LegEventKind.UNMUTED, {}),
        ]
    ),
    st.tuples(
        st.sampled_from([PATIENT, THIRD, SUPERVISOR, HEADSET]), st.just(LegEventKind.ENDED), st.sampled_from(ENDS)
    ),
)
UNTIL_THEY_TALK: list[tuple[str, LegEventKind, dict[str, str | int]]] = [
    (PATIENT, LegEventKind.ABOUT_TO_INVITE, {"attempt_id": "x"}),
    (PATIENT, LegEventKind.ANSWERED, {}),
    (PATIENT, LegEventKind.BRIDGED, {"with": HEADSET}),
]


@pytest.mark.parametrize("target", [TransferTarget.AGENT, TransferTarget.DIRECTORY])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=st.lists(ON_ANY_LEG, max_size=25), chance=st.randoms(use_true_random=False))
def test_no_order_of_events_of_four_legs_leaves_anybody_behind(
    units: UnitsOfWork,
    target: TransferTarget,
    told: list[tuple[str, LegEventKind, dict[str, str | int]]],
    chance: random.Random,
) -> None:
    conversation = Conversation(CONTENT.flows)
    with units() as uow:  # never committed
        call, agent_id = a_reserved_call(uow, TaskMode.AGENT)
        assert agent_id is not None
        colleague_id, legs = with_company(uow, call, agent_id, target)
        events = [
            LegEvent(
                event_id=f"worker:{number}",
                leg_id=legs[leg],
                kind=kind,
                occurred_at=uow.now + timedelta(milliseconds=number),
                values={
                    name: legs[str(value)] if value in legs and name in NAMES_A_LEG else value
                    for name, value in values.items()
                },
            )
            for number, (leg, kind, values) in enumerate([*UNTIL_THEY_TALK, *told])
        ]
        for event in [*events, *chance.sample(events, len(events))]:
            before = call.state
            conversation.apply(uow, event)
            uow.flush()
            assert call.state is before or (before, call.state) in REACHABLE
            assert call.state is before or event.leg_id == legs[PATIENT], "another leg moved the call"
            nobody_is_left_behind(uow, call, agent_id, colleague_id)


def with_company(
    uow: UnitOfWork, call: Call, agent_id: str, target: TransferTarget
) -> tuple[str | None, dict[str, LegId]]:
    """A third party or colleague who is being rung, and a supervisor too; the colleague's id, and the legs by name."""
    agent = uow.queues.agent_for_update(agent_id)
    assert agent is not None
    assert agent.headset_leg_id is not None
    third, supervisor = LegId(new_id()), LegId(new_id())
    call.legs.append(Leg(id=third, call_id=call.id, role=LegRole.THIRD_PARTY))
    call.legs.append(Leg(id=supervisor, call_id=call.id, role=LegRole.SUPERVISOR))
    uow.flush()
    colleague = None
    if target is TransferTarget.AGENT:
        colleague = an_agent(uow, state=AgentState.RESERVED)
    uow.transfers.add(
        Transfer(
            id=new_id(),
            call_id=call.id,
            leg_id=third,
            mode="consult",
            target=target,
            agent_id=colleague.id if colleague else None,
            number="2010",
            asked_by=agent_id,
            asked_at=uow.now,
        )
    )
    uow.supervisions.add(
        Supervision(
            id=new_id(),
            call_id=call.id,
            leg_id=supervisor,
            supervisor_id=a_user(uow).id,
            agent_id=agent_id,
            phone="8001",
            mode=SupervisionMode.LISTEN,
            reason=SupervisionReason.TRAINING,
            asked_at=uow.now,
        )
    )
    uow.flush()
    legs = {PATIENT: call.legs[0].id, THIRD: third, SUPERVISOR: supervisor, HEADSET: LegId(agent.headset_leg_id)}
    return colleague.id if colleague else None, legs


def nobody_is_left_behind(uow: UnitOfWork, call: Call, agent_id: str, colleague_id: str | None) -> None:
    attempt = uow.attempts.get(call.attempt_id)
    assert attempt is not None
    assert attempt.agent_id == call.agent_id, "call and wrap-up belong to the same agent"
    transfer = uow.transfers.live_of_call(call.id)
    stretches = uow.supervisions.stretches(call.id)
    assert sum(each.ended_at is None for each in stretches) <= 1
    assert all(each.ended_at is None or each.ended_at >= each.began_at for each in stretches)
    busy = (AgentState.RESERVED, AgentState.ON_CALL)
    for each in (agent_id, colleague_id):
        agent = uow.queues.agent(each) if each else None
        if agent is not None and agent.id != call.agent_id and transfer is None:
            assert agent.state not in busy, "who has neither call nor transfer is free"
    if call.state is CallState.ENDED:
        assert transfer is None
        assert uow.supervisions.live_of_call(call.id) is None
        assert all(each.ended_at is not None for each in stretches)
        assert (call.joined, call.held_by) == ([], [])
        assert attempt.state in (AttemptState.WRAP_UP, AttemptState.CLOSED)
        owner = uow.queues.agent(call.agent_id or "")
        assert owner is not None
        assert owner.state not in busy


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
        assert uow.inbound.live_of_call(call.id) is None
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
