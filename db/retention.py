"""Until when recordings are kept, by which rule, and who agreed to shorter times."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Column, ForeignKey, Identity, Index, Integer, String, Table, Uuid, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from care.consent import Purpose
from db.metadata import instant, metadata
from followup.alerts import AlertLevel
from followup.outcomes import AttemptOutcome
from followup.retention import Keeping, KeepingFacts, Settled

keepings = Table(
    "keepings",
    metadata,
    Column("recording_id", Uuid(as_uuid=False), ForeignKey("recordings.id"), primary_key=True),
    Column("rule", String(64), nullable=True),  # empty: no rule knows it
    Column("edition", String(80), nullable=False),
    instant("until", nullable=True),  # empty: for ever
    Column("shorter_rule", String(64), nullable=True),
    instant("shorter_until", nullable=True),  # what the rules would give, were it confirmed
    instant("settled_at"),
    Index("ix_keepings_until", "until"),
    Index("ix_keepings_edition", "edition"),
)

retention_confirmations = Table(
    "retention_confirmations",
    metadata,
    Column("position", Integer, Identity(always=True), primary_key=True),
    Column("edition", String(80), nullable=False),
    Column("confirmed_by", Uuid(as_uuid=False), nullable=False),
    Column("because", String(500), nullable=False),
    Column("shortened", BigInteger, nullable=False),
    instant("confirmed_at"),
)

FORGOTTEN = timedelta(days=7)
"""An attempt that nobody closed for so long will not be closed by anybody."""

_HAS_SOUND = """
    recording.state IN ('stored', 'transcribed', 'failed')
    AND (recording.uri IS NOT NULL OR recording.spool IS NOT NULL)
"""

HELD = """
    (recording.id IN (SELECT hold.recording_id FROM legal_holds hold
        WHERE hold.recording_id IS NOT NULL
          AND hold.state IN ('held', 'release_asked') AND (hold.until IS NULL OR hold.until > :now))
     OR recording.patient_id IN (SELECT hold.patient_id FROM legal_holds hold
        WHERE hold.recording_id IS NULL
          AND hold.state IN ('held', 'release_asked') AND (hold.until IS NULL OR hold.until > :now))
     OR recording.patient_id IN (SELECT dispute.patient_id FROM requests dispute
        WHERE dispute.kind = 'dispute' AND dispute.state <> 'closed' AND dispute.patient_id IS NOT NULL)
     OR recording.call_id IN (SELECT heard.call_id FROM requests dispute
        JOIN request_calls heard ON heard.request_id = dispute.id
        WHERE dispute.kind = 'dispute' AND dispute.state <> 'closed'))
"""
"""By a legal hold, or by a dispute that is not settled: nothing that could be evidence is destroyed meanwhile.

Lists that name no recording: they are made once for a statement, however many recordings it asks about."""

_UNSETTLED = text(
    f"""
    SELECT recording.id FROM recordings recording
    JOIN calls call ON call.id = recording.call_id
    JOIN attempts attempt ON attempt.id = call.attempt_id
    LEFT JOIN keepings keeping ON keeping.recording_id = recording.id
    WHERE {_HAS_SOUND} AND keeping.edition IS DISTINCT FROM :edition
      AND (attempt.state = 'closed' OR call.planned_at < :forgotten)
    ORDER BY recording.id LIMIT :limit
    """  # noqa: S608 no word of a user is in it
)

_FACTS = text(
    """
    SELECT recording.id,
      coalesce(recording.started_at, recording.stored_at, call.answered_at, call.planned_at) AS begun_at,
      attempt.outcome,
      (SELECT coalesce(jsonb_agg(DISTINCT task.purpose), '[]') FROM attempt_tasks along
        JOIN tasks task ON task.id = along.task_id WHERE along.attempt_id = attempt.id)
      || (SELECT jsonb_build_array(task.purpose) FROM tasks task WHERE task.id = attempt.task_id) AS purposes,
      (SELECT coalesce(jsonb_agg(DISTINCT encounter.department), '[]') FROM tasks task
        JOIN plans plan ON plan.id = task.plan_id JOIN encounters encounter ON encounter.id = plan.encounter_id
        WHERE task.id = attempt.task_id
          OR task.id IN (SELECT task_id FROM attempt_tasks WHERE attempt_id = attempt.id)) AS departments,
      (SELECT coalesce(jsonb_agg(DISTINCT alert.level), '[]') FROM alerts alert
        WHERE alert.recording_id = recording.id OR alert.attempt_id = attempt.id) AS alert_levels,
      EXISTS (SELECT FROM requests request
        WHERE request.kind IN ('complaint', 'dispute') AND (request.attempt_id = attempt.id
          OR EXISTS (SELECT FROM request_calls heard
                   WHERE heard.request_id = request.id AND heard.call_id = call.id))) AS complaint
    FROM recordings recording
    JOIN calls call ON call.id = recording.call_id
    JOIN attempts attempt ON attempt.id = call.attempt_id
    WHERE recording.id = ANY(CAST(:ids AS uuid[]))
    """
)

_DUE = text(
    f"""
    SELECT recording.id FROM keepings keeping JOIN recordings recording ON recording.id = keeping.recording_id
    WHERE keeping.until <= :now AND {_HAS_SOUND} AND NOT {HELD}
    ORDER BY keeping.until, recording.id LIMIT :limit
    """  # noqa: S608 no word of a user is in it
)

_IS_HELD = text(f"SELECT {HELD} FROM recordings recording WHERE recording.id = CAST(:id AS uuid)")  # noqa: S608 as above

_OUTLOOK = text(
    f"""
    SELECT keeping.rule, keeping.edition, count(*) AS recordings,
      coalesce(sum(recording.size), 0)::bigint AS bytes, coalesce(sum(recording.seconds), 0)::float8 AS seconds,
      count(*) FILTER (WHERE {HELD}) AS held,
      count(*) FILTER (WHERE keeping.until <= :at AND NOT {HELD}) AS due,
      coalesce(sum(recording.size) FILTER (WHERE keeping.until <= :at AND NOT {HELD}), 0)::bigint AS due_bytes,
      count(*) FILTER (WHERE keeping.shorter_until IS NOT NULL) AS would_be_shorter,
      min(keeping.until) FILTER (WHERE NOT {HELD}) AS next_until
    FROM keepings keeping JOIN recordings recording ON recording.id = keeping.recording_id
    WHERE {_HAS_SOUND}
    GROUP BY keeping.rule, keeping.edition ORDER BY keeping.rule NULLS FIRST, keeping.edition
    """  # noqa: S608 no word of a user is in it
)

_UNSETTLED_COUNT = text(
    f"""
    SELECT count(*) FROM recordings recording LEFT JOIN keepings keeping ON keeping.recording_id = recording.id
    WHERE {_HAS_SOUND} AND keeping.recording_id IS NULL
    """  # noqa: S608 no word of a user is in it
)

_SHORTEN = text(
    """
    UPDATE keepings SET rule = shorter_rule, until = shorter_until, shorter_rule = NULL, shorter_until = NULL,
      settled_at = :now
    WHERE edition = :edition AND shorter_until IS NOT NULL
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassOutlook:
    """How much is kept by a rule, and what would be destroyed at an instant."""

    rule: str | None
    edition: str
    recordings: int
    bytes: int
    seconds: float
    held: int
    due: int
    due_bytes: int
    would_be_shorter: int
    next_until: datetime | None


class RetentionRepository:
    """Keepings of recordings."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def unsettled(self, edition: str, *, now: datetime, limit: int) -> list[str]:
        """Recordings with sound for which this edition of the rules was not asked yet.

        Before its attempt is closed nobody knows what came of a call; what is forgotten is settled as it is.
        """
        asked = {"edition": edition, "forgotten": now - FORGOTTEN, "limit": limit}
        return [str(row) for row in self._session.scalars(_UNSETTLED, asked)]

    def facts(self, recording_ids: Collection[str]) -> dict[str, KeepingFacts]:
        """What rules ask of recordings."""
        rows = self._session.execute(_FACTS, {"ids": list(recording_ids)})
        return {
            str(row.id): KeepingFacts(
                begun_at=row.begun_at,
                purposes=frozenset(map(Purpose, row.purposes)),
                departments=frozenset(row.departments),
                outcome=AttemptOutcome(row.outcome) if row.outcome else None,
                alert_levels=frozenset(map(AlertLevel, row.alert_levels)),
                complaint=row.complaint,
            )
            for row in rows
        }

    def keepings(self, recording_ids: Collection[str]) -> dict[str, Keeping]:
        """What holds for recordings now."""
        rows = self._session.execute(
            select(keepings.c.recording_id, keepings.c.rule, keepings.c.until).where(
                keepings.c.recording_id.in_(recording_ids)
            )
        )
        return {row.recording_id: Keeping(rule=row.rule, until=row.until) for row in rows}

    def save(self, recording_id: str, settled: Settled, *, edition: str, now: datetime) -> None:
        """Say until when a recording is kept."""
        values: dict[str, Any] = {
            "rule": settled.holds.rule,
            "edition": edition,
            "until": settled.holds.until,
            "shorter_rule": settled.shorter.rule if settled.shorter else None,
            "shorter_until": settled.shorter.until if settled.shorter else None,
            "settled_at": now,
        }
        said = insert(keepings).values(recording_id=recording_id, **values)
        self._session.execute(said.on_conflict_do_update(index_elements=["recording_id"], set_=values))

    def due(self, now: datetime, *, limit: int) -> list[str]:
        """Recordings whose time is over and that nobody holds, the longest over first."""
        return [str(row) for row in self._session.scalars(_DUE, {"now": now, "limit": limit})]

    def is_held(self, recording_id: str, now: datetime) -> bool:
        """Whether a hold or an open dispute keeps the recording from being destroyed."""
        return bool(self._session.scalar(_IS_HELD, {"id": recording_id, "now": now}))

    def outlook(self, *, now: datetime, at: datetime) -> Sequence[ClassOutlook]:
        """What is kept by each rule, and what would be destroyed at `at` with the holds of `now`."""
        return [ClassOutlook(**row._mapping) for row in self._session.execute(_OUTLOOK, {"now": now, "at": at})]  # noqa: SLF001 a row's own name for itself

    def count_unsettled(self) -> int:
        """Recordings for which no rules were asked yet."""
        return int(self._session.scalar(_UNSETTLED_COUNT) or 0)

    def confirm_shorter(self, edition: str, *, by: str, because: str, now: datetime) -> int:
        """The shorter times of an edition hold from now on; how many recordings that concerns."""
        result: Any = self._session.execute(_SHORTEN, {"edition": edition, "now": now})
        shortened = int(result.rowcount)
        self._session.execute(
            retention_confirmations.insert().values(
                edition=edition, confirmed_by=by, because=because, shortened=shortened, confirmed_at=now
            )
        )
        return shortened

    def confirmations(self) -> Sequence[Any]:
        """Who agreed to shorter times, newest first."""
        query = select(retention_confirmations).order_by(retention_confirmations.c.position.desc()).limit(500)
        return self._session.execute(query).all()
