"""LISTEN on a PostgreSQL channel in a thread of its own; it comes back by itself when the database was away."""

import threading
from collections.abc import Callable

import psycopg
import structlog
from psycopg import sql
from sqlalchemy.engine import make_url

log = structlog.get_logger(__name__)

_PATIENCE = 0.5  # seconds until a stop is noticed


class Listener:
    """Calls `wake(payload)` for every notification, and once after every (re)connection: something may have passed."""

    def __init__(self, database_url: str, channel: str, wake: Callable[[str], object]) -> None:
        self._dsn = make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)
        self._channel = channel
        self._wake = wake
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"listen-{channel}", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Stop listening and wait for the thread."""
        self._stopping.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._listen()
            except psycopg.OperationalError as error:
                log.warning("listener_lost", channel=self._channel, error=type(error).__name__)
                self._stopping.wait(1.0)

    def _listen(self) -> None:
        with psycopg.connect(self._dsn, autocommit=True, connect_timeout=5) as connection:
            connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(self._channel)))
            self._wake("")
            while not self._stopping.is_set():
                for notification in connection.notifies(timeout=_PATIENCE):
                    self._wake(notification.payload)
