"""Loopback: call control in memory, where each number follows a script; for unit tests and development."""

import ipaddress
import json
import threading
import wave
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from itertools import count
from pathlib import Path

from followup.calls import EndReason, LegId, LegRole
from telephony.call_control import (
    EventSink,
    EventValue,
    LegEvent,
    LegEventKind,
    OutboundLeg,
    RejectedError,
    Trunk,
    TrunkBusyError,
)
from telephony.causes import (
    Cause,
    cause_of_failed_invite,
    cause_of_far_hang_up,
    cause_of_our_hang_up,
    cause_of_ring_limit,
)
from telephony.line_script import ANSWERS, LineAct, LineScript, LineStep
from telephony.loopback_time import Scheduler

SAMPLE_RATE = 8000
DIGITS = frozenset("0123456789*#ABCD")


class LegPhase(StrEnum):
    """Where a loopback leg is."""

    INVITED = "invited"
    ANSWERED = "answered"
    ENDED = "ended"


@dataclass(kw_only=True, eq=False)
class LoopbackLeg:
    """One scripted leg; `heard_digits` and `heard_prompts` are what its far end noticed of us."""

    leg: OutboundLeg
    trunk: Trunk
    script: deque[LineStep]
    phase: LegPhase = LegPhase.INVITED
    rang: bool = False
    limit: int = 0  # grows when the ring limit begins anew
    met_agent: bool = False
    ending: Cause | None = None  # our hang-up is under way
    partners: set[LegId] = field(default_factory=set)
    held: bool = False
    prompt: int = 0  # grows with each prompt, so that the end of one cut short is known for stale
    playing: bool = False
    gathered: str | None = None
    wanted_digits: int = 0
    digits_timeout: float = 0.0
    gathering: int = 0
    recording_since: datetime | None = None
    recording_paused: bool = False
    heard_digits: str = ""
    heard_prompts: list[Path] = field(default_factory=list)


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
    ) -> None:
        self._sink = sink
        self._scheduler = scheduler
        self._scripts: dict[str, LineScript] = dict(scripts or {})
        self._otherwise = otherwise
        self._lines = lines
        self._name = name
        self._events = count(1)
        self._legs: dict[LegId, LoopbackLeg] = {}
        self._dialed_attempts: set[str] = set()
        self._lock = threading.RLock()

    def teach(self, number: str, script: LineScript) -> None:
        """From now on `number` follows `script`."""
        with self._lock:
            self._scripts[number] = script

    def leg(self, leg_id: LegId) -> LoopbackLeg:
        """The leg as it stands, living or ended; KeyError when there never was one."""
        return self._legs[leg_id]

    def attach_headset(self, leg: OutboundLeg, trunk: Trunk) -> None:
        self._invite(leg, trunk)

    def originate(self, leg: OutboundLeg, trunk: Trunk) -> None:
        if leg.join_leg is not None:
            self._answered(leg.join_leg)
        self._invite(leg, trunk)

    def bridge(self, leg_id: LegId, other: LegId) -> None:
        with self._lock:
            if leg_id == other:
                raise RejectedError(f"leg {leg_id} cannot be bridged with itself: name two legs")
            one, two = self._answered(leg_id), self._answered(other)
            self._later(one, lambda: self._join(one, two))

    def unbridge(self, leg_id: LegId, other: LegId) -> None:
        with self._lock:
            one, two = self._answered(leg_id), self._answered(other)
            if other not in one.partners:
                raise RejectedError(f"legs {leg_id} and {other} are not bridged: nothing to part")
            self._later(one, lambda: self._part(one, two))

    def hold(self, leg_id: LegId) -> None:
        with self._lock:
            leg = self._answered(leg_id)
            if leg.held:
                raise RejectedError(f"leg {leg_id} is on hold already")
            leg.held = True
            self._emit_later(leg, LegEventKind.HELD)

    def resume(self, leg_id: LegId) -> None:
        with self._lock:
            leg = self._answered(leg_id)
            if not leg.held:
                raise RejectedError(f"leg {leg_id} is not on hold")
            leg.held = False
            self._emit_later(leg, LegEventKind.RESUMED)

    def play(self, leg_id: LegId, prompt: Path) -> None:
        with self._lock:
            leg = self._answered(leg_id)
            seconds = _seconds_of(prompt)
            leg.prompt += 1
            leg.playing = True
            leg.heard_prompts.append(prompt)
            number = leg.prompt
            self._scheduler.call_later(seconds, lambda: self._prompt_over(leg, number, prompt))

    def collect_digits(self, leg_id: LegId, *, count: int, timeout_seconds: float) -> None:
        with self._lock:
            leg = self._answered(leg_id)
            if count < 1 or timeout_seconds <= 0:
                raise RejectedError(f"cannot collect {count} digits in {timeout_seconds} s: both must be above zero")
            leg.gathered = ""
            leg.wanted_digits = count
            leg.digits_timeout = timeout_seconds
            leg.gathering += 1
            if not leg.playing:
                self._await_digits(leg)

    def send_digits(self, leg_id: LegId, digits: str) -> None:
        with self._lock:
            leg = self._answered(leg_id)
            if not digits or not DIGITS.issuperset(digits):
                raise RejectedError("cannot send digits: only 0-9, *, # and A-D, at least one")
            leg.heard_digits += digits

    def pause_recording(self, leg_id: LegId) -> None:
        with self._lock:
            leg = self._recorded(leg_id)
            if not leg.recording_paused:
                leg.recording_paused = True
                self._emit_later(leg, LegEventKind.RECORDING_PAUSED)

    def resume_recording(self, leg_id: LegId) -> None:
        with self._lock:
            self._recorded(leg_id).recording_paused = False

    def stop_recording(self, leg_id: LegId) -> None:
        with self._lock:
            leg = self._recorded(leg_id)
            self._later(leg, lambda: self._close_recording(leg))

    def hang_up(self, leg_id: LegId, reason: EndReason) -> None:
        with self._lock:
            leg = self._known(leg_id)
            if leg.phase is LegPhase.ENDED or leg.ending is not None:
                return
            answered = leg.phase is LegPhase.ANSWERED
            with_agent = leg.met_agent or leg.leg.join_leg is not None
            cause = cause_of_our_hang_up(reason, answered=answered, with_agent=with_agent)
            leg.ending = cause if answered else replace(cause, sip_status=487)
            self._later(leg, lambda: self._end(leg, leg.ending or cause))

    def _invite(self, leg: OutboundLeg, trunk: Trunk) -> None:
        with self._lock:
            if leg.leg_id in self._legs:
                raise RejectedError(f"leg {leg.leg_id} exists already: every leg is dialed once")
            if not leg.number:
                raise RejectedError(f"leg {leg.leg_id} has no number to dial")
            if trunk.loopback_only and not _is_loopback(trunk.host):
                raise RejectedError(f"trunk {trunk.name} may only call 127.0.0.0/8, but its host is {trunk.host}")
            living = sum(known.phase is not LegPhase.ENDED for known in self._legs.values())
            if living >= self._lines:
                raise TrunkBusyError(f"all {self._lines} lines are in use: ask again when a leg has ended")
            if leg.role is LegRole.PATIENT and leg.attempt_id in self._dialed_attempts:
                raise RejectedError(f"attempt {leg.attempt_id} has been dialed already", anything_sent=True)
            self._dialed_attempts.add(leg.attempt_id)
            script = deque(self._scripts.get(leg.number, self._otherwise))
            ours = LoopbackLeg(leg=leg, trunk=trunk, script=script)
            self._legs[leg.leg_id] = ours
            self._emit_later(ours, LegEventKind.ABOUT_TO_INVITE, attempt_id=leg.attempt_id)
            self._emit_later(ours, LegEventKind.INVITED, sip_call_id=f"{leg.leg_id}@{self._name}")
            self._next_step(ours)
            self._await_answer(ours)

    def _next_step(self, leg: LoopbackLeg) -> None:
        if leg.script:
            step = leg.script.popleft()
            self._scheduler.call_later(step.after, lambda: self._act(leg, step))

    def _act(self, leg: LoopbackLeg, step: LineStep) -> None:
        with self._lock:
            if leg.phase is LegPhase.ENDED:
                return
            match step.act:
                case LineAct.RING:
                    leg.rang = True
                    self._emit(leg, LegEventKind.RINGING)
                    self._await_answer(leg)
                case LineAct.EARLY_MEDIA:
                    self._emit(leg, LegEventKind.EARLY_MEDIA)
                case LineAct.ANSWER:
                    self._answer(leg)
                case LineAct.PRESS:
                    self._digit(leg, step.digit)
                case LineAct.REFUSE:
                    self._end(leg, cause_of_failed_invite(step.sip_status, role=leg.leg.role, rang=leg.rang))
                case LineAct.HANG_UP:
                    self._end(leg, cause_of_far_hang_up(200, role=leg.leg.role))
            self._next_step(leg)

    def _answer(self, leg: LoopbackLeg) -> None:
        leg.phase = LegPhase.ANSWERED
        self._emit(leg, LegEventKind.ANSWERED)
        if leg.leg.recording_folder is not None:
            leg.recording_since = self._scheduler.now()
            self._emit(leg, LegEventKind.RECORDING_STARTED, folder=str(leg.leg.recording_folder))
        partner = self._legs.get(leg.leg.join_leg) if leg.leg.join_leg else None
        if partner is not None and partner.phase is LegPhase.ANSWERED:
            self._join(leg, partner)

    def _await_answer(self, leg: LoopbackLeg) -> None:
        """The ring limit counts from the INVITE, and anew from the first ringing."""
        leg.limit += 1
        number = leg.limit
        self._scheduler.call_later(leg.leg.ring_seconds, lambda: self._give_up(leg, number))

    def _give_up(self, leg: LoopbackLeg, number: int) -> None:
        with self._lock:
            if leg.phase is LegPhase.INVITED and leg.limit == number:
                self._end(leg, replace(cause_of_ring_limit(role=leg.leg.role, rang=leg.rang), sip_status=487))

    def _digit(self, leg: LoopbackLeg, digit: str) -> None:
        if leg.playing:
            leg.playing = False
            self._await_digits(leg)
        self._emit(leg, LegEventKind.DIGIT, digit=digit)
        if leg.gathered is None:
            return
        if digit == "#":
            self._gathering_over(leg, leg.gathering, "complete")
            return
        leg.gathered += digit
        if len(leg.gathered) >= leg.wanted_digits:
            self._gathering_over(leg, leg.gathering, "complete")

    def _await_digits(self, leg: LoopbackLeg) -> None:
        """The time-out for digits begins when no prompt plays (any more)."""
        if leg.gathered is not None:
            number = leg.gathering
            self._scheduler.call_later(leg.digits_timeout, lambda: self._gathering_over(leg, number, "timeout"))

    def _gathering_over(self, leg: LoopbackLeg, number: int, reason: str) -> None:
        with self._lock:
            if leg.phase is LegPhase.ANSWERED and leg.gathered is not None and leg.gathering == number:
                digits, leg.gathered = leg.gathered, None
                self._emit(leg, LegEventKind.DIGITS_COLLECTED, digits=digits, reason=reason)

    def _prompt_over(self, leg: LoopbackLeg, number: int, prompt: Path) -> None:
        with self._lock:
            if leg.phase is LegPhase.ANSWERED and leg.playing and leg.prompt == number:
                leg.playing = False
                self._emit(leg, LegEventKind.PROMPT_FINISHED, prompt=str(prompt))
                self._await_digits(leg)

    def _join(self, one: LoopbackLeg, two: LoopbackLeg) -> None:
        if two.phase is LegPhase.ANSWERED and two.leg.leg_id not in one.partners:
            one.partners.add(two.leg.leg_id)
            two.partners.add(one.leg.leg_id)
            one.met_agent = one.met_agent or two.leg.role is LegRole.AGENT
            two.met_agent = two.met_agent or one.leg.role is LegRole.AGENT
            self._emit(one, LegEventKind.BRIDGED, **{"with": two.leg.leg_id})

    def _part(self, one: LoopbackLeg, two: LoopbackLeg) -> None:
        if two.leg.leg_id in one.partners:
            one.partners.discard(two.leg.leg_id)
            two.partners.discard(one.leg.leg_id)
            self._emit(one, LegEventKind.UNBRIDGED, **{"with": two.leg.leg_id})

    def _close_recording(self, leg: LoopbackLeg) -> None:
        folder = leg.leg.recording_folder
        if folder is None or leg.recording_since is None:
            return
        started_at, leg.recording_since = leg.recording_since, None
        _write_silence(folder, started_at, (self._scheduler.now() - started_at).total_seconds())
        self._emit(leg, LegEventKind.RECORDING_STOPPED, folder=str(folder))

    def _end(self, leg: LoopbackLeg, cause: Cause) -> None:
        if leg.phase is LegPhase.ENDED:
            return
        for other in sorted(leg.partners):
            self._part(self._legs[other], leg)
        self._close_recording(leg)
        leg.phase = LegPhase.ENDED
        self._emit(
            leg,
            LegEventKind.ENDED,
            end_reason=cause.end_reason.value,
            party=cause.party.value,
            sip_status=cause.sip_status,
        )

    def _known(self, leg_id: LegId) -> LoopbackLeg:
        try:
            return self._legs[leg_id]
        except KeyError:
            raise RejectedError(f"there is no leg {leg_id}: originate it first") from None

    def _answered(self, leg_id: LegId) -> LoopbackLeg:
        with self._lock:
            leg = self._known(leg_id)
            if leg.phase is not LegPhase.ANSWERED or leg.ending is not None:
                raise RejectedError(f"leg {leg_id} is {leg.phase.value}: only an answered leg can do that")
            return leg

    def _recorded(self, leg_id: LegId) -> LoopbackLeg:
        leg = self._answered(leg_id)
        if leg.recording_since is None:
            raise RejectedError(f"leg {leg_id} is not being recorded: originate it with a recording folder")
        return leg

    def _later(self, leg: LoopbackLeg, act: Callable[[], None]) -> None:
        """Do `act` once the verb has returned, unless the leg has ended by then."""

        def unless_ended() -> None:
            with self._lock:
                if leg.phase is not LegPhase.ENDED:
                    act()

        self._scheduler.call_later(0.0, unless_ended)

    def _emit_later(self, leg: LoopbackLeg, kind: LegEventKind, **values: EventValue) -> None:
        self._later(leg, lambda: self._emit(leg, kind, **values))

    def _emit(self, leg: LoopbackLeg, kind: LegEventKind, **values: EventValue) -> None:
        self._sink(
            LegEvent(
                event_id=f"{self._name}:{next(self._events)}",
                leg_id=leg.leg.leg_id,
                kind=kind,
                occurred_at=self._scheduler.now(),
                values=values,
            )
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _seconds_of(prompt: Path) -> float:
    try:
        with wave.open(str(prompt), "rb") as sound:
            if sound.getnchannels() != 1 or sound.getframerate() != SAMPLE_RATE:
                raise RejectedError(f"prompt {prompt} is not mono at {SAMPLE_RATE} Hz: convert it")
            return sound.getnframes() / SAMPLE_RATE
    except (OSError, EOFError, wave.Error) as fault:
        raise RejectedError(f"prompt {prompt} cannot be read as WAV: {fault}") from fault


def _write_silence(folder: Path, started_at: datetime, seconds: float) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for side in ("patient", "agent"):
        with wave.open(str(folder / f"{side}.wav"), "wb") as sound:
            sound.setnchannels(1)
            sound.setsampwidth(2)
            sound.setframerate(SAMPLE_RATE)
            sound.writeframes(bytes(2 * round(seconds * SAMPLE_RATE)))
    facts = {
        "started_at": started_at.isoformat(),
        "patient_offset_samples": 0,
        "agent_offset_samples": 0,
        "sample_rate": SAMPLE_RATE,
    }
    (folder / "recording.json").write_text(json.dumps(facts), encoding="utf-8")
