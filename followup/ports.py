"""What one component may ask of another: Protocols, implemented by their owner and handed over at the wiring."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from followup.messages import Channel


class RecordingStore(Protocol):
    """Reads stored recordings without knowing where they lie."""

    def read(self, uri: str) -> bytes:
        """The whole stereo FLAC; FileNotFoundError when it is gone."""

    def read_range(self, uri: str, start: int, end: int) -> bytes:
        """Bytes `start` up to but not including `end`."""

    def open(self, uri: str) -> BinaryIO:
        """The stereo FLAC as a file that can be read from anywhere; FileNotFoundError when it is gone."""


class Voice(Protocol):
    """Gives prompts as playable files."""

    def prompt(self, key: str, language: str, values: Mapping[str, str] | None = None, *, slow: bool = False) -> Path:
        """Path of a mono 8 kHz WAV of a prompt, or of a sentence about `values`; KeyError names what is missing."""

    def expect(self, keys: tuple[str, ...], language: str, values: Mapping[str, str]) -> None:
        """These prompts will be asked for in a moment; whatever takes time may begin. Nothing is refused."""


class VoiceBusyError(Exception):
    """A voice with too many texts to speak already; the text says so."""


class TextVoice(Protocol):
    """Speaks any text."""

    def speak(self, text: str, language: str) -> Path:
        """Path of a mono 8 kHz WAV of the text, at once; LookupError when no voice of that language is installed.

        The file itself may come a moment later. One that will never come has a text beside it, `….refused`, that says
        why. VoiceBusyError when too many are waiting.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingMessage:
    """What a channel is handed: the same id is the same message, however often it comes."""

    id: str
    channel: Channel
    address: str
    language: str
    text_key: str  # which text it is: providers want their templates' names
    text: str


class ChannelAwayError(Exception):
    """The channel took nothing and may take it later; the text says why."""


class ChannelRefusedError(Exception):
    """The channel took nothing and never will; the text says why and what helps."""


class MessageChannel(Protocol):
    """Sends a message to one address; any other error than the two above leaves open whether it left."""

    def send(self, message: OutgoingMessage) -> str:
        """The provider's name for the message, once it was taken."""


class SpeechProbe(Protocol):
    """Hears a few seconds of one side of a call. No call waits for it: what it says too late changes nothing."""

    def words(self, sound: Path, language: str) -> str | None:
        """What is said in a mono WAV, None when nobody speaks in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSound:
    """What came of both sides of a call: 16-bit little-endian samples, equally long, from the same instant."""

    agent: bytes = b""
    patient: bytes = b""


class LiveAudio(Protocol):
    """The sound of one call while it goes on, on its recording's clock, whoever carries the call."""

    @property
    def sample_rate(self) -> int:
        """Samples of each side in a second."""

    def read(self) -> LiveSound:
        """What has come since the last reading, without waiting; nothing is no end."""

    def close(self) -> None:
        """Read no more."""


class LiveAudioSource(Protocol):
    """Finds the sound of calls that go on."""

    def open(self, spool: str, from_second: float) -> LiveAudio | None:
        """The sound of a recording from this second of it on; None while there is nothing to read yet."""
