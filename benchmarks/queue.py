"""How fast waiting tasks are claimed: `python -m benchmarks.queue --json`, small with `--rows 1000`.

Four claimers, every transaction durable, in one PostgreSQL with its usual settings. Each engine has a database of its
own there, and the engines claim in short turns, one after the other, so that whatever else the machine does meets all.
Raw is the barest statement that takes one row of a queue and reserves one agent; it claims as many in a transaction as
ours beside it, one after the other, and (raw_together, which no goal speaks of) as many in one statement.
procrastinate and pgqueuer fetch a job, which reserves nobody.
"""

import argparse
import asyncio
import multiprocessing
import os
import statistics
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Barrier
from pathlib import Path

import psutil
import psycopg
from psycopg import sql
from sqlalchemy import make_url

from benchmarks.queue_rows import FILLING, NODE, RAW_CLAIM, raw_claims
from benchmarks.row import Row, print_rows
from db.engine import make_engine
from db.migrate import upgrade
from db.unit_of_work import UnitsOfWork
from runtime.embedded import ensure_engines
from runtime.postgres_server import libpq_url
from runtime.settings import Settings
from scheduler.dialer import MATCHED_AT_ONCE

CLAIMERS = 4
PEERS = ("raw", "raw_together", "procrastinate", "pgqueuer")
WARM = 8
"""So often a claimer claims for nothing first: its statements are prepared, as those of a process that runs are."""

GOAL = "goal: at least 0.8 of raw"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One run of one engine."""

    claims_per_s: float
    p50_ms: float
    p99_ms: float
    client_us: float
    server_us: float
    claims: int

    def __str__(self) -> str:
        return (
            f"{self.claims_per_s:.0f} claims/s, p50 {self.p50_ms:.2f} ms, p99 {self.p99_ms:.2f} ms, CPU "
            f"{self.client_us:.0f} + {self.server_us:.0f} us a claim (client + server)"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """What one claimer saw."""

    seconds: list[float]
    client_cpu: float
    server_cpu: float
    ids: list[str]


def say(text: str) -> None:
    """Progress, on stderr."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} load {os.getloadavg()[0]:.1f}: {text}\n")


class _Clock:
    """Times claims and counts the processor time of this process and of its server's process while they last."""

    def __init__(self, backend: int) -> None:
        self.seconds: list[float] = []
        self.client_cpu = self.server_cpu = 0.0
        self._backend = psutil.Process(backend)

    @contextmanager
    def claiming(self, many: int = 1) -> Iterator[None]:
        """Around so many claims; each of them took its share."""
        began, own = time.perf_counter(), time.process_time()
        yield
        self.seconds += [(time.perf_counter() - began) / many] * many
        self.client_cpu += time.process_time() - own

    def server(self) -> float:
        """The seconds of processor that the server has spent for us so far."""
        spent = self._backend.cpu_times()
        return float(spent.user + spent.system)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Times:
    """When one engine's claimers have their turns: every engine claims for a moment, then the next, round and round."""

    ready: Barrier
    begin: "Synchronized[float]"
    length: float
    rounds: int
    slot: int
    slots: int
    quota: int

    def turns(self, clock: _Clock) -> Iterator[float]:
        """Wait for each turn and tell when it is over; what the server spends in it is counted."""
        self.ready.wait()  # everybody is connected
        self.ready.wait()  # the hour is set
        for number in range(self.rounds):
            begins = self.begin.value + (number * self.slots + self.slot) * self.length
            time.sleep(max(0.0, begins - time.monotonic()))
            server = clock.server()
            yield begins + self.length
            clock.server_cpu += clock.server() - server

    def goes_on(self, clock: _Clock, until: float) -> bool:
        """True until the turn is over or this claimer's share of the rows is used up."""
        return time.monotonic() < until and len(clock.seconds) < self.quota


def _claim_ours(url: str, times: _Times, *, turn: int) -> _Part:
    """As the scheduler does it: a unit of work, its clock, the claims of a turn, the commit. Then agents are free."""
    engine = make_engine(url, pool_size=1, application="benchmark")
    units = UnitsOfWork(engine)
    ids: list[str] = []
    with psycopg.connect(libpq_url(url), autocommit=True) as beside:
        with engine.connect() as first:
            backend = first.connection.driver_connection.info.backend_pid  # type: ignore[union-attr]
        clock = _Clock(backend)
        for _ in range(WARM):
            with units() as warm:
                warm.claims.for_agents(warm.now, nodes=["nobody"], limit=turn)
        for until in times.turns(clock):
            while times.goes_on(clock, until):
                with clock.claiming(turn), units() as uow:
                    claims = uow.claims.for_agents(uow.now, nodes=[NODE], limit=turn)
                    while 0 < len(claims) < turn and (left := turn - len(claims)):  # no patient twice in one statement
                        claims += uow.claims.for_agents(uow.now, nodes=[NODE], limit=left)
                    uow.commit()
                ids += [claim.task_id for claim in claims]
                if len(claims) < turn:
                    raise RuntimeError("nothing was claimed although tasks and agents wait")
                beside.execute(
                    "UPDATE agents SET state = 'available', state_since = clock_timestamp() WHERE id = ANY(%s::uuid[])",
                    [[claim.agent_id for claim in claims]],
                )
    return _part(clock, ids)


def _claim_raw(url: str, times: _Times, *, turn: int) -> _Part:
    """The barest claim there is; several in a transaction where ours claims several."""
    ids: list[str] = []
    with (
        psycopg.connect(libpq_url(url), autocommit=True) as connection,
        psycopg.connect(libpq_url(url), autocommit=True) as beside,
    ):
        clock = _Clock(connection.info.backend_pid)
        for _ in range(WARM):
            with connection.transaction(force_rollback=True):
                connection.execute(RAW_CLAIM)
        for until in times.turns(clock):
            while times.goes_on(clock, until):
                with clock.claiming(turn), connection.transaction() if turn > 1 else nullcontext():
                    rows = [connection.execute(RAW_CLAIM).fetchone() for _ in range(turn)]
                claimed = [row for row in rows if row is not None]
                if len(claimed) < turn:
                    raise RuntimeError("nothing was claimed although rows and agents wait")
                ids += [str(row[0]) for row in claimed]
                beside.execute(
                    "UPDATE agents SET state = 0, state_since = clock_timestamp() WHERE id = ANY(%s)",
                    [[row[1] for row in claimed]],
                )
    return _part(clock, ids)


def _claim_raw_together(url: str, times: _Times, *, turn: int) -> _Part:
    """As many as ours takes by one statement, taken by one as well."""
    ids: list[str] = []
    statement = raw_claims(turn)
    with (
        psycopg.connect(libpq_url(url), autocommit=True) as connection,
        psycopg.connect(libpq_url(url), autocommit=True) as beside,
    ):
        clock = _Clock(connection.info.backend_pid)
        for _ in range(WARM):
            with connection.transaction(force_rollback=True):
                connection.execute(statement)
        for until in times.turns(clock):
            while times.goes_on(clock, until):
                with clock.claiming(turn):
                    claimed = connection.execute(statement).fetchall()
                if len(claimed) < turn:
                    raise RuntimeError("too little was claimed although rows and agents wait")
                ids += [str(row[0]) for row in claimed]
                beside.execute(
                    "UPDATE agents SET state = 0, state_since = clock_timestamp() WHERE id = ANY(%s)",
                    [[row[1] for row in claimed]],
                )
    return _part(clock, ids)


def _claim_procrastinate(url: str, times: _Times) -> _Part:
    from procrastinate.manager import JobManager
    from procrastinate.psycopg_connector import PsycopgConnector

    async def run() -> _Part:
        connector = PsycopgConnector(conninfo=libpq_url(url), min_size=1, max_size=1)
        await connector.open_async()
        try:
            jobs = JobManager(connector)
            worker = await jobs.register_worker()
            backend = (await connector.execute_query_one_async("SELECT pg_backend_pid() AS pid"))["pid"]

            async def fetch() -> str:
                job = await jobs.fetch_job(["calls"], worker_id=worker)
                return str(job.id) if job else ""

            return await _timed(fetch, backend, times)
        finally:
            await connector.close_async()

    return asyncio.run(run())


def _claim_pgqueuer(url: str, times: _Times) -> _Part:
    from pgqueuer.queries import EntrypointExecutionParameter, Queries

    async def run() -> _Part:
        async with await psycopg.AsyncConnection.connect(libpq_url(url), autocommit=True) as connection:
            queries = Queries.from_psycopg_connection(connection)
            manager = uuid.uuid4()
            calls = {"calls": EntrypointExecutionParameter(0)}

            async def fetch() -> str:
                found = await queries.dequeue(1, calls, manager, None, timedelta(seconds=30))  # type: ignore[arg-type]
                return str(found[0].id) if found else ""

            return await _timed(fetch, connection.info.backend_pid, times)

    return asyncio.run(run())


async def _timed(fetch: Callable[[], Awaitable[str]], backend: int, times: _Times) -> _Part:
    clock, ids = _Clock(backend), []
    for until in times.turns(clock):
        while times.goes_on(clock, until):
            with clock.claiming():
                ids.append(await fetch())
            if not ids[-1]:
                raise RuntimeError("nothing was fetched although jobs wait")
    return _part(clock, ids)


def _part(clock: _Clock, ids: list[str]) -> _Part:
    return _Part(seconds=clock.seconds, client_cpu=clock.client_cpu, server_cpu=clock.server_cpu, ids=ids)


CLAIMING: dict[str, Callable[[str, _Times], _Part]] = {
    "ours": partial(_claim_ours, turn=MATCHED_AT_ONCE),
    "raw": partial(_claim_raw, turn=MATCHED_AT_ONCE),
    "raw_together": partial(_claim_raw_together, turn=MATCHED_AT_ONCE),
    "ours_alone": partial(_claim_ours, turn=1),
    "raw_alone": partial(_claim_raw, turn=1),
    "procrastinate": _claim_procrastinate,
    "pgqueuer": _claim_pgqueuer,
}
"""Ours and raw in turns of several claims to a transaction, as the scheduler claims, and of one; peers fetch one."""


def _claimer(engine: str, url: str, times: _Times, answers: "multiprocessing.Queue[tuple[str, object]]") -> None:
    try:
        answers.put((engine, CLAIMING[engine](url, times)))
    except Exception as error:  # noqa: BLE001 whatever a peer fails by is its row's reason
        times.ready.abort()
        answers.put((engine, f"{type(error).__name__}: {error}"))


def run_turns(urls: Mapping[str, str], *, length: float, rounds: int, size: int) -> dict[str, Figures]:
    """Four processes of each engine claim by turns; RuntimeError if one fails or a row was given away twice."""
    context = multiprocessing.get_context("spawn")
    ready, answers = context.Barrier(CLAIMERS * len(urls) + 1), context.Queue()
    begin = context.Value("d", 0.0)
    processes = []
    for slot, (engine, url) in enumerate(urls.items()):
        sharing = sum(other == url for other in urls.values())
        quota = int(size * 0.9 / CLAIMERS / sharing) - MATCHED_AT_ONCE
        times = _Times(ready=ready, begin=begin, length=length, rounds=rounds, slot=slot, slots=len(urls), quota=quota)
        processes += [context.Process(target=_claimer, args=(engine, url, times, answers)) for _ in range(CLAIMERS)]
    for process in processes:
        process.start()
    with suppress(threading.BrokenBarrierError):
        ready.wait()
        begin.value = time.monotonic() + 0.2
        ready.wait()
    parts: dict[str, list[_Part]] = {engine: [] for engine in urls}
    failures = []
    for _ in processes:
        engine, part = answers.get(timeout=length * rounds * len(urls) + 120)
        if isinstance(part, _Part):
            parts[engine].append(part)
        else:
            failures.append(f"{engine}: {part}")
    for process in processes:
        process.join()
    if failures:
        raise RuntimeError("; ".join(sorted(failures)))
    return {engine: _figures(engine, found) for engine, found in parts.items()}


def _figures(engine: str, parts: Sequence[_Part]) -> Figures:
    ids = [claimed for part in parts for claimed in part.ids]
    if len(ids) != len(set(ids)):
        raise RuntimeError(f"{engine} gave away a row twice")
    times = sorted(second for part in parts for second in part.seconds)
    return Figures(
        claims_per_s=sum(len(part.seconds) / sum(part.seconds) for part in parts),
        p50_ms=statistics.median(times) * 1000,
        p99_ms=times[int(len(times) * 0.99)] * 1000,
        client_us=sum(part.client_cpu for part in parts) / len(times) * 1e6,
        server_us=sum(part.server_cpu for part in parts) / len(times) * 1e6,
        claims=len(times),
    )


def _fill(administrator: str, engine: str, rows: int) -> str:
    """A database of its own with so many waiting rows; its URL."""
    name = f"bench_{engine}_{rows}"
    with psycopg.connect(libpq_url(administrator), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    url = make_url(administrator).set(database=name).render_as_string(hide_password=False)
    if engine == "ours":
        upgrade(url)
    with psycopg.connect(libpq_url(url), autocommit=True) as connection:
        FILLING[engine](connection, rows)
        connection.execute("VACUUM ANALYZE")
    return url


def rows(sizes: Sequence[int], length: float, rounds: int, repeats: int) -> list[Row]:
    """All figures; engines in short turns, so that what else the machine does meets them all."""
    found: list[Row] = []
    folder = Path(tempfile.mkdtemp(prefix="suifang-queue-"))
    folder.chmod(0o755)
    settings = Settings.model_validate({"state_dir": folder / "state"})
    with ensure_engines(settings) as engines:
        for size in sizes:
            measured: dict[str, list[Figures]] = {}
            refused: dict[str, str] = {}
            for _ in range(repeats):
                urls = _filled(engines.database_url, size, refused)
                for engine, figures in run_turns(urls, length=length, rounds=rounds, size=size).items():
                    measured.setdefault(engine, []).append(figures)
                    say(f"{engine}, {size} rows: {figures}")
                _drop(engines.database_url, size)
            found += _rows_of(size, measured, refused)
    return found


def _filled(administrator: str, size: int, refused: dict[str, str]) -> dict[str, str]:
    """A filled database for every engine that can run here; why the others cannot is put into `refused`."""
    made: dict[str, str] = {}
    urls: dict[str, str] = {}
    for engine in CLAIMING:
        of = engine.partition("_")[0]
        try:
            if of not in made:
                say(f"{of}: {size} rows are made")
                made[of] = _fill(administrator, of, size)
            urls[engine] = made[of]
        except Exception as error:
            if of == "ours":
                raise
            refused[engine] = f"{type(error).__name__}: {error}"
    return urls


def _drop(administrator: str, size: int) -> None:
    with psycopg.connect(libpq_url(administrator), autocommit=True) as connection:
        for engine in FILLING:
            name = sql.Identifier(f"bench_{engine}_{size}")
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))


def _rows_of(size: int, measured: dict[str, list[Figures]], refused: dict[str, str]) -> list[Row]:
    """As the scheduler claims, several in a transaction, and one in each, both beside raw claiming likewise."""
    pairs = [("queue.claims_per_s", "ours", peer) for peer in PEERS]
    pairs.append(("queue.claims_alone_per_s", "ours_alone", "raw_alone"))
    return [_row(name, size, measured, refused, mine=mine, peer=peer) for name, mine, peer in pairs]


def _row(
    name: str, size: int, measured: dict[str, list[Figures]], refused: dict[str, str], *, mine: str, peer: str
) -> Row:
    ours = _middle(measured[mine])
    theirs = _middle(measured[peer]) if peer in measured and peer not in refused else None
    rates = [each.claims_per_s for each in measured[mine]]
    shapes = {
        "ours": f"{MATCHED_AT_ONCE} in a statement",
        "raw": f"{MATCHED_AT_ONCE} in a transaction",
        "raw_together": f"{MATCHED_AT_ONCE} in a statement",
    }
    alone = "one in a transaction"
    shape = f"ours claims {shapes.get(mine, alone)}, {peer} {shapes.get(peer, alone)}"
    return Row(
        name=name,
        unit="claims/s",
        ours=round(ours.claims_per_s, 1),
        peer=peer,
        peer_value=round(theirs.claims_per_s, 1) if theirs else None,
        ratio=round(ours.claims_per_s / theirs.claims_per_s, 3) if theirs else None,
        bound=None,
        n=size,
        spread=round((max(rates) - min(rates)) / statistics.median(rates), 3),
        conditions=f"{size} waiting rows, {CLAIMERS} claimers, {os.cpu_count()} processors, {shape}; ours: {ours}; "
        + (f"{peer}: {theirs}" if theirs else f"{peer} cannot run here: {refused.get(peer, 'not measured')}")
        + (f"; {GOAL}" if peer in ("raw", "raw_alone") else ""),
    )


def _middle(runs: Sequence[Figures]) -> Figures:
    return sorted(runs, key=lambda each: each.claims_per_s)[len(runs) // 2]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.queue", description=__doc__)
    parser.add_argument("--rows", default="1000,100000,1000000", help="waiting rows, several between commas")
    parser.add_argument("--turn", type=float, default=1.0, help="seconds that one engine claims before the next")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each engine")
    parser.add_argument("--repeats", type=int, default=3, help="with rows made anew")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    sizes = [int(each) for each in arguments.rows.split(",")]
    print_rows(rows(sizes, arguments.turn, arguments.rounds, arguments.repeats), as_json=arguments.json)


if __name__ == "__main__":
    main()
