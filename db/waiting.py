"""Waiting tasks: their lanes, and the places they take when their hour comes.

Only tasks that can be called now stand in a lane. Those whose hour is not yet come, and those of a patient who is on a
line of ours, stand nowhere, so that no claim ever walks over them.
"""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    ForeignKey,
    Row,
    String,
    Table,
    Uuid,
    and_,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, insert
from sqlalchemy.orm import Session

from db.attempts import attempts
from db.campaigns import campaigns
from db.metadata import closed_set, id_column, metadata, reference
from db.patients import patients
from db.plans import tasks
from db.queues import agents, queues
from followup.attempts import AttemptState
from followup.campaigns import CampaignState
from followup.outcomes import NOT_THE_PATIENT, REACHED_A_PERSON
from followup.plans import WISHED_OF, Task, TaskMode, TaskState
from followup.queues import DialStyle
from followup.waiting import AgentFacts, Lane, Place, Standing, WaitingFacts

lanes = Table(
    "lanes",
    metadata,
    id_column(),
    reference("queue_id", "queues.id"),
    closed_set("mode", TaskMode),
    Column("language", String(16), nullable=True),
    Column("dialect", String(40), nullable=True),
    Column("skills", JSONB, nullable=False),
    Column("agent_id", Uuid(as_uuid=False), ForeignKey("agents.id"), nullable=True),
    Column("ahead", Boolean, nullable=False, default=False),
)

_LANES = uuid.UUID("5f1d3a52-6f5e-4f0e-9a3c-2f8f0c1e7b11")
"""A lane's id is made of what it is, so that two who need the same lane at once name the same row."""

_LAST_NURSE = timedelta(days=90)
_MOVED_AT_ONCE = 1000


class WaitingRepository:
    """Tasks that wait for their call."""

    def __init__(self, session: Session) -> None:
        self._session = session

    # --- taking a place -----------------------------------------------------------------------------------------------

    def claim_to_place(self, now: datetime, limit: int) -> list[WaitingFacts]:
        """Queued tasks whose hour has come, whose patient is free and who stand in no lane yet, locked."""
        live = (
            select(attempts.c.id)
            .where(attempts.c.patient_id == tasks.c.patient_id, attempts.c.state != AttemptState.CLOSED)
            .exists()
        )
        last_nurse = (
            select(attempts.c.agent_id)
            .where(
                attempts.c.patient_id == tasks.c.patient_id,
                attempts.c.agent_id.is_not(None),
                attempts.c.outcome.in_([*(REACHED_A_PERSON - NOT_THE_PATIENT)]),
                attempts.c.reserved_at > now - _LAST_NURSE,
            )
            .order_by(attempts.c.reserved_at.desc())
            .limit(1)
            .scalar_subquery()
        )
        abandoned = (
            select(attempts.c.id)
            .where(attempts.c.patient_id == tasks.c.patient_id, attempts.c.not_ahead_until > now)
            .exists()
        )
        standing_still = select(campaigns.c.id).where(campaigns.c.state != CampaignState.RUNNING)
        rows = self._session.execute(
            select(
                tasks,
                patients.c.zone,
                patients.c.language.label("patients_language"),
                patients.c.dialect.label("patients_dialect"),
                queues.c.language.label("queues_language"),
                queues.c.dialect.label("queues_dialect"),
                queues.c.skills.label("queues_skills"),
                queues.c.same_nurse_seconds,
                last_nurse.label("last_agent_id"),
                and_(queues.c.style == DialStyle.PREDICTIVE, ~abandoned).label("ahead"),
            )
            .join(patients, patients.c.id == tasks.c.patient_id)
            .join(queues, queues.c.id == tasks.c.queue_id)
            .where(
                tasks.c.state == TaskState.QUEUED,
                tasks.c.place.is_(None),
                tasks.c.next_attempt_at <= now,
                tasks.c.latest_at >= now,
                or_(tasks.c.campaign_id.is_(None), tasks.c.campaign_id.not_in(standing_still)),
                ~live,
            )
            .order_by(tasks.c.next_attempt_at, tasks.c.id)
            .limit(limit)
            .with_for_update(of=tasks, skip_locked=True)
        ).all()
        return [_facts(row) for row in rows]

    def agents_facts(self) -> list[AgentFacts]:
        """What the choice of a lane asks of every agent."""
        return [
            AgentFacts(
                id=row.id,
                state=row.state,
                queues=tuple(row.queues),
                languages=tuple(row.languages),
                dialects=tuple(row.dialects),
            )
            for row in self._session.execute(
                select(agents.c.id, agents.c.state, agents.c.queues, agents.c.languages, agents.c.dialects)
            )
        ]

    def place(self, standings: dict[str, Standing]) -> None:
        """Put tasks into their lanes."""
        if not standings:
            return
        used = {_lane_id(standing.lane): standing.lane for standing in standings.values()}
        self._session.execute(
            insert(lanes)
            .values(
                [
                    {
                        "id": lane_id,
                        "queue_id": lane.queue_id,
                        "mode": lane.mode,
                        "language": lane.language,
                        "dialect": lane.dialect,
                        "skills": [*lane.skills],
                        "agent_id": lane.agent_id,
                        "ahead": lane.ahead,
                    }
                    for lane_id, lane in used.items()
                ]
            )
            .on_conflict_do_nothing()
        )
        placed = (
            func.unnest(
                _array([*standings], Uuid(as_uuid=False)),
                _array([_lane_id(each.lane) for each in standings.values()], Uuid(as_uuid=False)),
                _array([each.place.value for each in standings.values()], tasks.c.place.type),
                _array([each.closing_at for each in standings.values()], tasks.c.closing_at.type),
                _array([each.held_until for each in standings.values()], tasks.c.held_until.type),
            )
            .table_valued("id", "lane_id", "place", "closing_at", "held_until")
            .render_derived(name="placed")
        )
        self._session.execute(
            update(tasks)
            .where(tasks.c.id == placed.c.id)
            .values(
                lane_id=placed.c.lane_id,
                place=placed.c.place,
                closing_at=placed.c.closing_at,
                held_until=placed.c.held_until,
            )
            .execution_options(synchronize_session=False)
        )

    def move_up(self, now: datetime) -> int:
        """Tasks whose last calling day has begun go before those that have time."""
        return self._moved(and_(tasks.c.place == Place.ORDINARY, tasks.c.closing_at <= now), place=Place.CLOSING.value)

    def let_go(self, now: datetime) -> int:
        """Tasks that waited long enough for one agent leave her lane, to be placed anew."""
        return self._moved(and_(tasks.c.held_until.is_not(None), tasks.c.held_until <= now), **_NOWHERE)

    def leave_lanes_of_patients(self, patient_ids: Collection[str]) -> None:
        """Patients are on lines of ours: their other tasks step aside until these are free."""
        self._moved(and_(tasks.c.patient_id.in_([*patient_ids]), tasks.c.place.is_not(None)), **_NOWHERE)

    def leave_lanes_of_queue(self, queue_id: str) -> int:
        """What a queue demands has changed: its tasks are placed anew; how many stepped aside, no more than 1000."""
        of_queue = select(lanes.c.id).where(lanes.c.queue_id == queue_id)
        return self._moved(and_(tasks.c.lane_id.in_(of_queue), tasks.c.place.is_not(None)), **_NOWHERE)

    def leave_lanes_of_campaign(self, campaign_id: str) -> int:
        """A campaign stands still: its tasks cost no claim anything; how many stepped aside, no more than 1000."""
        return self._moved(and_(tasks.c.campaign_id == campaign_id, tasks.c.place.is_not(None)), **_NOWHERE)

    def _moved(self, which: ColumnElement[bool], **values: object) -> int:
        some = select(tasks.c.id).where(which).limit(_MOVED_AT_ONCE).with_for_update(skip_locked=True)
        done = self._session.execute(
            update(tasks)
            .where(tasks.c.id.in_(some.scalar_subquery()))
            .values(**values)
            .returning(tasks.c.id)
            .execution_options(synchronize_session=False)
        )
        return len(done.all())

    # --- looking ------------------------------------------------------------------------------------------------------

    def others_of(self, patient_id: str, besides: str, limit: int) -> Sequence[Task]:
        """A patient's other queued tasks, the most pressing first, locked, passing over those locked by others."""
        return self._session.scalars(
            select(Task)
            .where(tasks.c.patient_id == patient_id, tasks.c.state == TaskState.QUEUED, tasks.c.id != besides)
            .order_by(tasks.c.priority, tasks.c.latest_at, tasks.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        ).all()

    def owned_by(self, agent_id: str, *, limit: int = 1000) -> Sequence[Task]:
        """Open tasks that belong to one agent and are not being called, by their hour, locked."""
        return self._session.scalars(
            select(Task)
            .where(
                tasks.c.owner_id == agent_id,
                tasks.c.state.in_([TaskState.PLANNED, TaskState.DUE, TaskState.QUEUED]),
            )
            .order_by(tasks.c.next_attempt_at, tasks.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        ).all()

    def unserved(self, now: datetime) -> list[tuple[str, str, int]]:
        """Lanes with tasks that no agent at all could take: (lane, queue, how many wait)."""
        a, o = agents.alias("a"), lanes
        able = (
            select(a.c.id)
            .where(
                or_(
                    o.c.agent_id == a.c.id,
                    and_(
                        o.c.agent_id.is_(None),
                        a.c.queues.has_key(func.cast(o.c.queue_id, String)),
                        or_(o.c.language.is_(None), a.c.languages.has_key(o.c.language)),
                        or_(o.c.dialect.is_(None), a.c.dialects.has_key(o.c.dialect)),
                        a.c.skills.contains(o.c.skills),
                    ),
                )
            )
            .exists()
        )
        rows = self._session.execute(
            select(o.c.id, o.c.queue_id, func.count(tasks.c.id))
            .join(tasks, and_(tasks.c.lane_id == o.c.id, tasks.c.place.is_not(None), tasks.c.latest_at >= now))
            .where(o.c.mode == TaskMode.AGENT, ~able)
            .group_by(o.c.id, o.c.queue_id)
        )
        return [(row[0], row[1], row[2]) for row in rows]

    def lane(self, lane_id: str) -> Lane | None:
        """What the tasks of a lane demand of whoever takes them."""
        row = self._session.execute(select(lanes).where(lanes.c.id == lane_id)).one_or_none()
        if row is None:
            return None
        return Lane(
            queue_id=row.queue_id,
            mode=row.mode,
            language=row.language,
            dialect=row.dialect,
            skills=tuple(row.skills),
            agent_id=row.agent_id,
            ahead=row.ahead,
        )

    def page(
        self,
        *,
        queue_id: str | None = None,
        state: TaskState | None = None,
        patient_id: str | None = None,
        owner_id: str | None = None,
        in_line: bool | None = None,
        after: str | None = None,
        limit: int,
    ) -> Sequence[Task]:
        """Tasks in order of id, from behind `after`; `in_line` are those that could be called now."""
        query = select(Task).order_by(tasks.c.id).limit(limit)
        for column, wanted in (
            (tasks.c.queue_id, queue_id),
            (tasks.c.state, state),
            (tasks.c.patient_id, patient_id),
            (tasks.c.owner_id, owner_id),
        ):
            if wanted is not None:
                query = query.where(column == wanted)
        if in_line is not None:
            query = query.where(tasks.c.place.is_not(None) if in_line else tasks.c.place.is_(None))
        if after:
            query = query.where(tasks.c.id > after)
        return self._session.scalars(query).all()

    def for_update(self, task_ids: Collection[str]) -> Sequence[Task]:
        """These tasks in order of id, locked, passing over those locked by others."""
        return self._session.scalars(
            select(Task)
            .where(tasks.c.id.in_([*task_ids]))
            .order_by(tasks.c.id)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        ).all()


_NOWHERE: dict[str, object] = {"lane_id": None, "place": None, "closing_at": None, "held_until": None}


def _array(values: Sequence[object], of: object) -> object:
    return func.cast(values, ARRAY(of))  # type: ignore[arg-type]


def _lane_id(lane: Lane) -> str:
    parts = [lane.queue_id, lane.mode.value, lane.language, lane.dialect, *lane.skills, "|", lane.agent_id]
    parts += ["ahead"] * lane.ahead
    return str(uuid.uuid5(_LANES, "\x1f".join(part or "" for part in parts)))


def _facts(row: Row[tuple[object, ...]]) -> WaitingFacts:
    return WaitingFacts(
        task_id=row.id,
        queue_id=row.queue_id,
        mode=row.mode,
        priority=row.priority,
        latest_at=row.latest_at,
        next_attempt_at=row.next_attempt_at,
        language=row.language or row.queues_language,
        dialect=row.dialect or row.queues_dialect,
        skills=(*row.queues_skills, *row.skills),
        patients_language=row.patients_language,
        patients_dialect=row.patients_dialect,
        zone=row.zone,
        owner_id=row.owner_id,
        owner_until=row.owner_until,
        last_agent_id=row.variables.get(WISHED_OF) or row.last_agent_id,
        same_nurse=timedelta(seconds=row.same_nurse_seconds),
        ahead=row.ahead
        and row.language in (None, row.queues_language)
        and row.dialect in (None, row.queues_dialect)
        and not row.skills,
    )
