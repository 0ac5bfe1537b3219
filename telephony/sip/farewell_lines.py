"""Over what a dead worker's far ends are spoken to: a UDP socket at its address, or a connection of our own."""

import errno
import socket
from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol, Self

import structlog
from tenacity import Retrying, retry_if_exception_type, stop_after_delay
from tenacity.wait import wait_fixed

from telephony.stream_line import StreamLine
from telephony.stream_terms import StreamTerms

log = structlog.get_logger(__name__)

LARGEST_DATAGRAM = 65535
BIND_PATIENCE = timedelta(seconds=0.5)
CONNECT_SECONDS = 2.0  # to each address of a far end that is reached over TCP or TLS

Address = tuple[str, int]


class FarewellLine(Protocol):
    """What is spoken over; a reliable one needs nothing said twice, and has no answers to requests of another's."""

    reliable: bool

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...

    def say(self, message: bytes, address: Address) -> None:
        """Send one message; the address matters where there is no connection."""

    def hear(self, seconds: float) -> tuple[bytes, Address]:
        """The next message and who sent it; TimeoutError when none came in time."""


class _DatagramLine:
    """A UDP socket."""

    reliable = False

    def __init__(self, line: socket.socket) -> None:
        self._line = line

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._line.close()

    def say(self, message: bytes, address: Address) -> None:
        self._line.sendto(message, address)

    def hear(self, seconds: float) -> tuple[bytes, Address]:
        self._line.settimeout(seconds)
        return self._line.recvfrom(LARGEST_DATAGRAM)


class _ConnectedLine:
    """A connection of ours to the far end."""

    reliable = True

    def __init__(self, line: StreamLine, address: Address) -> None:
        self._line = line
        self._address = address

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._line.close()

    def say(self, message: bytes, address: Address) -> None:  # noqa: ARG002 (there is but one)
        self._line.send(message)

    def hear(self, seconds: float) -> tuple[bytes, Address]:
        return self._line.receive(seconds), self._address


def connected(terms: StreamTerms, addresses: Sequence[Address]) -> _ConnectedLine:
    """A connection to the first of these addresses that takes one; the last one's OSError when none does."""
    *others, last = addresses
    for address in others:
        try:
            return _ConnectedLine(StreamLine.open(address, terms, within=CONNECT_SECONDS), address)
        except OSError as fault:
            log.warning("farewell_goes_another_way", transport=terms.transport.value, error=str(fault))
    return _ConnectedLine(StreamLine.open(last, terms, within=CONNECT_SECONDS), last)


def bound(host: str, port: int) -> _DatagramLine:
    """A UDP socket on the dead worker's address; the system may need a moment to take it from the dead.

    When another has the port by then, any will do: Via still names the worker's (a CANCEL is known by it), and
    `rport` brings the answers back to where we speak from.
    """
    line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        patient = Retrying(
            retry=retry_if_exception_type(OSError),
            wait=wait_fixed(0.05),
            stop=stop_after_delay(BIND_PATIENCE.total_seconds()),
            reraise=True,
        )
        try:
            patient(line.bind, (host, port))
        except OSError as taken:
            if taken.errno != errno.EADDRINUSE:
                raise
            log.warning("farewell_from_another_port", port=port)
            line.bind((host, 0))
    except OSError:
        line.close()
        raise
    return _DatagramLine(line)
