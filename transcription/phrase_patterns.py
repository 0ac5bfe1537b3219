"""Phrases as the content files write them, found in a text by its characters and, in Chinese, by its sound.

`(a|b)` is one of several, `~` a few words between, `<name>` one of a list of words, a trailing `*` any English ending.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from threading import Lock

from pypinyin import Style, lazy_pinyin

Words = Mapping[str, Sequence[str]]


class PatternError(ValueError):
    """A phrase that cannot be read, and why."""


@dataclass(frozen=True, slots=True)
class Found:
    """Where a phrase stands in the text."""

    start: int
    end: int


MOST_GAPS = 6
_NAME = re.compile("<([a-z_]+)>")


def spelled_out(pattern: str, words: Words) -> str:
    """The phrase with its lists of words put in their places; PatternError where it cannot be read."""

    def listed(match: re.Match[str]) -> str:
        if not words.get(match[1]):
            raise PatternError(f"{pattern!r}: there is no list of words called {match[1]}")
        return f"({'|'.join(words[match[1]])})"

    spelled = _NAME.sub(listed, pattern)
    branch = _read_phrase(spelled)
    if not branch or branch[0] is _GAP or branch[-1] is _GAP:
        raise PatternError(f"{pattern!r}: a phrase begins and ends with words")
    if spelled.count("~") > MOST_GAPS:
        raise PatternError(f"{pattern!r}: more than {MOST_GAPS} gaps take too long to look for; part it in several")
    return spelled


@dataclass(frozen=True, slots=True)
class _Some:
    """One of several."""

    branches: tuple["_Branch", ...]


class _Gap:
    """A few words."""


_GAP = _Gap()
_Branch = tuple["str | _Some | _Gap", ...]


def _read_phrase(pattern: str) -> _Branch:
    branches, position = _read_branches(pattern, 0)
    if position < len(pattern):
        raise PatternError(f"{pattern!r}: the bracket at character {position + 1} was never opened")
    return branches[0] if len(branches) == 1 else (_Some(tuple(branches)),)


def _read_branches(pattern: str, position: int) -> tuple[list[_Branch], int]:
    """What stands up to the closing bracket or the end, parted by bars, and where that is."""
    branches: list[list[str | _Some | _Gap]] = [[]]
    while position < len(pattern) and pattern[position] != ")":
        char = pattern[position]
        position += 1
        if char == "(":
            inner, position = _read_branches(pattern, position)
            if position == len(pattern):
                raise PatternError(f"{pattern!r}: a bracket is not closed")
            branches[-1].append(_Some(tuple(inner)))
            position += 1
        elif char == "|":
            branches.append([])
        elif char == "~":
            branches[-1].append(_GAP)
        elif branches[-1] and isinstance(branches[-1][-1], str):
            branches[-1][-1] += char
        else:
            branches[-1].append(char)
    return [tuple(branch) for branch in branches], position


def _shortest(branch: _Branch) -> str:
    return "".join(
        part
        if isinstance(part, str)
        else min(map(_shortest, part.branches), key=len)
        if isinstance(part, _Some)
        else " "
        for part in branch
    )


def plain_text(text: str) -> str:
    """Small letters, plain apostrophes, as many characters as before."""
    return "".join(small if len(small := char.lower()) == 1 else char for char in text).replace("’", "'")


def example_of(pattern: str) -> str:
    """The shortest wording that a phrase fits."""
    return " ".join(_shortest(_read_phrase(pattern)).replace("*", "").split())


class EnglishPhrases:
    """Some phrases of one meaning."""

    def __init__(self, patterns: Iterable[str]) -> None:
        wordings = [_english(_read_phrase(pattern)) for pattern in patterns]
        self._wording = re.compile("|".join(f"(?:{wording})" for wording in wordings)) if wordings else None

    def find(self, text: "EnglishText") -> Iterator[Found]:
        """Every place of the text where one of them stands."""
        if self._wording is not None:
            for match in self._wording.finditer(text.text):
                words = match.group().lstrip(" ,-\n\t")
                yield Found(match.end() - len(words), match.end())


@dataclass(frozen=True, slots=True)
class EnglishText:
    """A text to be searched, in small letters and with plain apostrophes."""

    text: str


_NOT_BETWEEN = r"(?!(?:\w+n't|no|not|never|none|stop\w*|fine|clear|gone|but|without|better)\b)"
_ENGLISH_GAP = rf"(?:[ ,]+{_NOT_BETWEEN}[\w']+){{0,5}}?"
_ENGLISH_SPACE = r"[\s,\-]*"


def _english(branch: _Branch) -> str:
    made: list[str] = []
    for part in branch:
        if isinstance(part, str):
            made += [_ENGLISH_SPACE + _english_word(word) for word in part.split()]
        elif isinstance(part, _Some):
            some = sorted(map(_english, part.branches), key=len, reverse=True)
            made.append(f"(?:{'|'.join(some)})")
        else:
            made.append(_ENGLISH_GAP)
    return "".join(made)


def _english_word(word: str) -> str:
    return rf"\b{re.escape(word[:-1])}\w*" if word.endswith("*") else rf"\b{re.escape(word)}\b"


_BY_TONE_UP_TO = 2
"""Phrases of one or two syllables have to agree in tone as well: too many ordinary words sound the same without it."""

_TONED, _FOLDED = 0xF0000, 0xF8000  # private planes: no character of a text stands there
_CHINESE_GAP = "(?:不..舒..服..|[^不没无，,。！？!?；;、 ]..){0,7}?"
_RUNS = re.compile("[一-鿿]+|.", re.DOTALL)


class _Sound(Enum):
    """How far a wording is found by its sound."""

    NONE = "none"
    TONED = "toned"
    FOLDED = "folded"


class ChineseText:
    """A text to be searched: behind each character its syllable with tone and the same as southern speakers say it."""

    def __init__(self, text: str) -> None:
        self.text = text
        toned = _syllables(text)
        self.woven = "".join(
            char + (_sign(_TONED, syllable) + _sign(_FOLDED, _folded(syllable)) if _is_chinese(char) else "  ")
            for char, syllable in zip(text, toned, strict=True)
        )


class ChinesePhrases:
    """Some phrases of one meaning: `by_sound` ones are found where only a homophone was written down."""

    def __init__(self, by_sound: Iterable[str], exact: Iterable[str]) -> None:
        wordings = [_chinese_by_sound(_read_phrase(pattern)) for pattern in by_sound]
        wordings += [_chinese(_read_phrase(pattern), _Sound.NONE) for pattern in exact]
        self._wording = re.compile("|".join(f"(?:{wording})" for wording in wordings), re.DOTALL) if wordings else None

    def find(self, text: ChineseText) -> Iterator[Found]:
        """Every place of the text where one of them stands."""
        if self._wording is not None:
            for match in self._wording.finditer(text.woven):
                yield Found(match.start() // 3, match.end() // 3)


def _chinese_by_sound(branch: _Branch) -> str:
    """The more syllables a wording has, the less has to agree: what is short is found by its tones too."""
    runs: list[list[str | _Some]] = [[]]
    for part in branch:
        if isinstance(part, _Gap):
            runs.append([])
        else:
            runs[-1].append(part)
    lengths = [sum(map(_syllables_of, run)) for run in runs]
    made = []
    for run, length in zip(runs, lengths, strict=True):
        parts = [_by_sound(part, in_run=length - _syllables_of(part), besides=sum(lengths) - length) for part in run]
        made.append("".join(parts))
    return _CHINESE_GAP.join(made)


def _by_sound(part: "str | _Some", *, in_run: int, besides: int) -> str:
    """A part of a run that has `in_run` more syllables at least, `besides` so many in other runs."""
    if isinstance(part, str):
        run = in_run + len(part)
        folded = run > _BY_TONE_UP_TO or (run == _BY_TONE_UP_TO and besides > 0) or besides > _BY_TONE_UP_TO
        return _chinese((part,), _Sound.FOLDED if folded else _Sound.TONED)
    some = []
    for one in part.branches:
        if any(isinstance(each, _Gap) for each in one):
            some.append(_chinese_by_sound(one))
            continue
        length = sum(map(_syllables_of, one))
        some.append(
            "".join(
                _by_sound(each, in_run=in_run + length - _syllables_of(each), besides=besides)
                for each in one
                if not isinstance(each, _Gap)
            )
        )
    return f"(?:{'|'.join(sorted(some, key=len, reverse=True))})"


def _syllables_of(part: "str | _Some | _Gap") -> int:
    return len(_shortest((part,)).replace(" ", ""))


def _chinese(branch: _Branch, sound: _Sound) -> str:
    made: list[str] = []
    for part in branch:
        if isinstance(part, str):
            exact = "".join(f"{re.escape(char)}.." for char in part)
            made.append(
                exact if sound is _Sound.NONE else f"(?:{exact}|{_sound_of(part, toned=sound is _Sound.TONED)})"
            )
        elif isinstance(part, _Some):
            some = sorted((_chinese(one, sound) for one in part.branches), key=len, reverse=True)
            made.append(f"(?:{'|'.join(some)})")
        else:
            made.append(_CHINESE_GAP)
    return "".join(made)


def _sound_of(phrase: str, *, toned: bool) -> str:
    return "".join(
        f"{re.escape(char)}.."
        if not _is_chinese(char)
        else f".{_sign(_TONED, syllable)}."
        if toned
        else f"..{_sign(_FOLDED, _folded(syllable))}"
        for char, syllable in zip(phrase, _syllables(phrase), strict=True)
    )


_SIGNS: dict[str, int] = {}
_NEW_SIGN = Lock()


def _sign(plane: int, syllable: str) -> str:
    """One character that stands for a syllable, the same for as long as the process lives."""
    if syllable not in _SIGNS:
        with _NEW_SIGN:
            _SIGNS.setdefault(syllable, len(_SIGNS))
    return chr(plane + _SIGNS[syllable])


def _is_chinese(char: str) -> bool:
    return "一" <= char <= "鿿"


def _syllables(text: str) -> list[str]:
    """One syllable with its tone's number for each character; what is no Chinese character stands for itself."""
    return [syllable for run in _RUNS.findall(text) for syllable in (_read(run) if _is_chinese(run[0]) else (run,))]


@cache
def _read_short(run: str) -> tuple[str, ...]:
    return tuple(lazy_pinyin(run, style=Style.TONE3, neutral_tone_with_five=True))


def _read(run: str) -> tuple[str, ...]:
    return (
        _read_short(run)
        if len(run) <= _BY_TONE_UP_TO
        else tuple(lazy_pinyin(run, style=Style.TONE3, neutral_tone_with_five=True))
    )


def _folded(syllable: str) -> str:
    """A syllable without its tone and without what southern speakers do not tell apart: zh/z, ch/c, sh/s, -ng/-n."""
    return re.sub(r"^([zcs])h", r"\1", syllable.rstrip("12345")).replace("ng", "n")
