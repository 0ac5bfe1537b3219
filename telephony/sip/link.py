"""The worker's end of the Unix socket: one node at a time, and the newest wins.

Events are said again to every node until one acknowledges them.
"""

import selectors
import socket
from pathlib import Path
from typing import Protocol

import structlog

from telephony.sip.journal import AckLine, Journal
from telephony.sip.wire import (
    Ack,
    Answer,
    Command,
    Event,
    FromWorker,
    Hello,
    LineBuffer,
    UnknownVerbError,
    WireError,
    decode_from_node,
    encode,
)

log = structlog.get_logger(__name__)

CHUNK = 65536
MOST_UNSENT = 4 * 1024 * 1024  # a node that reads nothing for so long is let go; its successor gets everything again


class LinkOwner(Protocol):
    """Who stands behind the link."""

    def greet(self) -> Hello:
        """The first line for a node that has just come."""

    def obey(self, command: Command) -> Answer:
        """Do what a node asks."""

    def refuse(self, seq: int, reason: str) -> Answer:
        """The answer to a command nobody can read."""

    def node_came(self) -> None:
        """A node is there."""

    def node_left(self) -> None:
        """The node is gone."""


class NodeLink:
    """Listens at the socket and speaks to the newest node."""

    def __init__(
        self,
        file: Path,
        *,
        selector: selectors.BaseSelector,
        journal: Journal,
        owner: LinkOwner,
    ) -> None:
        self._selector = selector
        self._journal = journal
        self._owner = owner
        self._pending: dict[int, bytes] = {}
        self._node: socket.socket | None = None
        self._lines = LineBuffer()
        self._unsent = b""
        file.unlink(missing_ok=True)  # the lock is ours, so whoever left this is gone
        self._file = file
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        self._listener.bind(str(file))
        file.chmod(0o600)
        self._listener.listen()
        selector.register(self._listener, selectors.EVENT_READ, self._accept)

    @property
    def unacknowledged(self) -> int:
        """How many events no node has stored yet."""
        return len(self._pending)

    def tell(self, event: Event) -> None:
        """Say an event now if a node is there, and again to the next one until it is acknowledged."""
        line = encode(event)
        self._pending[event.event] = line
        self._send(line)

    def close(self) -> None:
        """Send what can be sent and leave."""
        if self._node is not None:
            self._node.setblocking(True)
            self._node.settimeout(1.0)
            try:
                self._node.sendall(self._unsent)
            except OSError:
                log.warning("node_left_before_last_words")
        self._drop_node()
        self._selector.unregister(self._listener)
        self._listener.close()
        self._file.unlink(missing_ok=True)

    def _accept(self, _ready: int) -> None:
        connection, _ = self._listener.accept()
        self._drop_node()
        connection.setblocking(False)
        self._node, self._lines, self._unsent = connection, LineBuffer(), b""
        self._selector.register(connection, selectors.EVENT_READ, self._serve)
        self._owner.node_came()
        self._say(self._owner.greet())
        self._send(b"".join(self._pending.values()))

    def _serve(self, ready: int) -> None:
        if ready & selectors.EVENT_WRITE:
            self._flush()
        if not ready & selectors.EVENT_READ or self._node is None:
            return
        try:
            chunk = self._node.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        if not chunk:
            self._drop_node()
            return
        for line in self._lines.feed(chunk):
            self._take(line)

    def _take(self, line: bytes) -> None:
        try:
            message = decode_from_node(line)
        except UnknownVerbError as error:
            self._say(self._owner.refuse(error.seq, str(error)))
            return
        except WireError as error:
            log.warning("line_not_understood", reason=str(error))
            return
        if isinstance(message, Ack):
            self._acknowledge(message.ack)
        else:
            self._say(self._owner.obey(message))

    def _acknowledge(self, number: int) -> None:
        stored = [event for event in self._pending if event <= number]
        for event in stored:
            del self._pending[event]
        if stored:
            self._journal.append(AckLine(ack=number))

    def _say(self, message: FromWorker) -> None:
        self._send(encode(message))

    def _send(self, line: bytes) -> None:
        if self._node is None or not line:
            return
        self._unsent += line
        self._flush()
        if len(self._unsent) > MOST_UNSENT:
            log.warning("node_does_not_read")
            self._drop_node()

    def _flush(self) -> None:
        if self._node is None:
            return
        try:
            while self._unsent:
                self._unsent = self._unsent[self._node.send(self._unsent) :]
        except BlockingIOError:
            pass
        except OSError:
            self._drop_node()
            return
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._unsent else 0)
        if self._selector.get_key(self._node).events != events:
            self._selector.modify(self._node, events, self._serve)

    def _drop_node(self) -> None:
        if self._node is None:
            return
        self._selector.unregister(self._node)
        self._node.close()
        self._node = None
        self._owner.node_left()
