"""Requests of agents for help: table, mapping, repository."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Index, Table, exists, or_, select, text
from sqlalchemy.orm import Session

from db.calls import calls
from db.metadata import id_column, instant, mapper_registry, metadata, reference
from followup.calls import CallState
from followup.help_requests import HelpRequest

help_requests = Table(
    "help_requests",
    metadata,
    id_column(),
    reference("agent_id", "agents.id", index=False),
    reference("call_id", "calls.id", nullable=True),
    instant("asked_at"),
    reference("taken_by", "users.id", nullable=True, index=False),
    instant("taken_at", nullable=True),
    instant("closed_at", nullable=True),
    Index("uq_help_requests_open", "agent_id", unique=True, postgresql_where=text("closed_at IS NULL")),
)

mapper_registry.map_imperatively(HelpRequest, help_requests)


class HelpRequestRepository:
    """Requests for help; one whose call has ended counts no more."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, request: HelpRequest) -> None:
        """Save a request; RowRefusedError at the flush if its agent has one that is not closed."""
        self._session.add(request)

    def for_update(self, request_id: str) -> HelpRequest | None:
        """The request with this id, locked."""
        return self._session.get(HelpRequest, request_id, with_for_update=True, populate_existing=True)

    def unclosed_of(self, agent_id: str) -> HelpRequest | None:
        """The request of an agent that nobody closed, locked; its call may be over."""
        return self._session.scalar(
            select(HelpRequest)
            .where(help_requests.c.agent_id == agent_id, help_requests.c.closed_at.is_(None))
            .with_for_update()
            .execution_options(populate_existing=True)
        )

    def live_of(self, agent_id: str) -> HelpRequest | None:
        """The request of an agent that still counts."""
        return self._session.scalar(select(HelpRequest).where(help_requests.c.agent_id == agent_id, _counts()))

    def live(self) -> Sequence[HelpRequest]:
        """Every request that still counts, oldest first."""
        return self._session.scalars(
            select(HelpRequest).where(_counts()).order_by(help_requests.c.asked_at, help_requests.c.id).limit(500)
        ).all()


def _counts() -> ColumnElement[bool]:
    ended = exists().where(calls.c.id == help_requests.c.call_id, calls.c.state == CallState.ENDED)
    return help_requests.c.closed_at.is_(None) & or_(help_requests.c.call_id.is_(None), ~ended)
