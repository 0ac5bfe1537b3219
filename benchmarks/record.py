"""Opening the record of a patient with five hundred items in a full hospital: `python -m benchmarks.record --json`.

The whole API answers, from the request to the JSON; the peer reads the same rows from the same database by one bare
statement for each table and makes nothing of them, which no program could beat by much.
"""

import argparse
import logging
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import LiteralString

import psycopg
import structlog

from benchmarks.row import Row, print_rows
from db.migrate import upgrade
from db.users import Role
from runtime.postgres_server import libpq_url
from tests.integration.api.house import PREFIX, House, open_house
from tests.support.engines import running_engines

GOAL_MS = 300.0
AT_ONCE = 20
RICH = 40
"""So many patients have five hundred items; each is opened in turn, so that none is in a cache of ours."""

# Each patient has five years of visits, results, forms and consents; the rich ones have many more of each.
_FILL: tuple[LiteralString, ...] = (
    """
    INSERT INTO patients (id, record_number, name, language, zone, born, sex, slow_speech, synthetic, created_at)
    SELECT md5('p' || n)::uuid, 'B-' || n, '测试' || n, 'zh', 'Asia/Shanghai', date '1940-01-01' + mod(n, 20000),
        'male', false, true, now() - interval '5 years'
    FROM generate_series(1, %(patients)s) n
    """,
    """
    INSERT INTO encounters (id, patient_id, department, kind, occurred_at, source)
    SELECT gen_random_uuid(), md5('p' || n)::uuid, 'department ' || mod(v, 7), 'discharge',
        now() - make_interval(days => v * 45 + mod(n, 45)), 'hl7:HIS'
    FROM generate_series(1, %(patients)s) n,
        generate_series(1, CASE WHEN n <= %(rich)s THEN 100 ELSE %(visits)s END) v
    """,
    """
    INSERT INTO results (id, patient_id, code, value, text, unit, sent_code, sent_value, sent_unit, sent_reference,
        taken_at, setting, status, source, source_key, version, recorded_at)
    SELECT gen_random_uuid(), md5('p' || n)::uuid, (ARRAY['systolic', 'hba1c', 'creatinine', 'ldl'])[mod(v, 4) + 1],
        100 + mod(v, 60), '', '', '', '', '', '', now() - make_interval(days => mod(v * 12, 1826)), 'laboratory',
        'final', 'hl7:LIS', n || '/' || v, 1, now()
    FROM generate_series(1, %(patients)s) n,
        generate_series(1, CASE WHEN n <= %(rich)s THEN 240 ELSE %(results)s END) v
    """,
    """
    INSERT INTO responses (id, form_id, form_version, patient_id, state, answers, skipped, started_at, changed_at,
        completed_at)
    SELECT gen_random_uuid(), 'phq9', 1, md5('p' || n)::uuid, 'completed', '{}', '{}', at, at, at
    FROM generate_series(1, %(patients)s) n,
        generate_series(1, CASE WHEN n <= %(rich)s THEN 100 ELSE 2 END) v,
        LATERAL (SELECT now() - make_interval(days => v * 18) AS at) AS moment
    """,
    """
    INSERT INTO history_entries (id, patient_id, kind, code, name, state, relation, note, source, source_key, version,
        decided, recorded_at)
    SELECT gen_random_uuid(), md5('p' || n)::uuid, (ARRAY['condition', 'allergy', 'procedure'])[mod(v, 3) + 1], '',
        'entry ' || v, 'active', '', '', 'hl7:HIS', 'e/' || v, 1, false, now() - make_interval(days => v * 30)
    FROM generate_series(1, %(patients)s) n,
        generate_series(1, CASE WHEN n <= %(rich)s THEN 30 ELSE 2 END) v
    """,
    """
    INSERT INTO consents (id, patient_id, purpose, scope, granted, source, recorded_at)
    SELECT gen_random_uuid(), md5('p' || n)::uuid, 'care', 'phone', true, 'card', now() - make_interval(days => v * 50)
    FROM generate_series(1, %(patients)s) n,
        generate_series(1, CASE WHEN n <= %(rich)s THEN 30 ELSE 1 END) v
    """,
)
_ITEMS = 500
_RAW: tuple[LiteralString, ...] = (
    "SELECT * FROM patients WHERE id = %s",
    "SELECT * FROM encounters WHERE patient_id = %s",
    "SELECT * FROM results WHERE patient_id = %s",
    "SELECT * FROM responses WHERE patient_id = %s",
    "SELECT * FROM history_entries WHERE patient_id = %s",
    "SELECT * FROM consents WHERE patient_id = %s",
)


def say(text: str) -> None:
    """Progress, on stderr."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")


def rows(patients: int, *, rounds: int, visits: int = 8, results: int = 24) -> Sequence[Row]:
    """Open the records of the rich patients, and read the same rows bare."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with running_engines() as (_, engines), tempfile.TemporaryDirectory() as folder:
        upgrade(engines.database_url)
        began = time.monotonic()
        with psycopg.connect(libpq_url(engines.database_url), autocommit=True) as connection:
            for statement in _FILL:
                connection.execute(
                    statement, {"patients": patients, "rich": RICH, "visits": visits, "results": results}
                )
            connection.execute("VACUUM ANALYZE")
            counted = connection.execute("SELECT count(*) FROM results").fetchone()
            say(f"{patients} patients, {counted} results in {time.monotonic() - began:.0f} s")
            ids = [
                str(row[0])
                for row in connection.execute(
                    "SELECT md5('p' || n)::uuid FROM generate_series(1, %s) n", (RICH,)
                ).fetchall()
            ]
            bare = [_read_bare(connection, patient_id) for _ in range(rounds) for patient_id in ids]
        with open_house(engines.database_url, engines.broker_url, Path(folder)) as house:
            opened = _open_each(house, ids, rounds)
            paged = _page_each(house, ids)
            crowded = _open_at_once(house, ids, rounds)
    full = (
        f"{patients} patients with {visits} visits and {results} results each, {RICH} of them with {_ITEMS} "
        f"items; ours is the whole answer of the API with its audit line, the bound is the goal; load average "
        f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    )
    return [
        _row("record.open_p95_ms", opened, bare, full),
        _row("record.next_page_p95_ms", paged, bare, f"the pages behind the first one; {full}"),
        _row("record.open_20_at_once_p95_ms", crowded, bare, f"{AT_ONCE} at once in one process; {full}"),
    ]


def _row(name: str, took: Sequence[float], bare: Sequence[float], conditions: str) -> Row:
    ours, peer = _p95(took), _p95(bare)
    return Row(
        name=name,
        unit="ms",
        ours=round(ours, 1),
        peer="bare-sql",
        peer_value=round(peer, 1),
        ratio=round(peer / ours, 3),
        bound=GOAL_MS,
        n=len(took),
        spread=round((max(took) - min(took)) / statistics.median(took), 2),
        conditions=f"p50 {statistics.median(took):.1f} ms; {conditions}",
    )


def _read_bare(connection: "psycopg.Connection[tuple[object, ...]]", patient_id: str) -> float:
    began = time.perf_counter()
    for statement in _RAW:
        connection.execute(statement, (patient_id,)).fetchall()
    return (time.perf_counter() - began) * 1000


def opening_times(house: House, ids: Sequence[str], *, rounds: int) -> list[float]:
    """Milliseconds for each opening of a record through the API."""
    headers = {"Authorization": f"Bearer {house.person(Role.SUPERVISOR).token}"}
    took = []
    for patient_id in [*ids] * rounds:
        began = time.perf_counter()
        answer = house.client.get(f"{PREFIX}/patients/{patient_id}/record", headers=headers)
        took.append((time.perf_counter() - began) * 1000)
        if answer.status_code != 200:
            raise RuntimeError(f"a record was not opened: {answer.status_code}")
    return took


def _open_each(house: House, ids: Sequence[str], rounds: int) -> list[float]:
    headers = {"Authorization": f"Bearer {house.person(Role.SUPERVISOR).token}"}
    took = []
    for turn in range(rounds + 1):
        for patient_id in ids:
            began = time.perf_counter()
            answer = house.client.get(f"{PREFIX}/patients/{patient_id}/record", headers=headers)
            milliseconds = (time.perf_counter() - began) * 1000
            record = answer.json()
            if sum(record["counts"].values()) != _ITEMS:
                raise RuntimeError(f"the record has {record['counts']}, not {_ITEMS} items")
            if turn:  # in the first round statements are compiled
                took.append(milliseconds)
    return took


def _page_each(house: House, ids: Sequence[str]) -> list[float]:
    """The pages behind the first, to the last."""
    headers = {"Authorization": f"Bearer {house.person(Role.SUPERVISOR).token}"}
    took = []
    for patient_id in ids:
        place = house.client.get(f"{PREFIX}/patients/{patient_id}/record", headers=headers).json()["timeline"]["next"]
        while place:
            began = time.perf_counter()
            page = house.client.get(
                f"{PREFIX}/patients/{patient_id}/timeline", params={"before": place}, headers=headers
            ).json()
            took.append((time.perf_counter() - began) * 1000)
            place = page["next"]
    return took


def _open_at_once(house: House, ids: Sequence[str], rounds: int) -> list[float]:
    """Twenty nurses open records at the same moment, again and again."""
    headers = {"Authorization": f"Bearer {house.person(Role.SUPERVISOR).token}"}
    together = threading.Barrier(AT_ONCE)

    def opens(place: int) -> list[float]:
        took = []
        for turn in range(rounds):
            together.wait()
            began = time.perf_counter()
            answer = house.client.get(
                f"{PREFIX}/patients/{ids[(place + turn * AT_ONCE) % len(ids)]}/record", headers=headers
            )
            took.append((time.perf_counter() - began) * 1000)
            if answer.status_code != 200:
                raise RuntimeError(f"a record was not opened: {answer.status_code}")
        return took

    with ThreadPoolExecutor(AT_ONCE) as nurses:
        return [each for took in nurses.map(opens, range(AT_ONCE)) for each in took]


def _p95(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.record", description=__doc__)
    parser.add_argument("--patients", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--results", type=int, default=24, help="of each patient")
    parser.add_argument("--json", action="store_true", help="one JSON list instead of lines to read")
    arguments = parser.parse_args()
    made = rows(arguments.patients, rounds=arguments.rounds, results=arguments.results)
    print_rows(made, as_json=arguments.json)


if __name__ == "__main__":
    main()
