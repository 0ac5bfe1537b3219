"""content/messages: what is written to patients and to duty telephones, and the words that none of it may hold."""

import re
from collections.abc import Mapping
from string import Formatter

from pydantic import Field, model_validator

from runtime.content.documents import Head, Wording

ALWAYS_GIVEN = ("hospital", "number")


class MessageValueError(ValueError):
    """A text lacks a value that it needs; the sentence says which."""


class MessageText(Head):
    """One text with its places for values: the hospital's name, its published number, and those it lists itself."""

    text: Wording
    values: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _only_known_places(self) -> "MessageText":
        known = {*ALWAYS_GIVEN, *self.values}
        for language, text in (("zh", self.text.zh), ("en", self.text.en)):
            unknown = {name for _, name, _, _ in Formatter().parse(text) if name is not None} - known
            if unknown:
                raise ValueError(
                    f"{language}: nobody fills in {', '.join(sorted(unknown))}; known are {', '.join(sorted(known))}"
                )
        return self

    def written(self, language: str, values: Mapping[str, str]) -> str:
        """The text with every value filled in; MessageValueError names what is missing."""
        text = self.text.in_language(language)
        missing = [name for _, name, _, _ in Formatter().parse(text) if name is not None and not values.get(name)]
        if missing:
            raise MessageValueError(f"the message {self.id} needs {', '.join(sorted(set(missing)))}")
        return text.format_map(values)


class HealthWordsDocument(Head):
    zh: tuple[str, ...] = Field(min_length=1)
    en: tuple[str, ...] = Field(min_length=1)

    def found_in(self, text: str) -> tuple[str, ...]:
        """The words of the list that a text holds, in either language."""
        lower = text.lower()
        chinese = [word for word in self.zh if word in text]
        return (*chinese, *(word for word in self.en if re.search(rf"\b{re.escape(word)}\b", lower)))
