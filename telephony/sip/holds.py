"""Holds: a leg put on hold by us or by its far end, told apart, and a re-INVITE the far end refuses."""

import random
import sched
from dataclasses import dataclass
from pathlib import Path

import pjsua2 as pj
import structlog

from telephony.call_control import LegEventKind, LegState, RejectedError
from telephony.sip.dialog import SipMessage, final_answer_to_invite
from telephony.sip.event_book import EventBook
from telephony.sip.leg import Leg, Reinvite
from telephony.sip.media import Conference

log = structlog.get_logger(__name__)

GLARE = 491
TRIES = 2  # both sides asked at once: once more after a pause of a random length, as RFC 3261 section 14.1 has it
GLARE_PAUSE_SECONDS = (2.1, 4.0)
BUSY_PAUSE_SECONDS = 0.5  # the library is still at another re-INVITE of its own
LIBRARYS_OWN = frozenset({401, 407, 408, 481})  # it answers a challenge, and ends a call that is gone


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldBy:
    """Who keeps a leg on hold, as its media stand."""

    us: bool
    far_end: bool


def held_by(statuses: tuple[int, ...], *, sound: bool, before: HeldBy) -> HeldBy:
    """What the library's media statuses of an answered leg mean. While we hold, the far end's hold cannot be seen."""
    if pj.PJSUA_CALL_MEDIA_LOCAL_HOLD in statuses:
        return HeldBy(us=True, far_end=before.far_end)
    return HeldBy(us=False, far_end=pj.PJSUA_CALL_MEDIA_REMOTE_HOLD in statuses or not sound)


class Holds:
    """Puts legs on hold and takes them from it."""

    def __init__(self, *, conference: Conference, timers: sched.scheduler, book: EventBook) -> None:
        self._conference = conference
        self._timers = timers
        self._book = book

    def hold(self, leg: Leg, music: Path | None) -> None:
        """Ask the far end to hold the line; HELD follows when it has agreed, HOLD_REFUSED when it has not."""
        if leg.held_by_us:
            raise RejectedError(f"leg {leg.leg_id} is held already")
        self._refuse_while_asking(leg)
        if music is not None:
            self._conference.give_music(leg.leg_id, music)
        self._ask(leg, Reinvite(hold=True))

    def resume(self, leg: Leg) -> None:
        """Take the leg from hold; RESUMED follows when sound flows again."""
        if not leg.held_by_us:
            raise RejectedError(f"leg {leg.leg_id} is not held by us")
        self._refuse_while_asking(leg)
        self._ask(leg, Reinvite(hold=False))

    def message_passed(self, leg: Leg, message: SipMessage) -> None:
        """An answer to what we asked may be among the leg's messages."""
        reinvite = leg.reinvite
        if reinvite is None or not reinvite.sent or message.sent:
            return
        status = final_answer_to_invite(message)
        if status == 0 or status in LIBRARYS_OWN:
            return
        if status // 100 == 2:
            leg.reinvite = None
        elif status == GLARE and reinvite.tries < TRIES:
            self._ask_later(leg, random.uniform(*GLARE_PAUSE_SECONDS))  # noqa: S311 (spreads two peers apart)
        else:
            self._refused(leg, status)

    def media_changed(self, leg: Leg, statuses: tuple[int, ...], *, sound: bool) -> None:
        """Tell who holds the leg now, where that has changed."""
        before = HeldBy(us=leg.held_by_us, far_end=leg.held_by_far_end)
        now = held_by(statuses, sound=sound, before=before)
        leg.held_by_us, leg.held_by_far_end = now.us, now.far_end
        leg.state = LegState.HELD if now.us or now.far_end else LegState.ANSWERED
        if before.us and not now.us:
            self._conference.stop_music(leg.leg_id)
        for who, was, is_now in (("us", before.us, now.us), ("far_end", before.far_end, now.far_end)):
            if was != is_now:
                self._book.say(leg.leg_id, LegEventKind.HELD if is_now else LegEventKind.RESUMED, {"by": who})

    def _ask(self, leg: Leg, reinvite: Reinvite) -> None:
        if leg.call is None:
            raise RejectedError(f"leg {leg.leg_id} has no call any more")
        leg.reinvite = reinvite
        reinvite.tries += 1
        parameters = pj.CallOpParam(True)
        try:
            if reinvite.hold:
                leg.call.setHold(parameters)
            else:
                parameters.opt.flag = pj.PJSUA_CALL_UNHOLD
                leg.call.reinvite(parameters)
            reinvite.sent = True
        except pj.Error as error:
            log.info("reinvite_not_now", leg_id=leg.leg_id, reason=error.reason)
            if reinvite.tries < TRIES:
                self._ask_later(leg, BUSY_PAUSE_SECONDS)
            else:
                self._refused(leg, 0)

    def _ask_later(self, leg: Leg, seconds: float) -> None:
        if leg.reinvite is not None:
            leg.reinvite.sent = False
            self._timers.enter(seconds, 0, self._ask_again, (leg, leg.reinvite))

    def _ask_again(self, leg: Leg, reinvite: Reinvite) -> None:
        if leg.up and leg.reinvite is reinvite:
            self._ask(leg, reinvite)

    def _refused(self, leg: Leg, status: int) -> None:
        hold = leg.reinvite is not None and leg.reinvite.hold
        leg.reinvite = None
        if hold:
            self._conference.stop_music(leg.leg_id)
        self._book.say(leg.leg_id, LegEventKind.HOLD_REFUSED, {"sip_status": status})

    def _refuse_while_asking(self, leg: Leg) -> None:
        if leg.reinvite is not None:
            raise RejectedError(f"leg {leg.leg_id}: the far end is still being asked; wait for held or hold_refused")
