"""Answered calls without a whole recording: table, mapping, and the look for them."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Column, Index, Select, String, Table, Uuid, func, or_, select, text
from sqlalchemy.orm import Session

from db.calls import calls
from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference
from db.recordings import recordings
from followup.calls import CallState
from followup.recording_gaps import TELLING_FAULTS, UNTOLD_SECONDS, GapKind, GapState, RecordedCall, RecordingGap
from followup.recordings import RecordingFault, RecordingState

recording_gaps = Table(
    "recording_gaps",
    metadata,
    id_column(),
    reference("call_id", "calls.id", index=False),
    reference("recording_id", "recordings.id", nullable=True),
    closed_set("kind", GapKind),
    closed_set("state", GapState),
    Column("detail", String(500), nullable=False),
    instant("found_at"),
    instant("settled_at", nullable=True),
    Column("settled_by", Uuid(as_uuid=False), nullable=True),
    Column("settled_because", String(500), nullable=False, default=""),
    Index("uq_recording_gaps_call", "call_id", unique=True),
    Index("ix_recording_gaps_open", "found_at", "id", postgresql_where=text("state = 'open'")),
    Index("ix_recording_gaps_found_at", "found_at", "id"),
)

mapper_registry.map_imperatively(RecordingGap, recording_gaps)

_RECORDED_CALL = (
    select(
        calls.c.id.label("call_id"),
        calls.c.recorded,
        calls.c.answered_at,
        calls.c.ended_at,
        recordings.c.id.label("recording_id"),
        recordings.c.state,
        recordings.c.reason,
        recordings.c.uri,
        recordings.c.started_at,
        recordings.c.seconds,
        recordings.c.faults,
    )
    .select_from(calls.outerjoin(recordings, recordings.c.call_id == calls.c.id))
    .where(calls.c.state == CallState.ENDED, calls.c.answered_at.is_not(None), calls.c.ended_at.is_not(None))
)


class RecordingGapRepository:
    """The list of gaps."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, gap: RecordingGap) -> None:
        """Save a line."""
        self._session.add(gap)

    def get(self, gap_id: str) -> RecordingGap | None:
        """The line with this id."""
        return self._session.get(RecordingGap, gap_id)

    def for_update(self, gap_id: str) -> RecordingGap | None:
        """The line with this id, locked."""
        return self._session.get(RecordingGap, gap_id, with_for_update=True, populate_existing=True)

    def of_calls(self, call_ids: Collection[str]) -> dict[str, RecordingGap]:
        """The lines of calls."""
        rows = self._session.scalars(select(RecordingGap).where(recording_gaps.c.call_id.in_(call_ids)))
        return {gap.call_id: gap for gap in rows}

    def page(
        self, *, state: GapState | None, kind: GapKind | None, since: datetime | None, limit: int
    ) -> Sequence[RecordingGap]:
        """Lines, newest first."""
        query = select(RecordingGap).order_by(recording_gaps.c.found_at.desc(), recording_gaps.c.id).limit(limit)
        if state is not None:
            query = query.where(recording_gaps.c.state == state)
        if kind is not None:
            query = query.where(recording_gaps.c.kind == kind)
        if since is not None:
            query = query.where(recording_gaps.c.found_at >= since)
        return self._session.scalars(query).all()

    def counts(self, *, since: datetime) -> dict[tuple[GapKind, GapState], int]:
        """How many lines of each kind and state were found since."""
        rows = self._session.execute(
            select(recording_gaps.c.kind, recording_gaps.c.state, func.count())
            .where(recording_gaps.c.found_at >= since)
            .group_by(recording_gaps.c.kind, recording_gaps.c.state)
        )
        return {(kind, state): count for kind, state, count in rows}

    def answered_calls(self, *, since: datetime, until: datetime) -> int:
        """How many answered calls ended in a span, whole or not."""
        return int(
            self._session.scalar(
                select(func.count())
                .select_from(calls)
                .where(calls.c.answered_at.is_not(None), calls.c.ended_at >= since, calls.c.ended_at < until)
            )
            or 0
        )

    def unlisted(self, *, since: datetime, until: datetime, limit: int) -> list[RecordedCall]:
        """Answered calls that ended in a span, stand on no list, and may lack something of their recording."""
        doubtful = or_(
            recordings.c.id.is_(None),
            recordings.c.uri.is_(None),
            *(recordings.c.faults.contains([RecordingFault(kind=kind)]) for kind in TELLING_FAULTS),
            func.extract("epoch", calls.c.ended_at - recordings.c.started_at) > recordings.c.seconds + UNTOLD_SECONDS,
            func.extract("epoch", recordings.c.started_at - calls.c.answered_at) > UNTOLD_SECONDS,
        )
        query = (
            _RECORDED_CALL.outerjoin_from(calls, recording_gaps, recording_gaps.c.call_id == calls.c.id)
            .where(recording_gaps.c.id.is_(None), calls.c.ended_at >= since, calls.c.ended_at < until, doubtful)
            # Nothing lists a destroyed one: it would stand in front of the true gaps for ever.
            .where(recordings.c.state.is_distinct_from(RecordingState.EXPIRED))
            .order_by(calls.c.ended_at)
            .limit(limit)
        )
        return self._calls(query)

    def open_calls(self, *, after: str | None, limit: int) -> list[RecordedCall]:
        """The calls of open lines as they stand now, in order of their id, from behind `after`."""
        query = (
            _RECORDED_CALL.join_from(calls, recording_gaps, recording_gaps.c.call_id == calls.c.id)
            .where(recording_gaps.c.state == GapState.OPEN)
            .order_by(calls.c.id)
            .limit(limit)
        )
        return self._calls(query if after is None else query.where(calls.c.id > after))

    def _calls(self, query: Select[tuple[object, ...]]) -> list[RecordedCall]:
        return [
            RecordedCall(
                call_id=row.call_id,
                wanted=row.recorded,
                answered_at=row.answered_at,
                ended_at=row.ended_at,
                recording_id=row.recording_id,
                state=row.state,
                reason=row.reason or "",
                in_vault=row.uri is not None,
                started_at=row.started_at,
                seconds=row.seconds,
                faults=tuple(fault.kind for fault in row.faults or ()),
            )
            for row in self._session.execute(query)
        ]
