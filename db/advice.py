"""Advice that was given, and reasons for not taking medicine that were followed: tables, mappings, repository."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Boolean, Column, Index, Integer, String, Table, Text, Uuid, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from care.advice import GivenAdvice
from care.education import LessonWay
from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference

advice_given = Table(
    "advice_given",
    metadata,
    id_column(),
    reference("patient_id", "patients.id", index=False),
    Column("article_id", String(64), nullable=False),
    Column("article_version", Integer, nullable=False),
    Column("language", String(16), nullable=False),
    Column("text", Text, nullable=False),
    Column("facts", JSONB, nullable=False),
    closed_set("way", LessonWay),
    reference("attempt_id", "attempts.id", nullable=True),
    instant("given_at"),
    reference("given_by", "users.id", index=False),
    instant("withdrawn_at", nullable=True),
    Column("withdrawn_because", JSONB, nullable=False),
    reference("request_id", "requests.id", nullable=True, index=False),
    Index("ix_advice_given_patient", "patient_id", "given_at"),
    Index("ix_advice_given_standing", "patient_id", postgresql_where=text("withdrawn_at IS NULL")),
)

adherence_findings = Table(
    "adherence_findings",
    metadata,
    id_column(),
    reference("patient_id", "patients.id", index=False),
    reference("response_id", "responses.id", index=False),
    Column("rules_version", Integer, nullable=False),
    Column("adherent", Boolean, nullable=True),
    Column("missed_days", Integer, nullable=True),
    Column("reason", String(64), nullable=False),
    Column("said", Text, nullable=False),
    Column("route", String(64), nullable=True),
    reference("request_id", "requests.id", nullable=True, index=False),
    instant("at"),
    Column("supersedes", Uuid(as_uuid=False), nullable=True),
    instant("superseded_at", nullable=True),
    Index("ix_adherence_findings_patient", "patient_id", "at"),
    Index(
        "uq_adherence_findings_response",
        "response_id",
        unique=True,
        postgresql_where=text("superseded_at IS NULL"),
    ),
)


@dataclass(kw_only=True, eq=False)
class AdherenceFinding:
    """What a response said of taking medicine, and the request that came of it; an amended response has a new one."""

    id: str
    patient_id: str
    response_id: str
    rules_version: int
    adherent: bool | None
    missed_days: int | None
    reason: str
    said: str
    route: str | None
    request_id: str | None
    at: datetime
    supersedes: str | None = None
    superseded_at: datetime | None = field(default=None)

    def tells(self) -> tuple[object, ...]:
        """What it says, without when and what came of it."""
        return (self.adherent, self.missed_days, self.reason, self.said, self.route)


mapper_registry.map_imperatively(GivenAdvice, advice_given)
mapper_registry.map_imperatively(AdherenceFinding, adherence_findings)


class AdviceRepository:
    """Advice as it was given, and what was found of adherence."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, given: GivenAdvice) -> None:
        """Save advice that was given."""
        self._session.add(given)

    def get(self, given_id: str) -> GivenAdvice | None:
        """The advice with this id."""
        return self._session.get(GivenAdvice, given_id)

    def of_patient(self, patient_id: str, *, limit: int = 200) -> Sequence[GivenAdvice]:
        """What a patient was told, newest first."""
        return self._session.scalars(
            select(GivenAdvice)
            .where(advice_given.c.patient_id == patient_id)
            .order_by(advice_given.c.given_at.desc(), advice_given.c.id)
            .limit(limit)
        ).all()

    def standing(self, patient_id: str) -> Sequence[GivenAdvice]:
        """What he was told and nobody took back, locked."""
        return self._session.scalars(
            select(GivenAdvice)
            .where(advice_given.c.patient_id == patient_id, advice_given.c.withdrawn_at.is_(None))
            .order_by(advice_given.c.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        ).all()

    def find(self, finding: AdherenceFinding) -> None:
        """Save what was found of adherence."""
        self._session.add(finding)

    def finding_of(self, response_id: str) -> AdherenceFinding | None:
        """What a response said, None if it was not looked at or said nothing; locked."""
        return self._session.scalar(
            select(AdherenceFinding)
            .where(adherence_findings.c.response_id == response_id, adherence_findings.c.superseded_at.is_(None))
            .with_for_update()
            .execution_options(populate_existing=True)
        )

    def findings_of(self, patient_id: str, *, limit: int = 100) -> Sequence[AdherenceFinding]:
        """What a patient said of his medicines, newest first."""
        return self._session.scalars(
            select(AdherenceFinding)
            .where(adherence_findings.c.patient_id == patient_id, adherence_findings.c.superseded_at.is_(None))
            .order_by(adherence_findings.c.at.desc(), adherence_findings.c.id)
            .limit(limit)
        ).all()
