"""Relatives: whom the patient lets hear what, said on a call and kept with its second; and whose number it is."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field, StringConstraints

from api import found
from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant
from api.permissions import AgentCommanding, CareTeam, CareTeamCommanding
from api.problems import Kind, Problem, problems
from api.routes.identity import asked_now, no_relative, note_round, somebody_is_there
from api.routes.patients import ContactPointAnswer
from api.speakers import on_the_line
from care.consent import Consent, ConsentScope
from care.patients import NumberOwner, Patient
from care.relatives import Matter, ProofKind, Relative, Speaker
from db.unit_of_work import UnitOfWork
from followup.attempts import Attempt
from runtime.identifiers import new_id

router = APIRouter(tags=["identity"], route_class=Route)


class RelativeAsk(Ask):
    """A relative whom the patient lets hear certain matters, said on this call. An empty scope: he is told nothing."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    relation: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
    scope: Annotated[set[Matter], Field(max_length=len(Matter))]
    at_second: Annotated[float, Field(ge=0)] | None = None  # of the recording; now if not said
    expires_at: Instant | None = None
    number_is_theirs: bool = False
    speaks_now: bool = True


class RelativeAnswer(Answer):
    """A relative."""

    id: str
    patient_id: str
    name: str
    relation: str
    scope: list[Matter]
    contact_point_id: str | None
    consent_id: str | None
    recorded_at: Instant
    recorded_by: str | None
    expires_at: Instant | None
    ended_at: Instant | None
    guardian: bool
    proof_kind: ProofKind | None
    proof: str
    proof_seen_by: str | None


class RelativesAnswer(Answer):
    """A patient's relatives, ended ones too."""

    relatives: list[RelativeAnswer]


class OwnerAsk(Ask):
    """Whose number it is; a relative's bears his name and relation."""

    owner: NumberOwner
    relative_id: Id | None = None


@router.post(
    "/attempts/{attempt_id}/relative",
    status_code=201,
    responses=problems(Kind.UNKNOWN_ATTEMPT, Kind.NOT_YOURS, Kind.NOT_POSSIBLE_NOW),
)
def record_relative(
    attempt_id: Id, ask: RelativeAsk, caller: AgentCommanding, request: Request, uow: Work
) -> RelativeAnswer:
    """The patient says on this call that a relative may hear certain matters; his word is kept with its second."""
    attempt = found.own_attempt(uow, attempt_id, caller)
    somebody_is_there(attempt)
    if ask.scope and on_the_line(uow, attempt).speaker is not Speaker.PATIENT:
        raise Problem.of(
            Kind.NOT_POSSIBLE_NOW,
            "scope",
            "only the patient can allow it: check his identity first, or record the relative with an empty scope",
        )
    if ask.expires_at is not None and ask.expires_at <= uow.now:
        raise Problem.of(Kind.INVALID_REQUEST, "expires_at", "lies in the past; leave it out or name a later day")
    patient = found.patient(uow, attempt.patient_id)
    relative = Relative(
        id=new_id(),
        patient_id=patient.id,
        name=ask.name,
        relation=ask.relation,
        scope=sorted(matter.value for matter in ask.scope),
        contact_point_id=attempt.contact_point_id if ask.number_is_theirs else None,
        consent_id=_consent(uow, attempt, ask) if ask.scope else None,
        recorded_at=uow.now,
        recorded_by=caller.user_id,
        expires_at=ask.expires_at,
    )
    uow.relatives.add(relative)
    uow.flush()
    if ask.number_is_theirs:
        _label(patient, attempt.contact_point_id, relative)
    _audit(uow, caller, "relative_recorded", "relative", relative.id, patient.id)
    if ask.speaks_now and ask.scope:
        asked = asked_now(uow, request, attempt, caller)
        note_round(
            uow,
            attempt,
            asked,
            person="relative",
            relative=relative,
            passed=set(),
            failed=set(),
            enough=True,
            by=caller.user_id,
        )
    return RelativeAnswer.model_validate(relative)


@router.get("/patients/{patient_id}/relatives", responses=problems(Kind.UNKNOWN_PATIENT))
def list_relatives(patient_id: Id, caller: CareTeam, uow: Work) -> RelativesAnswer:
    """Whom the patient lets hear what."""
    patient = found.patient(uow, patient_id)
    _audit(uow, caller, "relatives_viewed", "patient", patient.id, patient.id)
    return RelativesAnswer(
        relatives=[RelativeAnswer.model_validate(each) for each in uow.relatives.of_patient(patient.id)]
    )


@router.post("/relatives/{relative_id}/end", responses=problems(Kind.UNKNOWN_RELATIVE))
def end_relative(relative_id: Id, caller: CareTeamCommanding, uow: Work) -> RelativeAnswer:
    """The patient takes his word back: from now on this relative is told nothing."""
    relative = uow.relatives.get(relative_id)
    if relative is None:
        raise no_relative()
    if relative.ended_at is None:
        relative.ended_at = uow.now
        _audit(uow, caller, "relative_ended", "relative", relative.id, relative.patient_id)
    return RelativeAnswer.model_validate(relative)


@router.put(
    "/patients/{patient_id}/contact-points/{contact_point_id}/owner",
    responses=problems(Kind.UNKNOWN_PATIENT, Kind.UNKNOWN_RELATIVE, Kind.INVALID_REQUEST),
)
def label_number(
    patient_id: Id, contact_point_id: Id, ask: OwnerAsk, caller: CareTeam, uow: Work
) -> ContactPointAnswer:
    """Say whose number it is."""
    patient = found.patient(uow, patient_id)
    point = next((each for each in patient.contact_points if each.id == contact_point_id), None)
    if point is None:
        raise Problem.of(Kind.INVALID_REQUEST, "contact_point_id", "is no number of this patient; read the patient")
    if ask.owner is NumberOwner.RELATIVE:
        relative = uow.relatives.get(ask.relative_id) if ask.relative_id is not None else None
        if relative is None or relative.patient_id != patient.id:
            raise Problem.of(Kind.UNKNOWN_RELATIVE, "relative_id", "name one of the patient's relatives")
        _label(patient, point.id, relative)
        relative.contact_point_id = point.id
    else:
        point.owner, point.label = NumberOwner.SELF, ""
        for each in uow.relatives.of_number(point.id, uow.now):
            each.contact_point_id = None
    _audit(uow, caller, "number_labelled", "contact_point", point.id, patient.id)
    return ContactPointAnswer.model_validate(point)


def _consent(uow: UnitOfWork, attempt: Attempt, ask: RelativeAsk) -> str:
    call = uow.calls.of_attempt(attempt.id)
    answered = call.answered_at if call else None
    since = (uow.now - answered) if answered is not None else timedelta(0)
    task = found.task(uow, attempt.task_id)
    scopes = [ConsentScope.DISCLOSURE, *([ConsentScope.RELATIVE] if ask.number_is_theirs else [])]
    statements = [
        Consent(
            id=new_id(),
            patient_id=attempt.patient_id,
            purpose=task.purpose,
            scope=scope,
            granted=True,
            source="call",
            call_id=call.id if call else None,
            at_second=ask.at_second if ask.at_second is not None else round(since.total_seconds(), 1),
            recorded_at=uow.now,
        )
        for scope in scopes
    ]
    for statement in statements:
        uow.patients.add_consent(statement)
    uow.flush()
    return statements[0].id


def _label(patient: Patient, contact_point_id: str, relative: Relative) -> None:
    for point in patient.contact_points:
        if point.id == contact_point_id:
            point.owner = NumberOwner.RELATIVE
            point.label = f"{relative.name} ({relative.relation})"[:100]


def _audit(
    uow: UnitOfWork, caller: Caller, action: str, subject_kind: str, subject: str, patient_id: str | None
) -> None:
    uow.audit.note(
        user_id=caller.user_id,
        action=action,
        subject_kind=subject_kind,
        subject=subject,
        patient_id=patient_id,
    )
