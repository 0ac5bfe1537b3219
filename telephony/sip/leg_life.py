"""The life of a worker's legs: dialed, answered, ended, and let go of once nothing is owed to the far end."""

import sched
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pjsua2 as pj
import structlog

from followup.calls import EndReason, LegId, LegRole
from telephony.call_control import LegEventKind, LegState, OutboundLeg, RejectedError, Trunk, TrunkBusyError
from telephony.causes import (
    Cause,
    cause_of_failed_invite,
    cause_of_far_hang_up,
    cause_of_our_hang_up,
    cause_of_ring_limit,
    cause_of_silence_on_invite,
    cause_of_silent_line,
)
from telephony.sip.bridge_clock import BridgeClock
from telephony.sip.bridges import Bridges
from telephony.sip.calls import StateChanged
from telephony.sip.config import WorkerConfig
from telephony.sip.dialog import DialogWatch, SipMessage, call_id_of
from telephony.sip.endpoint import Endpoint, TokenBucket
from telephony.sip.event_book import EventBook
from telephony.sip.incoming import given_up, parting
from telephony.sip.journal import ClosedLine
from telephony.sip.keypad import Keypad
from telephony.sip.leg import Leg
from telephony.sip.leg_table import LegTable, cancel
from telephony.sip.media import Conference
from telephony.sip.recorder import Recorder
from telephony.sip.silence_watch import SilenceWatch
from telephony.sip.targets import Target, first_hop, target_of
from telephony.stream_terms import stream_terms

log = structlog.get_logger(__name__)

END_LIMIT_SECONDS = 4.0  # a far end that does not answer our CANCEL or BYE is taken as gone
RINGING = frozenset({180, 181, 182})


class LegLife:
    """Dials and ends legs. Whoever needs to know of an answer or an end hangs himself into `answered` and `going`."""

    def __init__(
        self,
        *,
        config: WorkerConfig,
        endpoint: Endpoint,
        timers: sched.scheduler,
        book: EventBook,
        legs: LegTable,
        conference: Conference,
        bridges: Bridges,
        keypad: Keypad,
        clock: BridgeClock,
        take_signals: Callable[[], None],
    ) -> None:
        self._endpoint = endpoint
        self._timers = timers
        self._book = book
        self._legs = legs
        self._conference = conference
        self._bridges = bridges
        self._keypad = keypad
        self._clock = clock
        self._take_signals = take_signals
        self._no_reply_seconds = config.no_reply_seconds
        self._bucket = TokenBucket(config.calls_per_second, time.monotonic())
        self._known_legs: set[LegId] = set()
        self._dialed_attempts: set[str] = set()
        self._unrung: dict[LegId, str] = {}  # attempts by their legs that were refused before anything rang
        self.recorder = Recorder(conference=conference, timers=timers, book=book, finished=self._files_finished)
        self.silence_watch = SilenceWatch(
            limit_seconds=config.silent_seconds,
            end_seconds=config.silent_end_seconds,
            timers=timers,
            book=book,
            end=lambda leg: self.finish(leg, cause_of_silent_line()),
        )
        endpoint.show_later_invites(self._note_leaving_again)
        self.answered: list[Callable[[Leg], None]] = []
        self.going: list[Callable[[Leg, Cause], None]] = []  # called before the leg is parted from the others
        self.calls_made = 0

    # --- dialing ---

    def dial(self, outbound: OutboundLeg, trunk: Trunk) -> Leg:
        """Write `about_to_invite` to the disk, then send the INVITE. What comes of it is told by events."""
        if outbound.leg_id in self._known_legs:
            raise RejectedError(f"leg {outbound.leg_id} has been dialed here already", anything_sent=True)
        patient = outbound.role is LegRole.PATIENT
        if patient and outbound.attempt_id in self._dialed_attempts and not self._stands_in(outbound):
            raise RejectedError(f"attempt {outbound.attempt_id} has been dialed already", anything_sent=True)
        if outbound.recording_folder is not None and not patient:
            raise RejectedError("a headset is never recorded, nor a guest; give the folder with the patient's leg")
        if outbound.join_leg is not None:
            partner = self._legs.up(outbound.join_leg)
            if LegRole.SUPERVISOR in (outbound.role, partner.outbound.role):
                raise RejectedError("a supervisor's leg is not joined: let it monitor, which is written down")
        target = target_of(outbound, trunk)
        if not self._endpoint.verify(target):
            raise RejectedError(f"leg {outbound.leg_id}: the number makes no SIP address; correct it")
        self._endpoint.lines.account_for(trunk, target)  # what it refuses is refused before anything is written down
        if max(len(self._legs), self._endpoint.native.call_count()) >= self._endpoint.call_limit:
            raise TrunkBusyError(f"this worker holds {self._endpoint.call_limit} legs already; wait or take another")
        if not self._bucket.take(time.monotonic()):
            raise TrunkBusyError("too many new calls within a second; wait a second and ask again")
        leg = Leg(outbound=outbound, dialog=DialogWatch(outbound.leg_id, outbound.role, terms=stream_terms(trunk)))
        self._legs[leg.leg_id] = leg
        self._known_legs.add(leg.leg_id)
        if patient:
            self._dialed_attempts.add(outbound.attempt_id)
            if outbound.replaces is not None:
                self._unrung.pop(outbound.replaces, None)
        self.calls_made += 1
        self._book.say(leg.leg_id, LegEventKind.ABOUT_TO_INVITE, {"attempt_id": outbound.attempt_id}, durable=True)
        leg.ring_timer = self._timers.enter(outbound.ring_seconds, 0, self._ring_limit, (leg,))
        try:
            leg.call = self._endpoint.new_call(leg.leg_id, trunk, target)
            self._endpoint.invite(leg.call, target, leaving=lambda text: self._note_leaving(leg, target, text))
            self._take_signals()  # the dialog is in the journal before anything else is told of it
            self._book.say(leg.leg_id, LegEventKind.INVITED, {"sip_call_id": leg.call.getInfo().callIdString})
        except pj.Error as error:
            log.warning("invite_failed", leg_id=leg.leg_id, reason=error.reason)
            self._take_signals()
            if leg.ended_at is None:
                leg.library_done = True
                self._end(leg, Cause(end_reason=EndReason.NETWORK_FAILURE, party=cause_of_silence_on_invite().party))
        return leg

    def _note_leaving(self, leg: Leg, target: Target, invite: str) -> None:
        """What a CANCEL needs is in the journal before the INVITE is on the wire."""
        line = leg.dialog.observe(SipMessage(invite, sent=True, peer=first_hop(target)))
        if line is not None:
            self._book.journal.append(line)

    def _note_leaving_again(self, invite: str) -> None:
        """A call's second INVITE has another number and branch, which a CANCEL or BYE must match or follow."""
        call_id = call_id_of(invite)
        leg = next((leg for leg in self._legs.values() if leg.dialog.line and leg.dialog.line.call_id == call_id), None)
        if leg is None or leg.dialog.line is None:
            return
        before = leg.dialog.line
        line = leg.dialog.observe(SipMessage(invite, sent=True, peer=f"{before.peer_host}:{before.peer_port}"))
        if line is not None:
            self._book.journal.append(line)

    def _stands_in(self, outbound: OutboundLeg) -> bool:
        """Whether a second INVITE of the attempt is one over another trunk, after the first was refused unrung.

        Each refusal is good for one other leg.
        """
        if outbound.replaces is None:
            return False
        return self._unrung.get(outbound.replaces) == outbound.attempt_id

    # --- what the far end does ---

    def state_changed(self, leg: Leg, signal: StateChanged) -> None:
        """The invite session came to another state."""
        if signal.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self._disconnected(leg, signal.status)
        elif leg.our_cause is not None:
            return  # what crossed our CANCEL or BYE on the way does not count any more
        elif signal.state == pj.PJSIP_INV_STATE_EARLY and signal.status in RINGING and not leg.rang:
            leg.rang, leg.state = True, LegState.RINGING
            cancel(self._timers, leg.ring_timer)
            leg.ring_timer = self._timers.enter(leg.outbound.ring_seconds, 0, self._ring_limit, (leg,))
            self._book.say(leg.leg_id, LegEventKind.RINGING)
        elif signal.state == pj.PJSIP_INV_STATE_CONFIRMED and not leg.answered:
            self._answered(leg)

    def _answered(self, leg: Leg) -> None:
        leg.answered, leg.state, leg.answered_at = True, LegState.ANSWERED, time.monotonic()
        cancel(self._timers, leg.ring_timer)
        self._book.say(leg.leg_id, LegEventKind.ANSWERED)
        folder = leg.outbound.recording_folder
        if folder is not None:
            self._clock.wind()
            self.recorder.begin(leg, folder)
        partner = self._legs.up_or_none(leg.outbound.join_leg)
        if partner is not None:
            self._bridges.join(leg, partner)
        for follow in self.answered:
            follow(leg)
        self.silence_watch.begin(leg)

    def _disconnected(self, leg: Leg, status: int) -> None:
        leg.library_done = True
        cancel(self._timers, leg.end_timer)
        if leg.ended_at is not None:
            self._release(leg)
        elif leg.our_cause is not None:
            self._end(leg, leg.our_cause, status=0 if leg.answered else status)
        elif leg.answered:
            self._end(leg, cause_of_far_hang_up(status, role=leg.outbound.role, reasons=leg.words.reasons))
        elif (left := given_up(leg)) is not None:
            self._end(leg, left, status=status)
        elif not leg.heard:
            self._end(leg, cause_of_silence_on_invite())
        else:
            leg.unrung = leg.words.refused_unrung(status)
            rang_for = leg.words.rang_for(time.monotonic())
            self._end(
                leg,
                cause_of_failed_invite(
                    status,
                    role=leg.outbound.role,
                    rang=leg.rang,
                    reasons=leg.words.reasons,
                    rang_for=None if rang_for is None else timedelta(seconds=rang_for),
                ),
            )

    # --- ending a leg ---

    def hang_up(self, leg_id: LegId, reason: EndReason) -> None:
        """CANCEL or BYE, whichever the leg needs; nothing when it is over."""
        leg = self._legs.get(leg_id)
        if leg is None or leg.ended_at is not None or leg.our_cause is not None:
            return
        with_agent = leg.met_agent or leg.outbound.join_leg is not None
        self.finish(leg, cause_of_our_hang_up(reason, answered=leg.answered, with_agent=with_agent))

    def finish(self, leg: Leg, cause: Cause) -> None:
        """Say CANCEL or BYE; the leg ends when the far end has agreed or does not answer."""
        leg.our_cause, leg.state = cause, LegState.ENDING
        cancel(self._timers, leg.ring_timer)
        leg.end_timer = self._timers.enter(END_LIMIT_SECONDS, 0, self._end_limit, (leg,))
        try:
            if leg.call is not None:
                leg.call.hangup(parting(leg))
        except pj.Error as error:
            log.info("hang_up_crossed_the_end", leg_id=leg.leg_id, reason=error.reason)
        self._tell_going(leg, cause)

    def _ring_limit(self, leg: Leg) -> None:
        leg.ring_timer = None
        if not leg.answered and leg.our_cause is None and leg.ended_at is None:
            rang = leg.rang or leg.early_media_said
            self.finish(leg, cause_of_ring_limit(role=leg.outbound.role, rang=rang))

    def _end_limit(self, leg: Leg) -> None:
        leg.end_timer = None
        if leg.ended_at is None and leg.our_cause is not None:
            self._end(leg, leg.our_cause)

    def _end(self, leg: Leg, cause: Cause, *, status: int = 0) -> None:
        """The leg is over. Its files are finished first, so that whoever hears of the end finds them whole."""
        leg.ended_at, leg.state = self._book.clock.now(), LegState.ENDING
        leg.ended_cause = replace(cause, sip_status=cause.sip_status or status)
        cancel(self._timers, leg.ring_timer)
        self._keypad.stop_collecting(leg)
        if leg.our_cause is None:
            self._tell_going(leg, cause)
        self._conference.drop_leg(leg.leg_id)
        self._bridges.ended(leg, self._legs)
        if self.recorder.records(leg.leg_id):
            self.recorder.close(leg)
        if not self.recorder.closing(leg.leg_id):
            self._say_ended(leg)

    def _tell_going(self, leg: Leg, cause: Cause) -> None:
        for follow in self.going:
            follow(leg, cause)

    def _files_finished(self, leg_id: LegId) -> None:
        leg = self._legs.get(leg_id)
        if leg is not None and leg.ended_at is not None:
            self._say_ended(leg)

    def _say_ended(self, leg: Leg) -> None:
        cause, at = leg.ended_cause, leg.ended_at
        if cause is None or at is None:
            return
        leg.ended_said = True
        if leg.unrung:
            self._unrung[leg.leg_id] = leg.outbound.attempt_id
        self._book.say(
            leg.leg_id,
            LegEventKind.ENDED,
            {
                "end_reason": cause.end_reason,
                "party": cause.party,
                "sip_status": cause.sip_status,
                "cause": cause.finest,
                "unrung": leg.unrung,
            },
            at=at,
        )
        self._clock.rest_soon()
        if leg.library_done:
            self._release(leg)

    def _release(self, leg: Leg) -> None:
        """Let the call object go, now that the library is done with it and nothing is owed to the far end."""
        if not leg.ended_said or leg.leg_id not in self._legs:
            return
        if leg.our_cause is not None and not leg.heard and not leg.patience_over:
            # The library calls it over, yet owes a CANCEL should the far end still speak: the journal keeps it open.
            leg.patience_over = True
            self._timers.enter(self._no_reply_seconds, 1, self._release, (leg,))
            return
        leg.call = None
        del self._legs[leg.leg_id]
        self._book.journal.append(ClosedLine(closed=leg.leg_id))
