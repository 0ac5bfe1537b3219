"""Shipped prompts over a telephone line to a listener: do the numbers that they say come back as numbers?"""

import io
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
from pypinyin import lazy_pinyin

from runtime.settings import REPOSITORY
from telephony.voices.prompts import Prompt, load_prompts
from transcription.audio import call_audio_from
from transcription.pipeline import transcribe_recording
from transcription.transcriber import Transcriber
from transcription.written import written

PROMPTS = REPOSITORY / "content" / "prompts"
CODINGS = ("ALAW", "ULAW")
RATE = 8000
_READ = {
    **dict(zip(("ling", "yi", "er", "san", "si", "wu", "liu", "qi", "ba", "jiu"), "0123456789", strict=True)),
    "yao": "1",
}
_WORDS = dict(
    zip(("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"), "0123456789", strict=True)
)
_VALUE = re.compile(r"\d+(?:\.\d+)?(?=\s*(?:kg|公斤|月|号|日|kilo))")
_PRESSED = re.compile(rf"\bpress ((?:\d+ ?|(?:{'|'.join(_WORDS)})\b ?)+)")


def prompts_with_numbers() -> Iterator[Prompt]:
    """The prompts of content/prompts that say a key to press, a date or a value."""
    yield from (prompt for prompt in load_prompts(PROMPTS).prompts if re.search(r"\d", prompt.text))


def numbers_of(text: str, language: str) -> tuple[list[str], list[str]]:
    """The keys to press and the values that a text says, however they are written.

    Chinese is compared by its reading: who writes 按吧 for 按8 has heard it; 613.2 for 63.2 is wrong.
    """
    figures = written(text, language).lower()
    values = _VALUE.findall(figures)
    if language != "zh":
        pressed = [key.split() for key in _PRESSED.findall(figures)]
        return ["".join(_WORDS.get(digit, digit) for digit in key) for key in pressed], values
    syllables = [each for syllable in lazy_pinyin(re.sub(r"[，,。、\s]", "", text)) for each in _single(syllable)]
    keys: list[str] = []
    pressing = False
    for syllable in syllables:
        digit = syllable if syllable.isdigit() else _READ.get(syllable)
        if pressing and digit is not None:
            keys[-1] += digit
        elif pressing and not keys[-1]:
            keys.pop()
        pressing = syllable in ("an", "ang") or (pressing and digit is not None)
        if syllable in ("an", "ang"):
            keys.append("")
    return [key for key in keys if key], values


def _single(token: str) -> list[str]:
    """Figures one by one, a syllable as it is."""
    return list(token) if token.isdigit() else [token]


def heard_over(coding: str, sound: Path, transcriber: Transcriber, language: str) -> str:
    """What the pipeline writes down of a prompt that came over a line of A-law or µ-law."""
    samples, rate = soundfile.read(sound, dtype="int16")
    line = io.BytesIO()
    soundfile.write(line, samples, rate, subtype=coding, format="WAV")
    line.seek(0)
    carried, _ = soundfile.read(line, dtype="float32")
    pause = np.zeros(RATE, np.float32)
    said = np.concatenate([pause, carried, pause])
    audio = call_audio_from(np.stack([said, np.zeros_like(said)], axis=1), rate)
    return " ".join(turn.text for turn in transcribe_recording(audio, transcriber, language).turns)
