"""How the questions of forms are put and answered in calls: content/heard_answers.yaml, typed and checked."""

import re
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from transcription.content_file import read_content
from transcription.measurements import Quantity

_GAP = {"zh": r"[^。！？!?]{0,10}?", "en": r"[^.!?]{0,40}?"}


class _Content(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Phrases(_Content):
    """Phrases by language; `…` is a gap."""

    zh: tuple[str, ...] = ()
    en: tuple[str, ...] = ()

    @cached_property
    def _patterns(self) -> dict[str, re.Pattern[str] | None]:
        return {"zh": _pattern(self.zh, "zh"), "en": _pattern(self.en, "en")}

    def found_in(self, text: str, language: str) -> re.Match[str] | None:
        """The longest of the phrases in a lower-case text."""
        pattern = self._patterns[language]
        if pattern is None:
            return None
        return max(pattern.finditer(text), key=lambda match: len(match.group()), default=None)


def _pattern(phrases: tuple[str, ...], language: str) -> re.Pattern[str] | None:
    if not phrases:
        return None
    one_of = "|".join(
        _GAP[language].join(re.escape(part) for part in phrase.split("…"))
        for phrase in sorted(phrases, key=len, reverse=True)
    )
    return re.compile(one_of if language == "zh" else rf"\b(?:{one_of})\b")


class Question(_Content):
    """One question of a form (or of every form that has it), and how it is answered."""

    item: str = Field(pattern=r"^([a-z][a-z0-9_]*\.)?[a-z][a-z0-9_]*$")
    asked: Phrases = Phrases()
    quantity: Quantity | None = None
    count: Phrases | None = None
    zero: Phrases = Phrases()
    options: dict[str, Phrases] = Field(default_factory=dict)
    affirmed: Phrases = Phrases()
    denied: Phrases = Phrases()
    words: bool = False
    unless: Phrases = Phrases()  # own words with these in them answer something else


class QuestionPhrases(_Content):
    """The file's content."""

    id: Literal["heard_answers"]
    version: int = Field(ge=1)
    status: Literal["draft", "active"]
    source: str = Field(min_length=3)
    likeness: float = Field(gt=50, le=100)
    questions: tuple[Question, ...]

    @cached_property
    def _by_item(self) -> dict[str, Question]:
        return {question.item: question for question in self.questions}

    def of(self, form_id: str, link_id: str) -> Question:
        """What is known of an item's question; the form's own entry goes before that of all forms."""
        return self._by_item.get(f"{form_id}.{link_id}") or self._by_item.get(link_id) or Question(item=link_id)


def load_question_phrases(path: Path) -> QuestionPhrases:
    """The phrases from their YAML file; ContentError says what is wrong in it."""
    return read_content(path, QuestionPhrases)
