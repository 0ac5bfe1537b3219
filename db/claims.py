"""The statements that give waiting tasks away, and the one that takes back what was given in vain."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import CursorResult, Select, Table, any_, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from care.patients import Patient
from db.attempts import attempts
from db.patients import patients
from db.plans import tasks
from db.queues import agents, queues
from db.waiting import lanes
from followup.attempts import AttemptState
from followup.plans import Task, TaskMode, TaskState, TaskTrigger, next_task_state
from followup.queues import HEARTBEAT_LIMIT, Agent, AgentState, AgentTrigger, HeadsetState, next_agent_state
from followup.waiting import Place

_Row = TypeVar("_Row")

_TAKEN = next_task_state(TaskState.QUEUED, TaskTrigger.RESERVE)
_RESERVED = next_agent_state(AgentState.AVAILABLE, AgentTrigger.RESERVE)

_SERVES = """
    ({lane}.agent_id = a.id OR (
        {lane}.agent_id IS NULL
        AND a.queues ? {lane}.queue_id::text
        AND ({lane}.language IS NULL OR a.languages ? {lane}.language)
        AND ({lane}.dialect IS NULL OR a.dialects ? {lane}.dialect)
        AND a.skills @> {lane}.skills))
"""


@cache
def _for_agents(many: int, *, any_agent: bool) -> str:
    """Takes up to so many pairs: the agents who waited longest, each with the first task of all her lanes.

    Agents choose one after the other, as if each were asked by itself, and no two are given the same patient. Where a
    lane's first tasks are of few patients, fewer pairs are made (`most`): what stands behind them was not looked at,
    and could come before another lane's. Both rows of a pair are locked before it is made, and are taken in this one
    statement, or neither. Rows that somebody else holds are passed over: with `any_agent` no agent is left out because
    others hold all that those before her could take. What a lane's index still keeps of tasks that were taken from its
    head is walked once, to the first that waits; locking begins there.

    The numbers are written into the text: only so does the server see that one plan serves every turn.
    """
    statement = f"""
    WITH RECURSIVE open_lanes AS MATERIALIZED (
        SELECT l.id, l.queue_id, l.language, l.dialect, l.skills, l.agent_id,
               head.place, head.priority, head.next_attempt_at, head.id AS head_id
        FROM lanes l JOIN queues q ON q.id = l.queue_id
        CROSS JOIN LATERAL (
            SELECT t.place, t.priority, t.next_attempt_at, t.id
            FROM tasks t
            WHERE t.lane_id = l.id AND t.place IS NOT NULL AND t.latest_at >= %(now)s
              AND t.id <> ALL(%(besides)s::uuid[])
            ORDER BY t.place, t.priority, t.next_attempt_at, t.id
            LIMIT 1
        ) head
        WHERE l.mode = '{TaskMode.AGENT.value}' AND NOT q.paused AND NOT l.ahead
    ), free AS MATERIALIZED (
        SELECT a.id, a.state_since, a.state_reason, a.queues, a.languages, a.dialects, a.skills
        FROM agents a
        WHERE a.state = '{AgentState.AVAILABLE.value}' AND a.headset_state = '{HeadsetState.UP.value}'
          AND a.headset_lost_at IS NULL AND a.heartbeat_at > %(heard_since)s AND a.kept_for IS NULL
          AND a.headset_node = ANY(%(nodes)s::text[])
          AND (SELECT true FROM open_lanes o WHERE {_SERVES.format(lane="o")} LIMIT 1)
        ORDER BY a.state_since, a.id
        {"" if any_agent else f"LIMIT {many:d}"}
        FOR UPDATE OF a SKIP LOCKED
    ), standing AS MATERIALIZED (
        SELECT t.*, o.queue_id, o.language, o.dialect, o.skills, o.agent_id
        FROM open_lanes o CROSS JOIN LATERAL (
            SELECT t.id, t.patient_id, t.lane_id, t.place, t.priority, t.next_attempt_at, t.closing_at, t.held_until
            FROM tasks t
            WHERE t.lane_id = o.id AND t.place IS NOT NULL AND t.latest_at >= %(now)s
              AND t.id <> ALL(%(besides)s::uuid[])
              AND (t.place, t.priority, t.next_attempt_at, t.id)
                  >= (o.place, o.priority, o.next_attempt_at, o.head_id)
            ORDER BY t.place, t.priority, t.next_attempt_at, t.id
            LIMIT {many:d}
            FOR UPDATE SKIP LOCKED
        ) t
        WHERE EXISTS (SELECT FROM free a WHERE {_SERVES.format(lane="o")})
    ), most AS MATERIALIZED (
        SELECT min(of_lane.patients) AS pairs
        FROM (SELECT count(DISTINCT s.patient_id) AS patients FROM standing s
              GROUP BY s.lane_id HAVING count(*) = {many:d}) of_lane
    ), turns AS MATERIALIZED (
        SELECT row_number() OVER (ORDER BY a.state_since, a.id) AS turn, a.* FROM free a
    ), pairs (turn, agent_id, state_since, state_reason, task_id, lane_id, place, closing_at, held_until, patients) AS (
        SELECT 0::bigint, NULL::uuid, NULL::timestamptz, NULL::text,
               NULL::uuid, NULL::uuid, NULL::smallint, NULL::timestamptz, NULL::timestamptz, ARRAY[]::uuid[]
        UNION ALL
        SELECT a.turn, a.id, a.state_since, a.state_reason, t.id, t.lane_id, t.place, t.closing_at, t.held_until,
               CASE WHEN t.id IS NULL THEN p.patients ELSE p.patients || t.patient_id END
        FROM pairs p JOIN turns a ON a.turn = p.turn + 1
        LEFT JOIN LATERAL (
            SELECT s.* FROM standing s
            WHERE s.patient_id <> ALL(p.patients) AND {_SERVES.format(lane="s")}
            ORDER BY s.place, s.priority, s.next_attempt_at, s.id
            LIMIT 1
        ) t ON true
        WHERE cardinality(p.patients) < (SELECT coalesce(most.pairs, {many:d}) FROM most)
    ), reserved AS (
        UPDATE agents SET state = '{_RESERVED.value}', state_since = %(now)s, state_reason = ''
        WHERE agents.id = ANY (ARRAY(SELECT agent_id FROM pairs WHERE task_id IS NOT NULL))
    )
    UPDATE tasks SET state = '{_TAKEN.value}', lane_id = NULL, place = NULL, closing_at = NULL, held_until = NULL
    FROM pairs WHERE tasks.id = pairs.task_id
    RETURNING pairs.turn, pairs.task_id, pairs.lane_id, pairs.place, pairs.closing_at, pairs.held_until,
              pairs.agent_id, pairs.state_since, pairs.state_reason
    """  # noqa: S608 only our own closed sets and numbers are written into it
    return " ".join(statement.split())  # the driver takes a text apart anew each time if it is longer than 4096


def _for_line(lanes_asked: str) -> str:
    return f"""
    WITH next AS MATERIALIZED (
        SELECT t.*
        FROM lanes l JOIN queues q ON q.id = l.queue_id AND NOT q.paused
        CROSS JOIN LATERAL (
            SELECT t.id, t.lane_id, t.place, t.priority, t.next_attempt_at, t.closing_at, t.held_until
            FROM tasks t
            WHERE t.lane_id = l.id AND t.place > {Place.URGENT.value} AND t.latest_at >= %(now)s
              AND t.id <> ALL(%(besides)s::uuid[])
            ORDER BY t.place, t.priority, t.next_attempt_at, t.id
            LIMIT 1
            FOR UPDATE SKIP LOCKED
        ) t
        WHERE {lanes_asked} AND l.queue_id = %(queue)s
        ORDER BY t.place, t.priority, t.next_attempt_at, t.id
        LIMIT 1
    )
    UPDATE tasks SET state = '{_TAKEN.value}', lane_id = NULL, place = NULL, closing_at = NULL, held_until = NULL
    FROM next WHERE tasks.id = next.id
    RETURNING 1, next.id, next.lane_id, next.place, next.closing_at, next.held_until, NULL, NULL, NULL
    """  # noqa: S608


_FOR_LINE = _for_line(f"l.mode = '{TaskMode.AUTOMATED.value}'")
_AHEAD = _for_line(f"l.mode = '{TaskMode.AGENT.value}' AND l.ahead")

_GIVE_BACK = f"""
    WITH agent AS (
        UPDATE agents SET state = '{AgentState.AVAILABLE.value}', state_since = g.since, state_reason = g.reason
        FROM unnest(%(agents)s::uuid[], %(sinces)s::timestamptz[], %(reasons)s::text[]) g (id, since, reason)
        WHERE agents.id = g.id
    )
    UPDATE tasks SET state = '{TaskState.QUEUED.value}', lane_id = g.lane_id, place = g.place,
           closing_at = g.closing_at, held_until = g.held_until
    FROM unnest(%(tasks)s::uuid[], %(lanes)s::uuid[], %(places)s::smallint[], %(closings)s::timestamptz[],
                %(holds)s::timestamptz[]) g (id, lane_id, place, closing_at, held_until)
    WHERE tasks.id = g.id
    """  # noqa: S608


@dataclass(frozen=True, slots=True, kw_only=True)
class Stood:
    """Where a task stood and since when its agent waited, before both were claimed."""

    lane_id: str
    place: int
    closing_at: datetime | None
    held_until: datetime | None
    state_since: datetime | None
    state_reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A task that is ours now, in progress, and the agent reserved for it; None where a machine speaks."""

    task_id: str
    agent_id: str | None
    stood: Stood = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedRows:
    """Tasks, agents and patients of claims, by their ids."""

    tasks: Mapping[str, Task]
    agents: Mapping[str, Agent]
    patients: Mapping[str, Patient]


class ClaimRepository:
    """Taking the tasks whose turn it is."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def for_agents(
        self, now: datetime, *, nodes: Collection[str], limit: int = 1, besides: Collection[str] = ()
    ) -> list[Claim]:
        """Take tasks for the agents who wait longest, all in one statement, the longest waiting first.

        Empty if nobody or nothing waits; fewer than `limit` does not mean that no more wait. `nodes` are the telephony
        nodes that live; tasks in `besides` were refused in this turn.
        """
        values = {"now": now, "heard_since": now - HEARTBEAT_LIMIT, "nodes": [*nodes], "besides": _uuids(besides)}
        return self._taken(_for_agents(limit, any_agent=False), values) or self._taken(
            _for_agents(limit, any_agent=True), values
        )

    def for_line(self, queue_id: str, now: datetime, *, besides: Collection[str] = ()) -> Claim | None:
        """Take the first automated task of a queue; what is urgent is never given to a machine."""
        return self._one(_FOR_LINE, queue_id, now, besides)

    def ahead_of_agents(self, queue_id: str, now: datetime, *, besides: Collection[str] = ()) -> Claim | None:
        """Take the first task of a queue that may be dialed before an agent is free for it."""
        return self._one(_AHEAD, queue_id, now, besides)

    def give_back(self, claims: Sequence[Claim]) -> Mapping[str, Task]:
        """Undo claims of this transaction: tasks stand where they stood, agents wait since when they waited; the tasks.

        Both are read anew, so that nobody sees them as they were while they were claimed.
        """
        held = [claim for claim in claims if claim.agent_id is not None]
        self._driver(
            _GIVE_BACK,
            {
                "agents": _uuids([claim.agent_id for claim in claims if claim.agent_id is not None]),
                "sinces": [claim.stood.state_since for claim in held],
                "reasons": [claim.stood.state_reason for claim in held],
                "tasks": _uuids([claim.task_id for claim in claims]),
                "lanes": _uuids([claim.stood.lane_id for claim in claims]),
                "places": [claim.stood.place for claim in claims],
                "closings": [claim.stood.closing_at for claim in claims],
                "holds": [claim.stood.held_until for claim in claims],
            },
        )
        self._agents(claims)
        return self._tasks(claims)

    def rows(self, claims: Sequence[Claim]) -> ClaimedRows:
        """What was claimed, and the patients, locked; those whom somebody else is just calling are left out."""
        claimed = self._tasks(claims)
        called = self._read(
            select(Patient).with_for_update(skip_locked=True, key_share=True),
            patients,
            [task.patient_id for task in claimed.values()],
        )
        return ClaimedRows(
            tasks=claimed, agents=self._agents(claims), patients={patient.id: patient for patient in called}
        )

    def _tasks(self, claims: Sequence[Claim]) -> Mapping[str, Task]:
        found = self._read(select(Task), tasks, [claim.task_id for claim in claims])
        return {task.id: task for task in found}

    def _agents(self, claims: Sequence[Claim]) -> Mapping[str, Agent]:
        ids = [claim.agent_id for claim in claims if claim.agent_id is not None]
        return {agent.id: agent for agent in self._read(select(Agent), agents, ids)} if ids else {}

    def _read(self, query: Select[_Row], table: Table, ids: Sequence[str]) -> Sequence[_Row]:
        some = query.where(table.c.id == any_(literal(ids, ARRAY(table.c.id.type))))
        return self._session.scalars(some.execution_options(populate_existing=True)).all()

    def free_lines(self, now: datetime) -> dict[str, int]:
        """Automated queues with work and the lines each may still use; the queues are locked until they were used.

        Locked before the lines are counted: of two who count at once one would give away a line too many.
        """
        work = (
            select(tasks.c.id)
            .where(tasks.c.lane_id == lanes.c.id, tasks.c.place > Place.URGENT, tasks.c.latest_at >= now)
            .exists()
        )
        working = select(lanes.c.queue_id).where(lanes.c.mode == TaskMode.AUTOMATED, work)
        free: dict[str, int] = {
            row.id: row.lines
            for row in self._session.execute(
                select(queues.c.id, queues.c.lines)
                .where(queues.c.id.in_(working), queues.c.paused.is_(False))
                .order_by(queues.c.id)
                .with_for_update(skip_locked=True, key_share=True)
            )
        }
        if not free:
            return free
        for queue_id, live in self._session.execute(
            select(attempts.c.queue_id, func.count())
            .where(attempts.c.queue_id.in_(free), attempts.c.state != AttemptState.CLOSED)
            .group_by(attempts.c.queue_id)
        ):
            free[queue_id] -= live
        return free

    def _one(self, statement: str, queue_id: str, now: datetime, besides: Collection[str]) -> Claim | None:
        taken = self._taken(statement, {"queue": queue_id, "now": now, "besides": _uuids(besides)})
        return taken[0] if taken else None

    def _taken(self, statement: str, values: dict[str, object]) -> list[Claim]:
        return [_claim(*row[1:]) for row in sorted(self._driver(statement, values).all(), key=lambda row: row[0])]

    def _driver(self, statement: str, values: dict[str, object]) -> CursorResult[*tuple[Any, ...]]:
        """A statement that goes to the server as it is written: a claim is made for every call."""
        self._session.flush()
        return self._session.connection().exec_driver_sql(statement, values)


def _claim(
    task_id: uuid.UUID,
    lane_id: uuid.UUID,
    place: int,
    closing_at: datetime | None,
    held_until: datetime | None,
    agent_id: uuid.UUID | None,
    since: datetime | None,
    reason: str | None,
) -> Claim:
    return Claim(
        task_id=str(task_id),
        agent_id=str(agent_id) if agent_id is not None else None,
        stood=Stood(
            lane_id=str(lane_id),
            place=place,
            closing_at=closing_at,
            held_until=held_until,
            state_since=since,
            state_reason=reason,
        ),
    )


def _uuids(ids: Collection[str]) -> list[uuid.UUID]:
    return [uuid.UUID(each) for each in ids]
