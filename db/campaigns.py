"""Campaigns and their people: tables, mapping, and the one statement that says what came of each person."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, time
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Uuid,
    and_,
    case,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    text,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, distinct_on
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeDecorator

from care.consent import Purpose
from db.attempts import attempt_tasks, attempts
from db.calls import calls
from db.imports import import_rows
from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference
from db.patients import encounters, patients
from db.plans import tasks
from followup.attempts import AttemptState
from followup.calling_hours import CallingHours
from followup.campaigns import Audience, AudienceKind, Campaign, CampaignState, Group, Person
from followup.imports import RowState
from followup.outcomes import NUMBER_IS_NO_USE, AttemptOutcome, TaskOutcome
from followup.plans import OPEN_TASK_STATES, Task, TaskState
from followup.what_next import NextAction


def read_spans(rows: Sequence[Mapping[str, Any]]) -> tuple[CallingHours, ...]:
    """Spans of local time as their row tells them."""
    return tuple(
        CallingHours(
            start=time.fromisoformat(row["start"]),
            end=time.fromisoformat(row["end"]),
            weekdays=frozenset(row["weekdays"]),
        )
        for row in rows
    )


class Spans(TypeDecorator[tuple[CallingHours, ...]]):
    """Spans of local time as one JSON array."""

    impl = JSONB
    cache_ok = True

    def process_bind_param(
        self,
        value: tuple[CallingHours, ...] | None,
        dialect: Dialect,  # noqa: ARG002
    ) -> list[dict[str, object]] | None:
        """To the database."""
        if value is None:
            return None
        return [
            {"start": span.start.isoformat(), "end": span.end.isoformat(), "weekdays": sorted(span.weekdays)}
            for span in value
        ]

    def process_result_value(self, value: Any, dialect: Dialect) -> tuple[CallingHours, ...] | None:  # noqa: ARG002
        """From the database."""
        return None if value is None else read_spans(value)


class StoredAudience(TypeDecorator[Audience]):
    """Whom a campaign is for, as one JSON object."""

    impl = JSONB
    cache_ok = True

    def process_bind_param(self, value: Audience | None, dialect: Dialect) -> dict[str, Any] | None:  # noqa: ARG002
        """To the database."""
        if value is None:
            return None
        return {name: _plain(each) for name, each in asdict(value).items()}

    def process_result_value(self, value: Any, dialect: Dialect) -> Audience | None:  # noqa: ARG002
        """From the database."""
        if value is None:
            return None
        moments = {
            name: datetime.fromisoformat(value[name]) if value[name] else None
            for name in ("visited_from", "visited_until")
        }
        return Audience(
            kind=AudienceKind(value["kind"]),
            import_id=value["import_id"],
            patient_ids=tuple(value["patient_ids"]),
            visit_kind=value["visit_kind"],
            departments=tuple(value["departments"]),
            **moments,
        )


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return [*value] if isinstance(value, tuple) else value


campaigns = Table(
    "campaigns",
    metadata,
    id_column(),
    Column("name", String(100), nullable=False, unique=True),
    closed_set("purpose", Purpose),
    reference("queue_id", "queues.id"),
    Column("flow", String(64), nullable=True),
    Column("flow_version", Integer, nullable=True),
    Column("form", String(64), nullable=True),
    Column("form_version", Integer, nullable=True),
    Column("audience", StoredAudience, nullable=False),
    instant("from_at"),
    instant("until_at"),
    Column("hours", Spans, nullable=False),
    Column("calls_per_day", Integer, nullable=True),
    Column("quotas", JSONB, nullable=False),
    Column("priority", Integer, nullable=False),
    closed_set("state", CampaignState),
    instant("state_since"),
    reference("created_by", "users.id", index=False),
    instant("created_at"),
    instant("started_at", nullable=True),
    instant("ended_at", nullable=True),
    Index("ix_campaigns_newest", "created_at", "id"),
    Index("ix_campaigns_living", "id", postgresql_where=text("state IN ('running', 'paused')")),
)

campaign_people = Table(
    "campaign_people",
    metadata,
    Column("campaign_id", Uuid(as_uuid=False), ForeignKey("campaigns.id"), primary_key=True),
    Column("patient_id", Uuid(as_uuid=False), ForeignKey("patients.id"), primary_key=True, index=True),
    reference("encounter_id", "encounters.id", nullable=True, index=False),
    Column("department", String(100), nullable=False),
    Column("reasons", JSONB, nullable=False),
    reference("task_id", "tasks.id", nullable=True),
    reference("follow_up_task_id", "tasks.id", nullable=True, index=False),
    Index("ix_campaign_people_left_out", "campaign_id", postgresql_where=text("task_id IS NULL")),
)

mapper_registry.map_imperatively(Campaign, campaigns)


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRow:
    """One person of a campaign with what came of him."""

    patient_id: str
    record_number: str
    name: str
    department: str
    group: Group | None  # None: left out
    reasons: tuple[str, ...]
    attempts: int
    last_outcome: AttemptOutcome | None
    answer: str
    called_at: datetime | None
    task_id: str | None
    follow_up_task_id: str | None


_ANSWERS = {
    "confirmed": Group.CONFIRMED,
    "cancelled": Group.CANCELLED,
    "rebook": Group.REBOOK,
    "wants_person": Group.WANTS_PERSON,
}
_REACHED = (AttemptOutcome.CONNECTED_PATIENT, AttemptOutcome.CONNECTED_PROXY)


_WAITS_FOR_A_PERSON = and_(
    tasks.c.state.in_([TaskState.DUE, TaskState.QUEUED]),
    func.coalesce(tasks.c.next_action == NextAction.ESCALATE.value, False),
)
"""No machine calls such a task any more: its number is of no use, or somebody has to judge."""


class CampaignRepository:
    """Campaigns, whom they are for, and what came of each."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, campaign: Campaign) -> None:
        """Save a campaign."""
        self._session.add(campaign)

    def get(self, campaign_id: str) -> Campaign | None:
        """The campaign with this id."""
        return self._session.get(Campaign, campaign_id)

    def locked(self, campaign_id: str) -> Campaign | None:
        """The campaign with this id, nobody else's until the end of the transaction."""
        return self._session.get(Campaign, campaign_id, with_for_update=True, populate_existing=True)

    def page(self, *, before: Campaign | None, limit: int) -> Sequence[Campaign]:
        """Campaigns, newest first, from behind `before`."""
        query = select(Campaign).order_by(campaigns.c.created_at.desc(), campaigns.c.id.desc()).limit(limit)
        if before is not None:
            at, place = campaigns.c.created_at, campaigns.c.id
            query = query.where(or_(at < before.created_at, and_(at == before.created_at, place < before.id)))
        return self._session.scalars(query).all()

    def is_stopped(self, campaign_id: str) -> bool:
        """True if the campaign was stopped for good."""
        state = self._session.scalar(select(campaigns.c.state).where(campaigns.c.id == campaign_id))
        return state is CampaignState.STOPPED

    def over(self, *, limit: int = 100) -> Sequence[Campaign]:
        """Running and paused campaigns that have nobody left to call, locked, passing over those locked by others."""
        open_task = exists().where(
            tasks.c.campaign_id == campaigns.c.id, tasks.c.state.in_(OPEN_TASK_STATES), ~_WAITS_FOR_A_PERSON
        )
        return self._session.scalars(
            select(Campaign)
            .where(campaigns.c.state.in_([CampaignState.RUNNING, CampaignState.PAUSED]), ~open_task)
            .order_by(campaigns.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        ).all()

    # --- people -------------------------------------------------------------------------------------------------------

    def people_for(self, audience: Audience, *, limit: int) -> list[Person]:
        """Whom an audience names, each once: with the newest of his visits that fit, in order of id."""
        match audience.kind:
            case AudienceKind.IMPORT:
                query = (
                    select(import_rows.c.patient_id, import_rows.c.encounter_id, encounters.c.department)
                    .outerjoin(encounters, encounters.c.id == import_rows.c.encounter_id)
                    .where(
                        import_rows.c.import_id == audience.import_id,
                        import_rows.c.state == RowState.APPLIED,
                        import_rows.c.patient_id.is_not(None),
                    )
                    .order_by(import_rows.c.patient_id, encounters.c.occurred_at.desc().nulls_last())
                )
                query = query.ext(distinct_on(import_rows.c.patient_id))
            case AudienceKind.PATIENTS:
                newest = (
                    select(encounters.c.id, encounters.c.department)
                    .where(encounters.c.patient_id == patients.c.id)
                    .order_by(encounters.c.occurred_at.desc())
                    .limit(1)
                    .lateral("newest")
                )
                query = (
                    select(patients.c.id.label("patient_id"), newest.c.id.label("encounter_id"), newest.c.department)
                    .outerjoin(newest, true())
                    .where(patients.c.id.in_(audience.patient_ids))
                    .order_by(patients.c.id)
                )
            case AudienceKind.VISITS:
                query = (
                    select(encounters.c.patient_id, encounters.c.id.label("encounter_id"), encounters.c.department)
                    .where(*_visits(audience))
                    .order_by(encounters.c.patient_id, encounters.c.occurred_at.desc())
                    .ext(distinct_on(encounters.c.patient_id))
                )
        return [
            Person(patient_id=row.patient_id, encounter_id=row.encounter_id, department=row.department or "")
            for row in self._session.execute(query.limit(limit))
        ]

    def add_people(self, campaign_id: str, rows: Iterable[tuple[Person, Sequence[str], str | None]]) -> None:
        """Save a campaign's people: with the reasons why they are left out, or with their task."""
        values = [
            {
                "campaign_id": campaign_id,
                "patient_id": person.patient_id,
                "encounter_id": person.encounter_id,
                "department": person.department,
                "reasons": [*reasons],
                "task_id": task_id,
            }
            for person, reasons, task_id in rows
        ]
        if values:
            self._session.flush()
            self._session.execute(insert(campaign_people), values)

    def follow_up(self, campaign_id: str, patient_id: str, task_id: str) -> None:
        """Remember that a person calls him because of this campaign."""
        self._session.execute(
            update(campaign_people)
            .where(campaign_people.c.campaign_id == campaign_id, campaign_people.c.patient_id == patient_id)
            .values(follow_up_task_id=task_id)
        )

    def waiting_tasks(self, campaign_id: str) -> Sequence[Task]:
        """Tasks of a campaign that wait for a call, locked."""
        return self._session.scalars(
            select(Task)
            .where(
                tasks.c.campaign_id == campaign_id,
                tasks.c.state.in_([TaskState.PLANNED, TaskState.DUE, TaskState.QUEUED]),
            )
            .order_by(tasks.c.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        ).all()

    # --- what came of it ----------------------------------------------------------------------------------------------

    def counts(self, campaign_id: str) -> dict[Group, int]:
        """How many people are in each group: reckoned from the rows, so that they add up to everybody called."""
        last = _last_attempt()
        group = _group(last).label("group")
        rows = self._session.execute(
            select(group, func.count())
            .select_from(campaign_people)
            .join(tasks, tasks.c.id == campaign_people.c.task_id)
            .outerjoin(last, true())
            .where(campaign_people.c.campaign_id == campaign_id)
            .group_by(group)
        )
        return {Group(name): count for name, count in rows}

    def left_out(self, campaign_id: str) -> dict[str, int]:
        """How many people are not called, by the first reason."""
        reason = campaign_people.c.reasons[0].astext.label("reason")
        rows = self._session.execute(
            select(reason, func.count().label("people"))
            .where(campaign_people.c.campaign_id == campaign_id, campaign_people.c.task_id.is_(None))
            .group_by(reason)
        )
        return {row.reason: row.people for row in rows}

    def people(
        self,
        campaign_id: str,
        *,
        group: Group | None = None,
        left_out: bool = False,
        after: str | None = None,
        limit: int,
        lock: bool = False,
    ) -> list[PersonRow]:
        """People of a campaign in order of id: of one group, those left out, or all who are called."""
        last = _last_attempt()
        column = _group(last)
        query = (
            select(
                campaign_people,
                patients.c.record_number,
                patients.c.name,
                tasks.c.attempts_made,
                last.c.outcome,
                last.c.answer,
                last.c.reserved_at,
                column.label("group"),
            )
            .select_from(campaign_people)
            .join(patients, patients.c.id == campaign_people.c.patient_id)
            .outerjoin(tasks, tasks.c.id == campaign_people.c.task_id)
            .outerjoin(last, true())
            .where(campaign_people.c.campaign_id == campaign_id)
            .order_by(campaign_people.c.patient_id)
            .limit(limit)
        )
        query = query.where(campaign_people.c.task_id.is_(None) if left_out else campaign_people.c.task_id.is_not(None))
        if group is not None:
            query = query.where(column == group.value)
        if after is not None:
            query = query.where(campaign_people.c.patient_id > after)
        if lock:
            query = query.with_for_update(of=campaign_people)
        return [
            PersonRow(
                patient_id=row.patient_id,
                record_number=row.record_number,
                name=row.name,
                department=row.department,
                group=None if left_out else Group(row.group),
                reasons=tuple(row.reasons),
                attempts=row.attempts_made or 0,
                last_outcome=row.outcome,
                answer=row.answer or "",
                called_at=row.reserved_at,
                task_id=row.task_id,
                follow_up_task_id=row.follow_up_task_id,
            )
            for row in self._session.execute(query)
        ]

    def talk_seconds(self, queue_id: str, *, of_last: int = 200) -> tuple[float, int]:
        """How long a queue's answered calls took lately, on average, and of how many that is."""
        lately = (
            select(func.extract("epoch", calls.c.ended_at - calls.c.answered_at).label("seconds"))
            .where(calls.c.queue_id == queue_id, calls.c.answered_at.is_not(None), calls.c.ended_at.is_not(None))
            .order_by(calls.c.planned_at.desc())
            .limit(of_last)
            .subquery()
        )
        row = self._session.execute(select(func.avg(lately.c.seconds), func.count())).one()
        return float(row[0] or 0.0), row[1]


def _visits(audience: Audience) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if audience.visit_kind is not None:
        conditions.append(encounters.c.kind == audience.visit_kind)
    if audience.departments:
        conditions.append(encounters.c.department.in_(audience.departments))
    if audience.visited_from is not None:
        conditions.append(encounters.c.occurred_at >= audience.visited_from)
    if audience.visited_until is not None:
        conditions.append(encounters.c.occurred_at < audience.visited_until)
    return conditions


def _last_attempt() -> Any:
    """The last attempt that says something of the person; what the gate refused and what was skipped says nothing."""
    along = select(attempt_tasks.c.attempt_id).where(attempt_tasks.c.task_id == tasks.c.id).correlate(tasks)
    return (
        select(attempts.c.outcome, attempts.c.reserved_at, attempts.c.answers["answer"].astext.label("answer"))
        .where(
            or_(attempts.c.task_id == tasks.c.id, attempts.c.id.in_(along)),
            attempts.c.state == AttemptState.CLOSED,
            attempts.c.outcome.is_not(None),
            attempts.c.outcome != AttemptOutcome.BLOCKED_BY_POLICY,
            attempts.c.skipped.is_(None),
        )
        .order_by(attempts.c.reserved_at.desc())
        .limit(1)
        .correlate(tasks)
        .lateral("last")
    )


def _group(last: Any) -> ColumnElement[str]:
    reached = last.c.outcome.in_(_REACHED)
    return case(
        (and_(tasks.c.state.in_(OPEN_TASK_STATES), ~_WAITS_FOR_A_PERSON), literal(Group.STILL_OPEN.value)),
        (tasks.c.outcome == TaskOutcome.REFUSED, literal(Group.REFUSED.value)),
        *((and_(reached, last.c.answer == answer), literal(group.value)) for answer, group in _ANSWERS.items()),
        (reached, literal(Group.ANSWERED.value)),
        (last.c.outcome.in_([*NUMBER_IS_NO_USE]), literal(Group.WRONG_NUMBER.value)),
        (last.c.outcome == AttemptOutcome.ANSWERED_MACHINE, literal(Group.MACHINE.value)),
        (
            and_(last.c.outcome.is_(None), tasks.c.outcome != TaskOutcome.LOST_TO_FOLLOW_UP),
            literal(Group.CALLED_OFF.value),
        ),
        else_=literal(Group.UNREACHED.value),
    )
