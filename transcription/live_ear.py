"""What is being said in one call: its sound as it comes, gated, cut into stretches of both sides."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import soxr

from followup.ports import LiveAudio
from followup.recordings import Channel
from transcription.gate import FRAME, HOLD_FRAMES, gate
from transcription.live_stretches import LiveSide, Stretch
from transcription.transcriber import SAMPLE_RATE, Samples

PARTIAL_EVERY_SECONDS = 0.6
PARTIAL_FROM_SECONDS = 1.5
"""Of shorter beginnings the models make up the rest."""

_CONTEXT = HOLD_FRAMES * FRAME


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Waiting:
    """A stretch of a side that should be heard."""

    channel: Channel
    stretch: Stretch


class LiveEar:
    """Both sides of a call, and what of them is still to be heard."""

    def __init__(self, audio: LiveAudio, began: float) -> None:
        self._audio = audio
        self._resamplers = [soxr.ResampleStream(audio.sample_rate, SAMPLE_RATE, 1, dtype="float32") for _ in Channel]
        self._raw = np.zeros((2, 0), dtype=np.float32)
        self._context = np.zeros((2, 0), dtype=np.float32)
        self.sides = {channel: LiveSide(began=began) for channel in (Channel.AGENT, Channel.PATIENT)}
        self._over: list[Waiting] = []
        self._open: dict[Channel, Stretch] = {}
        self._heard_to: dict[str, float] = {}
        self._shown: dict[Channel, str] = {}
        self._ended = False

    @property
    def until(self) -> float:
        """The second of the recording up to which sound has come."""
        return min(side.until for side in self.sides.values())

    @property
    def behind(self) -> float:
        """How long the oldest speech that nobody heard yet has been waiting, in seconds of sound."""
        ends = [waiting.stretch.end for waiting in self._over]
        ends += [self._heard_to.get(stretch.id, stretch.start) for stretch in self._open.values()]
        return max(0.0, self.until - min(ends)) if ends else 0.0

    @property
    def settled(self) -> float:
        """The second of the recording before which there is nothing left to hear."""
        starts = [waiting.stretch.start for waiting in self._over]
        return min([*starts, *(stretch.start for stretch in self._open.values()), self.until])

    @property
    def is_done(self) -> bool:
        """Whether the call is over and all of it was heard."""
        return self._ended and not self._over

    def listen(self) -> None:
        """Take in what has come."""
        if self._ended:
            return
        live = self._audio.read()
        if live.agent:
            self._take(live.agent, live.patient)
            self._look()

    def end(self) -> None:
        """The call is over: what came last is taken in, and what is being said is said."""
        if not self._ended:
            self.listen()
            self._ended = True
            self._audio.close()
            self._look()

    def close(self) -> None:
        """Hear no more of it."""
        self._ended = True
        self._audio.close()
        self._over.clear()
        self._open.clear()

    def waiting(self) -> Iterator[Waiting]:
        """What should be heard: stretches that are over, and those that have grown enough since the last hearing."""
        yield from self._over
        for channel, stretch in self._open.items():
            grown = stretch.end - self._heard_to.get(stretch.id, stretch.start)
            if stretch.seconds >= PARTIAL_FROM_SECONDS and grown >= PARTIAL_EVERY_SECONDS:
                yield Waiting(channel=channel, stretch=stretch)

    def was_heard(self, waiting: Waiting) -> None:
        """Somebody has heard it, or gave it up."""
        if waiting.stretch.is_over:
            self._over.remove(waiting)
            self._heard_to.pop(waiting.stretch.id, None)
        else:
            self._heard_to[waiting.stretch.id] = waiting.stretch.end

    def shows(self, channel: Channel, stretch_id: str) -> None:
        """A text of a stretch that goes on is on the screen."""
        self._shown[channel] = stretch_id

    def vanished(self) -> list[str]:
        """Stretches that were shown while they went on and turned out to be none; each is named once."""
        alive = {waiting.stretch.id for waiting in self._over} | {stretch.id for stretch in self._open.values()}
        gone = [channel for channel, shown in self._shown.items() if shown not in alive]
        return [self._shown.pop(channel) for channel in gone]

    def _take(self, agent: bytes, patient: bytes) -> None:
        """Resample, gate with what came before in view, and hand whole frames to the sides."""
        new = np.stack(
            [
                resampler.resample_chunk(np.frombuffer(sound, dtype="<i2").astype(np.float32) / 32768)
                for resampler, sound in zip(self._resamplers, (agent, patient), strict=True)
            ]
        )
        self._raw = np.concatenate([self._raw, new], axis=1)
        whole = self._raw.shape[1] // FRAME * FRAME
        if not whole:
            return
        seen = np.concatenate([self._context, self._raw[:, :whole]], axis=1)
        gated = gate(seen[0], seen[1])
        for side, sound in zip(self.sides.values(), gated, strict=True):
            side.add(_last(sound, whole))
        self._context = seen[:, -_CONTEXT:]
        self._raw = self._raw[:, whole:]

    def _look(self) -> None:
        for channel, side in self.sides.items():
            self._open.pop(channel, None)
            for stretch in side.stretches(at_end=self._ended):
                if stretch.is_over:
                    self._over.append(Waiting(channel=channel, stretch=stretch))
                else:
                    self._open[channel] = stretch


def _last(sound: Samples, count: int) -> Samples:
    return sound[sound.size - count :]
