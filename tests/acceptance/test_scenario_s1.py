"""Scenario S1: a discharge after a coronary intervention, a call in hours, a red alert, and nothing closed too soon."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from care.patients import Patient
from db.users import Role
from followup.alerts import AlertEventKind
from followup.outcomes import TaskOutcome
from followup.plans import Task, TaskState
from runtime.settings import Settings
from scheduler.alert_clock import AlertDesk, begin_alert, take_due_steps
from scheduler.roster_rule import RosterRule
from tests.integration.api.house import Asking
from tests.support.builders import a_patient, a_queue
from tests.support.scenario import CONTENT, Scenario, in_hospital_time, scenario

CARDIOLOGY = "心内科"
DISCHARGED = "2026-11-20 10:00"
DUTY = {"nurse": "+8619900000091", "doctor": "+8619900000092", "head": "+8619900000093"}
DESK = AlertDesk.of(Settings(), CONTENT)


@pytest.fixture
def played(database_url: str, broker_url: str, tmp_path: Path) -> Iterator[Scenario]:
    with scenario(database_url, broker_url, tmp_path, starts="2026-11-20 10:05") as hospital:
        app = hospital.house.app
        app.state.wiring = replace(app.state.wiring, roster=RosterRule.of(CONTENT))

        def tell_whoever_is_on_duty(alert_id: str) -> None:
            with hospital.rows() as uow:
                begin_alert(uow, DESK, alert_id, now=uow.now)

        hospital.follow_ups["scheduler.begin_alert"] = tell_whoever_is_on_duty
        yield hospital


def wang_jianguo(played: Scenario) -> tuple[Patient, str]:
    """P1, just discharged; the hospital has the queues that T03 names."""
    with played.rows() as uow:
        patient = a_patient(uow, name="王建国")
        for name in ("discharge", "clinic-visits"):
            a_queue(uow, name=name)
    visit = played.ask(Role.AGENT).post(
        f"/patients/{patient.id}/encounters",
        {"department": CARDIOLOGY, "kind": "discharge", "occurred_at": in_hospital_time(DISCHARGED).isoformat()},
    )
    return patient, str(visit.json()["id"])


def the_plan(played: Scenario, encounter_id: str) -> Any:
    return played.ask(Role.AGENT).post("/plans", {"encounter_id": encounter_id, "template": "T03", "purpose": "care"})


def a_roster(played: Scenario) -> None:
    shifts = [
        {
            "department": CARDIOLOGY,
            "role": role,
            "name": role,
            "phone": phone,
            "starts_at": in_hospital_time("2026-11-20 08:00").isoformat(),
            "ends_at": in_hospital_time("2026-11-27 08:00").isoformat(),
        }
        for role, phone in DUTY.items()
    ]
    assert played.ask(Role.SUPERVISOR).post("/duty/shifts", {"shifts": shifts}).status_code == 201


def call_task(played: Scenario, plan_id: str) -> Task:
    with played.units() as uow:
        return next(task for task in uow.plans.tasks_of_plan(plan_id) if task.step_key == "call-48h")


def told(played: Scenario, alert_id: str) -> list[str]:
    with played.units() as uow:
        return [str(line.detail["role"]) for line in uow.alerts.story(alert_id) if line.kind is AlertEventKind.TOLD]


def seen_by_the_clock(played: Scenario, at: str) -> None:
    played.move_to(at)
    with played.rows() as uow:
        take_due_steps(uow, DESK, now=uow.now)


def state_of(played: Scenario, task: Task) -> tuple[TaskState, TaskOutcome | None]:
    with played.units() as uow:
        found = uow.plans.task(task.id)
        assert found is not None
        return found.state, found.outcome


def on_the_line(played: Scenario, task: Task) -> tuple[Asking, str]:
    """A nurse at her desk has the patient on the line; the attempt."""
    nurse = played.ask(Role.AGENT)
    with played.rows() as uow:
        desk = uow.queues.agent_for_update(nurse.user_id)
        assert desk is not None
        desk.queues = [task.queue_id]
    played.seat(nurse.user_id, "+8659155501001")
    played.turn()
    played.bridged(task)
    return nurse, played.attempt_of(task).id


def test_no_plan_that_asks_about_danger_begins_before_somebody_is_on_duty_and_told_twice_it_is_one(
    played: Scenario,
) -> None:
    _, encounter_id = wang_jianguo(played)
    refused = the_plan(played, encounter_id)
    assert (refused.status_code, refused.json()["code"]) == (409, "plan_not_possible")
    for word in (CARDIOLOGY, "nurse", "doctor", "head", "2026-11-20 10:05", "2026-11-21 10:05", "/api/v1/duty/shifts"):
        assert word in refused.json()["reason"]
    a_roster(played)
    made, again = the_plan(played, encounter_id), the_plan(played, encounter_id)
    assert (made.status_code, again.status_code) == (201, 200)
    assert made.json()["id"] == again.json()["id"]
    task = call_task(played, made.json()["id"])
    assert [task.earliest_at, task.target_at, task.latest_at] == [
        in_hospital_time(at) for at in ("2026-11-21 10:00", "2026-11-22 10:00", "2026-11-23 10:00")
    ]
    with played.units() as uow:
        steps = {each.step_key for each in uow.plans.tasks_of_plan(made.json()["id"])}
    assert {"call-48h", "clinic", "month-1", "month-3", "month-6", "month-12"} <= steps


def test_a_red_answer_is_cared_for_by_a_person_before_the_task_may_end(played: Scenario) -> None:
    patient, encounter_id = wang_jianguo(played)
    a_roster(played)
    task = call_task(played, the_plan(played, encounter_id).json()["id"])
    played.move_to("2026-11-22 08:00")
    played.turn()
    with played.units() as uow:
        assert not uow.attempts.of_task(task.id), "somebody was rung before the hours"

    played.move_to("2026-11-22 09:30")
    nurse, attempt_id = on_the_line(played, task)
    identity = {"person": "patient", "identifiers": ["name", "born"]}
    assert nurse.post(f"/attempts/{attempt_id}/identity", identity).status_code == 200
    for item, value in (("new_symptoms", "胸口压着疼二十分钟"), ("chest_pain", True)):
        saved = nurse.put(f"/attempts/{attempt_id}/answers/{item}", {"value": value})
        assert saved.status_code == 200, saved.text
    played.turn()
    (alert,) = nurse.get("/alerts").json()["alerts"]
    assert (alert["level"], alert["code"], alert["patient_id"]) == ("red", "chest_pain", patient.id)
    assert "请立即拨打120" in alert["advice"]["zh"]
    assert told(played, alert["id"]) == ["nurse"]
    assert nurse.get(f"/alerts/{alert['id']}").json()["department"] == CARDIOLOGY

    played.place.decided(played.place.ask("hang_up", played.call_of(task).id))
    played.ended(task)
    done = {"outcome": "connected-patient", "task_result": "completed"}
    assert nurse.post(f"/attempts/{attempt_id}/wrap-up", done).json()["code"] == "answers_missing"
    wrapped = nurse.post(f"/attempts/{attempt_id}/wrap-up", {**done, "partial": True})
    assert wrapped.status_code == 200, wrapped.text
    played.turn()
    assert state_of(played, task) == (TaskState.IN_PROGRESS, None), "the task ended before its alert"

    seen_by_the_clock(played, "2026-11-22 09:34")
    assert told(played, alert["id"]) == ["nurse"]
    seen_by_the_clock(played, "2026-11-22 09:36")
    assert told(played, alert["id"]) == ["nurse", "doctor"]
    seen_by_the_clock(played, "2026-11-22 09:46")
    seen_by_the_clock(played, "2026-11-22 09:47")
    assert told(played, alert["id"]) == ["nurse", "doctor", "head"]
    with played.units() as uow:
        messages = uow.messages.page(state=None, after=None, limit=20)
        duty = [message for message in messages if message.address in DUTY.values()]
        assert len(duty) == 3
        assert not any(word in message.text for message in duty for word in ("王建国", "胸", "疼"))

    doctor = played.ask(Role.SUPERVISOR)
    path, outcome = f"/alerts/{alert['id']}", {"outcome": "emergency-services", "text": "120已接走"}
    assert doctor.post(f"{path}/outcome", outcome).status_code == 409
    assert doctor.post(f"{path}/acknowledge").status_code == 200
    seen_by_the_clock(played, "2026-11-22 10:30")
    played.turn()
    assert state_of(played, task) == (TaskState.IN_PROGRESS, None)
    closed = doctor.post(f"{path}/outcome", outcome).json()
    assert (closed["state"], closed["outcome"]) == ("closed", "emergency-services")
    assert state_of(played, task) == (TaskState.PARTIALLY_COMPLETED, TaskOutcome.PARTIALLY_COMPLETED)
    assert told(played, alert["id"]) == ["nurse", "doctor", "head"]
    assert [line["kind"] for line in closed["story"] if line["kind"] != "told"] == [
        "raised",
        "overdue",
        "acknowledged",
        "closed",
    ]


def test_a_patient_who_is_off_the_line_is_rung_back_by_a_person_until_the_outcome_is_typed(played: Scenario) -> None:
    patient, encounter_id = wang_jianguo(played)
    a_roster(played)
    task = call_task(played, the_plan(played, encounter_id).json()["id"])
    played.move_to("2026-11-22 09:30")
    nurse, attempt_id = on_the_line(played, task)
    played.place.decided(played.place.ask("hang_up", played.call_of(task).id))
    played.ended(task)
    pressed = {"code": "chest_pain", "level": "red", "text": "挂断前说胸口疼"}
    alert = nurse.post(f"/attempts/{attempt_id}/alerts", pressed).json()
    played.turn()
    full = nurse.get(f"/alerts/{alert['id']}").json()
    with played.units() as uow:
        back = uow.plans.task(full["call_back_task_id"])
        assert back is not None
        assert (back.patient_id, back.priority, back.latest_at - back.earliest_at) == (
            patient.id,
            0,
            timedelta(hours=1),
        )
    nurse.post(f"/alerts/{alert['id']}/acknowledge")
    nurse.post(f"/alerts/{alert['id']}/outcome", {"outcome": "advised", "text": "家属已送医"})
    assert state_of(played, back) == (TaskState.CANCELLED, TaskOutcome.CANCELLED)


def test_a_discharge_that_was_none_cancels_every_task_and_one_in_hospital_again_is_left_alone(
    played: Scenario,
) -> None:
    patient, encounter_id = wang_jianguo(played)
    a_roster(played)
    plan_id = the_plan(played, encounter_id).json()["id"]
    task = call_task(played, plan_id)

    played.move_to("2026-11-21 09:00")
    paused = played.ask(Role.AGENT).post(f"/patients/{patient.id}/readmitted", {"reason": "再次入院"})
    assert paused.json()["plans"] == [plan_id]
    played.move_to("2026-11-21 15:00")
    played.turn()
    nurse = played.ask(Role.AGENT)
    assert nurse.get(f"/plans/{plan_id}").json()["state"] == "paused"
    with played.units() as uow:
        assert not uow.attempts.of_task(task.id), "somebody in hospital was rung at home"

    nurse.post(f"/patients/{patient.id}/home-again", {"reason": "出院"})
    cancelled = nurse.post(f"/encounters/{encounter_id}/cancelled", {"reason": "出院登记有误"})
    assert cancelled.json()["plans"] == [plan_id]
    with played.units() as uow:
        states = {each.state for each in uow.plans.tasks_of_plan(plan_id)}
    assert states == {TaskState.CANCELLED}
