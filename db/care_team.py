"""Who cares for a patient, and glasses broken: tables, mappings, repository."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import CheckConstraint, Column, Index, String, Table, TextClause, Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from care.care_team import (
    CALLED_LAST,
    GLASS_OPEN,
    TIES_LAST,
    BrokenGlass,
    CareTeamMember,
    GlassReason,
    GlassReview,
    Ground,
    OutsideCareTeamError,
    Reader,
    ground_of,
)
from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference

care_team_members = Table(
    "care_team_members",
    metadata,
    id_column(),
    reference("patient_id", "patients.id"),
    reference("user_id", "users.id", nullable=True),
    Column("department", String(100), nullable=True),
    Column("role", String(100), nullable=False),
    Column("reason", String(200), nullable=False),
    instant("since"),
    reference("added_by", "users.id", nullable=True, index=False),
    instant("until", nullable=True),
    reference("ended_by", "users.id", nullable=True, index=False),
    CheckConstraint("(user_id IS NULL) <> (department IS NULL)", name="one_of_user_and_department"),
)

broken_glasses = Table(
    "broken_glasses",
    metadata,
    id_column(),
    reference("patient_id", "patients.id", index=False),
    reference("user_id", "users.id", index=False),
    closed_set("reason", GlassReason),
    Column("text", String(500), nullable=False),
    instant("broken_at"),
    instant("until"),
    closed_set("review", GlassReview, nullable=True),
    reference("reviewed_by", "users.id", nullable=True, index=False),
    instant("reviewed_at", nullable=True),
    Column("review_text", String(500), nullable=False, default=""),
    Index("ix_broken_glasses_open", "patient_id", "user_id", "until"),
    Index("ix_broken_glasses_broken_at", "broken_at", "id"),
)

mapper_registry.map_imperatively(CareTeamMember, care_team_members)
mapper_registry.map_imperatively(BrokenGlass, broken_glasses)

# One journey for all ties: each ground that holds is a row. A record that went into another opens as that one does.
_TIES = """
    WITH RECURSIVE led(id) AS (
      SELECT CAST(:patient AS uuid)
      UNION
      SELECT merge.into_patient FROM patient_merges merge JOIN led ON merge.from_patient = led.id
      WHERE NOT EXISTS (SELECT FROM merge_undos WHERE merge_id = merge.id))
    SELECT 'nobodys_patient' WHERE
      NOT EXISTS (SELECT FROM encounters JOIN led ON patient_id = led.id)
      AND NOT EXISTS (SELECT FROM care_team_members JOIN led ON patient_id = led.id
                      WHERE until IS NULL OR until > :now)
    UNION ALL
    SELECT 'department' WHERE EXISTS (
      SELECT FROM encounters JOIN led ON patient_id = led.id
      WHERE department = ANY(:departments) AND occurred_at > :visited_since)
    UNION ALL
    SELECT 'member' WHERE EXISTS (
      SELECT FROM care_team_members JOIN led ON patient_id = led.id
      WHERE (user_id = :reader OR department = ANY(:departments)) AND (until IS NULL OR until > :now))
    UNION ALL
    SELECT 'queue' WHERE EXISTS (
      SELECT FROM tasks JOIN led ON patient_id = led.id JOIN agents ON agents.id = :reader
      WHERE tasks.state IN ('due', 'queued', 'in_progress') AND agents.queues ? CAST(tasks.queue_id AS text))
    UNION ALL
    SELECT 'called' WHERE EXISTS (
      SELECT FROM attempts JOIN led ON patient_id = led.id
      WHERE agent_id = :reader AND (closed_at IS NULL OR closed_at > :called_since))
    UNION ALL
    SELECT 'broken_glass' WHERE EXISTS (
      SELECT FROM broken_glasses JOIN led ON patient_id = led.id WHERE user_id = :reader AND until > :now)
    """

# Whom a reader is tied to himself, not by his department.
_TIED_PERSONALLY = text(
    """
    SELECT patient_id FROM care_team_members WHERE user_id = :reader AND (until IS NULL OR until > :now)
    UNION
    SELECT patient_id FROM tasks
    WHERE state IN ('due', 'queued', 'in_progress') AND queue_id IN (
      SELECT CAST(queue AS uuid) FROM agents, jsonb_array_elements_text(queues) AS queue WHERE id = :reader)
    UNION
    SELECT patient_id FROM attempts WHERE agent_id = :reader AND (closed_at IS NULL OR closed_at > :called_since)
    UNION
    SELECT patient_id FROM broken_glasses WHERE user_id = :reader AND broken_at > :broken_since AND until > :now
    """
)


def tie_condition(patient: str, reader: Reader, now: datetime) -> TextClause:
    """True where the reader may open the record whose id the SQL expression `patient` gives.

    It asks what `CareTeamRepository.ties` asks, row by row inside another statement.
    """
    asked = text("EXISTS (" + _TIES.replace("CAST(:patient AS uuid)", patient) + ")")
    return asked.bindparams(**_tie_values(reader, now)).bindparams(
        bindparam("reader", reader.user_id, Uuid(as_uuid=False)),
        bindparam("departments", list(reader.departments), ARRAY(String)),
    )


def _tie_values(reader: Reader, now: datetime) -> dict[str, object]:
    return {
        "reader": reader.user_id,
        "departments": list(reader.departments),
        "now": now,
        "visited_since": now - TIES_LAST,
        "called_since": now - CALLED_LAST,
    }


class CareTeamRepository:
    """Ties between users and patients. `reader` is who asks in this unit of work; None: the system itself."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.reader: Reader | None = None
        self.opened: set[str] = set()  # whose records this unit of work has let the reader see

    def is_open(self, patient_id: str, now: datetime) -> bool:
        """True if the reader may open the patient's record."""
        if self.reader is None or patient_id in self.opened:
            return True
        if self.reader.departments and ground_of(self.reader, self.ties(patient_id, self.reader, now)) is None:
            return False
        self.opened.add(patient_id)
        return True

    def admit(self, patient_id: str, now: datetime) -> None:
        """OutsideCareTeamError unless the reader may open the patient's record."""
        if self.reader is not None and not self.is_open(patient_id, now):
            raise OutsideCareTeamError(patient_id, self.reader.user_id)

    def ties(self, patient_id: str, reader: Reader, now: datetime) -> frozenset[Ground]:
        """The grounds that hold between a reader and a patient."""
        rows = self._session.execute(text(_TIES), {"patient": patient_id, **_tie_values(reader, now)})
        return frozenset(Ground(row[0]) for row in rows)

    def tied_personally(self, reader: Reader, now: datetime) -> Sequence[str]:
        """Patients whom the reader may see for his own sake: named, waiting in his queue, called, his broken glass."""
        values = {
            "reader": reader.user_id,
            "now": now,
            "called_since": now - CALLED_LAST,
            "broken_since": now - GLASS_OPEN,
        }
        return self._session.scalars(_TIED_PERSONALLY, values).all()

    def add(self, entry: CareTeamMember | BrokenGlass) -> None:
        """Save a member, or that a glass was broken."""
        self._session.add(entry)

    def members_of(self, patient_id: str) -> Sequence[CareTeamMember]:
        """Who was ever named in the patient's care team, oldest first."""
        return (
            self._session.query(CareTeamMember)
            .filter(care_team_members.c.patient_id == patient_id)
            .order_by(care_team_members.c.since, care_team_members.c.id)
            .all()
        )

    def member_for_update(self, member_id: str) -> CareTeamMember | None:
        """The member with this id, locked."""
        return self._session.get(CareTeamMember, member_id, with_for_update=True)

    def glass_for_update(self, glass_id: str) -> BrokenGlass | None:
        """The broken glass with this id, locked."""
        return self._session.get(BrokenGlass, glass_id, with_for_update=True)

    def glasses(self, *, unreviewed: bool, before: datetime | None, limit: int) -> Sequence[BrokenGlass]:
        """Broken glasses, newest first, from before an instant."""
        query = self._session.query(BrokenGlass).order_by(broken_glasses.c.broken_at.desc(), broken_glasses.c.id)
        if unreviewed:
            query = query.filter(broken_glasses.c.review.is_(None))
        if before is not None:
            query = query.filter(broken_glasses.c.broken_at < before)
        return query.limit(limit).all()
