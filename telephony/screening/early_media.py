"""What is heard before the answer: network tones by frequency and rhythm (ITU-T E.180), speech or a song."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from followup.calls import EarlySound
from telephony.screening.cadence import Stretch, Tone, cadence_of
from telephony.screening.rules import ScreeningRules
from telephony.screening.sound import SLICE_SECONDS, Slice

_HZ = 18.0
_RHYTHM = 0.2  # how far a measured on or off time may be from the table's
_SHORTEST_TONE = 0.14
_SPECIAL_HZ = (950.0, 1400.0, 1800.0)  # "this number is not in use": three rising tones before the announcement
_SPECIAL_TOLERANCE_HZ = 60.0
_SONG_SHARE = 0.97  # a song has hardly a pause; who speaks draws breath


@dataclass(frozen=True, slots=True)
class NetworkTone:
    """A tone of some country's network: its frequencies, and seconds on and off in turn."""

    sound: EarlySound
    country: str
    hertz: tuple[float, ...]
    on: float
    off: float

    @property
    def heard_hertz(self) -> float:
        """Where the fit finds it: two near frequencies are one in their middle."""
        return sum(self.hertz) / len(self.hertz)


NETWORK_TONES = (
    NetworkTone(EarlySound.RINGBACK, "CN", (450,), 1.0, 4.0),
    NetworkTone(EarlySound.BUSY_TONE, "CN", (450,), 0.35, 0.35),
    NetworkTone(EarlySound.CONGESTION_TONE, "CN", (450,), 0.7, 0.7),
    NetworkTone(EarlySound.RINGBACK, "US", (440, 480), 2.0, 4.0),
    NetworkTone(EarlySound.BUSY_TONE, "US", (480, 620), 0.5, 0.5),
    NetworkTone(EarlySound.CONGESTION_TONE, "US", (480, 620), 0.25, 0.25),
    NetworkTone(EarlySound.RINGBACK, "EU", (425,), 1.0, 4.0),
    NetworkTone(EarlySound.BUSY_TONE, "EU", (425,), 0.5, 0.5),
    NetworkTone(EarlySound.CONGESTION_TONE, "EU", (425,), 0.25, 0.25),
    NetworkTone(EarlySound.RINGBACK, "GB", (400, 450), 0.4, 0.2),
    NetworkTone(EarlySound.BUSY_TONE, "GB", (400,), 0.375, 0.375),
    NetworkTone(EarlySound.RINGBACK, "HK", (440, 480), 0.4, 0.2),
    NetworkTone(EarlySound.BUSY_TONE, "HK", (480, 620), 0.5, 0.5),
    NetworkTone(EarlySound.RINGBACK, "JP", (400,), 1.0, 2.0),
    NetworkTone(EarlySound.BUSY_TONE, "JP", (400,), 0.5, 0.5),
)


def early_sound(slices: Sequence[Slice], rules: ScreeningRules) -> EarlySound:
    """What was heard before the answer. A sound that changed (a ring, then words) is judged by its end."""
    if not slices:
        return EarlySound.NOTHING
    cadence = cadence_of(slices, rules)
    if not cadence.bursts:
        return EarlySound.SILENCE
    tones = [tone for tone in cadence.tones if tone.seconds >= _SHORTEST_TONE]
    toned = sum(tone.seconds for tone in tones)
    spoken = [
        burst
        for burst in cadence.bursts
        if sum(min(tone.end, burst.end) - max(tone.start, burst.start) for tone in tones if _touch(tone, burst))
        < 0.5 * burst.seconds
    ]
    talk = sum(burst.seconds for burst in spoken)
    if _is_special(tones):
        return EarlySound.SPECIAL_TONE
    if talk >= 1.0 and spoken[-1].end >= (tones[-1].end if tones else 0.0):
        return _speech_or_song(slices, spoken[0].start, cadence.seconds, talk)
    if toned >= talk and tones:
        return _network_tone(tones, cadence.seconds)
    return EarlySound.SPEECH if talk >= 0.5 else EarlySound.UNCLEAR


def _touch(tone: Stretch, burst: Stretch) -> bool:
    return tone.start < burst.end and burst.start < tone.end


def _is_special(tones: Sequence[Tone]) -> bool:
    return any(
        all(
            len(tone.hertz) == 1 and abs(tone.hertz[0] - hertz) <= _SPECIAL_TOLERANCE_HZ
            for tone, hertz in zip(tones[at : at + 3], _SPECIAL_HZ, strict=True)
        )
        for at in range(len(tones) - 2)
    )


def _speech_or_song(slices: Sequence[Slice], start: float, end: float, talk: float) -> EarlySound:
    """A guess: songs go through, and their level hardly falls; the words, where there are any, decide later."""
    share = talk / (end - start)
    levels = [slice_.db for slice_ in slices[round(start / SLICE_SECONDS) :]]
    swing = statistics.quantiles(levels, n=10)[8] - statistics.quantiles(levels, n=10)[1] if len(levels) > 20 else 99.0
    return EarlySound.SONG if share >= _SONG_SHARE and swing < 14 and end - start >= 3 else EarlySound.SPEECH


def _network_tone(tones: Sequence[Tone], seconds: float) -> EarlySound:
    heard = sum(tones[-1].hertz) / len(tones[-1].hertz)
    # The first may have begun before we listened, the last may still sound: both say little about the rhythm.
    whole = [tone.seconds for tone in tones if tone.start > 0.04 and tone.end < seconds - 0.04] or [
        tone.seconds for tone in tones
    ]
    gaps = [later.start - earlier.end for earlier, later in pairwise(tones)]
    on, off = statistics.median(whole), min(gaps, default=seconds - tones[-1].end)
    known = [tone for tone in NETWORK_TONES if abs(tone.heard_hertz - heard) <= _HZ]
    fitting = [tone for tone in known if _near(on, tone.on) and (not gaps or _near(off, tone.off))]
    if fitting:
        return min(fitting, key=lambda tone: abs(on - tone.on) + abs(heard - tone.heard_hertz) / 100).sound
    if gaps and on <= 0.8 and _near(on, off):
        return EarlySound.BUSY_TONE if on > 0.3 else EarlySound.CONGESTION_TONE
    if (gaps and off >= 1.5 * on) or not gaps:
        return EarlySound.RINGBACK if on >= 0.3 else EarlySound.UNCLEAR
    return EarlySound.UNCLEAR


def _near(measured: float, wanted: float) -> bool:
    return abs(measured - wanted) <= max(_RHYTHM * wanted, 0.06)
