"""Starting a call worker's process, and the end of one that can no longer be spoken to."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

import psutil
import structlog

from telephony.sip.config import WorkerConfig, write_worker_config
from telephony.sip.journal import read_journal
from telephony.sip.leases import FIRST_FRONT_NUMBER, Lease
from telephony.sip.pool_settings import PoolSettings

log = structlog.get_logger(__name__)

PACKAGE_ROOT = Path(__file__).resolve().parents[2]


def new_worker_config(settings: PoolSettings, lease: Lease) -> WorkerConfig:
    """The configuration of a worker that never was before, on the ports of this lease."""
    front = lease.number <= FIRST_FRONT_NUMBER
    number = f"front{-lease.number}" if front else lease.number
    worker_id = f"{settings.node}-{number}-{token_hex(4)}"
    return WorkerConfig(
        worker_id=worker_id,
        socket=settings.socket_folder / f"{worker_id}.sock",
        journal=settings.folder / "journals" / settings.node / f"{worker_id}.jsonl",
        lock=lease.lock,
        sip_host=settings.sip_host,
        sip_port=lease.sip_port,
        rtp_base=lease.rtp_base,
        rtp_count=settings.rtp_ports_each,
        front=front,
        rtp_sources=settings.rtp_sources,
        orphan_seconds=settings.orphan_seconds,
        no_reply_seconds=settings.no_reply_seconds,
        silent_seconds=settings.silent_seconds,
        silent_end_seconds=settings.silent_end_seconds,
        screening=settings.screening,
        log_level=settings.log_level,
        log_format=settings.log_format,
    )


def start_worker(config: WorkerConfig, file: Path, log_file: Path) -> subprocess.Popen[bytes]:
    """Start the process in a session of its own, so that this node's death does not take it."""
    write_worker_config(config, file)
    # It gets all it needs by the file; passwords and addresses in our settings are none of its business.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SUIFANG_")}
    # The library looks names up on the thread that carries the sound: a silent name server may not stall it for long.
    environment["RES_OPTIONS"] = "timeout:1 attempts:1"
    with log_file.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "telephony.sip.worker", "--config", str(file)],
            cwd=PACKAGE_ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def living_process(config: WorkerConfig, file: Path) -> psutil.Process | None:
    """The process that wrote this worker's journal, if it still lives."""
    writer = read_journal(config.journal).worker if config.journal.exists() else None
    if writer is None or writer.worker != config.worker_id:
        return None
    try:
        process = psutil.Process(writer.pid)
        if str(file) not in process.cmdline():  # the number belongs to another process by now
            return None
    except psutil.NoSuchProcess:
        return None
    return process


def put_down(config: WorkerConfig, file: Path) -> None:
    """Kill a worker that lives but does not speak: only then may its calls be ended in its name."""
    process = living_process(config, file)
    if process is not None:
        log.error("worker_put_down", worker=config.worker_id, pid=process.pid)
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)


def put_down_unborn(file: Path) -> None:
    """Kill a worker that has not come so far as to write a journal: its node died, and no other knows it as its own."""
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if str(file) in process.cmdline():
                log.warning("unborn_worker_put_down", pid=process.pid)
                process.send_signal(signal.SIGKILL)
