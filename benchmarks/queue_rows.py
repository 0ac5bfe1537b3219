"""What waits in each engine's database before it is measured: rows of one queue, made by the server itself."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from sqlalchemy import URL

from db.engine import make_engine
from db.unit_of_work import UnitsOfWork
from followup.plans import TaskMode
from followup.queues import DialStyle
from followup.waiting import Lane, Place, Standing
from tests.support.builders import a_patient, a_queue, a_task, an_agent

AGENTS = 200
PATIENTS = 500
NODE = "node-1"

RAW_CLAIM: LiteralString = """
    WITH task AS MATERIALIZED (
        SELECT id FROM tasks WHERE queue = 1 AND state = 0
        ORDER BY place, priority, due_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
    ), agent AS MATERIALIZED (
        SELECT id FROM agents WHERE state = 0 ORDER BY state_since LIMIT 1 FOR UPDATE SKIP LOCKED
    ), reserved AS (
        UPDATE agents SET state = 1 FROM agent WHERE agents.id = agent.id
    )
    UPDATE tasks SET state = 1 FROM task, agent WHERE tasks.id = task.id RETURNING tasks.id, agent.id
"""

_RAW_CLAIMS: LiteralString = """
    WITH task AS MATERIALIZED (
        SELECT id FROM tasks WHERE queue = 1 AND state = 0
        ORDER BY place, priority, due_at, id LIMIT {many} FOR UPDATE SKIP LOCKED
    ), agent AS MATERIALIZED (
        SELECT id FROM agents WHERE state = 0 ORDER BY state_since LIMIT {many} FOR UPDATE SKIP LOCKED
    ), pair AS MATERIALIZED (
        SELECT task.id AS task_id, agent.id AS agent_id
        FROM (SELECT id, row_number() OVER () AS turn FROM task) task
        JOIN (SELECT id, row_number() OVER () AS turn FROM agent) agent USING (turn)
    ), reserved AS (
        UPDATE agents SET state = 1 FROM pair WHERE agents.id = pair.agent_id
    )
    UPDATE tasks SET state = 1 FROM pair WHERE tasks.id = pair.task_id RETURNING tasks.id, pair.agent_id
"""

Connection = psycopg.Connection[Any]


def raw_claims(many: int) -> sql.Composed:
    """The barest claim of so many rows for so many agents at once."""
    return sql.SQL(_RAW_CLAIMS).format(many=sql.Literal(many))


def _fill_ours(connection: Connection, rows: int) -> None:
    """Copies of one waiting task, of many patients; a tenth as many rows again whose hour is not yet come."""
    units = UnitsOfWork(make_engine(_url_of(connection), pool_size=1))
    with units() as uow:
        queue = a_queue(uow, style=DialStyle.PREVIEW)
        patients = [a_patient(uow, purposes=()).id for _ in range(PATIENTS)]
        for _ in range(AGENTS):
            an_agent(uow, queue, node=NODE, heartbeat_at=uow.now + timedelta(days=1))
        task = a_task(uow, a_patient(uow, purposes=()), queue, latest_at=uow.now + timedelta(days=30))
        uow.waiting.place({task.id: _standing(queue.id, uow.now)})
        uow.commit()
    units.engine.dispose()
    _copy(connection, task.id, patients, rows, in_line=True)
    _copy(connection, task.id, patients, rows // 10, in_line=False)


def _copy(connection: Connection, task_id: str, patients: Sequence[str], many: int, *, in_line: bool) -> None:
    """Whatever columns a task has, by one statement of the server."""
    own = {
        "id": sql.SQL("gen_random_uuid()"),
        # By chance, as it were: tasks of one patient do not stand in a row, nor never side by side.
        "patient_id": sql.SQL("(%(patients)s::uuid[])[1 + (hashint4(n::int) & 65535) %% {}]").format(len(patients)),
        "priority": sql.SQL("10 + n %% 80"),
    }
    if in_line:
        own["place"] = sql.SQL("1 + n %% 2")
        own["next_attempt_at"] = sql.SQL("now() - make_interval(secs => n %% 100000)")
    else:
        own |= dict.fromkeys(("place", "lane_id", "closing_at"), sql.SQL("NULL"))
        own["next_attempt_at"] = sql.SQL("now() + interval '1 day'")
    names = [
        row[0]
        for row in connection.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = 'tasks'::regclass AND attnum > 0 AND NOT attisdropped"
        )
    ]
    connection.execute(
        sql.SQL(
            "INSERT INTO tasks ({}) SELECT {} FROM tasks t CROSS JOIN generate_series(1, %(many)s) n"
            " WHERE t.id = %(task)s"
        ).format(
            sql.SQL(", ").join(map(sql.Identifier, names)),
            sql.SQL(", ").join(own.get(name, sql.Identifier("t", name)) for name in names),
        ),
        {"patients": [*patients], "many": many, "task": task_id},
    )


def _url_of(connection: Connection) -> str:
    info = connection.info
    return URL.create(
        "postgresql+psycopg",
        username=info.user,
        password=info.password,
        database=info.dbname,
        query={"host": info.host, "port": str(info.port)},
    ).render_as_string(hide_password=False)


def _standing(queue_id: str, now: datetime) -> Standing:
    return Standing(
        lane=Lane(queue_id=queue_id, mode=TaskMode.AGENT, language="zh"),
        place=Place.ORDINARY,
        closing_at=now + timedelta(days=29),
    )


def _fill_raw(connection: Connection, rows: int) -> None:
    connection.execute(
        "CREATE TABLE tasks (id uuid PRIMARY KEY, queue int NOT NULL, state smallint NOT NULL, place smallint NOT NULL,"
        " priority int NOT NULL, due_at timestamptz NOT NULL)"
    )
    connection.execute("CREATE TABLE agents (id uuid PRIMARY KEY, state smallint NOT NULL, state_since timestamptz)")
    connection.execute(
        "INSERT INTO tasks SELECT gen_random_uuid(), 1, 0, 1 + n %% 2, 10 + n %% 80,"
        " now() - make_interval(secs => n %% 100000) FROM generate_series(1, %s) n",
        [rows],
    )
    connection.execute("INSERT INTO agents SELECT gen_random_uuid(), 0, now() FROM generate_series(1, %s) n", [AGENTS])
    connection.execute("CREATE INDEX ON tasks (queue, place, priority, due_at, id) WHERE state = 0")
    connection.execute("CREATE INDEX ON agents (state_since) WHERE state = 0")


def _fill_procrastinate(connection: Connection, rows: int) -> None:
    from procrastinate.schema import SchemaManager

    connection.execute(SchemaManager.get_schema().encode())
    connection.execute("ALTER TABLE procrastinate_jobs DISABLE TRIGGER USER")
    connection.execute(
        "INSERT INTO procrastinate_jobs (queue_name, task_name, priority)"
        " SELECT 'calls', 'call', n %% 80 FROM generate_series(1, %s) n",
        [rows],
    )
    connection.execute("ALTER TABLE procrastinate_jobs ENABLE TRIGGER USER")


def _fill_pgqueuer(connection: Connection, rows: int) -> None:
    from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment

    connection.execute(QueryBuilderEnvironment().build_install_query().encode())
    connection.execute("ALTER TABLE pgqueuer DISABLE TRIGGER USER")
    connection.execute(
        "INSERT INTO pgqueuer (priority, status, entrypoint, execute_after)"
        " SELECT n %% 80, 'queued', 'calls', now() - interval '1 minute' FROM generate_series(1, %s) n",
        [rows],
    )
    connection.execute("ALTER TABLE pgqueuer ENABLE TRIGGER USER")


FILLING: Mapping[str, Callable[[Connection, int], None]] = {
    "ours": _fill_ours,
    "raw": _fill_raw,
    "procrastinate": _fill_procrastinate,
    "pgqueuer": _fill_pgqueuer,
}
