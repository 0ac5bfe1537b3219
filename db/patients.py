"""Patients, their numbers, consents and encounters: tables, mappings, repository."""

from collections.abc import Collection, Sequence

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
    event,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.engine import Connection
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.orm import Mapper, Session, class_mapper, deferred, lazyload, relationship
from sqlalchemy.orm.attributes import get_history, set_attribute

from care.appointments import AppointmentState
from care.consent import Consent, ConsentScope, Purpose
from care.identifiers import IdentifierKind, PersonIdentifier
from care.patients import ContactPoint, Encounter, NumberOwner, NumberQuality, Patient
from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference
from runtime.name_keys import name_keys, name_sound


def written_keys(name: str) -> str:
    """The keys that find a name, as a tsvector is written; keys hold letters and digits only."""
    return " ".join(f"'{key}'" for key in name_keys(name))


def _name_of(context: DefaultExecutionContext) -> str:
    return str(context.get_current_parameters()["name"])  # type: ignore[no-untyped-call]


def _keys_of_new(context: DefaultExecutionContext) -> str:
    return written_keys(_name_of(context))


def _sound_of_new(context: DefaultExecutionContext) -> str:
    return name_sound(_name_of(context))


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
    # Both follow from the name, however the row comes in: one by one or hundreds at once.
    Column("search_keys", TSVECTOR, nullable=False, default=_keys_of_new, server_default=""),
    Column("name_sound", String(1200), nullable=False, default=_sound_of_new, server_default=""),
    Index("ix_patients_search_keys", "search_keys", postgresql_using="gin"),
    Index("ix_patients_born_sound", "born", "name_sound"),
    Index("ix_patients_record_number_begin", "record_number", postgresql_ops={"record_number": "text_pattern_ops"}),
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
Index(
    "ix_contact_points_tail",
    func.reverse(contact_points.c.number).label("tail"),
    postgresql_ops={"tail": "text_pattern_ops"},
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
    Column("source", String(100), nullable=False, default="hospital", server_default="hospital"),
    Index("ix_encounters_department", "department", "patient_id"),
    Index("ix_encounters_occurred_at", "occurred_at"),
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
Index(
    "ix_person_identifiers_tail",
    func.reverse(person_identifiers.c.value).label("tail"),
    postgresql_ops={"tail": "text_pattern_ops"},
)

mapper_registry.map_imperatively(ContactPoint, contact_points)
mapper_registry.map_imperatively(
    Patient,
    patients,
    properties={
        "contact_points": relationship(
            ContactPoint, lazy="selectin", order_by=contact_points.c.rank, cascade="all, delete-orphan"
        ),
        "search_keys": deferred(patients.c.search_keys),
        "name_sound": deferred(patients.c.name_sound),
    },
)
mapper_registry.map_imperatively(Consent, consents)
mapper_registry.map_imperatively(Encounter, encounters)
mapper_registry.map_imperatively(PersonIdentifier, person_identifiers)


_CONTACT_POINTS = class_mapper(Patient).attrs["contact_points"].class_attribute


@event.listens_for(Patient, "before_update")
def _follow_the_name(mapper: Mapper[Patient], connection: Connection, patient: Patient) -> None:  # noqa: ARG001
    if get_history(patient, "name").has_changes():
        set_attribute(patient, "search_keys", written_keys(patient.name))
        set_attribute(patient, "name_sound", name_sound(patient.name))


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

    def add_identifier(self, identifier: PersonIdentifier) -> None:
        """Save a number that stands for a patient."""
        self._session.add(identifier)

    def add_encounter(self, encounter: Encounter) -> None:
        """Save a visit."""
        self._session.add(encounter)

    def id_of(self, record_number: str) -> str | None:
        """Whose record number this is."""
        return self._session.scalar(select(patients.c.id).where(patients.c.record_number == record_number))

    def get(self, patient_id: str) -> Patient | None:
        """The patient with this id."""
        return self._session.get(Patient, patient_id)

    def of_ids(self, ids: Collection[str]) -> dict[str, Patient]:
        """These patients by id; their numbers are read when somebody asks for them."""
        if not ids:
            return {}
        found = self._session.scalars(select(Patient).where(patients.c.id.in_(ids)).options(lazyload(_CONTACT_POINTS)))
        return {each.id: each for each in found}

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

    def page(self, *, after: str | None, limit: int) -> Sequence[Patient]:
        """Patients in order of record number, from behind `after`."""
        query = select(Patient).order_by(patients.c.record_number).limit(limit)
        if after:
            query = query.where(patients.c.record_number > after)
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
