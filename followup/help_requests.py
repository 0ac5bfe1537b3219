"""An agent asks for help; a supervisor says that she comes, and the request is over."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class HelpState(StrEnum):
    """Where a request for help is."""

    OPEN = "open"
    COMING = "coming"  # a supervisor has said that she comes
    CLOSED = "closed"


@dataclass(kw_only=True, eq=False)
class HelpRequest:
    """One request; a call's ends with its call. An agent has one that is not closed at most."""

    id: str
    agent_id: str
    call_id: str | None
    asked_at: datetime
    taken_by: str | None = None
    taken_at: datetime | None = None
    closed_at: datetime | None = None

    @property
    def state(self) -> HelpState:
        """Where it is, by its instants."""
        if self.closed_at is not None:
            return HelpState.CLOSED
        return HelpState.OPEN if self.taken_at is None else HelpState.COMING
