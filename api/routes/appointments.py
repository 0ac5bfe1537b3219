"""Appointments: what became of one, with its whole history, and what an agent or the hospital's system says of it."""

from fastapi import APIRouter
from pydantic import StrictBool

from api import found
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant
from api.permissions import CareTeam, CareTeamCommanding
from api.problems import Kind, Problem, problems
from care.appointments import AppointmentState
from care.patients import Encounter
from db.appointment_moves import move_appointment
from db.unit_of_work import UnitOfWork
from followup.appointments import APPOINTMENT, AppointmentSource, AppointmentTrigger
from followup.states import IllegalTransitionError

router = APIRouter(tags=["appointments"], route_class=Route)


class MoveAsk(Ask):
    """What the patient said, or what happened. A person says it, or with `feed` the hospital's own system."""

    move: AppointmentTrigger
    feed: StrictBool = False


class MoveAnswer(Answer):
    """One move of an appointment."""

    before: AppointmentState
    after: AppointmentState
    source: AppointmentSource
    by: str | None
    call_id: str | None
    changed_at: Instant


class AppointmentAnswer(Answer):
    """An appointment and its moves, oldest first."""

    encounter_id: str
    patient_id: str
    state: AppointmentState
    at: Instant
    history: list[MoveAnswer]


class PaceAsk(Ask):
    """Whether a machine is to speak slower to a patient and to wait longer for his keys."""

    slow_speech: StrictBool


@router.get("/encounters/{encounter_id}/appointment", responses=problems(Kind.UNKNOWN_ENCOUNTER, Kind.NOT_POSSIBLE_NOW))
def read_appointment(encounter_id: Id, caller: CareTeam, uow: Work) -> AppointmentAnswer:
    """An appointment and its history."""
    visit = _appointment(uow, encounter_id)
    _audit(uow, caller.user_id, "appointment_viewed", visit)
    return _answer(uow, visit)


@router.post(
    "/encounters/{encounter_id}/appointment", responses=problems(Kind.UNKNOWN_ENCOUNTER, Kind.NOT_POSSIBLE_NOW)
)
def move_an_appointment(encounter_id: Id, ask: MoveAsk, caller: CareTeamCommanding, uow: Work) -> AppointmentAnswer:
    """Move an appointment; the automated calls about it that are still to come are cancelled when it is settled."""
    visit = _appointment(uow, encounter_id)
    source = AppointmentSource.FEED if ask.feed else AppointmentSource.AGENT
    try:
        move_appointment(uow, visit, ask.move, source=source, by=caller.user_id)
    except IllegalTransitionError as refusal:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "move", str(refusal)) from refusal
    _audit(uow, caller.user_id, f"appointment_{ask.move.value}", visit)
    uow.flush()
    return _answer(uow, visit)


@router.put("/patients/{patient_id}/pace", status_code=204, responses=problems(Kind.UNKNOWN_PATIENT))
def set_pace(patient_id: Id, ask: PaceAsk, caller: CareTeam, uow: Work) -> None:
    """Say whether a machine is to speak slower to this patient."""
    patient = found.patient(uow, patient_id)
    patient.slow_speech = ask.slow_speech
    uow.audit.note(
        user_id=caller.user_id,
        action="pace_set",
        subject_kind="patient",
        subject=patient.id,
        patient_id=patient.id,
        detail={"slow_speech": ask.slow_speech},
    )


def _appointment(uow: UnitOfWork, encounter_id: str) -> Encounter:
    visit = found.encounter(uow, encounter_id)
    if visit.kind != APPOINTMENT:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "encounter_id", f"this visit is a {visit.kind} and no appointment")
    return visit


def _audit(uow: UnitOfWork, user_id: str, action: str, visit: Encounter) -> None:
    uow.audit.note(
        user_id=user_id,
        action=action,
        subject_kind="encounter",
        subject=visit.id,
        patient_id=visit.patient_id,
    )


def _answer(uow: UnitOfWork, visit: Encounter) -> AppointmentAnswer:
    return AppointmentAnswer(
        encounter_id=visit.id,
        patient_id=visit.patient_id,
        state=visit.appointment_state or AppointmentState.BOOKED,
        at=visit.occurred_at,
        history=[MoveAnswer.model_validate(move) for move in uow.appointments.history_of(visit.id)],
    )
