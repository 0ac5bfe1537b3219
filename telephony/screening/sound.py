"""From samples to slices of 20 ms: how loud each is, and whether it is one or two pure tones.

A sum of two sines obeys x[n] + x[n-4] = a (x[n-1] + x[n-3]) + b x[n-2] exactly, whatever their phases; a single one
x[n] + x[n-2] = c x[n-1]. What a least-squares fit leaves over tells tones from everything else, and a, b, c are their
frequencies. Two near ones (440 and 480 Hz) pass for one at their middle, which is how the table of network tones lists
them. All sums run over `map`, so that a second of sound costs about two milliseconds without any library.
"""

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from operator import add, mul

SAMPLE_RATE = 8000
SLICE_SECONDS = 0.02
SLICE_SAMPLES = round(SAMPLE_RATE * SLICE_SECONDS)
SILENCE_DB = -90.0

_PURE = 0.02
"""What a fit may leave of the power when a slice is to count as tones: a telephone line adds noise to them."""

_LOWEST_HZ, _HIGHEST_HZ = 200.0, 2400.0


@dataclass(frozen=True, slots=True)
class Slice:
    """20 ms of sound. `tones` holds the frequencies in Hz, lower first; it is empty for everything that is no tone."""

    db: float
    tones: tuple[float, ...] = ()


def slices_of(samples: Sequence[int]) -> list[Slice]:
    """The slices of 16-bit samples; what is left over at the end is not looked at."""
    sound = samples if isinstance(samples, array) else array("h", samples)
    whole = len(sound) // SLICE_SAMPLES * SLICE_SAMPLES
    return [_slice(sound[at : at + SLICE_SAMPLES]) for at in range(0, whole, SLICE_SAMPLES)]


def _slice(sound: Sequence[int]) -> Slice:
    power = sum(map(mul, sound, sound)) / len(sound)
    if power <= 0:
        return Slice(SILENCE_DB)
    db = 10 * math.log10(power) - 90.3  # of a full-scale square wave
    return Slice(round(db, 1), _tones(sound) if db > -50 else ())


def _tones(sound: Sequence[int]) -> tuple[float, ...]:
    """One tone, two tones, or none."""
    older, middle, newer = sound[:-2], sound[1:-1], sound[2:]
    outer = list(map(add, older, newer))
    middle_power = sum(map(mul, middle, middle))
    cross = sum(map(mul, outer, middle))
    outer_power = sum(map(mul, outer, outer))
    if middle_power == 0:
        return ()
    left = outer_power - cross * cross / middle_power
    if left <= _PURE * max(outer_power, middle_power / 4):
        return _audible(_hertz(cross / middle_power / 2))
    return _two_tones(sound)


def _two_tones(sound: Sequence[int]) -> tuple[float, ...]:
    far = list(map(add, sound[:-4], sound[4:]))
    near = list(map(add, sound[1:-3], sound[3:-1]))
    middle = sound[2:-2]
    nn, nm, mm = sum(map(mul, near, near)), sum(map(mul, near, middle)), sum(map(mul, middle, middle))
    fn, fm, ff = sum(map(mul, far, near)), sum(map(mul, far, middle)), sum(map(mul, far, far))
    determinant = nn * mm - nm * nm
    if determinant <= 0:
        return ()
    a, b = (fn * mm - fm * nm) / determinant, (fm * nn - fn * nm) / determinant
    if ff - a * fn - b * fm > _PURE * max(ff, mm / 4):
        return ()
    # x[n] + x[n-4] - a (x[n-1] + x[n-3]) - b x[n-2] = 0 has its roots where (2 cos w)^2 - a (2 cos w) - (b + 2) = 0
    spread = a * a / 4 + b + 2
    if spread < 0:
        return ()
    root = math.sqrt(spread)
    found = sorted(tone for half in (a / 2 + root, a / 2 - root) for tone in _audible(_hertz(half / 2)))
    return tuple(found) if len(found) == 2 and found[1] - found[0] >= 20 else ()


def _hertz(cosine: float) -> float | None:
    return math.acos(cosine) * SAMPLE_RATE / math.tau if -1 < cosine < 1 else None


def _audible(hertz: float | None) -> tuple[float, ...]:
    return (round(hertz, 1),) if hertz is not None and _LOWEST_HZ <= hertz <= _HIGHEST_HZ else ()
