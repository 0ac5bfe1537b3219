"""A town and scripted headsets for tests, started as the demo starts them: as programs of their own."""

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.ports import free_udp_block
from tests.support.waiting import until

REPOSITORY = Path(__file__).resolve().parents[2]
PORTS_OF_A_TOWN = 200
PORTS_OF_HEADSETS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningTown:
    """An open town: where its exchange is, and what it has written down."""

    pid: int
    port: int
    log_file: Path
    heard: Path

    def target(self, number: str) -> str:
        return f"sip:{number}@127.0.0.1:{self.port}"

    def log(self, number: str) -> list[dict[str, object]]:
        """What happened at a number, oldest first."""
        if not self.log_file.exists():
            return []
        lines = [
            json.loads(line) for line in self.log_file.read_text().splitlines(keepends=True) if line.endswith("\n")
        ]
        return [line for line in lines if line["number"] == number.lstrip("+")]

    def events(self, number: str) -> list[object]:
        return [line["event"] for line in self.log(number)]

    def events_once(self, count: int, number: str, *, after: int = 0) -> list[object]:
        """What happened at a number behind the first `after` events, once it is so much: a phone writes what it did."""
        until(
            lambda: len(self.events(number)) >= after + count,
            timeout=10,
            what=f"{number} tells of {count} events behind the first {after}",
        )
        return self.events(number)[after:]


@contextmanager
def open_town(plan: Path, folder: Path, extensions: Sequence[str] = ()) -> Iterator[RunningTown]:
    """A town on free ports, closed at the end."""
    port = free_udp_block(PORTS_OF_A_TOWN)
    log_file, heard = folder / "town.jsonl", folder / "heard"
    command = [sys.executable, "-m", "suifang.demo.town", "--config", str(plan), "--port", str(port)]
    command += ["--rtp-base", str(port + 20), "--log", str(log_file), "--heard", str(heard)]
    for extension in extensions:
        command += ["--extension", extension]
    complaints = folder / "town.stderr"
    with complaints.open("wb") as stderr:
        child = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=stderr, text=True)
        try:
            assert child.stdout is not None
            line = child.stdout.readline()
            assert line.startswith('{"ready": true'), f"the town did not open: {complaints.read_text()[-2000:]}"
            yield RunningTown(pid=child.pid, port=port, log_file=log_file, heard=heard)
        finally:
            _stop(child)


@dataclass
class RunningHeadsets:
    """Headsets under command."""

    port: int
    child: subprocess.Popen[str]
    lines: list[dict[str, object]] = field(default_factory=list)
    _incoming: "queue.SimpleQueue[str]" = field(default_factory=queue.SimpleQueue)

    def target(self, agent: str) -> str:
        return f"sip:{agent}@127.0.0.1:{self.port}"

    def command(self, line: str) -> dict[str, object]:
        """Give a command and return its answer."""
        assert self.child.stdin is not None
        before = len(self.lines)
        self.child.stdin.write(line + "\n")
        self.child.stdin.flush()
        verb = line.split()[0]
        answers = until(
            lambda: [said for said in self.seen()[before:] if said.get("command") == verb],
            timeout=5,
            what=f"an answer to {line!r}",
        )
        return answers[0]

    def seen(self) -> list[dict[str, object]]:
        """Everything the headsets have told so far."""
        while not self._incoming.empty():
            self.lines.append(json.loads(self._incoming.get()))
        return self.lines

    def wait_for(self, event: str, agent: str, *, after: int = 0, timeout: float = 10) -> dict[str, object]:
        """The first such event of an agent behind the first `after` lines."""
        wanted = (event, agent)
        told = until(
            lambda: [line for line in self.seen()[after:] if (line.get("event"), line.get("agent")) == wanted],
            timeout=timeout,
            what=f"headset {agent} is {event}; so far {self.lines}",
        )
        return told[0]


@contextmanager
def put_on_headsets(agents: Sequence[str]) -> Iterator[RunningHeadsets]:
    """Headsets on free ports, taken off at the end."""
    port = free_udp_block(PORTS_OF_HEADSETS)
    command = [sys.executable, "-m", "suifang.demo.headset", "--port", str(port), "--rtp-base", str(port + 2)]
    for agent in agents:
        command += ["--agent", agent]
    child = subprocess.Popen(
        command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert child.stdout is not None
        assert '"ready": true' in child.stdout.readline(), "the headsets did not start"
        headsets = RunningHeadsets(port, child)
        threading.Thread(target=_read, args=(child.stdout, headsets._incoming), daemon=True).start()
        yield headsets
    finally:
        _stop(child)


def _read(stream: Iterator[str], lines: "queue.SimpleQueue[str]") -> None:
    for line in stream:
        lines.put(line)


def _stop(child: subprocess.Popen[str]) -> None:
    child.terminate()
    try:
        child.wait(timeout=8)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
