"""Delivery of leg events to their one listener, in order, and the account of which of them are stored."""

import threading
from dataclasses import dataclass, field
from queue import SimpleQueue

import structlog
from tenacity import (
    RetryError,
    Retrying,
    retry_if_exception_type,
    sleep_using_event,
    stop_after_delay,
    stop_any,
    stop_when_event_set,
    wait_exponential,
)

from telephony.call_control import EventSink, LegEvent

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class AckLedger:
    """Which events of one worker were handed on and stored. Only what has no gap before it may be acknowledged."""

    handed_on: int = 0
    floor: int | None = None  # every event up to here is stored
    _above: set[int] = field(default_factory=set)

    def hand_on(self, number: int) -> bool:
        """Note that an event is handed on; false when it was before."""
        if number <= self.handed_on:
            return False
        if self.floor is None:
            self.floor = number - 1
        self.handed_on = number
        return True

    def store(self, number: int) -> int | None:
        """Note that an event is stored; the number up to which to acknowledge, when that has grown."""
        if self.floor is None or number <= self.floor or number > self.handed_on:
            return None
        self._above.add(number)
        before = self.floor
        while self.floor + 1 in self._above:
            self.floor += 1
            self._above.discard(self.floor)
        return self.floor if self.floor > before else None


class EventDelivery:
    """One thread that hands events to the listener, so that the listener may itself give commands.

    An event that the listener cannot take (the database is away) is offered again for `patience_seconds`; after
    that it stays unacknowledged in its worker's journal and comes again when the worker is next adopted or buried.
    """

    def __init__(self, sink: EventSink, *, patience_seconds: float = 60.0) -> None:
        self._sink = sink
        self._patience_seconds = patience_seconds
        self._queue: SimpleQueue[LegEvent | None] = SimpleQueue()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="leg-events", daemon=True)

    def start(self) -> None:
        """Begin to hand on."""
        self._thread.start()

    def put(self, event: LegEvent) -> None:
        """Hand this on after whatever was put before."""
        self._queue.put(event)

    def close(self) -> None:
        """Stop after the event under way; what is left stays unacknowledged."""
        self._closing.set()
        self._queue.put(None)
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        while (event := self._queue.get()) is not None and not self._closing.is_set():
            offered = Retrying(
                retry=retry_if_exception_type(Exception),
                wait=wait_exponential(multiplier=0.2, max=5),
                stop=stop_any(stop_after_delay(self._patience_seconds), stop_when_event_set(self._closing)),
                sleep=sleep_using_event(self._closing),
            )
            try:
                offered(self._sink, event)
            except RetryError as refused:
                log.exception(
                    "leg_event_not_taken",
                    event_id=event.event_id,
                    leg_id=event.leg_id,
                    kind=event.kind.value,
                    error=str(refused.last_attempt.exception()),
                )
