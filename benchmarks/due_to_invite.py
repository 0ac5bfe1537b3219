"""From a task's hour to the INVITE on the wire: `python -m benchmarks.due_to_invite --json`.

A leading scheduler, a telephony node and its call worker as an installation runs them; an agent waits with her headset
up. The far end is one UDP socket that notes when an INVITE comes and says that the patient is busy.
"""

import argparse
import os
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.row import Row, print_rows
from db.engine import make_engine
from db.leadership import Leadership
from db.migrate import upgrade
from db.outbox import OUTBOX_CHANNEL
from db.unit_of_work import UnitsOfWork
from followup.plans import TaskState
from followup.queues import AgentState, HeadsetState, Queue
from runtime.content.library import Content
from runtime.embedded import Engines, ensure_engines
from runtime.live_events import LiveStream
from runtime.log import configure_logging
from runtime.settings import Settings
from runtime.task_queue import make_task_queue
from scheduler.leader import Leader
from suifang.scheduler_process import LOCK, duties
from telephony.call_control import Trunk
from telephony.trunks import Trunks
from tests.support.builders import a_patient, a_queue, a_task, an_agent
from tests.support.ports import free_udp_block
from tests.support.raw_sip import RawPeer, Received
from tests.support.telephony_bench import PORTS, Place, node_at
from tests.support.waiting import until

DESK = "desk"
AHEAD = timedelta(milliseconds=400)
"""So long before its hour a task is planned: the scheduler sleeps towards it, as it does all day."""

GOAL_MS = 250.0


def say(text: str) -> None:
    """Progress, on stderr."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} load {os.getloadavg()[0]:.1f}: {text}\n")


class FarEnd:
    """The telephones of the agent and of every patient."""

    def __init__(self, line: socket.socket) -> None:
        self._peer = RawPeer(line)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="far-end", daemon=True)
        self._came: dict[str, float] = {}

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._peer.port

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answer no more."""
        self._over.set()
        self._thread.join(timeout=5)

    def came_at(self, number: str) -> float | None:
        """When the first INVITE for a number came, by the machine's clock."""
        return self._came.get(number.lstrip("+"))

    def _serve(self) -> None:
        line = self._peer.line
        line.settimeout(0.2)
        while not self._over.is_set():
            try:
                packet, source = line.recvfrom(65536)
            except TimeoutError:
                continue
            at = time.time()
            message = Received(packet.decode(), source)
            if message.method == "INVITE":
                self._take(message, at)
            elif message.method not in ("ACK", "SIP/2.0"):
                self._peer.reply(message, "200 OK")

    def _take(self, invite: Received, at: float) -> None:
        user = invite.start.split()[1].partition(":")[2].partition("@")[0].lstrip("+")
        if user == DESK:
            self._peer.answer(invite, rtp_port=40000)
            return
        self._came.setdefault(user, at)
        self._peer.reply(invite, "486 Busy Here")


@contextmanager
def running_scheduler(settings: Settings, engines: Engines, units: UnitsOfWork) -> Iterator[None]:
    """A scheduler that leads."""
    with LiveStream(engines.broker_url) as live:
        leader = Leader(
            Leadership(engines.database_url, name=LOCK, channel=OUTBOX_CHANNEL),
            duties(settings, Content(settings.content_dir), units, make_task_queue(engines.broker_url), live),
        )
        thread = threading.Thread(target=leader.run, name="scheduler")
        thread.start()
        try:
            yield
        finally:
            leader.stop()
            thread.join(timeout=15)


def measure(times: int, rest: float) -> list[float]:
    """Milliseconds from a task's hour to its INVITE, for so many tasks, one after the other."""
    folder = Path(tempfile.mkdtemp(prefix="suifang-due-"))
    folder.chmod(0o755)
    settings = Settings.model_validate({"state_dir": folder / "state", "jurisdiction": "demo", "mode": "demo"})
    with (
        ensure_engines(settings) as engines,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line,
        (folder / "log").open("a", encoding="utf-8") as log_file,
    ):
        configure_logging(settings, "benchmark", stream=log_file)
        upgrade(engines.database_url)
        units = UnitsOfWork(make_engine(engines.database_url))
        line.bind(("127.0.0.1", 0))
        far_end = FarEnd(line)
        far_end.start()
        trunk = Trunk(name="bench", host="127.0.0.1", port=far_end.port, loopback_only=True)
        place = Place(
            folder=folder,
            ports=free_udp_block(PORTS),
            trunks=Trunks(patients=trunk, headsets=trunk),
            units=units,
            database_url=engines.database_url,
            silence=timedelta(hours=1),
        )
        with node_at(place), running_scheduler(settings, engines, units):
            queue, agent_id = _open_desk(units)
            until(lambda: _waits(units, agent_id), timeout=60, what="the agent's headset is up")
            took = []
            for number in range(times + WARM_UP):
                took.append(_one_call(units, far_end, queue, agent_id))
                time.sleep(rest)
                if number % 20 == 0:
                    say(f"{number} calls, the last after {took[-1]:.1f} ms")
        far_end.stop()
        units.engine.dispose()
    return took[WARM_UP:]


WARM_UP = 3


def _open_desk(units: UnitsOfWork) -> tuple[Queue, str]:
    with units() as uow:
        queue = a_queue(uow)
        agent = an_agent(
            uow,
            queue,
            headset=DESK,
            headset_state=HeadsetState.DOWN,
            headset_leg_id=None,
            headset_node=None,
            heartbeat_at=uow.now + timedelta(hours=2),
        )
        uow.commit()
    return queue, agent.id


def _waits(units: UnitsOfWork, agent_id: str) -> bool:
    with units() as uow:
        agent = uow.queues.agent(agent_id)
        return agent is not None and agent.headset_state is HeadsetState.UP and agent.state is AgentState.AVAILABLE


def _one_call(units: UnitsOfWork, far_end: FarEnd, queue: Queue, agent_id: str) -> float:
    with units() as uow:
        patient = a_patient(uow)
        due_at = uow.now + AHEAD
        a_task(uow, patient, queue, due_at=due_at, state=TaskState.PLANNED)
        uow.outbox.wake()
        uow.commit()
    number = patient.contact_points[0].number
    until(lambda: far_end.came_at(number), timeout=20, what="the INVITE has come", every=0.01)
    until(lambda: _waits(units, agent_id), timeout=20, what="the agent waits again", every=0.02)
    came = far_end.came_at(number)
    if came is None:
        raise RuntimeError("an INVITE was seen and is not there any more")
    return (datetime.fromtimestamp(came, UTC) - due_at).total_seconds() * 1000


def rows(times: int, rest: float) -> list[Row]:
    """The 99th percentile; nobody else's program does this, so there is no peer."""
    took = sorted(measure(times, rest))
    p99 = took[min(len(took) - 1, int(len(took) * 0.99))]
    return [
        Row(
            name="due_to_invite.p99_ms",
            unit="ms",
            ours=round(p99, 1),
            peer="none",
            peer_value=None,
            ratio=None,
            bound=None,
            n=len(took),
            spread=round((took[-1] - took[0]) / statistics.median(took), 3),
            conditions=f"median {statistics.median(took):.1f} ms, worst {took[-1]:.1f} ms, an agent waiting, planned "
            f"{AHEAD.total_seconds() * 1000:.0f} ms ahead, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}; "
            f"goal: at most {GOAL_MS:.0f} ms on a quiet machine; no peer dials by the hour of a task",
        )
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.due_to_invite", description=__doc__)
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--rest", type=float, default=0.2, help="seconds between two calls")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    print_rows(rows(asked.times, asked.rest), as_json=asked.json)


if __name__ == "__main__":
    main()
