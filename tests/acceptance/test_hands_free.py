"""A discharge message alone leads, without hands, to a plan, an automated call, a form, a note and the next task.

What people did before stands in the fixtures: a card with her consents, and a duty roster. After the message nobody
does anything but the patient, whose telephone presses keys.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from db.users import Role
from followup.outcomes import AttemptOutcome
from followup.plans import Task, TaskMode, TaskState
from runtime.embedded import Engines
from runtime.settings import Settings
from telephony.line_script import LineScript, answer, press, ring
from tests.support.feeds import Sender, adt, pid
from tests.support.scenario import Scenario, in_hospital_time, scenario
from tests.support.switchboard import ShortPrompts
from tests.support.working_hospital import a_roster, settings_of, settle, working

ID_NUMBER = "990101195508082021"
PHONE = "19900000002"
P2 = pid("K-1002", name="李秀兰", born="19550808", sex="F", card=ID_NUMBER, phone=PHONE)
CARDIOLOGY = "心内科"
DISCHARGED = "2026-11-20 10:00"
DUTY = {"nurse": "+8619900000091", "doctor": "+8619900000092", "head": "+8619900000093"}


def keys(*entries: str) -> LineScript:
    """Picks up, listens, and enters these one after another."""
    steps = [ring(0.0), answer(0.05)]
    for entry in entries:
        steps += [press(key, after=0.05 if place else 1.2) for place, key in enumerate(entry)]
    return steps


@pytest.fixture
def played(database_url: str, broker_url: str, tmp_path: Path) -> Iterator[Scenario]:
    phones = {f"+86{PHONE}": keys("0808#", "612#")}
    voice = ShortPrompts(folder=tmp_path / "prompts")
    with scenario(
        database_url, broker_url, tmp_path, starts="2026-11-20 09:50", phones=phones, voice=voice
    ) as hospital:
        yield hospital


@pytest.fixture
def settings(played: Scenario, engines: Engines) -> Settings:
    return settings_of(played, engines)


@pytest.fixture
def his(played: Scenario, settings: Settings) -> Iterator[Sender]:
    with working(played, settings) as sender:
        yield sender


@pytest.fixture
def patient_id(played: Scenario, his: Sender) -> str:
    """P2 has a card and agreed to calls, also of a machine; her department has somebody on duty."""
    a_roster(played.ask(Role.SUPERVISOR), CARDIOLOGY, DUTY, since="2026-11-20 08:00", until="2026-11-27 08:00")
    opened = played.ask(Role.REGISTRAR).post(
        "/cards",
        {
            "name": "李秀兰",
            "synthetic": True,
            "identifiers": [{"kind": "id_card", "value": ID_NUMBER}],
            "contact_points": [{"number": f"+86{PHONE}"}],
            "consents": [
                {"purpose": "care", "scope": scope, "granted": True}
                for scope in ("phone", "automated_phone", "recording")
            ],
        },
    )
    assert opened.status_code == 201, opened.text
    return str(opened.json()["patient_id"])


def tasks(played: Scenario, patient_id: str) -> dict[str, Task]:
    """The tasks of her only plan by step."""
    with played.units() as uow:
        (plan,) = uow.plans.plans_of_patient(patient_id)
        return {task.step_key: task for task in uow.plans.tasks_of_plan(plan.id) if task.step_key}


def read(asking: Any, path: str) -> Any:
    answered = asking.get(path)
    assert answered.status_code == 200, answered.text
    return answered.json()


def test_the_message_alone_sent_twice(played: Scenario, his: Sender, settings: Settings, patient_id: str) -> None:
    at = in_hospital_time(DISCHARGED)
    text = adt(
        "A03", "MSG-1", at=at, person=P2, visit="ZY2026-80", discharged=at, others=("DG1|1||I50.900^心力衰竭^I10|||F",)
    )
    assert [his.ask(text), his.ask(text)] == ["AA MSG-1", "AA MSG-1"]
    settle(played, settings)
    # One plan.
    planned = tasks(played, patient_id)
    weight = planned["weight-day-1"]
    assert (weight.mode, weight.form) == (TaskMode.AUTOMATED, "home_weight")
    assert {task.state for task in planned.values()} == {TaskState.PLANNED}
    # A completed automated call, on the evening of the next day.
    played.move_to("2026-11-21 18:05")
    settle(played, settings)
    closed = played.closed(weight)
    settle(played, settings)
    assert (closed.outcome, closed.agent_id) == (AttemptOutcome.CONNECTED_PATIENT, None)
    assert tasks(played, patient_id)["weight-day-1"].state is TaskState.COMPLETED
    # A filled form, and its value in the record.
    nurse = played.ask(Role.AGENT)
    (response,) = read(nurse, f"/tasks/{weight.id}/responses")["responses"]
    assert (response["form_id"], response["answers"], response["state"]) == (
        "home_weight",
        {"weight": 61.2},
        "completed",
    )
    (result,) = read(nurse, f"/patients/{patient_id}/results")["results"]
    assert (result["code"], result["value"], result["source"]) == ("weight", 61.2, "form:home_weight")
    # A note ready to sign.
    (waiting,) = read(nurse, "/notes/unsigned")["notes"]
    assert (waiting["attempt_id"], waiting["patient_id"]) == (closed.id, patient_id)
    note = read(nurse, f"/notes/{waiting['id']}")
    assert note["state"] == "draft"
    assert "61.2" in note["text"]
    signed = nurse.post(f"/notes/{note['id']}/sign")
    assert (signed.status_code, signed.json()["state"]) == (200, "signed")
    # The next task.
    played.move_to("2026-11-22 10:01")
    settle(played, settings)
    following = tasks(played, patient_id)
    assert following["call-3-days"].state is TaskState.QUEUED
    assert {step for step, task in following.items() if task.state is TaskState.PLANNED} == {
        *("weight-day-4", "week-1", "clinic", "week-2", "week-3", "week-6", "month-3", "month-6", "month-12"),
    }
    with played.units() as uow:
        assert [attempt.id for attempt in uow.attempts.of_task(weight.id)] == [closed.id], "she was rung once"
