"""Turns of a conversation: each side's words put into its stretches of speech, both sides in order of time."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from rapidfuzz import fuzz

from followup.recordings import Channel, Turn, WordTime
from transcription.chinese import to_simplified
from transcription.languages import language_of_turn
from transcription.plausibility import doubt_about_turn
from transcription.transcriber import Word
from transcription.voice_activity import Span
from transcription.written import written

_SAME_TURN_SECONDS = 1.0
_LONGEST_TURN_SECONDS = 30.0
_ECHO_LIKENESS = 80.0
_ECHO_CHARACTERS = 4
_TWO_DIGITS = r"[\d零〇一二三四五六七八九幺]{2}"
_ENDS_IN_DIGITS = re.compile(f"{_TWO_DIGITS}$")
_BEGINS_WITH_DIGITS = re.compile(_TWO_DIGITS)
"""A number told digit by digit goes on behind a pause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """One stretch of one side with what was heard in it and how loud it was.

    `timed`: the words' seconds count from the recording's start and can be kept. `language`: it was heard in.
    """

    channel: Channel
    span: Span
    words: tuple[Word, ...]
    loudness: float
    timed: bool = False
    language: str = ""


def turns_of(utterances: Iterable[Utterance], language: str, names: Collection[str] = ()) -> list[Turn]:
    """Believable utterances as turns in order of time; short pauses of one side do not part a turn.

    `language` is the call's; a turn in the other of ours is taken as that. `names` are names of medicines that look
    like numbers.
    """
    said = [turn for turn in (_turn(utterance, language) for utterance in utterances) if turn is not None]
    ordered = sorted(_without_echoes(said), key=lambda pair: (pair[0].start, pair[0].channel))
    merged: list[Turn] = []
    for turn, _ in ordered:
        if merged and _continues(merged[-1], turn, language):
            merged[-1] = _joined(merged[-1], turn, language)
        else:
            merged.append(turn)
    return [_with_figures(turn, language, names) for turn in merged]


def _with_figures(turn: Turn, language: str, names: Collection[str]) -> Turn:
    """The turn with how it would be written down, where that is not as it was spoken."""
    figures = written(turn.text, language_of_turn(turn.text, language), names)
    return replace(turn, written=figures) if figures != turn.text else turn


def _turn(utterance: Utterance, language: str) -> tuple[Turn, float] | None:
    text = "".join(word.text for word in utterance.words).strip()
    language = language_of_turn(text, language)
    if language == "zh":
        text = to_simplified(text)
    confidence = _confidence(utterance.words)
    if doubt_about_turn(text, seconds=utterance.span.seconds, confidence=confidence, language=language):
        return None
    turn = Turn(
        channel=utterance.channel,
        start=round(utterance.span.start, 2),
        end=round(utterance.span.end, 2),
        text=text,
        confidence=round(confidence, 3),
        words=_times(utterance.words, text) if utterance.timed else (),
    )
    return turn, utterance.loudness


def _times(words: Sequence[Word], text: str) -> tuple[WordTime, ...]:
    """Each word's place in the text; simplifying keeps the number of characters."""
    said = "".join(word.text for word in words)
    if len(said.strip()) != len(text):
        return ()
    at = -(len(said) - len(said.lstrip()))
    times: list[WordTime] = []
    for word in words:
        times.append(WordTime(at=max(at, 0), start=round(word.start, 2), end=round(word.end, 2)))
        at += len(word.text)
    return tuple(times)


def _confidence(words: Sequence[Word]) -> float:
    """Mean belief of the model, each word by its length."""
    weights = [max(len(word.text.strip()), 1) for word in words]
    total = sum(weight * word.probability for weight, word in zip(weights, words, strict=True))
    return min(max(total / sum(weights), 0.0), 1.0) if words else 0.0


def _without_echoes(said: Sequence[tuple[Turn, float]]) -> list[tuple[Turn, float]]:
    """Leaves out what the other side's louder channel says at the same time: a line's echo, not a second voice."""
    return [
        (turn, loudness)
        for turn, loudness in said
        if not any(
            other.channel is not turn.channel and louder > loudness and _is_echo(turn, other) for other, louder in said
        )
    ]


def _is_echo(turn: Turn, other: Turn) -> bool:
    together = min(turn.end, other.end) - max(turn.start, other.start)
    if together < (turn.end - turn.start) / 2 or len(turn.text) < _ECHO_CHARACTERS:
        return False
    return fuzz.partial_ratio(turn.text.lower(), other.text.lower()) >= _ECHO_LIKENESS


def _continues(before: Turn, turn: Turn, language: str) -> bool:
    return (
        before.channel is turn.channel
        and language_of_turn(before.text, language) == language_of_turn(turn.text, language)
        and turn.start - before.end <= _SAME_TURN_SECONDS
        and turn.end - before.start <= _LONGEST_TURN_SECONDS
    )


def _joined(before: Turn, turn: Turn, language: str) -> Turn:
    lengths = len(before.text), len(turn.text)
    seam = _seam(before.text, turn.text, language_of_turn(before.text, language))
    text = before.text + seam + turn.text
    behind = len(text) - len(turn.text)
    timed = bool(before.words and turn.words)
    confidence = (before.confidence * lengths[0] + turn.confidence * lengths[1]) / sum(lengths)
    return Turn(
        channel=before.channel,
        start=before.start,
        end=max(before.end, turn.end),
        text=text,
        confidence=round(confidence, 3),
        words=(*before.words, *(replace(word, at=word.at + behind) for word in turn.words)) if timed else (),
    )


def _are_a_pressure(before: str, after: str) -> bool:
    """Whether 190 and 110 meet: as 190110 neither a value nor a sign of danger would be seen in them."""
    high, low = _LAST_FIGURE.search(before), _FIRST_FIGURE.match(after)
    return (
        high is not None
        and low is not None
        and _PRESSURE_WITHIN[0] <= int(low.group()) < int(high.group()) <= _PRESSURE_WITHIN[1]
    )


_LAST_FIGURE = re.compile(r"(?<!\d)[1-9]\d{1,2}$")
_FIRST_FIGURE = re.compile(r"[1-9]\d{1,2}(?!\d)")
_PRESSURE_WITHIN = (30, 260)


def _seam(before: str, after: str, language: str) -> str:
    """What stands between two stretches: a long number stays whole, Chinese gets the comma of the pause."""
    if language != "zh":
        return " "
    if _ENDS_IN_DIGITS.search(before) and _BEGINS_WITH_DIGITS.match(after) and not _are_a_pressure(before, after):
        return ""
    return "，" if before[-1].isalnum() else ""
