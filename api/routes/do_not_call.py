"""The do-not-call list: who, or which number, is closed to calls, for what; lifting an entry; a doctor's exception."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field, StringConstraints

from api import found
from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant, Line, PhoneNumber
from api.permissions import CareTeam, CareTeamCommanding, OverseersCommanding, SupervisorCommanding
from api.problems import Kind, Problem, problems
from api.wiring import wiring_of
from care.consent import Purpose
from care.objections import DoctorsException, Objection, ObjectionSource
from care.patients import PatientId
from db.unit_of_work import UnitOfWork
from runtime.identifiers import new_id
from scheduler.withdrawals import act_on_refusal

router = APIRouter(tags=["consent"], route_class=Route)

LONGEST_EXCEPTION = timedelta(days=30)


class ObjectionAsk(Ask):
    """What a patient does not want to be rung for. No purposes: for nothing. With a number: not on that number."""

    purposes: Annotated[frozenset[Purpose], Field(max_length=len(Purpose), default_factory=frozenset)]
    number: PhoneNumber | None = None
    campaign_id: Id | None = None
    source: ObjectionSource
    reason: Line  # his words, as far as they matter
    call_id: Id | None = None
    at_second: Annotated[float, Field(ge=0)] | None = None


class NumberObjectionAsk(Ask):
    """A number that nobody rings any more, whoever it is said to belong to."""

    number: PhoneNumber
    purposes: Annotated[frozenset[Purpose], Field(max_length=len(Purpose), default_factory=frozenset)]
    source: ObjectionSource
    reason: Line


class ObjectionAnswer(Answer):
    """One entry; it holds until it is lifted."""

    id: str
    patient_id: str | None
    number: str | None
    purpose: Purpose | None
    campaign_id: str | None
    source: ObjectionSource
    reason: str
    call_id: str | None
    at_second: float | None
    recorded_by: str | None
    since: Instant
    lifted_at: Instant | None
    lifted_by: str | None
    lifted_because: str


class ObjectionsAnswer(Answer):
    """Entries, oldest first, lifted ones too."""

    entries: list[ObjectionAnswer]


class ObjectedAnswer(ObjectionsAnswer):
    """The new entries, and how many open tasks were closed because of them."""

    tasks_closed: int


class DoNotCallAsk(Ask):
    """Why the patient is not to be called any more."""

    reason: Line
    source: ObjectionSource = ObjectionSource.UNKNOWN


class DoNotCallAnswer(Answer):
    """Whether the patient is closed to all calls."""

    patient_id: str
    do_not_call: bool


class LiftAsk(Ask):
    """Why calls may be made again: the patient's own word, and how it was given."""

    reason: Line


class ExceptionAsk(Ask):
    """A doctor's word that the patient is rung for his care although he, or nobody, agreed."""

    doctor: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=5, max_length=500)]
    task_id: Id | None = None  # None: every task of his care
    expires_at: Instant


class ExceptionAnswer(Answer):
    """A doctor's exception."""

    id: str
    patient_id: str
    task_id: str | None
    doctor: str
    reason: str
    recorded_by: str
    recorded_at: Instant
    expires_at: Instant
    ended_at: Instant | None


class ExceptionsAnswer(Answer):
    """A patient's exceptions, oldest first."""

    exceptions: list[ExceptionAnswer]


@router.post(
    "/patients/{patient_id}/objections", status_code=201, responses=problems(Kind.UNKNOWN_PATIENT, Kind.UNKNOWN_CALL)
)
def object_to_calls(
    patient_id: Id, ask: ObjectionAsk, caller: CareTeamCommanding, request: Request, uow: Work
) -> ObjectedAnswer:
    """Close the patient, or one number of his, to calls: at once, in every queue, reserved calls included."""
    patient = found.patient(uow, patient_id)
    if ask.call_id is not None:
        found.call(uow, ask.call_id)
    purposes: list[Purpose | None] = [*sorted(ask.purposes)] or [None]
    entries = [
        Objection(
            id=new_id(),
            patient_id=patient.id,
            number=ask.number,
            purpose=purpose,
            campaign_id=ask.campaign_id,
            reason=ask.reason,
            source=ask.source,
            call_id=ask.call_id,
            at_second=ask.at_second,
            recorded_by=caller.user_id,
            since=uow.now,
        )
        for purpose in purposes
    ]
    for entry in entries:
        uow.objections.add(entry)
    uow.flush()
    for entry in entries:
        detail = {"entry": entry.id, "purpose": entry.purpose or "all", "source": entry.source.value}
        _audit(uow, caller, "closed_to_calls", patient.id, detail)
    closed = act_on_refusal(uow, patient.id, gate=wiring_of(request).gate)
    return ObjectedAnswer(entries=[ObjectionAnswer.model_validate(entry) for entry in entries], tasks_closed=closed)


@router.get("/patients/{patient_id}/do-not-call", responses=problems(Kind.UNKNOWN_PATIENT))
def list_objections(patient_id: Id, caller: CareTeam, uow: Work) -> ObjectionsAnswer:
    """Everything that closes, or closed, this patient to calls; entries of a number alone are not his."""
    patient = found.patient(uow, patient_id)
    _audit(uow, caller, "objections_viewed", patient.id)
    return ObjectionsAnswer(
        entries=[ObjectionAnswer.model_validate(entry) for entry in uow.objections.of_patient(patient.id)]
    )


@router.put("/patients/{patient_id}/do-not-call", responses=problems(Kind.UNKNOWN_PATIENT))
def close_to_calls(patient_id: Id, ask: DoNotCallAsk, caller: CareTeam, request: Request, uow: Work) -> DoNotCallAnswer:
    """Close the patient to all calls, at once and for every queue."""
    patient = found.patient(uow, patient_id)
    if not uow.objections.closes_everything(patient.id):
        entry = Objection(
            id=new_id(),
            patient_id=patient.id,
            reason=ask.reason,
            source=ask.source,
            recorded_by=caller.user_id,
            since=uow.now,
        )
        uow.objections.add(entry)
        uow.flush()
        _audit(uow, caller, "closed_to_calls", patient.id, {"entry": entry.id, "purpose": "all"})
        act_on_refusal(uow, patient.id, gate=wiring_of(request).gate)
    return DoNotCallAnswer(patient_id=patient.id, do_not_call=True)


@router.delete("/patients/{patient_id}/do-not-call", responses=problems(Kind.UNKNOWN_PATIENT))
def reopen_to_calls(patient_id: Id, caller: CareTeam, uow: Work) -> DoNotCallAnswer:
    """Allow calls again: every entry of the patient is lifted, and stays to be read."""
    patient = found.patient(uow, patient_id)
    for entry in uow.objections.holding(patient.id):
        _lift(uow, caller, entry, "reopened to calls")
    uow.flush()
    uow.outbox.wake()
    return DoNotCallAnswer(patient_id=patient.id, do_not_call=uow.objections.closes_everything(patient.id))


@router.post("/objections", status_code=201)
def close_number(ask: NumberObjectionAsk, caller: OverseersCommanding, uow: Work) -> ObjectionsAnswer:
    """Close a number to calls, whoever it is said to belong to."""
    purposes: list[Purpose | None] = [*sorted(ask.purposes)] or [None]
    entries = [
        Objection(
            id=new_id(),
            number=ask.number,
            purpose=purpose,
            reason=ask.reason,
            source=ask.source,
            recorded_by=caller.user_id,
            since=uow.now,
        )
        for purpose in purposes
    ]
    for entry in entries:
        uow.objections.add(entry)
        uow.audit.note(
            user_id=caller.user_id,
            action="number_closed_to_calls",
            subject_kind="objection",
            subject=entry.id,
        )
    uow.flush()
    return ObjectionsAnswer(entries=[ObjectionAnswer.model_validate(entry) for entry in entries])


@router.post("/objections/{objection_id}/lift", responses=problems(Kind.UNKNOWN_OBJECTION, Kind.NOT_POSSIBLE_NOW))
def lift_objection(objection_id: Id, ask: LiftAsk, caller: CareTeamCommanding, uow: Work) -> ObjectionAnswer:
    """Lift one entry, with the reason."""
    entry = uow.objections.get(objection_id)
    if entry is None:
        raise Problem.of(Kind.UNKNOWN_OBJECTION, "objection_id", "there is no such entry on the do-not-call list")
    if entry.lifted_at is not None:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "objection_id", "this entry was lifted before")
    _lift(uow, caller, entry, ask.reason)
    uow.outbox.wake()
    return ObjectionAnswer.model_validate(entry)


@router.post(
    "/patients/{patient_id}/exceptions",
    status_code=201,
    responses=problems(Kind.UNKNOWN_PATIENT, Kind.UNKNOWN_TASK),
)
def add_exception(patient_id: Id, ask: ExceptionAsk, caller: SupervisorCommanding, uow: Work) -> ExceptionAnswer:
    """Record a doctor's exception: for his care a person may ring in spite of a refusal. Hours and caps stay."""
    patient = found.patient(uow, patient_id)
    if not uow.now < ask.expires_at <= uow.now + LONGEST_EXCEPTION:
        raise Problem.of(
            Kind.INVALID_REQUEST, "expires_at", f"lies within the next {LONGEST_EXCEPTION.days} days; ask again later"
        )
    if ask.task_id is not None:
        task = found.task(uow, ask.task_id)
        if task.patient_id != patient.id or task.purpose is not Purpose.CARE:
            raise Problem.of(Kind.INVALID_REQUEST, "task_id", "is not a task of this patient's care")
    exception = DoctorsException(
        id=new_id(),
        patient_id=PatientId(patient.id),
        task_id=ask.task_id,
        doctor=ask.doctor,
        reason=ask.reason,
        recorded_by=caller.user_id,
        recorded_at=uow.now,
        expires_at=ask.expires_at,
    )
    uow.objections.add_exception(exception)
    uow.flush()
    _audit(uow, caller, "doctors_exception_added", patient.id, {"exception": exception.id, "reason": ask.reason})
    uow.outbox.wake()
    return ExceptionAnswer.model_validate(exception)


@router.get("/patients/{patient_id}/exceptions", responses=problems(Kind.UNKNOWN_PATIENT))
def list_exceptions(patient_id: Id, caller: CareTeam, uow: Work) -> ExceptionsAnswer:
    """A patient's exceptions, ended ones too."""
    patient = found.patient(uow, patient_id)
    _audit(uow, caller, "exceptions_viewed", patient.id)
    return ExceptionsAnswer(
        exceptions=[ExceptionAnswer.model_validate(each) for each in uow.objections.exceptions_of(patient.id)]
    )


@router.post(
    "/patients/{patient_id}/exceptions/{exception_id}/end",
    responses=problems(Kind.UNKNOWN_PATIENT, Kind.NOT_POSSIBLE_NOW),
)
def end_exception(
    patient_id: Id, exception_id: Id, caller: SupervisorCommanding, request: Request, uow: Work
) -> ExceptionAnswer:
    """End an exception before its time."""
    patient = found.patient(uow, patient_id)
    exception = uow.objections.exception(exception_id)
    if exception is None or exception.patient_id != patient.id or exception.ended_at is not None:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "exception_id", "this patient has no such exception that still holds")
    exception.ended_at = uow.now
    uow.flush()
    _audit(uow, caller, "doctors_exception_ended", patient.id, {"exception": exception.id})
    act_on_refusal(uow, patient.id, gate=wiring_of(request).gate)
    return ExceptionAnswer.model_validate(exception)


def _lift(uow: UnitOfWork, caller: Caller, entry: Objection, reason: str) -> None:
    entry.lifted_at, entry.lifted_by, entry.lifted_because = uow.now, caller.user_id, reason
    uow.audit.note(
        user_id=caller.user_id,
        action="reopened_to_calls",
        subject_kind="patient" if entry.patient_id else "objection",
        subject=entry.patient_id or entry.id,
        patient_id=entry.patient_id,
        detail={"entry": entry.id, "reason": reason},
    )


def _audit(
    uow: UnitOfWork, caller: Caller, action: str, patient_id: str, detail: Mapping[str, object] | None = None
) -> None:
    uow.audit.note(
        user_id=caller.user_id,
        action=action,
        subject_kind="patient",
        subject=patient_id,
        patient_id=patient_id,
        detail=detail,
    )
