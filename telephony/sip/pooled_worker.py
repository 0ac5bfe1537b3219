"""One call worker as its node's pool sees it."""

import os
import time
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum

from followup.calls import LegId
from telephony.sip.burial import Burial
from telephony.sip.config import WorkerConfig
from telephony.sip.event_delivery import AckLedger
from telephony.sip.pulse import Pulse
from telephony.sip.wire import Answer
from telephony.sip.worker_link import WorkerLink


class WorkerPhase(StrEnum):
    """How far a worker has come in the pool."""

    STARTING = "starting"  # its process may live, it has not said hello
    READY = "ready"
    PARTED = "parted"  # another node has it
    DEAD = "dead"  # its process is gone; it is being buried or its last events are not all stored


@dataclass(slots=True, kw_only=True, eq=False)
class PooledWorker:
    """A worker and what the pool holds of it. Guarded by the pool's lock."""

    config: WorkerConfig
    phase: WorkerPhase
    adopted: bool = False
    link: WorkerLink | None = None
    pid: int = 0
    pidfd: int | None = None  # readable once the process has ended
    legs: dict[LegId, bool] = field(default_factory=dict)  # every leg it had, and whether it lives
    calls_made: int = 0
    retiring: bool = False
    registered: bool = False  # a front worker was told with whom to register
    quit_answer: Future[Answer] | None = None
    connected_at: float = 0.0
    parting_since: float | None = None
    pulse: Pulse = field(default_factory=Pulse)
    put_down: bool = False
    ledger: AckLedger = field(default_factory=AckLedger)
    burial: Burial | None = None

    @property
    def worker_id(self) -> str:
        """Its name for ever."""
        return self.config.worker_id

    @property
    def is_idle(self) -> bool:
        """Whether no leg of it lives or is reserved."""
        return not any(self.legs.values())

    @property
    def takes_calls(self) -> bool:
        """Whether a new conversation can be given to it."""
        if self.config.front or self.retiring or self.put_down or self.parting_since is not None:
            return False
        return self.is_idle

    def is_mute(self, seconds: float) -> bool:
        """Whether it was connected to so long ago and still has not said hello."""
        return self.link is not None and time.monotonic() - self.connected_at > seconds

    def asked_to_quit(self) -> bool:
        """Whether it was told to leave and has not refused."""
        if self.quit_answer is None:
            return False
        if not self.quit_answer.done() or self.quit_answer.exception() is not None:
            return True
        return self.quit_answer.result().ok

    def let_go(self) -> None:
        """Close what the pool holds open of it, and take its exit status if it was our child."""
        if self.link is not None:
            self.link.close()
            self.link = None
        if self.pidfd is not None:
            with suppress(ChildProcessError):
                os.waitid(os.P_PIDFD, self.pidfd, os.WEXITED | os.WNOHANG)
            os.close(self.pidfd)
            self.pidfd = None
