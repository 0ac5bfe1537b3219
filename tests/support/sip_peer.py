"""A call worker as a test sees it: its process, and a node's connection to it."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from followup.calls import LegId, LegRole
from telephony.call_control import LegEventKind, OutboundLeg, Trunk
from telephony.sip.config import WorkerConfig, write_worker_config
from telephony.sip.journal import JournalRecord, read_journal
from telephony.sip.wire import (
    Ack,
    Answer,
    Command,
    Event,
    Hello,
    LineBuffer,
    Request,
    Status,
    WorkerStatus,
    decode_from_worker,
    encode,
)
from tests.support.ports import free_udp_block
from tests.support.waiting import until

REPOSITORY = Path(__file__).resolve().parents[2]
RTP_PORTS = 40


class NodeConnection:
    """What a telephony node does with a worker's socket, one thread, read when looked at."""

    def __init__(self, path: Path) -> None:
        self._line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._line.connect(str(path))
        self._line.setblocking(False)
        self._buffer = LineBuffer()
        self._numbers = count(1)
        self._answers: dict[int, Answer] = {}
        self.events: list[Event] = []
        self.hello: Hello | None = None
        self.closed = False

    def fileno(self) -> int:
        """For a selector."""
        return self._line.fileno()

    def read(self) -> None:
        """Take in what has come."""
        while not self.closed:
            try:
                chunk = self._line.recv(65536)
            except BlockingIOError:
                return
            except ConnectionResetError:
                chunk = b""
            self.closed = not chunk
            for line in self._buffer.feed(chunk):
                message = decode_from_worker(line)
                if isinstance(message, Hello):
                    self.hello = message
                elif isinstance(message, Answer):
                    self._answers[message.answer] = message
                else:
                    self.events.append(message)

    def greeted(self) -> Hello:
        """The worker's first line."""

        def said() -> Hello | None:
            self.read()
            return self.hello

        hello = until(said, timeout=10, what="the worker says hello")
        assert hello is not None
        return hello

    def send(self, request: Request) -> int:
        """Ask without waiting for the answer; its number."""
        number = next(self._numbers)
        self.say(encode(Command(seq=number, request=request)))
        return number

    def say(self, line: bytes) -> None:
        """Raw bytes to the worker."""
        self._line.setblocking(True)
        self._line.sendall(line)
        self._line.setblocking(False)

    def answer(self, number: int) -> Answer:
        """The answer to a command sent before."""

        def answered() -> Answer | None:
            self.read()
            return self._answers.pop(number, None)

        answer = until(answered, timeout=10, what=f"command {number} is answered", every=0.002)
        assert answer is not None
        return answer

    def ask(self, request: Request) -> Answer:
        """Ask and wait for the answer."""
        return self.answer(self.send(request))

    def do(self, request: Request) -> Answer:
        """Ask, and raise when the worker refuses."""
        answer = self.ask(request)
        error = answer.error()
        if error is not None:
            raise error
        return answer

    def status(self) -> WorkerStatus:
        """How the worker is."""
        status = self.do(Status()).status
        assert status is not None
        return status

    def acknowledge(self, number: int) -> None:
        """Everything up to this event is stored."""
        self.say(encode(Ack(ack=number)))

    def seen(self, leg_id: str, kind: LegEventKind) -> list[Event]:
        """The events of one kind on one leg so far."""
        self.read()
        return [event for event in self.events if event.leg_id == leg_id and event.kind is kind]

    def wait_for(self, leg_id: str, kind: LegEventKind, *, timeout: float = 10.0, times: int = 1) -> Event:
        """The event of this kind on this leg, once it has come (`times` often)."""

        def come() -> list[Event] | None:
            found = self.seen(leg_id, kind)
            return found if len(found) >= times else None

        found = until(come, timeout=timeout, what=f"{leg_id} {kind}; seen: {self.kinds(leg_id)}", every=0.005)
        assert found is not None
        return found[times - 1]

    def kinds(self, leg_id: str) -> list[LegEventKind]:
        """What happened on a leg, in order."""
        self.read()
        return [event.kind for event in self.events if event.leg_id == leg_id]

    def close(self) -> None:
        """Go away as a dying node does."""
        self._line.close()


@dataclass
class WorkerUnderTest:
    """A running call worker."""

    config: WorkerConfig
    child: subprocess.Popen[bytes]
    folder: Path
    connections: list[NodeConnection] = field(default_factory=list)

    def connect(self) -> NodeConnection:
        """A node's connection, greeted."""
        connection = NodeConnection(self.config.socket)
        self.connections.append(connection)
        connection.greeted()
        return connection

    def journal(self) -> JournalRecord:
        """What its journal says now."""
        return read_journal(self.config.journal)

    def log(self) -> str:
        """What it wrote to stderr."""
        return (self.folder / "stderr.txt").read_text()

    def wait_for_exit(self, timeout: float = 10.0) -> int:
        """Its exit status."""
        until(lambda: self.child.poll() is not None, timeout=timeout, what="the worker leaves")
        assert self.child.returncode is not None
        return self.child.returncode


@contextmanager
def call_worker(
    folder: Path,
    *,
    orphan_seconds: float = 60.0,
    no_reply_seconds: float = 3.0,
    silent_seconds: float = 20.0,
    silent_end_seconds: float = 60.0,
    frame_milliseconds: int = 40,
    front: bool = False,
    decide_seconds: float = 20.0,
) -> Iterator[WorkerUnderTest]:
    """A call worker of its own on loopback ports of its own; it is gone when the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    ports = free_udp_block(RTP_PORTS + 2)
    # A Unix socket's path may be 107 bytes long, which pytest's folders can exceed.
    with tempfile.TemporaryDirectory(prefix="suifang-worker-") as short:
        config = WorkerConfig(
            worker_id=f"worker-{uuid.uuid4().hex[:8]}",
            socket=Path(short) / "socket",
            journal=folder / "journal.jsonl",
            lock=folder / "lock",
            sip_port=ports,
            rtp_base=ports + 2,
            rtp_count=RTP_PORTS,
            orphan_seconds=orphan_seconds,
            no_reply_seconds=no_reply_seconds,
            silent_seconds=silent_seconds,
            silent_end_seconds=silent_end_seconds,
            frame_milliseconds=frame_milliseconds,
            front=front,
            decide_seconds=decide_seconds,
        )
        write_worker_config(config, folder / "config.json")
        with start_worker(folder, config) as worker:
            yield worker


@contextmanager
def start_worker(folder: Path, config: WorkerConfig) -> Iterator[WorkerUnderTest]:
    """The process for a configuration already written to `config.json` in `folder`."""
    command = [sys.executable, "-m", "telephony.sip.worker", "--config", str(folder / "config.json")]
    with (folder / "stderr.txt").open("wb") as complaints:
        child = subprocess.Popen(command, cwd=REPOSITORY, stderr=complaints, start_new_session=True)
    worker = WorkerUnderTest(config, child, folder)
    try:
        until(
            lambda: child.poll() is not None or (config.socket.exists() and "worker_ready" in worker.log()),
            timeout=20,
            what="the worker starts",
        )
        if child.poll() is not None:
            raise AssertionError(f"the worker died with {child.returncode}: {worker.log()[-2000:]}")
        yield worker
    finally:
        for connection in worker.connections:
            connection.close()
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
            try:
                child.wait(timeout=8)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()


def outbound(
    number: str,
    *,
    leg_id: str | None = None,
    role: LegRole = LegRole.PATIENT,
    ring_seconds: float = 20.0,
    join_leg: str | None = None,
    recording_folder: Path | None = None,
    screened: bool = False,
) -> OutboundLeg:
    """A leg with an id and an attempt of its own."""
    return OutboundLeg(
        leg_id=LegId(leg_id or f"leg-{uuid.uuid4().hex[:8]}"),
        attempt_id=f"attempt-{uuid.uuid4().hex[:8]}",
        role=role,
        number=number,
        ring_seconds=ring_seconds,
        join_leg=LegId(join_leg) if join_leg else None,
        recording_folder=recording_folder,
        screened=screened,
    )


def loopback_trunk(
    port: int, *, host: str = "127.0.0.1", username: str = "", password: str = "", proxy: str = ""
) -> Trunk:
    """A trunk to a test's own peer."""
    return Trunk(
        name="test",
        host=host,
        port=port,
        caller_id="+861055550000",
        username=username,
        password=password,
        outbound_proxy=proxy,
        loopback_only=True,
    )
