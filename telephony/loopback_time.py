"""The loopback's time: standing still until a test lets it pass, or real for development."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from itertools import count
from typing import Protocol


class Scheduler(Protocol):
    """Time as the loopback sees it."""

    def now(self) -> datetime:
        """The present moment, aware UTC."""

    def call_later(self, seconds: float, act: Callable[[], None]) -> None:
        """Do `act` after so many seconds; acts due at the same moment are done in the order they were asked."""


class ManualScheduler:
    """Time that stands still until a test lets it pass."""

    def __init__(self, start: datetime = datetime(2026, 1, 5, 1, 0, tzinfo=UTC)) -> None:
        self._now = start
        self._order = count()
        self._due: list[tuple[datetime, int, Callable[[], None]]] = []

    def now(self) -> datetime:
        return self._now

    def call_later(self, seconds: float, act: Callable[[], None]) -> None:
        heappush(self._due, (self._now + timedelta(seconds=seconds), next(self._order), act))

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass, doing whatever comes due on the way at its own moment."""
        end = self._now + timedelta(seconds=seconds)
        while self._due and self._due[0][0] <= end:
            self._now, _, act = heappop(self._due)
            act()
        self._now = end


class RealTimeScheduler:
    """Real time, for development: one daemon thread does the acts."""

    def __init__(self) -> None:
        self._order = count()
        self._due: list[tuple[datetime, int, Callable[[], None]]] = []
        self._changed = threading.Condition()
        threading.Thread(target=self._run, name="loopback-time", daemon=True).start()

    def now(self) -> datetime:
        return datetime.now(UTC)

    def call_later(self, seconds: float, act: Callable[[], None]) -> None:
        with self._changed:
            heappush(self._due, (self.now() + timedelta(seconds=seconds), next(self._order), act))
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._due or self._due[0][0] > self.now():
                    pause = (self._due[0][0] - self.now()).total_seconds() if self._due else None
                    self._changed.wait(pause)
                _, _, act = heappop(self._due)
            act()
