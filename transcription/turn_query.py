"""What somebody typed to find what was said → terms of the index: spellings, numbers, names, sounds."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, product, takewhile
from typing import Protocol

from followup.searches import Lexeme, Phrase, Term, TurnQuery
from transcription.chinese import to_simplified
from transcription.spoken_words import SpokenWord, SpokenWords, WordKind, han_runs, sound_of
from transcription.written import written

_PHRASES_OF_A_TERM = 24
_WORDS_WITH_A_CHARACTER = 100
_WORDS_OF_A_SOUND = 12
_LONGEST_SPELLING = 30
_LONGEST_SOUND = 24

_CHUNKS = re.compile(r'(?P<unwanted>-(?=\S))?(?:["“”](?P<quoted>[^"“”]+)["“”]|(?P<bare>[^\s"“”]+))')


class NothingToSearchError(ValueError):
    """What was typed holds no word."""


class Vocabulary(Protocol):
    """Words that were ever said."""

    def words_sounding(self, sounds: Collection[str]) -> Mapping[str, Sequence[str]]:
        """Those of each sound."""

    def words_with(self, character: str, limit: int) -> Sequence[str]:
        """Those that hold a character, the shortest first."""


class Names:
    """Groups of names that mean the same, as the search cuts them."""

    def __init__(self, groups: Iterable[Collection[str]], words: SpokenWords) -> None:
        self._same: dict[tuple[str, ...], tuple[Phrase, ...]] = {}
        for group in groups:
            phrases = dict.fromkeys(_phrase(words.cut(to_simplified(name))) for name in group)
            for phrase in phrases:
                key = tuple(word.text for word in phrase)
                self._same[key] = tuple(dict.fromkeys((*self._same.get(key, ()), *phrases)))
        self.longest = max((len(key) for key in self._same), default=0)

    def of(self, words: Sequence[SpokenWord]) -> Sequence[Phrase]:
        """Every name that means the same as these words, they themselves among them; none if they are no name."""
        return self._same.get(tuple(word.text for word in words), ())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chunk:
    """What was typed between two blanks, or in quotes; `ending` is its last word as it was typed."""

    words: tuple[SpokenWord, ...]
    ending: str
    unwanted: bool
    quoted: bool
    begins: bool

    @property
    def is_lone(self) -> bool:
        """True for one word that is not Chinese and nothing else: a name may go on in the next chunk."""
        plain = not (self.unwanted or self.quoted or self.begins)
        return plain and len(self.words) == 1 and self.words[0].kind is WordKind.LETTERS


def query_of(
    typed: str,
    words: SpokenWords,
    names: Names,
    vocabulary: Vocabulary,
    *,
    untouched: Collection[str] = (),
    by_sound: bool = False,
) -> TurnQuery:
    """Terms are set apart by blanks, "quoted words" stay together, -word must not be there, word* begins so.

    Numbers are found as they were said and as they are written down, but for names that look like numbers
    (`untouched`); pinyin finds what sounds so, and `by_sound` for each Chinese word also those that sound the same.
    NothingToSearchError if there is no word in it.
    """
    typed = to_simplified(typed)
    reader = _Reader(words, names, vocabulary, by_sound=by_sound)
    readings: list[tuple[Term, ...]] = []
    none_of: list[Term] = []
    for spelling in dict.fromkeys([typed, *(written(typed, language, untouched) for language in ("zh", "en"))]):
        chunks = list(reader.chunks(spelling))
        none_of += [reader.term(chunk) for chunk in chunks if chunk.unwanted]
        if wanted := tuple(reader.wanted([chunk for chunk in chunks if not chunk.unwanted])):
            readings.append(wanted)
    if not readings:
        raise NothingToSearchError("holds no word to look for: type what was said, a number, or pinyin")
    return TurnQuery(readings=tuple(dict.fromkeys(readings)), none_of=tuple(dict.fromkeys(none_of)))


class _Reader:
    """Reads one spelling of what was typed."""

    def __init__(self, words: SpokenWords, names: Names, vocabulary: Vocabulary, *, by_sound: bool) -> None:
        self._words = words
        self._names = names
        self._vocabulary = vocabulary
        self._by_sound = by_sound

    def chunks(self, typed: str) -> Iterator[_Chunk]:
        """What was typed, piece by piece."""
        for found in _CHUNKS.finditer(typed):
            quoted, bare = found.group("quoted"), found.group("bare")
            written_so = quoted or bare
            words = tuple(self._words.cut(written_so))
            if words:
                yield _Chunk(
                    words=words,
                    ending=written_so[words[-1].start : words[-1].end].lower(),
                    unwanted=found.group("unwanted") is not None,
                    quoted=quoted is not None,
                    begins=quoted is None and bare.endswith("*") and words[-1].kind is not WordKind.HAN,
                )

    def wanted(self, chunks: Sequence[_Chunk]) -> Iterator[Term]:
        """A term of each chunk; `chest` and `pain`, one behind the other, are one name."""
        index = 0
        while index < len(chunks):
            lone = list(islice(takewhile(lambda chunk: chunk.is_lone, chunks[index:]), self._names.longest))
            for length in range(len(lone), 1, -1):
                if phrases := self._names.of([chunk.words[0] for chunk in lone[:length]]):
                    yield Term(any_of=tuple(phrases))
                    index += length
                    break
            else:
                yield self.term(chunks[index])
                index += 1

    def term(self, chunk: _Chunk) -> Term:
        """A chunk and all that may stand for it."""
        phrase = _phrase(chunk.words)
        if chunk.quoted:
            return Term(any_of=(phrase,))
        if chunk.begins:
            beginnings = dict.fromkeys((chunk.ending, phrase[-1].text))
            return Term(any_of=tuple((*phrase[:-1], replace(phrase[-1], text=b, begins=True)) for b in beginnings))
        found = [phrase, *islice(self._named(chunk.words), _PHRASES_OF_A_TERM)]
        if len(chunk.words) == 1:
            found += self._kin(chunk)
        if self._by_sound:
            found += islice(self._sounding_alike(chunk.words), _PHRASES_OF_A_TERM)
        return Term(any_of=tuple(dict.fromkeys(found)))

    def _named(self, words: Sequence[SpokenWord]) -> Iterator[Phrase]:
        """The words with each name among them in all its variants."""
        parts: list[Sequence[Phrase]] = []
        index = 0
        while index < len(words):
            for length in range(min(self._names.longest, len(words) - index), 0, -1):
                if phrases := self._names.of(words[index : index + length]):
                    parts.append(phrases)
                    index += length
                    break
            else:
                parts.append([_phrase(words[index : index + 1])])
                index += 1
        return (_joined(choice) for choice in product(*parts))

    def _kin(self, chunk: _Chunk) -> Iterator[Phrase]:
        """Of a lone character the words that hold it, of letters what is read so."""
        word = chunk.words[0]
        if word.kind is WordKind.HAN and len(word.text) == 1:
            for other in self._vocabulary.words_with(word.text, _WORDS_WITH_A_CHARACTER):
                yield (Lexeme(text=other),)
        elif word.kind is WordKind.LETTERS and chunk.ending.isascii() and len(chunk.ending) <= _LONGEST_SPELLING:
            yield from self._read_so(chunk.ending)

    def _read_so(self, spelling: str) -> Iterator[Phrase]:
        """Phrases of the fewest words that are read as this pinyin."""
        parts = {
            spelling[start:end]
            for start in range(len(spelling))
            for end in range(start + 1, min(len(spelling), start + _LONGEST_SOUND) + 1)
        }
        known = self._vocabulary.words_sounding(parts)
        fewest: list[tuple[str, ...] | None] = [(), *(None for _ in spelling)]
        for end in range(1, len(spelling) + 1):
            for start in range(end):
                before = fewest[start]
                if before is None or spelling[start:end] not in known:
                    continue
                best = fewest[end]
                if best is None or len(before) + 1 < len(best):
                    fewest[end] = (*before, spelling[start:end])
        if sounds := fewest[-1]:
            choices = [[(Lexeme(text=word),) for word in known[sound][:_WORDS_OF_A_SOUND]] for sound in sounds]
            yield from islice((_joined(choice) for choice in product(*choices)), _PHRASES_OF_A_TERM)

    def _sounding_alike(self, words: Sequence[SpokenWord]) -> Iterator[Phrase]:
        """The words with each Chinese one among them as any that sounds the same."""
        sounds = {word.text: sound_of(word.text) for word in words if word.kind is WordKind.HAN}
        known = self._vocabulary.words_sounding(set(sounds.values())) if sounds else {}
        choices: list[list[Phrase]] = []
        for word in words:
            alike = known.get(sounds.get(word.text, ""), ())[:_WORDS_OF_A_SOUND]
            choices.append([(Lexeme(text=text),) for text in dict.fromkeys((word.text, *alike))])
        return (_joined(choice) for choice in product(*choices))


def _phrase(words: Sequence[SpokenWord]) -> Phrase:
    return tuple(Lexeme(text=word.text, place=word.place - words[0].place) for word in words)


def _joined(phrases: Iterable[Phrase]) -> Phrase:
    """Phrases end to end."""
    joined: list[Lexeme] = []
    place = 0
    for phrase in phrases:
        joined += [replace(word, place=place + word.place) for word in phrase]
        place += phrase[-1].place + _width(phrase[-1].text)
    return tuple(joined)


def _width(text: str) -> int:
    return len(text) if han_runs(text) else 1
