"""The set on which screening is measured: what the first ten seconds after an answer sound like, built by code.

Built here, not field data. Persons are cut from recorded human speech (read, not spontaneous), machines from human and
synthetic speech, tones and chords. Every item has its truth and its class; the halves for tuning and for the report
are parted inside each class.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from followup.calls import Answered

Sound = npt.NDArray[np.float32]

RATE = 8000
SECONDS = 10.0
_SPEECH_DB = -24.0
_FRAME = RATE // 50


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Opening:
    """One answer: who it is, of which kind, and its sound from the answer on."""

    name: str
    truth: Answered
    kind: str
    for_tuning: bool
    sound: Sound

    def write(self, folder: Path) -> Path:
        """As the far end plays it."""
        path = folder / f"{self.name}.wav"
        soundfile.write(path, np.clip(self.sound, -1, 1), RATE, subtype="PCM_16")
        return path


@dataclass(frozen=True, slots=True, kw_only=True)
class Voices:
    """Where speech comes from: telephone recordings of people, and rendered texts by kind."""

    human: tuple[Sound, ...]
    greetings: tuple[Sound, ...]
    assistants: tuple[Sound, ...]
    announcements: tuple[Sound, ...]


def voices(speech: Path, rendered: Path, prompts: Path) -> Voices:
    """Human speech from `speech`/ulaw; texts from `rendered`, or the shipped prompts where there are none."""
    human = tuple(_read(path) for path in sorted((speech / "ulaw").glob("*.wav")))
    shipped = tuple(_read(path) for path in sorted(prompts.glob("*/*.wav")))

    def of(kind: str) -> tuple[Sound, ...]:
        return tuple(_read(path) for path in sorted(rendered.glob(f"{kind}_*.wav"))) or shipped

    return Voices(human=human, greetings=of("voicemail"), assistants=of("assistant"), announcements=of("announcement"))


def openings(source: Voices, seed: int = 20260101) -> list[Opening]:
    """The whole set, the same for a seed and a source."""
    chance = np.random.default_rng(seed)
    makers: Sequence[tuple[Answered, str, int, Callable[[], Sound]]] = (
        (Answered.HUMAN, "hello", 40, lambda: _hello(source, chance)),
        (Answered.HUMAN, "two_bursts", 20, lambda: _two_bursts(source, chance)),
        (Answered.HUMAN, "name", 20, lambda: _hello(source, chance, shortest=1.0, longest=1.7)),
        (Answered.HUMAN, "late", 14, lambda: _hello(source, chance, earliest=1.6, latest=2.4)),
        (Answered.HUMAN, "noisy_room", 14, lambda: _hello(source, chance, noise=(-44.0, -38.0))),
        (Answered.HUMAN, "says_it_again", 12, lambda: _again(source, chance)),
        (Answered.HUMAN, "says_nothing", 8, lambda: _room(chance, -62.0, -44.0)),
        (Answered.MACHINE, "recorded_greeting", 38, lambda: _greeting(source.human, chance)),
        (Answered.MACHINE, "synthetic_greeting", 24, lambda: _greeting(source.greetings, chance)),
        (Answered.MACHINE, "greeting_with_a_rest", 14, lambda: _rested(source, chance)),
        (Answered.MACHINE, "assistant", 16, lambda: _greeting(source.assistants, chance, beep=False)),
        (Answered.MACHINE, "announcement", 16, lambda: _greeting(source.announcements, chance, beep=False)),
        (Answered.MACHINE, "song", 10, lambda: _song(chance)),
        (Answered.MACHINE, "ringback", 6, lambda: _tones(chance, (450.0,), 1.0, 4.0)),
        (Answered.MACHINE, "fax", 6, lambda: _tones(chance, (float(chance.choice([1100, 2100])),), 0.5, 3.0)),
        (Answered.MACHINE, "beep_first", 6, lambda: _beep_first(chance)),
    )
    made = []
    for truth, kind, number, make in makers:
        for place in range(number):
            name = f"{truth.value}-{kind}-{place:02}"
            made.append(Opening(name=name, truth=truth, kind=kind, for_tuning=place % 2 == 0, sound=make()))
    return made


def _read(path: Path) -> Sound:
    sound, rate = soundfile.read(path, dtype="float32")
    if rate != RATE:
        raise ValueError(f"{path.name} has {rate} Hz; a telephone line carries {RATE}")
    return _at_level(np.asarray(sound, dtype=np.float32), _SPEECH_DB)


def _at_level(sound: Sound, db: float) -> Sound:
    frames = sound[: sound.size // _FRAME * _FRAME].reshape(-1, _FRAME)
    power = np.sort(np.mean(np.square(frames, dtype=np.float64), axis=1))
    loud = float(np.sqrt(np.mean(power[power.size // 2 :])))
    return (sound * (10 ** (db / 20) / max(loud, 1e-6))).astype(np.float32)


def _room(chance: np.random.Generator, low: float = -66.0, high: float = -50.0) -> Sound:
    """Pink noise of a quiet or less quiet room, as the line brings it."""
    size = round(SECONDS * RATE)
    spectrum = np.fft.rfft(chance.normal(size=size)) / np.sqrt(np.maximum(np.arange(size // 2 + 1), 200))
    noise = np.fft.irfft(spectrum, size)
    room: Sound = (noise / np.sqrt(np.mean(noise**2)) * 10 ** (chance.uniform(low, high) / 20)).astype(np.float32)
    return room


def _put(room: Sound, sound: Sound, at: float) -> Sound:
    begin = round(at * RATE)
    sound = sound[: max(0, room.size - begin)]
    room[begin : begin + sound.size] += sound
    return room


def _cut(source: Voices, chance: np.random.Generator, seconds: float) -> Sound:
    """So many seconds out of somebody's speech, from the beginning of a loud stretch, with soft edges."""
    while True:
        whole = source.human[int(chance.integers(len(source.human)))]
        level = np.sqrt(np.mean(whole[: whole.size // _FRAME * _FRAME].reshape(-1, _FRAME) ** 2, axis=1))
        loud = level > 0.25 * np.quantile(level, 0.9)
        begins = np.flatnonzero(loud[1:] & ~loud[:-1]) + 1
        frames = round(seconds * RATE / _FRAME)
        fitting = [at for at in begins if at + frames < loud.size and loud[at : at + frames].mean() > 0.75]
        if fitting:
            at = int(chance.choice(fitting)) * _FRAME
            piece = whole[at : at + frames * _FRAME].copy()
            edge = np.linspace(0, 1, RATE // 50, dtype=np.float32)
            piece[: edge.size] *= edge
            piece[-3 * edge.size :] *= np.linspace(1, 0, 3 * edge.size, dtype=np.float32)
            return _at_level(piece, chance.uniform(-32, -18))


def _hello(
    source: Voices,
    chance: np.random.Generator,
    *,
    shortest: float = 0.25,
    longest: float = 0.9,
    earliest: float = 0.2,
    latest: float = 1.4,
    noise: tuple[float, float] = (-66.0, -50.0),
) -> Sound:
    piece = _cut(source, chance, chance.uniform(shortest, longest))
    return _put(_room(chance, *noise), piece, chance.uniform(earliest, latest))


def _two_bursts(source: Voices, chance: np.random.Generator) -> Sound:
    first, second = (_cut(source, chance, chance.uniform(0.25, 0.7)) for _ in range(2))
    at = chance.uniform(0.2, 1.0)
    room = _put(_room(chance), first, at)
    return _put(room, second, at + first.size / RATE + chance.uniform(0.2, 0.7))


def _again(source: Voices, chance: np.random.Generator) -> Sound:
    piece = _cut(source, chance, chance.uniform(0.25, 0.7))
    at = chance.uniform(0.2, 1.0)
    room = _put(_room(chance), piece, at)
    return _put(room, piece, at + piece.size / RATE + chance.uniform(0.9, 1.6))


def _beep(chance: np.random.Generator) -> Sound:
    at = np.arange(round(chance.uniform(0.25, 0.8) * RATE)) / RATE
    hertz = float(chance.choice([440, 800, 1000, 1400]))
    return (10 ** (chance.uniform(-24, -12) / 20) * np.sin(2 * np.pi * hertz * at)).astype(np.float32)


def _greeting(texts: Sequence[Sound], chance: np.random.Generator, *, beep: bool = True) -> Sound:
    long = [text for text in texts if text.size > 3.0 * RATE] or list(texts)
    text = _at_level(_trimmed(long[int(chance.integers(len(long)))]), chance.uniform(-30, -18))
    at = chance.uniform(0.1, 1.1)
    room = _put(_room(chance, -80.0, -55.0), text, at)
    return _put(room, _beep(chance), at + text.size / RATE + chance.uniform(0.2, 0.8)) if beep else room


def _television(source: Voices, chance: np.random.Generator) -> Sound:
    """A person, with somebody on television behind him."""
    long = [text for text in source.human if text.size > 4.0 * RATE]
    behind = np.tile(_at_level(long[int(chance.integers(len(long)))], chance.uniform(-46, -38)), 4)
    return _put(_hello(source, chance), behind[: round(SECONDS * RATE)], 0.0)


def _short_greeting(source: Voices, chance: np.random.Generator) -> Sound:
    """Few words, then the beep."""
    words = _cut(source, chance, chance.uniform(0.9, 1.5))
    at = chance.uniform(0.2, 0.8)
    room = _put(_room(chance, -80.0, -55.0), words, at)
    return _put(room, _beep(chance), at + words.size / RATE + chance.uniform(0.3, 1.2))


def _rested(source: Voices, chance: np.random.Generator, rest: tuple[float, float] = (0.3, 0.6)) -> Sound:
    """A word, a rest as in "Hello. ...", then the rest of the greeting."""
    word = _cut(source, chance, chance.uniform(0.3, 0.6))
    long = [text for text in source.human if text.size > 4.0 * RATE]
    text = _trimmed(long[int(chance.integers(len(long)))])
    at = chance.uniform(0.1, 0.6)
    room = _put(_room(chance, -80.0, -55.0), word, at)
    return _put(room, text, at + word.size / RATE + chance.uniform(*rest))


def _trimmed(sound: Sound) -> Sound:
    level = np.sqrt(np.mean(sound[: sound.size // _FRAME * _FRAME].reshape(-1, _FRAME) ** 2, axis=1))
    loud = np.flatnonzero(level > 0.1 * level.max())
    return sound[loud[0] * _FRAME : (loud[-1] + 1) * _FRAME]


def _song(chance: np.random.Generator) -> Sound:
    """A melody over chords: many partials, never a pause."""
    beat = chance.uniform(0.2, 0.4)
    sound = np.zeros(round(SECONDS * RATE), dtype=np.float64)
    for place in range(int(SECONDS / beat)):
        at = np.arange(round(1.6 * beat * RATE)) / RATE
        notes = 220 * 2 ** (chance.choice([0, 3, 5, 7, 10, 12, 15], size=3, replace=False) / 12)
        chord = sum(
            np.sin(2 * np.pi * note * partial * at) / partial for note in notes for partial in (1, 2, 3, 4)
        ) * np.exp(-1.2 * at / beat)
        begin = round(place * beat * RATE)
        piece = chord[: sound.size - begin]
        sound[begin : begin + piece.size] += piece
    return _at_level(sound.astype(np.float32), chance.uniform(-28, -18))


def _tones(chance: np.random.Generator, hertz: tuple[float, ...], on: float, off: float) -> Sound:
    at = np.arange(round(SECONDS * RATE)) / RATE
    tone = sum(np.sin(2 * np.pi * one * at) for one in hertz) / len(hertz)
    begin = chance.uniform(0.1, 1.0)
    sounding = (at >= begin) & ((at - begin) % (on + off) < on)
    return _room(chance, -80.0, -60.0) + (0.15 * tone * sounding).astype(np.float32)


def _beep_first(chance: np.random.Generator) -> Sound:
    """A recorder without a greeting."""
    return _put(_room(chance, -70.0, -55.0), _beep(chance), chance.uniform(0.3, 1.5))


def hard_openings(source: Voices, seed: int = 20260101) -> list[Opening]:
    """What cadence alone must get wrong at times; measured by itself, and not tuned on."""
    chance = np.random.default_rng(seed + 1)
    makers: Sequence[tuple[Answered, str, Callable[[], Sound]]] = (
        (Answered.HUMAN, "long_opening", lambda: _hello(source, chance, shortest=1.8, longest=2.6)),
        (Answered.HUMAN, "television", lambda: _television(source, chance)),
        (Answered.MACHINE, "slow_greeting", lambda: _rested(source, chance, rest=(0.75, 1.2))),
        (Answered.MACHINE, "short_greeting", lambda: _short_greeting(source, chance)),
    )
    return [
        Opening(
            name=f"{truth.value}-{kind}-{place:02}",
            truth=truth,
            kind=kind,
            for_tuning=False,
            sound=make(),
        )
        for truth, kind, make in makers
        for place in range(12)
    ]


def by_kind(items: Sequence[Opening]) -> Iterator[tuple[str, list[Opening]]]:
    """The items of each class, in order."""
    for kind in dict.fromkeys(item.kind for item in items):
        yield kind, [item for item in items if item.kind == kind]
