"""Loading a hospital's past through its real doors: `python -m benchmarks.record_load --patients 20000 --json`.

Each person has three messages of visits and ten orders of twelve results over five years, or with `--yearly` five; with
`--no-stays` he is only registered (`tests/support/hospital_years`). They come over MLLP from several connections that
wait for each answer, from a file by `suifang feed replay`, and as a list of exams by `suifang import`. Afterwards
records are opened through the API. The database keeps what it confirms (nothing of its durability is turned off). The
peer is one COPY of the same rows into a table with the same indexes, which is the bound; other systems that take HL7
cannot run here.
"""

import argparse
import asyncio
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Self

import psutil
import psycopg
from sqlalchemy import text

from benchmarks.record import GOAL_MS, opening_times
from benchmarks.row import Row, print_rows
from db.engine import make_engine
from db.migrate import upgrade
from interop.hl7.framing import END, framed
from runtime.embedded import Engines, ensure_engines
from runtime.postgres_server import libpq_url
from runtime.settings import Settings
from tests.integration.api.house import open_house
from tests.support.engines import temporary_settings
from tests.support.hospital_years import (
    EACH_YEAR,
    RESULTS,
    WHOLE,
    Past,
    messages_of,
    numbers_of_results,
    write_exams,
    write_messages,
)
from tests.support.waiting import until

FULL = 100_000
"""Patients of the hospital that figures are extrapolated to."""

OPENED = 60
"""Records that are opened afterwards."""

_LISTED = 40_000


def say(told: str) -> None:
    """Progress, on stderr."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {told}\n")


@dataclass(slots=True, kw_only=True)
class Loaded:
    """What one door took, and how."""

    door: str
    messages: int
    results: int
    stored: float = 0.0  # seconds until the last answer
    applied: float = 0.0  # seconds until the last was applied
    errors: int = 0
    peaks: dict[str, int] = field(default_factory=dict)  # megabytes


class Peaks:
    """The most memory that processes and their children had, looked at every second."""

    def __init__(self, processes: dict[str, int]) -> None:
        self._processes = processes
        self.megabytes = dict.fromkeys(processes, 0)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(1.0):
            for name, pid in self._processes.items():
                try:
                    held = _private_bytes(psutil.Process(pid), children=name == "postgres")
                except psutil.NoSuchProcess:
                    continue
                self.megabytes[name] = max(self.megabytes[name], held // 1_000_000)


def _private_bytes(process: psutil.Process, *, children: bool) -> int:
    """What a process takes from others; shared buffers are the database's own setting and stand apart."""
    total = 0
    for each in [process, *(process.children(recursive=True) if children else [])]:
        try:
            total += each.memory_full_info().uss
        except psutil.NoSuchProcess:
            continue
    return total


@contextmanager
def _hospital() -> Iterator[tuple[Settings, Engines, dict[str, str]]]:
    with temporary_settings() as settings, ensure_engines(settings) as engines:
        upgrade(engines.database_url)
        environment = os.environ | {
            "SUIFANG_STATE_DIR": str(settings.state_dir),
            "SUIFANG_DATABASE_URL": engines.database_url,
            "SUIFANG_BROKER_URL": engines.broker_url,
            "SUIFANG_LOG_LEVEL": "ERROR",
        }
        yield settings, engines, environment


def rows(patients: int, *, connections: int, replayed: int, listed: int, past: Past) -> Sequence[Row]:
    """Load by every door, one after the other, and the bound."""
    with _hospital() as (_, engines, environment), tempfile.TemporaryDirectory() as folder:
        postgres = _postgres_pid(engines)
        over_line = _over_mllp(engines, environment, postgres, range(patients), connections, past)
        everybody = range(patients + replayed)
        from_file = _from_file(engines, environment, postgres, everybody[patients:], past, Path(folder))
        as_list = _as_list(engines, environment, postgres, range(min(listed, patients)), Path(folder))
        bound = _copied(engines)
        size = _scalar(engines, "SELECT pg_database_size(current_database()) / 1000000")
        say(f"the database has {size} MB")
        opened = _opened(engines, Path(folder))
    load = f"load average {os.getloadavg()[1]:.1f} on {os.cpu_count()} cores"
    made = [
        Row(
            name="record_load.open_p95_ms",
            unit="ms",
            ours=round(statistics.quantiles(opened, n=20)[-1], 1),
            peer="other-systems",
            peer_value=None,
            ratio=None,
            bound=GOAL_MS,
            n=len(opened),
            spread=None,
            conditions=f"p50 {statistics.median(opened):.1f} ms; records of {min(OPENED, len(everybody))} of the"
            f" {len(everybody)} people loaded, five years with {len(past.orders)} orders each, opened through the API;"
            f" {load}",
        )
    ]
    for loaded in (over_line, from_file, as_list):
        rate = loaded.results / loaded.applied
        full = FULL / (loaded.messages / past.messages) * loaded.applied / 3600
        words = (
            f"{loaded.messages} {'rows' if loaded.door == 'list' else 'messages'}, {loaded.errors} errors; "
            f"memory in MB: {', '.join(f'{name} {held}' for name, held in loaded.peaks.items())}; "
            f"{load}"
        )
        if loaded.door != "list":
            words += f"; {FULL} patients with five years would take {full:.1f} h at this rate"
        made.append(_row(f"record_load.{loaded.door}_results_per_s", "results/s", rate, bound, loaded, words))
        if loaded.door == "mllp":
            made.append(
                Row(
                    name="record_load.mllp_messages_per_s",
                    unit="messages/s",
                    ours=round(loaded.messages / loaded.stored, 1),
                    peer="other-engines",
                    peer_value=None,
                    ratio=None,
                    bound=None,
                    n=loaded.messages,
                    spread=None,
                    conditions=f"stored and answered, {connections} connections that wait for each answer; no other "
                    "system that takes HL7 can run here",
                )
            )
    return made


def _row(name: str, unit: str, ours: float, bound: float, loaded: Loaded, words: str) -> Row:
    return Row(
        name=name,
        unit=unit,
        ours=round(ours, 1),
        peer="copy",
        peer_value=round(bound, 1),
        ratio=round(ours / bound, 4),
        bound=round(bound, 1),
        n=loaded.results,
        spread=None,
        conditions=words,
    )


def _over_mllp(
    engines: Engines, environment: dict[str, str], postgres: int, people: range, connections: int, past: Past
) -> Loaded:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    feeds = subprocess.Popen(
        [sys.executable, "-m", "suifang.process_entry", "feeds"],
        env=environment | {"SUIFANG_FEEDS_PORT": str(port)},
        stdout=subprocess.DEVNULL,
    )
    each = past.messages
    loaded = Loaded(door="mllp", messages=len(people) * each, results=len(people) * past.results)
    try:
        _wait_for_port(port)
        with Peaks({"feeds": feeds.pid, "postgres": postgres}) as peaks:
            began = time.monotonic()
            with psycopg.connect(libpq_url(engines.database_url), autocommit=True) as connection:
                refused = asyncio.run(_send(port, people, connections, past))
                loaded.stored = time.monotonic() - began
                say(f"{loaded.messages} messages answered in {loaded.stored:.0f} s")
                until(partial(_all_applied, connection), timeout=86_400, what="everything is applied", every=0.5)
            loaded.applied = time.monotonic() - began
        loaded.peaks = peaks.megabytes
    finally:
        feeds.terminate()
        feeds.wait(60)
    loaded.errors = refused + _check(engines, people, past)
    say(f"over MLLP: {loaded.results / loaded.applied:.0f} results/s")
    return loaded


async def _send(port: int, people: range, connections: int, past: Past) -> int:
    """Send everything: each connection its own people, first who they are, then their orders by time."""
    parts = [people[place::connections] for place in range(connections)]
    return sum(await asyncio.gather(*(_send_part(port, part, past) for part in parts)))


async def _send_part(port: int, people: range, past: Past) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    refused = 0
    for told in messages_of(people, past=past):
        writer.write(framed(told.encode()))
        answer = await reader.readuntil(END + b"\r")
        refused += b"MSA|AA|" not in answer
    writer.close()
    return refused


def _from_file(
    engines: Engines, environment: dict[str, str], postgres: int, people: range, past: Past, folder: Path
) -> Loaded:
    file = folder / "messages.hl7"
    count = write_messages(file, people, past=past)
    took, peaks, status = _command(environment, postgres, "feed", "replay", str(file))
    results = len(people) * past.results
    loaded = Loaded(door="file", messages=count, results=results, applied=took, peaks=peaks)
    loaded.errors = int(status != 0) + _check(engines, range(people.stop), past)
    say(f"from a file: {loaded.results / took:.0f} results/s")
    return loaded


def _as_list(engines: Engines, environment: dict[str, str], postgres: int, people: range, folder: Path) -> Loaded:
    """People who are known already, with a row of twelve results each from another source."""
    file = folder / "exams.csv"
    count = write_exams(file, people, orders=range(1))
    before = _scalar(engines, "SELECT count(*) FROM results")
    took, peaks, status = _command(
        environment, postgres, "import", str(file), "--kind", "exam", "--source", "checkups", "--yes"
    )
    written = _scalar(engines, "SELECT count(*) FROM results") - before
    loaded = Loaded(door="list", messages=count, results=written, applied=took, peaks=peaks)
    loaded.errors = int(status != 0) + abs(count * RESULTS - written)
    say(f"as a list: {loaded.results / took:.0f} results/s")
    return loaded


def _command(environment: dict[str, str], postgres: int, *words: str) -> tuple[float, dict[str, int], int]:
    began = time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", "suifang", *words], env=environment, stdout=subprocess.DEVNULL)
    with Peaks({words[0]: process.pid, "postgres": postgres}) as peaks:
        status = process.wait()
    return time.monotonic() - began, peaks.megabytes, status


def _check(engines: Engines, people: range, past: Past) -> int:
    """How many of what was sent is neither applied nor parked: nothing may be lost."""
    placed, waiting = numbers_of_results(people, past=past)
    lost = len(people) * past.messages - _scalar(engines, "SELECT count(*) FROM feed_messages WHERE state = 'applied'")
    lost += placed - _scalar(engines, "SELECT count(*) FROM results WHERE source = 'hl7:LIS'")
    return abs(lost) + abs(waiting - _scalar(engines, "SELECT count(*) FROM unmapped_results"))


def _opened(engines: Engines, folder: Path) -> list[float]:
    """Milliseconds in which records of people who were loaded are opened, each a whole answer with its audit line."""
    with psycopg.connect(libpq_url(engines.database_url), autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        ids = [
            str(row[0])
            for row in connection.execute("SELECT id FROM patients ORDER BY md5(id::text) LIMIT %s", (OPENED,))
        ]
    with open_house(engines.database_url, engines.broker_url, folder) as house:
        opening_times(house, ids, rounds=1)  # statements are compiled
        return opening_times(house, ids, rounds=3)


def _copied(engines: Engines) -> float:
    """What one COPY of the same rows into the same indexes takes: results a second."""
    with psycopg.connect(libpq_url(engines.database_url), autocommit=True) as connection:
        connection.execute("CREATE TABLE copied (LIKE results INCLUDING ALL)")
        with tempfile.TemporaryFile() as kept:
            with connection.cursor().copy("COPY (SELECT * FROM results LIMIT 500000) TO STDOUT (FORMAT binary)") as out:
                for piece in out:
                    kept.write(piece)
            kept.seek(0)
            began = time.monotonic()
            with connection.cursor().copy("COPY copied FROM STDIN (FORMAT binary)") as into:
                while piece := kept.read(1 << 20):
                    into.write(piece)
            took = time.monotonic() - began
        counted = connection.execute("SELECT count(*) FROM copied").fetchone()
        connection.execute("DROP TABLE copied")
    return (counted[0] if counted else 0) / took


def _all_applied(connection: "psycopg.Connection[tuple[int]]") -> bool:
    row = connection.execute("SELECT count(*) FROM feed_messages WHERE state = 'stored'").fetchone()
    left = row[0] if row else 0
    say(f"{left} wait to be applied")
    return left == 0


def _scalar(engines: Engines, statement: str) -> int:
    engine = make_engine(engines.database_url)
    try:
        with engine.connect() as connection:
            return int(connection.execute(text(statement)).scalar_one())
    finally:
        engine.dispose()


def _postgres_pid(engines: Engines) -> int:
    with psycopg.connect(libpq_url(engines.database_url)) as connection:
        parent = psutil.Process(connection.info.backend_pid).parent()
    if parent is None:
        raise RuntimeError("the database runs elsewhere: its memory cannot be looked at")
    return int(parent.pid)


def _wait_for_port(port: int) -> None:
    def listens() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    until(listens, timeout=60, what="the feeds listen", every=0.1)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.record_load", description=__doc__)
    parser.add_argument("--patients", type=int, default=2_000, help="how many come over MLLP")
    parser.add_argument("--replayed", type=int, default=500, help="how many more come as a file")
    parser.add_argument("--listed", type=int, default=_LISTED, help="at most so many rows come as a list")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--no-stays", action="store_true", help="people are registered, not admitted and discharged")
    parser.add_argument("--yearly", action="store_true", help="an order each year instead of each half year")
    parser.add_argument("--json", action="store_true", help="one JSON list instead of lines to read")
    arguments = parser.parse_args()
    print_rows(
        rows(
            arguments.patients,
            connections=arguments.connections,
            replayed=arguments.replayed,
            listed=arguments.listed,
            past=Past(stays=not arguments.no_stays, orders=EACH_YEAR if arguments.yearly else WHOLE.orders),
        ),
        as_json=arguments.json,
    )


if __name__ == "__main__":
    main()
