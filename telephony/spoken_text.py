"""Spoken text: a sentence made a prompt by whatever voice is installed, or the reason why it cannot be."""

from pathlib import Path

from followup.ports import TextVoice
from telephony.call_control import RejectedError


def speak(voice: TextVoice | None, text: str, language: str) -> Path:
    """The prompt to play; RejectedError where no voice speaks the language."""
    if not text.strip():
        raise RejectedError("there is no text to say; give at least one word")
    if voice is None:
        raise RejectedError(f"no voice is installed that could say {len(text)} characters in {language}")
    try:
        return voice.speak(text, language)
    except LookupError as missing:
        raise RejectedError(f"no voice speaks {language}: {missing}") from missing
