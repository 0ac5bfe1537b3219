"""Appointments by the API: an agent confirms on the phone, the hospital's system tells who came."""

from datetime import timedelta

from care.consent import Purpose
from db.users import Role
from followup.appointments import ENCOUNTER
from followup.plans import TaskMode, TaskState
from tests.integration.api.house import House
from tests.support.builders import a_patient, a_queue, a_task, an_encounter


def test_what_an_agent_hears_of_an_appointment_is_kept_and_ends_the_reminders(house: House) -> None:
    nurse = house.caller(Role.AGENT)
    with house.rows() as uow:
        patient = a_patient(uow)
        visit = an_encounter(uow, patient, kind="appointment", occurred_at=uow.now + timedelta(days=2))
        discharge = an_encounter(uow, patient)
        queue = a_queue(uow, mode=TaskMode.AUTOMATED, purpose=Purpose.REMINDER)
        task = a_task(uow, patient, queue, state=TaskState.PLANNED, variables={ENCOUNTER: visit.id})
    path = f"/encounters/{visit.id}/appointment"
    assert nurse.get(path).json()["state"] == "booked"
    moved = nurse.post(path, {"move": "confirm"})
    assert moved.status_code == 200, moved.text
    assert [(each["before"], each["after"], each["source"], each["by"]) for each in moved.json()["history"]] == [
        ("booked", "confirmed", "agent", nurse.user_id)
    ]
    with house.units() as uow:
        reminder = uow.plans.task(task.id)
        assert reminder is not None
        assert reminder.state is TaskState.CANCELLED
    assert nurse.post(path, {"move": "attend", "feed": True}).json()["history"][-1]["source"] == "feed"
    refused = nurse.post(path, {"move": "cancel"})
    assert (refused.status_code, refused.json()["field"]) == (409, "move")
    assert nurse.get(f"/encounters/{discharge.id}/appointment").status_code == 409


def test_a_patient_who_needs_it_slow_is_marked(house: House) -> None:
    nurse = house.caller(Role.AGENT)
    with house.rows() as uow:
        patient = a_patient(uow)
    assert nurse.put(f"/patients/{patient.id}/pace", {"slow_speech": True}).status_code == 204
    with house.units() as uow:
        marked = uow.patients.get(patient.id)
        assert marked is not None
        assert marked.slow_speech
