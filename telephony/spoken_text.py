"""Spoken text: a sentence made a prompt by whatever voice is installed, or the reason why it cannot be."""

from pathlib import Path

from followup.ports import TextVoice, VoiceBusyError
from telephony.call_control import RejectedError, TrunkBusyError

VOICE_SECONDS = 5.0
LOOK_SECONDS = 0.05  # how often it is looked whether a prompt has come


def speak(voice: TextVoice | None, text: str, language: str) -> Path:
    """The prompt to play, which may come a moment later; RejectedError where no voice speaks the language."""
    if not text.strip():
        raise RejectedError("there is no text to say; give at least one word")
    if voice is None:
        raise RejectedError(f"no voice is installed that could say {len(text)} characters in {language}")
    try:
        return voice.speak(text, language)
    except LookupError as missing:
        raise RejectedError(f"no voice speaks {language}: {missing}") from missing
    except VoiceBusyError as busy:
        raise TrunkBusyError(f"the voice is busy: {busy}") from busy


def refusal_file(prompt: Path) -> Path:
    """Where the voice says in words why a prompt will never come."""
    return prompt.with_suffix(".refused")


def refusal_of(prompt: Path) -> str | None:
    """Why the prompt will never come, if the voice has said so."""
    try:
        return refusal_file(prompt).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def too_late(seconds: float) -> str:
    """Why a prompt that has not come is not waited for any longer."""
    return f"the voice had not spoken the text after {seconds:g} s"
