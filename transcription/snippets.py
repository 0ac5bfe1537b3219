"""The part of a turn in which something was found, and where in it."""

from collections.abc import Collection
from dataclasses import dataclass

from followup.searches import TurnQuery
from transcription.spoken_words import SpokenWords

LONGEST_SNIPPET = 120
_BEFORE = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Snippet:
    """A stretch of a turn; `marks` are where in it words stand that were looked for."""

    text: str
    marks: tuple[tuple[int, int], ...]
    cut_before: bool
    cut_behind: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """Finds the words of a query in a text."""

    words: SpokenWords
    whole: frozenset[str]
    beginnings: tuple[str, ...]

    @classmethod
    def of(cls, query: TurnQuery, words: SpokenWords) -> "Marker":
        """A marker of what a query wants."""
        wanted = {
            lexeme for reading in query.readings for term in reading for phrase in term.any_of for lexeme in phrase
        }
        return cls(
            words=words,
            whole=frozenset(lexeme.text for lexeme in wanted if not lexeme.begins),
            beginnings=tuple(sorted({lexeme.text for lexeme in wanted if lexeme.begins})),
        )

    def snippet(self, text: str, written: str) -> Snippet:
        """What was said around the first find; as it would be written down where only that shows it."""
        for stream in (text, written):
            if marks := self._marks(stream):
                return _cut(stream, marks)
        return _cut(text, [])

    def _marks(self, text: str) -> list[tuple[int, int]]:
        cut = self.words.with_parts(self.words.cut(text))
        spans = sorted({(word.start, word.end) for word in cut if self._is_wanted(word.text)})
        joined: list[tuple[int, int]] = []
        for start, end in spans:
            if joined and start <= joined[-1][1]:
                joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
            else:
                joined.append((start, end))
        return joined

    def _is_wanted(self, word: str) -> bool:
        return word in self.whole or word.startswith(self.beginnings)


def _cut(text: str, marks: Collection[tuple[int, int]]) -> Snippet:
    if len(text) <= LONGEST_SNIPPET:
        begin, end = 0, len(text)
    else:
        first = min((start for start, _ in marks), default=0)
        begin = max(0, min(first - _BEFORE, len(text) - LONGEST_SNIPPET))
        end = begin + LONGEST_SNIPPET
    return Snippet(
        text=text[begin:end],
        marks=tuple((start - begin, min(stop, end) - begin) for start, stop in marks if begin <= start < end),
        cut_before=begin > 0,
        cut_behind=end < len(text),
    )
