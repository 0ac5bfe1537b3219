"""Who answered, checked before anything is told; and relatives, who hear what the patient allowed on this call."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from care.patients import NumberQuality
from db.users import Role
from followup.attempts import AttemptState
from runtime.embedded import Engines
from tests.integration.api.house import Asking, House, open_house
from tests.integration.api.test_forms_and_responses import a_form_task, a_talk, opened, over, proven
from tests.support.builders import a_task

ENOUGH = {"person": "patient", "identifiers": ["name", "born_month_day"]}
WRONG = {"person": "patient", "identifiers": ["name"], "failed": ["born_month_day"]}


@pytest.fixture(scope="module")
def house(module_database_url: str, engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One hospital for all of these tests: each has its own people in it."""
    with open_house(module_database_url, engines.broker_url, tmp_path_factory.mktemp("identity")) as opened_house:
        yield opened_house


def test_the_screen_says_what_to_ask_and_what_a_right_answer_sounds_like(house: House, agent: Asking) -> None:
    _, task = a_form_task(house)
    attempt = a_talk(house, agent, task)
    needed = agent.get(f"/attempts/{attempt.id}/identity").json()
    assert (needed["rule"], needed["risk"], needed["every"], needed["count"]) == ("default/1", "standard", ["name"], 1)
    assert needed["some"] == ["age", "born_month_day", "discharge_month", "ward"]
    assert needed["compare"]["born_month_day"] == "03-02"
    assert needed["compare"]["ward"] == "六病区"
    assert (needed["speaker"], needed["may_be_told"], needed["failures"]) == ("unknown", [], 0)


def test_too_few_facts_open_nothing_and_say_what_is_missing(house: House, agent: Asking) -> None:
    _, task = a_form_task(house)
    attempt = a_talk(house, agent, task)
    few = agent.post(f"/attempts/{attempt.id}/identity", {"person": "patient", "identifiers": ["name"]})
    assert (few.status_code, few.json()["field"]) == (422, "identifiers")
    assert "1 of age, born_month_day, discharge_month, ward" in few.json()["reason"]
    digits = agent.post(f"/attempts/{attempt.id}/identity", {"person": "patient", "identifiers": ["name", "id_digits"]})
    assert digits.status_code == 422
    done = agent.post(f"/attempts/{attempt.id}/identity", ENOUGH).json()
    assert (done["confirmed"], done["masked"], done["speaker"]) == (True, False, "patient")
    (kept,) = agent.get(f"/attempts/{attempt.id}/identity").json()["rounds"]
    assert (kept["passed"], kept["by"], kept["enough"]) == (["born_month_day", "name"], agent.user_id, True)


def test_twice_wrong_ends_the_call_in_neutral_words_and_marks_the_task(house: House, agent: Asking) -> None:
    _, task = a_form_task(house)
    attempt = a_talk(house, agent, task)
    first = agent.post(f"/attempts/{attempt.id}/identity", WRONG).json()
    assert (first["confirmed"], first["masked"], first["close_neutrally"], first["say"]) == (False, True, False, None)
    second = agent.post(f"/attempts/{attempt.id}/identity", WRONG).json()
    assert (second["failures"], second["close_neutrally"]) == (2, True)
    assert second["say"]["key"] == "somebody_else"
    assert "李小伟" not in str(second)
    third = agent.post(f"/attempts/{attempt.id}/identity", ENOUGH)
    assert (third.status_code, third.json()["code"]) == (409, "not_possible_now")
    with house.rows() as uow:
        noted = uow.plans.task(task.id)
        assert noted is not None
        assert noted.variables["identity"] == "identity-failed"
        held = uow.attempts.for_update(attempt.id)
        assert held is not None
        held.state, held.wrap_up_at = AttemptState.WRAP_UP, uow.now
    told = agent.post(f"/attempts/{attempt.id}/wrap-up", {"outcome": "connected-patient"})
    assert (told.status_code, told.json()["field"]) == (422, "outcome")
    assert "connected-wrong-person" in told.json()["reason"]
    closed = agent.post(f"/attempts/{attempt.id}/wrap-up", {"outcome": "connected-wrong-person"})
    assert closed.status_code == 200, closed.text


def test_the_same_nurse_on_a_verified_number_asks_for_the_name_alone(house: House, agent: Asking) -> None:
    patient, task = a_form_task(house)
    first = a_talk(house, agent, task)
    proven(agent, first)
    over(house, first)
    with house.rows() as uow:
        known = uow.patients.get(patient.id)
        assert known is not None
        known.contact_points[0].quality = NumberQuality.VERIFIED
    second = a_talk(house, agent, task, ordinal=2)
    body = {"person": "patient", "identifiers": ["name"]}
    assert agent.post(f"/attempts/{second.id}/identity", body).json()["confirmed"]
    over(house, second)
    other = house.caller(Role.AGENT)
    third = a_talk(house, other, task, ordinal=3)
    assert other.post(f"/attempts/{third.id}/identity", body).status_code == 422


def test_a_queue_can_demand_more(house: House, agent: Asking, supervisor: Asking) -> None:
    _, task = a_form_task(house)
    attempt = a_talk(house, agent, task)
    address = f"/queues/{task.queue_id}/identity-rule"
    assert supervisor.put(address, {"rule": "no such"}).json()["field"] == "rule"
    assert supervisor.put(address, {"rule": "strict"}).json()["rule"] == "strict"
    assert agent.post(f"/attempts/{attempt.id}/identity", ENOUGH).status_code == 422
    body = {"person": "patient", "identifiers": ["name", "born_month_day", "id_digits"]}
    assert agent.post(f"/attempts/{attempt.id}/identity", body).json()["confirmed"]


def test_the_patients_word_for_a_relative_is_kept_with_its_second_and_limits_him(house: House, agent: Asking) -> None:
    patient, task = a_form_task(house)
    with house.rows() as uow:
        mood = a_task(uow, patient, uow.queues.all()[0], form="phq2")
    attempt = a_talk(house, agent, task)
    proven(agent, attempt)
    agent.put(f"/attempts/{attempt.id}/answers/missed_days", {"value": 3})
    said = {
        "name": "李强",
        "relation": "儿子",
        "scope": ["symptoms", "appointments"],
        "number_is_theirs": True,
        "at_second": 41.5,
    }
    son = agent.post(f"/attempts/{attempt.id}/relative", said)
    assert son.status_code == 201, son.text
    consents = [
        each for each in agent.get(f"/patients/{patient.id}/consents").json()["consents"] if each["source"] == "call"
    ]
    assert {(each["scope"], each["at_second"], bool(each["call_id"])) for each in consents} == {
        ("disclosure", 41.5, True),
        ("relative", 41.5, True),
    }
    point = agent.get(f"/patients/{patient.id}").json()["contact_points"][0]
    assert (point["owner"], point["label"]) == ("relative", "李强 (儿子)")

    hand = agent.get("/agents/me/call").json()
    assert (hand["speaker"], hand["may_be_told"]) == ("relative", ["appointments", "general", "symptoms"])
    assert "missed_days" not in hand["response"]["answers"], "what is beyond his scope is not even shown"
    assert hand["skipped"]["missed_days"] == "beyond-scope"
    assert "feeling" not in hand["skipped"]
    kept = agent.put(f"/attempts/{attempt.id}/answers/feeling", {"value": "worse"})
    assert kept.status_code == 200, kept.text
    refused = agent.put(f"/attempts/{attempt.id}/answers/side_effects", {"value": "头晕"})
    assert (refused.status_code, refused.json()["code"]) == (422, "answer_refused")
    response = opened(agent, task)
    assert response["history"][-1]["relative_id"] == son.json()["id"]
    assert response["skipped"]["side_effects"] == "beyond-scope"

    phq2 = opened(agent, mood, "phq2")
    asked = agent.put(f"/responses/{phq2['id']}/answers/phq2_1", {"value": "1", "attempt_id": attempt.id})
    assert "not-for-relatives" in asked.json()["reason"]


def test_a_relative_known_from_before_says_who_he_is_and_loses_his_scope_with_the_patients_word(
    house: House, agent: Asking
) -> None:
    patient, task = a_form_task(house)
    first = a_talk(house, agent, task)
    proven(agent, first)
    body = {"name": "王芳", "relation": "女儿", "scope": ["medicines"], "speaks_now": False}
    daughter = agent.post(f"/attempts/{first.id}/relative", body).json()
    assert agent.get("/agents/me/call").json()["speaker"] == "patient"
    over(house, first)
    second = a_talk(house, agent, task, ordinal=2)
    proxy = {**ENOUGH, "person": "proxy", "relative_id": daughter["id"]}
    assert agent.post(f"/attempts/{second.id}/identity", proxy).json()["may_be_told"] == ["general", "medicines"]
    ended = agent.post(f"/relatives/{daughter['id']}/end").json()
    assert ended["ended_at"]
    hand = agent.get("/agents/me/call").json()
    assert (hand["speaker"], hand["may_be_told"]) == ("relative", [])
    assert [each["name"] for each in agent.get(f"/patients/{patient.id}/relatives").json()["relatives"]] == ["王芳"]
    strange = agent.post(
        f"/attempts/{second.id}/identity", {**proxy, "relative_id": "00000000-0000-4000-8000-000000000000"}
    )
    assert strange.json()["code"] == "unknown_relative"


def test_a_number_is_labelled_with_its_owner(house: House, agent: Asking) -> None:
    patient, task = a_form_task(house)
    attempt = a_talk(house, agent, task)
    proven(agent, attempt)
    son = agent.post(
        f"/attempts/{attempt.id}/relative", {"name": "李强", "relation": "儿子", "scope": [], "speaks_now": False}
    ).json()
    point = patient.contact_points[0].id
    address = f"/patients/{patient.id}/contact-points/{point}/owner"
    assert agent.put(address, {"owner": "relative"}).json()["code"] == "unknown_relative"
    labelled = agent.put(address, {"owner": "relative", "relative_id": son["id"]}).json()
    assert (labelled["owner"], labelled["label"]) == ("relative", "李强 (儿子)")
    assert agent.put(address, {"owner": "self"}).json()["label"] == ""


def test_a_word_of_the_patient_can_end_by_itself(house: House, agent: Asking) -> None:
    _, task = a_form_task(house)
    attempt = a_talk(house, agent, task)
    proven(agent, attempt)
    with house.units() as uow:
        past, soon = uow.now - timedelta(hours=1), uow.now + timedelta(hours=1)
    body = {"name": "李强", "relation": "儿子", "scope": ["results"]}
    refused = agent.post(f"/attempts/{attempt.id}/relative", {**body, "expires_at": past.isoformat()})
    assert refused.json()["field"] == "expires_at"
    kept = agent.post(f"/attempts/{attempt.id}/relative", {**body, "expires_at": soon.isoformat()})
    assert kept.json()["expires_at"]
