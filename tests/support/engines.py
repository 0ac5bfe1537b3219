"""The test run's own PostgreSQL and Valkey, and a fresh migrated database for whoever asks (a clone of a template).

Cloning a template takes tens of milliseconds where migrating anew takes a second, and no test sees another's rows.
"""

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from runtime.embedded import Engines, ensure_engines
from runtime.postgres_server import PostgresServer, libpq_url
from runtime.settings import Settings
from runtime.valkey_server import ValkeyServer

TEMPLATE = "suifang_template"
_PREFIX = "suifang-tests-"
# What a crash of the machine would lose is worth nothing here, and the disk is shared.
_TUNING = "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\nmax_connections = 200\n"


@contextmanager
def running_engines() -> Iterator[tuple[Settings, Engines]]:
    """Both servers in a folder of their own, removed afterwards."""
    sweep_killed_runs()
    with temporary_settings() as settings:
        settings.postgres_dir.mkdir(mode=0o700)
        (settings.postgres_dir / "local.conf").write_text(_TUNING)
        (settings.postgres_dir / "local.conf").chmod(0o644)
        with ensure_engines(settings) as engines:
            yield settings, engines


@contextmanager
def temporary_settings(**values: object) -> Iterator[Settings]:
    """Settings with a state folder of their own; the folder above lets the database's user pass."""
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
    folder.chmod(0o755)
    try:
        yield Settings.model_validate({"state_dir": folder / "state", **values})
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep_killed_runs() -> None:
    """Stop the servers of test runs that were killed, and remove their folders."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        owner = int(folder.name.removeprefix(_PREFIX).split("-")[0])
        if Path(f"/proc/{owner}").exists() or folder.stat().st_uid != os.geteuid():
            continue
        settings = Settings(state_dir=folder / "state")
        for server in (
            PostgresServer(settings.postgres_dir, settings.keys_dir),
            ValkeyServer(settings.state_dir / "valkey", settings.keys_dir),
        ):
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


class ClonesAhead:
    """Databases made from a template while the test before is still running, and dropped while the next one runs.

    Making one and dropping it is a third of a second in which a test would only wait.
    """

    def __init__(self, engines: Engines, template: str) -> None:
        self._engines, self._template = engines, template
        self._beside = ThreadPoolExecutor(max_workers=1, thread_name_prefix="clones")
        self._next = self._beside.submit(self._make)
        self._drops: list[Future[None]] = []

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a new database, dropped soon afterwards with whoever is still connected."""
        name = self._next.result()
        self._next = self._beside.submit(self._make)
        try:
            yield database_named(self._engines, name)
        finally:
            self._drops.append(self._beside.submit(_drop, self._engines, name))

    def close(self) -> None:
        """Wait for what is still to be dropped; a drop that failed fails the run."""
        self._beside.shutdown()
        for drop in self._drops:
            drop.result()

    def _make(self) -> str:
        name = _clone_name()
        _clone(self._engines, self._template, name)
        return name


@contextmanager
def cloned_database(engines: Engines, template: str) -> Iterator[str]:
    """The URL of a new database made from `template`, dropped afterwards with whoever is still connected."""
    name = _clone_name()
    _clone(engines, template, name)
    try:
        yield database_named(engines, name)
    finally:
        _drop(engines, name)


def _clone_name() -> str:
    return f"test_{uuid.uuid4().hex[:12]}"


def _clone(engines: Engines, template: str, name: str) -> None:
    administer(
        engines, sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
    )


def _drop(engines: Engines, name: str) -> None:
    # An autovacuum worker at work there belongs to the server itself: it may not be ended by us, but is soon done.
    Retrying(
        retry=retry_if_exception_type(psycopg.errors.InsufficientPrivilege),
        wait=wait_fixed(0.2),
        stop=stop_after_delay(20),
        reraise=True,
    )(administer, engines, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def database_named(engines: Engines, name: str) -> str:
    """SQLAlchemy's URL of another database on the same server."""
    before, after = engines.database_url.rsplit("/suifang?", 1)
    return f"{before}/{name}?{after}"


def administer(engines: Engines, statement: sql.Composed | sql.SQL) -> None:
    """Run one statement outside a transaction, as CREATE and DROP DATABASE want it."""
    with psycopg.connect(libpq_url(engines.database_url), autocommit=True) as connection:
        connection.execute(statement)
