"""Guardians of children and relatives named at the counter, each with what showed it."""

from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo

from care.consent import ConsentScope, Purpose
from care.guardians import GUARDIAN_BELOW, GUARDIAN_PROOFS, GUARDIAN_UNTIL, birthday_of_age, is_child
from care.patients import ContactPoint, NumberOwner, Patient
from care.relatives import Matter, ProofKind, Relative
from db.unit_of_work import UnitOfWork
from record.counter import (
    AT_THE_COUNTER,
    BY_THE_GUARDIAN,
    OpeningRefusedError,
    RefusalKind,
    ToldConsent,
    ToldNumber,
    add_consent,
    add_number,
)
from runtime.identifiers import new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldGuardian:
    """Who answers for a child, and what showed it."""

    name: str
    relation: str
    proof_kind: ProofKind
    proof: str
    number: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldRelative:
    """Whom the patient lets hear certain matters, and what showed it."""

    name: str
    relation: str
    scope: frozenset[Matter]
    proof_kind: ProofKind
    proof: str
    number: str | None = None
    expires_at: datetime | None = None


def add_guardian(uow: UnitOfWork, patient: Patient, told: ToldGuardian, *, by: str) -> Relative:
    """Record who answers for a child, with what showed it; his word ends when the child is of age."""
    if told.proof_kind not in GUARDIAN_PROOFS:
        kinds = ", ".join(sorted(kind.value for kind in GUARDIAN_PROOFS))
        raise OpeningRefusedError(
            RefusalKind.INVALID,
            "guardian.proof_kind",
            f"shows nobody to be a child's guardian; it has to be one of {kinds}",
        )
    if patient.born is None:
        raise OpeningRefusedError(RefusalKind.INVALID, "born", "is not known: a guardian's word ends at an age")
    ends = datetime.combine(birthday_of_age(patient.born, GUARDIAN_UNTIL), time(), ZoneInfo(patient.zone))
    if ends <= uow.now:
        raise OpeningRefusedError(
            RefusalKind.NOT_POSSIBLE,
            "guardian",
            f"the patient is {GUARDIAN_UNTIL} or older and speaks for himself; record a relative with his consent",
        )
    point = _number_of(uow, patient, told)
    guardian = _relative(
        uow,
        patient,
        ToldRelative(
            name=told.name,
            relation=told.relation,
            scope=frozenset(Matter),
            proof_kind=told.proof_kind,
            proof=told.proof,
            expires_at=ends,
        ),
        point,
        source=BY_THE_GUARDIAN,
        guardian=True,
        by=by,
    )
    _audit(uow, "guardian_recorded", guardian, by)
    return guardian


def add_relative(uow: UnitOfWork, patient: Patient, told: ToldRelative, *, by: str) -> Relative:
    """Record whom the patient lets hear what; a child names nobody, his guardian hears for him."""
    if is_child(patient.born, patient.zone, uow.now):
        raise OpeningRefusedError(
            RefusalKind.NOT_POSSIBLE,
            "patient_id",
            f"somebody younger than {GUARDIAN_BELOW} names nobody himself: record the guardian",
        )
    relative = _relative(
        uow, patient, told, _number_of(uow, patient, told), source=AT_THE_COUNTER, guardian=False, by=by
    )
    _audit(uow, "relative_recorded", relative, by)
    return relative


def _number_of(uow: UnitOfWork, patient: Patient, told: ToldGuardian | ToldRelative) -> ContactPoint | None:
    if told.number is None:
        return None
    label = f"{told.relation} {told.name}"[:100]
    return add_number(uow, patient, ToldNumber(number=told.number, owner=NumberOwner.RELATIVE, label=label))


def _relative(
    uow: UnitOfWork,
    patient: Patient,
    told: ToldRelative,
    point: ContactPoint | None,
    *,
    source: str,
    guardian: bool,
    by: str,
) -> Relative:
    scopes = [ConsentScope.DISCLOSURE, *([ConsentScope.RELATIVE] if point is not None else [])]
    statements = [
        add_consent(uow, patient, ToldConsent(purpose=Purpose.CARE, scope=scope, granted=True), source)
        for scope in scopes
    ]
    relative = Relative(
        id=new_id(),
        patient_id=patient.id,
        name=told.name,
        relation=told.relation,
        scope=sorted(matter.value for matter in told.scope),
        contact_point_id=point.id if point else None,
        consent_id=statements[0].id,
        recorded_at=uow.now,
        recorded_by=by,
        expires_at=told.expires_at,
        guardian=guardian,
        proof_kind=told.proof_kind,
        proof=told.proof,
        proof_seen_by=by,
    )
    uow.relatives.add(relative)
    uow.flush()
    return relative


def _audit(uow: UnitOfWork, action: str, relative: Relative, by: str) -> None:
    uow.audit.note(
        user_id=by,
        action=action,
        subject_kind="relative",
        subject=relative.id,
        patient_id=relative.patient_id,
        detail={"proof": relative.proof_kind.value if relative.proof_kind else None},
    )
