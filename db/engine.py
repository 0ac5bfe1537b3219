"""The connection to PostgreSQL."""

import time
from functools import partial

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

RESTED_SECONDS = 1.0
"""A connection that rested longer is asked whether it lives before it is used; a question each time costs as much as
the work of a short transaction."""

_RESTS_SINCE = "rests_since"


def make_engine(database_url: str, *, pool_size: int = 5, application: str = "suifang") -> Engine:
    """An engine whose connections speak UTC, give up a lock after ten seconds, and are checked before use.

    A server that vanished without a word (its machine lost, a firewall that forgot us) is noticed within 20 seconds and
    not after a quarter of an hour, which is what TCP alone would wait.
    """
    engine = create_engine(
        database_url,
        pool_size=pool_size,
        max_overflow=10,
        hide_parameters=True,  # an error names its statement, never the values: they are people's
        connect_args={
            "application_name": application,
            "connect_timeout": 5,
            "tcp_user_timeout": 20_000,
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 2,
            "options": "-c timezone=UTC -c lock_timeout=10000 -c idle_in_transaction_session_timeout=60000",
        },
    )
    event.listen(engine, "checkin", _note_rest)
    event.listen(engine, "checkout", partial(_ask_if_rested, engine))
    return engine


def _note_rest(connection: DBAPIConnection | None, entry: ConnectionPoolEntry) -> None:  # noqa: ARG001
    entry.info[_RESTS_SINCE] = time.monotonic()


def _ask_if_rested(
    engine: Engine,
    connection: DBAPIConnection,
    entry: ConnectionPoolEntry,
    proxy: PoolProxiedConnection,  # noqa: ARG001
) -> None:
    """One that answers no more is thrown away with all that are as old; the pool then makes a new one."""
    rests_since = entry.info.get(_RESTS_SINCE)
    if rests_since is None or time.monotonic() - rests_since < RESTED_SECONDS:
        return
    try:
        engine.dialect.do_ping(connection)
    except engine.dialect.loaded_dbapi.Error as error:
        raise InvalidatePoolError from error
