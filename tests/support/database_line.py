"""The way to the database as a line that a test can cut and mend: a TCP port that leads to the server's socket."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import unquote

from sqlalchemy.engine import make_url

_LOOPBACK = "127.0.0.1"


@dataclass
class DatabaseLine:
    """A line that is up or cut. While it is cut, whoever is connected is thrown out and whoever knocks is refused."""

    server: str  # the path of its socket
    port: int = 0
    _door: socket.socket | None = None
    _ends: list[socket.socket] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def mend(self) -> None:
        """Let everybody in again, at the same port."""
        door = socket.create_server((_LOOPBACK, self.port))
        self.port = int(door.getsockname()[1])
        self._door = door
        threading.Thread(target=self._let_in, args=(door,), daemon=True).start()

    def cut(self) -> None:
        """Throw everybody out and refuse whoever comes."""
        with self._lock:
            door, self._door = self._door, None
            ends, self._ends = self._ends, []
        if door is not None:
            with suppress(OSError):
                door.shutdown(socket.SHUT_RDWR)
            door.close()
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _let_in(self, door: socket.socket) -> None:
        while True:
            try:
                client, _ = door.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            server.connect(self.server)
            with self._lock:
                self._ends += [client, server]
                cut = self._door is not door
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=_carry, args=(source, sink), daemon=True).start()
            if cut:
                self.cut()


def _carry(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(65536):
            sink.sendall(chunk)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@contextmanager
def database_line(database_url: str) -> Iterator[tuple[DatabaseLine, str]]:
    """A line to the test's database, and the URL that leads through it."""
    url = make_url(database_url)
    folder = unquote(str(url.query["host"]))
    line = DatabaseLine(f"{folder}/.s.PGSQL.{url.query.get('port', 5432)}")
    line.mend()
    through = url.set(host=_LOOPBACK, port=line.port, query={})
    try:
        yield line, through.render_as_string(hide_password=False)
    finally:
        line.cut()
