"""Words worth a line in a note: content/note_words, typed and checked."""

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from transcription.content_file import read_content


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"is no pattern: {error}") from None
    return value


class _Content(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Words(_Content):
    """Words by language."""

    zh: tuple[str, ...]
    en: tuple[str, ...]

    def of(self, language: str) -> tuple[str, ...]:
        """Those of one language."""
        return self.zh if language == "zh" else self.en


class Patterns(_Content):
    """Patterns by language."""

    zh: tuple[Annotated[str, AfterValidator(_pattern)], ...]
    en: tuple[Annotated[str, AfterValidator(_pattern)], ...]

    def of(self, language: str) -> tuple[str, ...]:
        """Those of one language."""
        return self.zh if language == "zh" else self.en


class Title(_Content):
    """One wording by language."""

    zh: str
    en: str

    def of(self, language: str) -> str:
        """That of one language."""
        return self.zh if language == "zh" else self.en


class Meaning(Words):
    """Words that mean the same, and what it is called in a note."""

    code: str
    title: Title
    alone: bool = False


class Questions(Words):
    """What a question worth a line holds, and what one must not hold."""

    excluded: Words = Field(alias="not")


class Limits(_Content):
    """How sure an engine has to be before something is proposed from what it heard."""

    turn: float = Field(ge=0, le=1)
    unclear_share: float = Field(gt=0, le=1)


class NoteWords(_Content):
    """Everything that is looked for in a call for its note."""

    version: int
    status: str
    source: str
    limits: Limits
    symptom: Words
    medicine: Words
    intake: tuple[Meaning, ...]
    condition: tuple[Meaning, ...]
    kin: Words
    himself: Words
    question: Questions
    advice: Words
    appointment: Words
    time: Patterns


def load_note_words(path: Path) -> NoteWords:
    """The words from their YAML file; ContentError says what is wrong in it."""
    return read_content(path, NoteWords)
