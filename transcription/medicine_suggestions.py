"""Which medicine may have been meant where a text holds none by its letters: proposed to a reader, never put in."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz import fuzz, process

from runtime.content.medicine_names import MedicineNamesDocument
from transcription.syllables import syllables

_HAN = "一-鿿"
_SHORTEST = 3  # characters: two syllables sound like too much that people say
_SHORTEST_WORD = 6  # letters
_ALIKE = 86.0  # of 100


@dataclass(frozen=True, slots=True, kw_only=True)
class MedicineSuggestion:
    """What was heard and where, and the name it sounds like."""

    start: int
    end: int
    heard: str
    name: str


def suggestions_in(text: str, language: str, medicines: MedicineNamesDocument) -> list[MedicineSuggestion]:
    """Places that sound like a medicine's name and are written otherwise, in their order."""
    found = _chinese(text, medicines) if language == "zh" else _english(text, medicines)
    apart: list[MedicineSuggestion] = []
    for each in sorted(found, key=lambda one: (one.start, -one.end)):
        if not apart or each.start >= apart[-1].end:
            apart.append(each)
    return apart


def _chinese(text: str, medicines: MedicineNamesDocument) -> Iterator[MedicineSuggestion]:
    by_sound = _sounds(medicines)
    lengths = sorted({len(sound) for sound in by_sound}, reverse=True)
    written = [hit.span() for name in medicines.listed("zh") for hit in re.finditer(re.escape(name), text)]
    for run in re.finditer(f"[{_HAN}]{{{_SHORTEST},}}", text):
        heard = syllables(run.group())
        for length in lengths:
            for at in range(len(heard) - length + 1):
                start = run.start() + at
                name = by_sound.get(heard[at : at + length])
                if name and not any(start < until and begin < start + length for begin, until in written):
                    yield MedicineSuggestion(
                        start=start, end=start + length, heard=text[start : start + length], name=name
                    )


@lru_cache(maxsize=2)
def _sounds(medicines: MedicineNamesDocument) -> dict[tuple[str, ...], str]:
    names = [name for name in medicines.listed("zh") if re.fullmatch(f"[{_HAN}]{{{_SHORTEST},}}", name)]
    return {syllables(name): name for name in reversed(names)}


def _english(text: str, medicines: MedicineNamesDocument) -> Iterator[MedicineSuggestion]:
    names = _single_words(medicines)
    for word in re.finditer(rf"[^\W\d_]{{{_SHORTEST_WORD},}}", text):
        heard = word.group().lower()
        if heard in names or heard.removesuffix("s") in names:
            continue
        nearest = process.extractOne(heard, list(names), scorer=fuzz.ratio, score_cutoff=_ALIKE)
        if nearest is not None:
            yield MedicineSuggestion(start=word.start(), end=word.end(), heard=word.group(), name=names[nearest[0]])


@lru_cache(maxsize=2)
def _single_words(medicines: MedicineNamesDocument) -> dict[str, str]:
    """Names of one word, by their lower case."""
    return {
        name.lower(): name
        for name in medicines.listed("en")
        if len(name) >= _SHORTEST_WORD and re.fullmatch(r"[^\W\d_]+", name)
    }
