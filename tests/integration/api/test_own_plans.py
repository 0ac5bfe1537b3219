"""A patient's own plan over the API: changed with a reason, paused, resumed, ended by a death, moved by a merger."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from db.users import Role
from followup.calls import CallState
from followup.plans import TaskState
from runtime.content.library import Content
from runtime.settings import REPOSITORY
from scheduler.dialer import reserve
from scheduler.following import PlanDesk, follow_closed_tasks
from tests.integration.api.house import Asking, House
from tests.support.builders import HOSPITAL, a_node, a_patient, a_queue, a_task, an_agent, an_encounter

CONTENT = Content(REPOSITORY / "content")
WHY = {"reason": "asked by the ward"}


@pytest.fixture
def supervisor(house: House) -> Asking:
    return house.caller(Role.SUPERVISOR)


def queues(house: House) -> dict[str, str]:
    with house.rows() as uow:
        return {
            queue.name: a_queue(uow, name=queue.name, mode=queue.mode, purpose=queue.purpose).id
            for queue in CONTENT.queues.queues
        }


def a_plan(house: House, agent: Asking, template: str = "T01", *, days_ago: float = 0) -> dict[str, Any]:
    with house.rows() as uow:
        patient = a_patient(uow)
        visit = an_encounter(uow, patient, occurred_at=uow.now - timedelta(days=days_ago))
    answer = agent.post("/plans", {"encounter_id": visit.id, "template": template, "purpose": "care"})
    assert answer.status_code == 201, answer.text
    plan: dict[str, Any] = answer.json()
    return plan


def window(now: datetime, *days: float) -> dict[str, str]:
    names = ("earliest_at", "target_at", "latest_at")
    return {name: (now + timedelta(days=day)).isoformat() for name, day in zip(names, days, strict=True)}


def now_of(house: House) -> datetime:
    with house.rows() as uow:
        return uow.now


def open_steps(plan: dict[str, Any]) -> set[str]:
    closed = ("cancelled", "completed", "lost_to_follow_up")
    return {task["step_key"] for task in plan["tasks"] if task["state"] not in closed}


def test_a_step_is_moved_added_and_dropped_with_a_reason_and_the_template_stays(house: House, agent: Asking) -> None:
    ids = queues(house)
    plan = a_plan(house, agent)
    path, now = f"/plans/{plan['id']}", now_of(house)
    moved = agent.post(f"{path}/steps/day-7/move", {**window(now, 8, 9, 10), **WHY}).json()
    (task,) = [task for task in moved["tasks"] if task["step_key"] == "day-7"]
    assert datetime.fromisoformat(task["target_at"]) == now + timedelta(days=9)
    more = {"key": "wound", "queue_id": ids["discharge"], "form": "discharge_core", **window(now, 3, 4, 5), **WHY}
    assert "wound" in open_steps(agent.post(f"{path}/steps", more).json())
    dropped = agent.post(f"{path}/steps/day-90/drop", WHY).json()
    assert dropped["dropped"] == ["day-90"]
    assert open_steps(dropped) == {"call-48h", "day-7", "day-14", "day-30", "wound"}
    assert dropped["changed"]
    history = agent.get(f"{path}/history").json()["history"]
    assert [line["change"] for line in history] == ["started", "step_moved", "step_added", "step_dropped"]
    assert {line["user_id"] for line in history[1:]} == {agent.user_id}
    assert {line["reason"] for line in history[1:]} == {WHY["reason"]}
    template = next(t for t in agent.get("/plan-templates").json()["templates"] if t["id"] == "T01")
    assert "day-90" in {step["key"] for step in template["steps"]}


@pytest.mark.parametrize(
    ("path", "body", "word"),
    [
        ("steps/day-7/move", {"days": (3, 2, 1)}, "in this order"),
        ("steps/day-7/move", {"days": (-3, -2, -1)}, "is past"),
        ("steps/nothing/move", {"days": (1, 2, 3)}, "no contact of a step nothing"),
        ("steps/nothing/drop", {}, "no step nothing"),
    ],
)
def test_a_change_that_cannot_be_is_refused_in_words(
    house: House, agent: Asking, path: str, body: dict[str, Any], word: str
) -> None:
    queues(house)
    plan = a_plan(house, agent)
    asked = {**WHY, **(window(now_of(house), *body["days"]) if "days" in body else {})}
    refused = agent.post(f"/plans/{plan['id']}/{path}", asked)
    assert (refused.status_code, refused.json()["code"]) == (409, "plan_not_possible")
    assert word in refused.json()["reason"]


def test_a_readmission_pauses_every_plan_and_the_way_home_resumes_what_is_still_open(
    house: House, agent: Asking
) -> None:
    queues(house)
    plan = a_plan(house, agent, days_ago=3)  # the call after 48 h could still be made for a moment
    patient = plan["patient_id"]
    assert agent.post(f"/patients/{patient}/readmitted", WHY).json() == {"plans": [plan["id"]]}
    paused = agent.get(f"/plans/{plan['id']}").json()
    assert (paused["state"], open_steps(paused)) == ("paused", set())
    outcomes = {task["outcome"] for task in paused["tasks"]}
    assert outcomes <= {"readmitted", "not-due"}
    assert agent.post(f"/plans/{plan['id']}/steps/day-7/drop", WHY).status_code == 409
    assert agent.post(f"/patients/{patient}/home-again", WHY).json() == {"plans": [plan["id"]]}
    resumed = agent.get(f"/plans/{plan['id']}").json()
    assert resumed["state"] == "running"
    assert open_steps(resumed) == {"day-7", "day-14", "day-30", "day-90"}
    again = agent.post(f"/plans/{plan['id']}/resume", WHY)
    assert again.json()["code"] == "not_possible_now"


def test_a_cancelled_discharge_ends_its_plans_and_the_visit_may_get_a_new_one(house: House, agent: Asking) -> None:
    queues(house)
    plan = a_plan(house, agent)
    ended = agent.post(f"/encounters/{plan['encounter_id']}/cancelled", WHY).json()
    assert ended == {"plans": [plan["id"]]}
    after = agent.get(f"/plans/{plan['id']}").json()
    assert (after["state"], after["end"], open_steps(after)) == ("cancelled", "discharge_cancelled", set())
    new = agent.post("/plans", {"encounter_id": plan["encounter_id"], "template": "T01", "purpose": "care"})
    assert new.status_code == 201
    assert agent.get(f"/patients/{plan['patient_id']}/plans").json()["plans"][0]["id"] == new.json()["id"]


def test_a_death_stops_every_contact_and_withdraws_a_call_that_was_not_dialed(house: House, agent: Asking) -> None:
    queues(house)
    plan = a_plan(house, agent)
    with house.rows() as uow:
        patient = uow.patients.get(plan["patient_id"])
        assert patient is not None
        queue = a_queue(uow)
        a_node(uow)
        nurse = an_agent(uow, queue)
        task = a_task(uow, patient, queue)
        uow.flush()
        gate = house.app.state.wiring.gate
        attempt = reserve(uow, task=task, agent_id=nurse.id, node="node-1", gate=gate, now=uow.now)
    answer = agent.post(f"/patients/{plan['patient_id']}/deceased", {"at": now_of(house).isoformat(), **WHY}).json()
    assert answer["tasks_stopped"] == 6
    after = agent.get(f"/plans/{plan['id']}").json()
    assert (after["state"], after["end"], open_steps(after)) == ("cancelled", "deceased", set())
    assert {task["outcome"] for task in after["tasks"]} == {"deceased"}
    with house.rows() as uow:
        call = uow.calls.of_attempt(attempt.id)
        assert call is not None
        assert call.state is CallState.PLANNED
        assert [command.verb for command in uow.calls.commands_for(call.id)] == ["dial", "hang_up"]
        assert uow.plans.task(task.id).state is TaskState.IN_PROGRESS  # type: ignore[union-attr]
    new = {"encounter_id": plan["encounter_id"], "template": "T01", "purpose": "care"}
    assert "has died" in agent.post("/plans", new).json()["reason"]
    future = {"at": (now_of(house) + timedelta(days=1)).isoformat(), **WHY}
    assert agent.post(f"/patients/{plan['patient_id']}/deceased", future).json()["field"] == "at"


def test_two_records_of_one_person_become_one_with_every_row_traced(
    house: House, agent: Asking, supervisor: Asking
) -> None:
    queues(house)
    gone, kept = a_plan(house, agent), a_plan(house, agent)
    with house.rows() as uow:
        one, two = uow.patients.get(gone["patient_id"]), uow.patients.get(kept["patient_id"])
        assert one is not None
        assert two is not None
        one.contact_points[0].number = two.contact_points[0].number
        one.contact_points[0].do_not_call = True
    body = {"into": kept["patient_id"], "reason": "same person, two card numbers"}
    merged = supervisor.post(f"/patients/{gone['patient_id']}/merge", body).json()
    assert (merged["moved"]["plans"], merged["moved"]["tasks"]) == (1, 5)
    assert merged["left_behind"] == {"contact_points": 1}
    assert set(merged["running_plans"]) == {gone["id"], kept["id"]}
    assert {p["id"] for p in agent.get(f"/patients/{kept['patient_id']}/plans").json()["plans"]} == {
        gone["id"],
        kept["id"],
    }
    history = agent.get(f"/plans/{gone['id']}/history").json()["history"]
    assert (history[-1]["change"], history[-1]["detail"]["from"]) == ("merged", gone["patient_id"])
    with house.rows() as uow:
        remaining = uow.patients.get(kept["patient_id"])
        assert remaining is not None
        assert remaining.contact_points[0].do_not_call, "what was known of the number must not be forgotten"
    twice = supervisor.post(f"/patients/{gone['patient_id']}/merge", body)
    assert "another record already" in twice.json()["reason"]
    itself = supervisor.post(f"/patients/{kept['patient_id']}/merge", {"into": kept["patient_id"], "reason": "twice"})
    assert "one record" in itself.json()["reason"]


def test_a_newer_template_changes_no_running_plan_until_somebody_says_so(
    house: House, agent: Asking, supervisor: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    queues(house)
    plan = a_plan(house, agent)
    assert supervisor.get("/plans").json()["plans"] == []
    with house.rows() as uow:
        old = uow.plans.plan_for_update(plan["id"])
        assert old is not None
        old.template_version = 1
        old.steps = [step for step in old.steps if step.key != "day-90"]
        for task in uow.plans.open_tasks_of_plan(old.id):
            if task.step_key == "day-90":
                task.state = TaskState.CANCELLED
    (outdated,) = supervisor.get("/plans").json()["plans"]
    assert (outdated["id"], outdated["template_version"], outdated["newer_version"]) == (plan["id"], 1, 2)
    assert open_steps(agent.get(f"/plans/{plan['id']}").json()) == {"call-48h", "day-7", "day-14", "day-30"}
    agent.post(f"/plans/{plan['id']}/steps/day-14/drop", WHY)
    refused = supervisor.post(f"/plans/{plan['id']}/upgrade", WHY)
    assert "discard_changes" in refused.json()["reason"]
    upgraded = supervisor.post(f"/plans/{plan['id']}/upgrade", {**WHY, "discard_changes": True}).json()
    assert (upgraded["template_version"], upgraded["newer_version"]) == (2, None)
    assert open_steps(upgraded) == {"call-48h", "day-7", "day-14", "day-30", "day-90"}
    assert supervisor.get("/plans").json()["plans"] == []


def test_a_repeating_step_is_planned_once_more_when_it_is_over_and_never_far_ahead(house: House, agent: Asking) -> None:
    queues(house)
    plan = a_plan(house, agent, "T05", days_ago=80)
    quarterly = [task for task in plan["tasks"] if task["step_key"] == "quarterly"]
    assert [task["occurrence"] for task in quarterly] == [0]
    agent.post(f"/tasks/{quarterly[0]['id']}/cancel")
    for _ in range(2):
        with house.rows() as uow:
            follow_closed_tasks(uow, desk=PlanDesk(content=CONTENT, time=HOSPITAL), now=uow.now)
    after = agent.get(f"/plans/{plan['id']}").json()
    again = [task for task in after["tasks"] if task["step_key"] == "quarterly"]
    assert [(task["occurrence"], task["state"]) for task in again] == [(0, "cancelled"), (1, "planned")]
    assert after["state"] == "running"


def test_a_plan_is_complete_when_its_last_contact_is_over(house: House, agent: Asking) -> None:
    queues(house)
    plan = a_plan(house, agent)
    for task in plan["tasks"]:
        agent.post(f"/tasks/{task['id']}/cancel")
    with house.rows() as uow:
        follow_closed_tasks(uow, desk=PlanDesk(content=CONTENT, time=HOSPITAL), now=uow.now)
    assert agent.get(f"/plans/{plan['id']}").json()["state"] == "completed"
