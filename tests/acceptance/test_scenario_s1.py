"""Scenario S1: a discharge after a coronary intervention, from its message on the wire to a closed red alert.

The message comes over a socket, twice; what follows is done by the worker's own tasks, and by people where it says so.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from db.users import Role
from followup.alerts import AlertEventKind
from followup.feeds import FeedState
from followup.outcomes import TaskOutcome
from followup.plans import Plan, PlanState, Task, TaskState
from runtime.embedded import Engines
from runtime.settings import Settings
from scheduler.alert_clock import AlertDesk, take_due_steps
from scheduler.roster_rule import RosterRule
from tests.integration.api.house import Asking
from tests.support.feeds import Sender, adt, pid
from tests.support.scenario import CONTENT, Scenario, in_hospital_time, scenario
from tests.support.working_hospital import a_roster, settings_of, settle, working

CARDIOLOGY = "心内科"
DISCHARGED = "2026-11-20 10:00"
ID_NUMBER = "990101195804123019"
PHONE = "19900000001"
P1 = pid("K-1001", card=ID_NUMBER, phone=PHONE)
DUTY = {"nurse": "+8619900000091", "doctor": "+8619900000092", "head": "+8619900000093"}
DESK = AlertDesk.of(Settings(), CONTENT)


@pytest.fixture
def played(database_url: str, broker_url: str, tmp_path: Path) -> Iterator[Scenario]:
    with scenario(database_url, broker_url, tmp_path, starts="2026-11-20 10:05") as hospital:
        app = hospital.house.app
        app.state.wiring = replace(app.state.wiring, roster=RosterRule.of(CONTENT))
        yield hospital


@pytest.fixture
def settings(played: Scenario, engines: Engines) -> Settings:
    return settings_of(played, engines)


@pytest.fixture
def his(played: Scenario, settings: Settings) -> Iterator[Sender]:
    """The hospital's system, on the wire."""
    with working(played, settings) as sender:
        yield sender


@pytest.fixture
def patient_id(played: Scenario) -> str:
    """P1, whose card was opened on the ward and who agreed to be called, recorded and called by a machine."""
    opened = played.ask(Role.REGISTRAR).post(
        "/cards",
        {
            "name": "王建国",
            "synthetic": True,
            "identifiers": [{"kind": "id_card", "value": ID_NUMBER}],
            "contact_points": [{"number": f"+86{PHONE}"}],
            "consents": [
                {"purpose": "care", "scope": scope, "granted": True}
                for scope in ("phone", "automated_phone", "recording")
            ],
        },
    )
    assert opened.status_code == 201, opened.text
    return str(opened.json()["patient_id"])


def discharge(trigger: str, control: str, told: str) -> str:
    others = (
        "DG1|1||I25.103^冠状动脉粥样硬化性心脏病^I10|||F",
        "PR1|1||36.0601^冠状动脉药物洗脱支架置入术",
        "ZPI|1|胸痛中心",
    )
    at, discharged = in_hospital_time(told), in_hospital_time(DISCHARGED)
    return adt(trigger, control, at=at, person=P1, visit="ZY2026-77", discharged=discharged, others=others)


def on_duty(played: Scenario) -> None:
    a_roster(played.ask(Role.SUPERVISOR), CARDIOLOGY, DUTY, since="2026-11-20 08:00", until="2026-11-27 08:00")


def the_plan(played: Scenario, patient_id: str) -> tuple[Plan, list[Task]]:
    """The only one."""
    with played.units() as uow:
        (plan,) = uow.plans.plans_of_patient(patient_id)
        return plan, sorted(uow.plans.tasks_of_plan(plan.id), key=lambda task: task.target_at)


def discharged(played: Scenario, his: Sender, settings: Settings, patient_id: str) -> tuple[Plan, list[Task]]:
    """He went home, as the hospital's system tells twice; his plan."""
    on_duty(played)
    text = discharge("A03", "MSG-1", DISCHARGED)
    assert [his.ask(text), his.ask(text)] == ["AA MSG-1", "AA MSG-1"]
    settle(played, settings)
    return the_plan(played, patient_id)


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
    attempt_id = played.attempt_of(task).id
    # The queue shows her the patient first; she rings when she has read.
    assert nurse.post(f"/attempts/{attempt_id}/dial").status_code in {200, 202}
    played.bridged(task)
    return nurse, attempt_id


def test_the_discharge_sent_twice_is_one_plan_with_the_windows_of_its_template_and_what_came_is_kept(
    played: Scenario, his: Sender, settings: Settings, patient_id: str
) -> None:
    plan, tasks = discharged(played, his, settings, patient_id)
    assert (plan.template_id, plan.anchor_at, plan.state) == (
        "T03",
        in_hospital_time(DISCHARGED),
        PlanState.RUNNING,
    )
    assert [tasks[0].earliest_at, tasks[0].target_at, tasks[0].latest_at] == [
        in_hospital_time(at) for at in ("2026-11-21 10:00", "2026-11-22 10:00", "2026-11-23 10:00")
    ]
    assert [task.step_key for task in tasks] == [
        *("call-48h", "clinic", "month-1", "lipids", "month-3", "month-6", "month-12"),
    ]
    clinic = tasks[1]
    days = timedelta(days=1)
    assert 7 * days <= clinic.target_at - in_hospital_time(DISCHARGED) <= 14 * days
    overseer = played.ask(Role.SUPERVISOR)
    (message,) = overseer.get("/feeds/messages").json()["messages"]
    assert (message["state"], message["times"], message["patient_id"]) == (FeedState.APPLIED, 2, patient_id)
    assert "ZPI|1|胸痛中心" in overseer.get(f"/feeds/messages/{message['id']}/content").text
    kinds = {item["kind"] for item in overseer.get(f"/patients/{patient_id}/timeline").json()["items"]}
    assert {"visit", "condition", "procedure", "plan", "consent"} <= kinds


def test_no_plan_that_asks_about_danger_begins_before_somebody_is_on_duty_and_the_refusal_is_seen(
    played: Scenario, his: Sender, settings: Settings, patient_id: str
) -> None:
    assert his.ask(discharge("A03", "MSG-1", DISCHARGED)) == "AA MSG-1"
    settle(played, settings)
    overseer = played.ask(Role.SUPERVISOR)
    (refusal,) = overseer.get("/feeds/refusals").json()["refusals"]
    for word in (CARDIOLOGY, "nurse", "doctor", "head", "2026-11-20 10:05", "2026-11-21 10:05", "/api/v1/duty/shifts"):
        assert word in refusal["told"]
    with played.units() as uow:
        assert not uow.plans.plans_of_patient(patient_id)
    on_duty(played)
    asked = {"encounter_id": refusal["encounter_id"], "template": "T03", "purpose": "care"}
    nurse = played.ask(Role.AGENT)
    made, again = nurse.post("/plans", asked), nurse.post("/plans", asked)
    assert (made.status_code, again.status_code) == (201, 200)
    assert made.json()["id"] == again.json()["id"] == the_plan(played, patient_id)[0].id


def test_a_red_answer_is_cared_for_by_a_person_before_the_task_may_end(
    played: Scenario, his: Sender, settings: Settings, patient_id: str
) -> None:
    task = discharged(played, his, settings, patient_id)[1][0]
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
    assert (alert["level"], alert["code"], alert["patient_id"]) == ("red", "chest_pain", patient_id)
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


def test_a_patient_who_is_off_the_line_is_rung_back_by_a_person_until_the_outcome_is_typed(
    played: Scenario, his: Sender, settings: Settings, patient_id: str
) -> None:
    task = discharged(played, his, settings, patient_id)[1][0]
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
            patient_id,
            0,
            timedelta(hours=1),
        )
    nurse.post(f"/alerts/{alert['id']}/acknowledge")
    nurse.post(f"/alerts/{alert['id']}/outcome", {"outcome": "advised", "text": "家属已送医"})
    assert state_of(played, back) == (TaskState.CANCELLED, TaskOutcome.CANCELLED)


def test_a_discharge_that_was_none_cancels_every_task_before_the_call(
    played: Scenario, his: Sender, settings: Settings, patient_id: str
) -> None:
    discharged(played, his, settings, patient_id)
    assert his.ask(discharge("A13", "MSG-2", "2026-11-20 15:00")) == "AA MSG-2"
    settle(played, settings)
    plan, tasks = the_plan(played, patient_id)
    assert (plan.state, {task.state for task in tasks}) == (PlanState.CANCELLED, {TaskState.CANCELLED})
    assert his.ask(discharge("A03", "MSG-1", DISCHARGED)) == "AA MSG-1", "the first message comes once more, late"
    settle(played, settings)
    assert the_plan(played, patient_id)[0].state is PlanState.CANCELLED


def test_who_is_in_hospital_again_is_left_alone_until_the_admission_turns_out_to_be_none(
    played: Scenario, his: Sender, settings: Settings, patient_id: str
) -> None:
    discharged(played, his, settings, patient_id)
    played.move_to("2026-11-21 09:00")
    at = in_hospital_time("2026-11-21 08:50")
    assert his.ask(adt("A01", "MSG-3", at=at, person=P1, visit="ZY2026-91", admitted=at)) == "AA MSG-3"
    settle(played, settings)
    played.move_to("2026-11-21 15:00")
    settle(played, settings)
    plan, tasks = the_plan(played, patient_id)
    assert plan.state is PlanState.PAUSED
    with played.units() as uow:
        assert not any(uow.attempts.of_task(task.id) for task in tasks), "somebody in hospital was rung at home"
    later = in_hospital_time("2026-11-21 15:10")
    assert his.ask(adt("A11", "MSG-4", at=later, person=P1, visit="ZY2026-91", admitted=at)) == "AA MSG-4"
    settle(played, settings)
    plan, tasks = the_plan(played, patient_id)
    assert plan.state is PlanState.RUNNING
    open_tasks = [task for task in tasks if task.state is not TaskState.CANCELLED]
    assert "call-48h" in [task.step_key for task in open_tasks]
