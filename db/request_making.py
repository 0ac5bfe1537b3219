"""Writing a request down, whoever receives it: a person at a desk, or a rule that found something in answers."""

from collections.abc import Sequence
from datetime import date

from db.unit_of_work import UnitOfWork
from followup.events import DomainEvent, EventKind
from followup.requests import PatientRequest, RequestEventKind, RequestKind
from runtime.identifiers import new_id


def make_request(
    uow: UnitOfWork,
    *,
    kind: RequestKind,
    cause: str,
    text: str,
    due_on: date,
    received_by: str,
    owner_id: str,
    patient_id: str | None,
    attempt_id: str | None = None,
    departments: Sequence[str] = (),
    restricted: bool = False,
    detail: dict[str, object] | None = None,
) -> PatientRequest:
    """Save a request with the first line of its story; `detail` says what else is known of how it came."""
    request = PatientRequest(
        id=new_id(),
        kind=kind,
        cause=cause,
        restricted=restricted,
        departments=sorted(set(departments)),
        text=text,
        patient_id=patient_id,
        attempt_id=attempt_id,
        received_by=received_by,
        received_at=uow.now,
        owner_id=owner_id,
        due_on=due_on,
    )
    uow.requests.add(request)
    uow.flush()
    uow.requests.note(
        request,
        RequestEventKind.RECEIVED,
        at=uow.now,
        user_id=received_by,
        detail={"due_on": due_on.isoformat(), **(detail or {})},
    )
    return request


def tell_of_request(uow: UnitOfWork, request: PatientRequest) -> None:
    """Tell the live stream that a request is another now."""
    ids = {"patient": request.patient_id} if request.patient_id else {}
    uow.emit(DomainEvent(kind=EventKind.REQUEST_CHANGED, subject=request.id, ids={**ids, "state": request.state.value}))
