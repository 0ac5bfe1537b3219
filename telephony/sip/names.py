"""Names of trunks, looked up by the node before a call worker is asked for anything.

The SIP library asks a name server in the middle of `makeCall` and stands still until it answers: a worker never gets a
name to ask for. Here one lookup runs beside everything else, is waited for a short while, and its answer is kept.
"""

import ipaddress
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace

import structlog

from telephony.call_control import Transport, Trunk, UnreachableError

log = structlog.get_logger(__name__)

WAIT_SECONDS = 1.5
FRESH_SECONDS = 60.0
STALE_SECONDS = 3600.0  # an old answer is better than none while the name server is away
REST_SECONDS = 5.0  # after a failure nobody waits again for so long


@dataclass(slots=True)
class _Answer:
    address: str
    at: float


def ipv4_of(host: str) -> str:
    """The first IPv4 address of a name; OSError when there is none."""
    return str(socket.getaddrinfo(host, None, socket.AF_INET, socket.SOCK_DGRAM)[0][4][0])


class Names:
    """What names have led to."""

    def __init__(self, *, lookup: Callable[[str], str] = ipv4_of, wait_seconds: float = WAIT_SECONDS) -> None:
        self._lookup = lookup
        self._wait_seconds = wait_seconds
        self._lock = threading.Lock()
        self._answers: dict[str, _Answer] = {}
        self._running: dict[str, Future[str]] = {}
        self._failed_at: dict[str, float] = {}

    def resolved(self, trunk: Trunk) -> Trunk:
        """The trunk with the address of its next hop; UnreachableError when its name leads nowhere in time."""
        hop = trunk.outbound_proxy.removeprefix("sip:").partition(";")[0].partition(":")[0] or trunk.host
        if is_address(hop) or trunk.transport is Transport.TLS:  # TLS compares the name it was told with a certificate
            return trunk
        try:
            address = self.address_of(hop)
        except OSError as fault:
            raise UnreachableError(
                f"trunk {trunk.name}: the name {hop} leads nowhere ({fault}); check it and the name server"
            ) from fault
        return replace(trunk, address=address)

    def address_of(self, host: str) -> str:
        """Its address, fresh or not too old; OSError when it is not known and cannot be learnt in time."""
        now = time.monotonic()
        with self._lock:
            known = self._answers.get(host)
            if known is not None and now - known.at < FRESH_SECONDS:
                return known.address
            running = self._running.get(host) or self._begin(host)
            tired = now - self._failed_at.get(host, -REST_SECONDS) < REST_SECONDS
        if known is not None and now - known.at < STALE_SECONDS:
            return known.address  # the lookup goes on, for the next call
        try:
            return running.result(0.0 if tired else self._wait_seconds)
        except TimeoutError as slow:
            with self._lock:
                self._failed_at[host] = time.monotonic()
            raise OSError("the name server does not answer") from slow

    def _begin(self, host: str) -> Future[str]:
        """Ask in a thread of its own, for a name server may keep it for minutes; one at a time for each name."""
        answer: Future[str] = Future()
        self._running[host] = answer

        def ask() -> None:
            try:
                address = self._lookup(host)
            except OSError as fault:
                log.warning("name_not_found", host=host, reason=str(fault))
                with self._lock:
                    del self._running[host]
                answer.set_exception(fault)
                return
            with self._lock:
                del self._running[host]
                self._answers[host] = _Answer(address, time.monotonic())
            answer.set_result(address)

        threading.Thread(target=ask, name=f"look-up-{host}", daemon=True).start()
        return answer


def is_address(host: str) -> bool:
    """Whether it is an IPv4 address and not a name."""
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return True
