"""content/search_words.yaml: words of the search's dictionary, and names that mean the same."""

from typing import Annotated

from pydantic import Field, StringConstraints

from runtime.content.documents import Head

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]


class SearchWordsDocument(Head):
    words: tuple[Name, ...]
    names: tuple[Annotated[tuple[Name, ...], Field(min_length=2)], ...]
