"""Leases of worker numbers: worker k has SIP port base + k and its own RTP ports, held by a lock on a file."""

import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

FIRST_FRONT_NUMBER = -1  # workers that take calls from outside: their ports are those below the others', downwards


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """One worker number's ports and the file on which its holder, the worker process, keeps an exclusive lock."""

    number: int
    sip_port: int
    rtp_base: int
    lock: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Leases:
    """The numbers a machine can give out; all nodes on it share the folder."""

    folder: Path
    sip_host: str
    sip_port_base: int
    rtp_port_base: int
    rtp_ports_each: int
    numbers: int
    rest_seconds: float = 0.0

    def free(self, taken: frozenset[int]) -> Lease | None:
        """The lowest number that nobody holds or has `taken`, whose SIP port is free and whose ports have rested.

        None when there is none. While all are still resting it is the one that has rested longest: the sound of an
        ended call is less of an evil than a patient who is not called.
        """
        resting: list[tuple[float, Lease]] = []
        for number in range(self.numbers):
            lease = self.lease(number)
            if lease.sip_port in taken or is_held(lease.lock) or not self._port_is_free(lease.sip_port):
                continue
            ended_at = _ended_at(lease.lock)
            if ended_at is None or time.time() - ended_at >= self.rest_seconds:
                return lease
            resting.append((ended_at, lease))
        return min(resting, key=lambda rest: rest[0])[1] if resting else None

    def let_rest(self, lock: Path) -> None:
        """Note on its lock file that the number's last worker is gone as of now."""
        with suppress(FileNotFoundError):
            os.utime(lock)

    def front(self, place: int) -> Lease | None:
        """The number of the first, second … front worker (from 0), when neither its port nor its lock is held."""
        lease = self.lease(FIRST_FRONT_NUMBER - place)
        return lease if not is_held(lease.lock) and self._port_is_free(lease.sip_port) else None

    def lease(self, number: int) -> Lease:
        """What belongs to this number."""
        sip_port = self.sip_port_base + number
        return Lease(
            number=number,
            sip_port=sip_port,
            rtp_base=self.rtp_port_base + self.rtp_ports_each * number,
            lock=self.folder / f"{sip_port}.lock",
        )

    def _port_is_free(self, port: int) -> bool:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind((self.sip_host, port))
            except OSError:
                return False
            return True


def _ended_at(lock: Path) -> float | None:
    """When the last worker of this number ended, or at least began; None when it never had one."""
    with suppress(FileNotFoundError):
        found = lock.stat()
        return found.st_mtime if found.st_size else None  # whoever held it wrote its pid there
    return None


def is_held(lock: Path) -> bool:
    """Whether a living process holds this lease."""
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


@contextmanager
def held(lock: Path, *, patience_seconds: float) -> Iterator[None]:
    """Hold a lease ourselves, as a burial does with the dead worker's; BlockingIOError when another has it."""
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        patient = Retrying(
            retry=retry_if_exception_type(BlockingIOError),
            wait=wait_fixed(0.05),
            stop=stop_after_delay(patience_seconds),
            reraise=True,
        )
        patient(fcntl.flock, descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)
