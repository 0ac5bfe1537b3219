"""The database and the broker of an installation: the embedded servers where no URL is set, shared by every process."""

import fcntl
import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
import structlog

from runtime import postgres_server, valkey_server
from runtime.postgres_server import EngineError, PostgresServer
from runtime.private_files import write_private
from runtime.processes import ProcessMark
from runtime.settings import Settings, private_folder
from runtime.valkey_server import ValkeyServer

log = structlog.get_logger(__name__)

__all__ = ["EngineError", "EngineUrls", "Engines", "engine_urls", "ensure_engines"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineUrls:
    """Where database and broker are found; both URLs carry a password and never reach a log."""

    database_url: str
    broker_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Holder:
    """A process that needs the embedded servers."""

    token: str
    process: ProcessMark


class Engines:
    """A hold on the servers: they run at least until `close`. The last holder's `close` stops the embedded ones."""

    def __init__(self, settings: Settings, token: str, urls: EngineUrls, versions: tuple[str, str]) -> None:
        self.database_url = urls.database_url
        self.broker_url = urls.broker_url
        self.postgres_version, self.broker_version = versions
        self._settings = settings
        self._token = token

    def revive(self) -> list[str]:
        """Start those embedded servers again that died meanwhile; their names."""
        dead = [server for server in _embedded_servers(self._settings) if server.running_pid() is None]
        if dead:
            with _locked(self._settings):
                for server in dead:
                    log.error("engine_died", engine=type(server).__name__)
                    server.ensure_running()
        return [type(server).__name__ for server in dead]

    def close(self) -> None:
        """Give up this hold; doing so twice is harmless."""
        with _locked(self._settings):
            remaining = [held for held in _living_holders(self._settings) if held.token != self._token]
            if remaining:
                _write_state(self._settings, self, remaining)
                return
            for server in _embedded_servers(self._settings):
                server.stop()
            _state_file(self._settings).unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def ensure_engines(settings: Settings) -> Engines:
    """See that database and broker run, starting or adopting the embedded ones, and hold them for this process."""
    private_folder(settings.state_dir)
    with _locked(settings):
        for server in _embedded_servers(settings):
            server.ensure_running()
        postgres, valkey = _postgres(settings), _valkey(settings)
        urls = EngineUrls(
            database_url=settings.database_url or postgres.url(), broker_url=settings.broker_url or valkey.url()
        )
        versions = (
            postgres_server.external_version(settings.database_url) if settings.database_url else postgres.version(),
            valkey_server.external_version(urls.broker_url),
        )
        holder = _Holder(token=uuid.uuid4().hex, process=ProcessMark.of(psutil.Process()))
        engines = Engines(settings, holder.token, urls, versions)
        _write_state(settings, engines, [*_living_holders(settings), holder])
        return engines


def engine_urls(settings: Settings) -> EngineUrls:
    """The URLs without starting anything: as set, or those of the embedded servers that another process holds."""
    if settings.database_url and settings.broker_url:
        return EngineUrls(database_url=settings.database_url, broker_url=settings.broker_url)
    try:
        state = json.loads(_state_file(settings).read_text())
    except FileNotFoundError:
        raise EngineError(
            f"no database and broker are running for {settings.state_dir}: start `suifang up` first, or set "
            "SUIFANG_DATABASE_URL and SUIFANG_BROKER_URL to servers of your own"
        ) from None
    return EngineUrls(
        database_url=settings.database_url or state["database_url"],
        broker_url=settings.broker_url or state["broker_url"],
    )


def _postgres(settings: Settings) -> PostgresServer:
    return PostgresServer(settings.postgres_dir, settings.keys_dir)


def _valkey(settings: Settings) -> ValkeyServer:
    return ValkeyServer(settings.state_dir / "valkey", settings.keys_dir)


def _embedded_servers(settings: Settings) -> list[PostgresServer | ValkeyServer]:
    servers: list[PostgresServer | ValkeyServer] = []
    if settings.database_url is None:
        servers.append(_postgres(settings))
    if settings.broker_url is None:
        servers.append(_valkey(settings))
    return servers


def _state_file(settings: Settings) -> Path:
    return settings.run_dir / "engines.json"


def _living_holders(settings: Settings) -> list[_Holder]:
    try:
        written = json.loads(_state_file(settings).read_text())["holders"]
    except FileNotFoundError:
        return []
    holders = [
        _Holder(token=held["token"], process=ProcessMark(pid=held["pid"], started=held["started"])) for held in written
    ]
    return [held for held in holders if held.process.find()]


def _write_state(settings: Settings, engines: Engines, holders: list[_Holder]) -> None:
    write_private(
        _state_file(settings),
        json.dumps(
            {
                "database_url": engines.database_url,
                "broker_url": engines.broker_url,
                "postgres_version": engines.postgres_version,
                "broker_version": engines.broker_version,
                "holders": [
                    {"token": held.token, "pid": held.process.pid, "started": held.process.started} for held in holders
                ],
            }
        ),
    )


@contextmanager
def _locked(settings: Settings) -> Iterator[None]:
    """One process at a time starts, stops or counts; the kernel frees the lock of a killed one."""
    private_folder(settings.run_dir)
    descriptor = os.open(settings.run_dir / "engines.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
