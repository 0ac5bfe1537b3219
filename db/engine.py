"""The connection to PostgreSQL."""

from sqlalchemy import Engine, create_engine


def make_engine(database_url: str, *, pool_size: int = 5, application: str = "suifang") -> Engine:
    """An engine whose connections speak UTC, give up a lock after ten seconds, and are checked before use.

    A server that vanished without a word (its machine lost, a firewall that forgot us) is noticed within 20 seconds and
    not after a quarter of an hour, which is what TCP alone would wait.
    """
    return create_engine(
        database_url,
        pool_size=pool_size,
        max_overflow=10,
        pool_pre_ping=True,
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
