"""Previews, promised calls back and tasks given to others, as agents and supervisors ask for them."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from care.consent import Purpose
from db.gate import Gate
from db.unit_of_work import UnitOfWork
from db.users import Role
from followup.attempts import AttemptState
from followup.calls import CallState
from followup.dialing_rules import Mode
from followup.plans import Task, TaskState
from followup.queues import Agent, AgentState, DialStyle, ExpiredPreview, HeadsetState, MergeRule
from scheduler import previews
from scheduler.dialer import match_and_reserve
from tests.integration.api.house import CONTENT, Asking, House
from tests.support.builders import a_node, a_patient, a_queue, a_task, an_attempt

GATE = Gate(mode=Mode.DEMO, profile=CONTENT.jurisdictions["demo"], trunk_is_loopback=True, allow_list=frozenset())


def at_her_desk(uow: UnitOfWork, asking: Asking, *queues: str) -> Agent:
    desk = uow.queues.agent_for_update(asking.user_id)
    assert desk is not None
    desk.queues, desk.state, desk.heartbeat_at = list(queues), AgentState.AVAILABLE, uow.now
    desk.headset_state, desk.headset_wanted, desk.headset_node = HeadsetState.UP, True, "node-1"
    uow.flush()
    return desk


def shown(house: House, agent: Asking, *, tasks: int = 1, **queue: Any) -> tuple[list[Task], dict[str, Any]]:
    """Tasks of one patient that the agent was just shown, and what she has in hand."""
    with house.rows() as uow:
        made = a_queue(uow, style=DialStyle.PREVIEW, **{"merges": MergeRule.ANY, **queue})
        patient = a_patient(uow)
        owed = [a_task(uow, patient, made, priority=20 + place) for place in range(tasks)]
        at_her_desk(uow, agent, made.id)
        a_node(uow)
        assert match_and_reserve(uow, gate=GATE, now=uow.now) == 1
    return owed, agent.get("/agents/me/call").json()


def test_an_agent_sees_patient_and_forms_before_anything_is_dialed(house: House, agent: Asking) -> None:
    (first, second), hand = shown(house, agent, tasks=2)
    assert (hand["attempt"]["state"], hand["call"], hand["patient"]["masked"]) == ("reserved", None, True)
    assert hand["attempt"]["preview_until"] is not None
    assert (hand["task"]["id"], hand["form"]["id"]) == (first.id, "discharge_core")
    assert [(each["task"]["id"], each["form"]["id"]) for each in hand["taken_along"]] == [(second.id, "discharge_core")]
    dialed = agent.post(f"/attempts/{hand['attempt']['id']}/dial")
    assert (dialed.status_code, dialed.json()["preview_until"]) == (202, None)
    with house.rows() as uow:
        call = uow.calls.of_attempt(hand["attempt"]["id"])
        assert call is not None
        assert (call.state, [command.verb for command in uow.calls.commands_for(call.id)]) == (
            CallState.PLANNED,
            ["dial"],
        )
    again = agent.post(f"/attempts/{hand['attempt']['id']}/dial")
    assert (again.status_code, again.json()["code"]) == (409, "not_possible_now")


def test_a_preview_is_skipped_with_a_reason_and_rests(house: House, agent: Asking) -> None:
    (task,), hand = shown(house, agent)
    skip = f"/attempts/{hand['attempt']['id']}/skip"
    assert agent.post(skip, {"reason": "expired"}).json()["field"] == "reason"
    assert agent.post(skip, {"reason": "later", "again_at": "2020-01-01T00:00:00Z"}).json()["field"] == "again_at"
    skipped = agent.post(skip, {"reason": "record_incomplete", "words": "没有出院小结"}).json()
    assert (skipped["state"], skipped["skipped"], skipped["outcome"]) == (
        "closed",
        "record_incomplete",
        "caller-abandoned",
    )
    assert agent.get("/agents/me/state").json()["state"] == "available"
    with house.rows() as uow:
        back = uow.plans.task(task.id)
        assert back is not None
        assert (back.state, back.attempts_made) == (TaskState.QUEUED, 0)
        assert back.next_attempt_at > uow.now + timedelta(hours=3)
        assert uow.notes.missing_for_attempts(before=uow.now) == []
        assert uow.attempts.undecided(uow.now) == []
        noted = text("SELECT detail FROM audit_log WHERE action = 'preview_skipped'")
        assert uow._session.execute(noted).scalar_one()["words"] == "没有出院小结"


def test_another_agents_preview_is_not_ones_own(house: House, agent: Asking, supervisor: Asking) -> None:
    _, hand = shown(house, agent)
    other = house.caller(Role.AGENT)
    assert other.post(f"/attempts/{hand['attempt']['id']}/dial").json()["code"] == "not_yours"
    assert supervisor.post(f"/attempts/{hand['attempt']['id']}/dial").status_code == 403


def test_the_gate_is_asked_again_when_dial_is_pressed(house: House, agent: Asking) -> None:
    (task,), hand = shown(house, agent)
    with house.rows() as uow:
        uow._session.execute(text("UPDATE queues SET paused = true"))
    refused = agent.post(f"/attempts/{hand['attempt']['id']}/dial")
    assert (refused.status_code, refused.json()["reasons"]) == (409, ["queue_paused"])
    with house.rows() as uow:
        back, attempt = uow.plans.task(task.id), uow.attempts.get(hand["attempt"]["id"])
        assert back is not None
        assert attempt is not None
        assert (back.state, attempt.state, attempt.skipped) == (TaskState.QUEUED, AttemptState.CLOSED, "not_allowed")
        assert uow.calls.of_attempt(attempt.id) is None


@pytest.mark.parametrize(
    ("setting", "state"), [(ExpiredPreview.BREAK, AgentState.BREAK), (ExpiredPreview.AVAILABLE, AgentState.AVAILABLE)]
)
def test_a_preview_that_runs_out_goes_back_to_its_place_and_its_agent_where_the_queue_says(
    house: House, agent: Asking, setting: ExpiredPreview, state: AgentState
) -> None:
    (task,), hand = shown(house, agent, expired_preview=setting, preview_seconds=30)
    attempt_id = hand["attempt"]["id"]
    with house.rows() as uow:
        hour = uow.plans.task(task.id)
        assert hour is not None
        due_at = hour.next_attempt_at
        # A restart of the scheduler repairs nothing here: the agent still looks.
        assert uow.attempts.without_a_call(uow.now + timedelta(hours=1)) == []
        assert uow.attempts.expired_previews(uow.now) == []
        assert not previews.end_expired(uow, attempt_id, now=uow.now)
        later = uow.now + timedelta(seconds=31)
        assert uow.attempts.expired_previews(later) == [attempt_id]
        assert previews.end_expired(uow, attempt_id, now=later)
        assert not previews.end_expired(uow, attempt_id, now=later)
    desk = agent.get("/agents/me/state").json()
    assert (desk["state"], desk["state_reason"]) == (state.value, "preview expired")
    with house.rows() as uow:
        back = uow.plans.task(task.id)
        assert back is not None
        assert (back.state, back.next_attempt_at) == (TaskState.QUEUED, due_at)
        assert "preview_expired" in [row.kind for row in uow.outbox.unpublished()]


def in_wrap_up(house: House, agent: Asking, *, tasks: int = 1) -> tuple[str, list[Task]]:
    with house.rows() as uow:
        queue = a_queue(uow)
        patient = a_patient(uow)
        owed = [a_task(uow, patient, queue, state=TaskState.IN_PROGRESS) for _ in range(tasks)]
        desk = at_her_desk(uow, agent, queue.id)
        desk.state = AgentState.WRAP_UP
        attempt = an_attempt(uow, owed[0], agent_id=agent.user_id)
        uow.attempts.join_tasks(attempt.id, [task.id for task in owed])
    return attempt.id, owed


def test_each_task_of_a_call_gets_its_own_result(house: House, agent: Asking) -> None:
    attempt_id, (first, second, third) = in_wrap_up(house, agent, tasks=3)
    body = {"outcome": "connected-patient", "task_result": "partially-completed", "results": {second.id: "refused"}}
    stranger = {**body, "results": {"00000000-0000-4000-8000-000000000000": "refused"}}
    assert agent.post(f"/attempts/{attempt_id}/wrap-up", stranger).json()["code"] == "unknown_task"
    assert agent.post(f"/attempts/{attempt_id}/wrap-up", body).status_code == 200
    with house.rows() as uow:
        assert uow.attempts.results_of(attempt_id) == {
            first.id: "partially-completed",
            second.id: "refused",
            third.id: None,
        }


def test_what_is_called_completed_has_its_answers_in_each_task_of_the_call(house: House, agent: Asking) -> None:
    attempt_id, (first, second) = in_wrap_up(house, agent, tasks=2)
    with house.rows() as uow:
        for task in (first, second):
            stored = uow.plans.task_for_update(task.id)
            assert stored is not None
            stored.form = "phq2"
    done = {"outcome": "connected-patient", "task_result": "completed", "results": {second.id: "completed"}}
    refused = agent.post(f"/attempts/{attempt_id}/wrap-up", done).json()
    named = [fault["field"] for fault in refused["errors"]]
    assert refused["code"] == "answers_missing"
    assert [name.split(".")[0] for name in named] == ["results", "results", "answers", "answers"] or [
        name.split(".")[0] for name in named
    ] == ["answers", "answers", "results", "results"]
    assert any(name.startswith(f"results.{second.id}.") for name in named)
    for item in [name.split(".")[-1] for name in named if name.startswith("answers.")]:
        given = agent.put(f"/attempts/{attempt_id}/answers/{item}", {"value": "0"})
        assert given.status_code == 200, given.text
    still = agent.post(f"/attempts/{attempt_id}/wrap-up", done).json()
    assert {fault["field"].split(".")[0] for fault in still["errors"]} == {"results"}
    assert agent.post(f"/attempts/{attempt_id}/wrap-up", {**done, "partial": True}).status_code == 200
    with house.rows() as uow:
        assert uow.attempts.results_of(attempt_id) == {first.id: "completed", second.id: "partially-completed"}


def test_an_hour_the_patient_named_is_kept_by_whoever_promised_it(house: House, agent: Asking) -> None:
    attempt_id, (task,) = in_wrap_up(house, agent)
    with house.rows() as uow:
        hour = uow.now + timedelta(hours=3)
        too_late = task.latest_at + timedelta(minutes=1)
    wrap_up = f"/attempts/{attempt_id}/wrap-up"
    refused = agent.post(wrap_up, {"outcome": "connected-patient", "call_back": {"at": too_late.isoformat()}})
    assert (refused.status_code, refused.json()["code"]) == (422, "window_refused")
    nobody = {"outcome": "no-answer", "call_back": {"at": hour.isoformat()}}
    assert agent.post(wrap_up, nobody).json()["field"] == "call_back"
    assert (
        agent.post(wrap_up, {"outcome": "connected-patient", "call_back": {"at": hour.isoformat()}}).status_code == 200
    )
    promised = agent.get(f"/tasks/{task.id}").json()
    assert (promised["state"], promised["owner_id"], promised["owner_reason"]) == ("queued", agent.user_id, "call_back")
    assert promised["next_at"] == promised["next_attempt_at"]
    owned = agent.get(f"/tasks?owner_id={agent.user_id}").json()["tasks"]
    assert [each["id"] for each in owned] == [task.id]
    with house.rows() as uow:
        assert uow.attempts.undecided(uow.now + timedelta(hours=1)) == []


def test_tasks_of_an_agent_who_is_ill_are_given_to_another_and_put_down(
    house: House, agent: Asking, supervisor: Asking
) -> None:
    well = house.caller(Role.AGENT)
    with house.rows() as uow:
        queue = a_queue(uow)
        tasks = [a_task(uow, a_patient(uow), queue) for _ in range(3)]
        for task in tasks:
            task.owner_id, task.owner_until = agent.user_id, uow.now + timedelta(hours=1)
        tasks[0].state = TaskState.IN_PROGRESS
    ask = {"of_agent_id": agent.user_id, "to_agent_id": well.user_id, "reason": "林护士病假"}
    assert agent.post("/tasks/reassign", ask).status_code == 403
    assert supervisor.post("/tasks/reassign", {"reason": "nobody named"}).status_code == 422
    done = supervisor.post("/tasks/reassign", ask).json()
    assert sorted(done["moved"]) == sorted(task.id for task in tasks[1:])
    assert supervisor.get(f"/tasks/{tasks[0].id}").json()["owner_id"] == agent.user_id
    named = supervisor.post(
        "/tasks/reassign", {"task_ids": [task.id for task in tasks], "reason": "back to everybody"}
    ).json()
    assert [left["task_id"] for left in named["left"]] == [tasks[0].id]
    assert "whoever calls" in named["left"][0]["reason"]
    with house.rows() as uow:
        rows = text("SELECT count(*) FROM audit_log WHERE action = 'task_reassigned'")
        assert uow._session.execute(rows).scalar_one() == 4


def test_a_queue_is_changed_with_a_reason_and_its_tasks_are_placed_anew(house: House, supervisor: Asking) -> None:
    made = supervisor.post("/queues", {"name": "心内随访", "mode": "agent", "purpose": "care"}).json()
    assert (made["style"], made["same_nurse_seconds"], made["merges"]) == ("preview", 300, "any")
    survey = supervisor.post("/queues", {"name": "满意度", "mode": "agent", "purpose": "survey"}).json()
    assert (survey["style"], survey["same_nurse_seconds"]) == ("progressive", 0)
    change = f"/queues/{made['id']}"
    assert supervisor.ask("PATCH", change, json={"style": "progressive"}).json()["field"] == "reason"
    assert supervisor.ask("PATCH", change, json={"style": "agentless", "reason": "try"}).json()["field"] == "style"
    taken = supervisor.ask("PATCH", change, json={"name": "满意度", "reason": "rename"})
    assert (taken.status_code, taken.json()["code"]) == (409, "taken")
    changed = supervisor.ask(
        "PATCH", change, json={"style": "progressive", "skills": ["stoma", "heart"], "reason": "造口门诊合并"}
    ).json()
    assert (changed["style"], changed["skills"]) == ("progressive", ["heart", "stoma"])
    with house.rows() as uow:
        kept = text("SELECT detail FROM audit_log WHERE action = 'queue_changed'")
        detail = uow._session.execute(kept).scalar_one()
    assert detail["reason"] == "造口门诊合并"
    assert detail["changed"]["style"] == ["preview", "progressive"]


def test_what_cannot_wait_is_not_accepted_for_a_machine(house: House, supervisor: Asking) -> None:
    machine = supervisor.post("/queues", {"name": "提醒", "mode": "automated", "purpose": "reminder"}).json()
    assert machine["style"] == "agentless"
    with house.rows() as uow:
        patient, now = a_patient(uow, purposes=(Purpose.REMINDER,)), uow.now
    body = {
        "patient_id": patient.id,
        "queue_id": machine["id"],
        "purpose": "reminder",
        "flow": "appointment_reminder",
        "priority": 9,
        **{name: (now + timedelta(hours=1)).isoformat() for name in ("earliest_at", "target_at", "latest_at")},
    }
    assert supervisor.post("/tasks", body).json()["field"] == "priority"
    assert supervisor.post("/tasks", {**body, "priority": 10}).status_code == 201


def test_what_an_agent_can_do_is_set_by_those_who_oversee(house: House, agent: Asking, supervisor: Asking) -> None:
    with house.rows() as uow:
        queue = a_queue(uow)
    body = {"dialects": ["cantonese"], "skills": ["stoma"], "queues": [queue.id]}
    assert agent.put(f"/agents/{agent.user_id}/abilities", body).status_code == 403
    set_ = supervisor.put(f"/agents/{agent.user_id}/abilities", body).json()
    assert (set_["languages"], set_["dialects"], set_["skills"], set_["queues"]) == (
        ["zh"],
        ["cantonese"],
        ["stoma"],
        [queue.id],
    )
