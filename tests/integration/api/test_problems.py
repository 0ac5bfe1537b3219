"""Whatever is wrong with a request, the answer names the field and the reason, and never shows our insides."""

import pytest
from sqlalchemy import text

from api.body_limit import LARGEST_BODY
from api.problems import CATALOGUE, Kind
from tests.integration.api.house import PREFIX, Asking, House
from tests.support.builders import a_patient

NOBODY = "00000000-0000-4000-8000-000000000000"


def test_every_kind_has_its_status_and_schema(house: House) -> None:
    assert set(CATALOGUE) == set(Kind)
    schemas = house.app.openapi()["components"]["schemas"]
    codes = {each["properties"]["code"].get("const") for name, each in schemas.items() if name.endswith("Problem")}
    assert codes == {kind.value for kind in Kind}


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code", "field"),
    [
        ("GET", f"/patients/{NOBODY}", None, 404, "unknown_patient", "patient_id"),
        ("GET", "/patients/not-an-id", None, 422, "invalid_request", "patient_id"),
        ("GET", f"/recordings/{NOBODY}", None, 404, "unknown_recording", "recording_id"),
        ("GET", f"/recordings/{NOBODY}/audio", None, 404, "unknown_recording", "recording_id"),
        ("GET", f"/calls/{NOBODY}", None, 404, "unknown_call", "call_id"),
        ("GET", f"/notes/{NOBODY}", None, 404, "unknown_note", "note_id"),
        ("GET", "/patients?limit=0", None, 422, "invalid_request", "limit"),
        ("GET", "/patients?after=x", None, 422, "invalid_request", "after"),
        ("GET", "/tasks?state=lost", None, 422, "invalid_request", "state"),
        ("GET", "/nothing-here", None, 404, "no_such_address", "path"),
        ("DELETE", "/patients", None, 405, "method_not_allowed", "method"),
        ("POST", "/patients", {"name": "张三"}, 422, "invalid_request", "record_number"),
        ("POST", "/patients", {"record_number": "1", "name": "张三", "nmae": 1}, 422, "invalid_request", "nmae"),
        ("POST", "/plans", {"encounter_id": NOBODY, "template": "T01"}, 422, "invalid_request", "purpose"),
        (
            "POST",
            "/plans",
            {"encounter_id": NOBODY, "template": "T01", "purpose": "care"},
            404,
            "unknown_encounter",
            "encounter_id",
        ),
        ("POST", f"/patients/{NOBODY}/consents", {}, 422, "invalid_request", "purpose"),
        ("POST", f"/calls/{NOBODY}/commands", {"verb": "explode"}, 422, "invalid_request", "verb"),
    ],
)
def test_a_bad_request_is_named(
    agent: Asking, method: str, path: str, body: object, status: int, code: str, field: str
) -> None:
    answer = agent.post(path, body) if method == "POST" else agent.ask(method, path)
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (status, code, field)


def test_an_undialable_number_is_named_by_its_place(agent: Asking) -> None:
    points = [{"number": "+86 138 0000 0001"}, {"number": "120"}, {"number": "not a number"}]
    answer = agent.post("/patients", {"record_number": "R-1", "name": "张三", "contact_points": points})
    assert answer.status_code == 422
    assert [fault["field"] for fault in answer.json()["errors"]] == [
        "contact_points[1].number",
        "contact_points[2].number",
    ]
    assert "emergency" in answer.json()["reason"]
    assert "not a number" not in answer.text


def test_malformed_json_is_named_with_its_place(agent: Asking) -> None:
    answer = agent.post(
        "/patients", headers={"Content-Type": "application/json"}, content=b'{"name": "\xe5\xbc\xa0", }'
    )
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (400, "malformed_json", "body")
    assert "character" in answer.json()["reason"]


def test_a_body_that_is_not_utf_8_is_a_problem_too(agent: Asking) -> None:
    answer = agent.post("/patients", headers={"Content-Type": "application/json"}, content=b'{"name": "\xff"}')
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_json")


def test_too_large_a_body_is_refused(agent: Asking) -> None:
    answer = agent.post("/patients", {"record_number": "R-1", "name": "x" * LARGEST_BODY})
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert answer.headers["x-content-type-options"] == "nosniff"
    pieces = (b" " * 65536 for _ in range(LARGEST_BODY // 65536 + 1))
    unannounced = agent.post("/patients", headers={"Content-Type": "application/json"}, content=pieces)
    assert (unannounced.status_code, unannounced.json()["code"]) == (413, "body_too_large")


def test_a_failure_of_ours_tells_an_incident_and_nothing_else(house: House, agent: Asking) -> None:
    with house.rows() as uow:
        patient = a_patient(uow, name="秘密")
        uow._session.execute(text("ALTER TABLE audit_log RENAME TO audit_log_gone"))
    answer = agent.get(f"/patients/{patient.id}")
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal_error"
    assert answer.json()["incident"] in answer.json()["reason"]
    for secret in ("audit_log", "秘密", "psycopg", "sqlalchemy", ".py"):
        assert secret not in answer.text.lower()


def test_what_was_asked_stands_in_no_answer_to_a_bad_request(agent: Asking) -> None:
    answer = agent.post("/patients", {"record_number": "R-1", "name": ["李秘密"], "born": "李秘密"})
    assert answer.status_code == 422
    assert "李秘密" not in answer.text


def test_answers_carry_the_headers_that_keep_browsers_careful(house: House, agent: Asking) -> None:
    for answer in (agent.get("/me"), agent.get("/nothing-here"), house.client.get("/healthz")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "no-store" in answer.headers["cache-control"]
        assert "access-control-allow-origin" not in answer.headers


def test_health_is_open_and_a_plain_page_lists_the_routes(house: House) -> None:
    assert house.client.get("/healthz").json() == {"state": "alive"}
    assert house.client.get("/readyz").json() == {"state": "ready"}
    page = house.client.get("/api")
    assert page.headers["content-type"].startswith("text/html")
    assert "/api/v1/patients" in page.text
    assert house.client.get(f"{PREFIX}/openapi.json").json()["openapi"].startswith("3.1")
