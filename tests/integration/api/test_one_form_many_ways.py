"""One form by keys, agent, link and paper: the same result, no low score from missing answers, nobody asked twice."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from care.consent import Purpose
from care.responses import ResponseMode
from db.users import Role
from followup.outcomes import TaskOutcome
from followup.plans import Task, TaskMode, TaskState
from tests.integration.api.house import Asking, House, open_house
from tests.support.builders import a_patient, a_queue, a_task
from tests.support.keyed_calls import picked_up
from tests.support.switchboard import Switchboard

BIRTHDAY = {"month": "3", "day": "2"}


@pytest.fixture
def house(database_url: str, broker_url: str, tmp_path: Path) -> Iterator[House]:
    with open_house(database_url, broker_url, tmp_path) as opened:
        yield opened


def a_form_task(house: House, form: str, **values: Any) -> Task:
    with house.rows() as uow:
        patient = a_patient(uow, born=date(1960, 3, 2), sex="male")
        return a_task(uow, patient, a_queue(uow, purpose=Purpose.CARE), form=form, **values)


def opened(nurse: Asking, task: Task, form: str) -> str:
    return str(nurse.put(f"/tasks/{task.id}/responses/{form}").json()["id"])


def say(nurse: Asking, response_id: str, **answers: object) -> None:
    for link_id, value in answers.items():
        saved = nurse.put(f"/responses/{response_id}/answers/{link_id}", {"value": value})
        assert saved.status_code == 200, saved.text


def by_link(house: House, nurse: Asking, response_id: str, answers: list[str]) -> TestClient:
    """Answer question after question on the page, and send."""
    address = nurse.post(f"/responses/{response_id}/links", {}).json()["address"]
    browser = TestClient(house.app, raise_server_exceptions=False)
    browser.post(f"{address}/identity", data=BIRTHDAY)
    for number, answer in enumerate(answers, start=1):
        browser.post(f"{address}/{number}", data={"answer": answer})
    assert "谢谢" in browser.post(f"{address}/end").text
    return browser


def stored(house: House, task: Task) -> Task:
    with house.units() as uow:
        found = uow.plans.task(task.id)
        assert found is not None
        return found


def test_one_form_by_keys_and_by_an_agent_gives_the_same_scored_result(
    house: House, agent: Asking, database_url: str, tmp_path: Path
) -> None:
    with house.rows() as uow:
        queue = a_queue(uow, mode=TaskMode.AUTOMATED, purpose=Purpose.SURVEY)
        keyed = a_task(uow, a_patient(uow), queue, flow="satisfaction_survey")
    call = picked_up(Switchboard(units=house.units, database_url=database_url, folder=tmp_path), keyed)
    for key in ("1", "1", "4", "9", "5"):
        call.presses(key)
    call.hears_out()
    spoken = a_form_task(house, "satisfaction")
    results, modes = [], []
    for task in (keyed, spoken):
        response_id = opened(agent, task, "satisfaction")
        if task is spoken:
            say(agent, response_id, doctor_explains="4", waiting="9", overall="5")
        # Before and after the question that no key was asked.
        before = agent.get(f"/responses/{response_id}").json()
        say(agent, response_id, recommend=9)
        after = agent.post(f"/responses/{response_id}/complete").json()
        kept = agent.get(f"/patients/{task.patient_id}/observations").json()["observations"]
        results.append(
            (
                before["answers"],
                before["scores"],
                after["scores"],
                sorted((each["code"], each["value"], each["band"], each["form_version"]) for each in kept),
            )
        )
        modes.append({each["mode"] for each in before["history"]})
    assert modes == [{"keys"}, {"paper"}]
    assert results[0] == results[1]
    assert ("satisfaction.overall", 5.0, "satisfied") in [each[:3] for each in results[0][3]]


def test_phq_9_with_two_answers_missing_is_incomplete_and_no_low_score(house: House, agent: Asking) -> None:
    task = a_form_task(house, "phq9")
    response_id = opened(agent, task, "phq9")
    say(agent, response_id, **{f"phq9_{place}": "0" for place in (1, 2, 3, 5, 6, 8, 9)})
    (score,) = agent.get(f"/responses/{response_id}").json()["scores"]
    assert (score["state"], score["value"], score["band"]) == ("incomplete", None, None)
    assert score["missing"] == ["phq9_4", "phq9_7"]
    refused = agent.post(f"/responses/{response_id}/complete")
    assert (refused.status_code, refused.json()["field"]) == (409, "phq9_4")
    assert agent.get(f"/patients/{task.patient_id}/observations").json()["observations"] == []


@pytest.mark.parametrize("way", [ResponseMode.LINK, ResponseMode.PAPER])
def test_who_answered_by_link_or_on_paper_is_taken_off_the_call_list(
    house: House, agent: Asking, way: ResponseMode
) -> None:
    task = a_form_task(house, "gad2")
    response_id = opened(agent, task, "gad2")
    assert stored(house, task).state is TaskState.QUEUED
    if way is ResponseMode.LINK:
        by_link(house, agent, response_id, ["0", "1"])
    else:
        say(agent, response_id, gad2_1="0", gad2_2="1")
        assert stored(house, task).state is TaskState.QUEUED, "half a form is no answer"
        agent.post(f"/responses/{response_id}/complete")
    closed = stored(house, task)
    assert (closed.state, closed.outcome) == (TaskState.COMPLETED, TaskOutcome.COMPLETED)
    with house.units() as uow:
        assert uow.plans.open_tasks_of_patient(task.patient_id) == []
    assert [each["mode"] for each in agent.get(f"/responses/{response_id}").json()["history"]] == [way.value] * 2


def test_who_has_to_be_asked_more_stays_on_the_list(house: House, agent: Asking) -> None:
    """A screening that leads to the longer form, and an alert that its answers raised."""
    screened = a_form_task(house, "phq2")
    by_link(house, agent, opened(agent, screened, "phq2"), ["2", "2"])
    assert stored(house, screened).state is TaskState.QUEUED
    danger = a_form_task(house, "phq9")
    by_link(house, agent, opened(agent, danger, "phq9"), ["1"] * 9 + ["somewhat"])
    assert stored(house, danger).state is TaskState.QUEUED
    raised = agent.get("/alerts").json()["alerts"]
    (alert,) = [each for each in raised if each["task_id"] == danger.id and each["level"] == "red"]
    lead = house.caller(Role.SUPERVISOR)
    lead.post(f"/alerts/{alert['id']}/acknowledge")
    closing = lead.post(f"/alerts/{alert['id']}/outcome", {"outcome": "advised", "text": "已通话,家人陪伴"})
    assert closing.status_code == 200, closing.text
    assert stored(house, danger).state is TaskState.COMPLETED


def test_while_a_call_is_live_its_own_result_counts(house: House, agent: Asking) -> None:
    task = a_form_task(house, "gad2", state=TaskState.IN_PROGRESS)
    by_link(house, agent, opened(agent, task, "gad2"), ["0", "1"])
    assert stored(house, task).state is TaskState.IN_PROGRESS
