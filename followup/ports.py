"""What one component may ask of another: Protocols, implemented by their owner and handed over at the wiring."""

from pathlib import Path
from typing import Protocol


class RecordingStore(Protocol):
    """Reads stored recordings without knowing where they lie."""

    def read(self, uri: str) -> bytes:
        """The whole stereo FLAC; FileNotFoundError when it is gone."""

    def read_range(self, uri: str, start: int, end: int) -> bytes:
        """Bytes `start` up to but not including `end`."""


class Voice(Protocol):
    """Gives prompts as playable files."""

    def prompt(self, key: str, language: str) -> Path:
        """Path of a mono 8 kHz WAV; KeyError names what is missing."""


class VoiceBusyError(Exception):
    """A voice with too many texts to speak already; the text says so."""


class TextVoice(Protocol):
    """Speaks any text."""

    def speak(self, text: str, language: str) -> Path:
        """Path of a mono 8 kHz WAV of the text, at once; LookupError when no voice of that language is installed.

        The file itself may come a moment later. One that will never come has a text beside it, `….refused`, that says
        why. VoiceBusyError when too many are waiting.
        """


class SpeechProbe(Protocol):
    """Hears a few seconds of one side of a call. No call waits for it: what it says too late changes nothing."""

    def words(self, sound: Path, language: str) -> str | None:
        """What is said in a mono WAV, None when nobody speaks in it."""
