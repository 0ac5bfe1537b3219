"""The audit log for administrators: found by who, what, whose and when, and checked to its end."""

from sqlalchemy import text

from db.users import Role
from runtime.identifiers import new_id
from tests.integration.api.house import House
from tests.support.builders import a_patient


def seal(house: House) -> None:
    with house.rows() as uow:
        uow.audit_chain.seal(limit=10_000)


def test_rows_are_found_by_who_what_whose_and_when(house: House) -> None:
    admin, nurse = house.caller(Role.ADMIN), house.caller(Role.AGENT, Role.SUPERVISOR)
    with house.rows() as uow:
        patient, other = a_patient(uow), a_patient(uow)
        number = patient.record_number
        for _ in range(3):
            for each in (patient, other):
                uow.audit.note(
                    user_id=nurse.user_id,
                    action="record_seen",
                    subject_kind="patient",
                    subject=each.id,
                    patient_id=each.id,
                )
    whose = admin.post("/audit/search", {"record_number": number, "action": "record_seen"}).json()
    assert len(whose["rows"]) == 3
    assert {row["patient_id"] for row in whose["rows"]} == {patient.id}
    assert whose["rows"][0]["user_name"] == "王敏"
    who = admin.post("/audit/search", {"user_id": nurse.user_id, "action": "record_seen", "limit": 4}).json()
    rest = admin.post(
        "/audit/search", {"user_id": nurse.user_id, "action": "record_seen", "limit": 4, "before": who["before"]}
    ).json()
    assert [len(who["rows"]), len(rest["rows"]), rest["before"]] == [4, 2, None]
    positions = [row["position"] for row in [*who["rows"], *rest["rows"]]]
    assert positions == sorted(positions, reverse=True)
    last = who["rows"][0]["at"]
    assert admin.post("/audit/search", {"until": last, "user_id": nurse.user_id}).json()["rows"] == []
    assert admin.post("/audit/search", {"record_number": "none such"}).status_code == 404
    assert "record_seen" in admin.get("/audit/actions").json()["actions"]
    searches = admin.post("/audit/search", {"action": "audit_log_searched", "subject": patient.id}).json()["rows"]
    assert len(searches) == 1


def test_nobody_but_an_administrator_reads_the_log(house: House) -> None:
    for role in set(Role) - {Role.ADMIN}:
        assert house.caller(role).post("/audit/search", {}).status_code == 403


def test_the_chain_is_checked_to_its_end_and_a_changed_row_is_told(house: House) -> None:
    admin = house.caller(Role.ADMIN)
    seal(house)
    state = admin.get("/audit/chain").json()
    assert state["sealed"] > 0
    assert state["unsealed"] == 0
    checked = admin.post("/audit/checks", {}).json()
    assert checked["done"] is True
    assert checked["faults"] == []
    assert checked["checked_to"] == state["sealed"]
    with house.units.engine.begin() as connection:
        connection.execute(text("ALTER TABLE audit_log DISABLE TRIGGER USER"))
        connection.execute(
            text("UPDATE audit_log SET user_id = :other WHERE position = (SELECT min(position) FROM audit_log)"),
            {"other": new_id()},
        )
        connection.execute(text("ALTER TABLE audit_log ENABLE TRIGGER USER"))
    (fault,) = admin.post("/audit/checks", {}).json()["faults"]
    assert "was changed after it was sealed" in fault


def test_the_system_tells_what_runs_and_what_waits(house: House) -> None:
    admin = house.caller(Role.ADMIN)
    told = admin.get("/system").json()
    assert told["unsealed_audit_rows"] > 0
    assert told["parked_tasks"] == 0
    assert told["database_bytes"] > 1_000_000
    assert [each["name"] for each in told["processes"]]
    assert admin.get("/system/findings").json()["findings"] == []
    assert house.caller(Role.AGENT).get("/system").status_code == 403
