"""Relatives of a patient: who they are, which matters the patient lets them hear and answer for, and until when."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from care.patients import PatientId


class Matter(StrEnum):
    """What a question or a message is about; the scope of a relative is a set of these."""

    GENERAL = "general"  # nothing about health: whether the call helped, the waiting time
    APPOINTMENTS = "appointments"  # when and where the next visit is
    BOOKING = "booking"  # make, move or cancel a visit
    COMPLAINTS = "complaints"
    SYMPTOMS = "symptoms"  # how he is, what he measures at home
    MEDICINES = "medicines"
    RESULTS = "results"  # findings, diagnoses
    PSYCHOLOGY = "psychology"


class Speaker(StrEnum):
    """Who is on the line, as far as it is known."""

    UNKNOWN = "unknown"  # a person who has not said, or not shown, who he is
    MACHINE = "machine"
    PATIENT = "patient"
    RELATIVE = "relative"


class ProofKind(StrEnum):
    """What showed that somebody is who he says, to whom he says."""

    BIRTH_CERTIFICATE = "birth_certificate"  # 出生医学证明
    HOUSEHOLD_REGISTER = "household_register"  # 户口簿
    ID_CARD = "id_card"
    COURT_DECISION = "court_decision"
    AUTHORIZATION = "authorization"  # a letter that the patient signed (授权委托书)
    MARRIAGE_CERTIFICATE = "marriage_certificate"
    PATIENTS_WORD = "patients_word"  # said by the patient himself, in person


@dataclass(kw_only=True, eq=False)
class Relative:
    """A person whom the patient lets hear and say certain matters (FHIR RelatedPerson); rows end, they never go."""

    id: str
    patient_id: PatientId
    name: str
    relation: str  # son, wife, neighbour: as it was said
    scope: list[str] = field(default_factory=list)  # matters, by their values
    contact_point_id: str | None = None  # his own number among the patient's
    consent_id: str | None = None  # the patient's statement; None: recorded, and told nothing
    recorded_at: datetime
    recorded_by: str | None = None
    expires_at: datetime | None = None
    ended_at: datetime | None = None
    guardian: bool = False  # of a child: his consent counts in the child's place
    proof_kind: ProofKind | None = None  # what showed it; None: nobody saw anything
    proof: str = ""  # its number, or where its copy is kept
    proof_seen_by: str | None = None

    def lives(self, now: datetime) -> bool:
        """True while the patient's word holds."""
        return self.ended_at is None and (self.expires_at is None or now < self.expires_at)

    def matters(self, now: datetime) -> frozenset[Matter]:
        """What he may hear now: nothing without the patient's statement, after its end, or beyond it."""
        if self.consent_id is None or not self.lives(now):
            return frozenset()
        return frozenset(Matter(matter) for matter in self.scope)


def may_be_told(scope: Collection[Matter], matter: Matter) -> bool:
    """True if a relative with this scope may hear of, or be asked about, the matter."""
    return matter is Matter.GENERAL or matter in scope


def matters_open_to(
    speaker: Speaker, relative: Relative | None = None, *, now: datetime | None = None
) -> frozenset[Matter]:
    """What may be spoken of: everything with the patient, the scope with a relative, nothing with anybody else.

    Not even that the hospital has a matter is general talk for a machine or a person nobody knows.
    """
    if speaker is Speaker.PATIENT:
        return frozenset(Matter)
    if speaker is Speaker.RELATIVE and relative is not None and now is not None and relative.lives(now):
        return relative.matters(now) | {Matter.GENERAL}
    return frozenset()
