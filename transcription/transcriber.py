"""What a speech engine must do for us: windows of one speaker's speech in, words with their seconds out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]
"""Mono sound, 16 kHz, -1 to 1."""

SAMPLE_RATE = 16_000
WINDOW_SECONDS = 30.0
"""The longest stretch a Whisper model hears at once."""


class SpeechEngineMissingError(RuntimeError):
    """The chosen engine's library is not installed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A word (in Chinese often a character) with its seconds inside the window and the model's belief in it."""

    text: str
    start: float
    end: float
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowText:
    """What an engine heard in one window, with the figures by which nonsense is told from speech."""

    words: tuple[Word, ...]
    mean_log_probability: float
    no_speech_probability: float
    compression_ratio: float

    @property
    def text(self) -> str:
        """The words as one line."""
        return "".join(word.text for word in self.words).strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineDescription:
    """What made a transcript: kept with it, so that a text can be traced to its maker."""

    engine: str
    version: str
    model: str
    parameters: dict[str, object]


class SpeechAwayError(RuntimeError):
    """The engine cannot be reached or has no time now: nothing is wrong with the recording, it is heard later."""


class Transcriber(Protocol):
    """A loaded speech model. One per operating-system process; not for use from two threads."""

    @property
    def description(self) -> EngineDescription:
        """Engine, version, model and parameters."""

    @property
    def packed_seconds(self) -> float:
        """How much speech is best put into one window, at most WINDOW_SECONDS; a longer stretch is one by itself."""

    def language_of(self, windows: Sequence[Samples], among: Sequence[str]) -> str:
        """The likeliest of the languages `among` for what is spoken in `windows`."""

    def transcribe(self, windows: Sequence[Samples], language: str) -> list[WindowText]:
        """The text of each window (at most WINDOW_SECONDS long, one speaker), in the same order."""
