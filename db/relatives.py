"""Relatives of patients: table, mapping, repository."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Boolean, Column, String, Table, Uuid, or_, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from care.relatives import ProofKind, Relative
from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference

relatives = Table(
    "relatives",
    metadata,
    id_column(),
    reference("patient_id", "patients.id"),
    Column("name", String(200), nullable=False),
    Column("relation", String(60), nullable=False),
    Column("scope", JSONB, nullable=False, default=list),
    reference("contact_point_id", "contact_points.id", nullable=True),
    reference("consent_id", "consents.id", nullable=True, index=False),
    instant("recorded_at"),
    Column("recorded_by", Uuid(as_uuid=False), nullable=True),
    instant("expires_at", nullable=True),
    instant("ended_at", nullable=True),
    Column("guardian", Boolean, nullable=False, default=False, server_default="false"),
    closed_set("proof_kind", ProofKind, nullable=True),
    Column("proof", String(200), nullable=False, default="", server_default=""),
    Column("proof_seen_by", Uuid(as_uuid=False), nullable=True),
)

mapper_registry.map_imperatively(Relative, relatives)


class RelativeRepository:
    """Whom patients let hear and say what."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, relative: Relative) -> None:
        """Save a relative."""
        self._session.add(relative)

    def get(self, relative_id: str) -> Relative | None:
        """The relative with this id."""
        return self._session.get(Relative, relative_id)

    def of_patient(self, patient_id: str) -> Sequence[Relative]:
        """A patient's relatives, those who have ended too, oldest first."""
        return self._session.scalars(
            select(Relative).where(relatives.c.patient_id == patient_id).order_by(relatives.c.recorded_at)
        ).all()

    def of_number(self, contact_point_id: str, now: datetime) -> Sequence[Relative]:
        """The relatives who live behind a number now."""
        return self._session.scalars(
            select(Relative)
            .where(
                relatives.c.contact_point_id == contact_point_id,
                relatives.c.ended_at.is_(None),
                or_(relatives.c.expires_at.is_(None), relatives.c.expires_at > now),
            )
            .order_by(relatives.c.recorded_at)
        ).all()
