"""The audit log: who saw, heard or did what, and why. Rows are added, never changed."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Identity, Index, Row, String, Table, Uuid, exists, func, insert, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from db.care_team import CareTeamRepository
from db.metadata import instant, metadata

audit_log = Table(
    "audit_log",
    metadata,
    Column("position", BigInteger, Identity(always=True), primary_key=True),
    instant("at"),
    Column("user_id", Uuid(as_uuid=False), nullable=True),  # empty where the system acted
    Column("action", String(64), nullable=False),
    Column("subject_kind", String(40), nullable=False),
    Column("subject", String(64), nullable=False),
    Column("patient_id", Uuid(as_uuid=False), nullable=True),
    Column("detail", JSONB, nullable=False),
    Index("ix_audit_log_patient", "patient_id", "at"),
    Index("ix_audit_log_subject", "subject_kind", "subject"),
    Index("ix_audit_log_user", "user_id", "position"),
    Index("ix_audit_log_action", "action", "position"),
    Index("ix_audit_log_at", "at"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSearch:
    """What is looked for in the log; what is None may be anything."""

    user_id: str | None = None
    action: str | None = None
    subject_kind: str | None = None
    subject: str | None = None
    patient_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class AuditLog:
    """What was done, by whom, at the transaction's instant."""

    def __init__(self, session: Session, now: datetime, care_team: CareTeamRepository) -> None:
        self._session = session
        self._care_team = care_team
        self._now = now

    def note(
        self,
        *,
        user_id: str | None,
        action: str,
        subject_kind: str,
        subject: str,
        patient_id: str | None = None,
        detail: Mapping[str, object] | None = None,
    ) -> None:
        """Append one line, in the transaction of what it tells about.

        Whatever is seen or done of a patient is noted: so here, at the latest, somebody outside his care team is
        refused (OutsideCareTeamError), and nothing of the transaction holds.
        """
        if patient_id is not None:
            self._care_team.admit(patient_id, self._now)
        self._session.execute(
            insert(audit_log).values(
                at=self._now,
                user_id=user_id,
                action=action,
                subject_kind=subject_kind,
                subject=subject,
                patient_id=patient_id,
                detail=dict(detail or {}),
            )
        )

    def has(self, *, user_id: str, action: str, subject_kind: str, subject: str) -> bool:
        """Whether the log tells already that this user did this with this subject."""
        return bool(
            self._session.scalar(
                select(
                    exists().where(
                        audit_log.c.subject_kind == subject_kind,
                        audit_log.c.subject == subject,
                        audit_log.c.user_id == user_id,
                        audit_log.c.action == action,
                    )
                )
            )
        )

    def of_subject(self, subject_kind: str, subject: str) -> Sequence[Row[Any]]:
        """What the log says of one subject, in order: its newest lines, where there are more than anybody reads."""
        newest = self._session.execute(
            select(audit_log)
            .where(audit_log.c.subject_kind == subject_kind, audit_log.c.subject == subject)
            .order_by(audit_log.c.position.desc())
            .limit(10_000)
        ).all()
        return newest[::-1]

    def of_patients(self, patient_ids: Collection[str], *, before: int | None, limit: int) -> Sequence[Row[Any]]:
        """What the log says of these records, newest first, from in front of position `before`."""
        query = select(audit_log).where(audit_log.c.patient_id.in_(patient_ids))
        if before is not None:
            query = query.where(audit_log.c.position < before)
        return self._session.execute(query.order_by(audit_log.c.position.desc()).limit(limit)).all()

    def search(self, wanted: AuditSearch, *, before: int | None, limit: int) -> Sequence[Row[Any]]:
        """Rows that answer all that is asked, newest first, from in front of position `before`."""
        query = select(audit_log)
        for column, value in (
            (audit_log.c.user_id, wanted.user_id),
            (audit_log.c.action, wanted.action),
            (audit_log.c.subject_kind, wanted.subject_kind),
            (audit_log.c.subject, wanted.subject),
            (audit_log.c.patient_id, wanted.patient_id),
        ):
            if value is not None:
                query = query.where(column == value)
        if wanted.since is not None:
            query = query.where(audit_log.c.at >= wanted.since)
        if wanted.until is not None:
            query = query.where(audit_log.c.at < wanted.until)
        if before is not None:
            query = query.where(audit_log.c.position < before)
        return self._session.execute(query.order_by(audit_log.c.position.desc()).limit(limit)).all()

    def actions(self) -> Sequence[str]:
        """Every action the log tells of, each found by the index and not by reading the log."""
        # A loose index scan: PostgreSQL has none of its own for DISTINCT.
        first = select(func.min(audit_log.c.action).label("action")).cte("actions", recursive=True)
        following = (
            select(func.min(audit_log.c.action))
            .where(audit_log.c.action > first.c.action)
            .correlate(first)
            .scalar_subquery()
        )
        walked = first.union_all(select(following).where(first.c.action.is_not(None)))
        return [
            action
            for action in self._session.scalars(select(walked.c.action).order_by(walked.c.action))
            if action is not None
        ]
