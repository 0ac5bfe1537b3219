"""Other processes of this machine: alive or ended, and never mistaken for a later one with the same pid."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

import psutil
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessMark:
    """A process by pid and time of start, as can be written into a file."""

    pid: int
    started: float

    @classmethod
    def of(cls, process: psutil.Process) -> Self:
        """The mark of a running process."""
        return cls(pid=process.pid, started=process.create_time())

    def find(self) -> psutil.Process | None:
        """That very process if it still lives."""
        try:
            process = psutil.Process(self.pid)
            return process if process.create_time() == self.started and lives(process) else None
        except psutil.NoSuchProcess:
            return None


def lives(process: psutil.Process) -> bool:
    """Whether it runs; a zombie that its parent has not collected yet has ended."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_ended(processes: Sequence[psutil.Process], within: timedelta) -> list[psutil.Process]:
    """Wait until all have ended; those that still live when the time is over."""

    def remaining() -> list[psutil.Process]:
        return [process for process in processes if lives(process)]

    try:
        return Retrying(retry=retry_if_result(bool), wait=wait_fixed(0.02), stop=stop_after_delay(within))(remaining)
    except RetryError:
        return remaining()
