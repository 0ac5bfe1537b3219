"""Forms over the API: one instance for a task, its history, its end, and the page by link held against strangers."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from starlette.testclient import TestClient

from care.consent import ConsentScope
from care.patient_links import WRONG_ANSWERS_LIMIT
from care.patients import Patient
from db.users import Role
from followup.attempts import Attempt, AttemptState
from followup.calls import CallState
from followup.plans import Task
from runtime.embedded import Engines
from tests.integration.api.house import Asking, House, open_house
from tests.support.builders import a_call, a_patient, a_queue, a_task, an_attempt, an_encounter


@pytest.fixture(scope="module")
def house(module_database_url: str, engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One hospital for all of these tests: each has its own people in it."""
    with open_house(module_database_url, engines.broker_url, tmp_path_factory.mktemp("forms")) as opened_house:
        yield opened_house


CORE = {
    "feeling": "better",
    "medicines_obtained": True,
    "missed_days": 0,
    "knows_appointment": True,
    "knows_whom_to_call": True,
}


def a_form_task(house: House, form: str = "discharge_core", **patient: Any) -> tuple[Patient, Task]:
    with house.rows() as uow:
        person = a_patient(uow, **{"name": "李小伟", "born": date(1960, 3, 2), "sex": "male", **patient})
        an_encounter(uow, person, ward="六病区", occurred_at=uow.now - timedelta(days=3))
        return person, a_task(uow, person, a_queue(uow), form=form)


def a_talk(house: House, agent: Asking, task: Task, ordinal: int = 1) -> Attempt:
    """A conversation of this agent with whoever answered."""
    with house.rows() as uow:
        attempt = an_attempt(uow, task, agent_id=agent.user_id, state=AttemptState.IN_CALL, ordinal=ordinal)
        a_call(uow, attempt, state=CallState.BRIDGED, ended_at=None, end_reason=None, party=None)
    return attempt


def over(house: House, attempt: Attempt) -> None:
    with house.rows() as uow:
        held = uow.attempts.for_update(attempt.id)
        assert held is not None
        held.state = AttemptState.CLOSED


def opened(agent: Asking, task: Task, form: str = "discharge_core") -> dict[str, Any]:
    response: dict[str, Any] = agent.put(f"/tasks/{task.id}/responses/{form}").json()
    return response


def proven(agent: Asking, attempt: Attempt) -> None:
    body = {"person": "patient", "identifiers": ["name", "born_month_day", "age"]}
    answer = agent.post(f"/attempts/{attempt.id}/identity", body)
    assert answer.json()["confirmed"], answer.text


def test_the_forms_are_listed_and_read_in_fhirs_shape(agent: Asking) -> None:
    listed = agent.get("/forms").json()["forms"]
    assert {"phq9", "discharge_core", "satisfaction"} <= {each["id"] for each in listed}
    form = agent.get("/forms/phq9").json()
    assert form["items"][8]["link_id"] == "phq9_9"
    assert form["items"][9]["enable_when"][0] == {"question": "phq9_1", "operator": "!=", "answer": "0"}
    assert form["scores"][0]["bands"][-1]["code"] == "severe"
    assert agent.get("/forms/nothing").json()["code"] == "unknown_form"


def test_the_next_call_goes_on_where_the_last_one_broke_off(house: House, agent: Asking) -> None:
    _, task = a_form_task(house)
    first = a_talk(house, agent, task)
    proven(agent, first)
    agent.put(f"/attempts/{first.id}/answers/feeling", {"value": "worse"})
    agent.put(f"/attempts/{first.id}/answers/missed_days", {"value": 1})
    over(house, first)
    other = house.caller(Role.AGENT)
    second = a_talk(house, other, task, ordinal=2)
    assert other.get("/agents/me/call").json()["response"] is None
    (known,) = agent.get(f"/tasks/{task.id}/responses").json()["responses"]
    unproven = other.get(f"/responses/{known['id']}").json()
    assert (unproven["answers"], unproven["history"], unproven["scores"]) == ({}, [], [])
    assert agent.get(f"/responses/{known['id']}").json()["answers"] == {"feeling": "worse", "missed_days": 1}
    proven(other, second)
    response = other.get("/agents/me/call").json()["response"]
    assert response["answers"] == {"feeling": "worse", "missed_days": 1}
    assert response["missing"] == ["medicines_obtained", "knows_appointment", "knows_whom_to_call"]
    other.put(f"/attempts/{second.id}/answers/feeling", {"value": "better"})
    assert other.get(f"/attempts/{second.id}").json()["answers"] == {"feeling": "better"}
    whole = other.get(f"/responses/{response['id']}").json()
    assert [(each["link_id"], each["value"], each["by"], each["attempt_id"]) for each in whole["history"]] == [
        ("feeling", "worse", agent.user_id, first.id),
        ("missed_days", 1, agent.user_id, first.id),
        ("feeling", "better", other.user_id, second.id),
    ]
    assert opened(other, task)["id"] == response["id"], "a task has one instance, whoever begins it"


def test_the_same_answer_twice_is_one_line_of_the_history(house: House, agent: Asking) -> None:
    _, task = a_form_task(house)
    response = opened(agent, task)
    for _ in range(3):
        agent.put(f"/responses/{response['id']}/answers/feeling", {"value": "same"})
    agent.put(f"/responses/{response['id']}/answers/feeling", {"value": None})
    history = agent.get(f"/responses/{response['id']}").json()["history"]
    assert [(each["value"], each["mode"]) for each in history] == [("same", "paper"), (None, "paper")]


def test_a_refused_answer_names_question_reason_and_next_step(house: House, agent: Asking) -> None:
    _, task = a_form_task(house, "home_weight")
    response = opened(agent, task, "home_weight")
    refused = agent.put(f"/responses/{response['id']}/answers/weight", {"value": 1632})
    assert (refused.status_code, refused.json()["code"], refused.json()["field"]) == (422, "answer_refused", "weight")
    assert refused.json()["reason"] == "is above 250; ask again; send a number from 30 to 250"


def test_complete_answers_are_amended_with_a_reason_and_never_changed(house: House, agent: Asking) -> None:
    patient, task = a_form_task(house, "adherence")
    response = opened(agent, task, "adherence")
    at = f"/responses/{response['id']}"
    early = agent.post(f"{at}/amendments", {"link_id": "stopped", "value": True, "reason": "too early"})
    assert early.json()["code"] == "not_possible_now"
    agent.put(f"{at}/answers/missed_days", {"value": 1})
    open_still = agent.post(f"{at}/complete")
    assert (open_still.status_code, open_still.json()["field"]) == (409, "changed_dose")
    agent.put(f"{at}/answers/changed_dose", {"value": False})
    agent.put(f"{at}/answers/stopped", {"value": False})
    done = agent.post(f"{at}/complete").json()
    assert (done["state"], done["completed_by"], done["scores"][0]["band"]) == ("completed", agent.user_id, "adherent")
    assert agent.put(f"{at}/answers/stopped", {"value": True}).json()["code"] == "not_possible_now"
    assert agent.post(f"{at}/complete").json()["code"] == "not_possible_now"
    amended = agent.post(f"{at}/amendments", {"link_id": "stopped", "value": True, "reason": "女儿说他停了药"}).json()
    assert (amended["state"], amended["scores"][0]["band"]) == ("amended", "not_adherent")
    assert amended["history"][-1]["reason"] == "女儿说他停了药"
    scores = agent.get(f"/patients/{patient.id}/observations").json()["observations"]
    assert [each["band"] for each in scores] == ["not_adherent", "adherent"]
    with house.units.engine.connect() as connection:
        kinds = connection.execute(text("SELECT kind FROM outbox WHERE subject = :id"), {"id": response["id"]})
        assert [kind for (kind,) in kinds].count("response_completed") == 1


def test_a_wrap_up_completes_answers_that_leave_nothing_open(house: House, agent: Asking) -> None:
    _, task = a_form_task(house)
    attempt = a_talk(house, agent, task)
    proven(agent, attempt)
    for item, value in CORE.items():
        agent.put(f"/attempts/{attempt.id}/answers/{item}", {"value": value})
    with house.rows() as uow:
        held = uow.attempts.for_update(attempt.id)
        assert held is not None
        held.state, held.wrap_up_at = AttemptState.WRAP_UP, uow.now
    done = agent.post(f"/attempts/{attempt.id}/wrap-up", {"outcome": "connected-patient", "task_result": "completed"})
    assert done.status_code == 200, done.text
    (response,) = agent.get(f"/tasks/{task.id}/responses").json()["responses"]
    assert (response["state"], response["completed_mode"]) == ("completed", "agent")


@pytest.mark.parametrize("table", ["given_answers", "observations", "identity_checks"])
def test_the_database_itself_keeps_histories(house: House, table: str) -> None:
    with house.units.engine.begin() as connection, pytest.raises(DBAPIError, match="append-only"):
        connection.execute(text(f"DELETE FROM {table}"))  # noqa: S608


@pytest.fixture
def browser(house: House) -> TestClient:
    return TestClient(house.app, raise_server_exceptions=False)


def a_page(agent: Asking, task: Task, form: str) -> tuple[str, str]:
    response = opened(agent, task, form)
    made = agent.post(f"/responses/{response['id']}/links", {"hours": 24})
    assert made.status_code == 201, made.text
    return response["id"], made.json()["address"]


def test_a_stranger_with_a_link_sees_nothing_and_closes_it_by_guessing(
    house: House, agent: Asking, browser: TestClient
) -> None:
    _, task = a_form_task(house, "phq2")
    response_id, address = a_page(agent, task, "phq2")
    first = browser.get(address)
    assert first.headers["cache-control"] == "private, no-store"
    assert "form-action 'self'" in first.headers["content-security-policy"]
    assert first.headers["referrer-policy"] == "no-referrer"
    for path in ("/1", "/2", "/end"):
        assert "出生月份" in browser.get(address + path).text
    for day in range(3, 3 + WRONG_ANSWERS_LIMIT):
        last = browser.post(f"{address}/identity", data={"month": "3", "day": str(day)})
    assert "失效" in last.text
    right = browser.post(f"{address}/identity", data={"month": "3", "day": "2"})
    assert (right.status_code, "失效" in right.text) == (404, True)
    (link,) = agent.get(f"/responses/{response_id}/links").json()["links"]
    assert (link["end_reason"], link["wrong_answers"]) == ("identity-failed", WRONG_ANSWERS_LIMIT)
    assert browser.get("/f/" + "x" * 43).status_code == 404


def test_a_page_belongs_to_the_browser_that_gave_the_birthday(house: House, agent: Asking, browser: TestClient) -> None:
    _, task = a_form_task(house, "phq2")
    response_id, address = a_page(agent, task, "phq2")
    inside = browser.post(f"{address}/identity", data={"month": "3", "day": "2"})
    assert "做事时" in inside.text
    other = TestClient(house.app, raise_server_exceptions=False)
    assert "做事时" not in other.get(f"{address}/1").text
    assert "出生月份" in other.post(f"{address}/1", data={"answer": "3"}).text
    with house.units.engine.connect() as connection:
        kept = text("SELECT token_hash, visit_hash FROM patient_links WHERE response_id = :id")
        row = connection.execute(kept, {"id": response_id}).one()
    assert address.rpartition("/")[2] not in row


def test_a_new_link_ends_the_old_one_and_a_complete_form_gets_none(
    house: House, agent: Asking, browser: TestClient
) -> None:
    _, task = a_form_task(house, "pain_nrs")
    response_id, old = a_page(agent, task, "pain_nrs")
    _, new = a_page(agent, task, "pain_nrs")
    assert browser.get(old).status_code == 404
    browser.post(f"{new}/identity", data={"month": "3", "day": "2"})
    assert "0–10" in browser.post(f"{new}/1", data={"answer": "11"}).text
    assert "0–10" in browser.post(f"{new}/1", data={"answer": "很痛"}).text
    # Full-width figures are what a Chinese keyboard writes.
    assert "哪里痛" in browser.post(f"{new}/1", data={"answer": "７"}).text
    assert "提交" in browser.post(f"{new}/2", data={"answer": "<b>腰</b>"}).text
    assert "&lt;b&gt;腰" in browser.get(f"{new}/2").text
    assert "谢谢" in browser.post(f"{new}/end").text
    done = agent.get(f"/responses/{response_id}").json()
    assert (done["answers"], done["scores"][0]["band"]) == ({"pain": 7, "pain_place": "<b>腰</b>"}, "severe")
    assert agent.post(f"/responses/{response_id}/links", {}).json()["code"] == "not_possible_now"
    agent.post(f"/responses/{response_id}/links/end")
    assert browser.get(new).status_code == 404


def test_a_weight_far_from_the_last_one_has_to_be_confirmed(house: House, agent: Asking, browser: TestClient) -> None:
    patient, task = a_form_task(house, "home_weight")
    agent.put(f"/responses/{opened(agent, task, 'home_weight')['id']}/answers/weight", {"value": 61.0})
    with house.rows() as uow:
        second = a_task(uow, patient, a_queue(uow), form="home_weight")
    response_id, address = a_page(agent, second, "home_weight")
    browser.post(f"{address}/identity", data={"month": "3", "day": "2"})
    asked = browser.post(f"{address}/1", data={"answer": "163.2"}).text
    assert "相差比较大" in asked
    assert agent.get(f"/responses/{response_id}").json()["answers"] == {}
    browser.post(f"{address}/1", data={"answer": "63.2"})
    assert agent.get(f"/responses/{response_id}").json()["answers"] == {"weight": 63.2}
    alerts = agent.get("/alerts").json()["alerts"]
    raised = [(each["code"], each["level"]) for each in alerts if each["patient_id"] == patient.id]
    assert raised == [("weight_gain", "amber")]


def test_the_other_language_is_one_press_away(house: House, agent: Asking, browser: TestClient) -> None:
    _, task = a_form_task(house, "phq2")
    _, address = a_page(agent, task, "phq2")
    assert "To protect your privacy" in browser.post(f"{address}/language").text


def test_without_a_birthday_there_is_no_link(house: House, agent: Asking) -> None:
    _, task = a_form_task(house, "phq2", born=None)
    refused = agent.post(f"/responses/{opened(agent, task, 'phq2')['id']}/links", {})
    assert (refused.status_code, refused.json()["field"]) == (409, "born")


def test_a_link_is_sent_in_neutral_words_to_whoever_agreed_to_messages(house: House, agent: Asking) -> None:
    app = house.app
    before = app.state.wiring
    app.state.wiring = replace(
        before, hospital_name="海澜市第一人民医院", call_back_number="0591-5550100", public_url="https://h.invalid"
    )
    try:
        _, silent = a_form_task(house, "phq2")
        asked = opened(agent, silent, "phq2")["id"]
        assert agent.post(f"/responses/{asked}/links", {"send": True}).json()["message_id"] is None
        _, task = a_form_task(house, "phq2", scopes=[ConsentScope.PHONE, ConsentScope.MESSAGE])
        response = opened(agent, task, "phq2")["id"]
        made = agent.post(f"/responses/{response}/links", {"send": True}).json()
    finally:
        app.state.wiring = before
    with house.units() as uow:
        message = uow.messages.get(made["message_id"])
        assert message is not None
        assert made["address"] in message.text
        assert made["address"].startswith("https://h.invalid/f/")
        assert "李小伟" not in message.text
        assert house.app.state.wiring.content.health_words.found_in(message.text) == ()
