"""Transfers and the directory of numbers they may go to: tables, mappings, repository."""

from collections.abc import Sequence

from sqlalchemy import Boolean, Column, Index, String, Table, select, text
from sqlalchemy.orm import Session

from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference
from followup.transfers import LIVE_TRANSFERS, DirectoryEntry, DirectoryKind, Transfer, TransferState, TransferTarget

_IS_LIVE = text("state IN ('dialing', 'consulting', 'together')")

directory_entries = Table(
    "directory_entries",
    metadata,
    id_column(),
    Column("name", String(100), nullable=False, unique=True),
    closed_set("kind", DirectoryKind),
    Column("number", String(20), nullable=False),
    Column("language", String(16), nullable=True),
    Column("active", Boolean, nullable=False, default=True),
    instant("created_at"),
)

transfers = Table(
    "transfers",
    metadata,
    id_column(),
    reference("call_id", "calls.id"),
    reference("leg_id", "legs.id"),
    Column("mode", String(16), nullable=False),
    closed_set("target", TransferTarget),
    reference("agent_id", "agents.id", nullable=True, index=False),
    reference("directory_id", "directory_entries.id", nullable=True, index=False),
    reference("contact_point_id", "contact_points.id", nullable=True, index=False),
    Column("number", String(200), nullable=False),
    closed_set("state", TransferState),
    reference("asked_by", "users.id", index=False),
    instant("asked_at"),
    instant("answered_at", nullable=True),
    instant("ended_at", nullable=True),
    Column("reason", String(200), nullable=False, default=""),
    Index("uq_transfers_live_call", "call_id", unique=True, postgresql_where=_IS_LIVE),
    Index("uq_transfers_live_agent", "agent_id", unique=True, postgresql_where=_IS_LIVE),
)

mapper_registry.map_imperatively(DirectoryEntry, directory_entries)
mapper_registry.map_imperatively(Transfer, transfers)


class TransferRepository:
    """Transfers of calls, and whom they may go to."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, transfer: Transfer) -> None:
        """Save a transfer."""
        self._session.add(transfer)

    def get(self, transfer_id: str) -> Transfer | None:
        """The transfer with this id."""
        return self._session.get(Transfer, transfer_id)

    def live_of_call(self, call_id: str) -> Transfer | None:
        """The transfer under way on a call; whoever changes it holds the call's lock."""
        return self._session.scalar(
            select(Transfer).where(transfers.c.call_id == call_id, transfers.c.state.in_(LIVE_TRANSFERS))
        )

    def live_to_agent(self, agent_id: str) -> Transfer | None:
        """The transfer under way to an agent."""
        return self._session.scalar(
            select(Transfer).where(transfers.c.agent_id == agent_id, transfers.c.state.in_(LIVE_TRANSFERS))
        )

    def of_call(self, call_id: str) -> Sequence[Transfer]:
        """A call's transfers, oldest first."""
        return self._session.scalars(
            select(Transfer).where(transfers.c.call_id == call_id).order_by(transfers.c.asked_at).limit(200)
        ).all()

    def of_leg(self, leg_id: str) -> Transfer | None:
        """The transfer that rang this leg."""
        return self._session.scalar(select(Transfer).where(transfers.c.leg_id == leg_id))

    def add_entry(self, entry: DirectoryEntry) -> None:
        """Save a number of the directory."""
        self._session.add(entry)

    def entry(self, entry_id: str) -> DirectoryEntry | None:
        """The directory's entry with this id."""
        return self._session.get(DirectoryEntry, entry_id)

    def directory(self) -> Sequence[DirectoryEntry]:
        """Every entry in order of name."""
        return self._session.scalars(select(DirectoryEntry).order_by(directory_entries.c.name).limit(2000)).all()
