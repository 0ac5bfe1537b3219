"""Links by which patients come to pages of ours: table, mapping, repository."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import CheckConstraint, Column, ColumnElement, Integer, String, Table, Uuid, select, update
from sqlalchemy.orm import Session

from care.patient_links import LinkKind, PatientLink
from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference

patient_links = Table(
    "patient_links",
    metadata,
    id_column(),
    closed_set("kind", LinkKind),
    reference("patient_id", "patients.id"),
    reference("response_id", "responses.id", nullable=True),
    reference("summary_id", "stage_summaries.id", nullable=True),
    reference("print_id", "report_prints.id", nullable=True, index=False),
    reference("relative_id", "relatives.id", nullable=True, index=False),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("language", String(16), nullable=False),
    instant("created_at"),
    Column("created_by", Uuid(as_uuid=False), nullable=True),
    instant("expires_at"),
    Column("wrong_answers", Integer, nullable=False),
    instant("opened_at", nullable=True),
    Column("visit_hash", String(64), nullable=True),
    instant("visit_until", nullable=True),
    Column("asked", Integer, nullable=False),
    instant("asked_since", nullable=True),
    instant("ended_at", nullable=True),
    Column("end_reason", String(40), nullable=False),
    CheckConstraint(
        "(kind = 'form') = (response_id IS NOT NULL) AND (kind = 'report') = (summary_id IS NOT NULL) "
        "AND (summary_id IS NULL) = (print_id IS NULL)",
        name="leads_to_what_its_kind_says",
    ),
)

mapper_registry.map_imperatively(PatientLink, patient_links)


class PatientLinkRepository:
    """Links of every kind; rows end, they never go."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, link: PatientLink) -> None:
        """Save a link."""
        self._session.add(link)
        self._session.flush()

    def by_token_hash(self, kind: LinkKind, token_hash: str) -> PatientLink | None:
        """The link of this kind whose token has this hash, locked: two requests of one link take turns."""
        return self._session.scalar(
            select(PatientLink)
            .where(patient_links.c.token_hash == token_hash, patient_links.c.kind == kind)
            .with_for_update()
            .execution_options(populate_existing=True)
        )

    def of_response(self, response_id: str) -> Sequence[PatientLink]:
        """The links to a form's answers, oldest first."""
        return self._found(patient_links.c.response_id == response_id)

    def of_summary(self, summary_id: str) -> Sequence[PatientLink]:
        """The links to a summary, oldest first."""
        return self._found(patient_links.c.summary_id == summary_id)

    def to_record(self, patient_id: str) -> Sequence[PatientLink]:
        """The links to a patient's own page, oldest first."""
        return self._found(_to_record(patient_id))

    def end_of_response(self, response_id: str, reason: str, now: datetime) -> None:
        """Close every link to a form's answers."""
        self._end(patient_links.c.response_id == response_id, reason, now)

    def end_of_summary(self, summary_id: str, reason: str, now: datetime) -> None:
        """Close every link to a summary."""
        self._end(patient_links.c.summary_id == summary_id, reason, now)

    def end_to_record(self, patient_id: str, reason: str, now: datetime, *, relative_id: str | None) -> None:
        """Close every link to a patient's own page that was made for this reader."""
        reader = patient_links.c.relative_id
        self._end(
            _to_record(patient_id) & (reader.is_(None) if relative_id is None else reader == relative_id), reason, now
        )

    def end_all_to_record(self, patient_id: str, reason: str, now: datetime) -> None:
        """Close every link to a patient's own page, whoever it was made for."""
        self._end(_to_record(patient_id), reason, now)

    def _found(self, which: ColumnElement[bool]) -> Sequence[PatientLink]:
        return self._session.scalars(
            select(PatientLink)
            .where(which)
            .order_by(patient_links.c.created_at, patient_links.c.id)
            .limit(500)
            .execution_options(populate_existing=True)
        ).all()

    def _end(self, which: ColumnElement[bool], reason: str, now: datetime) -> None:
        self._session.execute(
            update(patient_links)
            .where(which, patient_links.c.ended_at.is_(None))
            .values(ended_at=now, end_reason=reason)
        )


def _to_record(patient_id: str) -> ColumnElement[bool]:
    return (patient_links.c.patient_id == patient_id) & (patient_links.c.kind == LinkKind.RECORD)
