"""The cadence of a line: from slices to stretches of sound, silence and steady tones."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from telephony.screening.rules import ScreeningRules
from telephony.screening.sound import SILENCE_DB, SLICE_SECONDS, Slice

_SHORTEST_SOUND = 0.06  # a click is no word
_WORD_GAP = 0.16  # a stop consonant is no pause
_SAME_TONE_HZ = 12.0
_SAME_LEVEL_DB = 4.0
_LOUD_SLICES = 5
_LOST_SLICES = 1  # a slice on the edge of a tone, or with a lost packet in it


@dataclass(frozen=True, slots=True)
class Stretch:
    """From when to when, in seconds of the sound."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Tone(Stretch):
    """A stretch in which the same one or two frequencies sound at the same level."""

    hertz: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cadence:
    """All that the rules look at. `seconds` is how much has been heard."""

    seconds: float
    bursts: tuple[Stretch, ...]  # sound with gaps shorter than a word gap closed
    tones: tuple[Tone, ...]

    @property
    def initial_silence(self) -> float:
        """Until the first sound, or all of it."""
        return self.bursts[0].start if self.bursts else self.seconds

    @property
    def quiet_now(self) -> float:
        """How long it has been quiet at the end."""
        return self.seconds - self.bursts[-1].end if self.bursts else self.seconds

    @property
    def talk(self) -> float:
        """Seconds of sound."""
        return sum(burst.seconds for burst in self.bursts)

    @property
    def talk_share(self) -> float:
        """Sound as a share of the time since it began."""
        since = self.seconds - self.initial_silence
        return self.talk / since if since > 0 else 0.0


def cadence_of(slices: Sequence[Slice], rules: ScreeningRules) -> Cadence:
    """The cadence of everything heard so far."""
    noise = _noise_db(slices)
    # Who speaks into the telephone is louder than a television behind him.
    threshold = max(
        rules.floor_db, min(noise, rules.loudest_noise_db) + rules.above_noise_db, _loudest_db(slices) - rules.behind_db
    )
    loud = [Stretch(*at) for at in _runs([slice_.db >= threshold for slice_ in slices])]
    bursts = [stretch for stretch in _joined(loud, _WORD_GAP) if stretch.seconds >= _SHORTEST_SOUND]
    return Cadence(
        seconds=round(len(slices) * SLICE_SECONDS, 3),
        bursts=tuple(bursts),
        tones=tuple(_steady(slices, rules.tone_seconds)),
    )


def _noise_db(slices: Sequence[Slice]) -> float:
    """The level of the line when nobody speaks: what the quietest tenth does not exceed."""
    if not slices:
        return SILENCE_DB
    levels = sorted(slice_.db for slice_ in slices)
    return levels[len(levels) // 10]


def _loudest_db(slices: Sequence[Slice]) -> float:
    """The level that speech reaches again and again: a tenth of a second was louder, wherever it was."""
    return sorted(slice_.db for slice_ in slices)[-_LOUD_SLICES:][0] if slices else SILENCE_DB


def _runs(loud: Sequence[bool]) -> Iterator[tuple[float, float]]:
    at = 0
    for is_loud, group in groupby(loud):
        length = sum(1 for _ in group)
        if is_loud:
            yield round(at * SLICE_SECONDS, 3), round((at + length) * SLICE_SECONDS, 3)
        at += length


def _joined(stretches: Sequence[Stretch], gap: float) -> list[Stretch]:
    joined: list[Stretch] = []
    for stretch in stretches:
        if joined and stretch.start - joined[-1].end < gap:
            joined[-1] = Stretch(joined[-1].start, stretch.end)
        else:
            joined.append(stretch)
    return joined


def _steady(slices: Sequence[Slice], shortest: float) -> Iterator[Tone]:
    """Stretches of one unchanged tone or pair."""
    begun: int | None = None
    lost = 0
    for at, slice_ in enumerate((*slices, Slice(SILENCE_DB))):
        if begun is not None and _same(slices[begun], slice_):
            lost = 0
            continue
        if begun is not None and lost < _LOST_SLICES and at < len(slices):
            lost += 1
            continue
        if begun is not None:
            end = at - lost
            if (end - begun) * SLICE_SECONDS >= shortest:
                yield Tone(round(begun * SLICE_SECONDS, 3), round(end * SLICE_SECONDS, 3), slices[begun].tones)
        begun, lost = (at, 0) if slice_.tones else (None, 0)


def _same(one: Slice, other: Slice) -> bool:
    return (
        len(one.tones) == len(other.tones)
        and abs(one.db - other.db) <= _SAME_LEVEL_DB
        and all(abs(a - b) <= _SAME_TONE_HZ for a, b in zip(one.tones, other.tones, strict=True))
    )
