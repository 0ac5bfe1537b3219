"""Legal holds: table, mapping, repository."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Column, Index, String, Table, Uuid, select, text
from sqlalchemy.orm import Session

from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference
from db.retention import HELD
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

# Only recordings that may be out of line are looked at: marked ones, and those that a hold or a dispute is about.
_OUT_OF_LINE = text(
    f"""
    WITH held_patients(id) AS (
      SELECT patient_id FROM legal_holds WHERE state IN ('held', 'release_asked') AND recording_id IS NULL
      UNION SELECT patient_id FROM requests WHERE kind = 'dispute' AND state <> 'closed' AND patient_id IS NOT NULL),
    concerned(id) AS (
      SELECT id FROM recordings WHERE legal_hold
      UNION SELECT recording_id FROM legal_holds
        WHERE state IN ('held', 'release_asked') AND recording_id IS NOT NULL
      UNION SELECT recordings.id FROM recordings JOIN held_patients ON held_patients.id = recordings.patient_id
      UNION SELECT recordings.id FROM requests
        JOIN request_calls ON request_calls.request_id = requests.id
        JOIN recordings ON recordings.call_id = request_calls.call_id
        WHERE requests.kind = 'dispute' AND requests.state <> 'closed')
    SELECT recording.id, truth.held
    FROM concerned JOIN recordings recording ON recording.id = concerned.id,
      LATERAL (SELECT {HELD} AS held) truth
    WHERE recording.legal_hold <> truth.held AND recording.state <> 'expired'
      AND (CAST(:patient AS uuid) IS NULL OR recording.patient_id = CAST(:patient AS uuid))
    ORDER BY recording.id LIMIT 5000
    """  # noqa: S608 no word of a user is in it
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

    def lapsed(self, now: datetime) -> Sequence[LegalHold]:
        """Holds whose own last day is over, locked."""
        return self._session.scalars(
            select(LegalHold).where(_HOLDING, legal_holds.c.until <= now).with_for_update(skip_locked=True).limit(500)
        ).all()

    def out_of_line(self, now: datetime, *, patient_id: str | None = None) -> dict[str, bool]:
        """Recordings whose mark does not say what holds and disputes say: their ids, and whether they are held."""
        rows = self._session.execute(_OUT_OF_LINE, {"now": now, "patient": patient_id})
        return {str(row.id): row.held for row in rows}
