"""Which part of a text that is still being said will stay: what two hearings in a row agree on."""

import re
from itertools import takewhile

_WORD = re.compile(r"[一-鿿]|[^\W一-鿿]+(?:['’][^\W一-鿿]+)*")
_CLAUSE_END = re.compile(r"[，。！？；,.!?;](?=\s|$|[一-鿿])")


def agreed(before: str, now: str) -> int:
    """How many characters of `now` say the same as `before` did; a character in Chinese, a word in English."""
    pairs = zip(_WORD.finditer(before), _WORD.finditer(now), strict=False)
    same = list(takewhile(lambda pair: pair[0].group().casefold() == pair[1].group().casefold(), pairs))
    return same[-1][1].end() if same else 0


def whole_clauses(text: str) -> str:
    """The text up to its last clause that is over: what follows a word may still deny it."""
    ends = [found.end() for found in _CLAUSE_END.finditer(text)]
    return text[: ends[-1]] if ends else ""
