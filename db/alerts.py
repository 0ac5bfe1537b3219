"""Alerts and what happened to each: tables, mappings, repository."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Identity,
    Index,
    Integer,
    String,
    Table,
    Uuid,
    and_,
    exists,
    or_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Session

from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference
from followup.alerts import HOLD_THEIR_TASK, Alert, AlertEventKind, AlertLevel, AlertOutcome, AlertSource, AlertState


@dataclass(kw_only=True, eq=False)
class AlertEvent:
    """One line of an alert's story; never changed."""

    position: int = field(init=False)
    alert_id: str
    at: datetime
    kind: AlertEventKind
    user_id: str | None = None
    detail: dict[str, object] = field(default_factory=dict)


alerts = Table(
    "alerts",
    metadata,
    id_column(),
    reference("patient_id", "patients.id"),
    reference("attempt_id", "attempts.id", nullable=True),
    reference("recording_id", "recordings.id", nullable=True),
    reference("task_id", "tasks.id", nullable=True),
    Column("response_id", Uuid(as_uuid=False), nullable=True),
    Column("department", String(100), nullable=False, default=""),
    closed_set("source", AlertSource),
    Column("code", String(64), nullable=False),
    closed_set("level", AlertLevel),
    Column("at_second", Float, nullable=False),
    instant("raised_at"),
    closed_set("state", AlertState),
    instant("due_at", nullable=True),
    Column("steps_taken", Integer, nullable=False, default=0),
    instant("next_step_at", nullable=True),
    reference("call_back_task_id", "tasks.id", nullable=True),
    Column("acknowledged_by", Uuid(as_uuid=False), nullable=True),
    instant("acknowledged_at", nullable=True),
    Column("closed_by", Uuid(as_uuid=False), nullable=True),
    instant("closed_at", nullable=True),
    closed_set("outcome", AlertOutcome, nullable=True),
    Column("evidence", JSONB, nullable=False, default=dict),
    Column("finding", String(64), nullable=True),
    # The same sign in the same second of the same recording is one alert, however often the text is read.
    Index("uq_alerts_once", "recording_id", "code", "at_second", unique=True),
    # Of what was heard since captions listen too, a sign is one alert whatever its second.
    Index("uq_alerts_finding", "recording_id", "finding", unique=True),
    # And the same sign in the same response, however often its answers are saved.
    Index("uq_alerts_answered", "response_id", "code", unique=True),
    Index(
        "uq_alerts_answered_on_call",
        "attempt_id",
        "code",
        unique=True,
        postgresql_where=text("source = 'answer' AND response_id IS NULL"),
    ),
    Index(
        "ix_alerts_clock",
        "next_step_at",
        "id",
        postgresql_where=text("state <> 'closed' AND next_step_at IS NOT NULL"),
    ),
    Index("ix_alerts_raised_at", "raised_at"),
    Index("ix_alerts_open", "raised_at", "id", postgresql_where=text("state <> 'closed'")),
)

alert_events = Table(
    "alert_events",
    metadata,
    Column("position", BigInteger, Identity(always=True), primary_key=True),
    reference("alert_id", "alerts.id"),
    instant("at"),
    closed_set("kind", AlertEventKind),
    Column("user_id", Uuid(as_uuid=False), nullable=True),
    Column("detail", JSONB, nullable=False, default=dict),
)

mapper_registry.map_imperatively(Alert, alerts)
mapper_registry.map_imperatively(AlertEvent, alert_events)

_OPEN = alerts.c.state != AlertState.CLOSED


class AlertRepository:
    """Alerts and their stories."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, alert: Alert) -> bool:
        """Save an alert; False if the same sign was raised before from the same second or response."""
        written = self._session.scalar(
            insert(alerts)
            .values(
                id=alert.id,
                patient_id=alert.patient_id,
                attempt_id=alert.attempt_id,
                recording_id=alert.recording_id,
                task_id=alert.task_id,
                response_id=alert.response_id,
                department=alert.department,
                source=alert.source,
                code=alert.code,
                level=alert.level,
                at_second=alert.at_second,
                raised_at=alert.raised_at,
                state=alert.state,
                due_at=alert.due_at,
                steps_taken=alert.steps_taken,
                # Its clock begins at once.
                next_step_at=alert.next_step_at or alert.raised_at,
                evidence=alert.evidence,
                finding=alert.finding,
            )
            .on_conflict_do_nothing()
            .returning(alerts.c.id)
        )
        return written is not None

    def get(self, alert_id: str) -> Alert | None:
        """The alert with this id."""
        return self._session.get(Alert, alert_id)

    def for_update(self, alert_id: str) -> Alert | None:
        """The alert, locked until the end of the transaction."""
        return self._session.scalar(
            select(Alert).where(alerts.c.id == alert_id).with_for_update().execution_options(populate_existing=True)
        )

    def note(
        self,
        alert: Alert,
        kind: AlertEventKind,
        *,
        at: datetime,
        user_id: str | None = None,
        detail: dict[str, object] | None = None,
    ) -> None:
        """Write one line of an alert's story."""
        self._session.add(AlertEvent(alert_id=alert.id, at=at, kind=kind, user_id=user_id, detail=detail or {}))

    def story(self, alert_id: str) -> Sequence[AlertEvent]:
        """What happened to an alert, oldest first."""
        return self._session.scalars(
            select(AlertEvent).where(alert_events.c.alert_id == alert_id).order_by(alert_events.c.position)
        ).all()

    def has_happened(self, alert_id: str, kind: AlertEventKind) -> bool:
        """Whether its story has such a line."""
        return bool(
            self._session.scalar(
                select(exists().where(alert_events.c.alert_id == alert_id, alert_events.c.kind == kind))
            )
        )

    def of_recording(self, recording_id: str) -> Sequence[Alert]:
        """Alerts heard in a recording, in the order they were heard."""
        return self._session.scalars(
            select(Alert).where(alerts.c.recording_id == recording_id).order_by(alerts.c.at_second, alerts.c.id)
        ).all()

    def of_attempt(self, attempt_id: str) -> Sequence[Alert]:
        """Alerts of an attempt in the order they were heard."""
        return self._session.scalars(
            select(Alert).where(alerts.c.attempt_id == attempt_id).order_by(alerts.c.at_second, alerts.c.id)
        ).all()

    def of_patient(self, patient_id: str, *, limit: int = 500) -> Sequence[Alert]:
        """A patient's alerts, newest first."""
        return self._session.scalars(
            select(Alert)
            .where(alerts.c.patient_id == patient_id)
            .order_by(alerts.c.raised_at.desc(), alerts.c.id)
            .limit(limit)
        ).all()

    def open_ones(
        self, *, departments: Sequence[str] | None = None, unacknowledged: bool = False, limit: int = 200
    ) -> Sequence[Alert]:
        """Alerts whose outcome is owed, the most urgent first; `departments` None is all."""
        query = select(Alert).where(_OPEN)
        if unacknowledged:
            query = query.where(alerts.c.state == AlertState.RAISED)
        if departments is not None:
            query = query.where(alerts.c.department.in_(["", *departments]))
        urgency = [alerts.c.level == level for level in AlertLevel]
        return self._session.scalars(
            query.order_by(*(is_level.desc() for is_level in urgency), alerts.c.raised_at, alerts.c.id).limit(limit)
        ).all()

    def holds(self, task_id: str) -> bool:
        """True while an alert of this task has no outcome: the task may not end before.

        One heard in the recording came after the call; it holds the call back that was made for it.
        """
        own = and_(alerts.c.task_id == task_id, alerts.c.source != AlertSource.TRANSCRIPT)
        owed = and_(_OPEN, alerts.c.level.in_(HOLD_THEIR_TASK), or_(own, alerts.c.call_back_task_id == task_id))
        return bool(self._session.scalar(select(exists().where(owed))))

    def open_of_attempt(self, attempt_id: str) -> bool:
        """True while an alert raised in this attempt has no outcome."""
        return bool(self._session.scalar(select(exists().where(_OPEN, alerts.c.attempt_id == attempt_id))))

    def claim_due(self, now: datetime, limit: int = 50) -> Sequence[Alert]:
        """Open alerts whose clock is to be looked at, locked, passing over those locked by others."""
        return self._session.scalars(
            select(Alert)
            .where(_OPEN, alerts.c.next_step_at <= now)
            .order_by(alerts.c.next_step_at, alerts.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        ).all()
