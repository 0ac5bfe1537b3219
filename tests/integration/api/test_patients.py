"""Patients, what they agreed to, their visits; and the audit of who looked."""

from typing import Any

from sqlalchemy import text

from db.users import Role
from followup.dialing_rules import Mode
from tests.integration.api.house import Asking, House, open_house
from tests.support.builders import a_patient, an_encounter

LI = {
    "record_number": "A10293",
    "name": "李伟",
    "born": "1958-03-02",
    "sex": "male",
    "contact_points": [
        {"number": "138 0000 0001", "label": "手机"},
        {"number": "+86 10 6552 9988", "owner": "relative", "rank": 2},
    ],
}


def audited(house: House, patient_id: str, by: str) -> list[str]:
    query = text("SELECT action FROM audit_log WHERE patient_id = :patient AND user_id = :user ORDER BY position")
    with house.units.engine.connect() as connection:
        return list(connection.execute(query, {"patient": patient_id, "user": by}).scalars())


def test_numbers_become_e164_and_the_zone_is_the_hospitals(agent: Asking) -> None:
    made = agent.post("/patients", LI)
    assert made.status_code == 201
    patient = made.json()
    assert [point["number"] for point in patient["contact_points"]] == ["+8613800000001", "+861065529988"]
    assert patient["zone"] == "Asia/Shanghai"
    assert agent.get(f"/patients/{patient['id']}").json() == patient


def test_a_record_number_is_taken_once_and_a_number_given_once(agent: Asking) -> None:
    agent.post("/patients", LI)
    assert agent.post("/patients", LI).json()["field"] == "record_number"
    twice = {**LI, "record_number": "B1", "contact_points": [{"number": "13800000001"}, {"number": "+8613800000001"}]}
    assert agent.post("/patients", twice).json()["field"] == "contact_points"


def test_a_list_goes_on_from_the_last_patient_seen(house: House, agent: Asking) -> None:
    with house.rows() as uow:
        ids = [a_patient(uow, record_number=f"R-{place}").id for place in range(5)]
    seen: list[str] = []
    after = ""
    while True:
        page = agent.get(f"/patients?limit=2{after}").json()
        seen += [patient["id"] for patient in page["patients"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert seen == ids


def test_a_search_finds_by_part_of_a_name_or_the_beginning_of_a_record_number(agent: Asking) -> None:
    agent.post("/patients", LI)
    agent.post("/patients", {"record_number": "B1", "name": "王芳 100%"})

    def found(containing: str) -> list[str] | None:
        answer = agent.post("/patients/search", {"containing": containing}, key=None)
        if answer.status_code == 422:
            assert answer.json()["field"] == "containing"
            return None
        return [patient["record_number"] for patient in answer.json()["patients"]]

    assert found("伟") == ["A10293"]
    assert found("A102") == ["A10293"]
    assert found("100%") == ["B1"]
    assert found("_") is None
    assert found("nobody") == []


def test_the_latest_statement_of_consent_counts_and_none_is_lost(house: House, agent: Asking) -> None:
    patient_id = agent.post("/patients", LI).json()["id"]
    statement = {"purpose": "care", "scope": "phone", "source": "form"}
    assert agent.post(f"/patients/{patient_id}/consents", {**statement, "granted": True}).status_code == 201
    assert agent.post(f"/patients/{patient_id}/consents", {**statement, "granted": False}).status_code == 201
    told = agent.get(f"/patients/{patient_id}/consents").json()
    assert [consent["granted"] for consent in told["consents"]] == [True, False]
    assert audited(house, patient_id, agent.user_id) == [
        "patient_added",
        "consent_granted",
        "consent_withdrawn",
        "consents_viewed",
    ]


def test_a_patient_is_closed_to_calls_and_opened_again(house: House, agent: Asking) -> None:
    patient_id = agent.post("/patients", LI).json()["id"]

    def closed() -> bool:
        told: dict[str, Any] = agent.get(f"/patients/{patient_id}/consents").json()
        return bool(told["do_not_call"])

    for _ in range(2):
        assert agent.put(f"/patients/{patient_id}/do-not-call", {"reason": "asked on the phone"}).status_code == 200
    assert closed()
    with house.units() as uow:
        assert uow.objections.closes_everything(patient_id)
    assert agent.delete(f"/patients/{patient_id}/do-not-call").json()["do_not_call"] is False
    assert not closed()


def test_visits_are_added_and_listed_newest_first(house: House, agent: Asking) -> None:
    with house.rows() as uow:
        patient = a_patient(uow)
        an_encounter(uow, patient)
    body = {"department": "骨科", "kind": "appointment", "occurred_at": "2031-01-05T08:30:00+08:00"}
    added = agent.post(f"/patients/{patient.id}/encounters", body)
    assert added.json()["occurred_at"] == "2031-01-05T00:30:00Z"
    listed = agent.get(f"/patients/{patient.id}/encounters").json()["encounters"]
    assert [visit["department"] for visit in listed] == ["骨科", "cardiology"]
    naive = agent.post(f"/patients/{patient.id}/encounters", {**body, "occurred_at": "2031-01-05T08:30:00"})
    assert (naive.status_code, naive.json()["field"]) == (422, "occurred_at")


def test_every_look_at_a_patient_is_audited_in_the_same_transaction(house: House, agent: Asking) -> None:
    with house.rows() as uow:
        patient = a_patient(uow)
    agent.get(f"/patients/{patient.id}")
    agent.get("/patients")
    agent.get(f"/patients/{patient.id}/follow-ups")
    assert audited(house, patient.id, agent.user_id) == [
        "patient_viewed",
        "patient_listed",
        "follow_ups_viewed",
    ]


def test_synthetic_people_are_made_in_the_demo_only(database_url: str, broker_url: str, tmp_path: Any) -> None:
    with open_house(database_url, broker_url, tmp_path, mode=Mode.TRIAL) as trial:
        refused = trial.caller(Role.AGENT).post("/patients", {**LI, "synthetic": True})
    assert (refused.status_code, refused.json()["field"]) == (422, "synthetic")
