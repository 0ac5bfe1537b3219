"""Legal holds: placed by one, lifted by two; while one stands nothing under it is destroyed."""

from datetime import date, datetime, time, timedelta
from typing import Annotated, Self

from fastapi import APIRouter, Query, Request
from pydantic import StringConstraints, model_validator

from api import found
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant
from api.permissions import Overseers, OverseersCommanding
from api.problems import Kind, Problem, problems
from api.wiring import wiring_of
from db import holding
from db.unit_of_work import UnitOfWork
from followup.recordings import RecordingState
from followup.retention import HoldState, LegalHold
from runtime.identifiers import new_id

router = APIRouter(tags=["retention"], route_class=Route)

Because = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500)]


class HoldAsk(Ask):
    """One recording, or every one of a patient; `until` is the last day, none: until two people lift it."""

    recording_id: Id | None = None
    patient_id: Id | None = None
    case: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
    reason: Because
    until: date | None = None

    @model_validator(mode="after")
    def _one_subject(self) -> Self:
        if (self.recording_id is None) == (self.patient_id is None):
            raise ValueError("name a recording or a patient, one of both")
        return self


class BecauseAsk(Ask):
    """Why."""

    because: Because


class HoldAnswer(Answer):
    """A hold: who placed it and why, until when, who wants it lifted, who lifted it."""

    id: str
    patient_id: str
    recording_id: str | None
    case: str
    reason: str
    placed_by: str
    placed_at: Instant
    until: Instant | None
    state: HoldState
    release_asked_by: str | None
    release_asked_at: Instant | None
    release_because: str
    ended_by: str | None
    ended_at: Instant | None


class HoldsAnswer(Answer):
    """The newest first; those of patients who are not in the caller's care are left out."""

    legal_holds: list[HoldAnswer]


@router.get("/legal-holds", responses=problems(Kind.UNKNOWN_PATIENT))
def list_holds(
    caller: Overseers,  # noqa: ARG001
    uow: Work,
    patient_id: Id | None = None,
    holding_only: bool = True,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> HoldsAnswer:
    """Holds that stand, or all that ever stood."""
    if patient_id is not None:
        found.patient(uow, patient_id)
    page = uow.legal_holds.page(holding=holding_only, patient_id=patient_id, limit=limit)
    return HoldsAnswer(
        legal_holds=[
            HoldAnswer.model_validate(hold) for hold in page if uow.care_team.is_open(hold.patient_id, uow.now)
        ]
    )


@router.post("/legal-holds", responses=problems(Kind.UNKNOWN_PATIENT, Kind.UNKNOWN_RECORDING, Kind.NOT_POSSIBLE_NOW))
def place_hold(ask: HoldAsk, request: Request, caller: OverseersCommanding, uow: Work) -> HoldAnswer:
    """Hold from now on."""
    if ask.recording_id is not None:
        recording = found.recording(uow, ask.recording_id)
        if recording.state is RecordingState.EXPIRED:
            raise Problem.of(Kind.NOT_POSSIBLE_NOW, "recording_id", "the recording is destroyed; nothing can be held")
        patient_id = recording.patient_id
    else:
        patient_id = found.kept_patient(uow, ask.patient_id or "").id
    until = None
    if ask.until is not None:
        day_after = datetime.combine(ask.until + timedelta(days=1), time.min, tzinfo=wiring_of(request).zone)
        if day_after <= uow.now:
            raise Problem.of(Kind.NOT_POSSIBLE_NOW, "until", "that day is over; name a day to come, or none")
        until = day_after
    hold = LegalHold(
        id=new_id(),
        patient_id=patient_id,
        recording_id=ask.recording_id,
        case=ask.case,
        reason=ask.reason,
        placed_by=caller.user_id,
        placed_at=uow.now,
        until=until,
    )
    holding.place(uow, hold)
    return HoldAnswer.model_validate(hold)


@router.post("/legal-holds/{hold_id}/ask-release", responses=problems(Kind.UNKNOWN_LEGAL_HOLD, Kind.NOT_POSSIBLE_NOW))
def ask_hold_release(hold_id: Id, ask: BecauseAsk, caller: OverseersCommanding, uow: Work) -> HoldAnswer:
    """The first of two people wants the hold lifted; it stands until the second one agrees."""
    hold = _for_update(uow, hold_id)
    try:
        holding.ask_release(uow, hold, by=caller.user_id, because=ask.because)
    except ValueError as error:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "hold_id", str(error)) from error
    return HoldAnswer.model_validate(hold)


@router.post(
    "/legal-holds/{hold_id}/refuse-release", responses=problems(Kind.UNKNOWN_LEGAL_HOLD, Kind.NOT_POSSIBLE_NOW)
)
def refuse_hold_release(hold_id: Id, ask: BecauseAsk, caller: OverseersCommanding, uow: Work) -> HoldAnswer:
    """The hold stays as it was."""
    hold = _for_update(uow, hold_id)
    try:
        holding.refuse_release(uow, hold, by=caller.user_id, because=ask.because)
    except ValueError as error:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "hold_id", str(error)) from error
    return HoldAnswer.model_validate(hold)


@router.post("/legal-holds/{hold_id}/release", responses=problems(Kind.UNKNOWN_LEGAL_HOLD, Kind.NOT_POSSIBLE_NOW))
def release_hold(hold_id: Id, caller: OverseersCommanding, uow: Work) -> HoldAnswer:
    """The second person agrees: the hold is lifted."""
    hold = _for_update(uow, hold_id)
    try:
        holding.release(uow, hold, by=caller.user_id)
    except ValueError as error:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "hold_id", str(error)) from error
    return HoldAnswer.model_validate(hold)


def _for_update(uow: UnitOfWork, hold_id: str) -> LegalHold:
    hold = uow.legal_holds.for_update(hold_id)
    if hold is None:
        raise Problem.of(
            Kind.UNKNOWN_LEGAL_HOLD, "hold_id", "there is no such hold; GET /api/v1/legal-holds lists them"
        )
    uow.care_team.admit(hold.patient_id, uow.now)
    return hold
