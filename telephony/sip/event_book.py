"""The worker's events: numbered, written to the journal, and only then told."""

from collections.abc import Callable
from datetime import datetime

from followup.calls import LegId
from runtime.clock import WorkerClock
from telephony.call_control import EventValue, LegEventKind
from telephony.sip.journal import Journal
from telephony.sip.wire import Event


class EventBook:
    """Gives events their numbers and times."""

    def __init__(self, *, clock: WorkerClock, journal: Journal, tell: Callable[[Event], None]) -> None:
        self.clock = clock
        self.journal = journal
        self._tell = tell
        self._last = 0

    def say(
        self,
        leg_id: LegId,
        kind: LegEventKind,
        values: dict[str, EventValue] | None = None,
        *,
        at: datetime | None = None,
        durable: bool = False,
    ) -> None:
        """Tell that something happened, now or at a moment noted before."""
        self._last += 1
        event = Event(
            event=self._last, leg_id=leg_id, kind=kind, occurred_at=at or self.clock.now(), values=values or {}
        )
        self.journal.append(event, durable=durable)
        self._tell(event)
