"""Who of the users may open which record: asked wherever a request names a patient, or something of one."""

import structlog

from api.problems import Kind, Problem
from care.care_team import ground_of
from db.unit_of_work import UnitOfWork

log = structlog.get_logger(__name__)


def is_open(uow: UnitOfWork, patient_id: str) -> bool:
    """True if whoever asks may open the patient's record now."""
    reader = uow.care_team.reader
    if reader is None or not reader.departments:
        return True
    return ground_of(reader, uow.care_team.ties(patient_id, reader, uow.now)) is not None


def admit(uow: UnitOfWork, patient_id: str, field: str = "patient_id") -> None:
    """A problem for somebody outside the care team whose glass is not broken."""
    if is_open(uow, patient_id):
        return
    reader = uow.care_team.reader
    log.warning("record_refused", user=reader.user_id if reader else None, patient=patient_id)
    raise Problem.of(
        Kind.OUTSIDE_CARE_TEAM,
        field,
        "this patient is not cared for by your departments; who must look all the same breaks the glass with a "
        "reason: POST /api/v1/patients/{patient_id}/broken-glasses. It is open for an hour and reviewed",
    )
