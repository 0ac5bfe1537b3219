"""Education plans, their lessons and what was said back: tables, mappings, repository."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, Date, Index, Integer, String, Table, Uuid, func, select, text
from sqlalchemy.orm import Session, relationship

from care.education import EducationPlan, LessonWay, Moment, PlannedLesson, Understanding
from care.responses import Observation
from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference
from db.responses import observations

education_plans = Table(
    "education_plans",
    metadata,
    id_column(),
    reference("patient_id", "patients.id"),
    Column("programme_id", String(64), nullable=False),
    Column("programme_version", Integer, nullable=False),
    closed_set("moment", Moment),
    Column("anchor_on", Date, nullable=False),
    instant("started_at"),
    reference("started_by", "users.id", index=False),
    instant("ended_at", nullable=True),
    Column("ended_because", String(500), nullable=False, default=""),
    Index(
        "uq_education_plans_running",
        "patient_id",
        "programme_id",
        unique=True,
        postgresql_where=text("ended_at IS NULL"),
    ),
    Index("ix_education_plans_programme", "programme_id"),
)

education_lessons = Table(
    "education_lessons",
    metadata,
    id_column(),
    reference("plan_id", "education_plans.id"),
    Column("key", String(64), nullable=False),
    Column("due_on", Date, nullable=False),
    reference("again_of", "education_lessons.id", nullable=True, index=False),
    instant("given_at", nullable=True),
    Column("given_by", Uuid(as_uuid=False), nullable=True),
    closed_set("way", LessonWay, nullable=True),
    instant("opened_at", nullable=True),
)

teach_backs = Table(
    "teach_backs",
    metadata,
    id_column(),
    reference("plan_id", "education_plans.id"),
    reference("lesson_id", "education_lessons.id"),
    reference("response_id", "responses.id", index=False),
    Column("link_id", String(60), nullable=False),
    closed_set("understanding", Understanding),
    instant("at"),
    reference("again_id", "education_lessons.id", nullable=True, index=False),
    reference("request_id", "requests.id", nullable=True, index=False),
    instant("superseded_at", nullable=True),
    Index(
        "uq_teach_backs_answer",
        "response_id",
        "plan_id",
        "link_id",
        unique=True,
        postgresql_where=text("superseded_at IS NULL"),
    ),
)


@dataclass(kw_only=True, eq=False)
class TeachBackGiven:
    """What a patient could say back of a lesson, and what came of it: the lesson again, and somebody to give it."""

    id: str
    plan_id: str
    lesson_id: str
    response_id: str
    link_id: str
    understanding: Understanding
    at: datetime
    again_id: str | None = None
    request_id: str | None = None
    superseded_at: datetime | None = None


mapper_registry.map_imperatively(PlannedLesson, education_lessons)
mapper_registry.map_imperatively(TeachBackGiven, teach_backs)
mapper_registry.map_imperatively(
    EducationPlan,
    education_plans,
    properties={
        "lessons": relationship(
            PlannedLesson, lazy="selectin", order_by=[education_lessons.c.due_on, education_lessons.c.id]
        )
    },
)


class EducationRepository:
    """What patients are taught."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, plan: EducationPlan) -> None:
        """Save a plan with its lessons."""
        self._session.add(plan)

    def get(self, plan_id: str) -> EducationPlan | None:
        """The plan with this id."""
        return self._session.get(EducationPlan, plan_id)

    def for_update(self, plan_id: str) -> EducationPlan | None:
        """The plan, locked until the end of the transaction."""
        return self._session.scalar(
            select(EducationPlan)
            .where(education_plans.c.id == plan_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )

    def running(self, patient_id: str, programme_id: str) -> EducationPlan | None:
        """A patient's running plan of a programme."""
        return self._session.scalar(
            select(EducationPlan).where(
                education_plans.c.patient_id == patient_id,
                education_plans.c.programme_id == programme_id,
                education_plans.c.ended_at.is_(None),
            )
        )

    def of_patient(self, patient_id: str, *, only_running: bool = False) -> Sequence[EducationPlan]:
        """A patient's plans, newest first; running ones are locked for whoever follows them."""
        query = (
            select(EducationPlan)
            .where(education_plans.c.patient_id == patient_id)
            .order_by(education_plans.c.started_at.desc(), education_plans.c.id)
        )
        if only_running:
            query = (
                query.where(education_plans.c.ended_at.is_(None))
                .with_for_update()
                .execution_options(populate_existing=True)
            )
        return self._session.scalars(query).all()

    def started(self, programme_id: str) -> int:
        """How often a programme was given."""
        plans = select(func.count()).select_from(education_plans).where(education_plans.c.programme_id == programme_id)
        return int(self._session.execute(plans).scalar_one())

    def scores_of(self, programme_id: str, code: str) -> Mapping[str, Sequence[Observation]]:
        """The scores of everybody who was given a programme, by patient, oldest first."""
        taught = select(education_plans.c.patient_id).where(education_plans.c.programme_id == programme_id)
        rows = self._session.execute(
            select(observations)
            .where(observations.c.code == code, observations.c.patient_id.in_(taught))
            .order_by(observations.c.at, observations.c.id)
        )
        found: dict[str, list[Observation]] = {}
        for row in rows.mappings():
            found.setdefault(row["patient_id"], []).append(Observation(**row))
        return found

    def understood(self, programme_id: str) -> Mapping[Understanding, int]:
        """How often its lessons were understood how well."""
        rows = self._session.execute(
            select(teach_backs.c.understanding, func.count())
            .join(education_plans, education_plans.c.id == teach_backs.c.plan_id)
            .where(education_plans.c.programme_id == programme_id, teach_backs.c.superseded_at.is_(None))
            .group_by(teach_backs.c.understanding)
        )
        return {row[0]: row[1] for row in rows}

    def say_back(self, given: TeachBackGiven) -> None:
        """Save what a patient could say back."""
        self._session.add(given)

    def said_back(self, response_id: str, programme_id: str, link_id: str) -> TeachBackGiven | None:
        """What an answer was taken for, in whichever plan of the programme: one that ended since too."""
        return self._session.scalar(
            select(TeachBackGiven)
            .join(education_plans, education_plans.c.id == teach_backs.c.plan_id)
            .where(
                teach_backs.c.response_id == response_id,
                education_plans.c.programme_id == programme_id,
                teach_backs.c.link_id == link_id,
                teach_backs.c.superseded_at.is_(None),
            )
            .order_by(teach_backs.c.at.desc())
            .limit(1)
        )

    def teach_backs_of(self, plan_id: str) -> Sequence[TeachBackGiven]:
        """What was said back of a plan's lessons, oldest first."""
        return self._session.scalars(
            select(TeachBackGiven)
            .where(teach_backs.c.plan_id == plan_id, teach_backs.c.superseded_at.is_(None))
            .order_by(teach_backs.c.at, teach_backs.c.id)
        ).all()
