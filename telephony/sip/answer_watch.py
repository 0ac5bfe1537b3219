"""The answer watch: listens to screened legs before and after the answer, and tells who or what seems to be there.

It reads the sound in batches while there is something to decide, and not a moment longer. What the speech engine may
hear afterwards, the first seconds after an answer or the last ones before none, is left in a file beside the recording.
"""

import sched
import time
import wave
from array import array
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from followup.calls import Answered, LegId, LegRole
from followup.screening import SPOKEN_BEFORE
from telephony.call_control import LegEventKind, RejectedError
from telephony.screening.early_media import early_sound
from telephony.screening.rules import ScreeningRules
from telephony.screening.sound import SAMPLE_RATE, SLICE_SAMPLES, Slice, slices_of
from telephony.screening.verdict import GreetingEnd, Verdict, Why, greeting_end, judged, reconsidered
from telephony.sip.ear import Ear, EarLibrary
from telephony.sip.event_book import EventBook
from telephony.sip.leg import Leg
from telephony.sip.media import Conference

log = structlog.get_logger(__name__)

DECIDING_SECONDS = 0.08  # between two looks while a verdict is awaited
WAITING_SECONDS = 0.24  # before the answer, and after the verdict
OPENING_SECONDS = 5.0
EARLY_SECONDS = 15.0  # the last ones: what was said before the end
POOL_REST_SECONDS = 1.0
_NOT_LISTENED = Verdict(who=Answered.UNKNOWN, confidence=0.0, after_seconds=0.0, why=Why.NO_SOUND)


@dataclass(slots=True, kw_only=True, eq=False)
class _Listening:
    """One leg being listened to."""

    leg: Leg
    ear: Ear
    sound: bytearray = field(default_factory=bytearray)
    slices: list[Slice] = field(default_factory=list)
    sliced_to: int = 0
    answered_at: float | None = None
    verdict: Verdict | None = None
    opening_kept: bool = False
    timer: sched.Event | None = None

    def take(self) -> None:
        """Read what came, and slice it."""
        self.sound += self.ear.read()
        whole = (len(self.sound) - self.sliced_to) // (2 * SLICE_SAMPLES) * 2 * SLICE_SAMPLES
        if whole:
            samples = array("h", bytes(self.sound[self.sliced_to : self.sliced_to + whole]))
            self.slices += slices_of(samples)
            self.sliced_to += whole

    def start_over(self) -> None:
        """Forget what was heard before the answer."""
        self.take()
        self.sound.clear()
        self.slices.clear()
        self.sliced_to = 0

    @property
    def seconds(self) -> float:
        """How much was heard."""
        return len(self.sound) / 2 / SAMPLE_RATE


class AnswerWatch:
    """Listens to every screened leg of a worker."""

    def __init__(
        self,
        *,
        rules: ScreeningRules,
        library: EarLibrary,
        conference: Conference,
        timers: sched.scheduler,
        book: EventBook,
        folder: Path,
    ) -> None:
        self._rules = rules
        self._library = library
        self._conference = conference
        self._timers = timers
        self._book = book
        self._folder = folder
        self._listening: dict[LegId, _Listening] = {}

    def early(self, leg: Leg) -> None:
        """Sound comes before the answer."""
        if _screened(leg) and leg.leg_id not in self._listening:
            self._begin(leg)

    def answered(self, leg: Leg) -> None:
        """Somebody or something picked up: from now on the sound is its."""
        if not _screened(leg):
            return
        listening = self._listening.get(leg.leg_id) or self._begin(leg)
        if listening is None:
            self._say_verdict(leg, _NOT_LISTENED)
            return
        listening.start_over()
        listening.answered_at = time.monotonic()
        self._look_again(listening, DECIDING_SECONDS)

    def sound_changed(self, leg: Leg) -> None:
        """The leg's media were set up anew."""
        listening = self._listening.get(leg.leg_id)
        if listening is not None:
            self._connect(listening)

    def ended(self, leg: Leg) -> None:
        """The leg is over: tell what was heard of one that never answered."""
        listening = self._listening.get(leg.leg_id)
        if listening is None:
            return
        listening.take()
        if listening.answered_at is None:
            self._say_early(listening)
        else:
            self._keep_opening(listening)
        self._close(listening)

    def forget(self, leg: Leg) -> None:
        """Nothing of this leg may be kept: neither listened to any more, nor left in a file."""
        listening = self._listening.get(leg.leg_id)
        if listening is not None:
            if listening.answered_at is not None and listening.verdict is None:
                self._say_verdict(leg, _NOT_LISTENED)  # somebody may be waiting for it
            self._close(listening)
        path = _beside_recording(leg, "opening")
        if path is not None:
            path.unlink(missing_ok=True)

    def close(self) -> None:
        """The worker leaves."""
        for listening in list(self._listening.values()):
            self._close(listening)

    def _begin(self, leg: Leg) -> _Listening | None:
        try:
            ear = Ear(self._library, self._folder / f"ear-{leg.leg_id}.wav")
        except (RejectedError, OSError) as error:
            log.warning("leg_not_screened", leg_id=leg.leg_id, reason=str(error))
            return None
        listening = _Listening(leg=leg, ear=ear)
        self._listening[leg.leg_id] = listening
        self._connect(listening)
        self._look_again(listening, WAITING_SECONDS)
        return listening

    def _connect(self, listening: _Listening) -> None:
        for slot in self._conference.slots_to_hear(listening.leg.leg_id):
            listening.ear.listen_to(slot)

    def _look_again(self, listening: _Listening, after: float) -> None:
        if listening.timer is not None and listening.timer in self._timers.queue:
            self._timers.cancel(listening.timer)
        listening.timer = self._timers.enter(after, 1, self._look, (listening,))

    def _look(self, listening: _Listening) -> None:
        listening.timer = None
        if self._listening.get(listening.leg.leg_id) is not listening:
            return
        listening.take()
        if listening.answered_at is None:
            self._look_again(listening, WAITING_SECONDS)
            return
        if listening.seconds >= OPENING_SECONDS:
            self._keep_opening(listening)
        if listening.verdict is None:
            self._judge(listening, listening.answered_at)
            self._look_again(listening, DECIDING_SECONDS)
        elif self._is_over(listening, listening.verdict):
            self._close(listening)
        else:
            self._look_again(listening, WAITING_SECONDS)

    def _judge(self, listening: _Listening, answered_at: float) -> None:
        verdict = judged(listening.slices, self._rules)
        elapsed = time.monotonic() - answered_at
        if verdict is None and elapsed >= self._rules.limit_seconds + 2 * DECIDING_SECONDS:
            # The line brings no sound, or less than time: nobody waits for it any longer.
            why = Why.NOT_CLEAR if listening.slices else Why.NO_SOUND
            verdict = Verdict(who=Answered.UNKNOWN, confidence=0.3, after_seconds=round(elapsed, 2), why=why)
        if verdict is not None:
            listening.verdict = verdict
            self._say_verdict(listening.leg, verdict)

    def _is_over(self, listening: _Listening, verdict: Verdict) -> bool:
        """Whether nothing more can be learned; tells on the way of a verdict that changed and of a greeting's end."""
        late = reconsidered(listening.slices, verdict, self._rules)
        if late is not None:
            listening.verdict = verdict = late
            self._say_verdict(listening.leg, late)
        if verdict.who is not Answered.MACHINE:
            return listening.seconds >= self._rules.late_seconds
        end: GreetingEnd | None = greeting_end(listening.slices, self._rules)
        if end is None:
            return False
        self._book.say(
            listening.leg.leg_id,
            LegEventKind.GREETING_ENDED,
            {"by": end, "after_seconds": round(listening.seconds, 2)},
        )
        self._keep_opening(listening)
        return True

    def _say_verdict(self, leg: Leg, verdict: Verdict) -> None:
        self._book.say(
            leg.leg_id,
            LegEventKind.ANSWERED_BY,
            {
                "who": verdict.who,
                "confidence": verdict.confidence,
                "after_seconds": verdict.after_seconds,
                "why": verdict.why,
            },
        )

    def _say_early(self, listening: _Listening) -> None:
        heard = early_sound(listening.slices, self._rules)
        kept = listening.sound[-round(EARLY_SECONDS * SAMPLE_RATE) * 2 :]
        path = _beside_recording(listening.leg, "early") if heard in SPOKEN_BEFORE else None
        self._book.say(
            listening.leg.leg_id,
            LegEventKind.EARLY_HEARD,
            {
                "sound": heard,
                "seconds": round(listening.seconds, 1),
                "file": self._write(path, kept),
            },
        )

    def _keep_opening(self, listening: _Listening) -> None:
        if listening.opening_kept:
            return
        listening.opening_kept = True
        kept = listening.sound[: round(OPENING_SECONDS * SAMPLE_RATE) * 2]
        file = self._write(_beside_recording(listening.leg, "opening"), kept)
        if file is not None:
            seconds = round(len(kept) / 2 / SAMPLE_RATE, 2)
            self._book.say(listening.leg.leg_id, LegEventKind.OPENING_KEPT, {"file": file, "seconds": seconds})

    def _write(self, path: Path | None, sound: bytes | bytearray) -> str | None:
        if path is None or not sound:
            return None
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.touch(mode=0o600)
            with wave.open(str(path), "wb") as file:
                file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
                file.writeframes(sound)
        except OSError as error:
            log.warning("heard_sound_not_kept", file=path.name, reason=error.strerror)
            return None
        return str(path)

    def _close(self, listening: _Listening) -> None:
        del self._listening[listening.leg.leg_id]
        if listening.timer is not None and listening.timer in self._timers.queue:
            self._timers.cancel(listening.timer)
        listening.ear.close()
        # The bridge lets go of the port at its next tick only.
        self._timers.enter(POOL_REST_SECONDS, 1, self._library.release, (listening.ear.pool,))


def _screened(leg: Leg) -> bool:
    return leg.outbound.screened and leg.outbound.role is LegRole.PATIENT


def _beside_recording(leg: Leg, name: str) -> Path | None:
    folder = leg.outbound.recording_folder
    return folder.with_name(f"{folder.name}.{name}.wav") if folder is not None else None
