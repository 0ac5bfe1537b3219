"""What a patient agreed to, by purpose and channel."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import StringConstraints

from api import found
from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant
from api.permissions import CareTeam, CareTeamCommanding
from api.problems import Kind, problems
from api.wiring import wiring_of
from care.consent import Consent, ConsentScope, Purpose
from care.patients import Patient
from db.unit_of_work import UnitOfWork
from runtime.identifiers import new_id
from scheduler.withdrawals import act_on_refusal

router = APIRouter(tags=["consent"], route_class=Route)


class ConsentAsk(Ask):
    """One statement: granted or withdrawn, for a purpose and a scope. Earlier statements stay."""

    purpose: Purpose
    scope: ConsentScope
    granted: bool
    source: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
    call_id: Id | None = None
    at_second: float | None = None


class ConsentAnswer(Answer):
    """One statement."""

    id: str
    purpose: Purpose
    scope: ConsentScope
    granted: bool
    source: str
    call_id: str | None
    at_second: float | None
    recorded_at: Instant


class ConsentsAnswer(Answer):
    """Every statement, oldest first; for each purpose and scope the latest counts."""

    consents: list[ConsentAnswer]
    do_not_call: bool  # closed for every purpose; GET …/do-not-call tells each entry


@router.post(
    "/patients/{patient_id}/consents", status_code=201, responses=problems(Kind.UNKNOWN_PATIENT, Kind.UNKNOWN_CALL)
)
def add_consent(
    patient_id: Id, ask: ConsentAsk, caller: CareTeamCommanding, request: Request, uow: Work
) -> ConsentAnswer:
    """Record what the patient said about being called, messaged or recorded; a withdrawal acts at once, everywhere."""
    patient = found.patient(uow, patient_id)
    if ask.call_id is not None:
        found.call(uow, ask.call_id)
    consent = Consent(
        id=new_id(),
        patient_id=patient.id,
        purpose=ask.purpose,
        scope=ask.scope,
        granted=ask.granted,
        source=ask.source,
        call_id=ask.call_id,
        at_second=ask.at_second,
        recorded_at=uow.now,
    )
    uow.patients.add_consent(consent)
    uow.flush()
    _audit(uow, caller, "consent_granted" if ask.granted else "consent_withdrawn", patient)
    if ask.granted:
        uow.outbox.wake()
    else:
        act_on_refusal(uow, patient.id, gate=wiring_of(request).gate)
    return ConsentAnswer.model_validate(consent)


@router.get("/patients/{patient_id}/consents", responses=problems(Kind.UNKNOWN_PATIENT))
def list_consents(patient_id: Id, caller: CareTeam, uow: Work) -> ConsentsAnswer:
    """Everything the patient said about it."""
    patient = found.patient(uow, patient_id)
    _audit(uow, caller, "consents_viewed", patient)
    return ConsentsAnswer(
        consents=[ConsentAnswer.model_validate(consent) for consent in uow.patients.consents_of(patient.id)],
        do_not_call=uow.objections.closes_everything(patient.id),
    )


def _audit(uow: UnitOfWork, caller: Caller, action: str, patient: Patient) -> None:
    uow.audit.note(
        user_id=caller.user_id,
        action=action,
        subject_kind="patient",
        subject=patient.id,
        patient_id=patient.id,
    )
