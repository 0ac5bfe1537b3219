"""How the rules that write spoken numbers down are applied: one after the other, until nothing changes any more."""

import re
from collections.abc import Callable, Sequence

Rule = tuple[re.Pattern[str], Callable[[re.Match[str]], str] | None]
"""What is looked for and how it is written; None for what only looks like a number, which is put aside."""

_ASIDE = re.compile("[\ue000-\uf8ff]")
"""Characters of nobody's alphabet stand for what is put aside."""
_LONGEST = 6000


def written_by(rules: Sequence[Rule], text: str) -> str:
    """The text as the rules write it; writing that again changes nothing."""
    if len(text) > _LONGEST or _ASIDE.search(text):
        return text  # longer than any turn, or no speech
    while (written := _written_once(rules, text)) != text:  # it ends: words become figures, and none comes back
        text = written
    return text


def _written_once(rules: Sequence[Rule], text: str) -> str:
    aside: list[str] = []

    def put_aside(found: re.Match[str]) -> str:
        aside.append(found.group())
        return chr(0xE000 + len(aside) - 1)

    for pattern, written in rules:
        text = pattern.sub(written or put_aside, text)
    return _ASIDE.sub(lambda found: aside[ord(found.group()) - 0xE000], text)
