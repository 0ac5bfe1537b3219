"""Risk assessments and the facts stated for them: tables, mappings, repository. The database keeps them as they are."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Boolean, Column, Float, Index, Integer, String, Table, Uuid, func, select, text, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from care.risk.inputs import RiskFact
from care.risk.records import AssessmentCause, RiskAssessment, WithdrawalReason
from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference

risk_facts = Table(
    "risk_facts",
    metadata,
    id_column(),
    reference("patient_id", "patients.id", index=False),
    reference("encounter_id", "encounters.id", nullable=True),
    Column("name", String(40), nullable=False),
    Column("value", JSONB, nullable=False),
    instant("taken_at"),
    instant("recorded_at"),
    Column("recorded_by", Uuid(as_uuid=False), nullable=False),
    instant("superseded_at", nullable=True),
    Index("ix_risk_facts_patient", "patient_id", "name", "recorded_at"),
)

risk_assessments = Table(
    "risk_assessments",
    metadata,
    id_column(),
    reference("patient_id", "patients.id", index=False),
    reference("encounter_id", "encounters.id", nullable=True),
    Column("model", String(40), nullable=False),
    Column("model_version", Integer, nullable=False),
    Column("variant", String(40), nullable=False),
    Column("value", Float, nullable=False),
    Column("unit", String(40), nullable=False),
    Column("band", String(40), nullable=True),
    Column("out_of_range", Boolean, nullable=False),
    Column("inputs", JSONB, nullable=False),
    Column("titles", JSONB, nullable=False),
    instant("assessed_at"),
    instant("valid_until", nullable=True),
    closed_set("cause", AssessmentCause),
    Column("changes", JSONB, nullable=False),
    reference("replaces", "risk_assessments.id", nullable=True, index=False),
    instant("recorded_at"),
    Column("recorded_by", Uuid(as_uuid=False), nullable=True),
    instant("superseded_at", nullable=True),
    instant("withdrawn_at", nullable=True),
    closed_set("withdrawn_because", WithdrawalReason, nullable=True),
    Column("withdrawn_inputs", JSONB(none_as_null=True), nullable=True),
    reference("request_id", "requests.id", nullable=True, index=False),
    Index("ix_risk_assessments_patient", "patient_id", "recorded_at", "id"),
    Index(
        "ix_risk_assessments_current",
        "patient_id",
        "model",
        postgresql_where=text("superseded_at IS NULL AND withdrawn_at IS NULL"),
    ),
)

mapper_registry.map_imperatively(RiskFact, risk_facts)
mapper_registry.map_imperatively(RiskAssessment, risk_assessments)


class RiskRepository:
    """What was assessed, and what was stated for it."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def one_at_a_time(self, patient_id: str) -> None:
        """Wait until nobody else assesses this patient; until the end of the transaction."""
        self._session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"risk/{patient_id}", 0))))

    def get(self, assessment_id: str) -> RiskAssessment | None:
        """The assessment with this id."""
        return self._session.get(RiskAssessment, assessment_id)

    def current_of(self, patient_id: str, models: Collection[str] | None = None) -> Sequence[RiskAssessment]:
        """What counts now, newest first; of one model for one visit there may be two only right after a merger."""
        asked = select(RiskAssessment).where(
            risk_assessments.c.patient_id == patient_id,
            risk_assessments.c.superseded_at.is_(None),
            risk_assessments.c.withdrawn_at.is_(None),
        )
        if models is not None:
            asked = asked.where(risk_assessments.c.model.in_(models))
        return self._session.scalars(
            asked.order_by(risk_assessments.c.recorded_at.desc(), risk_assessments.c.id.desc())
        ).all()

    def of_patient(
        self, patient_id: str, *, model: str | None = None, after: str | None = None, limit: int = 50
    ) -> Sequence[RiskAssessment]:
        """Everything that was ever assessed, newest first; on from the assessment `after`."""
        asked = select(RiskAssessment).where(risk_assessments.c.patient_id == patient_id)
        if model is not None:
            asked = asked.where(risk_assessments.c.model == model)
        if after is not None and (last := self.get(after)) is not None:
            asked = asked.where(
                (risk_assessments.c.recorded_at < last.recorded_at)
                | ((risk_assessments.c.recorded_at == last.recorded_at) & (risk_assessments.c.id < last.id))
            )
        return self._session.scalars(
            asked.order_by(risk_assessments.c.recorded_at.desc(), risk_assessments.c.id.desc()).limit(limit)
        ).all()

    def put(self, assessment: RiskAssessment, *, in_place_of: Collection[RiskAssessment]) -> None:
        """Keep a new assessment; it takes the place of those given."""
        self._supersede([each.id for each in in_place_of], assessment.recorded_at)
        self._session.add(assessment)
        self._session.flush()

    def supersede(self, assessments: Collection[RiskAssessment], at: datetime) -> None:
        """A newer one stands there already."""
        self._supersede([each.id for each in assessments], at)

    def withdraw(
        self, assessment: RiskAssessment, *, because: WithdrawalReason, inputs: Sequence[str], at: datetime
    ) -> None:
        """It counts no more, and nothing takes its place."""
        assessment.withdrawn_at, assessment.withdrawn_because = at, because
        assessment.withdrawn_inputs = list(inputs)
        self._session.flush()

    def state(self, fact: RiskFact) -> RiskFact:
        """Keep what was stated; an earlier statement of the same is kept as it was. Stated again alike: no change."""
        held = self._session.scalars(
            select(RiskFact).where(
                risk_facts.c.patient_id == fact.patient_id,
                risk_facts.c.name == fact.name,
                risk_facts.c.encounter_id.is_not_distinct_from(fact.encounter_id),
                risk_facts.c.superseded_at.is_(None),
            )
        ).all()
        for each in held:
            if (each.value, each.taken_at) == (fact.value, fact.taken_at):
                return each
        for each in held:
            each.superseded_at = fact.recorded_at
        self._session.add(fact)
        self._session.flush()
        return fact

    def facts_of(self, patient_id: str) -> Sequence[RiskFact]:
        """What holds of what was stated."""
        return self._session.scalars(
            select(RiskFact)
            .where(risk_facts.c.patient_id == patient_id, risk_facts.c.superseded_at.is_(None))
            .order_by(risk_facts.c.name, risk_facts.c.recorded_at)
        ).all()

    def _supersede(self, ids: Collection[str], at: datetime) -> None:
        self._session.execute(
            update(risk_assessments)
            .where(risk_assessments.c.id.in_(ids), risk_assessments.c.superseded_at.is_(None))
            .values(superseded_at=at)
        )
