"""Patients, their numbers, consents and encounters: tables, mappings, repository."""

from collections.abc import Sequence

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    Float,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
    or_,
    select,
)
from sqlalchemy.orm import Session, relationship

from care.appointments import AppointmentState
from care.consent import Consent, ConsentScope, Purpose
from care.identifiers import IdentifierKind, PersonIdentifier
from care.patients import ContactPoint, Encounter, NumberOwner, NumberQuality, Patient
from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference

patients = Table(
    "patients",
    metadata,
    id_column(),
    Column("record_number", String(64), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("language", String(16), nullable=False),
    Column("zone", String(64), nullable=False),
    Column("born", Date, nullable=True),
    Column("sex", String(16), nullable=True),
    Column("dialect", String(40), nullable=True),
    Column("slow_speech", Boolean, nullable=False, default=False),
    Column("synthetic", Boolean, nullable=False, default=False),
    instant("deceased_at", nullable=True),
    instant("created_at"),
)

contact_points = Table(
    "contact_points",
    metadata,
    id_column(),
    reference("patient_id", "patients.id"),
    Column("number", String(20), nullable=False, index=True),
    closed_set("owner", NumberOwner),
    Column("label", String(100), nullable=False, default=""),
    Column("rank", Integer, nullable=False, default=1),
    closed_set("quality", NumberQuality),
    Column("do_not_call", Boolean, nullable=False, default=False),
    UniqueConstraint("patient_id", "number"),
)

consents = Table(
    "consents",
    metadata,
    id_column(),
    reference("patient_id", "patients.id", index=False),
    closed_set("purpose", Purpose),
    closed_set("scope", ConsentScope),
    Column("granted", Boolean, nullable=False),
    Column("source", String(64), nullable=False),
    Column("call_id", String(36), nullable=True),
    Column("at_second", Float, nullable=True),
    instant("recorded_at"),
    Index("ix_consents_patient_purpose", "patient_id", "purpose", "scope", "recorded_at"),
)

encounters = Table(
    "encounters",
    metadata,
    id_column(),
    reference("patient_id", "patients.id"),
    Column("department", String(100), nullable=False),
    Column("kind", String(40), nullable=False),
    instant("occurred_at"),
    Column("visit_number", String(64), nullable=True),
    Column("ward", String(100), nullable=True),
    Column("doctor", String(100), nullable=True),
    closed_set("appointment_state", AppointmentState, nullable=True),
)

person_identifiers = Table(
    "person_identifiers",
    metadata,
    id_column(),
    reference("patient_id", "patients.id"),
    closed_set("kind", IdentifierKind),
    Column("value", String(64), nullable=False),
    UniqueConstraint("kind", "value"),
)

mapper_registry.map_imperatively(ContactPoint, contact_points)
mapper_registry.map_imperatively(
    Patient,
    patients,
    properties={
        "contact_points": relationship(
            ContactPoint, lazy="selectin", order_by=contact_points.c.rank, cascade="all, delete-orphan"
        )
    },
)
mapper_registry.map_imperatively(Consent, consents)
mapper_registry.map_imperatively(Encounter, encounters)
mapper_registry.map_imperatively(PersonIdentifier, person_identifiers)


class PatientRepository:
    """Patients and what belongs to the person."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, patient: Patient) -> None:
        """Save a new patient with his numbers."""
        self._session.add(patient)

    def add_consent(self, consent: Consent) -> None:
        """Append one statement of consent."""
        self._session.add(consent)

    def add_encounter(self, encounter: Encounter) -> None:
        """Save a visit."""
        self._session.add(encounter)

    def get(self, patient_id: str) -> Patient | None:
        """The patient with this id."""
        return self._session.get(Patient, patient_id)

    def lock(self, patient_id: str) -> bool:
        """Lock the patient until the end of the transaction; False at once if another transaction holds him.

        Who reserves an attempt holds this lock, so that two of one patient never meet.
        """
        held = self._session.scalar(
            select(patients.c.id).where(patients.c.id == patient_id).with_for_update(skip_locked=True, key_share=True)
        )
        return held is not None

    def encounter(self, encounter_id: str) -> Encounter | None:
        """The visit with this id."""
        return self._session.get(Encounter, encounter_id)

    def page(self, *, after: str | None, limit: int, containing: str | None = None) -> Sequence[Patient]:
        """Patients in order of record number, from behind `after`."""
        query = select(Patient).order_by(patients.c.record_number).limit(limit)
        if after:
            query = query.where(patients.c.record_number > after)
        if containing:
            query = query.where(
                or_(
                    patients.c.name.contains(containing, autoescape=True),
                    patients.c.record_number.startswith(containing, autoescape=True),
                )
            )
        return self._session.scalars(query).all()

    def encounters_of(self, patient_id: str, *, limit: int = 200) -> Sequence[Encounter]:
        """A patient's visits, newest first."""
        return self._session.scalars(
            select(Encounter)
            .where(encounters.c.patient_id == patient_id)
            .order_by(encounters.c.occurred_at.desc(), encounters.c.id)
            .limit(limit)
        ).all()

    def identifiers_of(self, patient_id: str) -> Sequence[PersonIdentifier]:
        """The numbers that stand for a patient besides his record number."""
        return self._session.scalars(
            select(PersonIdentifier)
            .where(person_identifiers.c.patient_id == patient_id)
            .order_by(person_identifiers.c.kind, person_identifiers.c.value)
        ).all()

    def consents_of(self, patient_id: str) -> Sequence[Consent]:
        """Every statement of consent, oldest first."""
        return self._session.scalars(
            select(Consent).where(consents.c.patient_id == patient_id).order_by(consents.c.recorded_at)
        ).all()
