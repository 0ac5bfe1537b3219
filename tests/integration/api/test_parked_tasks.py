"""Tasks that failed for good: listed, sent again once, let go with a reason; never by those who may not."""

from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from db.task_parking import park, why
from db.users import Role
from followup.events import EventKind
from runtime.identifiers import new_id
from tests.integration.api.house import House


@pytest.fixture
def parked(house: House) -> str:
    with house.rows() as uow:
        return park(uow, name="recordings.ingest", subject=new_id(), reason="OSError: no room").id


def rows_of(house: House, kind: EventKind) -> list[str]:
    with house.units() as uow:
        return [row.subject for row in uow.outbox.unpublished() if row.kind == kind]


def the_only(house: House, **query: Any) -> dict[str, Any]:
    answer = house.caller(Role.SUPERVISOR).get("/parked-tasks", params=query).json()
    (found,) = answer["parked_tasks"]
    return dict(found)


def test_a_task_that_fails_again_is_one_row_that_counts(house: House, parked: str) -> None:
    with house.rows() as uow:
        first = uow.parked.get(parked)
        assert first is not None
        park(uow, name=first.name, subject=first.subject, reason="OSError: still no room")
    seen = the_only(house)
    assert (seen["id"], seen["times"], seen["reason"]) == (parked, 2, "OSError: still no room")
    assert rows_of(house, EventKind.TASK_PARKED) == [parked]


def test_replaying_sends_it_once_and_a_second_replay_is_refused(house: House, parked: str) -> None:
    admin = house.caller(Role.ADMIN)
    assert admin.post(f"/parked-tasks/{parked}/replay", {"because": "the disk has room"}).json()["state"] == "replayed"
    refused = admin.post(f"/parked-tasks/{parked}/replay", {"because": "again"})
    assert (refused.status_code, refused.json()["code"]) == (409, "not_possible_now")
    assert rows_of(house, EventKind.TASK_REPLAYED) == [parked]
    assert house.caller(Role.ADMIN).get("/parked-tasks").json()["waiting"] == 0
    assert the_only(house, state="replayed")["settled_because"] == "the disk has room"


def test_after_a_replay_that_fails_it_is_parked_anew(house: House, parked: str) -> None:
    house.caller(Role.ADMIN).post(f"/parked-tasks/{parked}/replay", {"because": "the disk has room"})
    with house.rows() as uow:
        before = uow.parked.get(parked)
        assert before is not None
        again = park(uow, name=before.name, subject=before.subject, reason="OSError: no room")
    assert again.id != parked
    assert the_only(house)["times"] == 1


def test_dismissing_needs_a_reason_and_a_known_task(house: House, parked: str) -> None:
    admin = house.caller(Role.ADMIN)
    assert admin.post(f"/parked-tasks/{parked}/dismiss", {"because": ""}).status_code == 422
    assert admin.post(f"/parked-tasks/{new_id()}/dismiss", {"because": "gone"}).json()["code"] == "unknown_parked_task"
    assert admin.post(f"/parked-tasks/{parked}/dismiss", {"because": "call was a test"}).json()["state"] == "dismissed"
    with house.units() as uow:
        (entry,) = uow.audit.of_subject("parked_task", parked)
    assert (entry.action, entry.detail["because"]) == ("task_dismissed", "call was a test")


def test_a_reason_never_holds_what_a_database_error_says() -> None:
    assert why(DBAPIError("SELECT 1", {"name": "王敏"}, Exception("Key (name)=(王敏)"))) == "DBAPIError"
    assert why(ValueError("x" * 900)) == f"ValueError: {'x' * 488}"
