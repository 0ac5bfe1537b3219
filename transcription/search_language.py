"""The words of the search in this installation: how texts are cut, and which names mean the same."""

from collections.abc import Collection
from functools import cached_property
from pathlib import Path

from followup.searches import TurnQuery
from runtime.content.library import Content
from transcription.spoken_words import SpokenWords
from transcription.turn_query import Names, Vocabulary, query_of

FOLDER = "dictionary"
"""Where below the state folder the dictionary's quick copy lies."""


class SearchLanguage:
    """Nothing is read before it is needed; `load` reads all of it now."""

    def __init__(self, content: Content, folder: Path) -> None:
        self._content = content
        self._folder = folder

    @cached_property
    def words(self) -> SpokenWords:
        """How texts are cut, for the index and for what is looked for."""
        own = [*self._content.search_words.words, *(name for group in self._groups for name in group)]
        return SpokenWords(own, self._folder)

    @cached_property
    def names(self) -> Names:
        """Names that mean the same: of symptoms and illnesses, of medicines."""
        return Names(self._groups, self.words)

    def load(self) -> None:
        """Read dictionary and names now: a second or two, and not with the first search."""
        self.words.load()
        _ = self.names

    def query(self, typed: str, vocabulary: Vocabulary, *, by_sound: bool = False) -> TurnQuery:
        """What is looked for; NothingToSearchError if there is no word in it."""
        untouched = self._content.medicine_names.with_numerals()
        return query_of(typed, self.words, self.names, vocabulary, untouched=untouched, by_sound=by_sound)

    @property
    def _groups(self) -> list[Collection[str]]:
        medicines = self._content.medicine_names.medicines
        return [*self._content.search_words.names, *((*each.zh, *each.en) for each in medicines)]
