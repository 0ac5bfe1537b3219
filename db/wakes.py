"""Words to those who listen at the database: collected while a unit of work lasts, sent once each when it commits."""

from sqlalchemy.orm import Session

_DUE = "wakes"

_SEND = """
    SELECT pg_notify(w.channel, w.payload) FROM unnest(%(channels)s::text[], %(payloads)s::text[]) w (channel, payload)
    """


def wake(session: Session, channel: str, payload: str = "") -> None:
    """Wake whoever listens on a channel as soon as this transaction is committed.

    What a savepoint undoes wakes them all the same: they look, and find nothing.
    """
    session.info.setdefault(_DUE, {})[channel, payload] = None


def send_wakes(session: Session) -> None:
    """Hand what was collected to the database, which tells it at the commit."""
    due = session.info.pop(_DUE, None)
    if due:
        session.connection().exec_driver_sql(
            _SEND, {"channels": [channel for channel, _ in due], "payloads": [payload for _, payload in due]}
        )
