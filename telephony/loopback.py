"""Loopback: call control in memory, where each number follows a script; for unit tests and development."""

from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from followup.calls import EndReason, LegId, LegRole
from followup.ports import TextVoice
from runtime.identifiers import new_id
from telephony.call_control import (
    DigitMethod,
    EventSink,
    LegEventKind,
    LegStatus,
    MonitorMode,
    OutboundLeg,
    RejectedError,
    TransferEnding,
    TransferMode,
    Trunk,
)
from telephony.causes import Cause, cause_of_our_hang_up
from telephony.line_script import ANSWERS, LineScript, LineStep
from telephony.loopback_company import LoopbackMonitorings, LoopbackTransfers
from telephony.loopback_leg import LegPhase, LoopbackLeg, seconds_of
from telephony.loopback_lines import LoopbackLines
from telephony.loopback_time import Scheduler
from telephony.spoken_text import LOOK_SECONDS, VOICE_SECONDS, refusal_of, speak, too_late

DIGITS = frozenset("0123456789*#ABCD")
UNDECIDED_SECONDS = 20.0
REFUSALS: Mapping[EndReason, int] = {EndReason.BUSY: 486, EndReason.REJECTED: 603}  # of an incoming leg; others: 480


class LoopbackCallControl:
    """CallControl in memory. Numbers without a script follow `otherwise`; at most `lines` legs live at a time."""

    def __init__(
        self,
        *,
        sink: EventSink,
        scheduler: Scheduler,
        scripts: Mapping[str, LineScript] | None = None,
        otherwise: LineScript = ANSWERS,
        lines: int = 64,
        name: str = "loopback",
        voice: TextVoice | None = None,
        voice_seconds: float = VOICE_SECONDS,
    ) -> None:
        self._lines = LoopbackLines(
            sink=sink, scheduler=scheduler, scripts=scripts or {}, otherwise=otherwise, lines=lines, name=name
        )
        self._lock = self._lines.lock
        self._transfers = LoopbackTransfers(self._lines)
        self._monitorings = LoopbackMonitorings(self._lines, self._transfers)
        self._voice = voice
        self._voice_seconds = voice_seconds
        self._name = name

    # --- what a test or a developer does at the far end ---

    def teach(self, number: str, script: LineScript) -> None:
        """From now on `number` follows `script`."""
        with self._lock:
            self._lines.scripts[number] = script

    def act(self, leg_id: LegId, step: LineStep) -> None:
        """The far end of a leg does this, besides its script."""
        with self._lock:
            self._lines.act_later(self._lines.known(leg_id), step)

    def leg(self, leg_id: LegId) -> LoopbackLeg:
        """The leg as it stands, living or ended; KeyError when there never was one."""
        return self._lines.legs[leg_id]

    def ring_in(self, *, caller: str, called: str, gives_up_after: float | None = None) -> LegId:
        """Somebody rings us: INCOMING follows. Once answered, the script taught for `caller` begins, if there is one.

        The caller hangs up after `gives_up_after` seconds without an answer, if given.
        """
        with self._lock:
            leg_id = LegId(new_id())
            outbound = OutboundLeg(leg_id=leg_id, attempt_id="", role=LegRole.PATIENT, number=caller)
            leg = LoopbackLeg(
                leg=outbound,
                trunk=Trunk(name=self._name, host="127.0.0.1"),
                script=deque(self._lines.scripts.get(caller, ())),
                phase=LegPhase.INCOMING,
            )
            self._lines.ring_in(leg, called=called, undecided_seconds=UNDECIDED_SECONDS)
            if gives_up_after is not None:
                self._lines.give_up_ringing(leg, gives_up_after)
            return leg_id

    # --- new legs ---

    def attach_headset(self, leg: OutboundLeg, trunk: Trunk) -> None:
        with self._lock:
            self._lines.invite(leg, trunk)

    def originate(self, leg: OutboundLeg, trunk: Trunk) -> None:
        with self._lock:
            if leg.join_leg is not None:
                self._lines.up(leg.join_leg)
                self._refuse_joining_a_supervisor(leg.role, self._lines.known(leg.join_leg).leg.role)
            if leg.beside_leg is not None and self._lines.known(leg.beside_leg).phase is LegPhase.ENDED:
                raise RejectedError(f"leg {leg.beside_leg} has ended: nothing can be dialed beside it")
            self._lines.invite(leg, trunk)
            self._transfers.serve(leg)

    def answer(self, leg_id: LegId, *, join_leg: LegId | None = None, recording_folder: Path | None = None) -> None:
        with self._lock:
            leg = self._lines.known(leg_id)
            if leg.phase is not LegPhase.INCOMING or leg.ending is not None:
                raise RejectedError(f"leg {leg_id} is {leg.phase.value}: only an incoming leg can be answered")
            if join_leg is not None:
                self._lines.up(join_leg)
            leg.leg = replace(leg.leg, join_leg=join_leg)
            leg.recording_folder = recording_folder
            leg.phase = LegPhase.ANSWERED
            self._lines.later(leg, lambda: self._picked_up(leg))

    def _picked_up(self, leg: LoopbackLeg) -> None:
        self._lines.pick_up(leg)
        self._lines.follow_script(leg)

    # --- joining ---

    def bridge(self, leg_id: LegId, other: LegId) -> None:
        with self._lock:
            if leg_id == other:
                raise RejectedError(f"leg {leg_id} cannot be bridged with itself: name two legs")
            one, two = self._lines.up(leg_id), self._lines.up(other)
            self._refuse_joining_a_supervisor(one.leg.role, two.leg.role)
            self._transfers.refuse_during(leg_id, other)
            self._lines.later(one, lambda: self._lines.join(one, two))

    def unbridge(self, leg_id: LegId, other: LegId) -> None:
        with self._lock:
            one, two = self._lines.up(leg_id), self._lines.up(other)
            if other not in one.partners:
                raise RejectedError(f"legs {leg_id} and {other} are not bridged: nothing to part")
            self._transfers.refuse_during(leg_id, other)
            self._lines.later(one, lambda: self._lines.part(one, two))

    def transfer(
        self, leg_id: LegId, *, headset: LegId, to: OutboundLeg, trunk: Trunk, mode: TransferMode, music: Path | None
    ) -> None:
        with self._lock:
            self._transfers.begin(leg_id, headset, to, trunk, mode, music)

    def end_transfer(self, leg_id: LegId, ending: TransferEnding) -> None:
        with self._lock:
            self._transfers.end(leg_id, ending)

    def monitor(self, leg_id: LegId, other: LegId, mode: MonitorMode) -> None:
        with self._lock:
            self._monitorings.monitor(leg_id, other, mode)

    def stop_monitoring(self, leg_id: LegId) -> None:
        with self._lock:
            self._monitorings.stop(leg_id)

    # --- a leg that is up ---

    def hold(self, leg_id: LegId, *, music: Path | None = None) -> None:
        with self._lock:
            leg = self._lines.up(leg_id)
            if leg.held:
                raise RejectedError(f"leg {leg_id} is on hold already")
            if music is not None:
                seconds_of(music)
            if leg.refuses_holds:
                self._lines.emit_later(leg, LegEventKind.HOLD_REFUSED, sip_status=leg.refuses_holds)
                return
            leg.held = True
            if music is not None:
                leg.heard_music.append(music)
            self._lines.emit_later(leg, LegEventKind.HELD, by="us")

    def resume(self, leg_id: LegId) -> None:
        with self._lock:
            leg = self._lines.up(leg_id)
            if not leg.held:
                raise RejectedError(f"leg {leg_id} is not on hold")
            leg.held = False
            self._lines.emit_later(leg, LegEventKind.RESUMED, by="us")

    def mute(self, leg_id: LegId) -> None:
        with self._lock:
            leg = self._lines.up(leg_id)
            if leg.muted:
                raise RejectedError(f"leg {leg_id} is muted already")
            leg.muted = True
            self._lines.emit_later(leg, LegEventKind.MUTED)

    def unmute(self, leg_id: LegId) -> None:
        with self._lock:
            leg = self._lines.up(leg_id)
            if not leg.muted:
                raise RejectedError(f"leg {leg_id} is not muted")
            leg.muted = False
            self._lines.emit_later(leg, LegEventKind.UNMUTED)

    def say(self, leg_id: LegId, text: str, language: str) -> None:
        with self._lock:
            leg = self._lines.up(leg_id)
            prompt = speak(self._voice, text, language)
            leg.prompt += 1
            leg.playing = True
            self._await_prompt(leg, leg.prompt, prompt, self._voice_seconds)

    def play(self, leg_id: LegId, prompt: Path) -> None:
        with self._lock:
            leg = self._lines.up(leg_id)
            self._play(leg, prompt)

    def _play(self, leg: LoopbackLeg, prompt: Path) -> None:
        seconds = seconds_of(prompt)
        leg.prompt += 1
        leg.playing = True
        leg.heard_prompts.append(prompt)
        number = leg.prompt
        self._lines.scheduler.call_later(seconds, lambda: self._prompt_over(leg, number, prompt))

    def _await_prompt(self, leg: LoopbackLeg, number: int, prompt: Path, seconds_left: float) -> None:
        with self._lock:
            if not leg.up or not leg.playing or leg.prompt != number:
                return
            reason = refusal_of(prompt)
            if prompt.is_file():
                self._play(leg, prompt)
            elif reason is None and seconds_left > 0:
                self._lines.scheduler.call_later(
                    LOOK_SECONDS, lambda: self._await_prompt(leg, number, prompt, seconds_left - LOOK_SECONDS)
                )
            else:
                self._prompt_over(leg, number, prompt, reason=reason or too_late(self._voice_seconds))

    def stop_prompt(self, leg_id: LegId) -> None:
        with self._lock:
            self._lines.cut_prompt(self._lines.up(leg_id))

    def collect_digits(self, leg_id: LegId, *, count: int, timeout_seconds: float) -> None:
        with self._lock:
            leg = self._lines.up(leg_id)
            if count < 1 or timeout_seconds <= 0:
                raise RejectedError(f"cannot collect {count} digits in {timeout_seconds} s: both must be above zero")
            leg.gathered = ""
            leg.wanted_digits = count
            leg.digits_timeout = timeout_seconds
            leg.gathering += 1
            if not leg.playing:
                self._lines.await_digits(leg)

    def send_digits(self, leg_id: LegId, digits: str, *, method: DigitMethod = DigitMethod.RFC2833) -> None:
        with self._lock:
            leg = self._lines.up(leg_id)
            if not digits or not DIGITS.issuperset(digits):
                raise RejectedError("cannot send digits: only 0-9, *, # and A-D, at least one")
            leg.heard_digits += digits
            leg.heard_digit_methods += [method] * len(digits)

    # --- recordings ---

    def pause_recording(self, leg_id: LegId) -> None:
        with self._lock:
            leg = self._recorded(leg_id)
            leg.recording_paused = True
            self._lines.emit_later(leg, LegEventKind.RECORDING_PAUSED)

    def resume_recording(self, leg_id: LegId) -> None:
        with self._lock:
            leg = self._recorded(leg_id)
            leg.recording_paused = False
            self._lines.emit_later(leg, LegEventKind.RECORDING_RESUMED)

    def stop_recording(self, leg_id: LegId) -> None:
        with self._lock:
            leg = self._recorded(leg_id)
            self._lines.later(leg, lambda: self._lines.close_recording(leg))

    # --- the end, and how things stand ---

    def hang_up(self, leg_id: LegId, reason: EndReason) -> None:
        with self._lock:
            leg = self._lines.known(leg_id)
            if leg.phase is LegPhase.ENDED or leg.ending is not None:
                return
            cause = self._cause_of_hang_up(leg, reason)
            leg.ending = cause
            self._lines.later(leg, lambda: self._lines.end(leg, cause))

    def status(self) -> tuple[LegStatus, ...]:
        with self._lock:
            return tuple(leg.status() for leg in self._lines.legs.values() if leg.phase is not LegPhase.ENDED)

    def _cause_of_hang_up(self, leg: LoopbackLeg, reason: EndReason) -> Cause:
        answered = leg.phase is LegPhase.ANSWERED
        with_agent = leg.met_agent or leg.leg.join_leg is not None
        cause = cause_of_our_hang_up(reason, answered=answered, with_agent=with_agent)
        if leg.phase is LegPhase.INCOMING:
            return replace(cause, sip_status=REFUSALS.get(reason, 480))
        return cause if answered else replace(cause, sip_status=487)

    def _prompt_over(self, leg: LoopbackLeg, number: int, prompt: Path, **reason: str) -> None:
        with self._lock:
            if leg.phase is LegPhase.ANSWERED and leg.playing and leg.prompt == number:
                leg.playing = False
                self._lines.emit(leg, LegEventKind.PROMPT_FINISHED, prompt=str(prompt), **reason)
                self._lines.await_digits(leg)

    def _recorded(self, leg_id: LegId) -> LoopbackLeg:
        leg = self._lines.up(leg_id)
        if leg.recording_since is None:
            raise RejectedError(f"leg {leg_id} is not being recorded: originate it with a recording folder")
        return leg

    def _refuse_joining_a_supervisor(self, *roles: LegRole) -> None:
        if LegRole.SUPERVISOR in roles:
            raise RejectedError("a supervisor's leg is not bridged: let it monitor, which is written down")
