"""What every test may ask for: the engines, a database, a seed."""

import logging
import os
import random
from collections.abc import Iterator

import pytest
import redis
import structlog
from psycopg import sql

from db.migrate import upgrade
from runtime.embedded import Engines
from runtime.settings import Settings
from tests.support.engines import TEMPLATE, ClonesAhead, administer, cloned_database, database_named, running_engines

_SEED = int(os.environ.get("SUIFANG_TEST_SEED", random.SystemRandom().randrange(2**32)))
# Test processes that this one starts to share the work have to roll the same dice.
os.environ["SUIFANG_TEST_SEED"] = str(_SEED)


def pytest_report_header() -> str:
    """Printed at the top of each run, so that a failure by chance can be run again."""
    return f"random seed: {_SEED} (run the same again with SUIFANG_TEST_SEED={_SEED})"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What the long repetitions measured, said at the end also where tests run beside each other."""
    for report in terminalreporter.getreports("passed"):
        for line in report.capstdout.splitlines():
            if line.startswith("soak: "):
                terminalreporter.write_line(f"{report.nodeid.partition('::')[0]}: {line.removeprefix('soak: ')}")


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """A test that configures logging, as every process does, leaves it as it was."""
    root = logging.getLogger()
    before, handlers, level = structlog.get_config(), list(root.handlers), root.level
    yield
    structlog.configure(**before)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture(scope="session")
def seed() -> int:
    """The run's printed seed."""
    return _SEED


@pytest.fixture
def dice(seed: int, request: pytest.FixtureRequest) -> random.Random:
    """Chance that is the same for this test whenever the seed is the same, whatever other tests ran before."""
    return random.Random(f"{seed}:{request.node.nodeid}")  # noqa: S311 not for secrets


@pytest.fixture(scope="session")
def _running_engines() -> Iterator[tuple[Settings, Engines]]:
    with running_engines() as running:
        yield running


@pytest.fixture(scope="session")
def engines(_running_engines: tuple[Settings, Engines]) -> Engines:
    """One PostgreSQL and one Valkey for the whole run."""
    return _running_engines[1]


@pytest.fixture(scope="session")
def engine_settings(_running_engines: tuple[Settings, Engines]) -> Settings:
    """The settings that the run's engines were started with."""
    return _running_engines[0]


@pytest.fixture
def empty_database_url(engines: Engines) -> Iterator[str]:
    """A new database without any table."""
    with cloned_database(engines, "template1") as url:
        yield url


@pytest.fixture(scope="session")
def _template(engines: Engines) -> str:
    administer(engines, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
    upgrade(database_named(engines, TEMPLATE))
    return TEMPLATE


@pytest.fixture(scope="session")
def _clones(engines: Engines, _template: str) -> Iterator[ClonesAhead]:
    clones = ClonesAhead(engines, _template)
    yield clones
    clones.close()


@pytest.fixture
def database_url(_clones: ClonesAhead) -> Iterator[str]:
    """A new database with this version's tables, for one test."""
    with _clones.database() as url:
        yield url


@pytest.fixture(scope="module")
def module_database_url(engines: Engines, _template: str) -> Iterator[str]:
    """A new database with this version's tables, for all tests of a module."""
    with cloned_database(engines, _template) as url:
        yield url


@pytest.fixture
def broker_url(engines: Engines) -> Iterator[str]:
    """The run's Valkey, emptied before and after the test."""
    with redis.Redis.from_url(engines.broker_url) as client:
        client.flushall()
        yield engines.broker_url
        client.flushall()
