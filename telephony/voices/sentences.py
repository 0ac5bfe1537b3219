"""Sentences about a value (a date, an hour, a number): put together from recorded pieces, or said by a live voice.

`content/prompts/sentences.yaml` says of which pieces a sentence is made, `pieces.yaml` what each piece says.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from telephony.voices.prompts import PromptError, PromptShelf, PromptStatus
from telephony.voices.spoken_values import TEXT, UnspeakableError, pieces_of

Document = TypeVar("Document", bound=BaseModel)
SENTENCES, PIECES = "sentences.yaml", "pieces.yaml"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PieceSet(_Part):
    """The pieces of one language."""

    language: str
    version: int = Field(ge=1)
    status: PromptStatus
    voice: str
    speed: float = Field(default=1.0, ge=0.5, le=2.0)
    understood: bool  # False: values made of them are heard wrong too often, so only a live voice says them
    texts: dict[str, str]


class Sentence(_Part):
    """One sentence in both languages: keys of prompts and pieces, and `{variable:form}` for a value."""

    key: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    version: int = Field(ge=1)
    status: PromptStatus
    zh: tuple[str, ...] = Field(min_length=1)
    en: tuple[str, ...] = Field(min_length=1)
    otherwise: str  # the prompt that is said where a value is missing or cannot be said

    def parts(self, language: str) -> tuple[str, ...]:
        """What it is made of."""
        return self.zh if language == "zh" else self.en

    def variables(self) -> set[str]:
        """Names of the values that it says."""
        return {slot[0] for part in (*self.zh, *self.en) if (slot := slot_of(part)) is not None}


class _SentenceList(_Part):
    version: int
    source: str
    license: str
    sentences: tuple[Sentence, ...]


class _PieceList(_Part):
    source: str
    license: str
    pieces: tuple[PieceSet, ...]


def slot_of(part: str) -> tuple[str, str] | None:
    """Variable and form of a part like `{appointment_at:date}`; None of one that is recorded."""
    if not (part.startswith("{") and part.endswith("}")):
        return None
    variable, _, form = part[1:-1].partition(":")
    return variable, form


@dataclass(frozen=True, slots=True, kw_only=True)
class SentenceShelf:
    """All sentences of a content folder, with the pieces and prompts that they are made of."""

    prompts: PromptShelf
    sentences: Mapping[str, Sentence] = field(default_factory=dict)
    piece_sets: tuple[PieceSet, ...] = ()

    def piece_file(self, key: str, language: str) -> Path:
        """The WAV of a piece, or of a prompt used as one; KeyError where there is none."""
        if any(key in pieces.texts for pieces in self.piece_sets if pieces.language == language):
            path = self.prompts.folder / language / "pieces" / f"{key}.wav"
            if not path.is_file():
                raise KeyError(f"piece {key!r} in {language!r} has no file {path}; render it")
            return path
        return self.prompts.prompt(key, language)

    def piece_text(self, key: str, language: str) -> str:
        """What a piece or prompt says."""
        for pieces in self.piece_sets:
            if pieces.language == language and key in pieces.texts:
                return pieces.texts[key]
        return self.prompts.text(key, language)

    def knows(self, key: str) -> bool:
        """Whether this is a sentence, and not a prompt."""
        return key in self.sentences

    def may_be_joined(self, key: str, language: str) -> bool:
        """Whether a sentence may be put together from pieces: one that says a value only where they are understood."""
        says_a_value = any(slot_of(part) is not None for part in self.sentences[key].parts(language))
        return not says_a_value or all(pieces.understood for pieces in self.piece_sets if pieces.language == language)

    def trusting_its_pieces(self) -> "SentenceShelf":
        """The same, with every piece taken to be understood: for those who listen whether it is."""
        sets = tuple(pieces.model_copy(update={"understood": True}) for pieces in self.piece_sets)
        return replace(self, piece_sets=sets)

    def made_of(self, key: str, language: str, values: Mapping[str, str]) -> tuple[str, ...]:
        """The keys of what a sentence is put together from; UnspeakableError where a value is missing or has none."""
        found: list[str] = []
        for part in self.sentences[key].parts(language):
            slot = slot_of(part)
            if slot is None:
                found.append(part)
                continue
            variable, form = slot
            if variable not in values:
                raise UnspeakableError(f"sentence {key}: nothing is known of {variable}")
            found += pieces_of(values[variable], form, language)
        return tuple(found)

    def text(self, key: str, language: str, values: Mapping[str, str]) -> str:
        """A prompt or sentence in words, as it is said without a live voice; what is said otherwise where it is not."""
        if not self.knows(key):
            return self.prompts.text(key, language)
        if not self.may_be_joined(key, language):
            return self.prompts.text(self.sentences[key].otherwise, language)
        try:
            return self.words(key, language, values)
        except (UnspeakableError, KeyError):
            return self.prompts.text(self.sentences[key].otherwise, language)

    def words(self, key: str, language: str, values: Mapping[str, str]) -> str:
        """A sentence in words; UnspeakableError or KeyError where a value or a piece is missing."""
        found: list[str] = []
        for part in self.sentences[key].parts(language):
            slot = slot_of(part)
            if slot is None:
                found.append(self.piece_text(part, language))
            elif slot[0] not in values:
                raise UnspeakableError(f"sentence {key}: nothing is known of {slot[0]}")
            elif slot[1] == TEXT:
                found.append(values[slot[0]])
            else:
                found += [self.piece_text(piece, language) for piece in pieces_of(values[slot[0]], slot[1], language)]
        return ("" if language == "zh" else " ").join(found)


def load_sentences(prompts: PromptShelf) -> SentenceShelf:
    """The sentences and pieces beside these prompts; none where the folder has no such lists."""
    pieces = _read(prompts.folder / PIECES, _PieceList)
    listed = _read(prompts.folder / SENTENCES, _SentenceList)
    sentences = {sentence.key: sentence for sentence in listed.sentences} if listed else {}
    doubled = sorted(set(sentences) & {prompt.key for prompt in prompts.prompts})
    if listed and (len(sentences) != len(listed.sentences) or doubled):
        raise PromptError(f"{prompts.folder / SENTENCES}: a key is used twice, or is a prompt's ({', '.join(doubled)})")
    return SentenceShelf(prompts=prompts, sentences=sentences, piece_sets=pieces.pieces if pieces else ())


def _read(path: Path, kind: type[Document]) -> Document | None:
    if not path.is_file():
        return None
    try:
        return kind.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise PromptError(f"{path} cannot be used: {error}; mend that entry") from error
