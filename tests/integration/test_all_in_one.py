"""`suifang up` as an administrator runs it: everything starts, a killed database comes back, Ctrl-C leaves nothing."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from runtime.postgres_server import PostgresServer
from runtime.settings import PORTS_PER_WORKER, Settings
from tests.support.engines import temporary_settings
from tests.support.ports import free_udp_block
from tests.support.waiting import until

pytestmark = pytest.mark.slow


@pytest.fixture
def settings() -> Iterator[Settings]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        api_port = probe.getsockname()[1]
    ports = free_udp_block(2 * PORTS_PER_WORKER + 4)
    with temporary_settings(
        api_port=api_port, headset_port=ports, sip_port_base=ports + 2, rtp_port_base=ports + 4, workers_max=2
    ) as made:
        yield made


def environment(settings: Settings) -> dict[str, str]:
    mine = {name: value for name, value in os.environ.items() if not name.startswith("SUIFANG_")}
    named = ("state_dir", "api_port", "headset_port", "sip_port_base", "rtp_port_base", "workers_max")
    return {**mine, **{f"SUIFANG_{name.upper()}": str(getattr(settings, name)) for name in named}}


def suifang(command: str, settings: Settings) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "suifang", command],
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def processes(settings: Settings) -> list[psutil.Process]:
    """Every process that was started for this state folder."""
    found = []
    for process in psutil.process_iter():
        try:
            command = " ".join(process.cmdline())
            if (
                process.environ().get("SUIFANG_STATE_DIR") == str(settings.state_dir)
                or str(settings.state_dir) in command
            ):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def said(file: Path, words: str) -> bool:
    return words in file.read_text()


def test_up_starts_all_revives_the_database_and_ends_without_a_trace(settings: Settings, tmp_path: Path) -> None:
    log = tmp_path / "up.log"
    with log.open("w") as output:
        everything = {**environment(settings), "SUIFANG_CAPTIONS": "true"}
        up = subprocess.Popen([sys.executable, "-m", "suifang", "up"], env=everything, stderr=output)
    try:
        until(lambda: said(log, "suifang_is_up") or up.poll(), timeout=90, what="suifang up said that it is up")
        until(lambda: said(log, "scheduler_leads"), timeout=60, what="the scheduler leads")
        until(lambda: said(log, "node_started"), timeout=60, what="the telephony node runs")
        until(lambda: said(log, "captions_ready"), timeout=60, what="somebody writes captions")
        (captions,) = (process for process in processes(settings) if process.cmdline()[-1] == "captions")
        captions.kill()
        doctor = suifang("doctor", settings)
        assert doctor.returncode == 0, doctor.stdout

        server = PostgresServer(settings.postgres_dir, settings.keys_dir)
        killed = server.running_pid()
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        until(lambda: server.running_pid() not in (None, killed), timeout=40, what="PostgreSQL was started again")

        until(lambda: log.read_text().count("captions_ready") == 2, timeout=60, what="captions are written again")

        second = suifang("up", settings)
        assert second.returncode == 1
        assert "already runs" in second.stderr
        up.send_signal(signal.SIGINT)
        assert up.wait(timeout=90) == 0, log.read_text()[-3000:]
    finally:
        if up.poll() is None:
            up.kill()
            up.wait()
    until(lambda: not processes(settings), timeout=20, what="no process of this installation is left")
    assert server.running_pid() is None
