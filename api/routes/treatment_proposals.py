"""Proposals to the doctor: anybody of the care team proposes, a doctor decides, the patient is told, the plan knows."""

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Request
from pydantic import Field, StringConstraints

from api import found
from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant, Limit, Line, Words
from api.permissions import CareTeam, CareTeamCommanding, DoctorCommanding
from api.problems import Kind, Problem, problems
from api.routes.medicines import medicine, tell_of_record
from api.wiring import wiring_of
from care.adherence import Helper
from care.medicines import MedicineBasis, MedicineState, MedicineStatement
from care.patients import PatientId
from db.proposals import ProposalEvent
from db.unit_of_work import UnitOfWork
from db.users import Role, User
from followup.duty import HOUSE
from followup.events import DomainEvent, EventKind
from followup.plans import PlanChange
from followup.proposals import (
    DecisionMissingError,
    ProposalKind,
    ProposalState,
    ProposalTrigger,
    TreatmentProposal,
    decide,
    next_proposal_state,
)
from followup.states import IllegalTransitionError
from record.owners import NobodyCanHelpError, helper_for, let_in
from runtime.identifiers import new_id

router = APIRouter(tags=["treatment proposals"], route_class=Route)

Part = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]


class ProposeAsk(Ask):
    """What was found and what might be done. Without `doctor_id` a doctor of the patient's department is chosen."""

    kind: ProposalKind
    finding: Words
    proposal: Words
    medicine_id: Id | None = None
    plan_id: Id | None = None
    task_id: Id | None = None
    attempt_id: Id | None = None
    doctor_id: Id | None = None
    working_days: Annotated[int, Field(ge=0, le=30)] = 2


class MedicinePart(Ask):
    """The medicine as it is taken from the decision on."""

    code: Part = ""
    name: Line
    dose: Part = ""
    schedule: Part = ""
    state: Literal["active", "on_hold", "stopped"] = "active"


class DecisionAsk(Ask):
    """What the doctor decides. A change needs the text of what is done instead, a refusal its reason."""

    decision: Literal["accept", "change", "decline"]
    text: Annotated[str, StringConstraints(strip_whitespace=True, max_length=10_000)] = ""
    medicine: MedicinePart | None = None


class WithdrawAsk(Ask):
    """Why it is not put to the doctor any more."""

    reason: Line


class AssignAsk(Ask):
    """Another doctor who decides."""

    doctor_id: Id


class ProposalStoryLine(Answer):
    """One line of its story."""

    at: Instant
    kind: str
    user_id: str | None
    detail: dict[str, object]


class TreatmentProposalAnswer(Answer):
    """A proposal and what came of it."""

    id: str
    patient_id: str
    kind: ProposalKind
    finding: str
    proposal: str
    statement_id: str | None
    plan_id: str | None
    task_id: str | None
    attempt_id: str | None
    state: ProposalState
    proposed_by: str
    proposed_at: Instant
    doctor_id: str
    due_on: date
    overdue: bool
    decision: str
    medicine: dict[str, str]
    decided_by: str | None
    decided_at: Instant | None
    told_at: Instant | None
    told_by: str | None


class FullTreatmentProposalAnswer(TreatmentProposalAnswer):
    """A proposal with its story."""

    story: list[ProposalStoryLine]


class TreatmentProposalsAnswer(Answer):
    """Several proposals."""

    proposals: list[TreatmentProposalAnswer]


@router.post(
    "/patients/{patient_id}/treatment-proposals",
    status_code=201,
    responses=problems(
        Kind.UNKNOWN_PATIENT,
        Kind.UNKNOWN_MEDICINE,
        Kind.UNKNOWN_PLAN,
        Kind.UNKNOWN_TASK,
        Kind.UNKNOWN_ATTEMPT,
        Kind.UNKNOWN_USER,
        Kind.NOT_POSSIBLE_NOW,
    ),
)
def propose(
    patient_id: Id, ask: ProposeAsk, caller: CareTeamCommanding, request: Request, uow: Work
) -> FullTreatmentProposalAnswer:
    """Put a change of treatment to a doctor; nothing of the treatment changes by it."""
    wiring = wiring_of(request)
    patient = found.patient(uow, patient_id)
    for field, owner in _owners(uow, ask):
        if owner != patient.id:
            raise Problem.of(Kind.INVALID_REQUEST, field, "this belongs to another patient")
    today = uow.now.astimezone(wiring.zone).date()
    one = TreatmentProposal(
        id=new_id(),
        patient_id=patient.id,
        kind=ask.kind,
        finding=ask.finding,
        proposal=ask.proposal,
        statement_id=ask.medicine_id,
        plan_id=ask.plan_id,
        task_id=ask.task_id,
        attempt_id=ask.attempt_id,
        proposed_by=caller.user_id,
        proposed_at=uow.now,
        doctor_id=_doctor(uow, ask.doctor_id, patient.id, by=caller.user_id),
        due_on=uow.calendar.of(wiring.calendar_region).add_working_days(today, ask.working_days),
    )
    uow.treatment_proposals.add(one)
    uow.flush()
    _note(uow, caller, one, "proposed", {"doctor": one.doctor_id, "due_on": one.due_on.isoformat()})
    return _full(uow, one, today)


@router.get("/treatment-proposals")
def list_treatment_proposals(
    caller: CareTeam,
    request: Request,
    uow: Work,
    which: Literal["mine", "open", "untold"] = "mine",
    limit: Limit = 50,
) -> TreatmentProposalsAnswer:
    """`mine`: the caller has to decide; `open`: anybody has to; `untold`: the patient does not know yet."""

    def opened(patient_id: str) -> bool:
        return uow.care_team.is_open(patient_id, uow.now)

    if which == "untold":
        page = uow.treatment_proposals.untold(opened=opened, limit=limit)
    else:
        doctor = caller.user_id if which == "mine" else None
        page = uow.treatment_proposals.open(doctor_id=doctor, opened=opened, limit=limit)
    for one in page:
        _audit(uow, caller, "treatment_proposal_viewed", one)
    today = uow.now.astimezone(wiring_of(request).zone).date()
    return TreatmentProposalsAnswer(proposals=[TreatmentProposalAnswer(**_shown(one, today)) for one in page])


@router.get("/patients/{patient_id}/treatment-proposals", responses=problems(Kind.UNKNOWN_PATIENT))
def list_patients_treatment_proposals(
    patient_id: Id, caller: CareTeam, request: Request, uow: Work
) -> TreatmentProposalsAnswer:
    """A patient's proposals, newest first."""
    patient = found.patient(uow, patient_id)
    page = uow.treatment_proposals.of_patient(patient.id)
    for one in page:
        _audit(uow, caller, "treatment_proposal_viewed", one)
    today = uow.now.astimezone(wiring_of(request).zone).date()
    return TreatmentProposalsAnswer(proposals=[TreatmentProposalAnswer(**_shown(one, today)) for one in page])


@router.get("/treatment-proposals/{proposal_id}", responses=problems(Kind.UNKNOWN_TREATMENT_PROPOSAL))
def read_treatment_proposal(
    proposal_id: Id, caller: CareTeam, request: Request, uow: Work
) -> FullTreatmentProposalAnswer:
    """One proposal with its story."""
    one = _there(uow.treatment_proposals.get(proposal_id))
    found.patient(uow, one.patient_id)
    _audit(uow, caller, "treatment_proposal_viewed", one)
    return _full(uow, one, uow.now.astimezone(wiring_of(request).zone).date())


@router.post(
    "/treatment-proposals/{proposal_id}/decision",
    responses=problems(Kind.UNKNOWN_TREATMENT_PROPOSAL, Kind.NOT_POSSIBLE_NOW),
)
def decide_proposal(
    proposal_id: Id, ask: DecisionAsk, caller: DoctorCommanding, request: Request, uow: Work
) -> FullTreatmentProposalAnswer:
    """A doctor's decision, for good. With `medicine` it is what the patient takes from now on."""
    one = _there(uow.treatment_proposals.for_update(proposal_id))
    found.patient(uow, one.patient_id)
    trigger = ProposalTrigger(ask.decision)
    if ask.medicine is not None and trigger is ProposalTrigger.DECLINE:
        raise Problem.of(Kind.INVALID_REQUEST, "medicine", "what is declined changes no medicine: leave it out")
    taken = ask.medicine.model_dump() if ask.medicine is not None else {}
    try:
        decide(one, trigger, text=ask.text, by=caller.user_id, at=uow.now, medicine=taken)
    except IllegalTransitionError as error:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "state", str(error)) from error
    except DecisionMissingError as error:
        raise Problem.of(Kind.INVALID_REQUEST, "text", str(error)) from error
    if ask.medicine is not None:
        _prescribe(uow, one, ask.medicine, by=caller.user_id)
    if one.plan_id is not None:
        uow.plan_records.note(
            one.plan_id,
            PlanChange.TREATMENT_DECIDED,
            at=uow.now,
            by=caller.user_id,
            reason=ask.text[:500],
            detail={"proposal": one.id, "state": one.state.value, "medicine": taken},
        )
    uow.emit(
        DomainEvent(
            kind=EventKind.TREATMENT_DECIDED,
            subject=one.id,
            ids={"patient": one.patient_id, "state": one.state.value},
        )
    )
    tell_of_record(uow, one.patient_id)
    _note(uow, caller, one, trigger.value, {"text": ask.text, "medicine": taken})
    return _full(uow, one, uow.now.astimezone(wiring_of(request).zone).date())


@router.post(
    "/treatment-proposals/{proposal_id}/withdraw",
    responses=problems(Kind.UNKNOWN_TREATMENT_PROPOSAL, Kind.NOT_YOURS, Kind.NOT_POSSIBLE_NOW),
)
def withdraw_proposal(
    proposal_id: Id, ask: WithdrawAsk, caller: CareTeamCommanding, request: Request, uow: Work
) -> FullTreatmentProposalAnswer:
    """Take a proposal back before a doctor has decided."""
    one = _there(uow.treatment_proposals.for_update(proposal_id))
    found.patient(uow, one.patient_id)
    found.only_own(one.proposed_by, caller, "proposal_id")
    try:
        one.state = next_proposal_state(one.state, ProposalTrigger.WITHDRAW)
    except IllegalTransitionError as error:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "state", str(error)) from error
    _note(uow, caller, one, ProposalTrigger.WITHDRAW.value, {"reason": ask.reason})
    return _full(uow, one, uow.now.astimezone(wiring_of(request).zone).date())


@router.post(
    "/treatment-proposals/{proposal_id}/assign",
    responses=problems(Kind.UNKNOWN_TREATMENT_PROPOSAL, Kind.UNKNOWN_USER, Kind.NOT_POSSIBLE_NOW),
)
def assign_proposal(
    proposal_id: Id, ask: AssignAsk, caller: CareTeamCommanding, request: Request, uow: Work
) -> FullTreatmentProposalAnswer:
    """Give it to another doctor."""
    one = _there(uow.treatment_proposals.for_update(proposal_id))
    found.patient(uow, one.patient_id)
    if not one.is_open:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "state", f"it is {one.state.value}: nobody decides on it any more")
    before, one.doctor_id = one.doctor_id, _doctor(uow, ask.doctor_id, one.patient_id, by=caller.user_id)
    _note(uow, caller, one, "assigned", {"from": before, "to": one.doctor_id})
    return _full(uow, one, uow.now.astimezone(wiring_of(request).zone).date())


@router.post(
    "/treatment-proposals/{proposal_id}/told",
    responses=problems(Kind.UNKNOWN_TREATMENT_PROPOSAL, Kind.NOT_POSSIBLE_NOW),
)
def note_told(proposal_id: Id, caller: CareTeamCommanding, request: Request, uow: Work) -> FullTreatmentProposalAnswer:
    """Note that the patient was told what the doctor decided; noted twice, the first time counts."""
    one = _there(uow.treatment_proposals.for_update(proposal_id))
    found.patient(uow, one.patient_id)
    if one.decided_at is None:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "state", f"it is {one.state.value}: there is no decision to tell")
    if one.told_at is None:
        one.told_at, one.told_by = uow.now, caller.user_id
        _note(uow, caller, one, "told", {})
    return _full(uow, one, uow.now.astimezone(wiring_of(request).zone).date())


def _owners(uow: UnitOfWork, ask: ProposeAsk) -> list[tuple[str, str]]:
    owners = []
    if ask.medicine_id is not None:
        owners.append(("medicine_id", medicine(uow, ask.medicine_id).patient_id))
    if ask.plan_id is not None:
        owners.append(("plan_id", found.plan(uow, ask.plan_id).patient_id))
    if ask.task_id is not None:
        owners.append(("task_id", found.task(uow, ask.task_id).patient_id))
    if ask.attempt_id is not None:
        owners.append(("attempt_id", found.attempt(uow, ask.attempt_id).patient_id))
    return [(field, str(owner)) for field, owner in owners]


def _doctor(uow: UnitOfWork, doctor_id: str | None, patient_id: str, *, by: str) -> str:
    if doctor_id is not None:
        user = found.user(uow, doctor_id)
        if Role.DOCTOR.value not in user.roles or user.disabled:
            raise Problem.of(Kind.INVALID_REQUEST, "doctor_id", "this user is no doctor: name one who is")
    else:
        user = _any_doctor(uow, patient_id)
    let_in(uow, user, patient_id, role=Helper.DOCTOR.value, reason="a proposal to decide on", by=by)
    return user.id


def _any_doctor(uow: UnitOfWork, patient_id: str) -> User:
    try:
        user = helper_for(uow, Helper.DOCTOR, department=HOUSE, patient_id=patient_id)
    except NobodyCanHelpError:
        user = None
    if user is None or Role.DOCTOR.value not in user.roles:
        raise Problem.of(
            Kind.NOT_POSSIBLE_NOW, "doctor_id", "the hospital has no doctor as a user: an administrator adds one"
        )
    return user


def _prescribe(uow: UnitOfWork, one: TreatmentProposal, part: MedicinePart, *, by: str) -> None:
    before = uow.medicines.get(one.statement_id) if one.statement_id is not None else None
    uow.medicines.put(
        MedicineStatement(
            id=new_id(),
            patient_id=PatientId(one.patient_id),
            basis=MedicineBasis.PRESCRIBED,
            code=part.code or (before.code if before is not None else ""),
            name=part.name,
            dose=part.dose,
            schedule=part.schedule,
            reason=one.decision or one.proposal,
            state=MedicineState(part.state),
            since=before.since if before is not None else uow.now.date(),
            until=uow.now.date() if part.state == "stopped" else None,
            source=before.source if before is not None else f"hand:{by}",
            source_key=before.source_key if before is not None else one.id,
            recorded_at=uow.now,
            recorded_by=by,
        )
    )


def _there(one: TreatmentProposal | None) -> TreatmentProposal:
    if one is None:
        raise Problem.of(
            Kind.UNKNOWN_TREATMENT_PROPOSAL,
            "proposal_id",
            "there is no such proposal; GET /api/v1/treatment-proposals lists the open ones",
        )
    return one


def _shown(one: TreatmentProposal, today: date) -> dict[str, object]:
    plain = {name: getattr(one, name) for name in TreatmentProposalAnswer.model_fields if name != "overdue"}
    return {**plain, "overdue": one.is_open and one.due_on < today}


def _full(uow: UnitOfWork, one: TreatmentProposal, today: date) -> FullTreatmentProposalAnswer:
    uow.flush()
    story: list[ProposalEvent] = list(uow.treatment_proposals.story(one.id))
    return FullTreatmentProposalAnswer(
        **_shown(one, today), story=[ProposalStoryLine.model_validate(line) for line in story]
    )


def _note(uow: UnitOfWork, caller: Caller, one: TreatmentProposal, kind: str, detail: dict[str, object]) -> None:
    uow.treatment_proposals.note(one, kind, at=uow.now, user_id=caller.user_id, detail=detail)
    _audit(uow, caller, f"treatment_proposal_{kind}", one)


def _audit(uow: UnitOfWork, caller: Caller, action: str, one: TreatmentProposal) -> None:
    uow.audit.note(
        user_id=caller.user_id,
        action=action,
        subject_kind="treatment_proposal",
        subject=one.id,
        patient_id=one.patient_id,
    )
