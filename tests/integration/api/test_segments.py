"""Segments steer the contact: who wants the evening, a person and his dialect gets them, through API and scheduler."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from care.consent import Purpose
from care.patients import Patient
from db.gate import Gate
from db.users import Role
from followup.dialing_rules import Mode
from followup.plans import TaskMode
from record.following import RecordParts
from record.tasks import follow_change
from runtime.worker_context import forget_parts, provide
from scheduler.dialer import match_and_reserve
from scheduler.due import queue_due_tasks
from tests.integration.api.house import CONTENT, House, open_house
from tests.support.builders import HOSPITAL, a_node, a_patient, a_queue, an_agent, an_encounter
from tests.support.scenario import MovedClock, in_hospital_time

GATE = Gate(mode=Mode.DEMO, profile=CONTENT.jurisdictions["cn"], trunk_is_loopback=True, allow_list=frozenset())


@pytest.fixture(scope="module")
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
def house(database_url: str, broker_url: str, tmp_path: Path, clock: MovedClock) -> Iterator[House]:
    with open_house(database_url, broker_url, tmp_path, gate=GATE, clock=clock) as opened:
        provide(RecordParts(units_of_work=opened.units, content=CONTENT, zone=HOSPITAL.zone))
        yield opened
        forget_parts()


def move_to(house: House, clock: MovedClock, text: str) -> None:
    with house.units() as uow:
        clock.offset += in_hospital_time(text) - uow.now


def reserved(house: House) -> int:
    """Let the scheduler look at what is due and give out what may be called."""
    with house.rows() as uow:
        a_node(uow)
        queue_due_tasks(uow, gate=GATE, now=uow.now)
    with house.rows() as uow:
        return match_and_reserve(uow, gate=GATE, now=uow.now)


def test_a_patient_with_evening_phone_and_southern_min_gets_an_evening_task_with_a_matching_agent(
    house: House, clock: MovedClock
) -> None:
    move_to(house, clock, "2026-11-23 10:00")
    nurse = house.caller(Role.AGENT)
    with house.rows() as uow:
        patient = a_patient(uow, born=date(1968, 1, 1), dialect="闽南语")  # as the hospital writes it
        visit = an_encounter(uow, patient, kind="appointment", occurred_at=in_hospital_time("2026-11-25 15:00"))
        a_queue(uow, name="reminders", mode=TaskMode.AUTOMATED, purpose=Purpose.REMINDER, language=None)
        others = a_queue(uow, name="a-other-people", purpose=Purpose.REMINDER, language=None)
        people = a_queue(uow, name="people", purpose=Purpose.REMINDER, language=None)
        mandarin = an_agent(uow, others, people, state_since=uow.now - timedelta(days=1))
        southern = an_agent(uow, people, dialects=["nan"])
    said = nurse.put(
        f"/patients/{patient.id}/contact-preference",
        {"part_of_day": "evening", "channel": "phone", "source": "call"},
    )
    assert (said.json()["part_of_day"], said.json()["channel"], said.json()["hearing"]) == ("evening", "phone", "good")
    follow_change(patient.id)
    follow_change(patient.id)
    shown = nurse.get(f"/patients/{patient.id}/segments").json()
    assert [one["segment"] for one in shown["segments"]] == ["minnan", "by-phone", "evening"]
    assert (shown["dialect"], shown["by_person"], shown["hours_from"]) == ("nan", True, "segment:evening/1")
    hours = nurse.get(f"/patients/{patient.id}/own-hours").json()
    assert [(span["start"], span["end"]) for span in hours["spans"]] == [("18:00:00", "20:00:00")]
    planned = nurse.post("/plans", {"encounter_id": visit.id, "template": "T17", "purpose": "reminder"})
    assert planned.status_code == 201, planned.text
    (task,) = planned.json()["tasks"]
    assert (task["mode"], task["queue_id"], task["flow"]) == ("agent", people.id, None)
    assert reserved(house) == 0, "ten in the morning is not the evening"
    verdict = nurse.get(f"/tasks/{task['id']}/may-call").json()
    assert not verdict["allowed"]
    assert verdict["possible_at"] == in_hospital_time("2026-11-23 18:00").isoformat().replace("+00:00", "Z")
    move_to(house, clock, "2026-11-23 18:05")
    with house.rows() as uow:
        for agent_id in (mandarin.id, southern.id):
            agent = uow.queues.agent_for_update(agent_id)
            assert agent is not None
            agent.heartbeat_at = uow.now
    assert reserved(house) == 1
    with house.units() as uow:
        (attempt,) = uow.attempts.of_task(task["id"])
        assert attempt.agent_id == southern.id, "the one who waited longer does not speak his dialect"


def test_hours_that_a_person_wrote_down_hold_against_a_segments(house: House, clock: MovedClock) -> None:
    move_to(house, clock, "2026-11-23 10:00")
    nurse = house.caller(Role.AGENT)
    with house.rows() as uow:
        patient = a_patient(uow)

    def prefers(part_of_day: str, **more: str) -> None:
        nurse.put(f"/patients/{patient.id}/contact-preference", {"part_of_day": part_of_day, "source": "call", **more})
        follow_change(patient.id)

    def hours() -> list[tuple[str, str]]:
        spans = nurse.get(f"/patients/{patient.id}/own-hours").json()["spans"]
        return [(span["start"], span["end"]) for span in spans]

    prefers("morning")
    assert hours() == [("08:30:00", "11:45:00")]
    prefers("any", hearing="hard")
    assert hours() == []
    with house.units() as uow:
        heard: Patient | None = uow.patients.get(patient.id)
        assert heard is not None
        assert heard.slow_speech
    own = {"spans": [{"start": "15:00", "end": "16:00"}], "wish": True, "source": "daughter"}
    assert nurse.put(f"/patients/{patient.id}/own-hours", own).status_code == 200
    prefers("evening")
    assert hours() == [("15:00:00", "16:00:00")]
    assert nurse.get(f"/patients/{patient.id}/segments").json()["hours_from"] == "daughter"
