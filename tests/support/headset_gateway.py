"""A headset gateway in a process of its own, for tests and benchmarks: `python -m tests.support.headset_gateway`.

Without a database it prints a JSON line for each notice; with one it is what `suifang headsets` runs.
"""

import argparse
import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import uvloop

from db.engine import make_engine
from db.unit_of_work import UnitsOfWork
from telephony.headsets.door import GatewayDoor
from telephony.headsets.gateway import Gateway, GatewaySettings
from telephony.headsets.headset import HeadsetNews
from telephony.headsets.notices import Notices
from tests.support.ports import free_udp_block
from tests.support.waiting import until

REPOSITORY = Path(__file__).resolve().parents[2]


class PrintedNews:
    """Notices as lines on stdout."""

    def lost(self, agent_id: str) -> None:
        self._say("lost", agent_id)

    def back(self, agent_id: str) -> None:
        self._say("back", agent_id)

    def gone(self, agent_id: str) -> None:
        self._say("gone", agent_id)

    @staticmethod
    def _say(what: str, agent_id: str) -> None:
        sys.stdout.write(json.dumps({"news": what, "agent": agent_id}) + "\n")
        sys.stdout.flush()


@dataclass
class RunningGateway:
    """The test's side."""

    child: subprocess.Popen[bytes]
    door: GatewayDoor
    folder: Path

    def news(self, agent_id: str) -> list[str]:
        """Which notices of one agent were given so far."""
        lines = (self.folder / "gateway.txt").read_text().splitlines()
        given = [json.loads(line) for line in lines if line.startswith('{"news"')]
        return [notice["news"] for notice in given if notice["agent"] == agent_id]

    def log(self) -> str:
        """All that it printed."""
        return (self.folder / "gateway.txt").read_text()


@contextmanager
def running_gateway(
    folder: Path,
    socket: Path,
    *,
    database_url: str = "",
    rejoin_seconds: float = 30.0,
    supervisor_rejoin_seconds: float = 5.0,
    port: int = 0,
    stun_url: str = "",
) -> Iterator[RunningGateway]:
    """A gateway that can be asked; it ends with the block unless it was killed before."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "tests.support.headset_gateway", "--folder", str(folder), "--socket", str(socket)]
    command += ["--port", str(port or free_udp_block(2)), "--rejoin", str(rejoin_seconds)]
    command += ["--supervisor-rejoin", str(supervisor_rejoin_seconds)]
    command += (["--database", database_url] if database_url else []) + (["--stun", stun_url] if stun_url else [])
    with (folder / "gateway.txt").open("ab") as said:
        before = said.tell()
        child = subprocess.Popen(command, cwd=REPOSITORY, stdout=said, stderr=said)
    try:
        until(
            lambda: child.poll() is not None or "gateway_open" in (folder / "gateway.txt").read_text()[before:],
            timeout=20,
            what="the gateway opens",
        )
        assert child.poll() is None, (folder / "gateway.txt").read_text()[-2000:]
        yield RunningGateway(child, GatewayDoor(socket=socket, node="node-1"), folder)
    finally:
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
            try:
                child.wait(timeout=5)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


async def _serve(arguments: argparse.Namespace) -> None:
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    settings = GatewaySettings(
        sip_port=arguments.port,
        socket=arguments.socket,
        folder=arguments.folder / "headsets",
        rejoin=timedelta(seconds=arguments.rejoin),
        supervisor_rejoin=timedelta(seconds=arguments.supervisor_rejoin),
        stun_url=arguments.stun or None,
    )
    notices: Notices | None = None
    if arguments.database:
        notices = Notices(UnitsOfWork(make_engine(arguments.database)), "node-1")
    news: HeadsetNews = notices or PrintedNews()
    gateway = Gateway(settings, news)
    await gateway.open()
    if notices is not None:
        notices.begin(gateway.knows)
    await stopping.wait()
    await gateway.close()


def main() -> None:
    """Be a gateway until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--socket", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--rejoin", type=float, default=30.0)
    parser.add_argument("--supervisor-rejoin", type=float, default=5.0)
    parser.add_argument("--database", default="")
    parser.add_argument("--stun", default="")
    arguments = parser.parse_args()
    uvloop.run(_serve(arguments))


if __name__ == "__main__":
    main()
