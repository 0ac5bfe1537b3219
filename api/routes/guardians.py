"""Who answers for a child, and whom a patient names at the counter: each with what showed it."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field, StringConstraints

from api import found
from api.edge import Route, Work
from api.fields import Ask, Id, Instant, Line, PhoneNumber
from api.permissions import FrontDeskCommanding
from api.problems import Kind, Problem, problems
from api.routes.relatives import RelativeAnswer
from care.relatives import Matter, ProofKind
from record.counter import OpeningRefusedError, RefusalKind
from record.guardians import ToldGuardian, ToldRelative, add_guardian, add_relative

router = APIRouter(tags=["identity"], route_class=Route)

Proof = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Relation = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]


class GuardianAsk(Ask):
    """A child's guardian. `proof`: the number of what was shown, or where its copy is kept."""

    name: Line
    relation: Relation
    proof_kind: ProofKind
    proof: Proof
    number: PhoneNumber | None = None


class NamedRelativeAsk(Ask):
    """A relative whom the patient lets hear certain matters, said or signed at the counter."""

    name: Line
    relation: Relation
    scope: Annotated[set[Matter], Field(min_length=1, max_length=len(Matter))]
    proof_kind: ProofKind
    proof: Proof
    number: PhoneNumber | None = None
    expires_at: Instant | None = None


@router.post(
    "/patients/{patient_id}/guardians",
    status_code=201,
    responses=problems(Kind.UNKNOWN_PATIENT, Kind.INVALID_REQUEST, Kind.NOT_POSSIBLE_NOW),
)
def record_guardian(patient_id: Id, ask: GuardianAsk, caller: FrontDeskCommanding, uow: Work) -> RelativeAnswer:
    """Record a child's guardian, who hears everything until the child is of age, or until somebody ends it."""
    patient = found.patient(uow, patient_id)
    try:
        guardian = add_guardian(uow, patient, told_guardian(ask), by=caller.user_id)
    except OpeningRefusedError as error:
        raise _refused(error) from error
    return RelativeAnswer.model_validate(guardian)


@router.post(
    "/patients/{patient_id}/relatives",
    status_code=201,
    responses=problems(Kind.UNKNOWN_PATIENT, Kind.INVALID_REQUEST, Kind.NOT_POSSIBLE_NOW),
)
def name_relative(patient_id: Id, ask: NamedRelativeAsk, caller: FrontDeskCommanding, uow: Work) -> RelativeAnswer:
    """The patient, in person or in writing, lets a relative hear certain matters."""
    patient = found.patient(uow, patient_id)
    _lies_ahead(ask.expires_at, uow.now)
    told = ToldRelative(
        name=ask.name,
        relation=ask.relation,
        scope=frozenset(ask.scope),
        proof_kind=ask.proof_kind,
        proof=ask.proof,
        number=ask.number,
        expires_at=ask.expires_at,
    )
    try:
        relative = add_relative(uow, patient, told, by=caller.user_id)
    except OpeningRefusedError as error:
        raise _refused(error) from error
    return RelativeAnswer.model_validate(relative)


def told_guardian(ask: GuardianAsk) -> ToldGuardian:
    """What was told of a guardian."""
    return ToldGuardian(
        name=ask.name, relation=ask.relation, proof_kind=ask.proof_kind, proof=ask.proof, number=ask.number
    )


def _refused(error: OpeningRefusedError) -> Problem:
    kind = Kind.INVALID_REQUEST if error.kind is RefusalKind.INVALID else Kind.NOT_POSSIBLE_NOW
    return Problem.of(kind, error.field.removeprefix("guardian."), str(error))


def _lies_ahead(expires_at: datetime | None, now: datetime) -> None:
    if expires_at is not None and expires_at <= now:
        raise Problem.of(Kind.INVALID_REQUEST, "expires_at", "lies in the past; leave it out or name a later day")
