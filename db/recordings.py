"""Recordings, transcripts and alerts: tables, mappings, repository."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    String,
    Table,
    Uuid,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeDecorator

from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference
from followup.recordings import Alert, AlertLevel, Channel, Recording, RecordingState, Transcript, Turn


class TurnsColumn(TypeDecorator[list[Turn]]):
    """A list of turns as JSON."""

    impl = JSONB
    cache_ok = True

    def process_bind_param(self, value: list[Turn] | None, dialect: Dialect) -> object:  # noqa: ARG002
        """Turns → JSON."""
        return [
            {
                "channel": turn.channel.value,
                "start": turn.start,
                "end": turn.end,
                "text": turn.text,
                "confidence": turn.confidence,
            }
            for turn in value or []
        ]

    def process_result_value(self, value: list[dict[str, Any]] | None, dialect: Dialect) -> list[Turn]:  # noqa: ARG002
        """JSON → turns."""
        return [
            Turn(
                channel=Channel(turn["channel"]),
                start=turn["start"],
                end=turn["end"],
                text=turn["text"],
                confidence=turn["confidence"],
            )
            for turn in value or []
        ]


recordings = Table(
    "recordings",
    metadata,
    id_column(),
    reference("call_id", "calls.id", index=False),
    reference("patient_id", "patients.id"),
    closed_set("state", RecordingState),
    Column("reason", String(500), nullable=False, default=""),
    Column("spool", String(1000), nullable=True),
    Column("uri", String(1000), nullable=True),
    Column("sha256", String(64), nullable=True),
    instant("started_at", nullable=True),
    Column("seconds", Float, nullable=True),
    Column("channels", Integer, nullable=True),
    Column("sample_rate", Integer, nullable=True),
    Column("size", BigInteger, nullable=True),
    Column("encrypted", Boolean, nullable=False, default=False),
    Column("legal_hold", Boolean, nullable=False, default=False),
    Column("pauses", JSONB, nullable=False, default=list),
    Column("peaks", JSONB, nullable=True),
    instant("stored_at", nullable=True),
    Index("uq_recordings_call", "call_id", unique=True),
    Index(
        "ix_recordings_unfinished",
        "state",
        "started_at",
        postgresql_where=text("state IN ('recording', 'captured', 'stored')"),
    ),
)

transcripts = Table(
    "transcripts",
    metadata,
    id_column(),
    reference("recording_id", "recordings.id"),
    Column("language", String(16), nullable=False),
    Column("engine", String(100), nullable=False),
    Column("model", String(200), nullable=False),
    Column("parameters", JSONB, nullable=False),
    Column("turns", TurnsColumn, nullable=False),
    instant("created_at"),
)

alerts = Table(
    "alerts",
    metadata,
    id_column(),
    reference("patient_id", "patients.id"),
    reference("attempt_id", "attempts.id"),
    reference("recording_id", "recordings.id", nullable=True),
    Column("code", String(64), nullable=False),
    closed_set("level", AlertLevel),
    Column("at_second", Float, nullable=False),
    instant("raised_at"),
    Column("acknowledged_by", Uuid(as_uuid=False), nullable=True),
    instant("acknowledged_at", nullable=True),
    Column("evidence", JSONB, nullable=False, default=dict),
    # The same sign in the same second of the same recording is one alert, however often the text is read.
    Index("uq_alerts_once", "recording_id", "code", "at_second", unique=True),
)

mapper_registry.map_imperatively(Recording, recordings)
mapper_registry.map_imperatively(Transcript, transcripts)
mapper_registry.map_imperatively(Alert, alerts)


class RecordingRepository:
    """Recordings, transcripts, alerts."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, recording: Recording) -> None:
        """Save a recording."""
        self._session.add(recording)

    def add_transcript(self, transcript: Transcript) -> None:
        """Save a transcript beside those that are there."""
        self._session.add(transcript)

    def raise_alert(self, alert: Alert) -> bool:
        """Save an alert; False if the same sign was heard in that second of that recording before."""
        written = self._session.scalar(
            insert(alerts)
            .values(
                id=alert.id,
                patient_id=alert.patient_id,
                attempt_id=alert.attempt_id,
                recording_id=alert.recording_id,
                code=alert.code,
                level=alert.level,
                at_second=alert.at_second,
                raised_at=alert.raised_at,
                evidence=alert.evidence,
            )
            .on_conflict_do_nothing(index_elements=["recording_id", "code", "at_second"])
            .returning(alerts.c.id)
        )
        return written is not None

    def get(self, recording_id: str) -> Recording | None:
        """The recording with this id."""
        return self._session.get(Recording, recording_id)

    def for_update(self, recording_id: str) -> Recording | None:
        """The recording, locked until the end of the transaction."""
        return self._session.scalar(
            select(Recording)
            .where(recordings.c.id == recording_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )

    def of_call(self, call_id: str) -> Recording | None:
        """The recording of a call."""
        return self._session.scalar(select(Recording).where(recordings.c.call_id == call_id))

    def latest_transcript(self, recording_id: str) -> Transcript | None:
        """The newest transcript of a recording."""
        return self._session.scalar(
            select(Transcript)
            .where(transcripts.c.recording_id == recording_id)
            .order_by(transcripts.c.created_at.desc(), transcripts.c.id)
            .limit(1)
        )

    def transcripts(self, recording_id: str) -> Sequence[Transcript]:
        """Every transcript of a recording, oldest first."""
        return self._session.scalars(
            select(Transcript)
            .where(transcripts.c.recording_id == recording_id)
            .order_by(transcripts.c.created_at, transcripts.c.id)
        ).all()

    def alerts_of_recording(self, recording_id: str) -> Sequence[Alert]:
        """Alerts heard in a recording, in the order they were heard."""
        return self._session.scalars(
            select(Alert).where(alerts.c.recording_id == recording_id).order_by(alerts.c.at_second, alerts.c.id)
        ).all()

    def in_vault(self, *, after: str | None, limit: int) -> Sequence[Recording]:
        """Recordings that have a file in the store and should have it, in order of id, from behind `after`."""
        query = (
            select(Recording)
            .where(recordings.c.uri.is_not(None), recordings.c.state != RecordingState.EXPIRED)
            .order_by(recordings.c.id)
            .limit(limit)
        )
        if after is not None:
            query = query.where(recordings.c.id > after)
        return self._session.scalars(query).all()

    def alerts_of_attempt(self, attempt_id: str) -> Sequence[Alert]:
        """Alerts of an attempt in the order they were heard."""
        return self._session.scalars(
            select(Alert).where(alerts.c.attempt_id == attempt_id).order_by(alerts.c.at_second, alerts.c.id)
        ).all()

    def of_patient(self, patient_id: str, *, limit: int = 500) -> Sequence[Recording]:
        """A patient's recordings, newest first."""
        return self._session.scalars(
            select(Recording)
            .where(recordings.c.patient_id == patient_id)
            .order_by(recordings.c.started_at.desc().nulls_last(), recordings.c.id)
            .limit(limit)
        ).all()

    def alerts_of_patient(self, patient_id: str, *, limit: int = 500) -> Sequence[Alert]:
        """A patient's alerts, newest first."""
        return self._session.scalars(
            select(Alert)
            .where(alerts.c.patient_id == patient_id)
            .order_by(alerts.c.raised_at.desc(), alerts.c.id)
            .limit(limit)
        ).all()

    def open_alerts(self, *, limit: int = 200) -> Sequence[Alert]:
        """Alerts that nobody has acknowledged, oldest first."""
        return self._session.scalars(
            select(Alert)
            .where(alerts.c.acknowledged_at.is_(None))
            .order_by(alerts.c.raised_at, alerts.c.id)
            .limit(limit)
        ).all()

    def alert_for_update(self, alert_id: str) -> Alert | None:
        """The alert, locked until the end of the transaction."""
        return self._session.scalar(
            select(Alert).where(alerts.c.id == alert_id).with_for_update().execution_options(populate_existing=True)
        )

    def alert(self, alert_id: str) -> Alert | None:
        """The alert with this id."""
        return self._session.get(Alert, alert_id)

    def unfinished(self, state: RecordingState, before: datetime, limit: int = 100) -> Sequence[Recording]:
        """Recordings that stand in a state since their call's start before the instant given."""
        return self._session.scalars(
            select(Recording)
            .where(recordings.c.state == state, recordings.c.started_at < before)
            .order_by(recordings.c.started_at)
            .limit(limit)
        ).all()
