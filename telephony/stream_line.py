"""A SIP connection of our own over TCP or TLS, for the few requests that no call worker sends: farewells and pings.

TLS is the system's, 1.2 or later; the far end's certificate and the name in it are always checked.
"""

import re
import socket
import ssl
import time
from types import TracebackType
from typing import Self

from telephony.call_control import Transport
from telephony.stream_terms import StreamTerms

LARGEST_MESSAGE = 65535
_LENGTH = re.compile(rb"^(?:content-length|l)[ \t]*:[ \t]*(\d{1,6})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)


class StreamLine:
    """One connection: whole SIP messages out and in."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._rest = b""

    @classmethod
    def open(cls, address: tuple[str, int], terms: StreamTerms, *, within: float) -> Self:
        """Connect; OSError when nobody answers in time, or whoever does is not the one whom the terms name."""
        plain = socket.create_connection(address, timeout=within)
        try:
            if terms.transport is Transport.TLS:
                context = ssl.create_default_context(cafile=terms.ca_file or None)
                context.minimum_version = ssl.TLSVersion.TLSv1_2
                return cls(context.wrap_socket(plain, server_hostname=terms.name))
        except OSError:
            plain.close()
            raise
        return cls(plain)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up the connection."""
        self._connection.close()

    @property
    def own_address(self) -> tuple[str, int]:
        """Our end of it."""
        host, port = self._connection.getsockname()[:2]
        return str(host), int(port)

    def send(self, message: bytes) -> None:
        """Say one message."""
        self._connection.sendall(message)

    def receive(self, seconds: float) -> bytes:
        """The next whole message; TimeoutError when none came in time, ConnectionError when none can come any more."""
        deadline = time.monotonic() + seconds
        while (message := self._whole()) is None:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise TimeoutError("no SIP message came in time")
            self._connection.settimeout(remaining)
            chunk = self._connection.recv(LARGEST_MESSAGE)
            if not chunk:
                raise ConnectionError("the far end has closed the connection")
            self._rest += chunk
        return message

    def _whole(self) -> bytes | None:
        self._rest = self._rest.lstrip(b"\r\n")  # keep-alives of RFC 5626
        head, blank, rest = self._rest.partition(b"\r\n\r\n")
        if not blank:
            if len(head) > LARGEST_MESSAGE:
                raise ConnectionError("what comes is no SIP")
            return None
        found = _LENGTH.search(head)
        length = int(found[1]) if found else 0
        if length > LARGEST_MESSAGE:
            raise ConnectionError("the far end announces a message larger than any of SIP")
        if len(rest) < length:
            return None
        self._rest = rest[length:]
        return head + blank + rest[:length]
