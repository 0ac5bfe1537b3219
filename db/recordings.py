"""Recordings and transcripts: tables, mappings, repository."""

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
    and_,
    exists,
    func,
    or_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeDecorator

from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference
from followup.recordings import (
    STORE_AWAY,
    Channel,
    FaultKind,
    Recording,
    RecordingFault,
    RecordingState,
    Transcript,
    Turn,
    WordTime,
)


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
                **({"written": turn.written} if turn.written else {}),
                **({"words": [[word.at, word.start, word.end] for word in turn.words]} if turn.words else {}),
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
                written=turn.get("written", ""),
                words=tuple(WordTime(at=at, start=start, end=end) for at, start, end in turn.get("words", ())),
            )
            for turn in value or []
        ]


class FaultsColumn(TypeDecorator[list[RecordingFault]]):
    """A list of faults as JSON."""

    impl = JSONB
    cache_ok = True

    def process_bind_param(self, value: list[RecordingFault] | None, dialect: Dialect) -> object:  # noqa: ARG002
        """Faults → JSON."""
        return [
            {
                "kind": fault.kind.value,
                **({"channel": fault.channel.value} if fault.channel else {}),
                **({"seconds": fault.seconds} if fault.seconds is not None else {}),
            }
            for fault in value or []
        ]

    def process_result_value(
        self,
        value: list[dict[str, Any]] | None,
        dialect: Dialect,  # noqa: ARG002
    ) -> list[RecordingFault]:
        """JSON → faults."""
        return [
            RecordingFault(
                kind=FaultKind(fault["kind"]),
                channel=Channel(fault["channel"]) if "channel" in fault else None,
                seconds=fault.get("seconds"),
            )
            for fault in value or []
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
    Column("samples_sha256", String(64), nullable=True),
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
    Column("faults", FaultsColumn, nullable=False, default=list, server_default="[]"),
    Index("uq_recordings_call", "call_id", unique=True),
    Index("ix_recordings_stored_at", "stored_at"),
    Index("ix_recordings_started_at", "started_at", "id"),
    Index("ix_recordings_held", "id", postgresql_where=text("legal_hold")),
    Index(
        "ix_recordings_in_clear",
        "id",
        postgresql_where=text("uri IS NOT NULL AND NOT encrypted AND state <> 'expired'"),
    ),
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

mapper_registry.map_imperatively(Recording, recordings)
mapper_registry.map_imperatively(Transcript, transcripts)


class RecordingRepository:
    """Recordings and transcripts."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, recording: Recording) -> None:
        """Save a recording."""
        self._session.add(recording)

    def add_transcript(self, transcript: Transcript) -> None:
        """Save a transcript beside those that are there."""
        self._session.add(transcript)

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

    def waiting_for_store(self, *, limit: int, any_of_them: bool = False) -> Sequence[Recording]:
        """Captured recordings that the store or a disk did not take, the oldest first, or whichever."""
        return self._session.scalars(
            select(Recording)
            .where(recordings.c.state == RecordingState.CAPTURED, recordings.c.reason.startswith(STORE_AWAY))
            .order_by(func.random() if any_of_them else recordings.c.started_at)
            .limit(limit)
        ).all()

    def stored_since(self, instant: datetime) -> bool:
        """Whether the store took any recording that began lately since an instant."""
        query = exists().where(
            recordings.c.stored_at >= instant,
            recordings.c.state.in_((RecordingState.STORED, RecordingState.TRANSCRIBED)),
        )
        return bool(self._session.scalar(select(query)))

    def failed(self, *, limit: int) -> Sequence[Recording]:
        """Recordings that failed or wait for the store, the newest first."""
        waits = and_(recordings.c.state == RecordingState.CAPTURED, recordings.c.reason.startswith(STORE_AWAY))
        return self._session.scalars(
            select(Recording)
            .where(or_(recordings.c.state == RecordingState.FAILED, waits))
            .order_by(recordings.c.started_at.desc().nulls_last(), recordings.c.id)
            .limit(limit)
        ).all()

    def of_patient(self, patient_id: str, *, limit: int = 500) -> Sequence[Recording]:
        """A patient's recordings, newest first."""
        return self._session.scalars(
            select(Recording)
            .where(recordings.c.patient_id == patient_id)
            .order_by(recordings.c.started_at.desc().nulls_last(), recordings.c.id)
            .limit(limit)
        ).all()

    def unfinished(self, state: RecordingState, before: datetime, limit: int = 100) -> Sequence[Recording]:
        """Recordings that stand in a state since their call's start before the instant given; none that waits."""
        waits = recordings.c.reason.startswith(STORE_AWAY)
        return self._session.scalars(
            select(Recording)
            .where(recordings.c.state == state, recordings.c.started_at < before, ~waits)
            .order_by(recordings.c.started_at)
            .limit(limit)
        ).all()
