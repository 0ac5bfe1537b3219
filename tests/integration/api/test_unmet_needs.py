"""The largest unmet needs agree with the raw rows: counted by hand, along every side, and drilled into."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from care.history import HistoryEntry, HistoryKind
from care.patients import Patient
from db.request_making import make_request
from db.unit_of_work import UnitOfWork
from db.users import Role
from followup.alerts import Alert, AlertLevel, AlertSource, AlertState
from followup.attempts import AttemptState
from followup.outcomes import AttemptOutcome, TaskOutcome
from followup.plans import TaskState
from followup.requests import RequestKind
from runtime.embedded import Engines
from runtime.identifiers import new_id
from tests.integration.api.house import Asking, House, open_house
from tests.support.builders import a_patient, a_queue, a_task, a_user, an_agent, an_attempt


@pytest.fixture(scope="module")
def house(module_database_url: str, engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with open_house(module_database_url, engines.broker_url, tmp_path_factory.mktemp("house")) as opened:
        yield opened


def ill(uow: UnitOfWork, code: str) -> Patient:
    patient = a_patient(uow)
    uow.history.put(
        HistoryEntry(
            id=new_id(),
            patient_id=patient.id,
            kind=HistoryKind.CONDITION,
            code=code,
            name=code,
            source="hand:test",
            source_key=code,
            recorded_at=uow.now,
        )
    )
    return patient


@pytest.fixture(scope="module")
def people(house: House) -> dict[str, str]:
    """Fourteen needs that are not met, and their like that are."""
    with house.rows() as uow:
        lung, sugar = ill(uow, "J44.9"), ill(uow, "E11.9")
        wang, li = a_user(uow, display_name="王护士"), a_user(uow, display_name="李护士")
        queue = a_queue(uow)
        caller = an_agent(uow, queue)
        today = uow.now.date()

        def request(cause: str, patient: Patient | None, owner: str, *departments: str, **more: Any) -> Any:
            made = make_request(
                uow,
                kind=more.pop("kind", RequestKind.COMPLAINT),
                cause=cause,
                text="等了很久",
                due_on=today,
                received_by=owner,
                owner_id=owner,
                patient_id=patient.id if patient else None,
                **more,
            )
            made.departments = list(departments)
            return made

        for _ in range(3):
            request("waiting-time", lung, wang.id, "超声科")
        request("waiting-time", sugar, li.id, "超声科", "内科")
        request("cost", sugar, li.id)
        request("medicine", None, li.id, "药剂科")
        answered = request("cost", sugar, li.id)
        answered.reply, answered.replied_at = "已说明", uow.now
        request("thanks", sugar, li.id, kind=RequestKind.PRAISE)
        old = request("cost", sugar, li.id)
        old.received_at = uow.now - timedelta(days=200)

        def alert(code: str, patient: Patient, **more: Any) -> None:
            uow.alerts.add(
                Alert(
                    **{
                        "id": new_id(),
                        "patient_id": patient.id,
                        "department": "内科",
                        "source": AlertSource.PERSON,
                        "code": code,
                        "level": AlertLevel.RED,
                        "raised_at": uow.now,
                        **more,
                    }
                )
            )

        alert("chest_pain", lung)
        alert("chest_pain", sugar)
        alert("fainting", sugar, state=AlertState.CLOSED)

        past = uow.now - timedelta(days=3)
        window = {"due_at": past - timedelta(days=1), "latest_at": past}
        for patient, outcome in (
            (lung, TaskOutcome.LOST_TO_FOLLOW_UP),
            (lung, TaskOutcome.LOST_TO_FOLLOW_UP),
            (sugar, TaskOutcome.LOST_TO_FOLLOW_UP),
            (sugar, TaskOutcome.REFUSED),
        ):
            state = TaskState(outcome.value.replace("-", "_"))
            task = a_task(uow, patient, queue, state=state, outcome=outcome, **window)
            an_attempt(
                uow,
                task,
                agent_id=caller.id,
                state=AttemptState.CLOSED,
                outcome=AttemptOutcome.NO_ANSWER,
                closed_at=uow.now,
            )
        a_task(uow, sugar, queue, state=TaskState.DUE, **window)
        a_task(uow, lung, queue, state=TaskState.DUE, **window)
        a_task(uow, lung, queue, state=TaskState.COMPLETED, outcome=TaskOutcome.COMPLETED, **window)
        a_task(uow, lung, queue)  # it may be called until tomorrow
    return {"lung": lung.id, "sugar": sugar.id, "wang": wang.id, "li": li.id, "caller": caller.id}


@pytest.fixture(scope="module")
def leader(house: House, people: dict[str, str]) -> Asking:
    return house.caller(Role.SUPERVISOR)


def top(leader: Asking, by: str, **query: Any) -> list[tuple[str, int, int]]:
    answer = leader.get("/unmet-needs", params={"by": by, **query})
    assert answer.status_code == 200, answer.text
    return [(group["key"], group["needs"], group["patients"]) for group in answer.json()["groups"]]


def test_the_five_largest_reasons_are_those_counted_by_hand(leader: Asking) -> None:
    assert top(leader, "reason") == [
        ("request:waiting-time", 4, 2),
        ("contact:lost-to-follow-up", 3, 2),
        ("alert:chest_pain", 2, 2),
        ("contact:overdue", 2, 2),
        ("contact:refused", 1, 1),
    ]
    whole = leader.get("/unmet-needs", params={"by": "reason", "top": 50}).json()
    assert whole["total"] == sum(group["needs"] for group in whole["groups"]) == 14
    assert whole["groups"][0]["title"] == {"zh": "等候时间长", "en": "long waiting"}
    assert whole["groups"][1]["title"] == {"zh": "失访", "en": "could not be reached"}


def test_departments_illnesses_and_agents_are_counted_each_where_it_concerns_them(
    leader: Asking, people: dict[str, str]
) -> None:
    assert top(leader, "department") == [("", 7, 2), ("超声科", 4, 2), ("内科", 3, 2), ("药剂科", 1, 0)]
    illnesses = {key: (needs, patients) for key, needs, patients in top(leader, "illness", top=20)}
    assert (illnesses["copd"], illnesses["type_2_diabetes"], illnesses[""]) == ((7, 1), (6, 1), (1, 0))
    agents = {key: needs for key, needs, _ in top(leader, "agent")}
    assert agents == {people["wang"]: 3, people["li"]: 3, people["caller"]: 4, "": 4}
    named = leader.get("/unmet-needs", params={"by": "agent", "agent": people["wang"]}).json()["groups"]
    assert [group["title"]["zh"] for group in named] == ["王护士"]


@pytest.mark.parametrize("by", ["reason", "department", "illness", "agent"])
def test_every_figure_is_as_many_rows_as_it_says(leader: Asking, by: str) -> None:
    for key, needs, patients in top(leader, by, top=50):
        rows: list[dict[str, Any]] = []
        after = None
        while True:
            query = {by: key, "limit": 2, **({"after": after} if after else {})}
            page = leader.get("/unmet-needs/rows", params=query).json()
            rows += page["needs"]
            after = page["next"]
            if after is None:
                break
        assert len(rows) == len({row["id"] for row in rows}) == needs
        assert len({row["patient_id"] for row in rows} - {None}) == patients


def test_sides_kinds_and_days_narrow_what_is_counted(leader: Asking, house: House) -> None:
    assert top(leader, "reason", department="内科") == [("alert:chest_pain", 2, 2), ("request:waiting-time", 1, 1)]
    assert top(leader, "reason", illness="copd", kind="contact") == [
        ("contact:lost-to-follow-up", 2, 1),
        ("contact:overdue", 1, 1),
    ]
    with house.units() as uow:
        since = uow.now - timedelta(days=300)
    assert ("request:cost", 2, 1) in top(leader, "reason", since=since.isoformat(), top=20)
    kinds = Counter(row["kind"] for row in leader.get("/unmet-needs/rows", params={"limit": 200}).json()["needs"])
    assert kinds == {"request": 6, "contact": 6, "alert": 2}
    far = leader.get("/unmet-needs", params={"since": (since - timedelta(days=900)).isoformat()})
    assert (far.status_code, far.json()["field"]) == (422, "since")


def test_a_doctor_counts_only_the_requests_that_he_may_see(house: House, leader: Asking) -> None:
    doctor = house.caller(Role.DOCTOR)
    assert {key.split(":")[0] for key, _, _ in top(doctor, "reason", top=50)} == {"alert", "contact"}
