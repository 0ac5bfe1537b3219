"""Captions of calls that go on: how late they are and what they cost, on one core of a machine that does nothing else.

Calls are put together from recorded utterances (SUIFANG_SPEECH_DIR, else the tests' speech) and played on a clock that
advances by the processor time of each hearing and by nothing else, as if one core were ours alone: so a busy machine
changes the figures by what it takes from caches, not by the time it lets us wait. Sound comes in the recorder's pieces.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import structlog
from faster_whisper import WhisperModel

from benchmarks.row import Row, print_rows
from followup.ports import LiveSound
from followup.recordings import Channel
from tests.support.spoken_calls import RATE, SPEECH, SpokenCall, references, spoken_call
from transcription.caption_order import given_up, next_to_hear
from transcription.captions import REST_SECONDS
from transcription.error_rate import error_count
from transcription.live_ear import LiveEar, Waiting
from transcription.live_engine import LiveTranscriber, ShortWindowWhisper
from transcription.live_hearing import Heard, LiveHearing
from transcription.transcriber import SAMPLE_RATE, Samples, WindowText, Word
from transcription.weights import Weights, find_weights

_PIECE = 2000
"""Samples that the recorder writes at once: a quarter of a second."""
_UTTERANCES = 14


@dataclass(slots=True)
class _Clock:
    """Seconds since the calls began, on a core of our own."""

    now: float = 0.0

    def spend(self, cpu: float) -> None:
        self.now += cpu


class _PlayedCall:
    """A LiveAudio that is as far as the clock."""

    def __init__(self, call: SpokenCall, clock: _Clock) -> None:
        self._sides = [np.rint(call.stereo[:, side] * 32767).astype("<i2").tobytes() for side in (0, 1)]
        self._clock = clock
        self._read = 0

    @property
    def sample_rate(self) -> int:
        return RATE

    @property
    def seconds(self) -> float:
        return len(self._sides[0]) / 2 / RATE

    def read(self) -> LiveSound:
        end = min(int(self._clock.now * RATE) // _PIECE * _PIECE, len(self._sides[0]) // 2)
        agent, patient = (side[self._read * 2 : end * 2] for side in self._sides)
        self._read = max(end, self._read)
        return LiveSound(agent=agent, patient=patient)

    def close(self) -> None:
        pass


class _PaddedWindows:
    """The peer: faster-whisper as it is called by everybody, each hearing in a window of thirty seconds."""

    def __init__(self, weights: Weights) -> None:
        self._model = WhisperModel(
            str(weights.path or weights.name), device="cpu", compute_type="int8", cpu_threads=1, local_files_only=True
        )

    def hear(self, sound: Samples, language: str, *, whole_window: bool = False) -> WindowText:  # noqa: ARG002
        segments, _ = self._model.transcribe(
            sound,
            language=language,
            beam_size=1,
            temperature=0.0,
            condition_on_previous_text=False,
            without_timestamps=True,
        )
        kept = list(segments)
        text = "".join(segment.text for segment in kept).strip()
        mean = statistics.mean(segment.avg_logprob for segment in kept) if kept else 0.0
        word = Word(text=text, start=0.0, end=sound.size / SAMPLE_RATE, probability=float(np.exp(mean)))
        return WindowText(
            words=(word,) if text else (),
            mean_log_probability=mean,
            no_speech_probability=max((segment.no_speech_prob for segment in kept), default=1.0),
            compression_ratio=max((segment.compression_ratio for segment in kept), default=0.0),
        )

    def language_of(self, sound: Samples, among: Sequence[str]) -> str:
        _, _, probabilities = self._model.detect_language(audio=sound)
        likelihood = dict(probabilities)
        return max(among, key=lambda language: likelihood.get(language, 0.0))


@dataclass(slots=True)
class _Watch:
    """What was seen of some calls played side by side."""

    shown: list[float] = field(default_factory=list)
    stable: list[float] = field(default_factory=list)
    final: list[float] = field(default_factory=list)
    cpu: float = 0.0
    seconds: float = 0.0
    left_out: int = 0
    stretches: int = 0
    wrong: int = 0
    of: int = 0

    @property
    def cpu_share(self) -> float:
        return self.cpu / self.seconds

    @property
    def error(self) -> float:
        return self.wrong / self.of


@dataclass(slots=True)
class _Screen:
    """How many characters of a stretch stood on the screen so far."""

    shown: int = 0
    stable: int = 0


def _play(calls: Sequence[SpokenCall], transcriber: LiveTranscriber) -> _Watch:
    """Follow all calls at once with one hearing at a time, as the follower does."""
    clock, watch = _Clock(), _Watch()
    played = [_PlayedCall(call, clock) for call in calls]
    ears = {str(number): LiveEar(audio, 0.0) for number, audio in enumerate(played)}
    hearings = {name: LiveHearing(transcriber) for name in ears}
    finals: dict[str, list[Heard]] = {name: [] for name in ears}
    served: dict[str, float] = {}
    screens: dict[str, _Screen] = {}
    watch.seconds = max(audio.seconds for audio in played)
    while True:
        begun = time.process_time()
        for ear in ears.values():
            if clock.now > watch.seconds + _PIECE / RATE:
                ear.end()
            ear.listen()
        waiting = {name: list(ear.waiting()) for name, ear in ears.items()}
        for name, ear in ears.items():
            late = given_up(waiting[name], ear.until)
            watch.left_out += len(late)
            for one in late:
                ear.was_heard(one)
                waiting[name].remove(one)
        chosen = next_to_hear(waiting, served)
        heard = hearings[chosen[0]].hear(chosen[1], calls[int(chosen[0])].language) if chosen else None
        spent = time.process_time() - begun
        watch.cpu += spent
        clock.spend(spent)
        if chosen is None:
            if all(ear.is_done for ear in ears.values()):
                break
            clock.spend(REST_SECONDS)
            continue
        name, one = chosen
        served[name] = clock.now
        ears[name].was_heard(one)
        watch.stretches += one.stretch.is_over
        if heard is not None:
            _note(watch, screens.setdefault(one.stretch.id, _Screen()), one, heard, clock.now)
            if one.stretch.is_over:
                finals[name].append(heard)
    for name, call in zip(ears, calls, strict=True):
        for channel in Channel:
            said = [heard.turn for heard in finals[name] if heard.turn.channel is channel]
            text = " ".join(turn.text for turn in sorted(said, key=lambda turn: turn.start))
            wrong, of = error_count(call.text_of(channel), text, call.language)
            watch.wrong, watch.of = watch.wrong + wrong, watch.of + of
    return watch


def _note(watch: _Watch, screen: _Screen, one: Waiting, heard: Heard, now: float) -> None:
    """How late each new character is; when it was said is reckoned by its place in the stretch."""
    turn = heard.turn
    each = (turn.end - turn.start) / max(1, len(turn.text))
    said_at = [turn.start + (place + 1) * each for place in range(len(turn.text))]
    watch.shown += [now - at for at in said_at[screen.shown :]]
    watch.stable += [now - at for at in said_at[screen.stable : heard.stable]]
    screen.shown = max(screen.shown, len(said_at))
    screen.stable = max(screen.stable, heard.stable)
    if one.stretch.is_over:
        watch.final.append(now - one.stretch.end)


def _percentile(values: Sequence[float], share: float) -> float:
    return round(float(np.quantile(values, share)), 2)


def _calls(speech: Path, language: str, count: int) -> list[SpokenCall]:
    names = [name for name, (spoken, _) in references(speech).items() if spoken == language]
    made: list[SpokenCall] = []
    for number in range(count):
        picked = [names[(number * 5 + place) % len(names)] for place in range(min(_UTTERANCES, len(names)))]
        sides = (Channel.AGENT, Channel.PATIENT)
        turns = [(sides[place % 2], name) for place, name in enumerate(picked)]
        made.append(spoken_call(turns, folder=speech, seed=20 + number))
    return made


def _told(calls: Sequence[SpokenCall], watch: _Watch) -> str:
    return (
        f"{len(calls)} call(s) of {watch.seconds:.0f} s at once, {calls[0].language}; agreed words "
        f"{_percentile(watch.stable, 0.5)} / {_percentile(watch.stable, 0.95)} s behind (median / p95), first shown "
        f"{_percentile(watch.shown, 0.5)} / {_percentile(watch.shown, 0.95)}, final text after a stretch "
        f"{_percentile(watch.final, 0.5)} / {_percentile(watch.final, 0.95)}; {watch.stretches} stretches, "
        f"{watch.left_out} left out; error {watch.error:.1%}; {watch.cpu_share:.2f} of a core"
    )


def rows(speech: Path, counts: Sequence[int], *, peer_too: bool) -> list[Row]:
    """Delay and processor share for one call in each language and for more at once, beside the padded windows."""
    with tempfile.TemporaryDirectory(prefix="suifang-benchmark-") as folder:
        weights = find_weights(None, Path(folder))
        ours = ShortWindowWhisper(weights)
        padded = _PaddedWindows(weights)
        made: list[Row] = []
        for language, count in [("en", 1), *(("zh", count) for count in counts)]:
            calls = _calls(speech, language, count)
            mine = _play(calls, ours)
            print(f"ours: {_told(calls, mine)}", file=sys.stderr)
            other = _play(calls, padded) if peer_too and count == 1 else None
            if other is not None:
                print(f"padded: {_told(calls, other)}", file=sys.stderr)
            made += _rows(f"{language}.{count}", calls, mine, other)
    return made


def _rows(kind: str, calls: Sequence[SpokenCall], mine: _Watch, other: _Watch | None) -> list[Row]:
    told = f"ours: {_told(calls, mine)}"
    told += f"; peer: {_told(calls, other)}" if other else "; peer: not run with several calls, one takes its core"
    late, share = (None, None) if other is None else (_percentile(other.stable, 0.95), round(other.cpu_share, 3))
    figures = [
        ("p95_s", "s behind, agreed words", _percentile(mine.stable, 0.95), late),
        ("cpu_share", "of one core", round(mine.cpu_share, 3), share),
    ]
    return [
        Row(
            name=f"live_captions.{kind}.{name}",
            unit=unit,
            ours=value,
            peer="faster-whisper, padded windows",
            peer_value=peer,
            ratio=round(peer / value, 2) if peer and value else None,
            bound=None,
            n=1,
            spread=None,
            conditions=told,
        )
        for name, unit, value, peer in figures
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--calls", type=int, nargs="*", default=[1, 2, 4, 8], help="so many Chinese calls at once")
    parser.add_argument("--no-peer", action="store_true")
    arguments = parser.parse_args()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    speech = Path(os.environ.get("SUIFANG_SPEECH_DIR", SPEECH))
    print_rows(rows(speech, arguments.calls, peer_too=not arguments.no_peer), as_json=arguments.json)


if __name__ == "__main__":
    main()
