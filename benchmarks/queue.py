"""How fast waiting tasks are claimed: `python -m benchmarks.queue --json`, small with `--rows 1000`.

Four claimers, each one durable transaction a claim, in one PostgreSQL with its usual settings; every engine has a
database of its own there, and they are measured in turn. Raw is the barest statement that takes one row of a queue and
reserves one agent; procrastinate and pgqueuer fetch a job, which reserves nobody.
"""

import argparse
import asyncio
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from multiprocessing.synchronize import Barrier
from pathlib import Path

import psutil
import psycopg
from psycopg import sql
from sqlalchemy import make_url

from benchmarks.queue_rows import FILLING, NODE, RAW_CLAIM
from benchmarks.row import Row, print_rows
from db.engine import make_engine
from db.migrate import upgrade
from db.unit_of_work import UnitsOfWork
from runtime.embedded import ensure_engines
from runtime.postgres_server import libpq_url
from runtime.settings import Settings
from scheduler.dialer import MATCHED_AT_ONCE

CLAIMERS = 4
PEERS = ("raw", "procrastinate", "pgqueuer")
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


def _claim_ours(url: str, barrier: Barrier, seconds: float, *, turn: int) -> _Part:
    """As the scheduler does it: a unit of work, its clock, the claims of a turn, the commit. Then agents are free."""
    engine = make_engine(url, pool_size=1, application="benchmark")
    units = UnitsOfWork(engine)
    ids = []
    with psycopg.connect(libpq_url(url), autocommit=True) as beside:
        with engine.connect() as first:
            backend = first.connection.driver_connection.info.backend_pid  # type: ignore[union-attr]
        clock = _Clock(backend)
        with units() as warm:
            warm.waiting.claim_for_agent(warm.now, nodes=["nobody"])
        barrier.wait()
        server, until = clock.server(), time.monotonic() + seconds
        while time.monotonic() < until:
            with clock.claiming(turn), units() as uow:
                claims = [uow.waiting.claim_for_agent(uow.now, nodes=[NODE]) for _ in range(turn)]
                uow.commit()
            ids += [claim.task_id for claim in claims if claim is not None]
            if None in claims:
                raise RuntimeError("nothing was claimed although tasks and agents wait")
            beside.execute(
                "UPDATE agents SET state = 'available', state_since = clock_timestamp() WHERE id = ANY(%s::uuid[])",
                [[claim.agent_id for claim in claims if claim is not None]],
            )
        return _part(clock, clock.server() - server, ids)


def _claim_raw(url: str, barrier: Barrier, seconds: float) -> _Part:
    ids = []
    with (
        psycopg.connect(libpq_url(url), autocommit=True) as connection,
        psycopg.connect(libpq_url(url), autocommit=True) as beside,
    ):
        clock = _Clock(connection.info.backend_pid)
        barrier.wait()
        server, until = clock.server(), time.monotonic() + seconds
        while time.monotonic() < until:
            with clock.claiming():
                row = connection.execute(RAW_CLAIM).fetchone()
            if row is None:
                raise RuntimeError("nothing was claimed although rows and agents wait")
            ids.append(str(row[0]))
            beside.execute("UPDATE agents SET state = 0, state_since = clock_timestamp() WHERE id = %s", [row[1]])
        return _part(clock, clock.server() - server, ids)


def _claim_procrastinate(url: str, barrier: Barrier, seconds: float) -> _Part:
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

            return await _timed(fetch, backend, barrier, seconds)
        finally:
            await connector.close_async()

    return asyncio.run(run())


def _claim_pgqueuer(url: str, barrier: Barrier, seconds: float) -> _Part:
    from pgqueuer.queries import EntrypointExecutionParameter, Queries

    async def run() -> _Part:
        async with await psycopg.AsyncConnection.connect(libpq_url(url), autocommit=True) as connection:
            queries = Queries.from_psycopg_connection(connection)
            manager = uuid.uuid4()
            calls = {"calls": EntrypointExecutionParameter(0)}

            async def fetch() -> str:
                found = await queries.dequeue(1, calls, manager, None, timedelta(seconds=30))  # type: ignore[arg-type]
                return str(found[0].id) if found else ""

            return await _timed(fetch, connection.info.backend_pid, barrier, seconds)

    return asyncio.run(run())


async def _timed(fetch: Callable[[], Awaitable[str]], backend: int, barrier: Barrier, seconds: float) -> _Part:
    clock, ids = _Clock(backend), []
    await asyncio.to_thread(barrier.wait)
    server, until = clock.server(), time.monotonic() + seconds
    while time.monotonic() < until:
        with clock.claiming():
            ids.append(await fetch())
        if not ids[-1]:
            raise RuntimeError("nothing was fetched although jobs wait")
    return _part(clock, clock.server() - server, ids)


def _part(clock: _Clock, server: float, ids: list[str]) -> _Part:
    return _Part(seconds=clock.seconds, client_cpu=clock.client_cpu, server_cpu=server, ids=ids)


CLAIMING: dict[str, Callable[[str, Barrier, float], _Part]] = {
    "ours": partial(_claim_ours, turn=MATCHED_AT_ONCE),
    "ours_alone": partial(_claim_ours, turn=1),
    "raw": _claim_raw,
    "procrastinate": _claim_procrastinate,
    "pgqueuer": _claim_pgqueuer,
}


def _claimer(engine: str, url: str, barrier: Barrier, seconds: float, answers: "multiprocessing.Queue[object]") -> None:
    try:
        answers.put(CLAIMING[engine](url, barrier, seconds))
    except Exception as error:  # noqa: BLE001 whatever a peer fails by is its row's reason
        barrier.abort()
        answers.put(f"{type(error).__name__}: {error}")


def run_claimers(engine: str, url: str, seconds: float) -> Figures:
    """Four processes claim at once for so long; RuntimeError if one fails or a row was given away twice."""
    context = multiprocessing.get_context("spawn")
    barrier, answers = context.Barrier(CLAIMERS), context.Queue()
    processes = [
        context.Process(target=_claimer, args=(engine, url, barrier, seconds, answers)) for _ in range(CLAIMERS)
    ]
    for process in processes:
        process.start()
    parts = [answers.get(timeout=seconds + 120) for _ in processes]
    for process in processes:
        process.join()
    failures = [part for part in parts if isinstance(part, str)]
    if failures:
        raise RuntimeError(failures[0])
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


def rows(sizes: Sequence[int], seconds: float, repeats: int) -> list[Row]:
    """All figures; engines in turn, so that what else the machine does meets them all."""
    found: list[Row] = []
    folder = Path(tempfile.mkdtemp(prefix="suifang-queue-"))
    folder.chmod(0o755)
    settings = Settings.model_validate({"state_dir": folder / "state"})
    with ensure_engines(settings) as engines:
        for size in sizes:
            measured: dict[str, list[Figures]] = {}
            refused: dict[str, str] = {}
            urls: dict[str, str] = {}
            for engine in CLAIMING:
                try:
                    say(f"{engine}: {size} rows are made")
                    urls[engine] = urls["ours"] if engine == "ours_alone" else _fill(engines.database_url, engine, size)
                except Exception as error:
                    if engine == "ours":
                        raise
                    refused[engine] = f"{type(error).__name__}: {error}"
            for _ in range(repeats):
                for engine, url in urls.items():
                    try:
                        figures = run_claimers(engine, url, min(seconds, _bearable(size)))
                    except RuntimeError as error:
                        if engine.startswith("ours"):
                            raise
                        refused[engine] = str(error)
                        continue
                    measured.setdefault(engine, []).append(figures)
                    say(f"{engine}, {size} rows: {figures}")
            found += _rows_of(size, measured, refused)
            with psycopg.connect(libpq_url(engines.database_url), autocommit=True) as connection:
                for engine in FILLING:
                    connection.execute(
                        sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(f"bench_{engine}_{size}"))
                    )
    return found


def _bearable(size: int) -> float:
    """So long that four claimers never come to the end of a small heap."""
    return max(0.2, size / 5000)


def _rows_of(size: int, measured: dict[str, list[Figures]], refused: dict[str, str]) -> list[Row]:
    """As the scheduler claims, several in a transaction, beside every peer; and one in each, beside raw."""
    pairs = [("queue.claims_per_s", "ours", peer) for peer in PEERS]
    pairs += [("queue.claims_alone_per_s", "ours_alone", peer) for peer in PEERS]
    return [_row(name, size, measured, refused, mine=mine, peer=peer) for name, mine, peer in pairs]


def _row(
    name: str, size: int, measured: dict[str, list[Figures]], refused: dict[str, str], *, mine: str, peer: str
) -> Row:
    ours = _middle(measured[mine])
    theirs = _middle(measured[peer]) if peer in measured and peer not in refused else None
    rates = [each.claims_per_s for each in measured[mine]]
    shape = f"ours claims {MATCHED_AT_ONCE if mine == 'ours' else 1} in a transaction, the peer one"
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
        + (f"; {GOAL}" if peer == "raw" else ""),
    )


def _middle(runs: Sequence[Figures]) -> Figures:
    return sorted(runs, key=lambda each: each.claims_per_s)[len(runs) // 2]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.queue", description=__doc__)
    parser.add_argument("--rows", default="1000,100000,1000000", help="waiting rows, several between commas")
    parser.add_argument("--seconds", type=float, default=4.0, help="of claiming in each run")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    sizes = [int(each) for each in arguments.rows.split(",")]
    print_rows(rows(sizes, arguments.seconds, arguments.repeats), as_json=arguments.json)


if __name__ == "__main__":
    main()
