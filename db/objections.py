"""What patients said against calls and when they want them: do-not-call entries, doctors' exceptions, own hours."""

from collections.abc import Mapping, Sequence
from datetime import datetime, time
from typing import Any

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    String,
    Table,
    Uuid,
    and_,
    delete,
    or_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Session

from care.consent import Purpose
from care.objections import DoctorsException, Objection, ObjectionSource
from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference
from followup.calling_hours import CallingHours, OwnHours

do_not_call = Table(
    "do_not_call",
    metadata,
    id_column(),
    reference("patient_id", "patients.id", nullable=True),
    Column("number", String(20), nullable=True, index=True),
    closed_set("purpose", Purpose, nullable=True),
    Column("campaign_id", String(36), nullable=True),
    Column("reason", String(200), nullable=False),
    closed_set("source", ObjectionSource),
    Column("call_id", Uuid(as_uuid=False), nullable=True),
    Column("at_second", Float, nullable=True),
    Column("recorded_by", Uuid(as_uuid=False), nullable=True),
    instant("since"),
    instant("lifted_at", nullable=True),
    Column("lifted_by", Uuid(as_uuid=False), nullable=True),
    Column("lifted_because", String(200), nullable=False, default=""),
    CheckConstraint("patient_id IS NOT NULL OR number IS NOT NULL", name="of_somebody"),
)

doctors_exceptions = Table(
    "doctors_exceptions",
    metadata,
    id_column(),
    reference("patient_id", "patients.id"),
    reference("task_id", "tasks.id", nullable=True, index=False),
    Column("doctor", String(100), nullable=False),
    Column("reason", String(500), nullable=False),
    Column("recorded_by", Uuid(as_uuid=False), nullable=False),
    instant("recorded_at"),
    instant("expires_at"),
    instant("ended_at", nullable=True),
    Index("ix_doctors_exceptions_living", "patient_id", postgresql_where=text("ended_at IS NULL")),
)

own_hours = Table(
    "own_hours",
    metadata,
    Column("patient_id", Uuid(as_uuid=False), ForeignKey("patients.id"), primary_key=True),
    Column("spans", JSONB, nullable=False),
    Column("wish", Boolean, nullable=False),
    Column("source", String(64), nullable=False),
    Column("recorded_by", Uuid(as_uuid=False), nullable=True),
    instant("recorded_at"),
)

mapper_registry.map_imperatively(Objection, do_not_call)
mapper_registry.map_imperatively(DoctorsException, doctors_exceptions)


def read_own_hours(spans: Sequence[Mapping[str, Any]], *, wish: bool) -> OwnHours:
    """Own hours as their row tells them."""
    return OwnHours(
        spans=tuple(
            CallingHours(
                start=time.fromisoformat(span["start"]),
                end=time.fromisoformat(span["end"]),
                weekdays=frozenset(span["weekdays"]),
            )
            for span in spans
        ),
        wish=wish,
    )


def written_spans(hours: OwnHours) -> list[dict[str, object]]:
    """The spans as their row, and the audit, tell them."""
    return [
        {"start": span.start.isoformat(), "end": span.end.isoformat(), "weekdays": sorted(span.weekdays)}
        for span in hours.spans
    ]


class ObjectionRepository:
    """The do-not-call list, doctors' exceptions, and patients' own hours."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, objection: Objection) -> None:
        """Put a person or a number on the do-not-call list."""
        self._session.add(objection)

    def get(self, objection_id: str) -> Objection | None:
        """The entry with this id."""
        return self._session.get(Objection, objection_id)

    def of_patient(self, patient_id: str) -> Sequence[Objection]:
        """Every entry of a person, lifted ones too, oldest first."""
        return self._session.scalars(
            select(Objection).where(do_not_call.c.patient_id == patient_id).order_by(do_not_call.c.since)
        ).all()

    def holding(self, patient_id: str, number: str | None = None) -> Sequence[Objection]:
        """The entries that hold for a person or the number now, oldest first."""
        theirs = or_(
            do_not_call.c.patient_id == patient_id,
            and_(do_not_call.c.number == number, do_not_call.c.number.is_not(None), do_not_call.c.patient_id.is_(None)),
        )
        return self._session.scalars(
            select(Objection).where(theirs, do_not_call.c.lifted_at.is_(None)).order_by(do_not_call.c.since)
        ).all()

    def closes_everything(self, patient_id: str, number: str | None = None) -> bool:
        """True if the person, or the number, is closed to calls for every purpose."""
        return self.closes(None, patient_id, number)

    def closes(self, purpose: Purpose | None, patient_id: str, number: str | None = None) -> bool:
        """True if the person, or the number, is closed for this purpose; None: for every one."""
        return any(
            each.purpose in (None, purpose) and each.campaign_id is None and each.number in (None, number)
            for each in self.holding(patient_id, number)
        )

    def add_exception(self, exception: DoctorsException) -> None:
        """Save a doctor's exception."""
        self._session.add(exception)

    def exception(self, exception_id: str) -> DoctorsException | None:
        """The exception with this id."""
        return self._session.get(DoctorsException, exception_id)

    def exceptions_of(self, patient_id: str) -> Sequence[DoctorsException]:
        """A patient's exceptions, ended ones too, oldest first."""
        return self._session.scalars(
            select(DoctorsException)
            .where(doctors_exceptions.c.patient_id == patient_id)
            .order_by(doctors_exceptions.c.recorded_at)
        ).all()

    def own_hours(self, patient_id: str) -> OwnHours | None:
        """The hours a patient asked for; None if he asked for none."""
        row = self._session.execute(
            select(own_hours.c.spans, own_hours.c.wish).where(own_hours.c.patient_id == patient_id)
        ).first()
        return read_own_hours(row.spans, wish=row.wish) if row else None

    def put_own_hours(self, patient_id: str, hours: OwnHours, *, source: str, by: str | None, now: datetime) -> None:
        """Save the hours a patient asked for, in the place of those before."""
        values = {
            "spans": written_spans(hours),
            "wish": hours.wish,
            "source": source,
            "recorded_by": by,
            "recorded_at": now,
        }
        self._session.execute(
            insert(own_hours)
            .values(patient_id=patient_id, **values)
            .on_conflict_do_update(index_elements=[own_hours.c.patient_id], set_=values)
        )

    def drop_own_hours(self, patient_id: str) -> bool:
        """Forget the hours a patient asked for; False if there were none."""
        gone = self._session.execute(
            delete(own_hours).where(own_hours.c.patient_id == patient_id).returning(own_hours.c.patient_id)
        )
        return gone.first() is not None
