"""The desk for requests and complaints: one record, a day by which it is answered, and recordings that are kept."""

from collections.abc import Sequence
from dataclasses import dataclass

from api.wiring import Wiring
from db.request_making import make_request, tell_of_request
from db.requests import RequestCall
from db.unit_of_work import UnitOfWork
from followup.calls import Call
from followup.requests import EVENT_OF, PatientRequest, RequestEventKind, RequestKind, RequestTrigger


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardIn:
    """The call in which it was heard, and the second."""

    call: Call
    at_second: float | None


def receive(
    uow: UnitOfWork,
    wiring: Wiring,
    *,
    kind: RequestKind,
    cause: str,
    restricted: bool,
    departments: Sequence[str],
    text: str,
    patient_id: str | None,
    attempt_id: str | None,
    heard: HeardIn | None,
    by: str,
) -> PatientRequest:
    """Write a request down; whoever received it is responsible for it until another takes it over."""
    several = len(set(departments)) > 1
    days = wiring.request_days_several if several else wiring.request_days
    today = uow.now.astimezone(wiring.zone).date()
    request = make_request(
        uow,
        kind=kind,
        cause=cause,
        restricted=restricted,
        departments=departments,
        text=text,
        patient_id=patient_id,
        attempt_id=attempt_id,
        received_by=by,
        owner_id=by,
        due_on=uow.calendar.of(wiring.calendar_region).add_working_days(today, days),
    )
    if heard is not None:
        link_call(uow, request, heard, by=by)
    tell_of_request(uow, request)
    return request


def move(
    uow: UnitOfWork, request: PatientRequest, trigger: RequestTrigger, *, by: str, detail: dict[str, object]
) -> None:
    """Take one step of the machine and write it into the story; IllegalTransitionError, ReplyMissingError."""
    request.move(trigger)
    uow.requests.note(request, EVENT_OF[trigger], at=uow.now, user_id=by, detail=detail)
    tell_of_request(uow, request)


def link_call(uow: UnitOfWork, request: PatientRequest, heard: HeardIn, *, by: str) -> None:
    """Tie a call to a request; its recording is kept from deletion from now on."""
    tied = uow.requests.link(
        RequestCall(
            request_id=request.id,
            call_id=heard.call.id,
            at_second=heard.at_second,
            linked_by=by,
            linked_at=uow.now,
        )
    )
    if not tied:
        return
    uow.requests.note(
        request,
        RequestEventKind.CALL_LINKED,
        at=uow.now,
        user_id=by,
        detail={"call": heard.call.id, "at_second": heard.at_second},
    )
    recording = uow.recordings.of_call(heard.call.id)
    if recording is not None and not recording.legal_hold:
        recording.legal_hold = True
        uow.audit.note(
            user_id=by,
            action="recording_held",
            subject_kind="recording",
            subject=recording.id,
            patient_id=recording.patient_id,
            detail={"request": request.id, "kind": request.kind.value},
        )
