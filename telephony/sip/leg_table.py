"""The table of a worker's legs, by their ids, with what every command asks of it."""

import sched
from collections.abc import Callable

import pjsua2 as pj

from followup.calls import LegId
from telephony.call_control import RejectedError
from telephony.sip.calls import LegCall
from telephony.sip.leg import Leg


class LegTable(dict[LegId, Leg]):
    """Every leg the library has not let go of yet."""

    def up(self, leg_id: LegId) -> Leg:
        """The leg, if it is answered and nobody has ended it."""
        leg = self.get(leg_id)
        if leg is None or not leg.up:
            raise RejectedError(f"leg {leg_id} is not up in this worker")
        return leg

    def up_or_none(self, leg_id: LegId | None) -> Leg | None:
        """The same, or None."""
        leg = self.get(leg_id) if leg_id is not None else None
        return leg if leg is not None and leg.up else None


def on_call(leg: Leg, act: Callable[[LegCall], None]) -> None:
    """Do something with the leg's call; what the library refuses is a refused command."""
    if leg.call is None:
        raise RejectedError(f"leg {leg.leg_id} has no call any more")
    try:
        act(leg.call)
    except pj.Error as error:
        raise RejectedError(f"leg {leg.leg_id}: {error.reason}") from error


def cancel(timers: sched.scheduler, timer: sched.Event | None) -> None:
    """Let a timer not come due, if it has not yet."""
    if timer is not None and timer in timers.queue:
        timers.cancel(timer)
