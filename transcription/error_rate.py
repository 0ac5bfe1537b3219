"""How far a transcript is from what was said: word error rate for English, character error rate for Chinese."""

import re

import jiwer

from transcription.chinese import to_simplified
from transcription.written_chinese import written_chinese
from transcription.written_english import written_english

_ENGLISH_DIGITS = dict(
    zip("0123456789", ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"), strict=True)
)
_ENGLISH_SPELLINGS = {"mr": "mister", "mrs": "missus", "dr": "doctor", "okay": "ok"}


def error_rate(reference: str, heard: str, language: str) -> float:
    """Errors per word (en) or per character (zh) of the reference; 0 is perfect, made-up words can take it over 1."""
    wrong, of = error_count(reference, heard, language)
    return wrong / of


def error_count(reference: str, heard: str, language: str) -> tuple[int, int]:
    """Errors, and the words (en) or characters (zh) of the reference they are errors of."""
    normal = _normal_chinese if language == "zh" else _normal_english
    wanted, found = normal(reference), normal(heard)
    if not wanted:
        raise ValueError("there is nothing to compare with: the reference holds no word")
    measured = (jiwer.process_characters if language == "zh" else jiwer.process_words)(wanted, found)
    wrong = measured.substitutions + measured.deletions + measured.insertions
    return wrong, measured.hits + measured.substitutions + measured.deletions


def _normal_chinese(text: str) -> str:
    return "".join(character for character in written_chinese(to_simplified(text)).lower() if character.isalnum())


def _normal_english(text: str) -> str:
    words = re.findall(r"[a-z]+(?:'[a-z]+)*|\d+", written_english(text.lower()).lower().replace("’", "'"))
    spelled = (_ENGLISH_DIGITS.get(word, _ENGLISH_SPELLINGS.get(word, word)) for word in words)
    return " ".join(spelled)
