"""The town: simulated patients behind real SIP phones, all reached through one address on loopback.

    python -m suifang.demo.town --config town.yaml --host 127.0.0.1 --port 17060 --log town.jsonl

It starts the phone processes, prints one JSON line when every phone is ready, and serves until SIGTERM or Ctrl-C.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from suifang.demo.exchange import Address, Exchange, directory, open_socket, serve
from suifang.demo.town_plan import DEFAULT_PLAN, TownPlan, TownPlanError, digits_of, load_town_plan
from suifang.demo.town_process import READY

RTP_PORTS_PER_PHONE = (
    24  # three calls with RTP and RTCP, four times over, because a port is free again only a while later
)
RTP_OFFSET = 100
STOP_SECONDS = 4.0


class TownError(RuntimeError):
    """The town cannot be or stay open; the text says which part fell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TownSettings:
    """Where a town stands and what it writes down."""

    config: Path
    host: str
    port: int
    rtp_base: int
    log: Path | None
    heard: Path | None
    extensions: Mapping[str, Address]


class Town:
    """The phone processes and the exchange before them."""

    def __init__(self, settings: TownSettings) -> None:
        self._settings = settings
        self._plan: TownPlan = load_town_plan(settings.config)
        self._children: list[subprocess.Popen[bytes]] = []
        self.phones: dict[str, Address] = dict(settings.extensions)
        for household, patients in enumerate(self._plan.households()):
            self.phones |= {patient.digits: self._phone_address(household) for patient in patients}

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            undo.callback(self.close)
            self._socket = undo.enter_context(open_socket((self._settings.host, self._settings.port)))
            self._exchange = Exchange(self._socket.getsockname(), directory(self.phones, digits_of))
            households = range(len(self._plan.households()))
            ready = [self._start(household) for household in households]
            for household, pipe in zip(households, ready, strict=True):
                with os.fdopen(pipe) as words:
                    if words.readline() != READY:
                        raise TownError(f"phone process {household} did not start; its reason is printed above")
            undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self._socket.close()

    def run(self, stopping: Sequence[int]) -> None:
        """Serve until `stopping` has something in it; a phone process that dies ends the town."""
        serve(self._exchange, self._socket, until=lambda: bool(stopping) or bool(self._fallen()))
        if not stopping:
            raise TownError(f"phone process {self._fallen()} ended by itself; start the town again")

    def close(self) -> None:
        """Stop every phone process."""
        for child in self._children:
            child.terminate()
        for child in self._children:
            try:
                child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def _fallen(self) -> list[int]:
        return [household for household, child in enumerate(self._children) if child.poll() is not None]

    def _phone_address(self, household: int) -> Address:
        return self._settings.host, self._settings.port + 1 + household

    def _start(self, household: int) -> int:
        """Start one phone process; the pipe returned says when it is ready, or ends without a word when it died."""
        settings = self._settings
        host, port = self._phone_address(household)
        rtp_base = settings.rtp_base + household * RTP_PORTS_PER_PHONE
        reading, writing = os.pipe()
        command = [sys.executable, "-m", "suifang.demo.town_process", "--config", str(settings.config)]
        command += ["--household", str(household), "--host", host, "--port", str(port)]
        command += ["--rtp-base", str(rtp_base), "--rtp-count", str(RTP_PORTS_PER_PHONE), "--ready-pipe", str(writing)]
        if settings.log is not None:
            command += ["--log", str(settings.log)]
        if settings.heard is not None:
            command += ["--heard", str(settings.heard)]
        # pjsua2 greets on stdout, which is the town's own for its one line: the phones speak on stderr
        self._children.append(subprocess.Popen(command, stdout=sys.stderr, pass_fds=(writing,)))
        os.close(writing)
        return reading


def extension(text: str) -> tuple[str, Address]:
    """`USER=HOST:PORT` as the command line gives it."""
    user, _, place = text.partition("=")
    host, _, port = place.rpartition(":")
    if not (user and host and port.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r} is not USER=HOST:PORT, as in agent-1=127.0.0.1:17161")
    return user, (host, int(port))


def main() -> None:
    """Open the town."""
    parser = argparse.ArgumentParser(description="Simulated patients behind real SIP phones, on loopback only.")
    parser.add_argument("--config", type=Path, default=DEFAULT_PLAN)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=17060, help="the exchange; phones take the ports behind it")
    parser.add_argument("--rtp-base", type=int, help="first RTP port of the phones (default: port + 100)")
    parser.add_argument("--log", type=Path, help="write a JSON line for every INVITE, answer, key and end")
    parser.add_argument("--heard", type=Path, help="record what each patient hears into this folder")
    parser.add_argument(
        "--extension",
        type=extension,
        action="append",
        default=[],
        metavar="USER=HOST:PORT",
        help="another phone behind the same exchange, as an agent's headset",
    )
    arguments = parser.parse_args()
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda caught, _: stopping.append(caught))
    settings = TownSettings(
        config=arguments.config,
        host=arguments.host,
        port=arguments.port,
        rtp_base=arguments.rtp_base or arguments.port + RTP_OFFSET,
        log=arguments.log,
        heard=arguments.heard,
        extensions=dict(arguments.extension),
    )
    try:
        with Town(settings) as town:
            phones = {user: f"{host}:{port}" for user, (host, port) in sorted(town.phones.items())}
            print(
                json.dumps({"ready": True, "exchange": f"{settings.host}:{settings.port}", "phones": phones}),
                flush=True,
            )
            town.run(stopping)
    except (TownError, TownPlanError, OSError, ValueError) as error:
        sys.exit(f"The town is closed: {error}")


if __name__ == "__main__":
    main()
