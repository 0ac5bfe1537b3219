"""A call worker that obeys a benchmark instead of a telephony node, and sipp as the far end of its calls."""

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from followup.calls import EndReason, LegId, LegRole
from runtime.settings import REPOSITORY
from telephony.call_control import LegEventKind, OutboundLeg, Trunk
from telephony.sip.config import WorkerConfig, write_worker_config
from telephony.sip.wire import (
    Answer,
    AttachHeadset,
    Command,
    Event,
    FromWorker,
    HangUp,
    Hello,
    LineBuffer,
    Originate,
    Request,
    Status,
    WorkerStatus,
    decode_from_worker,
    encode,
)

HOST = "127.0.0.1"
SCENARIOS = Path(__file__).with_name("sipp")
PAYLOADS = {"PCMA": "8", "PCMU": "0"}
PATIENCE_SECONDS = 20.0
AGENT, PATIENT = LegId("agent"), LegId("patient")


@dataclass
class DrivenWorker:
    """One worker's process and our end of its socket."""

    config: WorkerConfig
    child: subprocess.Popen[bytes]
    _line: socket.socket | None = None
    _lines: LineBuffer = field(default_factory=LineBuffer)
    _heard: list[FromWorker] = field(default_factory=list)
    _asked: int = 0

    def greet(self) -> None:
        """Wait until it says hello."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self._line is None:
            line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                line.connect(str(self.config.socket))
            except OSError:
                line.close()
                if time.monotonic() > deadline or self.child.poll() is not None:
                    raise
                time.sleep(0.005)
                continue
            line.settimeout(PATIENCE_SECONDS)
            self._line = line
        self._wait(lambda said: isinstance(said, Hello))

    def ask(self, request: Request) -> Answer:
        """Its answer; a refusal is raised."""
        self._asked += 1
        number = self._asked
        self._socket.sendall(encode(Command(seq=number, request=request)))
        answer = cast("Answer", self._wait(lambda said: isinstance(said, Answer) and said.answer == number))
        if (error := answer.error()) is not None:
            raise error
        return answer

    def wait_for(self, leg_id: LegId, *kinds: LegEventKind) -> Event:
        """The next event of one of these kinds."""
        return cast(
            "Event",
            self._wait(lambda said: isinstance(said, Event) and said.leg_id == leg_id and said.kind in kinds),
        )

    def status(self) -> WorkerStatus:
        """How it is."""
        return cast("WorkerStatus", self.ask(Status()).status)

    def ring_headset(self, trunk: Trunk, leg_id: LegId = AGENT) -> None:
        """Call the agent's phone and wait until it is up."""
        leg = OutboundLeg(leg_id=leg_id, attempt_id=leg_id, role=LegRole.AGENT, number="desk", ring_seconds=20.0)
        self.ask(AttachHeadset(leg=leg, trunk=trunk))
        self.expect(leg_id, LegEventKind.ANSWERED)

    def call_patient(self, trunk: Trunk, folder: Path | None, leg_id: LegId = PATIENT) -> None:
        """Call a patient, recorded when a folder is given, and wait until agent and patient are joined."""
        leg = OutboundLeg(
            leg_id=leg_id,
            attempt_id=f"{self.config.worker_id}-{leg_id}",
            role=LegRole.PATIENT,
            number="13800000000",
            ring_seconds=20.0,
            join_leg=AGENT,
            recording_folder=folder,
        )
        self.ask(Originate(leg=leg, trunk=trunk))
        self.expect(leg_id, LegEventKind.BRIDGED)

    def expect(self, leg_id: LegId, kind: LegEventKind) -> Event:
        """The event, or RuntimeError when the leg has ended instead."""
        event = self.wait_for(leg_id, kind, LegEventKind.ENDED)
        if event.kind is not kind:
            raise RuntimeError(f"leg {leg_id} of {self.config.worker_id} ended instead: {event.values}")
        return event

    def hang_up(self, *legs: LegId) -> None:
        """End legs and wait for it."""
        for leg_id in legs:
            self.ask(HangUp(leg_id=leg_id, reason=EndReason.HANG_UP))
        for leg_id in legs:
            self.wait_for(leg_id, LegEventKind.ENDED)

    def cpu_seconds(self) -> float:
        """CPU time of all its threads so far, to the nanosecond as the scheduler counts it."""
        threads = Path(f"/proc/{self.child.pid}/task").iterdir()
        return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9

    def wakeups(self) -> int:
        """How often one of its threads was put to sleep and woken so far."""
        return sum(
            int(line.split()[1])
            for thread in Path(f"/proc/{self.child.pid}/task").iterdir()
            for line in (thread / "status").read_text().splitlines()
            if line.startswith("voluntary_ctxt_switches")
        )

    def memory(self) -> dict[str, int]:
        """Kilobytes: `Rss`, `Pss` (shared pages by share), `Uss` (what would come back if only it ended)."""
        rows = Path(f"/proc/{self.child.pid}/smaps_rollup").read_text().splitlines()[1:]
        sizes = {name.rstrip(":"): int(size) for name, size, *_ in map(str.split, rows)}
        return {"Rss": sizes["Rss"], "Pss": sizes["Pss"], "Uss": sizes["Private_Clean"] + sizes["Private_Dirty"]}

    def close(self) -> None:
        """End it."""
        self.child.terminate()
        try:
            self.child.wait(10)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        if self._line is not None:
            self._line.close()

    @property
    def _socket(self) -> socket.socket:
        if self._line is None:
            raise RuntimeError("greet the worker first")
        return self._line

    def _wait(self, wanted: Callable[[FromWorker], bool]) -> FromWorker:
        while True:
            for said in self._heard:
                if wanted(said):
                    self._heard.remove(said)
                    return said
            chunk = self._socket.recv(65536)
            if not chunk:
                raise RuntimeError(f"call worker {self.config.worker_id} is gone; see {self.config.worker_id}.log")
            self._heard += map(decode_from_worker, self._lines.feed(chunk))


def start_driven(folder: Path, number: int, first_port: int, *, tree: Path = REPOSITORY, **more: float) -> DrivenWorker:
    """Start worker `number` on ports of its own; `tree` is the checkout whose code it runs."""
    sip_port = first_port + 50 * number
    name = f"bench-{number}-{sip_port}"
    config = WorkerConfig(
        worker_id=name,
        socket=folder / f"{number}.sock",
        journal=folder / f"{name}.jsonl",
        lock=folder / f"{name}.lock",
        sip_port=sip_port,
        rtp_base=sip_port + 10,
        rtp_count=40,
        **more,  # type: ignore[arg-type]
    )
    write_worker_config(config, folder / f"{name}.json")
    with (folder / f"{name}.log").open("wb") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "telephony.sip.worker", "--config", str(folder / f"{name}.json")],
            cwd=tree,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    return DrivenWorker(config, child)


@contextmanager
def echoing_sipp(folder: Path, port: int, codec: str) -> Iterator[Trunk]:
    """sipp that answers every call and echoes its sound; the trunk that leads there."""
    with _sipp(folder, "echo", port, codec, "-mi", HOST, "-mp", str(port + 2), "-rtp_echo") as trunk:
        yield trunk


@contextmanager
def quiet_sipp(folder: Path, port: int, sound_port: int) -> Iterator[Trunk]:
    """sipp that answers every call and says that its sound is at another program's port."""
    with _sipp(folder, "no_sound", port, "PCMA", "-key", "sound_port", str(sound_port)) as trunk:
        yield trunk


@contextmanager
def _sipp(folder: Path, scenario: str, port: int, codec: str, *more: str) -> Iterator[Trunk]:
    command = ["sipp", "-sf", str(SCENARIOS / f"{scenario}.xml"), "-i", HOST, "-p", str(port), "-nostdin", *more]
    command += ["-key", "payload", PAYLOADS[codec], "-key", "codec", codec]
    with (folder / f"sipp-{port}.txt").open("wb") as screen:
        child = subprocess.Popen(command, cwd=folder, stdout=screen, stderr=screen)
    try:
        time.sleep(1.0)
        yield Trunk(name=f"sipp-{port}", host=HOST, port=port, caller_id="02100000000")
    finally:
        child.kill()
        child.wait()
