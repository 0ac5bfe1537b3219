"""Call control by SIP: each verb goes to the call worker that holds the leg, or to a warm one for a new leg."""

from dataclasses import replace
from pathlib import Path
from secrets import token_hex

from followup.calls import EndReason, LegId, LegRole
from followup.ports import TextVoice
from runtime.identifiers import new_id
from telephony.call_control import (
    CallControlError,
    DigitMethod,
    LegStatus,
    MonitorMode,
    OutboundLeg,
    RejectedError,
    TransferEnding,
    TransferMode,
    Trunk,
)
from telephony.sip.names import Names
from telephony.sip.pool import WorkerPool
from telephony.sip.wire import (
    AnswerLeg,
    AttachHeadset,
    Bridge,
    CollectDigits,
    EndTransfer,
    Expect,
    HangUp,
    Hold,
    Monitor,
    Mute,
    Originate,
    PauseRecording,
    Play,
    Request,
    Resume,
    ResumeRecording,
    SendDigits,
    Status,
    StopMonitoring,
    StopPrompt,
    StopRecording,
    Transfer,
    Unbridge,
    Unmute,
)
from telephony.spoken_text import VOICE_SECONDS, speak

LINE_SECONDS = 3.0  # a line between two of our workers is answered at once or never


class SipCallControl:
    """CallControl over a pool of call workers. Events come by the pool's sink."""

    def __init__(
        self,
        pool: WorkerPool,
        *,
        voice: TextVoice | None = None,
        voice_seconds: float = VOICE_SECONDS,
        names: Names | None = None,
    ) -> None:
        self._pool = pool
        self._names = names or Names()
        self._voice = voice
        self._voice_seconds = voice_seconds

    def attach_headset(self, leg: OutboundLeg, trunk: Trunk) -> None:
        self._dial(self._pool.take(leg.leg_id), leg, AttachHeadset(leg=leg, trunk=trunk))

    def originate(self, leg: OutboundLeg, trunk: Trunk) -> None:
        new, joined = leg.leg_id, leg.join_leg or leg.beside_leg
        worker = self._pool.take(new) if joined is None else self._pool.join(new, joined)
        self._dial(worker, leg, Originate(leg=leg, trunk=trunk))

    def bridge(self, leg_id: LegId, other: LegId) -> None:
        here, there = self._worker_of(leg_id), self._worker_of(other)
        if here == there:
            self._pool.ask(here, Bridge(leg_id=leg_id, other=other))
        else:
            self._draw_line(leg_id, other, there)

    def unbridge(self, leg_id: LegId, other: LegId) -> None:
        here, there = self._worker_of(leg_id), self._worker_of(other)
        try:
            self._pool.ask(here, Unbridge(leg_id=leg_id, other=other))
        except RejectedError:
            if here == there:
                raise
            self._pool.ask(there, Unbridge(leg_id=other, other=leg_id))  # the line between them was drawn from there

    def answer(self, leg_id: LegId, *, join_leg: LegId | None = None, recording_folder: Path | None = None) -> None:
        self._ask(leg_id, AnswerLeg(leg_id=leg_id, join_leg=join_leg, recording_folder=recording_folder))

    def hold(self, leg_id: LegId, *, music: Path | None = None) -> None:
        self._ask(leg_id, Hold(leg_id=leg_id, music=music.absolute() if music else None))

    def resume(self, leg_id: LegId) -> None:
        self._ask(leg_id, Resume(leg_id=leg_id))

    def mute(self, leg_id: LegId) -> None:
        self._ask(leg_id, Mute(leg_id=leg_id))

    def unmute(self, leg_id: LegId) -> None:
        self._ask(leg_id, Unmute(leg_id=leg_id))

    def transfer(
        self, leg_id: LegId, *, headset: LegId, to: OutboundLeg, trunk: Trunk, mode: TransferMode, music: Path | None
    ) -> None:
        music = music.absolute() if music else None
        if to.stands_for is not None:
            # Another agent's headset, in its own worker: what is dialed is a line there, which nobody else sees.
            there = self._worker_of(to.stands_for)
            if there == self._worker_of(leg_id):
                raise RejectedError(f"leg {to.stands_for} is in this conversation's own worker: bridge it")
            to, trunk = self._expected_line(to, leg_id, there)
        worker = self._pool.join(to.leg_id, leg_id)
        request = Transfer(leg_id=leg_id, headset=headset, to=to, trunk=trunk, mode=mode, music=music)
        self._dial(worker, to, request)

    def end_transfer(self, leg_id: LegId, ending: TransferEnding) -> None:
        self._ask(leg_id, EndTransfer(leg_id=leg_id, ending=ending))

    def monitor(self, leg_id: LegId, other: LegId, mode: MonitorMode) -> None:
        self._together(leg_id, other, Monitor(leg_id=leg_id, other=other, mode=mode))

    def stop_monitoring(self, leg_id: LegId) -> None:
        self._ask(leg_id, StopMonitoring(leg_id=leg_id))

    def say(self, leg_id: LegId, text: str, language: str) -> None:
        worker = self._worker_of(leg_id)
        prompt = speak(self._voice, text, language).absolute()
        self._pool.ask(worker, Play(leg_id=leg_id, prompt=prompt, patience_seconds=self._voice_seconds))

    def play(self, leg_id: LegId, prompt: Path) -> None:
        self._ask(leg_id, Play(leg_id=leg_id, prompt=prompt.absolute()))

    def stop_prompt(self, leg_id: LegId) -> None:
        self._ask(leg_id, StopPrompt(leg_id=leg_id))

    def collect_digits(self, leg_id: LegId, *, count: int, timeout_seconds: float) -> None:
        self._ask(leg_id, CollectDigits(leg_id=leg_id, count=count, timeout_seconds=timeout_seconds))

    def send_digits(self, leg_id: LegId, digits: str, *, method: DigitMethod = DigitMethod.RFC2833) -> None:
        self._ask(leg_id, SendDigits(leg_id=leg_id, digits=digits, method=method))

    def pause_recording(self, leg_id: LegId) -> None:
        self._ask(leg_id, PauseRecording(leg_id=leg_id))

    def resume_recording(self, leg_id: LegId) -> None:
        self._ask(leg_id, ResumeRecording(leg_id=leg_id))

    def stop_recording(self, leg_id: LegId) -> None:
        self._ask(leg_id, StopRecording(leg_id=leg_id))

    def hang_up(self, leg_id: LegId, reason: EndReason) -> None:
        worker = self._pool.living_worker_of(leg_id)
        if worker is not None:
            self._pool.ask(worker, HangUp(leg_id=leg_id, reason=reason))
        elif not self._pool.knew(leg_id):
            raise RejectedError(f"there is no leg {leg_id}: originate it first")

    def status(self) -> tuple[LegStatus, ...]:
        answers = [self._pool.ask(worker.worker_id, Status()) for worker in self._pool.workers() if worker.legs]
        return tuple(leg for answer in answers if answer.status is not None for leg in answer.status.legs)

    def _dial(self, worker: str, leg: OutboundLeg, request: AttachHeadset | Originate | Transfer) -> None:
        try:
            self._pool.ask(worker, replace(request, trunk=self._names.resolved(request.trunk)))
        except CallControlError as refused:
            if not refused.anything_sent:
                self._pool.release(leg.leg_id)
            raise

    def _draw_line(self, leg_id: LegId, other: LegId, there: str) -> None:
        """Join legs of two workers by a call from the one to the other that nobody else sees."""
        near = LegId(new_id())
        drawn = OutboundLeg(
            leg_id=near,
            attempt_id=f"line-{near}",
            role=LegRole.INTERNAL,
            number="",
            join_leg=leg_id,
            stands_for=other,
        )
        line, trunk = self._expected_line(drawn, leg_id, there)
        self._dial(self._pool.join(near, leg_id), line, Originate(leg=line, trunk=trunk))

    def _expected_line(self, line: OutboundLeg, leg_id: LegId, there: str) -> tuple[OutboundLeg, Trunk]:
        """The line with the token that the far worker expects, and the way to it; it stands in for `leg_id` there."""
        token = token_hex(16)
        far, other = LegId(new_id()), LegId(line.stands_for or "")
        host, port = self._pool.address_of(there)
        self._pool.join(far, other)
        try:
            self._pool.ask(there, Expect(leg_id=far, token=token, join_leg=other, stands_for=leg_id))
        except CallControlError:
            self._pool.release(far)
            raise
        # From here on the far worker itself tells the end of its side, should the near one never call.
        trunk = Trunk(name="between workers", host=host, port=port)
        return replace(line, number=token, ring_seconds=LINE_SECONDS), trunk

    def _together(self, leg_id: LegId, other: LegId, request: Request) -> None:
        if self._worker_of(leg_id) != self._worker_of(other):
            raise RejectedError(f"legs {leg_id} and {other} are in different call workers: use join_leg")
        self._ask(leg_id, request)

    def _ask(self, leg_id: LegId, request: Request) -> None:
        self._pool.ask(self._worker_of(leg_id), request)

    def _worker_of(self, leg_id: LegId) -> str:
        worker = self._pool.living_worker_of(leg_id)
        if worker is None:
            raise RejectedError(f"leg {leg_id} is not up here: it has ended or was never originated")
        return worker
