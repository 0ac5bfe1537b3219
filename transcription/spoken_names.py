"""Names of people in what is said: those known to belong to the call, and what stands where names are told."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz import fuzz

from runtime.content.redaction import ChineseSigns, EnglishSigns, RedactionSigns
from transcription.syllables import syllables

Span = tuple[int, int]

_HAN = "一-鿿"
_ALIKE = 88.0  # of 100: how near a heard English word must be to a known name
_SHORTEST_BY_SOUND = 4  # letters: shorter English names are in too many words


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Who belongs to a call: found however they are spelled. `words` are what a person wants hidden besides."""

    names: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


NOBODY = Known()


def names_in(text: str, language: str, signs: RedactionSigns, known: Known) -> Iterator[Span]:
    """Where names stand, the known ones first; one place may come twice."""
    yield from _literally(text, known.words)
    for name in known.names:
        if re.search(f"[{_HAN}]", name):
            yield from _known_chinese(text, re.sub(rf"[^{_HAN}]", "", name))
        else:
            yield from _known_english(text, name)
    if language == "zh":
        yield from _told_chinese(text, signs.zh)
    else:
        yield from _told_english(text, signs.en)


def _literally(text: str, words: tuple[str, ...]) -> Iterator[Span]:
    for word in words:
        for hit in re.finditer(re.escape(word), text, re.IGNORECASE):
            yield hit.span()


def _known_chinese(text: str, name: str) -> Iterator[Span]:
    """The name as it is written or sounds, and of three characters the given name by itself."""
    if len(name) < 2:
        return
    yield from _literally(text, (name, name[1:]) if len(name) == 3 else (name,))
    wanted = syllables(name)
    for run in re.finditer(f"[{_HAN}]+", text):
        heard = syllables(run.group())
        for at in range(len(heard) - len(wanted) + 1):
            if heard[at : at + len(wanted)] == wanted:
                yield run.start() + at, run.start() + at + len(wanted)


def _known_english(text: str, name: str) -> Iterator[Span]:
    parts = [part for part in re.findall(r"[^\W\d_]+", name.lower()) if len(part) > 1]
    for word in re.finditer(r"[^\W\d_]+", text):
        heard = word.group().lower()
        for part in parts:
            by_sound = len(part) >= _SHORTEST_BY_SOUND and fuzz.ratio(heard, part) >= _ALIKE
            if heard in (part, f"{part}s") or by_sound:
                yield word.span()


def _told_chinese(text: str, signs: ChineseSigns) -> Iterator[Span]:
    for pattern in _chinese_patterns(signs):
        at = 0
        while hit := pattern.search(text, at):
            start, end = hit.span("name")
            at = hit.start() + 1
            if not any(
                text.startswith(word, begin)
                for word in signs.not_names
                for begin in range(max(start - len(word) + 1, 0), start + 1)
            ):
                yield start, end


@lru_cache(maxsize=2)
def _chinese_patterns(signs: ChineseSigns) -> tuple[re.Pattern[str], ...]:
    long = "|".join(signs.surnames_long)
    sure, told = f"(?:{long}|[{signs.surnames}])", f"(?:{long}|[{signs.surnames}{signs.surnames_told}])"
    titles, any_given = "|".join(signs.titles), f"[{_HAN}]"
    ends = f"(?=[{signs.after_name}]|[^{_HAN}]|$)"
    follows = f"(?![{signs.after_name}])"
    usual = f"(?:{follows}[{signs.given}])"
    return tuple(
        re.compile(pattern)
        for pattern in (
            # 王医生, 张建国主任: the title stays.
            rf"(?P<name>(?:{told}{any_given}{{1,2}}|{told}|[老小]{told}))(?:{titles})",
            rf"(?:{'|'.join(signs.cues)})[是叫做:：]?(?P<name>{told}{any_given}(?:{follows}{any_given})?)",
            # 护士陈静, 医生李强: behind the title only what is usual.
            rf"(?:{titles})(?P<name>{told}(?:{usual}{{1,2}}{ends}|{usual}{{2}}))",
            rf"(?:{'|'.join(signs.cues_weak)})(?:叫|是)?(?P<name>{told}(?:{usual}{{1,2}}{ends}|{usual}{{2}}))",
            rf"(?:免贵|我|他|她|您|先生|贵)?姓(?P<name>{told})(?!名)",
            rf"(?P<name>{sure}{usual}{{2}})(?![路街市县区])",
            rf"(?P<name>[老小][{signs.surnames}]){ends}",
            rf"(?P<name>{'|'.join(signs.spelled)})",
        )
    )


def _told_english(text: str, signs: EnglishSigns) -> Iterator[Span]:
    titles = "|".join(signs.titles)
    capital = r"(?:(?:van|von|de|der|den|del|da|di|du|la|le|bin|al|el) ){0,2}[A-Z][^\W\d_]*(?:['’-][A-Z]?[^\W\d_]+)*"
    word = r"[^\W\d_]+(?:['’][^\W\d_]+)*"
    for pattern, least_sure in (
        (rf"\b(?i:{titles})\b\.? (?P<name>{capital}(?: {capital})?)", True),
        (rf"\b(?i:{'|'.join(signs.cues)}) (?P<name>{word}(?:[ -](?!and\b|i\b|from\b){word})?)", False),
        (rf"\b(?i:{'|'.join(signs.cues_weak)}),? (?P<name>{capital}(?: {capital}){{0,2}})", True),
    ):
        for hit in re.finditer(pattern, text):
            words = list(re.finditer(r"[^\W\d_]+(?:['’-][^\W\d_]+)*", hit["name"]))
            kept = [word for word in words if word.group().lower() not in signs.not_names]
            if kept and (not least_sure or words[0] is kept[0]):
                yield hit.start("name") + kept[0].start(), hit.start("name") + kept[-1].end()
