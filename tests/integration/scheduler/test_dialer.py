"""Reserving: all or nothing, only what is allowed, and never a patient or an agent twice."""

import threading
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from care.consent import ConsentScope, Purpose
from care.patients import NumberQuality
from db.gate import Gate
from db.unit_of_work import UnitsOfWork
from followup.attempts import AttemptState
from followup.calls import CallState
from followup.closing import close_attempt
from followup.dialing_rules import GateReason
from followup.outcomes import AttemptOutcome
from followup.plans import TaskMode, TaskState
from followup.queues import AgentState, HeadsetState, MergeRule
from scheduler.dialer import (
    AgentNotReadyError,
    GateRefusedError,
    PatientBusyError,
    ReservationRefusedError,
    TaskNotWaitingError,
    match_and_reserve,
    reserve,
)
from tests.support.builders import a_node, a_patient, a_queue, a_task, an_agent, end_call_of


def test_a_reservation_is_attempt_call_command_and_events_together(units: UnitsOfWork, gate: Gate) -> None:
    with units() as uow:
        queue = a_queue(uow)
        task, agent = a_task(uow, a_patient(uow), queue), an_agent(uow, queue)
        attempt = reserve(uow, task=task, agent_id=agent.id, node="node-1", gate=gate, now=uow.now)
        uow.commit()
    with units() as uow:
        saved, call = uow.attempts.get(attempt.id), uow.calls.of_attempt(attempt.id)
        assert saved is not None
        assert call is not None
        assert (saved.state, saved.ordinal, saved.due_at) == (AttemptState.RESERVED, 1, task.next_attempt_at)
        assert saved.gate["allowed"] is True
        assert (call.state, call.node, call.number) == (CallState.PLANNED, "node-1", saved.number)
        assert [leg.role.value for leg in call.legs] == ["patient"]
        (command,) = uow.calls.commands_for(call.id)
        assert (command.verb, command.idempotency_key) == ("dial", f"dial:{attempt.id}")
        assert command.deadline == saved.reserved_at + timedelta(seconds=15)
        again, busy = uow.plans.task(task.id), uow.queues.agent(agent.id)
        assert again is not None
        assert busy is not None
        assert (again.state, again.attempts_made) == (TaskState.IN_PROGRESS, 1)
        assert busy.state is AgentState.RESERVED
        assert [row.kind for row in uow.outbox.unpublished()] == ["agent_changed", "attempt_reserved"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"state": AgentState.BREAK}, "agent is break"),
        ({"headset_state": HeadsetState.RINGING}, "headset ringing"),
        ({"heartbeat_at": None}, "console open"),
    ],
)
def test_an_agent_who_is_not_ready_is_given_nothing(
    units: UnitsOfWork, gate: Gate, values: dict[str, Any], words: str
) -> None:
    with units() as uow:
        queue = a_queue(uow)
        task, agent = a_task(uow, a_patient(uow), queue), an_agent(uow, queue, **values)
        a_node(uow)
        with pytest.raises(AgentNotReadyError, match=words):
            reserve(uow, task=task, agent_id=agent.id, node="node-1", gate=gate, now=uow.now)
        assert match_and_reserve(uow, gate=gate, now=uow.now) == 0


def test_an_agent_unheard_of_for_15_seconds_is_given_nothing(units: UnitsOfWork, gate: Gate) -> None:
    with units() as uow:
        queue = a_queue(uow)
        a_node(uow)
        task = a_task(uow, a_patient(uow), queue)
        agent = an_agent(uow, queue, heartbeat_at=uow.now - timedelta(seconds=15))
        assert match_and_reserve(uow, gate=gate, now=uow.now) == 0
        with pytest.raises(AgentNotReadyError):
            reserve(uow, task=task, agent_id=agent.id, node="node-1", gate=gate, now=uow.now)


def test_only_a_queued_task_can_be_called_and_an_agents_task_needs_one(units: UnitsOfWork, gate: Gate) -> None:
    with units() as uow:
        queue = a_queue(uow)
        agent = an_agent(uow, queue)
        due = a_task(uow, a_patient(uow), queue, state=TaskState.DUE)
        with pytest.raises(TaskNotWaitingError, match="the task is due"):
            reserve(uow, task=due, agent_id=agent.id, node="node-1", gate=gate, now=uow.now)
        queued = a_task(uow, a_patient(uow), queue)
        with pytest.raises(TaskNotWaitingError, match="by an agent"):
            reserve(uow, task=queued, agent_id=None, node="node-1", gate=gate, now=uow.now)


def test_a_refusal_names_every_reason_of_the_gate(units: UnitsOfWork, gate: Gate) -> None:
    with units() as uow:
        queue = a_queue(uow, paused=True)
        task, agent = a_task(uow, a_patient(uow, scopes=()), queue), an_agent(uow, queue)
        with pytest.raises(GateRefusedError) as refusal:
            reserve(uow, task=task, agent_id=agent.id, node="node-1", gate=gate, now=uow.now)
        assert refusal.value.reasons == (GateReason.NO_CONSENT, GateReason.QUEUE_PAUSED)
        assert agent.state is AgentState.AVAILABLE


def test_a_consent_to_agents_is_none_to_machines(units: UnitsOfWork, gate: Gate) -> None:
    with units() as uow:
        queue = a_queue(uow, mode=TaskMode.AUTOMATED, purpose=Purpose.REMINDER)
        task = a_task(uow, a_patient(uow, scopes=(ConsentScope.PHONE,)), queue)
        with pytest.raises(GateRefusedError) as refusal:
            reserve(uow, task=task, agent_id=None, node="node-1", gate=gate, now=uow.now)
        assert refusal.value.reasons == (GateReason.NO_CONSENT,)


def test_after_a_wrong_number_the_next_attempt_takes_the_other_one(units: UnitsOfWork, gate: Gate) -> None:
    with units() as uow:
        queue = a_queue(uow)
        patient = a_patient(uow, numbers=2)
        task, agent = a_task(uow, patient, queue), an_agent(uow, queue)
        first = reserve(uow, task=task, agent_id=agent.id, node="node-1", gate=gate, now=uow.now)
        close_attempt(
            first, agent, outcome=AttemptOutcome.CONNECTED_WRONG_PERSON, task_result=None, by=None, now=uow.now
        )
        task.state = TaskState.QUEUED
        end_call_of(uow, first)
        uow.flush()
        second = reserve(uow, task=task, agent_id=agent.id, node="node-1", gate=gate, now=uow.now)
        assert [first.number, second.number] == [point.number for point in patient.contact_points]
        assert second.ordinal == 2


def test_without_a_good_number_nothing_is_dialed_and_a_person_is_asked_once(units: UnitsOfWork, gate: Gate) -> None:
    with units() as uow:
        queue = a_queue(uow)
        patient = a_patient(uow)
        patient.contact_points[0].quality = NumberQuality.WRONG
        task = a_task(uow, patient, queue)
        an_agent(uow, queue)
        a_node(uow)
        assert match_and_reserve(uow, gate=gate, now=uow.now) == 1
        assert (task.state, task.next_action) == (TaskState.QUEUED, "escalate")
        assert task.next_attempt_at > uow.now
        task.next_attempt_at = uow.now
        uow.flush()
        assert match_and_reserve(uow, gate=gate, now=uow.now) == 1
        assert [row.kind for row in uow.outbox.unpublished()] == ["task_escalated"]


def test_an_agents_call_goes_to_the_node_of_his_headset_and_waits_while_it_is_silent(
    units: UnitsOfWork, gate: Gate
) -> None:
    with units() as uow:
        queue = a_queue(uow)
        a_task(uow, a_patient(uow), queue)
        agent = an_agent(uow, queue, node="node-2")
        a_node(uow, "node-1")
        assert match_and_reserve(uow, gate=gate, now=uow.now) == 0
        a_node(uow, "node-2", free_workers=0)
        assert match_and_reserve(uow, gate=gate, now=uow.now) == 1
        attempt = uow.attempts.live_of_agent(agent.id)
        assert attempt is not None
        call = uow.calls.of_attempt(attempt.id)
        assert call is not None
        assert call.node == "node-2"


def test_automated_calls_take_no_more_than_the_queues_lines_and_the_nodes_free_workers(
    units: UnitsOfWork, gate: Gate
) -> None:
    with units() as uow:
        queue = a_queue(uow, mode=TaskMode.AUTOMATED, purpose=Purpose.REMINDER, lines=3)
        for _ in range(5):
            a_task(uow, a_patient(uow), queue)
        a_node(uow, free_workers=2)
        assert match_and_reserve(uow, gate=gate, now=uow.now) == 2
        assert match_and_reserve(uow, gate=gate, now=uow.now) == 0
        a_node(uow, free_workers=9)
        assert match_and_reserve(uow, gate=gate, now=uow.now) == 1
        assert match_and_reserve(uow, gate=gate, now=uow.now) == 0


def test_the_most_urgent_task_of_the_agents_queues_and_languages_goes_first(units: UnitsOfWork, gate: Gate) -> None:
    with units() as uow:
        served, other = a_queue(uow), a_queue(uow)
        english = a_queue(uow, language="en")
        a_node(uow)
        later = a_task(uow, a_patient(uow), served, priority=50)
        urgent = a_task(uow, a_patient(uow), served, priority=10)
        a_task(uow, a_patient(uow), other, priority=1)
        a_task(uow, a_patient(uow), english, priority=1)
        an_agent(uow, served, english, languages=["zh"])
        assert match_and_reserve(uow, gate=gate, now=uow.now) == 1
        assert (urgent.state, later.state) == (TaskState.IN_PROGRESS, TaskState.QUEUED)


def test_the_other_tasks_of_a_patient_in_a_call_keep_their_hour(units: UnitsOfWork, gate: Gate) -> None:
    with units() as uow:
        queue = a_queue(uow, merges=MergeRule.NEVER)
        patient = a_patient(uow)
        one, two = a_task(uow, patient, queue, priority=21), a_task(uow, patient, queue, priority=22)
        third = a_task(uow, a_patient(uow), queue, priority=23)
        a_node(uow)
        for _ in range(3):
            an_agent(uow, queue)
        assert match_and_reserve(uow, gate=gate, now=uow.now) == 2
        assert match_and_reserve(uow, gate=gate, now=uow.now) == 0
        assert (one.state, third.state) == (TaskState.IN_PROGRESS, TaskState.IN_PROGRESS)
        assert (two.state, two.next_attempt_at) == (TaskState.QUEUED, two.earliest_at)


def test_a_patient_who_is_just_being_reserved_elsewhere_is_passed_over(units: UnitsOfWork, gate: Gate) -> None:
    with units() as uow:
        queue = a_queue(uow, merges=MergeRule.NEVER)
        patient = a_patient(uow)
        one, two = a_task(uow, patient, queue), a_task(uow, patient, queue)
        agents = an_agent(uow, queue), an_agent(uow, queue)
        uow.commit()
    with units() as first, units() as second:
        reserve(first, task=one, agent_id=agents[0].id, node="node-1", gate=gate, now=first.now)
        with pytest.raises(PatientBusyError, match="just being called"):
            reserve(second, task=two, agent_id=agents[1].id, node="node-1", gate=gate, now=second.now)
        first.commit()
        with pytest.raises(GateRefusedError) as refusal:
            reserve(second, task=two, agent_id=agents[1].id, node="node-1", gate=gate, now=second.now)
        assert refusal.value.reasons == (GateReason.LIVE_ATTEMPT,)


def test_four_dialers_at_once_never_give_a_patient_or_an_agent_two_attempts(units: UnitsOfWork, gate: Gate) -> None:
    patients_count, agents_count, lines = 24, 10, 6
    with units() as uow:
        manual = a_queue(uow)
        automated = a_queue(uow, mode=TaskMode.AUTOMATED, purpose=Purpose.REMINDER, lines=lines)
        for _ in range(patients_count):
            patient = a_patient(uow)
            a_task(uow, patient, manual)
            a_task(uow, patient, automated)
        agents = [an_agent(uow, manual) for _ in range(agents_count)]
        a_node(uow, free_workers=100)
        uow.commit()
    together = threading.Barrier(5)
    failures: list[BaseException] = []

    def dial() -> None:
        together.wait(timeout=10)
        try:
            for _ in range(20):
                with units() as uow:
                    match_and_reserve(uow, gate=gate, now=uow.now)
                    uow.commit()
        except BaseException as error:
            failures.append(error)
            raise

    def take_by_hand() -> None:
        together.wait(timeout=10)
        for agent in agents:
            with units() as uow:
                for task in uow.plans.page(queue_id=manual.id, state=TaskState.QUEUED, after=None, limit=3):
                    try:
                        reserve(uow, task=task, agent_id=agent.id, node="node-1", gate=gate, now=uow.now)
                        break
                    except ReservationRefusedError:
                        continue
                uow.commit()

    threads = [threading.Thread(target=dial) for _ in range(4)] + [threading.Thread(target=take_by_hand)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    with units() as uow:
        live = uow._session.execute(
            text("SELECT patient_id, agent_id, task_id, queue_id FROM attempts WHERE state <> 'closed'")
        ).all()
        states = uow._session.execute(text("SELECT state, count(*) FROM agents GROUP BY state")).all()
        dials = uow._session.execute(text("SELECT count(*), count(DISTINCT subject) FROM call_commands")).one()
    assert not failures
    assert max(Counter(row.patient_id for row in live).values()) == 1
    assert max(Counter(row.task_id for row in live).values()) == 1
    of_agents = [row.agent_id for row in live if row.agent_id]
    assert len(of_agents) == len(set(of_agents)) == agents_count
    assert [tuple(row) for row in states] == [("reserved", agents_count)]
    assert sum(1 for row in live if str(row.queue_id) == automated.id) == lines
    assert tuple(dials) == (len(live), len(live))
