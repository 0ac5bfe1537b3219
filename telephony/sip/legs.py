"""The legs of a worker: commands handed to those who carry them out, signals of the library turned into events.

Everything here runs on the worker's one thread, the only one that touches pjsua2.
"""

import sched
import time
from dataclasses import replace
from pathlib import Path

import pjsua2 as pj
import structlog

from followup.calls import EndReason, LegId
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
)
from telephony.sip.answer_watch import AnswerWatch
from telephony.sip.bridge_clock import BridgeClock
from telephony.sip.bridges import Bridges
from telephony.sip.calls import (
    DigitReceived,
    MediaChanged,
    MessagePassed,
    PromptEnded,
    Rang,
    Signal,
    Signals,
    StateChanged,
)
from telephony.sip.config import WorkerConfig
from telephony.sip.connections import LineSound
from telephony.sip.dialog import SipMessage, UnreadableMessageError
from telephony.sip.ear import EarLibrary
from telephony.sip.endpoint import Endpoint
from telephony.sip.event_book import EventBook
from telephony.sip.holds import Holds
from telephony.sip.incoming import Incoming
from telephony.sip.keypad import Keypad
from telephony.sip.leg import Leg
from telephony.sip.leg_life import LegLife
from telephony.sip.leg_table import LegTable
from telephony.sip.media import Conference
from telephony.sip.monitoring import Monitorings
from telephony.sip.transfers import Transfers
from telephony.sip.wire import Expect, Transfer

log = structlog.get_logger(__name__)


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
        self._legs = LegTable()
        self._conference = Conference(endpoint.native, signals, config.clock_rate)
        self._clock = BridgeClock(endpoint=endpoint, conference=self._conference, timers=timers)
        self._bridges = Bridges(conference=self._conference, book=book)
        self._keypad = Keypad(conference=self._conference, timers=timers, book=book)
        self._holds = Holds(conference=self._conference, timers=timers, book=book)
        self._life = LegLife(
            config=config,
            endpoint=endpoint,
            timers=timers,
            book=book,
            legs=self._legs,
            conference=self._conference,
            bridges=self._bridges,
            keypad=self._keypad,
            clock=self._clock,
            take_signals=self.take_signals,
        )
        self._answer_watch = AnswerWatch(
            rules=config.screening,
            library=EarLibrary(
                endpoint.native.functions, sample_rate=config.clock_rate, frame_milliseconds=config.frame_milliseconds
            ),
            conference=self._conference,
            timers=timers,
            book=book,
            folder=config.journal.parent,
        )
        self._life.answered.append(self._answer_watch.answered)
        self._life.going.append(lambda leg, _: self._answer_watch.ended(leg))
        self._incoming = Incoming(
            config=config, endpoint=endpoint, timers=timers, book=book, legs=self._legs, finish=self._life.finish
        )
        self._life.going.append(self._incoming.going)
        self._monitorings = Monitorings(legs=self._legs, bridges=self._bridges, conference=self._conference, book=book)
        self._transfers = Transfers(
            legs=self._legs,
            life=self._life,
            bridges=self._bridges,
            conference=self._conference,
            monitorings=self._monitorings,
            book=book,
        )
        self._monitorings.in_transfer = self._transfers.under_way
        self._bridges.parted.append(self._monitorings.settle)

    # --- what the worker asks of its legs ---

    @property
    def calls_made(self) -> int:
        """How many legs were dialed here."""
        return self._life.calls_made

    @property
    def idle(self) -> bool:
        """Whether no leg is up or on its way, and the library owes nobody a CANCEL or BYE."""
        return not self._legs and not self._life.recorder.busy and self._endpoint.native.call_count() == 0

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
                recording=self._life.recorder.records(leg.leg_id),
                muted=leg.muted,
                packets_received=self._life.silence_watch.packets(leg),
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
        self._answer_watch.close()
        self._conference.close()
        for leg in self._legs.values():
            leg.call = None
        self._legs.clear()

    # --- legs come and go ---

    def dial(self, outbound: OutboundLeg, trunk: Trunk) -> None:
        """Dial a leg; what comes of it is told by events."""
        self._life.dial(outbound, trunk)
        self._transfers.serve(outbound)

    def expect(self, request: Expect) -> None:
        """Take an INVITE of another of our workers as the leg named in the request."""
        self._incoming.expect(request)

    def answer(self, leg_id: LegId, *, join_leg: LegId | None, recording_folder: Path | None) -> None:
        """Pick up an incoming leg."""
        self._incoming.answer(leg_id, join_leg=join_leg, recording_folder=recording_folder)

    def hang_up(self, leg_id: LegId, reason: EndReason) -> None:
        """CANCEL or BYE, whichever the leg needs; nothing when it is over."""
        self._life.hang_up(leg_id, reason)

    def hang_up_all(self, reason: EndReason) -> None:
        """End every leg."""
        for leg_id in list(self._legs):
            self.hang_up(leg_id, reason)

    # --- who hears whom ---

    def bridge(self, leg_id: LegId, other: LegId) -> None:
        """Let two answered legs hear each other."""
        leg, partner = self._legs.up(leg_id), self._legs.up(other)
        self._transfers.refuse_during(leg, partner)
        self._bridges.join(leg, partner)

    def unbridge(self, leg_id: LegId, other: LegId) -> None:
        """Part two bridged legs; a line to a leg elsewhere ends by it."""
        line = self._incoming.line_to(leg_id, other)
        leg, partner = self._legs.up(leg_id), self._legs.up(line or other)
        self._transfers.refuse_during(leg, partner)
        self._bridges.part(leg, partner)
        if line is not None:
            self.hang_up(line, EndReason.HANG_UP)

    def transfer(self, request: Transfer) -> None:
        """Pass a patient's leg on to a third party; a headset in another worker is here by its line."""
        line = self._incoming.line_to(request.leg_id, request.headset)
        self._transfers.begin(request if line is None else replace(request, headset=line))

    def end_transfer(self, leg_id: LegId, ending: TransferEnding) -> None:
        """End the transfer of the patient's leg in this way."""
        self._transfers.end(self._legs.up(leg_id), ending)

    def monitor(self, leg_id: LegId, other: LegId, mode: MonitorMode) -> None:
        """Let a supervisor's leg follow a patient's conversation in this way."""
        self._monitorings.monitor(self._legs.up(leg_id), self._legs.up(other), mode)

    def stop_monitoring(self, leg_id: LegId) -> None:
        """Take a supervisor's leg out of the conversation."""
        self._monitorings.stop(self._legs.up(leg_id))

    def mute(self, leg_id: LegId) -> None:
        """Let nobody hear the leg."""
        leg = self._legs.up(leg_id)
        if leg.muted:
            raise RejectedError(f"leg {leg_id} is muted already")
        self._mute(leg, muted=True)

    def unmute(self, leg_id: LegId) -> None:
        """Let the leg be heard again."""
        leg = self._legs.up(leg_id)
        if not leg.muted:
            raise RejectedError(f"leg {leg_id} is not muted")
        self._mute(leg, muted=False)

    def _mute(self, leg: Leg, *, muted: bool) -> None:
        leg.muted = muted
        self._conference.mute(leg.leg_id, muted=muted)
        self._book.say(leg.leg_id, LegEventKind.MUTED if muted else LegEventKind.UNMUTED)

    # --- an answered leg ---

    def hold(self, leg_id: LegId, music: Path | None) -> None:
        """Ask the far end to hold the line; HELD follows when it has agreed."""
        self._holds.hold(self._legs.up(leg_id), music)

    def resume(self, leg_id: LegId) -> None:
        """Take the leg from hold; RESUMED follows when sound flows again."""
        self._holds.resume(self._legs.up(leg_id))

    def play(self, leg_id: LegId, prompt: Path, patience_seconds: float) -> None:
        """Play a file to the leg, which may still be on its way."""
        self._keypad.play(self._legs.up(leg_id), prompt, patience_seconds)

    def stop_prompt(self, leg_id: LegId) -> None:
        """Cut what plays to the leg."""
        self._keypad.stop(self._legs.up(leg_id))

    def collect_digits(self, leg_id: LegId, count: int, timeout_seconds: float) -> None:
        """Gather the far end's digits."""
        self._keypad.collect(self._legs.up(leg_id), count, timeout_seconds)

    def send_digits(self, leg_id: LegId, digits: str, method: DigitMethod) -> None:
        """Press keys towards the far end."""
        self._keypad.send(self._legs.up(leg_id), digits, method)

    def pause_recording(self, leg_id: LegId) -> None:
        """Write silence on both channels."""
        self._life.recorder.pause(self._legs.up(leg_id).leg_id)
        self._answer_watch.forget(self._legs[leg_id])

    def resume_recording(self, leg_id: LegId) -> None:
        """Write sound again."""
        self._life.recorder.resume(self._legs.up(leg_id).leg_id)

    def stop_recording(self, leg_id: LegId) -> None:
        """Close both files for good."""
        self._life.recorder.close(self._legs.up(leg_id))
        self._answer_watch.forget(self._legs[leg_id])

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
                leg.words.observe(signal.message, time.monotonic())
                self._follow_dialog(leg, signal.message)
                self._keypad.message_passed(leg, signal.message)
                self._holds.message_passed(leg, signal.message)
            case StateChanged():
                self._life.state_changed(leg, signal)
            case MediaChanged():
                self._media_changed(leg, signal.statuses)
            case DigitReceived():
                if leg.up:
                    self._keypad.pressed(leg, signal.digit)
            case PromptEnded():
                self._keypad.prompt_read(leg, signal.prompt)

    def _follow_dialog(self, leg: Leg, message: SipMessage) -> None:
        try:
            line = leg.dialog.observe(message)
        except UnreadableMessageError:
            log.exception("message_not_followed", leg_id=leg.leg_id)
            return
        if line is not None:
            self._book.journal.append(line)

    def _media_changed(self, leg: Leg, statuses: tuple[int, ...]) -> None:
        if leg.ended_at is not None or leg.call is None:
            return
        try:
            audio = leg.call.getAudioMedia(-1)
        except pj.Error:
            audio = None  # no stream: refused, ended, held without sound, or not agreed yet
        if audio is not None:
            self._clock.wind()
        sound = LineSound.BOTH_WAYS
        if pj.PJSUA_CALL_MEDIA_LOCAL_HOLD in statuses:
            sound = LineSound.HELD
        elif pj.PJSUA_CALL_MEDIA_REMOTE_HOLD in statuses:
            sound = LineSound.FAR_HELD
        self._conference.put_leg(leg.leg_id, audio, sound)
        self._answer_watch.sound_changed(leg)
        if audio is not None and not leg.answered and not leg.early_media_said:
            leg.early_media_said = True
            self._timers.enter(0, 0, self._early_media, (leg,))
        if leg.up:
            self._holds.media_changed(leg, statuses, sound=audio is not None)
            self._bridges.sound_changed(leg, self._legs)

    def _early_media(self, leg: Leg) -> None:
        # Media come a moment before the answer as well: only what is still unanswered now was early.
        if not leg.answered and leg.ended_at is None and leg.our_cause is None:
            self._book.say(leg.leg_id, LegEventKind.EARLY_MEDIA)
            self._answer_watch.early(leg)
