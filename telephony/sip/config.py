"""The configuration one call worker is started with: a JSON file its telephony node writes."""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from telephony.screening.rules import ScreeningRules
from telephony.sip.rtp_guard import RtpSources
from telephony.sip.wire import read_path


class WorkerConfigError(Exception):
    """The configuration file cannot be used; the text names the file, the reason and the next step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerConfig:
    """Everything a worker must know before its endpoint lives.

    `worker_id` names this one process for ever (event ids are made of it): never use one twice. The worker itself
    takes an exclusive flock on `lock` and keeps it until it dies; started on a held lock it exits with status 75.
    """

    worker_id: str
    socket: Path  # at most 107 bytes long
    journal: Path
    lock: Path
    sip_host: str = "127.0.0.1"
    sip_port: int
    rtp_base: int
    rtp_count: int = 40
    clock_rate: int = 8000
    frame_milliseconds: int = 20  # 40 saves two fifths of the CPU time, adds 20 ms each way and sends packets in pairs
    orphan_seconds: float = 60.0
    no_reply_seconds: float = 8.0  # an INVITE without any provisional answer is given up after this
    calls_per_second: float = 5.0
    front: bool = False  # takes calls from outside; all others take those of our own workers only
    decide_seconds: float = 20.0  # an incoming leg that nobody answers or refuses is refused by us
    rtp_sources: RtpSources = RtpSources.DECLARED
    silent_seconds: float = 5.0  # MEDIA_SILENT after so long without a packet
    silent_end_seconds: float = 60.0  # a patient's line is given up after so long without one
    screening: ScreeningRules = ScreeningRules()  # noqa: RUF009 (frozen)
    log_level: str = "info"
    log_format: str = "console"


def write_worker_config(config: WorkerConfig, file: Path) -> None:
    """Write `config` where `read_worker_config` finds it, readable by its owner only."""
    file.touch(mode=0o600)
    file.write_bytes(msgspec.json.encode(config, enc_hook=str))


def read_worker_config(file: Path) -> WorkerConfig:
    """The configuration in `file`; WorkerConfigError says in words what is wrong with it."""
    try:
        config = msgspec.json.decode(file.read_bytes(), type=WorkerConfig, dec_hook=read_path)
    except OSError as error:
        raise WorkerConfigError(f"{file}: {error.strerror}; give the path of a call worker's JSON file") from error
    except msgspec.DecodeError as error:
        raise WorkerConfigError(f"{file}: {error}; the node must write every field of WorkerConfig") from error
    if len(bytes(config.socket)) > 107:
        raise WorkerConfigError(f"{file}: socket path is longer than 107 bytes; choose a shorter folder")
    if config.rtp_count < 16:
        raise WorkerConfigError(f"{file}: rtp_count {config.rtp_count} is too small for four calls; give at least 16")
    return config
