"""What happens to a record, and the worker's part of following it."""

from datetime import timedelta
from typing import Any

from care.adherence import Helper
from care.history import EntryState, HistoryEntry, HistoryKind
from care.observations import Observation, ObservationStatus, Setting
from care.patients import Patient
from followup.requests import PatientRequest, Viewer
from record.advice import follow_advice
from record.answers import follow_answers, follow_response
from record.following import RecordParts
from record.goals import follow_goals
from runtime.identifiers import new_id
from tests.integration.api.house import CONTENT, Asking, House
from tests.support.builders import a_queue, a_task

PHARMACY = CONTENT.adherence_document.departments[Helper.PHARMACIST]


def diagnosed(
    house: House, patient: Patient, *codes: str, kind: HistoryKind = HistoryKind.CONDITION, **more: Any
) -> None:
    with house.rows() as uow:
        for code in codes:
            uow.history.put(
                HistoryEntry(
                    **{
                        "id": new_id(),
                        "patient_id": patient.id,
                        "kind": kind,
                        "code": code,
                        "name": code,
                        "state": EntryState.ACTIVE,
                        "source": "hand:test",
                        "source_key": f"{patient.id}/{code}",
                        "recorded_at": uow.now,
                        **more,
                    }
                )
            )


def measured(house: House, patient: Patient, day: int, *, key: str = "", **values: float) -> dict[str, Observation]:
    """Results of a day from today on, as a feed puts them."""
    put = {}
    with house.rows() as uow:
        for code, value in values.items():
            put[code] = uow.observations.put(
                Observation(
                    id=new_id(),
                    patient_id=patient.id,
                    code=code,
                    value=value,
                    taken_at=uow.now + timedelta(days=day),
                    setting=Setting.OFFICE,
                    status=ObservationStatus.CORRECTED if key else ObservationStatus.FINAL,
                    issued_at=uow.now,
                    source="hl7:LIS",
                    source_key=key or f"{patient.id}/{code}/{day}",
                    recorded_at=uow.now,
                )
            ).observation
    return put


def follow(parts: RecordParts, patient: Patient) -> None:
    """What the worker does after RECORD_CHANGED; twice, as every task may run."""
    for _ in range(2):
        for follower in (follow_goals, follow_advice, follow_answers):
            with parts.units_of_work() as uow:
                follower(uow, parts, patient.id)
                uow.commit()


def answered(house: House, agent: Asking, patient: Patient, form: str, answers: dict[str, Any]) -> str:
    """A form filled in on a call's task and completed."""
    with house.rows() as uow:
        task = a_task(uow, patient, a_queue(uow))
    response_id: str = agent.put(f"/tasks/{task.id}/responses/{form}").json()["id"]
    for link_id, value in answers.items():
        given = agent.put(f"/responses/{response_id}/answers/{link_id}", {"value": value})
        assert given.status_code == 200, given.text
    done = agent.post(f"/responses/{response_id}/complete", {})
    assert done.status_code == 200, done.text
    return response_id


def look_at(parts: RecordParts, response_id: str) -> None:
    """What the worker does after RESPONSE_COMPLETED; twice."""
    for _ in range(2):
        with parts.units_of_work() as uow:
            follow_response(uow, parts, response_id)
            uow.commit()


def open_requests(house: House, patient: Patient) -> list[PatientRequest]:
    everything = Viewer(user_id=new_id(), departments=(), oversees=True)
    with house.units() as uow:
        return list(uow.requests.visible(everything, patient_id=patient.id))
