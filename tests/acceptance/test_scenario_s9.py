"""Scenario S9: low spirits at night, told on a page. Numbers to call at once, a red alert, a person, and no husband."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from care.consent import Purpose
from care.patients import Patient
from db.users import Role
from followup.attempts import Attempt, AttemptState
from followup.calls import CallState
from followup.plans import Task, TaskMode
from runtime.settings import Settings
from scheduler.alert_clock import AlertDesk, take_due_steps
from tests.integration.api.house import Asking
from tests.support.builders import a_call, a_patient, a_queue, a_task, an_attempt
from tests.support.scenario import CONTENT, Scenario, scenario

HOSPITAL = "海澜市第一人民医院"
NUMBER = "0591-5550100"
SIXTEEN = [2, 2, 2, 2, 2, 2, 2, 1]  # and 1 on the ninth
AT_NIGHT = "2026-11-22 22:40"


@pytest.fixture
def played(database_url: str, broker_url: str, tmp_path: Path) -> Iterator[Scenario]:
    with scenario(database_url, broker_url, tmp_path, starts=AT_NIGHT) as hospital:
        app = hospital.house.app
        app.state.wiring = replace(
            app.state.wiring, hospital_name=HOSPITAL, call_back_number=NUMBER, public_url="https://example.invalid"
        )
        yield hospital


def chen_fang(played: Scenario) -> tuple[Patient, Task]:
    """P3, with a task that asks the nine questions on the 42nd day."""
    with played.rows() as uow:
        patient = a_patient(uow, name="陈芳", sex="female", born=date(1996, 6, 20))
        return patient, a_task(uow, patient, a_queue(uow, purpose=Purpose.CARE), form="phq9")


def a_link(nurse: Asking, task: Task) -> tuple[str, str]:
    """The response's id and the path of the patient's page."""
    response = nurse.put(f"/tasks/{task.id}/responses/phq9").json()
    made = nurse.post(f"/responses/{response['id']}/links", {})
    assert made.status_code == 201, made.text
    return response["id"], made.json()["address"].removeprefix("https://example.invalid")


class Page:
    """A telephone's browser without JavaScript."""

    def __init__(self, played: Scenario, path: str) -> None:
        self._client = TestClient(played.house.app, raise_server_exceptions=False)
        self._path = path

    def opened(self) -> Any:
        return self._client.get(self._path)

    def says_birthday(self, month: int, day: int) -> Any:
        return self._client.post(f"{self._path}/identity", data={"month": str(month), "day": str(day)})

    def answers(self, number: int, value: object) -> Any:
        return self._client.post(f"{self._path}/{number}", data={"answer": str(value)})

    def sends(self) -> Any:
        return self._client.post(f"{self._path}/end")


def red(nurse: Asking, response_id: str) -> list[dict[str, Any]]:
    alerts = nurse.get("/alerts").json()["alerts"]
    return [each for each in alerts if each["level"] == "red" and each["code"] == "thoughts_of_self_harm"]


def test_a_page_at_night_shows_the_numbers_at_once_and_raises_a_red_alert_for_a_person(played: Scenario) -> None:
    nurse = played.ask(Role.AGENT, Role.SUPERVISOR)
    patient, task = chen_fang(played)
    response_id, path = a_link(nurse, task)
    page = Page(played, path)

    first = page.opened()
    assert first.status_code == 200
    for told in ("陈芳", "PHQ", "phq", "抑郁", "产后", "心情"):
        assert told not in first.text, told
        assert told not in path
    assert re.search(r"<title>([^<]+)</title>", first.text).group(1) == "随访问卷"  # type: ignore[union-attr]
    assert "<script" not in first.text
    assert "做事时" not in page.answers(1, 2).text, "questions are shown to somebody who has not said the birthday"
    assert "不对" in page.says_birthday(6, 21).text
    assert "做事时提不起劲" in page.says_birthday(6, 20).text
    assert page.answers(1, "").text.count("请先选择") == 1
    for number, value in enumerate(SIXTEEN, start=1):
        shown = page.answers(number, value).text
        assert "12356" not in shown
    shown = page.answers(9, 1).text
    for told in ("tel:120", "tel:12356", NUMBER, "不必独自承受"):
        assert told in shown

    alert = red(nurse, response_id)
    assert len(alert) == 1
    assert alert[0]["patient_id"] == patient.id
    assert "多大困难" in shown, "the next question opens because of what was answered"
    assert "提交" in page.answers(10, "somewhat").text
    assert "谢谢" in page.sends().text

    whole = nurse.get(f"/responses/{response_id}").json()
    assert (whole["state"], whole["completed_mode"]) == ("completed", "link")
    assert [(each["mode"], each["by"]) for each in whole["history"]] == [("link", None)] * 10
    score = nurse.get(f"/patients/{patient.id}/observations").json()["observations"][0]
    assert (score["code"], score["value"], score["band"]) == ("phq9.total", 16, "moderately_severe")
    assert score["response_id"] == response_id
    assert page.answers(9, 0).text.count("谢谢") == 1, "complete answers are not changed by the page"
    refused = nurse.put(f"/responses/{response_id}/answers/phq9_9", {"value": "0"})
    assert (refused.status_code, refused.json()["code"]) == (409, "not_possible_now")
    assert len(red(nurse, response_id)) == 1


def test_a_person_and_no_machine_rings_her_at_night_because_of_the_alert(played: Scenario) -> None:
    nurse = played.ask(Role.AGENT, Role.SUPERVISOR)
    patient, task = chen_fang(played)
    with played.rows() as uow:
        desk = uow.queues.agent_for_update(nurse.user_id)
        assert desk is not None
        desk.queues = [task.queue_id]
    played.seat(nurse.user_id, "+8659155501001")
    played.turn()
    with played.units() as uow:
        assert not uow.attempts.of_task(task.id), "an ordinary call leaves after ten at night"
    _, path = a_link(nurse, task)
    page = Page(played, path)
    page.opened()
    page.says_birthday(6, 20)
    page.answers(9, 1)

    with played.rows() as uow:
        assert take_due_steps(uow, AlertDesk.of(Settings(), CONTENT), now=uow.now) == 1
    played.turn()
    with played.units() as uow:
        attempt = uow.attempts.live_of_agent(nurse.user_id)
        assert attempt is not None
        urgent = uow.plans.task(attempt.task_id)
        assert urgent is not None
        assert (urgent.mode, urgent.patient_id, urgent.priority) == (TaskMode.AGENT, patient.id, 0)
        verdict = str(attempt.gate)
        assert urgent.variables["emergency"] in verdict, "the reason is kept with the verdict"
        assert "outside_hours" in verdict
    played.bridged(urgent)
    script = nurse.get("/agents/me/call").json()["script"]
    assert [line["key"] for line in script["lines"]][:3] == ["notice", "identity", "safety"]


def test_the_ninth_question_goes_to_the_counsellors_where_there_are_any(played: Scenario) -> None:
    nurse = played.ask(Role.AGENT, Role.SUPERVISOR)
    _, task = chen_fang(played)
    with played.rows() as uow:
        counsellors = a_queue(uow, name="counsellors", purpose=Purpose.CARE)
    response_id, path = a_link(nurse, task)
    page = Page(played, path)
    page.says_birthday(6, 20)
    page.answers(9, 1)
    with played.rows() as uow:
        assert take_due_steps(uow, AlertDesk.of(Settings(), CONTENT), now=uow.now) == 1
    (alert,) = red(nurse, response_id)
    with played.units() as uow:
        call_back = uow.plans.task(alert["call_back_task_id"])
        assert call_back is not None
        assert (call_back.queue_id, call_back.mode) == (counsellors.id, TaskMode.AGENT)
        assert call_back.queue_id != task.queue_id


def test_eight_answers_make_no_score_but_the_ninth_question_alone_raises_the_alert(played: Scenario) -> None:
    nurse = played.ask(Role.AGENT, Role.SUPERVISOR)
    patient, task = chen_fang(played)
    response_id, path = a_link(nurse, task)
    page = Page(played, path)
    page.opened()
    page.says_birthday(6, 20)
    for number in range(1, 8):
        page.answers(number, 0)
    assert "12356" in page.answers(9, 1).text
    assert "还有几个问题" in page.sends().text
    whole = nurse.get(f"/responses/{response_id}").json()
    assert (whole["state"], whole["missing"]) == ("in-progress", ["phq9_8"])
    assert whole["scores"][0]["state"] == "incomplete"
    assert whole["scores"][0]["value"] is None
    assert nurse.get(f"/patients/{patient.id}/observations").json()["observations"] == []
    assert len(red(nurse, response_id)) == 1


def spoken_with(played: Scenario, nurse: Asking, patient: Patient, task: Task) -> Attempt:
    with played.rows() as uow:
        attempt = an_attempt(uow, task, agent_id=nurse.user_id, state=AttemptState.IN_CALL)
        a_call(uow, attempt, state=CallState.BRIDGED, ended_at=None, end_reason=None, party=None)
    return attempt


def test_the_husband_is_told_nothing(played: Scenario) -> None:
    nurse = played.ask(Role.AGENT, Role.SUPERVISOR)
    patient, task = chen_fang(played)
    _, path = a_link(nurse, task)
    page = Page(played, path)
    page.opened()
    page.says_birthday(6, 20)
    page.answers(1, 3)
    attempt = spoken_with(played, nurse, patient, task)

    assert nurse.get("/agents/me/call").json()["response"] is None, "answers are shown before anybody said who he is"
    husband = {"name": "林强", "relation": "丈夫", "scope": ["psychology"]}
    refused = nurse.post(f"/attempts/{attempt.id}/relative", husband)
    assert (refused.status_code, refused.json()["field"]) == (409, "scope")
    recorded = nurse.post(f"/attempts/{attempt.id}/relative", {**husband, "scope": [], "number_is_theirs": True})
    assert recorded.status_code == 201, recorded.text
    said = nurse.post(
        f"/attempts/{attempt.id}/identity",
        {
            "person": "proxy",
            "relative_id": recorded.json()["id"],
            "identifiers": ["name", "born_month_day", "age"],
        },
    ).json()
    assert (said["speaker"], said["may_be_told"]) == ("relative", ["general"])
    hand = nurse.get("/agents/me/call").json()
    assert hand["response"]["answers"] == {}
    assert hand["response"]["enabled"] == []
    assert hand["response"]["scores"] == []
    assert set(hand["skipped"].values()) == {"not-for-relatives"}
    answered = nurse.put(f"/attempts/{attempt.id}/answers/phq9_2", {"value": "0"})
    assert (answered.status_code, answered.json()["code"]) == (422, "answer_refused")
    assert "not-for-relatives" in answered.json()["reason"]
