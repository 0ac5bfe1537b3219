"""Time: aware UTC from the system, and a worker's clock that no adjustment of the system's clock can bend."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

JUMP_LIMIT = timedelta(seconds=2)


def now() -> datetime:
    """The system's wall clock, aware, UTC."""
    return datetime.now(UTC)


class WorkerClock:
    """The wall clock as read once at the start, plus monotonic time since.

    Order and distance of its readings are always right, so events of one worker never change places when the
    system's clock is set; `jump` tells when the two have parted.
    """

    def __init__(self, *, wall: Callable[[], datetime] = now, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._started_at = wall()
        self._started_monotonic = monotonic()

    def now(self) -> datetime:
        """Time of day by this clock."""
        return self._started_at + timedelta(seconds=self._monotonic() - self._started_monotonic)

    def jump(self) -> timedelta | None:
        """How far the system's clock is ahead of this one (negative: behind), when that is more than two seconds."""
        distance = self._wall() - self.now()
        return distance if abs(distance) > JUMP_LIMIT else None
