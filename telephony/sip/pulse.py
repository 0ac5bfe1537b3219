"""The pulse of a call worker: whether one that lives still answers, told apart from a machine that is merely slow."""

import time
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from telephony.sip.wire import Answer, Status
from telephony.sip.worker_link import WorkerLink

BEAT_SECONDS = 2.0
"""Between an answer and the next question."""
DISK_PATIENCE = 6.0
"""How many times longer a worker may be silent that waits for the disk (its journal is on it)."""


@dataclass(slots=True)
class Pulse:
    """One worker's questions and how long the last is unanswered."""

    _answer: Future[Answer] | None = None
    _asked_at: float = 0.0
    _excused: float = 0.0  # seconds since the question for which the worker is not to blame
    _starved_before: float = 0.0
    _ran: int = 0  # nanoseconds on a processor, as they were when they last changed
    _ran_at: float = 0.0

    def silence(self, link: WorkerLink, pid: int, *, late: float) -> float:
        """Ask if it is time to; the seconds for which an answer is overdue by the worker's own fault.

        Not counted are the seconds in which the kernel let it wait for a processor, and those by which we came too
        `late` ourselves to hear it: at any load a worker that would answer is left alone.
        """
        now = time.monotonic()
        waiting = self._waiting_now(pid, now)
        if self._answer is None or self._answer.done():
            if now - self._asked_at >= BEAT_SECONDS:
                self._asked_at, self._excused, self._starved_before = now, 0.0, starved_seconds(pid)
                self._answer = link.ask(Status())
            return 0.0
        self._excused += late
        return now - self._asked_at - self._excused - (starved_seconds(pid) - self._starved_before) - waiting

    def _waiting_now(self, pid: int, now: float) -> float:
        """Seconds of a wait for a processor that is still going on: the kernel adds a wait up when it is over."""
        ran = ran_nanoseconds(pid)
        if ran != self._ran or state_of(pid) != "R":
            self._ran, self._ran_at = ran, now
        return max(0.0, now - max(self._ran_at, self._asked_at))


def starved_seconds(pid: int) -> float:
    """How long this process' main thread has been ready to run and was not let, since it began; 0 when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0


def waits_for_disk(pid: int) -> bool:
    """Whether the process is in a system call that nothing can interrupt."""
    return state_of(pid) == "D"


def ran_nanoseconds(pid: int) -> int:
    """How long this process' main thread has been on a processor; 0 when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])
    except (OSError, IndexError, ValueError):
        return 0


def state_of(pid: int) -> str:
    """What the kernel says the process is at: R (running or ready to), S, D, T …; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return ""
