"""What the API says of a call that may not be made, and how hours, objections and exceptions are written down."""

from datetime import timedelta
from typing import Any

from care.consent import Purpose
from care.patients import Patient
from followup.plans import Task
from tests.integration.api.house import Asking, House
from tests.support.builders import a_patient, a_queue, a_task

ALL_DAY = {"start": "00:00", "end": "23:59"}


def a_case(house: House, **values: Any) -> tuple[Patient, Task]:
    with house.rows() as uow:
        patient = a_patient(uow)
        return patient, a_task(uow, patient, a_queue(uow), **values)


def test_what_speaks_against_a_call_is_told_in_two_languages_with_its_end(house: House, agent: Asking) -> None:
    _, task = a_case(house)
    assert agent.get(f"/tasks/{task.id}/may-call").json()["allowed"] is True
    with house.units() as uow:
        tomorrow = uow.now + timedelta(days=1)
    _, later = a_case(house, due_at=tomorrow)
    told = agent.get(f"/tasks/{later.id}/may-call").json()
    assert [reason["code"] for reason in told["reasons"]] == ["before_window"]
    assert told["reasons"][0]["zh"]
    assert told["reasons"][0]["field"] == "earliest_at"
    assert told["possible_at"].startswith(tomorrow.isoformat()[:16])
    assert told["profile_status"] == "draft"


def test_own_hours_are_kept_and_those_without_any_time_are_refused(house: House, agent: Asking) -> None:
    patient, _ = a_case(house)
    path = f"/patients/{patient.id}/own-hours"
    assert agent.get(path).json()["spans"] == []
    kept = agent.put(path, {"spans": [ALL_DAY | {"weekdays": [1, 2, 3]}], "wish": True, "source": "call"})
    assert kept.status_code == 200, kept.text
    assert agent.get(path).json()["spans"] == [{"start": "00:00:00", "end": "23:59:00", "weekdays": [1, 2, 3]}]
    assert agent.put(path, {"spans": [{"start": "12:00", "end": "11:00"}], "source": "call"}).status_code == 422
    assert agent.put(path, {"spans": [ALL_DAY | {"weekdays": [8]}], "source": "call"}).status_code == 422
    assert agent.delete(path).json()["spans"] == []
    with house.units() as uow:
        actions = [row.action for row in uow.audit.of_subject("patient", patient.id)]
    assert actions.count("own_hours_changed") == 1
    assert "own_hours_dropped" in actions


def test_an_objection_is_lifted_with_a_reason_and_stays_to_be_read(
    house: House, agent: Asking, supervisor: Asking
) -> None:
    patient, task = a_case(house)
    ask = {"source": "letter", "reason": "wants no calls at all"}
    made = agent.post(f"/patients/{patient.id}/objections", ask).json()
    assert [entry["purpose"] for entry in made["entries"]] == [None]
    assert made["tasks_closed"] == 0  # care is put before a person, never closed by itself
    path = f"/tasks/{task.id}/may-call"
    assert [reason["code"] for reason in agent.get(path).json()["reasons"]] == ["do_not_call"]

    with house.units() as uow:
        soon, long = uow.now + timedelta(hours=2), uow.now + timedelta(days=90)
    word = {"doctor": "林医生", "reason": "potassium 6.1 has to be told", "task_id": task.id}
    assert agent.post(f"/patients/{patient.id}/exceptions", word | {"expires_at": soon.isoformat()}).status_code == 403
    too_long = supervisor.post(f"/patients/{patient.id}/exceptions", word | {"expires_at": long.isoformat()})
    assert too_long.status_code == 422
    given = supervisor.post(f"/patients/{patient.id}/exceptions", word | {"expires_at": soon.isoformat()})
    assert given.status_code == 201, given.text
    told = agent.get(path).json()
    assert (told["allowed"], told["lifted"]) == (True, ["do_not_call"])
    ended = supervisor.post(f"/patients/{patient.id}/exceptions/{given.json()['id']}/end")
    assert ended.json()["ended_at"]
    assert agent.get(path).json()["allowed"] is False

    entry = made["entries"][0]["id"]
    assert agent.post(f"/objections/{entry}/lift", {"reason": "asked to be rung again"}).status_code == 200
    assert agent.post(f"/objections/{entry}/lift", {"reason": "asked to be rung again"}).status_code == 409
    assert agent.get(path).json()["allowed"] is True
    (kept,) = agent.get(f"/patients/{patient.id}/do-not-call").json()["entries"]
    assert (kept["lifted_because"], kept["source"]) == ("asked to be rung again", "letter")


def test_a_number_is_closed_whoever_it_belongs_to(house: House, agent: Asking, supervisor: Asking) -> None:
    patient, task = a_case(house)
    number = patient.contact_points[0].number
    ask = {"number": number, "source": "authority", "reason": "an office", "purposes": [Purpose.CARE]}
    assert supervisor.post("/objections", ask).status_code == 201
    assert [r["code"] for r in agent.get(f"/tasks/{task.id}/may-call").json()["reasons"]] == ["do_not_call"]
    assert agent.get(f"/patients/{patient.id}/do-not-call").json()["entries"] == []
