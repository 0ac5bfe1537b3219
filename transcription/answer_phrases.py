"""What only a machine or a network says: phrases of content/answer_phrases.yaml, found in a few seconds' transcript."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pypinyin import Style, lazy_pinyin

from followup.calls import Announcement
from transcription.chinese import to_simplified
from transcription.content_file import read_content

_MACHINE = "machine"
_SHORTEST_BY_SOUND = 3  # characters: two syllables are found in too much that people say


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Phrase(_Strict):
    """One thing that is said, in the words it may be said in."""

    code: str = Field(min_length=1, max_length=40)
    says: Announcement | Literal["machine"]
    zh: tuple[str, ...] = ()
    en: tuple[str, ...] = ()


class AnswerPhrases(_Strict):
    """The file's content."""

    id: str
    version: int = Field(ge=1)
    status: Literal["draft", "active"]
    source: str = Field(min_length=3)
    phrases: tuple[Phrase, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The phrase that was found, and what it says of the number where a network speaks."""

    code: str
    announcement: Announcement | None


def load_answer_phrases(path: Path) -> AnswerPhrases:
    """The phrases in a YAML file; ContentError names what is wrong."""
    return read_content(path, AnswerPhrases)


def phrase_in(text: str, phrases: AnswerPhrases) -> Found | None:
    """The first phrase in the list that the text holds, by its letters or, in Chinese, by its sound."""
    letters, sound = _letters(text), _sound(text)
    for phrase in phrases.phrases:
        said = any(_letters(words) in letters for words in (*phrase.zh, *phrase.en))
        if said or any(len(words) >= _SHORTEST_BY_SOUND and _sound(words) in sound for words in phrase.zh):
            says = phrase.says
            return Found(code=phrase.code, announcement=None if says == _MACHINE else Announcement(says))
    return None


def _letters(text: str) -> str:
    """Lower case, simplified, without anything that is not spoken; spaces only between English words."""
    words = re.sub(r"[^\w\s]", "", to_simplified(text).lower().replace("’", "'").replace("'", ""))
    return re.sub(r"(?<=[^\x00-\x7f])\s+|\s+(?=[^\x00-\x7f])", "", " ".join(words.split()))


def _sound(text: str) -> str:
    """The syllables without tones, each parted from the next, so that no phrase begins inside one."""
    chinese = re.sub(r"[^\u4e00-\u9fff]", "", to_simplified(text))
    return "".join(f" {syllable} " for syllable in lazy_pinyin(chinese, style=Style.NORMAL))
