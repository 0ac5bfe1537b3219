"""Legal holds: table, mapping, repository."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Column, Index, String, Table, Uuid, and_, exists, or_, select, text, update
from sqlalchemy.orm import Session

from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference
from db.recordings import recordings
from followup.recordings import Recording
from followup.retention import HOLDING, HoldState, LegalHold

legal_holds = Table(
    "legal_holds",
    metadata,
    id_column(),
    reference("patient_id", "patients.id"),
    reference("recording_id", "recordings.id", nullable=True),
    Column("case", String(100), nullable=False),
    Column("reason", String(500), nullable=False),
    Column("placed_by", Uuid(as_uuid=False), nullable=False),
    instant("placed_at"),
    instant("until", nullable=True),
    closed_set("state", HoldState),
    Column("release_asked_by", Uuid(as_uuid=False), nullable=True),
    instant("release_asked_at", nullable=True),
    Column("release_because", String(500), nullable=False, default=""),
    Column("ended_by", Uuid(as_uuid=False), nullable=True),
    instant("ended_at", nullable=True),
    Index("ix_legal_holds_holding", "until", postgresql_where=text("state IN ('held', 'release_asked')")),
)

mapper_registry.map_imperatively(LegalHold, legal_holds)

_HOLDING = legal_holds.c.state.in_(HOLDING)
_COVERS = or_(
    legal_holds.c.recording_id == recordings.c.id,
    and_(legal_holds.c.recording_id.is_(None), legal_holds.c.patient_id == recordings.c.patient_id),
)


class LegalHoldRepository:
    """Legal holds."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, hold: LegalHold) -> None:
        """Save a hold."""
        self._session.add(hold)

    def get(self, hold_id: str) -> LegalHold | None:
        """The hold with this id."""
        return self._session.get(LegalHold, hold_id)

    def for_update(self, hold_id: str) -> LegalHold | None:
        """The hold with this id, locked."""
        return self._session.get(LegalHold, hold_id, with_for_update=True, populate_existing=True)

    def page(self, *, holding: bool, patient_id: str | None, limit: int) -> Sequence[LegalHold]:
        """Holds, newest first."""
        query = select(LegalHold).order_by(legal_holds.c.placed_at.desc(), legal_holds.c.id)
        if holding:
            query = query.where(_HOLDING)
        if patient_id is not None:
            query = query.where(legal_holds.c.patient_id == patient_id)
        return self._session.scalars(query.limit(limit)).all()

    def covered(self, hold: LegalHold) -> Sequence[Recording]:
        """The recordings that a hold is about, locked in order of id."""
        query = select(Recording).with_for_update().order_by(recordings.c.id)
        if hold.recording_id is not None:
            query = query.where(recordings.c.id == hold.recording_id)
        else:
            query = query.where(recordings.c.patient_id == hold.patient_id)
        return self._session.scalars(query.execution_options(populate_existing=True)).all()

    def lapsed(self, now: datetime) -> Sequence[LegalHold]:
        """Holds whose own last day is over, locked."""
        return self._session.scalars(
            select(LegalHold).where(_HOLDING, legal_holds.c.until <= now).with_for_update(skip_locked=True).limit(500)
        ).all()

    def mark(self) -> int:
        """Bring the mark on recordings in line with the holds; how many were out of line."""
        held = exists().where(_HOLDING, _COVERS)
        changed = self._session.scalars(
            update(recordings)
            .where(recordings.c.legal_hold != held)
            .values(legal_hold=held)
            .returning(recordings.c.id)
            .execution_options(synchronize_session=False)
        ).all()
        return len(changed)
