"""What was said as words with their places: the same cut for what is stored and for what is looked for."""

import hashlib
import logging
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache
from pathlib import Path
from threading import Lock

import jieba
import snowballstemmer

_HAN = "〇㐀-䶿一-鿿豈-﫿\U00020000-\U0003ffff"
_TOKENS = re.compile(
    rf"(?P<han>[{_HAN}]+)|(?P<number>\d+(?:\.\d+)?)|(?P<letters>(?:(?![{_HAN}])[^\W\d_])+(?:['’][^\W\d_]+)?)"
)
_NUMERALS = frozenset("零〇一二两三四五六七八九十百千万亿幺")
_LONGEST_PART = 8
_BETWEEN_STREAMS = 50
_OWN_WORD = 2_000_000
"""How often a word of our own counts as seen: no cut of the dictionary's own goes through it."""

_CUT = "1"
"""Raise it when words are cut another way: the index is made anew then."""


class WordKind(StrEnum):
    """What a word is written with."""

    HAN = "han"
    NUMBER = "number"
    LETTERS = "letters"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenWord:
    """A word as it is looked up; `start` and `end` are where it stands in the text, `place` counts what is said."""

    text: str
    kind: WordKind
    place: int
    start: int
    end: int

    @property
    def width(self) -> int:
        """How many places it takes: each Chinese character one, any other word one."""
        return self.end - self.start if self.kind is WordKind.HAN else 1


class SpokenWords:
    """Cuts texts into words by a dictionary and words of our own; Chinese is taken to be simplified already.

    Blanks and punctuation take no place, so that 血压 140 and 血压140 are the same phrase.
    """

    def __init__(self, own_words: Collection[str], folder: Path) -> None:
        self._dictionary = jieba.Tokenizer()
        # Its quick copy of the dictionary is a program's memory: it belongs where only we can write.
        self._dictionary.tmp_dir = str(folder)
        self._own_words = sorted({word for each in own_words for word in han_runs(each)})
        self.version = hashlib.sha256("\n".join([_CUT, jieba.__version__, *self._own_words]).encode()).hexdigest()[:16]
        self._loaded = False
        self._loading = Lock()

    def load(self) -> None:
        """Read the dictionary now (1 to 2 seconds) and not with the first text."""
        if self._loaded:
            return
        with self._loading:
            jieba.setLogLevel(logging.WARNING)
            Path(self._dictionary.tmp_dir).mkdir(mode=0o700, parents=True, exist_ok=True)
            self._dictionary.initialize()
            for word in self._own_words:
                if len(word) > 1:
                    self._dictionary.add_word(word, _OWN_WORD)
            self._loaded = True

    def cut(self, text: str) -> list[SpokenWord]:
        """The words of a text, end to end."""
        self.load()
        words: list[SpokenWord] = []
        place = 1
        for found in _TOKENS.finditer(_folded(text)):
            kind = WordKind(found.lastgroup or "")
            if kind is WordKind.HAN:
                words += self._cut_chinese(found.group(), place, found.start())
                place += len(found.group())
                continue
            word = _stem(found.group()) if kind is WordKind.LETTERS else found.group()
            words.append(SpokenWord(text=word, kind=kind, place=place, start=found.start(), end=found.end()))
            place += 1
        return words

    def with_parts(self, words: Iterable[SpokenWord]) -> Iterator[SpokenWord]:
        """The words and the shorter words inside them: 肺栓塞 is found by 栓塞, but 一百四十 never by 四十."""
        for word in words:
            yield word
            if word.kind is not WordKind.HAN or len(word.text) < 3 or _is_numeral(word.text):
                continue
            for length in range(2, min(len(word.text) - 1, _LONGEST_PART) + 1):
                for start in range(len(word.text) - length + 1):
                    part = word.text[start : start + length]
                    if self._dictionary.FREQ.get(part) and not _is_numeral(part):
                        yield SpokenWord(
                            text=part,
                            kind=word.kind,
                            place=word.place + start,
                            start=word.start + start,
                            end=word.start + start + length,
                        )

    def places(self, text: str, written: str = "") -> dict[str, tuple[int, ...]]:
        """Where each word stands, in a text as it was said and, apart from it, as it would be written down."""
        places: dict[str, list[int]] = {}
        offset = 0
        for stream in (text, written):
            cut = self.cut(stream) if stream else []
            for word in self.with_parts(cut):
                places.setdefault(word.text, []).append(word.place + offset)
            offset += (cut[-1].place + cut[-1].width if cut else 0) + _BETWEEN_STREAMS
        return {word: tuple(sorted(set(at))) for word, at in places.items()}

    def _cut_chinese(self, run: str, place: int, start: int) -> Iterator[SpokenWord]:
        offset = 0
        for text in _whole_numbers(self._dictionary.cut(run, HMM=False)):
            at = start + offset
            yield SpokenWord(text=text, kind=WordKind.HAN, place=place + offset, start=at, end=at + len(text))
            offset += len(text)


def han_runs(text: str) -> list[str]:
    """The stretches of Chinese in a text."""
    return [found.group() for found in _TOKENS.finditer(_folded(text)) if found.lastgroup == WordKind.HAN]


def sound_of(word: str) -> str:
    """How a Chinese word is read: pinyin without tones and blanks, ü as v."""
    # Loaded with the first word: its tables are 50 MB.
    from pypinyin import Style, lazy_pinyin

    return "".join(lazy_pinyin(word, style=Style.NORMAL, v_to_u=False)).replace("ü", "v")


def sounds_of(words: Iterable[str]) -> Mapping[str, str]:
    """How those of the words that are Chinese are read."""
    return {word: sound_of(word) for word in words if han_runs(word) == [word] and len(word) <= _LONGEST_PART}


def _whole_numbers(words: Iterable[str]) -> Iterator[str]:
    """Numerals that follow each other are one number."""
    number = ""
    for word in words:
        if _is_numeral(word):
            number += word
            continue
        if number:
            yield number
            number = ""
        yield word
    if number:
        yield number


def _is_numeral(word: str) -> bool:
    return all(character in _NUMERALS for character in word)


def _folded(text: str) -> str:
    """Width and case folded, character by character, so that places stay what they are."""
    if text.isascii():
        return text.lower()
    return "".join(_folded_character(character) for character in text)


@lru_cache(maxsize=8192)
def _folded_character(character: str) -> str:
    folded = unicodedata.normalize("NFKC", character).lower()
    return folded if len(folded) == 1 else character


@cache
def _english() -> snowballstemmer.stemmer:
    return snowballstemmer.stemmer("english")


@lru_cache(maxsize=50_000)
def _stem(word: str) -> str:
    """An English word without its ending: medicines as medicine."""
    stem: str = _english().stemWord(word.replace("’", "'"))
    return stem.replace("'", "")
