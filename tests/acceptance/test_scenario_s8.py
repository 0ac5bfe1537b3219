"""Scenario S8: a patient writes that his glucose is low, and rings from another telephone a little later."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from db.users import Role
from followup.inbound import InboundRules, InboundState
from followup.messages import MessageState
from followup.plans import Task, TaskMode, TaskState
from runtime.embedded import Engines
from runtime.settings import Settings
from telephony.line_script import press
from tests.integration.api.house import Asking
from tests.support.feeds import Sender
from tests.support.scenario import Scenario, in_hospital_time, scenario
from tests.support.switchboard import ShortPrompts
from tests.support.waiting import until
from tests.support.working_hospital import CALL_BACK_NUMBER, a_roster, settings_of, settle, working

HIS, ANOTHER = "+8619900000006", "+8619900000066"
DEPARTMENT = "*"
DUTY = {"nurse": "+8619900000091", "doctor": "+8619900000092", "head": "+8619900000093"}


@pytest.fixture
def played(database_url: str, broker_url: str, tmp_path: Path) -> Iterator[Scenario]:
    with scenario(
        database_url,
        broker_url,
        tmp_path,
        starts="2026-11-24 08:20",
        phones={ANOTHER: (press("0", after=0.3),)},
        voice=ShortPrompts(folder=tmp_path / "prompts"),
        inbound=InboundRules(patience=timedelta(minutes=5), offer=timedelta(minutes=5)),
    ) as hospital:
        app = hospital.house.app
        app.state.wiring = replace(app.state.wiring, call_back_number=CALL_BACK_NUMBER)
        yield hospital


@pytest.fixture
def settings(played: Scenario, engines: Engines) -> Settings:
    return settings_of(played, engines)


@pytest.fixture(autouse=True)
def at_work(played: Scenario, settings: Settings) -> Iterator[Sender]:
    with working(played, settings) as sender:
        yield sender


@pytest.fixture
def carrier(played: Scenario) -> Asking:
    """Whoever hands texts over for the carrier."""
    return played.ask(Role.REGISTRAR)


@pytest.fixture
def nurse(played: Scenario) -> Asking:
    return played.ask(Role.AGENT)


@pytest.fixture
def patient_id(played: Scenario) -> str:
    """He has diabetes and agreed to be called and written to; somebody is on duty."""
    a_roster(played.ask(Role.SUPERVISOR), DEPARTMENT, DUTY, since="2026-11-24 08:00", until="2026-11-25 08:00")
    opened = played.ask(Role.REGISTRAR).post(
        "/cards",
        {
            "name": "吴国强",
            "born": "1961-03-09",
            "synthetic": True,
            "contact_points": [{"number": HIS}],
            "consents": [{"purpose": "care", "scope": scope, "granted": True} for scope in ("phone", "sms")],
        },
    )
    assert opened.status_code == 201, opened.text
    return str(opened.json()["patient_id"])


def writes(carrier: Asking, text: str, name: str, *, address: str = HIS) -> dict[str, Any]:
    """A text comes in under its carrier's name for it."""
    ask = {"channel": "sms", "provider_id": name, "address": address, "text": text}
    taken = carrier.post("/received-messages", ask)
    assert taken.status_code == 201, taken.text
    found: dict[str, Any] = taken.json()
    return found


def read(asking: Asking, path: str) -> dict[str, Any]:
    answer = asking.get(path)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def calls_wanted(played: Scenario, patient_id: str) -> list[Task]:
    with played.units() as uow:
        return sorted(uow.plans.tasks_of_patient(patient_id), key=lambda task: task.target_at)


def answers(asking: Asking, patient_id: str) -> list[dict[str, Any]]:
    """The messages that went to him."""
    sent: list[dict[str, Any]] = read(asking, f"/patients/{patient_id}/messages")["messages"]
    return sent


def test_a_low_value_is_kept_alarms_is_answered_once_and_rung_about_at_once_and_after_15_minutes(
    played: Scenario, settings: Settings, carrier: Asking, nurse: Asking, patient_id: str
) -> None:
    first = writes(carrier, "血糖3.5 手抖", "SMS-1")
    settle(played, settings)
    again = writes(carrier, "血糖3.5 手抖", "SMS-1")
    settle(played, settings)
    assert (again["id"], first["times"], again["times"]) == (first["id"], 1, 2)
    # The value, and what it is a sign of.
    (result,) = read(nurse, f"/patients/{patient_id}/results")["results"]
    assert (result["code"], result["value"], result["source"]) == ("glucose", 3.5, "message:sms")
    (alert,) = read(nurse, "/alerts")["alerts"]
    assert (alert["level"], alert["code"], alert["patient_id"]) == ("amber", "glucose_low", patient_id)
    # The answer, at 08:20, before the hours in which anybody is rung: he has just written.
    (answer,) = answers(nurse, patient_id)
    assert (answer["state"], answer["text_key"]) == (MessageState.SENT, "reply:glucose_low")
    assert "立即进食15g糖" in answer["text"]
    assert CALL_BACK_NUMBER in answer["text"]
    # The calls.
    now, later = calls_wanted(played, patient_id)
    assert (now.mode, now.priority, later.priority, later.form) == (TaskMode.AGENT, 1, 1, "home_glucose")
    assert now.target_at - in_hospital_time("2026-11-24 08:20") < timedelta(seconds=20)
    assert later.earliest_at - now.earliest_at == timedelta(minutes=15)
    told = [str(line) for line in read(nurse, f"/alerts/{alert['id']}")["story"]]
    assert sum("told" in line for line in told) == 1, "one event, however often the carrier tells it"


def test_he_rings_from_another_telephone_and_who_takes_it_sees_both_threads_once_he_has_said_who_he_is(
    played: Scenario, settings: Settings, carrier: Asking, patient_id: str
) -> None:
    writes(carrier, "血糖3.5 手抖", "SMS-1")
    settle(played, settings)
    now, later = calls_wanted(played, patient_id)
    # With the shipped hours nobody takes callers before half past eight.
    played.move_to("2026-11-24 08:31")
    nurse = played.ask(Role.AGENT)
    with played.rows() as uow:
        desk = uow.queues.agent_for_update(nurse.user_id)
        assert desk is not None
        desk.queues = [queue.id for queue in uow.queues.all() if queue.mode is TaskMode.AGENT]
    played.seat(nurse.user_id, "+8659155501001")
    played.place.control.ring_in(caller=ANOTHER, called="+865955550100")
    offered = until(lambda: shown(nurse, InboundState.OFFERED), timeout=10, what="he is offered to the nurse")
    # Before he has said who he is: a number that is nobody's, and no word of anybody.
    assert (offered["candidates"], offered["people"], offered["patient_id"]) == (0, [], None)
    inbound = f"/inbound-calls/{offered['id']}"
    assert nurse.post(f"{inbound}/accept").status_code == 202
    until(lambda: shown(nurse, InboundState.CONNECTED), timeout=10, what="they hear each other")
    early = nurse.post(f"{inbound}/link", {"task_id": now.id})
    assert (early.status_code, early.json()["field"]) == (409, "identity")
    said = {"patient_id": patient_id, "confirmed": True, "identifiers": ["name", "born"]}
    assert nurse.post(f"{inbound}/identity", said).json()["patient_id"] == patient_id
    # Now both threads are one: he was rung about it, wrote, was answered, and rings.
    linked = nurse.post(f"{inbound}/link", {"task_id": now.id})
    assert linked.status_code == 200, linked.text
    items = read(nurse, f"/patients/{patient_id}/timeline")["items"]
    messages = [each["facts"] for each in items if each["kind"] == "message"]
    assert {(each["direction"], each.get("text_key")) for each in messages} == {
        ("in", None),
        ("out", "reply:glucose_low"),
    }
    assert [each["id"] for each in items if each["kind"] == "call"] == [linked.json()["call_id"]]
    (written,) = read(nurse, f"/patients/{patient_id}/received-messages")["messages"]
    assert written["text"] == "血糖3.5 手抖"
    assert ANOTHER not in str(written)
    with played.units() as uow:
        again = uow.plans.task(later.id)
        assert again is not None
        assert again.state is TaskState.PLANNED, "he is rung again after a quarter of an hour"


def shown(nurse: Asking, state: InboundState) -> dict[str, Any] | None:
    """The caller on her screen, in this state."""
    rows = read(nurse, "/inbound-calls?live=true")["inbound_calls"]
    return next((each for each in rows if each["state"] == state), None)


def test_low_with_confusion_is_red(
    played: Scenario, settings: Settings, carrier: Asking, nurse: Asking, patient_id: str
) -> None:
    writes(carrier, "血糖3.2 有点糊涂", "SMS-2")
    settle(played, settings)
    alerts = {each["code"]: each["level"] for each in read(nurse, "/alerts")["alerts"]}
    assert alerts["glucose_low_with_confusion"] == "red"
    assert "glucose_low" not in alerts
    (answer,) = answers(nurse, patient_id)
    assert "120" in answer["text"]


def test_35_is_asked_back_and_never_kept(
    played: Scenario, settings: Settings, carrier: Asking, nurse: Asking, patient_id: str
) -> None:
    taken = writes(carrier, "血糖35", "SMS-3")
    settle(played, settings)
    assert taken["state"] == "queried"
    assert read(nurse, f"/patients/{patient_id}/results")["results"] == []
    (answer,) = answers(nurse, patient_id)
    assert answer["text_key"] == "reply:query"
    (waiting,) = read(nurse, "/received-messages")["messages"]
    assert (waiting["id"], waiting["patient_id"]) == (taken["id"], patient_id)
    assert nurse.post(f"/received-messages/{taken['id']}/seen").json()["seen_by"] == nurse.user_id
    assert read(nurse, "/received-messages")["messages"] == []


def test_a_text_from_a_number_that_is_nobodys_waits_until_somebody_has_found_out_whose_it_is(
    played: Scenario, settings: Settings, carrier: Asking, nurse: Asking, patient_id: str
) -> None:
    taken = writes(carrier, "血糖3.5", "SMS-4", address=ANOTHER)
    settle(played, settings)
    assert taken["state"] == "unplaced"
    assert read(nurse, "/alerts")["alerts"] == []
    placed = nurse.post(f"/received-messages/{taken['id']}/patient", {"patient_id": patient_id}).json()
    assert (placed["state"], placed["values"]) == ("read", [{"code": "glucose", "value": 3.5, "unit": "mmol/L"}])
    settle(played, settings)
    assert [each["code"] for each in read(nurse, "/alerts")["alerts"]] == ["glucose_low"]
    assert answers(nurse, patient_id) == [], "a number that is not known to be his gets no word about his health"
    twice = nurse.post(f"/received-messages/{taken['id']}/patient", {"patient_id": patient_id})
    assert twice.status_code == 409
