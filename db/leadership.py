"""Leading by an advisory lock on a connection of its own: who dies loses it at once, and the same wire listens."""

from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url


class LeadLostError(Exception):
    """The database is away, and with it the lock: somebody else may lead by now."""


class Leadership:
    """One candidate. The lock is the connection's: whatever ends the connection ends the leadership."""

    def __init__(self, database_url: str, *, name: str, channel: str) -> None:
        self._dsn = make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)
        self._name = name
        self._channel = channel
        self._connection: psycopg.Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.resign()

    def seize(self) -> bool:
        """Try to become the leader; LeadLostError when the database is away."""
        try:
            return self._seize()
        except psycopg.OperationalError as error:
            self.resign()
            raise LeadLostError(type(error).__name__) from error

    def _seize(self) -> bool:
        if self._connection is None:
            self._connection = psycopg.connect(
                self._dsn,
                autocommit=True,
                connect_timeout=5,
                application_name=f"suifang-{self._name}-leader",
                keepalives_idle=5,
                keepalives_interval=2,
                keepalives_count=3,
                # The server's own, too: if this machine vanishes, the lock is free in seconds and not in hours.
                options="-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3",
            )
        row = self._connection.execute("SELECT pg_try_advisory_lock(hashtext(%s))", (self._name,)).fetchone()
        if row is None or not row[0]:
            return False
        self._connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(self._channel)))
        return True

    def notifications(self, timeout: float) -> list[str]:
        """Payloads that came, waiting for the first up to `timeout` seconds; LeadLostError when the lock is gone."""
        if self._connection is None:
            raise LeadLostError("nobody leads without having seized the lock")
        try:
            return [found.payload for found in self._connection.notifies(timeout=timeout, stop_after=1)]
        except psycopg.OperationalError as error:
            self.resign()
            raise LeadLostError(type(error).__name__) from error

    def resign(self) -> None:
        """Give the lock back, and with it the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
