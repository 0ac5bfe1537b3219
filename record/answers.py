"""What follows from complete answers besides alerts: reasons for not taking medicine, lessons to be told again."""

from care.responses import Response, ResponseState
from db.unit_of_work import UnitOfWork
from record.adherence import find_adherence
from record.education import follow_teach_back
from record.following import Follower, RecordParts

LOOKED_AT = 50
"""The newest responses of a patient are looked at again when his record changed: one may have been amended."""


def follow_response(uow: UnitOfWork, parts: RecordParts, response_id: str) -> None:
    """Look at one response, if it is complete."""
    response = uow.responses.get(response_id)
    if response is None:
        return
    # One at a time for a patient: the same answers may be looked at because of another change at this moment.
    uow.patients.lock(response.patient_id)
    held = uow.responses.for_update(response_id)
    if held is not None:
        _look_at(uow, parts, held)


def follow_answers(uow: UnitOfWork, parts: RecordParts, patient_id: str) -> None:
    """Look at a patient's responses; what was looked at before and says the same is left alone."""
    uow.patients.lock(patient_id)
    for response in reversed(uow.responses.of_patient(patient_id, limit=LOOKED_AT)):
        _look_at(uow, parts, response)


def _look_at(uow: UnitOfWork, parts: RecordParts, response: Response) -> None:
    if response.state is not ResponseState.IN_PROGRESS:
        find_adherence(uow, parts, response)
        follow_teach_back(uow, parts, response)


ANSWERS = Follower("answers", follow_answers)
