"""The processes of one machine under supervisord: started in order, restarted when they die, stopped in reverse order.

Nothing survives by accident: children end when supervisord ends, and a start after a SIGKILL first sees the leftovers
of the killed one off. (Call workers do survive: they are not children here but the telephony node's, in a session of
their own.)
"""

import fcntl
import json
import logging
import os
import shlex
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from xmlrpc.client import Fault, ServerProxy

import structlog
from supervisor.xmlrpc import SupervisorTransport
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from runtime.private_files import socket_path, write_private
from runtime.processes import ProcessMark, wait_ended
from runtime.settings import Settings, private_folder

log = structlog.get_logger(__name__)

STOP_TIME = timedelta(seconds=20)
_LOG_BYTES, _LOG_FILES = 20_000_000, 10

_SUPERVISORD = """\
[supervisord]
nodaemon = true
silent = true
logfile = {logs}/supervisord.log
logfile_maxbytes = 5MB
logfile_backups = 2
pidfile = {run}/supervisord.pid
childlogdir = {logs}
umask = 077

[unix_http_server]
file = {socket}
chmod = 0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
"""
_PROGRAM = """
[program:{name}]
command = {command}
priority = {priority}
autorestart = true
startsecs = 2
startretries = {start_tries}
stopsignal = TERM
stopwaitsecs = {stop_seconds}
killasgroup = true
redirect_stderr = true
stdout_logfile = /dev/stdout
stdout_logfile_maxbytes = 0
"""


class SupervisionError(Exception):
    """The processes cannot be started; the text says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One process to keep alive. Lower `order` starts earlier and stops later."""

    name: str
    command: tuple[str, ...]
    order: int
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_time: timedelta = STOP_TIME
    start_tries: int = 10


def own_programs(*, captions: bool) -> tuple[Program, ...]:
    """The processes of an installation: calls end last at a stop, new ones stop being made first."""
    suifang = (sys.executable, "-m", "suifang.process_entry")
    following = (Program(name="captions", command=(*suifang, "captions"), order=30),) if captions else ()
    return (
        Program(name="telephony", command=(*suifang, "telephony"), order=10),
        Program(name="headsets", command=(*suifang, "headsets"), order=15),
        Program(name="feeds", command=(*suifang, "feeds"), order=20),
        Program(name="api", command=(*suifang, "api"), order=20),
        Program(name="worker", command=(*suifang, "worker"), order=30, environment={"SUIFANG_WORKER_TASKS": "others"}),
        Program(name="speech", command=(*suifang, "worker"), order=30, environment={"SUIFANG_WORKER_TASKS": "speech"}),
        *following,
        Program(name="scheduler", command=(*suifang, "scheduler"), order=40),
    )


def to_stderr(line: str) -> None:
    """Where the log's lines go besides the log file, unless the caller wants them elsewhere."""
    sys.stderr.write(line + "\n")


class Supervision:
    """One supervisord for one state folder. Start it from the main thread: its end is tied to that thread's.

    `on_line` gets every line that any of the programs prints, on a thread of its own; all lines also go to
    `logs/suifang.log`, which is rotated.
    """

    def __init__(
        self,
        settings: Settings,
        programs: Sequence[Program],
        *,
        environment: Mapping[str, str] | None = None,
        on_line: Callable[[str], None] = to_stderr,
    ) -> None:
        self._settings = settings
        self._programs = tuple(programs)
        self._environment = dict(environment or {})
        self._on_line = on_line
        self._marks = settings.run_dir / "programs"
        self._lock: int | None = None
        self._supervisord: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None

    def start(self) -> None:
        """Start everything in order; returns when supervisord answers, the programs may still be starting."""
        private_folder(self._settings.state_dir)
        for folder in (self._settings.run_dir, self._settings.logs_dir, self._marks):
            private_folder(folder)
        self._take_lock()
        self._start_supervisord()

    def stop(self) -> None:
        """Stop the programs in reverse order and then supervisord; doing so twice is harmless."""
        if self._supervisord is not None:
            self._stop_side_by_side()
            self._supervisord.terminate()
            patience = sum((program.stop_time for program in self._programs), timedelta(seconds=10))
            try:
                self._supervisord.wait(timeout=patience.total_seconds())
            except subprocess.TimeoutExpired:
                log.exception("supervisor_killed", waited_seconds=patience.total_seconds())
                self._supervisord.kill()
                self._supervisord.wait()
            self._see_off_leftovers()
            self._supervisord = None
        if self._reader is not None:
            self._reader.join()
            self._reader = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _stop_side_by_side(self) -> None:
        """Stop programs of one order together; supervisord by itself stops one after the other."""
        orders = sorted({program.order for program in self._programs}, reverse=True)
        try:
            for order in orders:
                together = [program for program in self._programs if program.order == order]
                for program in together:
                    self._stop_program(program.name)
                patience = max(program.stop_time for program in together)
                Retrying(retry=retry_if_result(bool), wait=wait_fixed(0.05), stop=stop_after_delay(patience))(
                    lambda names: {name for name, state in self.states().items() if state == "STOPPING"} & names,
                    {program.name for program in together},
                )
        except (OSError, RetryError) as error:
            # supervisord is dead or a program does not end: what follows kills both.
            log.warning("programs_not_stopped_in_order", reason=str(error))

    def _stop_program(self, name: str) -> None:
        try:
            self._remote().stopProcess(name, False)
        except Fault as fault:
            log.info("program_not_running", program=name, reason=fault.faultString)

    def states(self) -> dict[str, str]:
        """Each program's state in supervisord's words: STARTING, RUNNING, BACKOFF, STOPPED, FATAL …"""
        return {told["name"]: told["statename"] for told in self._remote().getAllProcessInfo()}

    def pid(self, name: str) -> int:
        """The pid of a running program, else 0."""
        return int(self._remote().getProcessInfo(name)["pid"])

    def wait_running(self, within: timedelta) -> None:
        """Wait until every program has lived for two seconds, or SupervisionError naming those that have not."""

        def not_running() -> dict[str, str]:
            return {name: state for name, state in self.states().items() if state != "RUNNING"}

        try:
            Retrying(retry=retry_if_result(bool), wait=wait_fixed(0.1), stop=stop_after_delay(within))(not_running)
        except RetryError:
            named = ", ".join(f"{name} is {state.lower()}" for name, state in not_running().items())
            raise SupervisionError(
                f"not all processes run: {named}. Their last words are in {self._settings.logs_dir / 'suifang.log'}"
            ) from None

    def revive(self) -> list[str]:
        """Bring back what supervisord itself cannot: itself, and programs that it gave up. Their names."""
        if self._supervisord is not None and self._supervisord.poll() is not None:
            log.error("supervisor_died", status=self._supervisord.returncode)
            self._start_supervisord()
            return ["supervisord"]
        try:
            given_up = [name for name, state in self.states().items() if state == "FATAL"]
        except OSError as error:
            # It is dying or too busy: the next call sees which.
            log.warning("supervisor_silent", reason=str(error))
            return []
        for name in given_up:
            log.error("program_keeps_failing", program=name)
            try:
                self._remote().startProcess(name, False)
            except Fault:
                log.exception("program_not_started", program=name)
        return given_up

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _take_lock(self) -> None:
        self._lock = os.open(self._settings.run_dir / "supervision.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            self._lock = None
            raise SupervisionError(
                f"Suifang already runs in {self._settings.state_dir}: stop that one, or set SUIFANG_STATE_DIR to "
                "another folder"
            ) from None

    def _start_supervisord(self) -> None:
        self._see_off_leftovers()
        socket = socket_path(self._settings.run_dir, "supervisor.sock")
        socket.unlink(missing_ok=True)
        configuration = self._settings.run_dir / "supervisord.conf"
        write_private(configuration, self._configuration(socket))
        supervisord = (sys.executable, "-m", "supervisor.supervisord", "-c", str(configuration))
        specification = self._specify("supervisord", supervisord, {**self._environment, "PYTHONUNBUFFERED": "1"})
        self._supervisord = subprocess.Popen(
            [sys.executable, "-m", "suifang.supervised_program", str(specification)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=Path(__file__).parents[1],
            start_new_session=True,  # Ctrl-C in the terminal reaches only us, who stop them in order
        )
        if self._reader is not None:
            self._reader.join()
        self._reader = threading.Thread(
            target=self._read_lines, args=(self._supervisord.stdout,), name="log", daemon=True
        )
        self._reader.start()
        self._wait_answering()

    def _configuration(self, socket: Path) -> str:
        sections = [_SUPERVISORD.format(run=self._settings.run_dir, logs=self._settings.logs_dir, socket=socket)]
        for program in self._programs:
            specification = self._specify(program.name, program.command, program.environment)
            command = shlex.join([sys.executable, "-m", "suifang.supervised_program", str(specification)])
            sections.append(
                _PROGRAM.format(
                    name=program.name,
                    command=command,
                    priority=program.order,
                    start_tries=program.start_tries,
                    stop_seconds=int(program.stop_time.total_seconds()),
                )
            )
        # supervisord reads % as the start of a variable.
        return "".join(sections).replace("%", "%%")

    def _specify(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> Path:
        specification = self._marks / f"{name}.json"
        write_private(
            specification,
            json.dumps(
                {"command": command, "environment": dict(environment), "mark": str(self._marks / f"{name}.mark")}
            ),
        )
        return specification

    def _see_off_leftovers(self) -> None:
        """Wait for what a killed supervision left behind to end as the kernel told it to, and help it after a while."""
        supervisord = self._marks / "supervisord.mark"
        # The supervisor first: while it lives it would start the others again.
        for marks in ([supervisord], [mark for mark in self._marks.glob("*.mark") if mark != supervisord]):
            found = {mark.stem: ProcessMark(**json.loads(mark.read_text())).find() for mark in marks if mark.exists()}
            living = {name: process for name, process in found.items() if process is not None}
            for name, process in living.items():
                log.warning("leftover_process_stopped", program=name, pid=process.pid)
                process.terminate()
            for process in wait_ended(list(living.values()), STOP_TIME):
                log.error("leftover_process_killed", pid=process.pid)
                process.kill()
            wait_ended(list(living.values()), STOP_TIME)
        for mark in self._marks.glob("*.mark"):
            mark.unlink()

    def _wait_answering(self) -> None:
        def silent() -> bool:
            if self._supervisord is not None and self._supervisord.poll() is not None:
                raise SupervisionError(
                    f"supervisord ended at its start; the reason is in {self._settings.logs_dir / 'suifang.log'}"
                )
            try:
                self._remote().getState()
            except (OSError, Fault):
                return True
            return False

        try:
            Retrying(retry=retry_if_result(bool), wait=wait_fixed(0.05), stop=stop_after_delay(timedelta(seconds=30)))(
                silent
            )
        except RetryError:
            raise SupervisionError(
                f"supervisord does not answer; see {self._settings.logs_dir / 'supervisord.log'}"
            ) from None

    def _remote(self) -> Any:
        socket = socket_path(self._settings.run_dir, "supervisor.sock")
        # The address is a form: the transport speaks over the socket.
        return ServerProxy("http://127.0.0.1", transport=SupervisorTransport(None, None, f"unix://{socket}")).supervisor

    def _read_lines(self, stream: Any) -> None:
        into = RotatingFileHandler(
            self._settings.logs_dir / "suifang.log", maxBytes=_LOG_BYTES, backupCount=_LOG_FILES, encoding="utf-8"
        )
        with stream:
            for raw in stream:
                line = raw.decode("utf-8", "replace").rstrip("\n")
                into.emit(logging.makeLogRecord({"msg": line}))
                self._on_line(line)
        into.close()
