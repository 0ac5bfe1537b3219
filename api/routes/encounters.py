"""What happens to a patient outside the calls: in hospital again, a discharge that was none, a death, two records."""

from fastapi import APIRouter, Request

from api import found
from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant
from api.permissions import CareTeamCommanding, OverseersCommanding
from api.problems import Kind, Problem, problems
from api.routes.plan_changes import BecauseAsk, Reason
from api.wiring import wiring_of
from db.unit_of_work import UnitOfWork
from followup.plans import PlanEnd, PlanState
from scheduler.merging import MergeNotPossibleError, merge_patients
from scheduler.own_plans import resume_plan
from scheduler.stops import cancel_plan, patient_died, pause_plan

router = APIRouter(tags=["patients"], route_class=Route)


class StoppedAnswer(Answer):
    """The plans that were changed."""

    plans: list[str]


class DeathAsk(BecauseAsk):
    """When the patient died, and who says so."""

    at: Instant


class DeathAnswer(Answer):
    """When the patient died; how many contacts that were still owed were stopped."""

    deceased_at: Instant
    tasks_stopped: int


class MergeAsk(Ask):
    """The record that stays, and how it is known that both are one person."""

    into: Id
    reason: Reason


class MergeAnswer(Answer):
    """What went over, in rows of each table, and what stayed because the other record has its like."""

    merge_id: str
    into: str
    moved: dict[str, int]
    left_behind: dict[str, int]
    running_plans: list[str]  # of the record that stays: two of one template may ask the same twice


@router.post("/patients/{patient_id}/readmitted", responses=problems(Kind.UNKNOWN_PATIENT))
def note_readmission(patient_id: Id, ask: BecauseAsk, caller: CareTeamCommanding, uow: Work) -> StoppedAnswer:
    """The patient is in hospital again: every running plan pauses."""
    patient = found.patient(uow, patient_id)
    running = [plan for plan in uow.plans.unfinished_of_patient(patient.id) if plan.state is PlanState.RUNNING]
    for plan in running:
        pause_plan(uow, plan, by=caller.user_id, reason=ask.reason, now=uow.now)
    _audit(uow, caller, "patient_readmitted", patient.id, ask.reason)
    return StoppedAnswer(plans=[plan.id for plan in running])


@router.post("/patients/{patient_id}/home-again", responses=problems(Kind.UNKNOWN_PATIENT))
def note_home_again(
    patient_id: Id, ask: BecauseAsk, caller: CareTeamCommanding, request: Request, uow: Work
) -> StoppedAnswer:
    """The patient is at home again: every paused plan goes on with what is still open."""
    patient = found.patient(uow, patient_id)
    paused = [plan for plan in uow.plans.unfinished_of_patient(patient.id) if plan.state is PlanState.PAUSED]
    for plan in paused:
        resume_plan(uow, plan, time=wiring_of(request).time, by=caller.user_id, reason=ask.reason, now=uow.now)
    _audit(uow, caller, "patient_home_again", patient.id, ask.reason)
    return StoppedAnswer(plans=[plan.id for plan in paused])


@router.post("/encounters/{encounter_id}/cancelled", responses=problems(Kind.UNKNOWN_ENCOUNTER))
def cancel_encounter(encounter_id: Id, ask: BecauseAsk, caller: CareTeamCommanding, uow: Work) -> StoppedAnswer:
    """The discharge was none, or the visit will not be: every plan of it ends."""
    encounter = found.encounter(uow, encounter_id)
    plans = uow.plans.unfinished_of_patient(encounter.patient_id, encounter_id=encounter.id)
    for plan in plans:
        cancel_plan(uow, plan, PlanEnd.DISCHARGE_CANCELLED, by=caller.user_id, reason=ask.reason, now=uow.now)
    uow.audit.note(
        user_id=caller.user_id,
        action="encounter_cancelled",
        subject_kind="encounter",
        subject=encounter.id,
        patient_id=encounter.patient_id,
        detail={"reason": ask.reason},
    )
    return StoppedAnswer(plans=[plan.id for plan in plans])


@router.post("/patients/{patient_id}/deceased", responses=problems(Kind.UNKNOWN_PATIENT))
def note_death(patient_id: Id, ask: DeathAsk, caller: CareTeamCommanding, uow: Work) -> DeathAnswer:
    """The patient has died: every plan ends, nothing is called, a call that rings is hung up."""
    patient = found.patient(uow, patient_id)
    if ask.at > uow.now:
        raise Problem.of(Kind.INVALID_REQUEST, "at", "lies in the future")
    stopped = patient_died(uow, patient, at=ask.at, by=caller.user_id, reason=ask.reason)
    _audit(uow, caller, "patient_deceased", patient.id, ask.reason)
    return DeathAnswer(deceased_at=patient.deceased_at or ask.at, tasks_stopped=stopped)


@router.post("/patients/{patient_id}/merge", responses=problems(Kind.UNKNOWN_PATIENT, Kind.NOT_POSSIBLE_NOW))
def merge_records(patient_id: Id, ask: MergeAsk, caller: OverseersCommanding, uow: Work) -> MergeAnswer:
    """Both records are one person: plans, tasks, calls and all else of this one go to the other."""
    gone, kept = found.patient(uow, patient_id), found.patient(uow, ask.into, "into")
    try:
        merged = merge_patients(uow, gone, kept, by=caller.user_id, reason=ask.reason)
    except MergeNotPossibleError as error:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "into", str(error)) from error
    for each in (patient_id, ask.into):
        _audit(uow, caller, "patients_merged", each, ask.reason)
    return MergeAnswer(
        merge_id=merged.id,
        into=ask.into,
        moved={table: len(keys) for table, keys in merged.moved.items()},
        left_behind={table: len(keys) for table, keys in merged.left_behind.items()},
        running_plans=[plan.id for plan in uow.plans.unfinished_of_patient(ask.into)],
    )


def _audit(uow: UnitOfWork, caller: Caller, action: str, patient_id: str, reason: str) -> None:
    uow.audit.note(
        user_id=caller.user_id,
        action=action,
        subject_kind="patient",
        subject=patient_id,
        patient_id=patient_id,
        detail={"reason": reason},
    )
