"""The bridge's clock in a worker: it ticks while anything is to be heard or written, and rests soon after."""

import sched

from telephony.sip.endpoint import Endpoint
from telephony.sip.leg_table import cancel
from telephony.sip.media import Conference

LINGER_SECONDS = 0.5  # the bridge carries out removals at its ticks


class BridgeClock:
    """Winds the clock and lets it rest."""

    def __init__(self, *, endpoint: Endpoint, conference: Conference, timers: sched.scheduler) -> None:
        self._endpoint = endpoint
        self._conference = conference
        self._timers = timers
        self._rest: sched.Event | None = None

    def wind(self) -> None:
        """Something is to be heard or written."""
        cancel(self._timers, self._rest)
        self._rest = None
        self._endpoint.run_clock(wanted=True)

    def rest_soon(self) -> None:
        """A leg is over: the clock stops in a moment, unless something else needs it."""
        cancel(self._timers, self._rest)
        self._rest = self._timers.enter(LINGER_SECONDS, 1, self._stop)

    def _stop(self) -> None:
        self._rest = None
        if self._conference.idle:
            self._endpoint.run_clock(wanted=False)
