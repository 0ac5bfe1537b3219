"""The silence watch: a leg from which no sound arrives is told of, once for each silence, and ended in the end."""

import sched
import time
from collections.abc import Callable

import pjsua2 as pj
import structlog

from followup.calls import LegRole
from telephony.call_control import LegEventKind, LegState
from telephony.sip.event_book import EventBook
from telephony.sip.leg import Leg

log = structlog.get_logger(__name__)

CHECK_SECONDS = 2.0
ENDED_WHEN_SILENT = frozenset({LegRole.PATIENT, LegRole.THIRD_PARTY})
"""An agent's phone may send nothing while she is muted; what a carrier brings sends packets even then."""


class SilenceWatch:
    """Counts the packets of answered legs."""

    def __init__(
        self,
        *,
        limit_seconds: float,
        end_seconds: float,
        timers: sched.scheduler,
        book: EventBook,
        end: Callable[[Leg], None],
    ) -> None:
        self._limit = limit_seconds
        self._end_limit = end_seconds
        self._end = end
        self._timers = timers
        self._book = book

    def begin(self, leg: Leg) -> None:
        """Watch an answered leg until it ends."""
        leg.packets_at = time.monotonic()
        self._timers.enter(CHECK_SECONDS, 1, self._check, (leg,))

    def packets(self, leg: Leg) -> int:
        """How many RTP packets have come on the leg."""
        if leg.call is None or not leg.answered or leg.library_done:
            return leg.packets
        try:
            stream = leg.call.getStreamStat(0)
        except pj.Error:
            return leg.packets
        return int(stream.rtcp.rxStat.pkt)

    def _tell_of_strangers(self, leg: Leg) -> None:
        kept_out = leg.call.kept_out() if leg.call is not None else 0
        if kept_out > leg.kept_out:
            log.warning("rtp_of_strangers_kept_out", leg_id=leg.leg_id, packets=kept_out - leg.kept_out)
        leg.kept_out = kept_out

    def _check(self, leg: Leg) -> None:
        if not leg.up:
            return
        self._timers.enter(CHECK_SECONDS, 1, self._check, (leg,))
        self._tell_of_strangers(leg)
        now, packets = time.monotonic(), self.packets(leg)
        if packets != leg.packets or leg.state is LegState.HELD:
            if leg.silence_said and packets != leg.packets:
                self._book.say(leg.leg_id, LegEventKind.MEDIA_BACK)
            leg.packets, leg.packets_at, leg.silence_said = packets, now, False
        elif not leg.silence_said and now - leg.packets_at >= self._limit:
            leg.silence_said = True
            self._book.say(leg.leg_id, LegEventKind.MEDIA_SILENT, {"seconds": round(now - leg.packets_at, 1)})
        elif leg.outbound.role in ENDED_WHEN_SILENT and now - leg.packets_at >= self._end_limit:
            self._end(leg)
