"""A creating or commanding request is done once, however often it is sent."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy import text

from db.users import Role
from runtime.identifiers import new_id
from tests.integration.api.house import Asking, House

PATIENT = {"record_number": "R-1", "name": "张三"}


def patients(house: House) -> int:
    with house.units.engine.connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM patients")).scalar_one())


def test_without_a_key_nothing_is_done(house: House, agent: Asking) -> None:
    refused = agent.post("/patients", PATIENT, key=None)
    assert (refused.status_code, refused.json()["code"]) == (400, "idempotency_key_missing")
    assert refused.json()["field"] == "Idempotency-Key"
    assert patients(house) == 0


def test_the_same_request_again_gets_the_same_answer(house: House, agent: Asking) -> None:
    key = new_id()
    first = agent.post("/patients", PATIENT, key=key)
    second = agent.post("/patients", PATIENT, key=key)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert second.headers["idempotency-replayed"] == "true"
    assert patients(house) == 1


def test_another_body_under_the_same_key_is_refused(house: House, agent: Asking) -> None:
    key = new_id()
    agent.post("/patients", PATIENT, key=key)
    other = agent.post("/patients", {**PATIENT, "record_number": "R-2"}, key=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert patients(house) == 1


def test_a_key_belongs_to_its_user(house: House, agent: Asking) -> None:
    key = new_id()
    agent.post("/patients", PATIENT, key=key)
    other = house.caller(Role.AGENT).post("/patients", {**PATIENT, "record_number": "R-2"}, key=key)
    assert other.status_code == 201
    assert patients(house) == 2


def test_a_refused_request_leaves_its_key_free(house: House, agent: Asking) -> None:
    key = new_id()
    agent.post("/patients", PATIENT)
    assert agent.post("/patients", PATIENT, key=key).json()["code"] == "taken"
    assert agent.post("/patients", {**PATIENT, "record_number": "R-2"}, key=key).status_code == 201


def test_after_a_day_a_key_is_new_again(house: House, agent: Asking) -> None:
    key = new_id()
    agent.post("/patients", PATIENT, key=key)
    with house.rows() as uow:
        uow._session.execute(text("UPDATE stored_answers SET created_at = created_at - interval '25 hours'"))
    later = agent.post("/patients", {**PATIENT, "record_number": "R-2"}, key=key)
    assert later.status_code == 201
    assert "idempotency-replayed" not in later.headers


@contextmanager
def being_answered(house: House, user_id: str, key: str) -> Iterator[None]:
    """As if another request with this key were in the middle of its transaction."""
    with house.units() as uow:
        assert uow.lead(f"answer:{user_id}:{key}")
        yield


def test_a_request_in_flight_is_not_begun_again(house: House, agent: Asking) -> None:
    key = new_id()
    with being_answered(house, agent.user_id, key):
        waiting = agent.post("/patients", PATIENT, key=key)
        assert (waiting.status_code, waiting.json()["code"]) == (409, "request_in_flight")
        assert waiting.headers["retry-after"] == "1"
    assert agent.post("/patients", PATIENT, key=key).status_code == 201


def test_twenty_senders_of_one_request_make_one_patient(house: House, agent: Asking) -> None:
    key = new_id()
    statuses: list[int] = []
    threads = [
        threading.Thread(target=lambda: statuses.append(agent.post("/patients", PATIENT, key=key).status_code))
        for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timedelta(seconds=60).total_seconds())
    assert patients(house) == 1
    assert set(statuses) <= {201, 409}
    assert 201 in statuses


def test_a_replayed_command_is_not_done_again(house: House, supervisor: Asking) -> None:
    made = supervisor.post("/queues", {"name": "discharge", "mode": "agent", "purpose": "care"}).json()
    key = new_id()
    paused = supervisor.post(f"/queues/{made['id']}/pause", key=key)
    supervisor.post(f"/queues/{made['id']}/resume")
    again = supervisor.post(f"/queues/{made['id']}/pause", key=key)
    assert again.json() == paused.json()
    queues = supervisor.get("/queues").json()["queues"]
    assert [queue["paused"] for queue in queues] == [False]
