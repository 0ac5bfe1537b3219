"""What a pool of call workers must be told."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from telephony.call_control import Trunk
from telephony.screening.rules import ScreeningRules
from telephony.sip.rtp_guard import RtpSources


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSettings:
    """All that a pool must be told; folders are made when missing."""

    node: str
    folder: Path  # leases/ is shared by all nodes of the machine; workers/<node>/ and journals/<node>/ are ours
    socket_folder: Path  # short: a socket's path has at most 107 bytes
    log_folder: Path
    sip_host: str = "127.0.0.1"
    sip_port_base: int = 15060
    rtp_port_base: int = 20000
    rtp_ports_each: int = 40
    front_workers: int = 0  # so many workers of their own take calls from outside, on the ports below `sip_port_base`
    registrations: tuple[Trunk, ...] = ()  # trunks whose registrar is to know where the first of these is
    rtp_sources: RtpSources = RtpSources.DECLARED
    workers_warm: int = 1
    workers_max: int = 6
    calls_per_worker: int = 20
    orphan_seconds: float = 60.0
    no_reply_seconds: float = 8.0
    silent_seconds: float = 5.0
    silent_end_seconds: float = 60.0
    screening: ScreeningRules = ScreeningRules()  # noqa: RUF009 (frozen)
    start_seconds: float = 15.0  # a worker that does not listen by then has failed
    answer_seconds: float = 5.0  # a command without an answer by then is given up
    hung_seconds: float = 5.0  # a worker with a call that owes an answer for longer is put down; an idle one has thrice
    rest_seconds: float = 30.0  # a worker's ports are not used again before: what is late for a dead call goes nowhere
    keep_journals: timedelta = timedelta(days=7)
    log_level: str = "info"
    log_format: str = "console"
