"""A stranger at the far end: sipp, playing one of the scenarios beside this file's folder `sipp`."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.ports import free_udp_block
from tests.support.waiting import until

SCENARIOS = Path(__file__).with_name("sipp")

needs_sipp = pytest.mark.skipif(
    shutil.which("sipp") is None, reason="sipp is not installed (Debian: apt-get install sip-tester)"
)


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


@contextmanager
def sipp(folder: Path, scenario: str, *, calls: int = 1, port: int | None = None) -> Iterator[Sipp]:
    """sipp as the called side on loopback, with an RTP echo."""
    folder.mkdir(parents=True, exist_ok=True)
    ports = free_udp_block(12)
    sip_port = port or ports
    command = [
        "sipp",
        *("-sf", str(SCENARIOS / f"{scenario}.xml")),
        *("-i", "127.0.0.1", "-p", str(sip_port)),
        *("-mi", "127.0.0.1", "-mp", str(ports + 2), "-rtp_echo"),
        *("-m", str(calls), "-nostdin", "-trace_err", "-timeout", "60s"),
    ]
    with (folder / "screen.txt").open("wb") as screen:
        child = subprocess.Popen(command, cwd=folder, stdout=screen, stderr=screen)
    try:
        until(lambda: _listens(sip_port) or child.poll() is not None, timeout=10, what="sipp listens")
        yield Sipp(sip_port, child, folder)
    finally:
        if child.poll() is None:
            child.kill()
        child.wait()


def _listens(port: int) -> bool:
    wanted = f"0100007F:{port:04X}"
    return any(line.split()[1] == wanted for line in Path("/proc/net/udp").read_text().splitlines()[1:])
