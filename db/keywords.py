"""Supervisors' own sets of keywords, and where keywords were said: tables and repository."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Identity,
    Index,
    Integer,
    RowMapping,
    String,
    Table,
    Uuid,
    delete,
    func,
    insert,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from db.attempts import attempts
from db.calls import calls
from db.metadata import closed_set, instant, metadata
from db.recordings import recordings
from followup.keywords import Keyword, KeywordHit, KeywordSet, KeywordSide
from followup.recordings import Channel, Recording

keyword_sets = Table(
    "keyword_sets",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("status", String(16), nullable=False),
    Column("source", String(500), nullable=False),
    Column("title", JSONB, nullable=False),
    closed_set("side", KeywordSide),
    Column("keywords", JSONB, nullable=False),
    instant("changed_at"),
    Column("changed_by", Uuid(as_uuid=False), nullable=True),
)

keyword_hits = Table(
    "keyword_hits",
    metadata,
    Column("position", BigInteger, Identity(always=True), primary_key=True),
    # What was said is gone with its transcript, and these words with it.
    Column(
        "transcript_id",
        Uuid(as_uuid=False),
        ForeignKey("transcripts.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column(
        "recording_id", Uuid(as_uuid=False), ForeignKey("recordings.id", ondelete="CASCADE"), nullable=False, index=True
    ),
    Column("set_id", String(40), nullable=False),
    Column("set_version", Integer, nullable=False),
    Column("code", String(40), nullable=False),
    closed_set("channel", Channel),
    Column("turn", Integer, nullable=False),
    Column("at_second", Float, nullable=False),
    Column("heard", String(200), nullable=False),
    instant("said_at"),
    Index("ix_keyword_hits_newest", "set_id", "said_at", "position"),
    Index("ix_keyword_hits_said_at", "said_at", "position"),
)

_LONGEST_HEARD = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedHit:
    """A hit with the call it stands in."""

    position: int
    recording_id: str
    call_id: str
    patient_id: str
    agent_id: str | None
    queue_id: str
    set_id: str
    set_version: int
    code: str
    channel: Channel
    turn: int
    at_second: float
    heard: str
    said_at: datetime


class KeywordRepository:
    """Sets and hits."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def own_sets(self) -> dict[str, KeywordSet]:
        """Every set that a supervisor wrote, retired ones too, by id."""
        rows = self._session.execute(select(keyword_sets).order_by(keyword_sets.c.id)).mappings()
        return {row["id"]: _set(row) for row in rows}

    def put(self, one: KeywordSet) -> None:
        """Save a set in place of what stands there under its id."""
        row: dict[str, Any] = {
            "id": one.id,
            "version": one.version,
            "status": one.status,
            "source": one.source,
            "title": dict(one.title),
            "side": one.side,
            "keywords": [asdict(keyword) for keyword in one.keywords],
            "changed_at": one.changed_at,
            "changed_by": one.changed_by,
        }
        self._session.execute(upsert(keyword_sets).values(row).on_conflict_do_update(index_elements=["id"], set_=row))

    def replace_hits(self, recording: Recording, transcript_id: str, hits: Sequence[KeywordHit]) -> None:
        """Put these hits in place of what was found in a recording before."""
        self._session.execute(delete(keyword_hits).where(keyword_hits.c.recording_id == recording.id))
        if hits:
            said_at = recording.started_at or recording.stored_at or self._session.scalar(select(func.now()))
            self._session.execute(
                insert(keyword_hits),
                [
                    {
                        "transcript_id": transcript_id,
                        "recording_id": recording.id,
                        "set_id": hit.set_id,
                        "set_version": hit.set_version,
                        "code": hit.code,
                        "channel": hit.channel,
                        "turn": hit.turn,
                        "at_second": hit.at,
                        "heard": hit.heard[:_LONGEST_HEARD],
                        "said_at": said_at,
                    }
                    for hit in hits
                ],
            )

    def hits(
        self,
        *,
        set_id: str | None = None,
        code: str | None = None,
        agent_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> list[ListedHit]:
        """Hits that fit, the newest first; `before` is the position of the last one of the page before."""
        row = keyword_hits.c
        query = (
            select(
                *(row[name] for name in _OF_HIT),
                recordings.c.call_id,
                recordings.c.patient_id,
                attempts.c.agent_id,
                calls.c.queue_id,
            )
            .join(recordings, recordings.c.id == row.recording_id)
            .join(calls, calls.c.id == recordings.c.call_id)
            .join(attempts, attempts.c.id == calls.c.attempt_id)
            .order_by(row.position.desc())
            .limit(limit)
        )
        exact = {row.set_id: set_id, row.code: code, attempts.c.agent_id: agent_id}
        query = query.where(*(column == value for column, value in exact.items() if value is not None))
        if since is not None:
            query = query.where(row.said_at >= since)
        if until is not None:
            query = query.where(row.said_at < until)
        if before is not None:
            query = query.where(row.position < before)
        return [ListedHit(**found) for found in self._session.execute(query).mappings()]


_OF_HIT = (
    "position",
    "recording_id",
    "set_id",
    "set_version",
    "code",
    "channel",
    "turn",
    "at_second",
    "heard",
    "said_at",
)


def _set(row: RowMapping) -> KeywordSet:
    return KeywordSet(
        id=row["id"],
        version=row["version"],
        status=row["status"],
        source=row["source"],
        title=row["title"],
        side=KeywordSide(row["side"]),
        keywords=tuple(
            Keyword(**{**each, **{name: tuple(each[name]) for name in ("zh", "zh_exact", "en")}})
            for each in row["keywords"]
        ),
        own=True,
        changed_at=row["changed_at"],
        changed_by=row["changed_by"],
    )
