"""Two-sided telephone calls put together from recorded utterances, agent left and patient right, with their truth."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from followup.recordings import Channel

SPEECH = Path(__file__).parent / "speech"
RATE = 8_000
_SPEECH_DBFS = -22.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One utterance of a call: the truth that a transcript is held against."""

    channel: Channel
    start: float
    end: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SpokenCall:
    """A stereo recording at the telephone's rate and what is said in it."""

    stereo: npt.NDArray[np.float32]
    said: tuple[Said, ...]
    language: str

    def text_of(self, channel: Channel) -> str:
        """All that one side says."""
        return " ".join(one.text for one in self.said if one.channel is channel)

    def write(self, path: Path) -> Path:
        """Save as 16-bit WAV or FLAC, by the name's ending."""
        soundfile.write(str(path), self.stereo, RATE, subtype="PCM_16")
        return path


@cache
def references(folder: Path = SPEECH) -> dict[str, tuple[str, str]]:
    """Every utterance's language and text by its file's name without the ending."""
    with (folder / "manifest.tsv").open(encoding="utf-8", newline="") as manifest:
        rows = csv.DictReader(manifest, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {Path(row["file"]).stem: (row["language"], row["reference"]) for row in rows}


def utterance(name: str, line: str = "ulaw", folder: Path = SPEECH) -> npt.NDArray[np.float32]:
    """One utterance at the telephone's rate, at the level of ordinary speech."""
    samples, rate = soundfile.read(str(folder / line / f"{name}.wav"), dtype="float32")
    if rate != RATE:
        raise ValueError(f"{name} in {line} has {rate} Hz; a telephone line carries {RATE}")
    loud = samples[np.abs(samples) > 0.01]
    scaled: npt.NDArray[np.float32] = samples * np.float32(10 ** (_SPEECH_DBFS / 20) / np.sqrt(np.mean(loud**2)))
    return scaled


def spoken_call(
    turns: Sequence[tuple[Channel, str]],
    *,
    pauses: Sequence[float] = (0.5, 1.0, 0.7, 1.4),
    hold_after: int | None = None,
    hold_seconds: float = 30.0,
    crosstalk_db: float = -40.0,
    noise_dbfs: float = -64.0,
    line: str = "ulaw",
    folder: Path = SPEECH,
    seed: int = 20,
) -> SpokenCall:
    """A call in which the named utterances follow each other; each side leaks into the other's channel."""
    languages = {references(folder)[name][0] for _, name in turns}
    if len(languages) != 1:
        raise ValueError(f"a call is in one language, not in {sorted(languages)}")
    said: list[Said] = []
    placed: list[tuple[Channel, int, npt.NDArray[np.float32]]] = []
    clock = 0.8
    for number, (channel, name) in enumerate(turns):
        sound = utterance(name, line, folder)
        placed.append((channel, round(clock * RATE), sound))
        end = clock + sound.size / RATE
        said.append(Said(channel=channel, start=clock, end=end, text=references(folder)[name][1]))
        clock = end + (hold_seconds if number == hold_after else pauses[number % len(pauses)])
    noise = np.random.default_rng(seed)
    stereo = noise.normal(0, 10 ** (noise_dbfs / 20), (round((clock + 0.5) * RATE), 2)).astype(np.float32)
    leak = np.float32(10 ** (crosstalk_db / 20))
    for channel, start, sound in placed:
        own = 0 if channel is Channel.AGENT else 1
        stereo[start : start + sound.size, own] += sound
        stereo[start : start + sound.size, 1 - own] += sound * leak
    return SpokenCall(stereo=np.clip(stereo, -1, 1), said=tuple(said), language=languages.pop())
