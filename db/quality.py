"""Scores of calls, samples, rounds of graders, and what was found of doubtful follow-ups: tables and repository."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Float,
    ForeignKey,
    Identity,
    Index,
    Integer,
    String,
    Table,
    Text,
    Uuid,
    insert,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeDecorator

from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference
from followup.quality_samples import Because, DrawnCall
from followup.quality_scores import GradingRound, QualityScore, RoundKind
from followup.real_calls import CheckSubject, CheckVerdict, RealityCheck
from followup.scorecards import ItemMark, MarkKind, QualityState


class MarksColumn(TypeDecorator[list[ItemMark]]):
    """Marks as JSON."""

    impl = JSONB
    cache_ok = True

    def process_bind_param(self, value: list[ItemMark] | None, dialect: Dialect) -> object:  # noqa: ARG002
        """Marks → JSON."""
        return [
            {"item": mark.item, "mark": mark.mark.value, "at_second": mark.at_second, "remark": mark.remark}
            for mark in value or []
        ]

    def process_result_value(self, value: list[dict[str, Any]] | None, dialect: Dialect) -> list[ItemMark]:  # noqa: ARG002
        """JSON → marks."""
        return [
            ItemMark(item=mark["item"], mark=MarkKind(mark["mark"]), at_second=mark["at_second"], remark=mark["remark"])
            for mark in value or []
        ]


reality_checks = Table(
    "reality_checks",
    metadata,
    id_column(),
    closed_set("subject_kind", CheckSubject),
    Column("subject_id", Uuid(as_uuid=False), nullable=False),
    reference("patient_id", "patients.id"),
    closed_set("verdict", CheckVerdict),
    Column("text", Text, nullable=False),
    reference("by", "users.id", index=False),
    instant("at"),
    Column("doubts", JSONB, nullable=False, default=list),
    Index("ix_reality_checks_subject", "subject_kind", "subject_id", "at"),
)

scorecard_versions = Table(
    "scorecard_versions",
    metadata,
    Column("card", String(64), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("content", JSONB, nullable=False),
    instant("first_used_at"),
)
"""Cards as they were when a score was first made with them; the content folder may go on."""

quality_samples = Table(
    "quality_samples",
    metadata,
    id_column(),
    Column("rule", JSONB, nullable=False),
    instant("since"),
    instant("until"),
    Column("card", String(64), nullable=False),
    Column("statement", JSONB, nullable=False),
    Column("drawn_from", String(64), nullable=False),
    reference("drawn_by", "users.id", index=False),
    instant("drawn_at"),
    Index("ix_quality_samples_drawn_at", "drawn_at"),
)

quality_sample_calls = Table(
    "quality_sample_calls",
    metadata,
    Column("sample_id", Uuid(as_uuid=False), ForeignKey("quality_samples.id"), primary_key=True),
    Column("attempt_id", Uuid(as_uuid=False), ForeignKey("attempts.id"), primary_key=True, index=True),
    Column("position", Integer, nullable=False),
    closed_set("because", Because),
    Column("part", JSONB, nullable=False),
)

grading_rounds = Table(
    "grading_rounds",
    metadata,
    id_column(),
    closed_set("kind", RoundKind),
    Column("title", String(200), nullable=False),
    Column("card", String(64), nullable=False),
    Column("card_version", Integer, nullable=False),
    Column("attempt_ids", JSONB, nullable=False),
    Column("grader_ids", JSONB, nullable=False),
    reference("opened_by", "users.id", index=False),
    instant("opened_at"),
    instant("closed_at", nullable=True),
    Column("closed_by", Uuid(as_uuid=False), nullable=True),
    Index("ix_grading_rounds_opened_at", "opened_at"),
)

quality_scores = Table(
    "quality_scores",
    metadata,
    id_column(),
    reference("attempt_id", "attempts.id"),
    # No foreign key: a purged recording leaves the score.
    Column("recording_id", Uuid(as_uuid=False), nullable=True, index=True),
    reference("patient_id", "patients.id"),
    reference("agent_id", "agents.id", index=False),
    Column("card", String(64), nullable=False),
    Column("card_version", Integer, nullable=False),
    reference("round_id", "grading_rounds.id", nullable=True),
    reference("grader_id", "users.id"),
    closed_set("state", QualityState),
    Column("marks", MarksColumn, nullable=False, default=list),
    Column("remark", Text, nullable=False, default=""),
    Column("value", Float, nullable=True),
    Column("fatal", JSONB, nullable=False, default=list),
    instant("begun_at"),
    instant("changed_at"),
    instant("given_at", nullable=True),
    instant("answered_at", nullable=True),
    Column("appeal", Text, nullable=False, default=""),
    Column("decided_by", Uuid(as_uuid=False), nullable=True),
    instant("decided_at", nullable=True),
    Column("decision", Text, nullable=False, default=""),
    Column("value_before", Float, nullable=True),
    # One score of a call by a card counts; in a round each grader has his own.
    Index("uq_quality_scores_call", "attempt_id", "card", unique=True, postgresql_where=text("round_id IS NULL")),
    Index(
        "uq_quality_scores_round",
        "round_id",
        "attempt_id",
        "grader_id",
        unique=True,
        postgresql_where=text("round_id IS NOT NULL"),
    ),
    Index("ix_quality_scores_agent", "agent_id", "given_at"),
    Index("ix_quality_scores_begun_at", "begun_at", "id"),
)

quality_score_events = Table(
    "quality_score_events",
    metadata,
    Column("position", BigInteger, Identity(always=True), primary_key=True),
    reference("score_id", "quality_scores.id"),
    instant("at"),
    Column("kind", String(40), nullable=False),
    Column("user_id", Uuid(as_uuid=False), nullable=True),
    Column("detail", JSONB, nullable=False, default=dict),
)

evidence_packs = Table(
    "evidence_packs",
    metadata,
    id_column(),
    reference("patient_id", "patients.id"),
    Column("reason", String(500), nullable=False),
    Column("with_sound", Boolean, nullable=False),
    reference("asked_by", "users.id", index=False),
    instant("asked_at"),
)


@dataclass(kw_only=True, eq=False)
class QualitySample:
    """A drawn sample: its rule, its period, what it may claim, and a fingerprint of the calls it was drawn from."""

    id: str
    rule: dict[str, object]
    since: datetime
    until: datetime
    card: str
    statement: dict[str, object]
    drawn_from: str
    drawn_by: str
    drawn_at: datetime


@dataclass(kw_only=True, eq=False)
class ScoreEvent:
    """One line of a score's story; never changed."""

    position: int = field(init=False)
    score_id: str
    at: datetime
    kind: str
    user_id: str | None
    detail: dict[str, object] = field(default_factory=dict)


@dataclass(kw_only=True, eq=False)
class EvidencePack:
    """Somebody asked for everything that proves what was done for one patient, and said why."""

    id: str
    patient_id: str
    reason: str
    with_sound: bool
    asked_by: str
    asked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SampledCall:
    """A call of a sample, and its score by the sample's card, if somebody has begun one."""

    attempt_id: str
    because: Because
    part: list[str]
    agent_id: str
    patient_id: str
    recording_id: str | None
    seconds: float | None
    closed_at: datetime
    score_id: str | None
    score_state: QualityState | None
    value: float | None


mapper_registry.map_imperatively(RealityCheck, reality_checks)
mapper_registry.map_imperatively(QualitySample, quality_samples)
mapper_registry.map_imperatively(GradingRound, grading_rounds)
mapper_registry.map_imperatively(QualityScore, quality_scores)
mapper_registry.map_imperatively(ScoreEvent, quality_score_events)
mapper_registry.map_imperatively(EvidencePack, evidence_packs)

_SAMPLED = text(
    """
    SELECT s.attempt_id, s.because, s.part, a.agent_id, a.patient_id, r.id AS recording_id, r.seconds, a.closed_at,
           q.id AS score_id, q.state AS score_state, q.value
    FROM quality_sample_calls s
    JOIN quality_samples sample ON sample.id = s.sample_id
    JOIN attempts a ON a.id = s.attempt_id
    LEFT JOIN LATERAL (SELECT rec.id, rec.seconds FROM calls c JOIN recordings rec ON rec.call_id = c.id
                       WHERE c.attempt_id = a.id ORDER BY c.planned_at DESC LIMIT 1) r ON true
    LEFT JOIN quality_scores q ON q.attempt_id = a.id AND q.card = sample.card AND q.round_id IS NULL
    WHERE s.sample_id = :sample ORDER BY s.position
    """
)


class QualityRepository:
    """Scores, samples, rounds, checks and packs."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, entry: RealityCheck | QualityScore | GradingRound | EvidencePack) -> None:
        """Save it."""
        self._session.add(entry)
        self._session.flush()

    def pack(self, pack_id: str) -> EvidencePack | None:
        """The pack with this id."""
        return self._session.get(EvidencePack, pack_id)

    def checks_of(self, kind: CheckSubject, subject_id: str) -> Sequence[RealityCheck]:
        """What was found of a follow-up, oldest first."""
        return self._session.scalars(
            select(RealityCheck)
            .where(reality_checks.c.subject_kind == kind, reality_checks.c.subject_id == subject_id)
            .order_by(reality_checks.c.at, reality_checks.c.id)
        ).all()

    def keep_card(self, card: str, version: int, content: Mapping[str, object], now: datetime) -> dict[str, Any]:
        """Keep a card's version as it is at its first use; what is kept is answered, whatever is asked later."""
        self._session.execute(
            upsert(scorecard_versions)
            .values(card=card, version=version, content=dict(content), first_used_at=now)
            .on_conflict_do_nothing()
        )
        return self.card(card, version)

    def card(self, card: str, version: int) -> dict[str, Any]:
        """A card's version as it was kept."""
        found: dict[str, Any] = self._session.execute(
            select(scorecard_versions.c.content).where(
                scorecard_versions.c.card == card, scorecard_versions.c.version == version
            )
        ).scalar_one()
        return found

    def score(self, score_id: str) -> QualityScore | None:
        """The score with this id."""
        return self._session.get(QualityScore, score_id)

    def score_for_update(self, score_id: str) -> QualityScore | None:
        """The score, locked until the end of the transaction."""
        return self._session.scalar(
            select(QualityScore)
            .where(quality_scores.c.id == score_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )

    def score_of_call(self, attempt_id: str, card: str, *, round_id: str | None, grader_id: str) -> QualityScore | None:
        """The call's one score by a card, or this grader's own in a round."""
        query = select(QualityScore).where(quality_scores.c.attempt_id == attempt_id)
        if round_id is None:
            query = query.where(quality_scores.c.card == card, quality_scores.c.round_id.is_(None))
        else:
            query = query.where(quality_scores.c.round_id == round_id, quality_scores.c.grader_id == grader_id)
        return self._session.scalar(query)

    def scores(
        self,
        *,
        agent_id: str | None = None,
        attempt_id: str | None = None,
        states: Collection[QualityState] = (),
        before: datetime | None = None,
        limit: int = 50,
    ) -> Sequence[QualityScore]:
        """Scores outside rounds, newest first."""
        query = select(QualityScore).where(quality_scores.c.round_id.is_(None))
        if agent_id is not None:
            query = query.where(quality_scores.c.agent_id == agent_id)
        if attempt_id is not None:
            query = query.where(quality_scores.c.attempt_id == attempt_id)
        if states:
            query = query.where(quality_scores.c.state.in_(states))
        if before is not None:
            query = query.where(quality_scores.c.begun_at < before)
        return self._session.scalars(
            query.order_by(quality_scores.c.begun_at.desc(), quality_scores.c.id).limit(limit)
        ).all()

    def scores_of_round(self, round_id: str) -> list[QualityScore]:
        """Every score of a round."""
        return list(
            self._session.scalars(
                select(QualityScore)
                .where(quality_scores.c.round_id == round_id)
                .order_by(quality_scores.c.attempt_id, quality_scores.c.grader_id)
            )
        )

    def given_between(
        self, since: datetime, until: datetime, *, agent_id: str | None
    ) -> Sequence[tuple[str, datetime, float | None, bool]]:
        """Agent, instant, score and whether it was fatal, of everything given outside rounds in a period."""
        query = select(
            quality_scores.c.agent_id, quality_scores.c.given_at, quality_scores.c.value, quality_scores.c.fatal
        ).where(
            quality_scores.c.round_id.is_(None), quality_scores.c.given_at >= since, quality_scores.c.given_at < until
        )
        if agent_id is not None:
            query = query.where(quality_scores.c.agent_id == agent_id)
        rows = self._session.execute(query.order_by(quality_scores.c.given_at))
        return [(row.agent_id, row.given_at, row.value, bool(row.fatal)) for row in rows]

    def tell(
        self, score: QualityScore, kind: str, *, at: datetime, by: str, detail: dict[str, object] | None = None
    ) -> None:
        """Write one line of a score's story."""
        self._session.add(ScoreEvent(score_id=score.id, at=at, kind=kind, user_id=by, detail=detail or {}))

    def story(self, score_id: str) -> Sequence[ScoreEvent]:
        """What happened to a score, oldest first."""
        return self._session.scalars(
            select(ScoreEvent)
            .where(quality_score_events.c.score_id == score_id)
            .order_by(quality_score_events.c.position)
        ).all()

    def add_sample(self, sample: QualitySample, calls: Sequence[DrawnCall]) -> None:
        """Save a sample with its calls."""
        self._session.add(sample)
        self._session.flush()
        if calls:
            self._session.execute(
                insert(quality_sample_calls),
                [
                    {
                        "sample_id": sample.id,
                        "attempt_id": call.attempt_id,
                        "position": position,
                        "because": call.because,
                        "part": list(call.part),
                    }
                    for position, call in enumerate(calls)
                ],
            )

    def sample(self, sample_id: str) -> QualitySample | None:
        """The sample with this id."""
        return self._session.get(QualitySample, sample_id)

    def samples(self, *, limit: int) -> Sequence[QualitySample]:
        """Samples, newest first."""
        return self._session.scalars(
            select(QualitySample).order_by(quality_samples.c.drawn_at.desc(), quality_samples.c.id).limit(limit)
        ).all()

    def sampled_calls(self, sample_id: str) -> list[SampledCall]:
        """A sample's calls in the order of the draw, with their scores."""
        return [
            SampledCall(
                attempt_id=str(row.attempt_id),
                because=Because(row.because),
                part=list(row.part),
                agent_id=str(row.agent_id),
                patient_id=str(row.patient_id),
                recording_id=str(row.recording_id) if row.recording_id else None,
                seconds=row.seconds,
                closed_at=row.closed_at,
                score_id=str(row.score_id) if row.score_id else None,
                score_state=QualityState(row.score_state) if row.score_state else None,
                value=row.value,
            )
            for row in self._session.execute(_SAMPLED, {"sample": sample_id})
        ]

    def round(self, round_id: str) -> GradingRound | None:
        """The round with this id."""
        return self._session.get(GradingRound, round_id)

    def round_for_update(self, round_id: str) -> GradingRound | None:
        """The round, locked until the end of the transaction."""
        return self._session.get(GradingRound, round_id, with_for_update=True, populate_existing=True)

    def rounds(self, *, limit: int) -> Sequence[GradingRound]:
        """Rounds, newest first."""
        return self._session.scalars(
            select(GradingRound).order_by(grading_rounds.c.opened_at.desc(), grading_rounds.c.id).limit(limit)
        ).all()
