"""The lines of the loopback: dialing, ringing, scripts followed step by step, and the events told of it all."""

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import count
from pathlib import Path

from followup.calls import EndReason, LegId, LegRole, Party
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
from telephony.causes import Cause, cause_of_failed_invite, cause_of_far_hang_up, cause_of_ring_limit
from telephony.line_script import LineAct, LineScript, LineStep, answered_by
from telephony.loopback_leg import LegPhase, LoopbackLeg, is_loopback, write_silence
from telephony.loopback_time import Scheduler


class LoopbackLines:
    """Every leg there ever was. What follows elsewhere from an answer, an end or a parting is hung in by its owner."""

    def __init__(
        self,
        *,
        sink: EventSink,
        scheduler: Scheduler,
        scripts: Mapping[str, LineScript],
        otherwise: LineScript,
        lines: int,
        name: str,
    ) -> None:
        self.lock = threading.RLock()
        self.scheduler = scheduler
        self.legs: dict[LegId, LoopbackLeg] = {}
        self.scripts: dict[str, LineScript] = dict(scripts)
        self.name = name
        self.answered: list[Callable[[LoopbackLeg], None]] = []
        self.going: list[Callable[[LoopbackLeg, Cause], None]] = []
        self.parted: list[Callable[[], None]] = []
        self._sink = sink
        self._otherwise = otherwise
        self._lines = lines
        self._events = count(1)
        self._dialed_attempts: set[str] = set()

    # --- finding legs ---

    def known(self, leg_id: LegId) -> LoopbackLeg:
        """The leg, living or not."""
        try:
            return self.legs[leg_id]
        except KeyError:
            raise RejectedError(f"there is no leg {leg_id}: originate it first") from None

    def up(self, leg_id: LegId) -> LoopbackLeg:
        """The leg, if it is answered and nobody has ended it."""
        leg = self.known(leg_id)
        if not leg.up:
            raise RejectedError(f"leg {leg_id} is {leg.phase.value}: only an answered leg can do that")
        return leg

    def up_or_none(self, leg_id: LegId) -> LoopbackLeg | None:
        """The same, or None."""
        leg = self.legs.get(leg_id)
        return leg if leg is not None and leg.up else None

    # --- dialing ---

    def invite(self, leg: OutboundLeg, trunk: Trunk) -> None:
        """Dial; what the number's script says follows."""
        if leg.leg_id in self.legs:
            raise RejectedError(f"leg {leg.leg_id} exists already: every leg is dialed once")
        if not leg.number:
            raise RejectedError(f"leg {leg.leg_id} has no number to dial")
        if leg.recording_folder is not None and leg.role is not LegRole.PATIENT:
            raise RejectedError("a headset is never recorded, nor a guest; give the folder with the patient's leg")
        if trunk.loopback_only and not is_loopback(trunk.host):
            raise RejectedError(f"trunk {trunk.name} may only call 127.0.0.0/8, but its host is {trunk.host}")
        living = sum(known.phase is not LegPhase.ENDED for known in self.legs.values())
        if living >= self._lines:
            raise TrunkBusyError(f"all {self._lines} lines are in use: ask again when a leg has ended")
        if leg.role is LegRole.PATIENT and leg.attempt_id in self._dialed_attempts:
            raise RejectedError(f"attempt {leg.attempt_id} has been dialed already", anything_sent=True)
        if leg.role is LegRole.PATIENT:
            self._dialed_attempts.add(leg.attempt_id)
        script = deque(self.scripts.get(leg.number, self._otherwise))
        ours = LoopbackLeg(leg=leg, trunk=trunk, script=script, recording_folder=leg.recording_folder)
        self.legs[leg.leg_id] = ours
        self.emit_later(ours, LegEventKind.ABOUT_TO_INVITE, attempt_id=leg.attempt_id)
        self.emit_later(ours, LegEventKind.INVITED, sip_call_id=f"{leg.leg_id}@{self.name}")
        self._next_step(ours)
        self._await_answer(ours)

    def ring_in(self, leg: LoopbackLeg, *, called: str, undecided_seconds: float) -> None:
        """Somebody rings us; nobody who decides within so many seconds means he is turned away."""
        self.legs[leg.leg_id] = leg
        self.emit_later(
            leg,
            LegEventKind.INCOMING,
            caller=leg.leg.number,
            called=called,
            sip_call_id=f"{leg.leg_id}@{self.name}",
            peer="127.0.0.1:5060",
        )
        self.scheduler.call_later(undecided_seconds, lambda: self._turn_away(leg))

    def give_up_ringing(self, leg: LoopbackLeg, seconds: float) -> None:
        """The caller hangs up unless somebody has answered by then."""

        def give_up() -> None:
            with self.lock:
                if leg.phase is LegPhase.INCOMING:
                    self.end(leg, Cause(end_reason=EndReason.CANCELLED, party=Party.PATIENT, sip_status=487))

        self.scheduler.call_later(seconds, give_up)

    def pick_up(self, leg: LoopbackLeg) -> None:
        """The leg is answered, by its far end or by us."""
        leg.phase = LegPhase.ANSWERED
        leg.answered_at = self.scheduler.now()
        self.emit(leg, LegEventKind.ANSWERED)
        if leg.recording_folder is not None:
            self._begin_recording(leg, leg.recording_folder)
        partner = self.up_or_none(leg.leg.join_leg) if leg.leg.join_leg else None
        if partner is not None:
            self.join(leg, partner)
        for follow in self.answered:
            follow(leg)
        if not any(step.act is LineAct.ANSWERED_BY for step in leg.script):
            self._judge(leg, answered_by("human", after=0.0))

    def _begin_recording(self, leg: LoopbackLeg, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError:
            self.emit(leg, LegEventKind.RECORDING_STOPPED, folder=str(folder), failed=True)
            return
        leg.recording_since = self.scheduler.now()
        self.emit(leg, LegEventKind.RECORDING_STARTED, folder=str(folder))

    def follow_script(self, leg: LoopbackLeg) -> None:
        """Go on with what the far end does, from now."""
        self._next_step(leg)

    def _turn_away(self, leg: LoopbackLeg) -> None:
        with self.lock:
            if leg.phase is LegPhase.INCOMING and leg.ending is None:
                self.end(leg, Cause(end_reason=EndReason.NO_ANSWER, party=Party.US, sip_status=480))

    def act_later(self, leg: LoopbackLeg, step: LineStep) -> None:
        """One act of the far end, beside what its script says."""
        self.scheduler.call_later(step.after, lambda: self._act(leg, step))

    def _next_step(self, leg: LoopbackLeg) -> None:
        if leg.script:
            step = leg.script.popleft()
            self.scheduler.call_later(step.after, lambda: self._follow(leg, step))

    def _follow(self, leg: LoopbackLeg, step: LineStep) -> None:
        with self.lock:
            if leg.phase is not LegPhase.ENDED:
                self._act(leg, step)
                self._next_step(leg)

    def _act(self, leg: LoopbackLeg, step: LineStep) -> None:
        with self.lock:
            if leg.phase is LegPhase.ENDED:
                return
            match step.act:
                case LineAct.RING:
                    leg.rang = True
                    self.emit(leg, LegEventKind.RINGING)
                    self._await_answer(leg)
                case LineAct.EARLY_MEDIA:
                    self.emit(leg, LegEventKind.EARLY_MEDIA)
                case LineAct.ANSWER:
                    self.pick_up(leg)
                case LineAct.PRESS:
                    self._digit(leg, step.digit)
                case LineAct.REFUSE:
                    self.end(leg, cause_of_failed_invite(step.sip_status, role=leg.leg.role, rang=leg.rang))
                case LineAct.HANG_UP:
                    self.end(leg, cause_of_far_hang_up(200, role=leg.leg.role))
                case LineAct.HOLD | LineAct.RESUME:
                    leg.far_held = step.act is LineAct.HOLD
                    self.emit(leg, LegEventKind.HELD if leg.far_held else LegEventKind.RESUMED, by="far_end")
                case LineAct.REFUSE_HOLDS:
                    leg.refuses_holds = step.sip_status
                case LineAct.ANSWERED_BY:
                    self._judge(leg, step)
                case LineAct.FALL_SILENT:
                    self.emit(leg, LegEventKind.MEDIA_SILENT, seconds=step.after)
                case LineAct.SPEAK_AGAIN:
                    self.emit(leg, LegEventKind.MEDIA_BACK)
                case LineAct.FILL_DISK:
                    self.close_recording(leg, failed=True)

    def _judge(self, leg: LoopbackLeg, step: LineStep) -> None:
        if leg.leg.screened and leg.answered_at is not None:
            after = (self.scheduler.now() - leg.answered_at).total_seconds()
            self.emit(
                leg,
                LegEventKind.ANSWERED_BY,
                who=step.who,
                confidence=step.confidence,
                after_seconds=after,
                why="script",
            )

    def _await_answer(self, leg: LoopbackLeg) -> None:
        """The ring limit counts from the INVITE, and anew from the first ringing."""
        leg.limit += 1
        number = leg.limit
        self.scheduler.call_later(leg.leg.ring_seconds, lambda: self._give_up(leg, number))

    def _give_up(self, leg: LoopbackLeg, number: int) -> None:
        with self.lock:
            if leg.phase is LegPhase.INVITED and leg.limit == number:
                self.end(leg, replace(cause_of_ring_limit(role=leg.leg.role, rang=leg.rang), sip_status=487))

    # --- digits and prompts ---

    def _digit(self, leg: LoopbackLeg, digit: str) -> None:
        self.cut_prompt(leg)
        self.emit(leg, LegEventKind.DIGIT, digit=digit)
        if leg.gathered is None:
            return
        if digit == "#":
            self._gathering_over(leg, leg.gathering, "complete")
            return
        leg.gathered += digit
        if len(leg.gathered) >= leg.wanted_digits:
            self._gathering_over(leg, leg.gathering, "complete")
        else:
            self.await_digits(leg)

    def cut_prompt(self, leg: LoopbackLeg) -> None:
        """End the prompt that plays, if any."""
        if leg.playing:
            leg.playing = False
            self.await_digits(leg)

    def await_digits(self, leg: LoopbackLeg) -> None:
        """The time-out for digits begins when no prompt plays (any more), and anew with every digit."""
        if leg.gathered is not None:
            leg.digit_wait += 1
            number, wait = leg.gathering, leg.digit_wait
            self.scheduler.call_later(leg.digits_timeout, lambda: self._waited_out(leg, number, wait))

    def _waited_out(self, leg: LoopbackLeg, number: int, wait: int) -> None:
        if leg.digit_wait == wait:
            self._gathering_over(leg, number, "timeout")

    def _gathering_over(self, leg: LoopbackLeg, number: int, reason: str) -> None:
        with self.lock:
            if leg.phase is LegPhase.ANSWERED and leg.gathered is not None and leg.gathering == number:
                digits, leg.gathered = leg.gathered, None
                self.emit(leg, LegEventKind.DIGITS_COLLECTED, digits=digits, reason=reason)

    # --- joining, parting, ending ---

    def join(self, one: LoopbackLeg, two: LoopbackLeg) -> None:
        """They hear each other from now on."""
        if one.up and two.up and two.leg_id not in one.partners:
            one.partners.add(two.leg_id)
            two.partners.add(one.leg_id)
            one.met_agent = one.met_agent or two.leg.role is LegRole.AGENT
            two.met_agent = two.met_agent or one.leg.role is LegRole.AGENT
            self.emit(one, LegEventKind.BRIDGED, **{"with": two.leg_id})

    def part(self, one: LoopbackLeg, two: LoopbackLeg) -> None:
        """They no longer do."""
        if two.leg_id in one.partners:
            one.partners.discard(two.leg_id)
            two.partners.discard(one.leg_id)
            self.emit(one, LegEventKind.UNBRIDGED, **{"with": two.leg_id})
            self.tell_parted()

    def tell_parted(self) -> None:
        """Some conversation may be over."""
        for follow in self.parted:
            follow()

    def close_recording(self, leg: LoopbackLeg, *, failed: bool = False) -> None:
        """Leave the files."""
        if leg.recording_folder is None or leg.recording_since is None:
            return
        started_at, leg.recording_since = leg.recording_since, None
        write_silence(leg.recording_folder, started_at, (self.scheduler.now() - started_at).total_seconds())
        values: dict[str, EventValue] = {"folder": str(leg.recording_folder), **({"failed": True} if failed else {})}
        self.emit(leg, LegEventKind.RECORDING_STOPPED, **values)

    def end(self, leg: LoopbackLeg, cause: Cause) -> None:
        """The leg is over."""
        if leg.phase is LegPhase.ENDED:
            return
        leg.ending = leg.ending or cause
        for follow in self.going:
            follow(leg, cause)
        for other in sorted(leg.partners):
            self.part(self.legs[other], leg)
        self.close_recording(leg)
        leg.phase = LegPhase.ENDED
        self.tell_parted()
        self.emit(
            leg,
            LegEventKind.ENDED,
            end_reason=cause.end_reason.value,
            party=cause.party.value,
            sip_status=cause.sip_status,
        )

    # --- telling ---

    def later(self, leg: LoopbackLeg, act: Callable[[], None]) -> None:
        """Do `act` once the verb has returned, unless the leg has ended by then."""

        def unless_ended() -> None:
            with self.lock:
                if leg.phase is not LegPhase.ENDED:
                    act()

        self.scheduler.call_later(0.0, unless_ended)

    def emit_later(self, leg: LoopbackLeg, kind: LegEventKind, **values: EventValue) -> None:
        """Tell it once the verb has returned."""
        self.later(leg, lambda: self.emit(leg, kind, **values))

    def emit(self, leg: LoopbackLeg, kind: LegEventKind, **values: EventValue) -> None:
        """Tell it."""
        self._sink(
            LegEvent(
                event_id=f"{self.name}:{next(self._events)}",
                leg_id=leg.leg_id,
                kind=kind,
                occurred_at=self.scheduler.now(),
                values=values,
            )
        )
