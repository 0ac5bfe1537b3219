"""Finding patients: by name as written, read or in initials, by numbers and their ends, by department."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from db.users import Role
from runtime.embedded import Engines
from tests.integration.api.house import Asking, House, open_house
from tests.support.builders import a_patient, an_encounter

VISIT = {"department": "骨科", "kind": "appointment", "occurred_at": "2031-01-05T08:30:00+08:00"}


@pytest.fixture(scope="module")
def house(module_database_url: str, engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One hospital for all of these tests: each has its own people in it."""
    with open_house(module_database_url, engines.broker_url, tmp_path_factory.mktemp("search")) as opened:
        yield opened


def actions_of(house: House, patient_id: str, by: str) -> list[str]:
    query = text("SELECT action FROM audit_log WHERE patient_id = :patient AND user_id = :user")
    with house.units.engine.connect() as connection:
        return list(connection.execute(query, {"patient": patient_id, "user": by}).scalars())


def test_a_patient_is_found_by_whatever_somebody_remembers_of_him(house: House, agent: Asking) -> None:
    clerk = house.caller(Role.REGISTRAR)
    person = {
        "name": "王小明",
        "identifiers": [{"kind": "id_card", "value": "990101195804123019"}, {"kind": "passport", "value": "E76543210"}],
        "record_number": "MRN-0815",
        "contact_points": [{"number": "+86 199 0000 7531"}, {"number": "010-65529988"}],
        "card": {"kind": "visit_card", "number": "VC-778899"},
        "consents": [{"purpose": "care", "scope": "phone", "granted": True}],
    }
    wang = clerk.post("/cards", person).json()["patient_id"]
    agent.post(f"/patients/{wang}/encounters", VISIT)
    with house.rows() as uow:
        a_patient(uow, name="王建国", record_number="MRN-0816")
        chen = a_patient(uow, name="陈芳", record_number="MRN-0817")
        an_encounter(uow, chen, department="产科")

    def found(**asked: str) -> list[str]:
        answer = agent.post("/patients/search", asked, key=None)
        assert answer.status_code == 200, answer.text
        return [patient["name"] for patient in answer.json()["patients"]]

    for typed in (
        *("wxm", "WXM", "wangxiaoming", "xiaoming", "wangxm", "小明", "王xm"),
        *("19900007531", "+8619900007531", "199 0000 7531", "7531", "9988", "01065529988"),
        *("3019", "990101195804123019", "E76543210", "3210", "e76543210"),
        *("MRN-0815", "mrn-0815", "VC-7788", "778899", "vc-778899"),
    ):
        assert found(containing=typed) == ["王小明"], typed
    assert found(containing="wang") == ["王小明", "王建国"]
    assert found(department="产科") == ["陈芳"]
    assert found(containing="wang", department="骨科") == ["王小明"]
    assert found(containing="chen", department="骨科") == []
    for nothing in ("531", "19900007532", "xmw", "3018"):
        assert found(containing=nothing) == [], nothing
    assert agent.post("/patients/search", {}, key=None).json()["field"] == "containing"
    # Whoever was found was looked at.
    assert "patient_listed" in actions_of(house, wang, agent.user_id)


def test_a_renamed_patient_is_found_by_the_new_name_only(house: House, agent: Asking) -> None:
    with house.rows() as uow:
        patient = a_patient(uow, name="周敏")
    with house.rows() as uow:
        known = uow.patients.get(patient.id)
        assert known is not None
        known.name = "周慧敏"

    def found(typed: str) -> int:
        return len(agent.post("/patients/search", {"containing": typed}, key=None).json()["patients"])

    assert (found("zhm"), found("zhouhuimin"), found("zm")) == (1, 1, 0)


def test_a_record_that_went_into_another_is_found_as_that_one(house: House, agent: Asking, supervisor: Asking) -> None:
    with house.rows() as uow:
        gone, kept = a_patient(uow, name="赵卫冬", record_number="OLD-1"), a_patient(uow, name="赵卫东")
    merged = supervisor.post(f"/patients/{gone.id}/merge", {"into": kept.id, "reason": "one person"}).json()

    def found(typed: str) -> list[str]:
        answer = agent.post("/patients/search", {"containing": typed}, key=None)
        return [patient["id"] for patient in answer.json()["patients"]]

    assert found("OLD-1") == found("zwd") == found(gone.contact_points[0].number) == [kept.id]
    supervisor.post(f"/merges/{merged['merge_id']}/undo", {"reason": "two persons after all"})
    assert found("OLD-1") == [gone.id]
    assert len(found("zwd")) == 2


def test_a_long_search_goes_on_from_the_last_patient_seen(house: House, agent: Asking) -> None:
    with house.rows() as uow:
        for place in range(5):
            a_patient(uow, name="吴一一", record_number=f"W-{place}")
    seen: list[str] = []
    after: dict[str, str] = {}
    while True:
        page = agent.post("/patients/search", {"containing": "wyy", "limit": 2, **after}, key=None).json()
        seen += [patient["record_number"] for patient in page["patients"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert seen == [f"W-{place}" for place in range(5)]


def test_whatever_is_typed_is_answered_in_words(agent: Asking) -> None:
    refused = agent.post("/patients/search", {"containing": "a\0b"}, key=None)
    assert (refused.status_code, refused.json()["field"]) == (422, "containing")
    odd = ("a'b", "a\\b", "' | 'x':*", "İ", "ﬁ", "١٢٣٤", "½", "👍🏽a", "𠮷", "a" * 100, "王" * 100, "+8", "0" * 100)
    for typed in odd:
        assert agent.post("/patients/search", {"containing": typed}, key=None).status_code == 200, typed
    for nothing in ("'", "\\", "+", "()", "-", "·"):
        assert agent.post("/patients/search", {"containing": nothing}, key=None).status_code == 422, nothing
    cut = b'{"containing": "\\ud83d"}'
    answer = agent.ask("POST", "/patients/search", content=cut, headers={"Content-Type": "application/json"})
    assert answer.status_code in {400, 422}


def test_of_another_departments_patients_a_search_shows_that_they_are_there(house: House) -> None:
    agent = house.caller(Role.AGENT)
    with house.rows() as uow:
        user = uow.users.get(agent.user_id)
        assert user is not None
        user.departments = ["骨科"]
        for place, department in enumerate(("骨科", "心内科", "心内科")):
            an_encounter(uow, a_patient(uow, name="郑成功", record_number=f"Z-00{place}"), department=department)
    first = agent.post("/patients/search", {"containing": "zcg", "limit": 2}, key=None).json()
    assert [(one["name"], one["masked"]) for one in first["patients"]] == [("郑成功", False), ("郑**", True)]
    assert (first["patients"][1]["contact_points"], first["patients"][1]["born"]) == ([], None)
    rest = agent.post("/patients/search", {"containing": "zcg", "after": first["next"]}, key=None).json()
    assert [one["name"] for one in rest["patients"]] == ["郑**"]
    masked = first["patients"][1]["id"]
    assert actions_of(house, masked, agent.user_id) == [], "his record was not looked at"
    assert agent.get(f"/patients/{masked}").json()["code"] == "outside_care_team"
