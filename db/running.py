"""What runs on this database, as its own server and the nodes' heartbeats tell it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from db.calls import TelephonyNode, telephony_nodes

NODES_SHOWN = timedelta(days=1)
"""A node that was silent for longer is gone, and nobody waits for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningProcess:
    """One kind of process: how many connections, and since when the oldest."""

    name: str
    connections: int
    since: datetime


class RunningRepository:
    """Who is connected, and which nodes are there."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def processes(self) -> Sequence[RunningProcess]:
        """Our processes that hold a connection to this database, by name."""
        rows = self._session.execute(
            text(
                "SELECT application_name AS name, count(*) AS connections, min(backend_start) AS since "
                "FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'suifang%' "
                "GROUP BY application_name ORDER BY application_name"
            )
        )
        return [
            RunningProcess(name=row.name, connections=row.connections, since=row.since.astimezone(UTC)) for row in rows
        ]

    def nodes(self, now: datetime) -> Sequence[TelephonyNode]:
        """Telephony nodes that were heard of within a day, by name."""
        return self._session.scalars(
            select(TelephonyNode)
            .where(telephony_nodes.c.heartbeat_at > now - NODES_SHOWN)
            .order_by(telephony_nodes.c.name)
        ).all()

    def database_bytes(self) -> int:
        """How large the database is."""
        return int(self._session.execute(text("SELECT pg_database_size(current_database())")).scalar_one())
