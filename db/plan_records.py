"""What happened to plans: their history, the results that changed them, and by which rule set the hospital goes."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    Identity,
    Index,
    Integer,
    Row,
    String,
    Table,
    Uuid,
    func,
    insert,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference
from db.patients import encounters
from db.plans import plans
from followup.follow_up_rules import ContactWay, Control, FollowUpResult, RuleChoice
from followup.plans import PlanChange, PlanState

plan_history = Table(
    "plan_history",
    metadata,
    Column("position", BigInteger, Identity(always=True), primary_key=True),
    reference("plan_id", "plans.id"),
    instant("at"),
    Column("user_id", Uuid(as_uuid=False), nullable=True),  # empty where the system acted
    closed_set("change", PlanChange),
    Column("reason", String(500), nullable=False),
    Column("detail", JSONB, nullable=False),
)

follow_up_results = Table(
    "follow_up_results",
    metadata,
    id_column(),
    reference("patient_id", "patients.id", index=False),
    reference("plan_id", "plans.id"),
    reference("task_id", "tasks.id", nullable=True),
    Column("topic", String(64), nullable=False),
    instant("taken_at"),
    closed_set("way", ContactWay),
    Column("answers", JSONB, nullable=False),
    Column("rule_set", String(64), nullable=False),
    Column("rules", String(80), nullable=False),  # id/version
    closed_set("control", Control, nullable=True),
    Column("because", JSONB, nullable=False),
    Column("tag", String(64), nullable=True),
    Column("recorded_by", Uuid(as_uuid=False), nullable=True),
    instant("recorded_at"),
    Index("ix_follow_up_results_patient", "patient_id", "topic", "taken_at"),
    # The answers of a task are taken up once, however often its end is looked at.
    Index("uq_follow_up_results_task", "task_id", "topic", unique=True),
)

rule_choices = Table(
    "rule_choices",
    metadata,
    Column("position", Integer, Identity(always=True), primary_key=True),
    Column("topic", String(64), nullable=False),
    Column("rule_set", String(64), nullable=False),
    Column("effective_from", Date, nullable=False),
    Column("reason", String(500), nullable=False),
    Column("chosen_by", Uuid(as_uuid=False), nullable=False),
    instant("chosen_at"),
)

mapper_registry.map_imperatively(FollowUpResult, follow_up_results)


class PlanRecords:
    """History, results and choices; rows are added, never changed."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def note(
        self,
        plan_id: str,
        change: PlanChange,
        *,
        at: datetime,
        by: str | None,
        reason: str = "",
        detail: Mapping[str, object] | None = None,
    ) -> None:
        """Append a line to a plan's history."""
        self._session.execute(
            insert(plan_history).values(
                plan_id=plan_id, at=at, user_id=by, change=change, reason=reason, detail=dict(detail or {})
            )
        )

    def history(self, plan_id: str) -> Sequence[Row[Any]]:
        """Everything that happened to a plan, in order."""
        return self._session.execute(
            select(plan_history).where(plan_history.c.plan_id == plan_id).order_by(plan_history.c.position)
        ).all()

    def add_result(self, result: FollowUpResult) -> None:
        """Save a result with its class."""
        self._session.add(result)

    def running_templates(self) -> set[tuple[str, str]]:
        """(department, template) of every plan that runs."""
        rows = self._session.execute(
            select(encounters.c.department, plans.c.template_id)
            .join(encounters, encounters.c.id == plans.c.encounter_id)
            .where(plans.c.state == PlanState.RUNNING)
            .distinct()
        )
        return {(department, template_id) for department, template_id in rows}

    def has_result_of(self, task_id: str, topic: str) -> bool:
        """True if the task's answers were taken up already."""
        known = select(follow_up_results.c.id).where(
            follow_up_results.c.task_id == task_id, follow_up_results.c.topic == topic
        )
        return self._session.scalar(known) is not None

    def result_before(self, patient_id: str, topic: str, taken_at: datetime) -> FollowUpResult | None:
        """The patient's last classified result of an illness before an instant."""
        return self._session.scalar(
            select(FollowUpResult)
            .where(
                follow_up_results.c.patient_id == patient_id,
                follow_up_results.c.topic == topic,
                follow_up_results.c.taken_at < taken_at,
                follow_up_results.c.control.is_not(None),
            )
            .order_by(follow_up_results.c.taken_at.desc(), follow_up_results.c.id.desc())
            .limit(1)
        )

    def results_of(self, patient_id: str, topic: str, *, limit: int = 200) -> Sequence[FollowUpResult]:
        """A patient's results of an illness, newest first."""
        return self._session.scalars(
            select(FollowUpResult)
            .where(follow_up_results.c.patient_id == patient_id, follow_up_results.c.topic == topic)
            .order_by(follow_up_results.c.taken_at.desc(), follow_up_results.c.id)
            .limit(limit)
        ).all()

    def counts(self, patient_id: str, topic: str, *, since: datetime, until: datetime) -> dict[ContactWay, int]:
        """How many results were taken in each way; a call is never a face-to-face contact."""
        found = dict.fromkeys(ContactWay, 0)
        rows = self._session.execute(
            select(follow_up_results.c.way, func.count())
            .where(
                follow_up_results.c.patient_id == patient_id,
                follow_up_results.c.topic == topic,
                follow_up_results.c.taken_at >= since,
                follow_up_results.c.taken_at < until,
            )
            .group_by(follow_up_results.c.way)
        )
        for way, count in rows:
            found[way] = count
        return found

    def choose_rules(self, choice: RuleChoice, *, reason: str, by: str, at: datetime) -> None:
        """From a day on go by another rule set; of two choices for one day the later one counts."""
        self._session.execute(
            insert(rule_choices).values(
                topic=choice.topic,
                rule_set=choice.rule_set,
                effective_from=choice.effective_from,
                reason=reason,
                chosen_by=by,
                chosen_at=at,
            )
        )

    def rule_choices(self) -> Sequence[RuleChoice]:
        """Every choice, oldest first."""
        rows = self._session.execute(select(rule_choices).order_by(rule_choices.c.position)).all()
        return [RuleChoice(topic=r.topic, rule_set=r.rule_set, effective_from=r.effective_from) for r in rows]
