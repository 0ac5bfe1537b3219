"""Callers on the screen: masked until they have said who they are; taken, refused, linked to a task, wrapped up."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from care.patients import Patient
from db.users import Role
from followup.calls import LegId
from followup.inbound import InboundCall, InboundId, InboundOrigin, InboundState
from followup.plans import TaskState
from followup.queues import AgentState, HeadsetState
from runtime.identifiers import new_id
from tests.integration.api.house import Asking, House
from tests.support.builders import a_patient, a_queue, a_task, an_attempt

NUMBER = "+8613912345678"
RIGHT = {"confirmed": True, "identifiers": ["name", "born"]}
WRONG = {"confirmed": False, "identifiers": ["born"]}
MOMENTS = {
    InboundState.OFFERED: AgentState.RESERVED,
    InboundState.CONNECTED: AgentState.ON_CALL,
    InboundState.ENDED: AgentState.WRAP_UP,
}


def a_caller(house: House, agent_id: str | None, state: InboundState, **values: Any) -> tuple[InboundCall, Patient]:
    """A caller with one candidate, who is offered to this agent, speaks with her, or has just hung up on her."""
    with house.rows() as uow:
        patient = a_patient(uow, name="李小伟", record_number=f"A-{new_id()[:8]}")
        patient.contact_points[0].number = NUMBER
        queue = a_queue(uow)
        talked = state in (InboundState.CONNECTED, InboundState.ENDED)
        inbound = InboundCall(
            **{
                "id": InboundId(new_id()),
                "leg_id": LegId(new_id()),
                "node": "node-1",
                "caller": NUMBER,
                "candidates": [patient.id],
                "queue_id": queue.id,
                "agent_id": agent_id,
                "state": state,
                "rang_at": uow.now - timedelta(minutes=2),
                "answered_at": uow.now - timedelta(minutes=2),
                "offered_at": uow.now,
                "connected_at": uow.now - timedelta(minutes=1) if talked else None,
                "ended_at": uow.now if state is InboundState.ENDED else None,
                "spool": "/nowhere/spool",
                "recording_started_at": uow.now - timedelta(minutes=2),
                **values,
            }
        )
        uow.inbound.add(inbound)
        agent = uow.queues.agent_for_update(agent_id) if agent_id else None
        if agent is not None:
            agent.state = MOMENTS.get(state, agent.state)
            agent.headset_state, agent.headset_leg_id = HeadsetState.UP, new_id()
    return inbound, patient


def state_of(house: House, agent: Asking) -> AgentState:
    with house.units() as uow:
        found = uow.queues.agent(agent.user_id)
        assert found is not None
        return found.state


def audited(house: House, inbound: InboundCall) -> list[str]:
    with house.units.engine.connect() as connection:
        rows = connection.execute(
            text("SELECT action FROM audit_log WHERE subject = :subject ORDER BY position"), {"subject": inbound.id}
        )
        return list(rows.scalars())


def test_before_identity_a_caller_is_a_masked_number_and_a_count(house: House, agent: Asking) -> None:
    inbound, patient = a_caller(house, agent.user_id, InboundState.OFFERED)
    seen = agent.get(f"/inbound-calls/{inbound.id}")
    assert (seen.json()["number"], seen.json()["candidates"]) == ("*" * 10 + "5678", 1)
    assert seen.json()["people"][0]["name"] == "李**"
    assert seen.json()["patient_id"] is None
    for hidden in ("李小伟", patient.record_number, NUMBER):
        assert hidden not in seen.text
        assert hidden not in agent.get("/inbound-calls").text


def test_callers_are_seen_by_those_concerned_and_by_supervisors(
    house: House, agent: Asking, supervisor: Asking
) -> None:
    inbound, _ = a_caller(house, agent.user_id, InboundState.CONNECTED)
    waiting, _ = a_caller(house, None, InboundState.WAITING)
    other = house.caller(Role.AGENT)
    assert other.get(f"/inbound-calls/{inbound.id}").json()["code"] == "not_yours"
    assert other.get("/inbound-calls").json()["inbound_calls"] == []
    with house.rows() as uow:
        desk = uow.queues.agent_for_update(other.user_id)
        assert desk is not None
        desk.queues = [waiting.queue_id or ""]
    seen = other.get("/inbound-calls?live=true").json()["inbound_calls"]
    assert [(row["id"], row["candidates"], row["people"]) for row in seen] == [(waiting.id, 1, [])]
    assert {row["id"] for row in supervisor.get("/inbound-calls").json()["inbound_calls"]} == {inbound.id, waiting.id}


def test_accepting_is_one_row_for_the_node_and_only_she_may_who_is_offered_him(house: House, agent: Asking) -> None:
    inbound, _ = a_caller(house, agent.user_id, InboundState.OFFERED)
    other = house.caller(Role.AGENT)
    assert other.post(f"/inbound-calls/{inbound.id}/accept").json()["code"] == "not_yours"
    for _ in range(2):
        assert agent.post(f"/inbound-calls/{inbound.id}/accept", key="the same").status_code == 202
    with house.units() as uow:
        (command,) = uow.calls.commands_for(inbound.id)
        assert (command.verb, command.node, command.arguments) == (
            "accept_inbound",
            "node-1",
            {"agent_id": agent.user_id},
        )


def test_declining_frees_her_and_the_caller_waits_on(house: House, agent: Asking) -> None:
    inbound, _ = a_caller(house, agent.user_id, InboundState.OFFERED)
    assert agent.post(f"/inbound-calls/{inbound.id}/decline").json()["state"] == "waiting"
    assert state_of(house, agent) is AgentState.AVAILABLE
    assert agent.post(f"/inbound-calls/{inbound.id}/decline").json()["code"] == "not_possible_now"


def test_right_answers_open_and_wrong_ones_are_on_record_and_limited(house: House, agent: Asking) -> None:
    inbound, patient = a_caller(house, agent.user_id, InboundState.CONNECTED)
    address = f"/inbound-calls/{inbound.id}/identity"
    one = agent.post(address, {**RIGHT, "patient_id": patient.id, "identifiers": ["born"]})
    assert one.status_code == 422
    assert agent.post(address, {**WRONG, "patient_id": patient.id}).json()["patient_id"] is None
    assert agent.post(address, {**RIGHT, "patient_id": patient.id}).json()["patient_id"] == patient.id
    assert audited(house, inbound) == ["identity_failed", "identity_confirmed"]

    second, patient = a_caller(house, agent.user_id, InboundState.CONNECTED)
    address = f"/inbound-calls/{second.id}/identity"
    for _ in range(2):
        assert agent.post(address, {**WRONG, "patient_id": patient.id}).status_code == 200
    refused = agent.post(address, {**RIGHT, "patient_id": patient.id})
    assert (refused.status_code, refused.json()["code"]) == (409, "not_possible_now")


def test_nothing_is_linked_to_a_caller_who_has_not_said_who_he_is(house: House, agent: Asking) -> None:
    inbound, _ = a_caller(house, agent.user_id, InboundState.CONNECTED)
    assert agent.post(f"/inbound-calls/{inbound.id}/link", {}).json()["field"] == "identity"


@pytest.mark.parametrize("state", [InboundState.CONNECTED, InboundState.ENDED])
def test_linked_to_an_open_task_the_conversation_is_its_attempt(
    house: House, agent: Asking, state: InboundState
) -> None:
    inbound, patient = a_caller(house, agent.user_id, state)
    with house.rows() as uow:
        queue = uow.queues.get(inbound.queue_id or "")
        found = uow.patients.get(patient.id)
        assert queue is not None
        assert found is not None
        task = a_task(uow, found, queue)
    agent.post(f"/inbound-calls/{inbound.id}/identity", {**RIGHT, "patient_id": patient.id})
    linked = agent.post(f"/inbound-calls/{inbound.id}/link", {"task_id": task.id})
    assert linked.status_code == 200, linked.text
    popped = agent.get("/agents/me/call").json()
    ended = state is InboundState.ENDED
    assert (popped["attempt"]["id"], popped["attempt"]["state"]) == (
        linked.json()["attempt_id"],
        "wrap_up" if ended else "in_call",
    )
    assert (popped["patient"]["masked"], popped["patient"]["name"]) == (False, "李小伟")
    assert popped["call"]["state"] == ("ended" if ended else "bridged")
    with house.units() as uow:
        recording = uow.recordings.of_call(linked.json()["call_id"])
        stored = uow.plans.task(task.id)
        assert recording is not None
        assert stored is not None
        assert (recording.state, recording.spool) == ("captured" if ended else "recording", "/nowhere/spool")
        assert (stored.state, stored.attempts_made) == (TaskState.IN_PROGRESS, 1)
        assert uow.calls.id_of_leg(inbound.leg_id) == linked.json()["call_id"]
        kinds = [row.kind for row in uow.outbox.unpublished(500)]
    assert kinds.count("recording_captured") == ended
    again = agent.post(f"/inbound-calls/{inbound.id}/link", {"task_id": task.id})
    assert again.json()["code"] == "not_possible_now"
    if ended:
        wrapped = agent.post(
            f"/attempts/{linked.json()['attempt_id']}/wrap-up",
            {"outcome": "connected-patient", "task_result": "completed", "partial": True},
        )
        assert wrapped.status_code == 200, wrapped.text
        assert state_of(house, agent) is AgentState.AVAILABLE


def test_without_an_open_task_one_is_made_for_what_he_rang_about(house: House, agent: Asking) -> None:
    inbound, patient = a_caller(house, agent.user_id, InboundState.CONNECTED)
    agent.post(f"/inbound-calls/{inbound.id}/identity", {**RIGHT, "patient_id": patient.id})
    linked = agent.post(f"/inbound-calls/{inbound.id}/link", {})
    with house.units() as uow:
        task = uow.plans.task(linked.json()["task_id"])
        assert task is not None
        assert (task.patient_id, task.queue_id, task.state) == (patient.id, inbound.queue_id, "in_progress")


def test_a_task_of_somebody_else_or_of_next_week_is_not_fulfilled(house: House, agent: Asking) -> None:
    inbound, patient = a_caller(house, agent.user_id, InboundState.CONNECTED)
    with house.rows() as uow:
        queue = uow.queues.get(inbound.queue_id or "")
        found = uow.patients.get(patient.id)
        assert queue is not None
        assert found is not None
        strangers = a_task(uow, a_patient(uow), queue)
        later = a_task(uow, found, queue, state=TaskState.PLANNED, due_at=uow.now + timedelta(days=7))
        rung = a_task(uow, found, queue, state=TaskState.IN_PROGRESS)
        waiting = a_task(uow, found, queue)
        an_attempt(uow, rung, state="reserved")
    agent.post(f"/inbound-calls/{inbound.id}/identity", {**RIGHT, "patient_id": patient.id})
    for task, word in ((strangers, "another patient"), (later, "window"), (rung, "in_progress"), (waiting, "live")):
        refused = agent.post(f"/inbound-calls/{inbound.id}/link", {"task_id": task.id})
        assert (refused.status_code, refused.json()["code"]) == (409, "not_possible_now")
        assert word in refused.json()["reason"]
    with house.units() as uow:
        kept = uow.plans.task(waiting.id)
        assert kept is not None
        assert kept.state is TaskState.QUEUED


def test_a_refused_recording_never_reaches_the_call(house: House, agent: Asking) -> None:
    inbound, patient = a_caller(house, agent.user_id, InboundState.CONNECTED, recording_refused=True)
    agent.post(f"/inbound-calls/{inbound.id}/identity", {**RIGHT, "patient_id": patient.id})
    linked = agent.post(f"/inbound-calls/{inbound.id}/link", {}).json()
    with house.units() as uow:
        assert uow.recordings.of_call(linked["call_id"]) is None


def test_a_caller_who_belongs_to_no_task_is_wrapped_up_with_a_note(house: House, agent: Asking) -> None:
    inbound, _ = a_caller(house, agent.user_id, InboundState.ENDED)
    noted = agent.post(f"/inbound-calls/{inbound.id}/wrap-up", {"note": "问路"})
    assert (noted.json()["note"], noted.json()["wrapped_up_at"] is not None) == ("问路", True)
    assert state_of(house, agent) is AgentState.AVAILABLE
    assert agent.post(f"/inbound-calls/{inbound.id}/wrap-up", {"note": "x"}).json()["code"] == "not_possible_now"


def test_her_caller_may_be_hung_up_by_her_and_by_a_supervisor(house: House, agent: Asking, supervisor: Asking) -> None:
    inbound, _ = a_caller(house, agent.user_id, InboundState.CONNECTED)
    assert house.caller(Role.AGENT).post(f"/inbound-calls/{inbound.id}/hang-up").json()["code"] == "not_yours"
    assert supervisor.post(f"/inbound-calls/{inbound.id}/hang-up").status_code == 202
    gone, _ = a_caller(house, agent.user_id, InboundState.ENDED)
    assert agent.post(f"/inbound-calls/{gone.id}/hang-up").json()["code"] == "not_possible_now"


def test_a_refusal_told_to_her_is_a_command_with_her_name(house: House, agent: Asking) -> None:
    inbound, _ = a_caller(house, agent.user_id, InboundState.CONNECTED)
    assert agent.post(f"/inbound-calls/{inbound.id}/refuse-recording").status_code == 202
    with house.units() as uow:
        (command,) = uow.calls.commands_for(inbound.id)
        assert (command.verb, command.arguments) == ("refuse_inbound_recording", {"by": agent.user_id})
    unrecorded, _ = a_caller(house, agent.user_id, InboundState.CONNECTED, spool=None)
    assert agent.post(f"/inbound-calls/{unrecorded.id}/refuse-recording").json()["code"] == "not_possible_now"


def test_a_key_zero_caller_is_identified_as_the_attempt_he_is(house: House, agent: Asking) -> None:
    inbound, patient = a_caller(house, agent.user_id, InboundState.CONNECTED, origin=InboundOrigin.KEY_ZERO)
    refused = agent.post(f"/inbound-calls/{inbound.id}/identity", {**RIGHT, "patient_id": patient.id})
    assert "/attempts/" in refused.json()["reason"]


def test_a_caller_nobody_knows_is_told_so(house: House, agent: Asking) -> None:
    assert agent.get(f"/inbound-calls/{new_id()}").json()["code"] == "unknown_inbound_call"
    assert agent.post(f"/inbound-calls/{new_id()}/accept").json()["code"] == "unknown_inbound_call"
    assert not Path("/nowhere").exists()
