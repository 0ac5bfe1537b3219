"""A stranger at the far end: sipp, playing one of the scenarios beside this file's folder `sipp`."""

import csv
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.ports import free_udp_block
from tests.support.waiting import until

SCENARIOS = Path(__file__).with_name("sipp")
_RULE = re.compile(r"^-{20,} [^\n]*\n", re.MULTILINE)
_DIRECTION = re.compile(r"UDP message (sent|received)[^\n]*\n\s*")

needs_sipp = pytest.mark.skipif(
    shutil.which("sipp") is None, reason="sipp is not installed (Debian: apt-get install sip-tester)"
)


@dataclass(frozen=True, slots=True)
class SippMessage:
    """One SIP message as sipp saw it."""

    received: bool
    text: str

    @property
    def gist(self) -> str:
        """Its method or status, with an arrow for its way: `> INVITE` came to sipp, `< 200` left it."""
        words = self.text.split(maxsplit=2)
        what = words[1] if words[0] == "SIP/2.0" else words[0]
        return f"{'>' if self.received else '<'} {what}"

    def headers(self, name: str) -> list[str]:
        """The values of one header, in order."""
        return re.findall(rf"^{name}:[ \t]*(.*?)\r?$", self.text, re.MULTILINE | re.IGNORECASE)


@dataclass
class Sipp:
    """A running sipp; it ends by itself when its scenario has been played `calls` times."""

    port: int
    child: subprocess.Popen[bytes]
    folder: Path

    def wait_for_success(self, timeout: float = 10.0) -> None:
        """Every call went as the scenario says; AssertionError with sipp's own words when not."""
        until(lambda: self.child.poll() is not None, timeout=timeout, what="sipp has played its scenario")
        complaints = "".join(file.read_text(errors="replace") for file in self.folder.glob("*_errors.log"))
        assert self.child.returncode == 0, f"sipp ended with {self.child.returncode}: {complaints[-2000:]}"

    def messages(self) -> list[SippMessage]:
        """Its message trace so far, oldest first."""
        trace = self.folder / "messages.log"
        if not trace.exists():
            return []
        found = []
        for entry in _RULE.split(trace.read_text(errors="replace")):
            direction = _DIRECTION.match(entry)
            if direction is not None:
                found.append(SippMessage(direction[1] == "received", entry[direction.end() :]))
        return found

    def statistics(self) -> dict[str, str]:
        """Its own statistics at the end, over all calls: `SuccessfulCall(C)`, `FailedCall(C)` and so on."""
        with (self.folder / "statistics.csv").open(newline="") as table:
            return list(csv.DictReader(table, delimiter=";"))[-1]


@contextmanager
def sipp(
    folder: Path,
    scenario: str,
    *,
    calls: int = 1,
    port: int | None = None,
    echo: bool = True,
    seconds: int = 60,
) -> Iterator[Sipp]:
    """sipp as the called side on loopback, with an RTP echo; scenarios that speak play `voice.alaw` in its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    ports = free_udp_block(12)
    sip_port = port or ports
    command = [
        "sipp",
        *("-sf", str(SCENARIOS / f"{scenario}.xml")),
        *("-i", "127.0.0.1", "-p", str(sip_port)),
        *("-mi", "127.0.0.1", "-mp", str(ports + 2)),
        *(["-rtp_echo"] if echo else []),
        *("-trace_msg", "-message_file", "messages.log", "-trace_stat", "-stf", "statistics.csv"),
        *("-m", str(calls), "-nostdin", "-trace_err", "-timeout", f"{seconds}s"),
    ]
    with (folder / "screen.txt").open("wb") as screen:
        child = subprocess.Popen(command, cwd=folder, stdout=screen, stderr=screen)
    try:
        until(lambda: listens(sip_port) or child.poll() is not None, timeout=10, what="sipp listens")
        yield Sipp(sip_port, child, folder)
    finally:
        if child.poll() is None:
            child.kill()
        child.wait()


def gists(messages: Sequence[SippMessage]) -> list[str]:
    """The messages in order; what was only sent again counts once."""
    firsts = {message.text: message for message in reversed(messages)}
    return [message.gist for message in messages if firsts[message.text] is message]


def listens(port: int) -> bool:
    """Whether some program has this UDP port on 127.0.0.1."""
    wanted = f"0100007F:{port:04X}"
    return any(line.split()[1] == wanted for line in Path("/proc/net/udp").read_text().splitlines()[1:])
