"""Plans from templates, single tasks, queues, and dialing one task by hand."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from care.consent import ConsentScope, Purpose
from db.unit_of_work import UnitOfWork
from followup.attempts import AttemptState
from followup.plans import TaskMode, TaskState
from followup.queues import Agent, AgentState, HeadsetState
from tests.integration.api.house import Asking, House
from tests.support.builders import a_node, a_patient, a_queue, a_task, an_attempt, an_encounter


def a_visit(house: House, **patient: Any) -> dict[str, str]:
    with house.rows() as uow:
        for name, mode, purpose in (
            ("discharge", TaskMode.AGENT, Purpose.CARE),
            ("reminders", TaskMode.AUTOMATED, Purpose.REMINDER),
        ):
            if uow.queues.by_name(name) is None:
                a_queue(uow, name=name, mode=mode, purpose=purpose)
        person = a_patient(uow, **patient)
        return {"patient": person.id, "encounter": an_encounter(uow, person).id}


def plan_of(visit: dict[str, str], template: str = "T01", purpose: str = "care") -> dict[str, str]:
    return {"encounter_id": visit["encounter"], "template": template, "purpose": purpose}


def test_templates_are_listed_with_their_steps(agent: Asking) -> None:
    templates = {each["id"]: each for each in agent.get("/plan-templates").json()["templates"]}
    assert templates["T01"]["purpose"] == "care"
    assert [step["target"] for step in templates["T01"]["steps"]] == ["48 h", "7 d", "14 d", "30 d", "90 d"]


def test_a_plan_has_the_templates_tasks_and_comes_once(house: House, agent: Asking) -> None:
    visit = a_visit(house)
    first = agent.post("/plans", plan_of(visit))
    second = agent.post("/plans", plan_of(visit))
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    plan = first.json()
    assert [task["state"] for task in plan["tasks"]] == ["planned"] * 5
    assert agent.get(f"/plans/{plan['id']}").json() == plan
    record = agent.get(f"/patients/{visit['patient']}/follow-ups").json()
    assert len(record["follow_ups"]) == 5


def test_a_plan_without_the_consent_for_its_purpose_is_refused(house: House, agent: Asking) -> None:
    visit = a_visit(house, purposes=(Purpose.SURVEY,))
    refused = agent.post("/plans", plan_of(visit))
    assert (refused.status_code, refused.json()["code"]) == (409, "consent_missing")
    assert refused.json()["field"] == "purpose"
    assert "phone for care" in refused.json()["reason"]


def test_an_automated_plan_needs_the_consent_to_machines(house: House, agent: Asking) -> None:
    visit = a_visit(house, scopes=(ConsentScope.PHONE,))
    refused = agent.post("/plans", plan_of(visit, "T17", "reminder"))
    assert "automated_phone" in refused.json()["reason"]


def test_a_plan_for_another_purpose_than_the_templates_is_refused(house: House, agent: Asking) -> None:
    refused = agent.post("/plans", plan_of(a_visit(house), purpose="survey"))
    assert (refused.status_code, refused.json()["field"]) == (422, "purpose")


def test_a_plan_whose_queue_is_missing_is_refused_by_name(house: House, agent: Asking) -> None:
    visit = a_visit(house)
    with house.rows() as uow:
        uow._session.execute(text("UPDATE queues SET name = 'other' WHERE name = 'discharge'"))
    refused = agent.post("/plans", plan_of(visit))
    assert (refused.status_code, refused.json()["code"]) == (409, "plan_not_possible")
    assert "discharge" in refused.json()["reason"]
    assert agent.post("/plans", plan_of(visit, "T99")).json()["code"] == "unknown_template"


def a_task_body(house: House, **hours: float) -> dict[str, Any]:
    with house.rows() as uow:
        patient, queue, now = a_patient(uow), a_queue(uow), uow.now
    offsets = {"earliest_at": 0.0, "target_at": 1.0, "latest_at": 2.0, **hours}
    return {
        "patient_id": patient.id,
        "queue_id": queue.id,
        "purpose": "care",
        "form": "discharge_core",
        **{name: (now + timedelta(hours=value)).isoformat() for name, value in offsets.items()},
    }


def test_a_single_task_is_added_read_listed_and_cancelled(house: House, agent: Asking) -> None:
    body = a_task_body(house)
    made = agent.post("/tasks", body).json()
    assert (made["state"], made["plan_id"]) == ("planned", None)
    assert agent.get(f"/tasks/{made['id']}").json() == made
    listed = agent.get(f"/tasks?queue_id={body['queue_id']}&state=planned").json()
    assert [task["id"] for task in listed["tasks"]] == [made["id"]]
    cancelled = agent.post(f"/tasks/{made['id']}/cancel").json()
    assert (cancelled["state"], cancelled["outcome"]) == ("cancelled", "cancelled")
    again = agent.post(f"/tasks/{made['id']}/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "not_possible_now")


@pytest.mark.parametrize(
    ("hours", "field"),
    [
        ({"target_at": -1.0}, "target_at"),
        ({"latest_at": 0.5}, "latest_at"),
        ({"earliest_at": -3.0, "target_at": -2.0, "latest_at": -1.0}, "latest_at"),
    ],
)
def test_a_window_that_cannot_be_is_refused_by_name(
    house: House, agent: Asking, hours: dict[str, float], field: str
) -> None:
    refused = agent.post("/tasks", a_task_body(house, **hours))
    assert (refused.status_code, refused.json()["code"], refused.json()["field"]) == (422, "window_refused", field)


def test_a_task_without_purpose_or_of_nobody_is_refused(house: House, agent: Asking) -> None:
    body = a_task_body(house)
    without = {key: value for key, value in body.items() if key != "purpose"}
    assert agent.post("/tasks", without).json()["field"] == "purpose"
    nobody = {**body, "patient_id": "00000000-0000-4000-8000-000000000000"}
    assert agent.post("/tasks", nobody).json()["code"] == "unknown_patient"
    assert agent.post("/tasks", {**body, "form": "none"}).json()["field"] == "form"
    assert agent.post("/tasks", {**body, "purpose": "survey"}).json()["field"] == "purpose"


def test_a_task_in_a_live_attempt_is_not_cancelled(house: House, agent: Asking) -> None:
    with house.rows() as uow:
        task = a_task(uow, a_patient(uow), a_queue(uow), state=TaskState.IN_PROGRESS)
        an_attempt(uow, task, state=AttemptState.IN_CALL)
    refused = agent.post(f"/tasks/{task.id}/cancel")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_possible_now")
    assert "hang up" in refused.json()["reason"]


def test_a_queue_is_made_counted_paused_and_resumed(house: House, supervisor: Asking, agent: Asking) -> None:
    made = supervisor.post("/queues", {"name": "discharge", "mode": "agent", "purpose": "care"}).json()
    with house.rows() as uow:
        queue = uow.queues.get(made["id"])
        assert queue is not None
        for state in (TaskState.QUEUED, TaskState.QUEUED, TaskState.PLANNED, TaskState.CANCELLED):
            a_task(uow, a_patient(uow), queue, state=state)
    assert agent.get("/queues").json()["queues"][0]["counts"] == {"queued": 2, "planned": 1}
    assert supervisor.post(f"/queues/{made['id']}/pause").json()["paused"] is True
    with house.units() as uow:
        stored = uow.queues.get(made["id"])
        assert stored is not None
        assert stored.paused
    assert supervisor.post(f"/queues/{made['id']}/resume").json()["paused"] is False
    assert (
        supervisor.post("/queues", {"name": "discharge", "mode": "agent", "purpose": "care"}).json()["field"] == "name"
    )
    wrong = {"name": "x", "mode": "agent", "purpose": "care", "policy": "nope"}
    assert supervisor.post("/queues", wrong).json()["field"] == "policy"


def at_a_ready_desk(uow: UnitOfWork, agent_id: str) -> Agent:
    desk = uow.queues.agent(agent_id)
    assert desk is not None
    desk.state = AgentState.AVAILABLE
    desk.heartbeat_at = uow.now
    desk.headset_state = HeadsetState.UP
    desk.headset_leg_id = "00000000-0000-4000-8000-00000000000a"
    desk.headset_node = a_node(uow)
    return desk


def test_an_agent_dials_a_task_by_hand(house: House, agent: Asking) -> None:
    with house.rows() as uow:
        at_a_ready_desk(uow, agent.user_id)
        task = a_task(uow, a_patient(uow), a_queue(uow))
    dialed = agent.post(f"/tasks/{task.id}/dial")
    assert dialed.status_code == 202
    hand = agent.get("/agents/me/call").json()
    assert hand["attempt"]["id"] == dialed.json()["attempt_id"]
    assert hand["call"]["state"] == "planned"
    with house.units() as uow:
        commands = uow.calls.commands_for(hand["call"]["id"])
        assert [(command.verb, command.node) for command in commands] == [("dial", "node-1")]
    again = agent.post(f"/tasks/{task.id}/dial")
    assert (again.status_code, again.json()["code"]) == (409, "not_possible_now")


@pytest.mark.parametrize(
    ("patient", "task", "paused", "reasons"),
    [
        ({"purposes": ()}, {}, False, ["no_consent"]),
        ({"numbers": 0}, {}, False, ["no_number"]),
        ({}, {"due_at_hours": 2}, False, ["before_window"]),
        ({"purposes": ()}, {}, True, ["no_consent", "queue_paused"]),
    ],
)
def test_dialing_by_hand_passes_the_same_gate(
    house: House,
    agent: Asking,
    patient: dict[str, Any],
    task: dict[str, Any],
    paused: bool,
    reasons: list[str],
) -> None:
    with house.rows() as uow:
        at_a_ready_desk(uow, agent.user_id)
        when = {"due_at": uow.now + timedelta(hours=task["due_at_hours"])} if task else {}
        waiting = a_task(uow, a_patient(uow, **patient), a_queue(uow, paused=paused), **when)
    refused = agent.post(f"/tasks/{waiting.id}/dial")
    assert (refused.status_code, refused.json()["code"]) == (409, "call_refused")
    assert refused.json()["reasons"] == reasons
    assert len(refused.json()["errors"]) == len(reasons)
    with house.units() as uow:
        assert uow.attempts.of_task(waiting.id) == []
        desk = uow.queues.agent(agent.user_id)
        assert desk is not None
        assert desk.state is AgentState.AVAILABLE


def test_without_a_headset_nothing_is_dialed(house: House, agent: Asking) -> None:
    with house.rows() as uow:
        task = a_task(uow, a_patient(uow), a_queue(uow))
    refused = agent.post(f"/tasks/{task.id}/dial")
    assert (refused.status_code, refused.json()["field"]) == (409, "headset")
