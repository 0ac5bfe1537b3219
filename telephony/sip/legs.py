"""The legs of a worker: commands carried out, signals of the library turned into events.

Everything here runs on the worker's one thread, the only one that touches pjsua2.
"""

import sched
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pjsua2 as pj
import structlog

from followup.calls import EndReason, LegId, LegRole
from telephony.call_control import (
    DigitMethod,
    LegEventKind,
    LegState,
    LegStatus,
    MonitorMode,
    OutboundLeg,
    RejectedError,
    TransferEnding,
    Trunk,
    TrunkBusyError,
)
from telephony.causes import (
    Cause,
    cause_of_failed_invite,
    cause_of_far_hang_up,
    cause_of_our_hang_up,
    cause_of_ring_limit,
    cause_of_silence_on_invite,
)
from telephony.sip.bridges import Bridges
from telephony.sip.calls import (
    DigitReceived,
    LegCall,
    MediaChanged,
    MessagePassed,
    PromptEnded,
    Rang,
    Signal,
    Signals,
    StateChanged,
)
from telephony.sip.config import WorkerConfig
from telephony.sip.dialog import DialogWatch
from telephony.sip.endpoint import Endpoint, TokenBucket
from telephony.sip.event_book import EventBook
from telephony.sip.incoming import Incoming
from telephony.sip.journal import ClosedLine
from telephony.sip.keypad import Keypad
from telephony.sip.leg import Leg
from telephony.sip.media import Conference
from telephony.sip.recorder import Recorder
from telephony.sip.silence_watch import SilenceWatch
from telephony.sip.targets import target_of
from telephony.sip.wire import Expect, Transfer

log = structlog.get_logger(__name__)

END_LIMIT_SECONDS = 4.0  # a far end that does not answer our CANCEL or BYE is taken as gone
CLOCK_LINGER_SECONDS = 0.5  # the bridge carries out removals at its ticks
RINGING = frozenset({180, 181, 182})
KEYS = frozenset("0123456789*#ABCD")


class Legs:
    """All legs of one worker."""

    def __init__(
        self,
        *,
        config: WorkerConfig,
        endpoint: Endpoint,
        signals: Signals,
        timers: sched.scheduler,
        book: EventBook,
    ) -> None:
        self._endpoint = endpoint
        self._signals = signals
        self._timers = timers
        self._book = book
        self._no_reply_seconds = config.no_reply_seconds
        self._bucket = TokenBucket(config.calls_per_second, time.monotonic())
        self._conference = Conference(endpoint.native, signals, config.clock_rate)
        self._bridges = Bridges(conference=self._conference, book=book)
        self._keypad = Keypad(conference=self._conference, timers=timers, book=book)
        self._recorder = Recorder(conference=self._conference, timers=timers, book=book, finished=self._files_finished)
        self._silence_watch = SilenceWatch(limit_seconds=config.silent_seconds, timers=timers, book=book)
        self._legs: dict[LegId, Leg] = {}
        self._incoming = Incoming(
            config=config, endpoint=endpoint, timers=timers, book=book, legs=self._legs, finish=self._finish
        )
        self._known_legs: set[LegId] = set()
        self._dialed_attempts: set[str] = set()
        self._clock_timer: sched.Event | None = None
        self.calls_made = 0

    # --- what the worker asks of its legs ---

    @property
    def idle(self) -> bool:
        """Whether no leg is up or on its way, and the library owes nobody a CANCEL or BYE."""
        return not self._legs and not self._recorder.busy and self._endpoint.native.call_count() == 0

    @property
    def busy_with_calls(self) -> bool:
        """Whether some leg's end has not been told yet."""
        return any(not leg.ended_said for leg in self._legs.values())

    def states(self) -> dict[LegId, LegState]:
        """Every leg whose end has not been told, and where it is."""
        return {leg_id: leg.state for leg_id, leg in self._legs.items() if not leg.ended_said}

    def statuses(self) -> tuple[LegStatus, ...]:
        """The same, in full."""
        return tuple(
            LegStatus(
                leg_id=leg.leg_id,
                role=leg.outbound.role,
                state=leg.state,
                bridged_with=tuple(sorted(leg.bridged_with)),
                recording=self._recorder.records(leg.leg_id),
                packets_received=self._silence_watch.packets(leg),
            )
            for leg in self._legs.values()
            if not leg.ended_said
        )

    def take_signals(self) -> None:
        """Act on everything the library's callbacks noted."""
        while self._signals:
            self._take(self._signals.popleft())

    def close(self) -> None:
        """Let every object of the library go; the calls must have ended."""
        self._conference.close()
        for leg in self._legs.values():
            leg.call = None
        self._legs.clear()

    # --- dialing ---

    def dial(self, outbound: OutboundLeg, trunk: Trunk) -> None:
        """Write `about_to_invite` to the disk, then send the INVITE. What comes of it is told by events."""
        if outbound.leg_id in self._known_legs:
            raise RejectedError(f"leg {outbound.leg_id} has been dialed here already", anything_sent=True)
        patient = outbound.role is LegRole.PATIENT
        if patient and outbound.attempt_id in self._dialed_attempts:
            raise RejectedError(f"attempt {outbound.attempt_id} has been dialed already", anything_sent=True)
        if outbound.recording_folder is not None and outbound.role is LegRole.AGENT:
            raise RejectedError("a headset is never recorded; give the recording folder with the patient's leg")
        if outbound.join_leg is not None:
            self._up(outbound.join_leg)
        target = target_of(outbound, trunk)
        if not self._endpoint.verify(target):
            raise RejectedError(f"leg {outbound.leg_id}: the number makes no SIP address; correct it")
        if max(len(self._legs), self._endpoint.native.call_count()) >= self._endpoint.call_limit:
            raise TrunkBusyError(f"this worker holds {self._endpoint.call_limit} legs already; wait or take another")
        if not self._bucket.take(time.monotonic()):
            raise TrunkBusyError("too many new calls within a second; wait a second and ask again")
        leg = Leg(outbound=outbound, dialog=DialogWatch(outbound.leg_id, outbound.role))
        self._legs[leg.leg_id] = leg
        self._known_legs.add(leg.leg_id)
        if patient:
            self._dialed_attempts.add(outbound.attempt_id)
        self.calls_made += 1
        self._book.say(leg.leg_id, LegEventKind.ABOUT_TO_INVITE, {"attempt_id": outbound.attempt_id}, durable=True)
        leg.ring_timer = self._timers.enter(outbound.ring_seconds, 0, self._ring_limit, (leg,))
        try:
            leg.call = self._endpoint.new_call(leg.leg_id, trunk, target)
            self._endpoint.invite(leg.call, target)
            self.take_signals()  # the dialog is in the journal before anything else is told of it
            self._book.say(leg.leg_id, LegEventKind.INVITED, {"sip_call_id": leg.call.getInfo().callIdString})
        except pj.Error as error:
            log.warning("invite_failed", leg_id=leg.leg_id, reason=error.reason)
            self.take_signals()
            if leg.ended_at is None:
                leg.library_done = True
                self._end(leg, Cause(end_reason=EndReason.NETWORK_FAILURE, party=cause_of_silence_on_invite().party))

    def hang_up(self, leg_id: LegId, reason: EndReason) -> None:
        """CANCEL or BYE, whichever the leg needs; nothing when it is over."""
        leg = self._legs.get(leg_id)
        if leg is None or leg.ended_at is not None or leg.our_cause is not None:
            return
        with_agent = leg.met_agent or leg.outbound.join_leg is not None
        self._finish(leg, cause_of_our_hang_up(reason, answered=leg.answered, with_agent=with_agent))

    def hang_up_all(self, reason: EndReason) -> None:
        """End every leg."""
        for leg_id in list(self._legs):
            self.hang_up(leg_id, reason)

    # --- an answered leg ---

    def bridge(self, leg_id: LegId, other: LegId) -> None:
        """Let two answered legs hear each other."""
        self._bridges.join(self._up(leg_id), self._up(other))

    def unbridge(self, leg_id: LegId, other: LegId) -> None:
        """Part two bridged legs."""
        self._bridges.part(self._up(leg_id), self._up(other))

    def hold(self, leg_id: LegId, music: Path | None) -> None:
        """Ask the far end to hold the line; HELD follows when it has agreed."""
        leg = self._up(leg_id)
        if music is not None:
            raise RejectedError("music on hold is not built")
        if leg.state is LegState.HELD:
            raise RejectedError(f"leg {leg_id} is held already")
        self._on_call(leg, lambda call: call.setHold(pj.CallOpParam(True)))

    def resume(self, leg_id: LegId) -> None:
        """Take the leg from hold; RESUMED follows when sound flows again."""
        leg = self._up(leg_id)
        if leg.state is not LegState.HELD:
            raise RejectedError(f"leg {leg_id} is not held")
        prm = pj.CallOpParam(True)
        prm.opt.flag = pj.PJSUA_CALL_UNHOLD
        self._on_call(leg, lambda call: call.reinvite(prm))

    def play(self, leg_id: LegId, prompt: Path) -> None:
        """Play a file to the leg."""
        self._keypad.play(self._up(leg_id), prompt)

    def collect_digits(self, leg_id: LegId, count: int, timeout_seconds: float) -> None:
        """Gather the far end's digits."""
        self._keypad.collect(self._up(leg_id), count, timeout_seconds)

    def expect(self, request: Expect) -> None:
        """Take an INVITE of another of our workers as the leg named in the request."""
        self._incoming.expect(request)

    def answer(self, leg_id: LegId, *, join_leg: LegId | None, recording_folder: Path | None) -> None:
        """Pick up an incoming leg."""
        self._incoming.answer(leg_id, join_leg=join_leg, recording_folder=recording_folder)

    def mute(self, leg_id: LegId) -> None:
        """Let nobody hear the leg."""
        raise RejectedError("muting is not built")

    def unmute(self, leg_id: LegId) -> None:
        """Let the leg be heard again."""
        raise RejectedError("muting is not built")

    def transfer(self, request: Transfer) -> None:
        """Pass a patient's leg on to a third party."""
        raise RejectedError("transfers are not built")

    def end_transfer(self, leg_id: LegId, ending: TransferEnding) -> None:
        """End the transfer of the patient's leg in this way."""
        raise RejectedError("transfers are not built")

    def monitor(self, leg_id: LegId, other: LegId, mode: MonitorMode) -> None:
        """Let a supervisor's leg follow a patient's conversation in this way."""
        raise RejectedError("monitoring is not built")

    def stop_monitoring(self, leg_id: LegId) -> None:
        """Take a supervisor's leg out of the conversation."""
        raise RejectedError("monitoring is not built")

    def send_digits(self, leg_id: LegId, digits: str, method: DigitMethod) -> None:
        """Press keys towards the far end."""
        leg = self._up(leg_id)
        if method is not DigitMethod.RFC2833:
            raise RejectedError("digits by SIP INFO are not built")
        if not digits or not set(digits) <= KEYS:
            raise RejectedError("digits may be 0-9, *, # and A-D")
        self._on_call(leg, lambda call: call.dialDtmf(digits))

    def pause_recording(self, leg_id: LegId) -> None:
        """Write silence on both channels."""
        self._recorder.pause(self._up(leg_id).leg_id)

    def resume_recording(self, leg_id: LegId) -> None:
        """Write sound again."""
        self._recorder.resume(self._up(leg_id).leg_id)

    def stop_recording(self, leg_id: LegId) -> None:
        """Close both files for good."""
        self._recorder.close(self._up(leg_id))

    # --- signals ---

    def _take(self, signal: Signal) -> None:
        if isinstance(signal, Rang):
            self._incoming.rang(signal)
        leg = self._legs.get(signal.leg_id)
        if leg is None:
            return
        match signal:
            case MessagePassed():
                leg.heard = leg.heard or not signal.message.sent
                line = leg.dialog.observe(signal.message)
                if line is not None:
                    self._book.journal.append(line)
            case StateChanged():
                self._state_changed(leg, signal)
            case MediaChanged():
                self._media_changed(leg, signal.statuses)
            case DigitReceived():
                if leg.up:
                    self._keypad.pressed(leg, signal.digit)
            case PromptEnded():
                self._keypad.prompt_read(leg, signal.prompt)

    def _state_changed(self, leg: Leg, signal: StateChanged) -> None:
        if signal.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self._disconnected(leg, signal.status)
        elif leg.our_cause is not None:
            return  # what crossed our CANCEL or BYE on the way does not count any more
        elif signal.state == pj.PJSIP_INV_STATE_EARLY and signal.status in RINGING and not leg.rang:
            leg.rang, leg.state = True, LegState.RINGING
            self._cancel(leg.ring_timer)
            leg.ring_timer = self._timers.enter(leg.outbound.ring_seconds, 0, self._ring_limit, (leg,))
            self._book.say(leg.leg_id, LegEventKind.RINGING)
        elif signal.state == pj.PJSIP_INV_STATE_CONFIRMED and not leg.answered:
            self._answered(leg)

    def _answered(self, leg: Leg) -> None:
        leg.answered, leg.state = True, LegState.ANSWERED
        self._cancel(leg.ring_timer)
        self._book.say(leg.leg_id, LegEventKind.ANSWERED)
        folder = leg.outbound.recording_folder
        if folder is not None:
            self._wind_clock()
            self._recorder.begin(leg, folder)
        partner = self._legs.get(leg.outbound.join_leg) if leg.outbound.join_leg else None
        if partner is not None and partner.up:
            self._bridges.join(leg, partner)
        self._silence_watch.begin(leg)

    def _media_changed(self, leg: Leg, statuses: tuple[int, ...]) -> None:
        if leg.ended_at is not None or leg.call is None:
            return
        held = pj.PJSUA_CALL_MEDIA_LOCAL_HOLD in statuses
        try:
            audio = leg.call.getAudioMedia(-1)
        except pj.Error:
            audio = None  # no stream: refused, ended, or not agreed yet
        if audio is not None:
            self._wind_clock()
        self._conference.put_leg(leg.leg_id, audio, audible=not held)
        if audio is not None and not leg.answered and not leg.early_media_said:
            leg.early_media_said = True
            self._timers.enter(0, 0, self._early_media, (leg,))
        if not leg.up:
            return
        if held and leg.state is LegState.ANSWERED:
            leg.state = LegState.HELD
            self._book.say(leg.leg_id, LegEventKind.HELD)
        elif not held and audio is not None and leg.state is LegState.HELD:
            leg.state = LegState.ANSWERED
            self._book.say(leg.leg_id, LegEventKind.RESUMED)
        self._bridges.sound_changed(leg, self._legs)

    def _early_media(self, leg: Leg) -> None:
        # Media come a moment before the answer as well: only what is still unanswered now was early.
        if not leg.answered and leg.ended_at is None and leg.our_cause is None:
            self._book.say(leg.leg_id, LegEventKind.EARLY_MEDIA)

    def _disconnected(self, leg: Leg, status: int) -> None:
        leg.library_done = True
        self._cancel(leg.end_timer)
        if leg.ended_at is not None:
            self._release(leg)
        elif leg.our_cause is not None:
            self._end(leg, leg.our_cause, status=0 if leg.answered else status)
        elif leg.answered:
            self._end(leg, cause_of_far_hang_up(status, role=leg.outbound.role))
        elif (given_up := self._incoming.given_up(leg)) is not None:
            self._end(leg, given_up, status=status)
        elif not leg.heard:
            self._end(leg, cause_of_silence_on_invite())
        else:
            self._end(leg, cause_of_failed_invite(status, role=leg.outbound.role, rang=leg.rang))

    # --- ending a leg ---

    def _ring_limit(self, leg: Leg) -> None:
        leg.ring_timer = None
        if not leg.answered and leg.our_cause is None and leg.ended_at is None:
            rang = leg.rang or leg.early_media_said
            self._finish(leg, cause_of_ring_limit(role=leg.outbound.role, rang=rang))

    def _finish(self, leg: Leg, cause: Cause) -> None:
        """Say CANCEL or BYE; the leg ends when the far end has agreed or does not answer."""
        leg.our_cause, leg.state = cause, LegState.ENDING
        self._cancel(leg.ring_timer)
        leg.end_timer = self._timers.enter(END_LIMIT_SECONDS, 0, self._end_limit, (leg,))
        try:
            if leg.call is not None:
                leg.call.hangup(self._incoming.parting(leg))
        except pj.Error as error:
            log.info("hang_up_crossed_the_end", leg_id=leg.leg_id, reason=error.reason)

    def _end_limit(self, leg: Leg) -> None:
        leg.end_timer = None
        if leg.ended_at is None and leg.our_cause is not None:
            self._end(leg, leg.our_cause)

    def _end(self, leg: Leg, cause: Cause, *, status: int = 0) -> None:
        """The leg is over. Its files are finished first, so that whoever hears of the end finds them whole."""
        leg.ended_at, leg.state = self._book.clock.now(), LegState.ENDING
        leg.ended_cause = replace(cause, sip_status=cause.sip_status or status)
        self._cancel(leg.ring_timer)
        self._keypad.stop_collecting(leg)
        self._bridges.ended(leg, self._legs)
        self._conference.drop_leg(leg.leg_id)
        if self._recorder.records(leg.leg_id):
            self._recorder.close(leg)
        if not self._recorder.closing(leg.leg_id):
            self._say_ended(leg)

    def _files_finished(self, leg_id: LegId) -> None:
        leg = self._legs.get(leg_id)
        if leg is not None and leg.ended_at is not None:
            self._say_ended(leg)

    def _say_ended(self, leg: Leg) -> None:
        cause, at = leg.ended_cause, leg.ended_at
        if cause is None or at is None:
            return
        leg.ended_said = True
        self._book.say(
            leg.leg_id,
            LegEventKind.ENDED,
            {"end_reason": cause.end_reason, "party": cause.party, "sip_status": cause.sip_status},
            at=at,
        )
        self._rest_clock()
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

    # --- the clock and the silence watch ---

    def _wind_clock(self) -> None:
        self._cancel(self._clock_timer)
        self._clock_timer = None
        self._endpoint.run_clock(wanted=True)

    def _rest_clock(self) -> None:
        self._cancel(self._clock_timer)
        self._clock_timer = self._timers.enter(CLOCK_LINGER_SECONDS, 1, self._stop_clock)

    def _stop_clock(self) -> None:
        self._clock_timer = None
        if self._conference.idle:
            self._endpoint.run_clock(wanted=False)

    # --- small things ---

    def _up(self, leg_id: LegId) -> Leg:
        leg = self._legs.get(leg_id)
        if leg is None or not leg.up:
            raise RejectedError(f"leg {leg_id} is not up in this worker")
        return leg

    def _on_call(self, leg: Leg, act: Callable[[LegCall], None]) -> None:
        if leg.call is None:
            raise RejectedError(f"leg {leg.leg_id} has no call any more")
        try:
            act(leg.call)
        except pj.Error as error:
            raise RejectedError(f"leg {leg.leg_id}: {error.reason}") from error

    def _cancel(self, timer: sched.Event | None) -> None:
        if timer is not None and timer in self._timers.queue:
            self._timers.cancel(timer)
