"""Answers to forms, their history, and the scores made from them."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Identity,
    Index,
    Integer,
    String,
    Table,
    Uuid,
    insert,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from care.responses import GivenAnswer, Observation, Response, ResponseMode, ResponseState
from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference
from followup.answer_alerts import EarlierAnswers

responses = Table(
    "responses",
    metadata,
    id_column(),
    Column("form_id", String(64), nullable=False),
    Column("form_version", Integer, nullable=False),
    reference("patient_id", "patients.id"),
    reference("task_id", "tasks.id", nullable=True, index=False),
    closed_set("state", ResponseState),
    Column("answers", JSONB, nullable=False, default=dict),
    Column("skipped", JSONB, nullable=False, default=dict),
    instant("started_at"),
    instant("changed_at"),
    instant("completed_at", nullable=True),
    Column("completed_by", Uuid(as_uuid=False), nullable=True),
    closed_set("completed_mode", ResponseMode, nullable=True),
    Index("ix_responses_completed", "form_id", "completed_at", postgresql_where=text("completed_at IS NOT NULL")),
    # One instance for a task, whoever begins it: agent, keys or link.
    Index("uq_responses_task_form", "task_id", "form_id", unique=True, postgresql_where=text("task_id IS NOT NULL")),
)

given_answers = Table(
    "given_answers",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    reference("response_id", "responses.id"),
    Column("link_id", String(60), nullable=False),
    Column("value", JSONB(none_as_null=True), nullable=True),
    closed_set("mode", ResponseMode),
    Column("by", Uuid(as_uuid=False), nullable=True),
    Column("relative_id", Uuid(as_uuid=False), nullable=True),
    Column("attempt_id", Uuid(as_uuid=False), nullable=True, index=True),
    instant("at"),
    Column("reason", String(500), nullable=False, default=""),
)

observations = Table(
    "observations",
    metadata,
    id_column(),
    reference("patient_id", "patients.id", index=False),
    reference("response_id", "responses.id"),
    Column("code", String(130), nullable=False),
    Column("form_version", Integer, nullable=False),
    Column("value", Float, nullable=False),
    Column("band", String(64), nullable=True),
    instant("at"),
    Index("ix_observations_patient_code", "patient_id", "code", "at"),
)

mapper_registry.map_imperatively(Response, responses)


class ResponseRepository:
    """Responses and what belongs to them."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def opened(self, response: Response) -> Response:
        """Save a new response, or give the task's own that is there already."""
        if response.task_id is not None:
            self._session.execute(
                upsert(responses)
                .values(
                    id=response.id,
                    form_id=response.form_id,
                    form_version=response.form_version,
                    patient_id=response.patient_id,
                    task_id=response.task_id,
                    state=response.state,
                    answers={},
                    skipped={},
                    started_at=response.started_at,
                    changed_at=response.changed_at,
                )
                .on_conflict_do_nothing()
            )
            found = self.of_task(response.task_id, response.form_id)
            if found is None:
                raise LookupError(f"response of task {response.task_id} was neither there nor saved")
            return found
        self._session.add(response)
        self._session.flush()
        return response

    def get(self, response_id: str) -> Response | None:
        """The response with this id."""
        return self._session.get(Response, response_id)

    def for_update(self, response_id: str) -> Response | None:
        """The response, locked until the end of the transaction."""
        return self._session.scalar(
            select(Response)
            .where(responses.c.id == response_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )

    def of_task(self, task_id: str, form_id: str) -> Response | None:
        """The task's one response to a form."""
        return self._session.scalar(
            select(Response).where(responses.c.task_id == task_id, responses.c.form_id == form_id)
        )

    def all_of_task(self, task_id: str) -> Sequence[Response]:
        """A task's responses, oldest first."""
        return self._session.scalars(
            select(Response).where(responses.c.task_id == task_id).order_by(responses.c.started_at, responses.c.id)
        ).all()

    def of_patient(self, patient_id: str, *, limit: int = 100) -> Sequence[Response]:
        """A patient's responses, newest first."""
        return self._session.scalars(
            select(Response)
            .where(responses.c.patient_id == patient_id)
            .order_by(responses.c.changed_at.desc(), responses.c.id)
            .limit(limit)
        ).all()

    def note(self, given: GivenAnswer) -> None:
        """Append one line to the history."""
        self._session.execute(insert(given_answers).values(**asdict(given)))

    def history(self, response_id: str) -> Sequence[GivenAnswer]:
        """Every answer that was given, oldest first."""
        columns = [column for column in given_answers.c if column.name != "id"]
        rows = self._session.execute(
            select(*columns).where(given_answers.c.response_id == response_id).order_by(given_answers.c.id)
        )
        return [GivenAnswer(**row) for row in rows.mappings()]

    def earlier_answers(self, patient_id: str, *, besides: str, since: datetime) -> Sequence[EarlierAnswers]:
        """What the patient answered in other responses since an instant, oldest first."""
        rows = self._session.execute(
            select(given_answers.c.link_id, given_answers.c.value, given_answers.c.at)
            .join(responses, responses.c.id == given_answers.c.response_id)
            .where(
                responses.c.patient_id == patient_id,
                responses.c.id != besides,
                given_answers.c.at >= since,
                given_answers.c.value.is_not(None),
            )
            .order_by(given_answers.c.id)
        )
        return [EarlierAnswers(at=row.at, answers={row.link_id: row.value}) for row in rows]

    def observe(self, observation: Observation) -> None:
        """Append a score."""
        self._session.execute(insert(observations).values(**asdict(observation)))

    def observations_of(self, patient_id: str, *, code: str | None = None, limit: int = 100) -> Sequence[Observation]:
        """A patient's scores, newest first."""
        query = (
            select(observations)
            .where(observations.c.patient_id == patient_id)
            .order_by(observations.c.at.desc(), observations.c.id)
            .limit(limit)
        )
        if code is not None:
            query = query.where(observations.c.code == code)
        return [Observation(**row) for row in self._session.execute(query).mappings()]
