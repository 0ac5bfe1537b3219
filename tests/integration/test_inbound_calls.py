"""Who rings us is greeted, offered to the right agent, and never just left: over loopback lines and a real database."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from api.inbound_links import link
from care.consent import Consent, ConsentScope, Purpose
from care.patients import Patient
from db.calls import CallCommand
from db.engine import make_engine
from db.unit_of_work import UnitOfWork, UnitsOfWork
from followup.inbound import InboundCall, InboundRules
from followup.plans import WISHED_AT, WISHED_NUMBER, Task, TaskMode, TaskState
from followup.queues import Agent, AgentState, HeadsetState, Queue
from followup.recordings import DISK_FULL
from runtime.identifiers import new_id
from scheduler.dialer import GateRefusedError, reserve
from telephony.call_control import LegEvent, LegEventKind
from telephony.line_script import fill_disk
from tests.support.builders import a_call, a_patient, a_queue, a_task, an_agent, an_attempt
from tests.support.switchboard import HASTY_OFFERS, NO_PATIENCE, PATIENT_WAITING, Switchboard
from tests.support.telephony_bench import GATE

NUMBER = "+8613912345678"
Opened = Callable[[InboundRules], Switchboard]


@pytest.fixture
def opened(database_url: str, tmp_path: Path) -> Iterator[Opened]:
    engine = make_engine(database_url)
    yield lambda rules: Switchboard(units=UnitsOfWork(engine), database_url=database_url, folder=tmp_path, rules=rules)
    engine.dispose()


@pytest.fixture
def board(opened: Opened) -> Switchboard:
    return opened(PATIENT_WAITING)


def a_patient_at(uow: UnitOfWork, number: str = NUMBER) -> Patient:
    patient = a_patient(uow)
    patient.contact_points[0].number = number
    uow.flush()
    return patient


def a_past_call(uow: UnitOfWork, patient: Patient, queue: Queue, agent: Agent, *, days: int = 1) -> Task:
    task = a_task(uow, patient, queue, attempts_made=1)
    attempt = an_attempt(
        uow, task, agent_id=agent.id, state="closed", outcome="no-answer", closed_at=uow.now - timedelta(days=days)
    )
    a_call(uow, attempt, planned_at=uow.now - timedelta(days=days), answered_at=None)
    return task


def ready(board: Switchboard, *agents: Agent) -> None:
    """Their rows are as an agent's who can be given a call; their headsets are up on the line too."""
    for agent in agents:
        board.headset_up(agent)


def accept(board: Switchboard, inbound: InboundCall) -> None:
    with board.units() as uow:
        uow.calls.command(
            CallCommand(
                node="node-1",
                verb="accept_inbound",
                subject=inbound.id,
                arguments={"agent_id": inbound.agent_id},
                idempotency_key=new_id(),
                deadline=uow.now + timedelta(seconds=10),
                created_at=uow.now,
            )
        )
        uow.commit()
    board.go()


def agent_state(board: Switchboard, agent: Agent) -> AgentState:
    with board.units() as uow:
        found = uow.queues.agent(agent.id)
        assert found is not None
        return found.state


def tasks_of(board: Switchboard, patient: Patient) -> list[Task]:
    with board.units() as uow:
        return list(uow.plans.tasks_of_patient(patient.id))


def test_a_caller_is_told_who_we_are_and_that_it_is_recorded_before_he_is_offered_to_anybody(
    board: Switchboard,
) -> None:
    with board.units() as uow:
        agent = an_agent(uow, a_queue(uow))
        a_patient_at(uow)
        uow.commit()
    ready(board, agent)
    inbound = board.ring_in(NUMBER)
    assert (inbound.state, len(inbound.candidates), inbound.patient_id) == ("greeted", 1, None)
    assert board.heard(inbound.leg_id) == ["greeting"]
    assert agent_state(board, agent) is AgentState.AVAILABLE
    board.listen_to_the_end()
    assert board.heard(inbound.leg_id) == ["greeting", "recording_notice", "inbound_choices", "person"]
    inbound = board.caller_on(inbound.leg_id)
    assert (inbound.state, inbound.agent_id) == ("offered", agent.id)
    assert agent_state(board, agent) is AgentState.RESERVED


def test_the_agent_who_called_last_is_offered_the_caller_before_any_other(board: Switchboard) -> None:
    with board.units() as uow:
        queue, others = a_queue(uow, name="b"), a_queue(uow, name="a")
        longest_waiting = an_agent(uow, queue, state_since=uow.now - timedelta(hours=3))
        called_him = an_agent(uow, others)
        a_past_call(uow, a_patient_at(uow), queue, called_him)
        uow.commit()
    ready(board, longest_waiting, called_him)
    inbound = board.ring_in(NUMBER, "0")
    assert (inbound.agent_id, inbound.called_by, inbound.queue_id) == (called_him.id, called_him.id, queue.id)


def test_when_she_is_busy_the_queue_that_called_comes_before_the_queue_for_callers(board: Switchboard) -> None:
    with board.units() as uow:
        queue, default = a_queue(uow, name="b"), a_queue(uow, name="a")
        serves_default = an_agent(uow, default, state_since=uow.now - timedelta(hours=3))
        serves_queue = an_agent(uow, queue)
        called_him = an_agent(uow, queue, state=AgentState.BREAK)
        a_past_call(uow, a_patient_at(uow), queue, called_him)
        uow.commit()
    ready(board, serves_default, serves_queue, called_him)
    assert board.ring_in(NUMBER, "0").agent_id == serves_queue.id
    assert board.ring_in("sip:anonymous@anonymous.invalid", "0").agent_id == serves_default.id


@pytest.mark.parametrize(
    "unfit", ["headset_down", "not_heard", "elsewhere"], ids=["headset down", "console silent", "on another node"]
)
def test_nobody_is_offered_a_caller_whom_she_could_not_hear(board: Switchboard, unfit: str) -> None:
    with board.units() as uow:
        values: dict[str, object] = {
            "headset_down": {"headset_state": HeadsetState.DOWN},
            "not_heard": {"heartbeat_at": uow.now - timedelta(seconds=16)},
            "elsewhere": {"headset_node": "node-2"},
        }
        an_agent(uow, a_queue(uow), **values[unfit])  # type: ignore[arg-type]
        uow.commit()
    assert board.ring_in(NUMBER, "0").state == "waiting"


def test_accepted_they_are_joined_and_recorded_and_at_the_end_she_has_to_say_what_came_of_it(
    board: Switchboard,
) -> None:
    with board.units() as uow:
        agent = an_agent(uow, a_queue(uow))
        uow.commit()
    ready(board, agent)
    inbound = board.ring_in(NUMBER, "0")
    accept(board, inbound)
    inbound = board.caller_on(inbound.leg_id)
    assert (inbound.state, inbound.connected_at is not None) == ("connected", True)
    assert board.control.leg(inbound.leg_id).partners == {agent.headset_leg_id}
    assert agent_state(board, agent) is AgentState.ON_CALL
    board.hang_up(inbound.leg_id)
    inbound = board.caller_on(inbound.leg_id)
    assert (inbound.state, inbound.reason) == ("ended", "answered_by_agent")
    assert {file.name for file in Path(inbound.spool or "").iterdir()} == {
        "agent.wav",
        "patient.wav",
        "recording.json",
    }
    assert agent_state(board, agent) is AgentState.WRAP_UP


def test_a_full_disk_costs_the_recording_of_a_caller_and_never_his_call(board: Switchboard) -> None:
    board.control.teach(NUMBER, (fill_disk(after=0.2),))
    inbound = board.ring_in(NUMBER)
    assert inbound.recording_failed is None
    board.go(0.5)
    inbound = board.caller_on(inbound.leg_id)
    assert (inbound.state, inbound.recording_failed) == ("greeted", DISK_FULL)


def test_who_does_not_accept_in_time_is_free_again_and_the_next_is_asked(opened: Opened) -> None:
    board = opened(HASTY_OFFERS)
    with board.units() as uow:
        queue = a_queue(uow)
        first = an_agent(uow, queue, state_since=uow.now - timedelta(hours=2))
        second = an_agent(uow, queue, state_since=uow.now - timedelta(hours=1))
        uow.commit()
    ready(board, first, second)
    inbound = board.ring_in(NUMBER, "0")
    assert inbound.agent_id == first.id
    board.beat()
    assert board.caller_on(inbound.leg_id).agent_id == second.id
    assert agent_state(board, first) is AgentState.AVAILABLE
    board.beat()
    inbound = board.caller_on(inbound.leg_id)
    assert (inbound.state, inbound.agent_id, inbound.declined_by) == ("waiting", None, [first.id, second.id])


@pytest.mark.parametrize("moment", ["greeted", "waiting", "offered", "connected", "farewell"])
def test_a_caller_may_hang_up_at_any_moment_and_leaves_nobody_reserved(board: Switchboard, moment: str) -> None:
    with board.units() as uow:
        queue = a_queue(uow)
        agent = an_agent(uow, queue, state=AgentState.BREAK if moment == "waiting" else AgentState.AVAILABLE)
        uow.commit()
    ready(board, agent)
    keys = {"greeted": "", "farewell": "1"}.get(moment, "0")
    inbound = board.ring_in(NUMBER, *keys)
    if moment == "connected":
        accept(board, inbound)
    assert board.caller_on(inbound.leg_id).state == moment
    board.hang_up(inbound.leg_id)
    ended = board.caller_on(inbound.leg_id)
    assert ended.state == "ended"
    assert ended.reason == {"connected": "answered_by_agent", "farewell": "call_back_wished"}.get(moment, "hung_up")
    wanted = {"waiting": AgentState.BREAK, "connected": AgentState.WRAP_UP}.get(moment, AgentState.AVAILABLE)
    assert agent_state(board, agent) is wanted


def test_key_one_is_a_wish_that_becomes_one_task_for_the_number_he_rang_from(board: Switchboard) -> None:
    with board.units() as uow:
        queue = a_queue(uow)
        patient = a_patient(uow, numbers=2)
        patient.contact_points[1].number = NUMBER
        uow.commit()
    inbound = board.ring_in(NUMBER, "1")
    board.listen_to_the_end()
    assert board.heard(inbound.leg_id)[-1] == "call_back_promised"
    ended = board.caller_on(inbound.leg_id)
    assert (ended.state, ended.reason) == ("ended", "call_back_wished")
    board.ring_in(NUMBER, "1")
    board.listen_to_the_end()
    (task,) = tasks_of(board, patient)
    assert (task.id, task.mode, task.queue_id) == (ended.task_id, TaskMode.AGENT, queue.id)
    assert task.variables[WISHED_NUMBER] == patient.contact_points[1].id
    with board.units() as uow:
        agent = an_agent(uow, queue)
        stored = uow.plans.task_for_update(task.id)
        assert stored is not None
        stored.state = TaskState.QUEUED
        attempt = reserve(uow, task=stored, agent_id=agent.id, node="node-1", gate=GATE, now=uow.now)
        assert attempt.number == NUMBER


def test_a_wish_brings_forward_the_task_that_waits_for_its_next_try(board: Switchboard) -> None:
    with board.units() as uow:
        queue = a_queue(uow)
        task = a_past_call(uow, a_patient_at(uow), queue, an_agent(uow, queue, state=AgentState.BREAK))
        task.next_attempt_at = uow.now + timedelta(hours=5)
        uow.commit()
    inbound = board.ring_in(NUMBER, "1")
    with board.units() as uow:
        stored = uow.plans.task(task.id)
        assert stored is not None
        assert inbound.task_id == task.id
        assert stored.next_attempt_at <= uow.now
        assert WISHED_AT in stored.variables


def test_nobody_is_dialed_while_he_is_on_our_line(board: Switchboard) -> None:
    with board.units() as uow:
        queue = a_queue(uow)
        agent = an_agent(uow, queue)
        task = a_task(uow, a_patient_at(uow), queue)
        uow.commit()
    inbound = board.ring_in(NUMBER)
    with board.units() as uow, pytest.raises(GateRefusedError, match="live_attempt"):
        reserve(uow, task=task, agent_id=agent.id, node="node-1", gate=GATE, now=uow.now)
    board.hang_up(inbound.leg_id)
    with board.units() as uow:
        assert reserve(uow, task=task, agent_id=agent.id, node="node-1", gate=GATE, now=uow.now).ordinal == 1


def test_a_wish_grants_no_consent(board: Switchboard) -> None:
    with board.units() as uow:
        a_queue(uow)
        patient = a_patient_at(uow)
        before = len(uow.patients.consents_of(patient.id))
        uow.commit()
    board.ring_in(NUMBER, "1")
    with board.units() as uow:
        assert len(uow.patients.consents_of(patient.id)) == before


def test_nobody_free_in_time_means_an_apology_and_a_task(opened: Opened) -> None:
    board = opened(NO_PATIENCE)
    with board.units() as uow:
        a_queue(uow)
        patient = a_patient_at(uow)
        uow.commit()
    inbound = board.ring_in(NUMBER, "0")
    board.beat()
    board.listen_to_the_end()
    assert board.heard(inbound.leg_id)[-2:] == ["nobody_free", "call_back_promised"]
    assert board.caller_on(inbound.leg_id).reason == "call_back_wished"
    assert len(tasks_of(board, patient)) == 1


def test_a_withheld_number_is_asked_nothing_and_offered_a_person_or_nothing(opened: Opened) -> None:
    board = opened(NO_PATIENCE)
    with board.units() as uow:
        a_queue(uow)
        uow.commit()
    inbound = board.ring_in("anonymous", "1")
    assert (inbound.caller, inbound.state, inbound.task_id) == (None, "greeted", None)
    board.listen_to_the_end()
    assert "inbound_choices" not in board.heard(inbound.leg_id)
    board.beat()
    board.listen_to_the_end()
    assert board.heard(inbound.leg_id)[-2:] == ["nobody_free", "ring_again"]
    assert board.caller_on(inbound.leg_id).reason == "no_agent"


def test_an_unknown_number_leaves_a_wish_that_a_person_can_see(board: Switchboard) -> None:
    with board.units() as uow:
        a_queue(uow)
        uow.commit()
    inbound = board.ring_in(NUMBER, "1")
    assert (inbound.reason, inbound.task_id, inbound.candidates) == ("call_back_wished", None, [])


def test_a_household_shares_a_number_and_whom_we_called_last_comes_first(board: Switchboard) -> None:
    with board.units() as uow:
        queue = a_queue(uow)
        agent = an_agent(uow, queue, state=AgentState.BREAK)
        one, two = a_patient_at(uow), a_patient_at(uow)
        a_past_call(uow, two, queue, agent)
        uow.commit()
    assert board.ring_in(NUMBER).candidates == [two.id, one.id]


def test_the_recording_is_refused_by_key_and_destroyed_and_the_call_goes_on(board: Switchboard) -> None:
    with board.units() as uow:
        agent = an_agent(uow, a_queue(uow))
        uow.commit()
    ready(board, agent)
    inbound = board.ring_in(NUMBER, "8")
    assert inbound.recording_refused
    assert not list((board.folder / "spool").glob("*/*.wav"))
    board.listen_to_the_end()
    assert board.heard(inbound.leg_id) == ["greeting", "recording_refused", "inbound_choices", "person"]
    accept(board, board.caller_on(inbound.leg_id))
    assert board.caller_on(inbound.leg_id).state == "connected"
    assert board.caller_on(inbound.leg_id).spool is None


@pytest.mark.parametrize("who", ["caller", "another_of_the_household", "granted_again"])
def test_a_caller_who_wants_no_recording_is_told_that_there_is_none_and_none_is_begun(
    board: Switchboard, who: str
) -> None:
    with board.units() as uow:
        agent = an_agent(uow, a_queue(uow))
        patient = a_patient_at(uow)
        if who == "another_of_the_household":
            a_patient_at(uow)
        for minutes, granted in ((5, False), (1, True))[: 2 if who == "granted_again" else 1]:
            uow.patients.add_consent(
                Consent(
                    id=new_id(),
                    patient_id=patient.id,
                    purpose=Purpose.CARE,
                    scope=ConsentScope.RECORDING,
                    granted=granted,
                    source="test",
                    recorded_at=uow.now - timedelta(minutes=minutes),
                )
            )
        uow.commit()
    ready(board, agent)
    inbound = board.ring_in(NUMBER)
    board.listen_to_the_end()
    inbound = board.caller_on(inbound.leg_id)
    recorded = who == "granted_again"
    said = "recording_notice" if recorded else "recording_refused"
    assert board.heard(inbound.leg_id) == ["greeting", said, "inbound_choices", "person"]
    accept(board, inbound)
    inbound = board.caller_on(inbound.leg_id)
    assert (inbound.state, inbound.recording_refused, inbound.spool is None) == (
        "connected",
        not recorded,
        not recorded,
    )


def test_a_lost_headset_gives_the_caller_to_somebody_else(board: Switchboard) -> None:
    with board.units() as uow:
        queue = a_queue(uow)
        first = an_agent(uow, queue, state_since=uow.now - timedelta(hours=2))
        second = an_agent(uow, queue)
        uow.commit()
    ready(board, first, second)
    inbound = board.ring_in(NUMBER, "0")
    accept(board, inbound)
    board.hang_up(first.headset_leg_id)  # type: ignore[arg-type]
    inbound = board.caller_on(inbound.leg_id)
    assert (inbound.state, inbound.agent_id) == ("offered", second.id)
    assert agent_state(board, first) is AgentState.AVAILABLE


def test_callers_of_a_worker_that_is_gone_end_when_the_node_takes_stock(board: Switchboard) -> None:
    with board.units() as uow:
        agent = an_agent(uow, a_queue(uow))
        uow.commit()
    ready(board, agent)
    inbound = board.ring_in(NUMBER, "0")
    board.control._lines.legs[inbound.leg_id].phase = board.control._lines.legs[inbound.leg_id].phase.ENDED
    board.node._take_stock()
    ended = board.caller_on(inbound.leg_id)
    assert (ended.state, ended.reason) == ("ended", "lost")
    assert agent_state(board, agent) is AgentState.AVAILABLE


def test_linked_in_the_very_moment_he_hangs_up_the_call_ends_all_the_same(board: Switchboard) -> None:
    with board.units() as uow:
        queue = a_queue(uow)
        agent = an_agent(uow, queue)
        patient = a_patient_at(uow)
        task = a_task(uow, patient, queue)
        uow.commit()
    ready(board, agent)
    inbound = board.ring_in(NUMBER, "0")
    accept(board, inbound)
    with board.units() as uow:
        row, owed = uow.inbound.for_update(inbound.id), uow.plans.task_for_update(task.id)
        person = uow.patients.get(patient.id)
        assert row is not None
        assert owed is not None
        assert person is not None
        row.patient_id, row.identity_confirmed_at = patient.id, uow.now
        attempt = link(uow, row, owed, person)
        gone = LegEvent(
            event_id="late:1",
            leg_id=inbound.leg_id,
            kind=LegEventKind.ENDED,
            occurred_at=uow.now,
            values={"end_reason": "hang_up", "party": "patient", "sip_status": 200},
        )
        board.conversation._of_no_call(uow, gone)  # as one that looked for the call before it was there
        uow.commit()
    with board.units() as uow:
        call, ended = uow.calls.of_attempt(attempt.id), uow.attempts.get(attempt.id)
        assert call is not None
        assert ended is not None
        assert (call.state, ended.state, board.caller_on(inbound.leg_id).state) == ("ended", "wrap_up", "ended")
    assert agent_state(board, agent) is AgentState.WRAP_UP


# --- key 0 of an automated call ---


def an_automated_call(board: Switchboard, *keys: str) -> str:
    """A reminder that was answered, at which these keys were pressed; the call's id."""
    with board.units() as uow:
        patient = a_patient_at(uow)
        queue = a_queue(uow, mode=TaskMode.AUTOMATED, purpose=Purpose.REMINDER)
        task = a_task(uow, patient, queue)
        attempt = reserve(uow, task=task, agent_id=None, node="node-1", gate=GATE, now=uow.now)
        call = uow.calls.of_attempt(attempt.id)
        assert call is not None
        uow.commit()
    board.go()
    board.go(0.65)
    for key in keys:
        board.press(call.legs[0].id, key)
    return call.id


def test_key_zero_brings_an_agent_into_the_automated_call_and_she_wraps_it_up(board: Switchboard) -> None:
    with board.units() as uow:
        agent = an_agent(uow, a_queue(uow))
        uow.commit()
    ready(board, agent)
    call_id = an_automated_call(board, "0")
    with board.units() as uow:
        inbound = uow.inbound.live_of_call(call_id)
        assert inbound is not None
        assert (inbound.state, inbound.agent_id) == ("offered", agent.id)
    assert board.heard(inbound.leg_id)[-1] == "person"
    accept(board, inbound)
    with board.units() as uow:
        call = uow.calls.get(call_id)
        attempt = uow.attempts.live_of_agent(agent.id)
        assert call is not None
        assert attempt is not None
        assert (call.state, call.agent_id, attempt.id) == ("bridged", agent.id, call.attempt_id)
    board.hang_up(inbound.leg_id)
    with board.units() as uow:
        ended = uow.attempts.get(attempt.id)
        assert ended is not None
        assert (ended.state, ended.outcome) == ("wrap_up", None)
        assert uow.inbound.live_of_call(call_id) is None
    assert agent_state(board, agent) is AgentState.WRAP_UP


def test_key_zero_with_nobody_free_ends_in_an_apology_an_outcome_and_an_agents_task(opened: Opened) -> None:
    board = opened(NO_PATIENCE)
    with board.units() as uow:
        agents_queue = a_queue(uow)
        uow.commit()
    call_id = an_automated_call(board, "0")
    board.beat()
    board.listen_to_the_end()
    with board.units() as uow:
        call = uow.calls.get(call_id)
        assert call is not None
        attempt = uow.attempts.get(call.attempt_id)
        assert attempt is not None
        assert board.heard(call.legs[0].id)[-2:] == ["nobody_free", "call_back_promised"]
        assert (attempt.state, attempt.outcome, attempt.task_result, attempt.answers) == (
            "closed",
            "connected-patient",
            "partially-completed",
            {"answer": "wants_person"},
        )
        owed = [task for task in uow.plans.tasks_of_patient(call.patient_id) if task.queue_id == agents_queue.id]
    assert [(task.mode, task.priority, task.state) for task in owed] == [("agent", 10, "planned")]


def test_a_patient_who_hangs_up_while_he_waits_for_a_person_leaves_nobody_reserved(board: Switchboard) -> None:
    with board.units() as uow:
        agent = an_agent(uow, a_queue(uow))
        uow.commit()
    ready(board, agent)
    call_id = an_automated_call(board, "0")
    with board.units() as uow:
        call = uow.calls.get(call_id)
        assert call is not None
    board.hang_up(call.legs[0].id)
    assert agent_state(board, agent) is AgentState.AVAILABLE
    with board.units() as uow:
        attempt = uow.attempts.get(call.attempt_id)
        assert attempt is not None
        assert (attempt.state, attempt.answers) == ("closed", {"answer": "wants_person"})


# --- the notice of agents' calls ---


def test_a_queue_may_want_the_notice_played_besides_the_agents_own_words(board: Switchboard) -> None:
    with board.units() as uow:
        queue = a_queue(uow, played_notice=True)
        agent = an_agent(uow, queue)
        task = a_task(uow, a_patient_at(uow), queue)
        uow.commit()
    ready(board, agent)
    with board.units() as uow:
        attempt = reserve(uow, task=task, agent_id=agent.id, node="node-1", gate=GATE, now=uow.now)
        call = uow.calls.of_attempt(attempt.id)
        assert call is not None
        uow.commit()
    board.go()
    board.go(0.65)
    leg = call.legs[0].id
    assert board.heard(leg) == ["recording_notice"]
    assert board.control.leg(leg).partners == {agent.headset_leg_id}
    board.press(leg, "8")
    assert not list((board.folder / "spool").glob("*/*.wav"))
    with board.units() as uow:
        recording = uow.recordings.of_call(call.id)
        assert recording is not None
        assert (recording.state, recording.spool) == ("failed", None)
        (refusal,) = [consent for consent in uow.patients.consents_of(task.patient_id) if consent.call_id == call.id]
        assert (refusal.granted, refusal.scope, refusal.at_second is not None) == (False, "recording", True)
