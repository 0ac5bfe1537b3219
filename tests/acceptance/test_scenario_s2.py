"""Scenario S2: blood pressure told over the telephone, the two-week rule, and which rule set a reading goes by."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from care.patients import Patient
from db.users import Role
from followup.plans import Task, TaskState
from scheduler.following import PlanDesk, follow_closed_tasks
from tests.integration.api.house import Asking
from tests.support.builders import HOSPITAL, a_patient, a_queue
from tests.support.scenario import CONTENT, Scenario, in_hospital_time, scenario

ENROLLED = "2026-02-10 15:00"
DESK = PlanDesk(content=CONTENT, time=HOSPITAL)


@pytest.fixture
def played(database_url: str, broker_url: str, tmp_path: Path) -> Iterator[Scenario]:
    with scenario(database_url, broker_url, tmp_path, starts="2026-05-10 09:30") as hospital:
        yield hospital


def in_plan(played: Scenario, **person: Any) -> tuple[Patient, str]:
    """A patient enrolled in T05; the hospital has the queues that it and its rules name."""
    with played.rows() as uow:
        patient = a_patient(uow, **person)
        for name in ("chronic", "clinic-visits", "doctors"):
            if uow.queues.by_name(name) is None:
                a_queue(uow, name=name)
    agent = played.ask(Role.AGENT)
    visit = agent.post(
        f"/patients/{patient.id}/encounters",
        {"department": "全科", "kind": "enrolment", "occurred_at": in_hospital_time(ENROLLED).isoformat()},
    ).json()
    plan = agent.post("/plans", {"encounter_id": visit["id"], "template": "T05", "purpose": "care"})
    assert plan.status_code == 201, plan.text
    return patient, plan.json()["id"]


def open_task(played: Scenario, plan_id: str, step: str) -> Task:
    with played.units() as uow:
        (found,) = [
            task
            for task in uow.plans.tasks_of_plan(plan_id)
            if (task.step_key or "").partition(":")[0] == step
            and task.state in (TaskState.PLANNED, TaskState.DUE, TaskState.QUEUED)
        ]
        return found


def called(played: Scenario, at: str, task: Task, **answers: object) -> None:
    """A nurse logged in at this hour calls for the task, writes the answers down and wraps up."""
    played.move_to(at)
    nurse = played.ask(Role.AGENT)
    with played.rows() as uow:
        desk = uow.queues.agent_for_update(nurse.user_id)
        assert desk is not None
        desk.queues = [task.queue_id]
    played.seat(nurse.user_id, "+8659155501001")
    played.turn()
    played.bridged(task)
    attempt_id = played.attempt_of(task).id
    identity = {"person": "patient", "identifiers": ["name", "born"]}
    assert nurse.post(f"/attempts/{attempt_id}/identity", identity).status_code == 200
    for item, value in answers.items():
        saved = nurse.put(f"/attempts/{attempt_id}/answers/{item}", {"value": value})
        assert saved.status_code == 200, saved.text
    played.place.decided(played.place.ask("hang_up", played.call_of(task).id))
    played.ended(task)
    done = {"outcome": "connected-patient", "task_result": "completed"}
    wrapped = nurse.post(f"/attempts/{attempt_id}/wrap-up", done)
    assert wrapped.status_code == 200, wrapped.text
    played.turn()
    with played.rows() as uow:
        follow_closed_tasks(uow, desk=DESK, now=uow.now)


def results(played: Scenario, patient: Patient) -> Any:
    agent = played.ask(Role.AGENT)
    answer = agent.get(f"/patients/{patient.id}/follow-up-results", params={"topic": "hypertension", "year": 2026})
    return answer.json()


def measured(agent: Asking, plan_id: str, at: str, **answers: object) -> Any:
    body = {"taken_at": in_hospital_time(at).isoformat(), "way": "face_to_face", "answers": answers}
    entered = agent.post(f"/plans/{plan_id}/results", body)
    assert entered.status_code == 201, entered.text
    return entered.json()


def test_two_readings_in_a_row_that_are_too_high_lead_to_a_referral_within_two_weeks(played: Scenario) -> None:
    patient, plan_id = in_plan(played, name="赵卫东", born=date(1968, 1, 1), sex="male")
    called(played, "2026-05-10 09:31", open_task(played, plan_id, "quarterly"), systolic=134, diastolic=82)
    (first,) = results(played, patient)["results"]
    assert (first["control"], first["rule_set"], first["way"]) == ("controlled", "BPHS-2017", "telephone")
    quarterly = open_task(played, plan_id, "quarterly")
    assert quarterly.occurrence == 1
    assert quarterly.latest_at == in_hospital_time("2026-08-10 15:00")

    called(played, "2026-08-10 09:30", quarterly, systolic=152, diastolic=94)
    second = results(played, patient)["results"][0]
    assert second["control"] == "first_uncontrolled"
    assert second["because"] == ["systolic 152", "diastolic 94"]
    assert second["tag"] is None
    doctor = open_task(played, plan_id, "doctor-review")
    with played.units() as uow:
        queue = uow.queues.get(doctor.queue_id)
        assert queue is not None
        assert queue.name == "doctors"
    check = open_task(played, plan_id, "check")
    assert check.latest_at <= in_hospital_time("2026-08-24 23:59")

    called(played, "2026-08-22 09:30", check, systolic=148, diastolic=92)
    told = results(played, patient)
    third = told["results"][0]
    assert (third["control"], third["tag"]) == ("repeatedly_uncontrolled", "HTN-uncontrolled")
    assert third["because"] == ["systolic 148", "diastolic 92"]
    assert open_task(played, plan_id, "referral-advice").latest_at <= in_hospital_time("2026-08-25 23:59")
    assert open_task(played, plan_id, "referral-check").latest_at <= in_hospital_time("2026-09-05 23:59")
    assert (told["counts"]["telephone"], told["counts"]["face_to_face"]) == (3, 0)
    history = played.ask(Role.AGENT).get(f"/plans/{plan_id}/history").json()["history"]
    replanned = [line["detail"]["control"] for line in history if line["change"] == "replanned"]
    assert replanned == ["controlled", "first_uncontrolled", "repeatedly_uncontrolled"]


def test_an_emergency_value_is_referred_and_a_symptom_makes_it_red(played: Scenario) -> None:
    agent = played.ask(Role.AGENT)
    for symptoms, level in (({}, "amber"), ({"headache": True}, "red")):
        patient, plan_id = in_plan(played, born=date(1968, 1, 1))
        result = measured(agent, plan_id, "2026-05-10 09:00", systolic=182, diastolic=112, **symptoms)
        assert result["control"] == "emergency"
        advice, check = (open_task(played, plan_id, step) for step in ("referral-advice", "referral-check"))
        assert advice.latest_at <= in_hospital_time("2026-05-11 09:00")
        assert check.latest_at <= in_hospital_time("2026-05-24 09:00")
        alerts = [a for a in agent.get("/alerts").json()["alerts"] if a["patient_id"] == patient.id]
        assert [alert["level"] for alert in alerts] == [level]


def test_another_rule_set_counts_from_its_day_on_and_every_reading_names_the_one_it_went_by(
    played: Scenario,
) -> None:
    played.move_to("2026-09-02 10:00")
    agent, admin = played.ask(Role.AGENT), played.ask(Role.ADMIN)
    choice = {
        "topic": "hypertension",
        "rule_set": "NHC-primary-2025",
        "effective_from": "2026-09-01",
        "reason": "the clinic follows the guideline from September on",
    }
    assert admin.post("/follow-up-rules/choices", choice).status_code == 201
    unknown = admin.post("/follow-up-rules/choices", {**choice, "rule_set": "NHC-1999"})
    assert "BPHS-2017, NHC-primary-2025" in unknown.json()["reason"]
    _, plan_id = in_plan(played, born=date(1968, 1, 1))
    before = measured(agent, plan_id, "2026-08-31 09:00", systolic=134, diastolic=82)
    after = measured(agent, plan_id, "2026-09-01 09:00", systolic=134, diastolic=82)
    assert (before["control"], before["rule_set"]) == ("controlled", "BPHS-2017")
    assert (after["control"], after["rule_set"]) == ("first_uncontrolled", "NHC-primary-2025")
    _, older = in_plan(played, born=date(1960, 3, 1), sex="female")
    assert measured(agent, older, "2026-08-31 09:00", systolic=146, diastolic=86)["control"] == "controlled"
    assert measured(agent, older, "2026-09-01 09:00", systolic=146, diastolic=86)["control"] == "first_uncontrolled"
