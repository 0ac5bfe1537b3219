"""content/keywords: words that supervisors want to hear of."""

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from followup.keywords import Keyword, KeywordSet, KeywordSide
from runtime.content.documents import Head, Strict, Wording

KeywordPhrase = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=300)]
KeywordCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,39}$")]


class KeywordDocument(Strict):
    """One keyword, with phrases in one language at least."""

    code: KeywordCode
    title: Wording
    zh: tuple[KeywordPhrase, ...] = Field(default=(), max_length=100)
    zh_exact: tuple[KeywordPhrase, ...] = Field(default=(), max_length=100)
    en: tuple[KeywordPhrase, ...] = Field(default=(), max_length=100)

    @model_validator(mode="after")
    def _said_somehow(self) -> Self:
        if not (self.zh or self.zh_exact or self.en):
            raise ValueError(f"keyword {self.code} has no phrase; give one in zh, zh_exact or en")
        return self

    def value(self) -> Keyword:
        """As the domain has it."""
        title = {"zh": self.title.zh, "en": self.title.en}
        return Keyword(code=self.code, title=title, zh=self.zh, zh_exact=self.zh_exact, en=self.en)


def codes_once(keywords: tuple[KeywordDocument, ...]) -> tuple[KeywordDocument, ...]:
    """The keywords, if no code stands there twice."""
    codes = [keyword.code for keyword in keywords]
    twice = sorted({code for code in codes if codes.count(code) > 1})
    if twice:
        raise ValueError(f"the code {', '.join(twice)} is there twice; a hit could not say which was meant")
    return keywords


class KeywordSetDocument(Head):
    title: Wording
    side: KeywordSide
    keywords: tuple[KeywordDocument, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        codes_once(self.keywords)
        return self

    def value(self) -> KeywordSet:
        """As the domain has it."""
        return KeywordSet(
            id=self.id,
            version=self.version,
            status=self.status,
            source=self.source,
            title={"zh": self.title.zh, "en": self.title.en},
            side=self.side,
            keywords=tuple(keyword.value() for keyword in self.keywords),
        )
