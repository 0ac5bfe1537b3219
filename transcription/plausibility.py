"""Telling speech from what a Whisper model makes up: over noise, tones and silence it tends to write something."""

import re
import zlib
from collections.abc import Sequence
from enum import StrEnum

from transcription.transcriber import WindowText, Word

FIRST_HEARING = -1.0
LAST_HEARING = -1.5
"""Mean log probabilities below which a window is heard again and, after that, given up: a patient on a bad line is
better shown with low confidence than not at all."""

_NO_SPEECH = 0.6
_LOOPING = 2.4  # zlib shrinks ordinary speech less than this, a loop far more
_LOOP_CHARACTERS = 30  # shorter texts shrink by chance
_LOOP_REPEATS = 12  # a patient in pain says a word five times, a looping model up to its limit
_CHARACTERS_PER_SECOND = {"zh": 12.0, "en": 35.0}  # faster than anybody talks
_SLACK_CHARACTERS = 10
_SLOWEST_CHARACTERS_PER_SECOND = 1.2  # a slow Chinese speaker still says two or more
_UNSURE = 0.2

_LOOP = re.compile(rf"(.{{1,12}}?)\1{{{_LOOP_REPEATS - 1},}}")
_SOUND_MARK = re.compile(r"[\s♪♫*.…·\-]*|[(\[（【*][^)\]）】*]*[)\]）】*]")
_HELD_SOUND = re.compile(r"[\s，,。.!！?？]*([啊呀诶欸哎唉嗯呃哦噢喔哈])(?:[\s，,。.!！?？]*\1){3,}[\s，,。.!！?？]*")
"""One sound held and nothing else: what the models write over the chords of hold music."""

_SUBTITLES = re.compile(
    "amara|字幕(?:由|志愿者|组|製作|制作|by)|请不吝点赞|明镜(?:与|需要)|订阅.{0,4}(?:频道|转发|按赞)"
    r"|thank(?:s| you)(?: \w+){0,2} for watching|subscribe to|subtitles by|transcription by",
    re.IGNORECASE,
)
"""Lines from the film subtitles that the models were trained on: never said in a hospital's call."""


class Rejection(StrEnum):
    """Why a text is not believed."""

    NO_SPEECH = "no_speech"
    LOW_PROBABILITY = "low_probability"
    REPETITION = "repetition"
    TOO_FAST = "too_fast"
    SOUND_MARK = "sound_mark"
    SUBTITLES = "subtitles"


def doubt_about_window(window: WindowText, lowest: float = FIRST_HEARING) -> Rejection | None:
    """Why a whole window is not believed, if it is not: a loop, nobody speaking, or a guess under `lowest`."""
    if window.compression_ratio > _LOOPING or is_repetition(window.text):
        return Rejection.REPETITION
    if window.no_speech_probability > _NO_SPEECH and window.mean_log_probability < FIRST_HEARING:
        return Rejection.NO_SPEECH
    if window.mean_log_probability < lowest:
        return Rejection.LOW_PROBABILITY
    return None


def doubt_about_turn(text: str, *, seconds: float, confidence: float, language: str) -> Rejection | None:
    """Why a stretch's text is left out, if it is: nobody can have said it."""
    if _SOUND_MARK.fullmatch(text):
        return Rejection.SOUND_MARK
    if _SUBTITLES.search(text):
        return Rejection.SUBTITLES
    if is_repetition(text):
        return Rejection.REPETITION
    if _HELD_SOUND.fullmatch(text):
        return Rejection.SOUND_MARK
    if len(text) > seconds * _CHARACTERS_PER_SECOND.get(language, 35.0) + _SLACK_CHARACTERS:
        return Rejection.TOO_FAST
    if confidence < _UNSURE:
        return Rejection.LOW_PROBABILITY
    return None


def is_skipped(words: Sequence[Word], *, seconds: float) -> bool:
    """Whether a model that heard several stretches at once passed over this one: far fewer characters than said."""
    characters = sum(len(word.text.strip()) for word in words)
    return characters < seconds * _SLOWEST_CHARACTERS_PER_SECOND


def is_repetition(text: str) -> bool:
    """Whether a text goes round in a loop."""
    if any(any(map(str.isalpha, loop.group(1))) for loop in _LOOP.finditer(text)):
        return True
    encoded = text.encode()
    return len(text) >= _LOOP_CHARACTERS and len(encoded) / len(zlib.compress(encoded)) > _LOOPING
