"""Signs of danger in what a patient says: words, their homophones and values, from content/red_flags.

A net, never the only one: the models mishear, and a person asks and listens.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Self

import structlog
from pydantic import BaseModel, ConfigDict, model_validator
from pypinyin import Style, lazy_pinyin

from followup.alerts import AlertLevel
from followup.recordings import Channel, Turn
from runtime.content.documents import ContentError
from transcription.content_file import read_content
from transcription.measurements import Measurement, Quantity, measurements_in

log = structlog.get_logger(__name__)

GENERAL = "general"


class _Content(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Limit(_Content):
    """A value that raises a flag: exactly one of the bounds is set."""

    quantity: Quantity
    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    below: float | None = None

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        if sum(bound is not None for bound in (self.at_least, self.above, self.at_most, self.below)) != 1:
            raise ValueError("give exactly one of at_least, above, at_most, below")
        return self

    def is_crossed_by(self, value: float) -> bool:
        """Whether a value raises the flag."""
        return (
            (self.at_least is not None and value >= self.at_least)
            or (self.above is not None and value > self.above)
            or (self.at_most is not None and value <= self.at_most)
            or (self.below is not None and value < self.below)
        )


class RedFlag(_Content):
    """One sign: phrases by language (`zh_exact` never by sound), a measured value, or both."""

    code: str
    level: AlertLevel
    title: dict[str, str]
    zh: tuple[str, ...] = ()
    zh_exact: tuple[str, ...] = ()
    en: tuple[str, ...] = ()
    measured: Limit | None = None


class RedFlagSet(_Content):
    """The signs that matter for one kind of patient."""

    id: str
    version: int
    status: str
    source: str
    title: dict[str, str]
    flags: tuple[RedFlag, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardAlert:
    """A sign heard in a call: the second, the turn's number, and the words or value that raised it."""

    code: str
    level: AlertLevel
    at: float
    turn: int
    heard: str


@dataclass(frozen=True, slots=True)
class _Hit:
    flag: RedFlag
    start: int
    end: int


_LEVEL_ORDER = {AlertLevel.RED: 0, AlertLevel.AMBER: 1, AlertLevel.YELLOW: 2}


def load_red_flags(folder: Path) -> dict[str, RedFlagSet]:
    """Every set in a folder of YAML files, by id; ContentError names the file and what is wrong in it."""
    sets: dict[str, RedFlagSet] = {}
    for path in sorted(folder.glob("*.yaml")):
        read = read_content(path, RedFlagSet)
        if read.id != path.stem:
            raise ContentError(f"{path}: its id is {read.id!r}; name the file {read.id}.yaml or change the id")
        sets[read.id] = read
    if GENERAL not in sets:
        raise ContentError(f"{folder} holds no {GENERAL}.yaml, the signs that hold for everybody")
    return sets


def flags_for(sets: Mapping[str, RedFlagSet], ids: Iterable[str]) -> list[RedFlag]:
    """The general signs and those of the sets `ids`."""
    wanted = [GENERAL, *(name for name in ids if name != GENERAL)]
    unknown = [name for name in wanted if name not in sets]
    if unknown:
        raise ContentError(f"there is no set of red flags called {', '.join(unknown)}; there are {', '.join(sets)}")
    return [flag for name in wanted for flag in sets[name].flags]


class RedFlagSets:
    """Every set of an installation, and what is listened for in the calls of a patient's plans."""

    def __init__(self, sets: Mapping[str, RedFlagSet]) -> None:
        self._sets = sets

    def of(self, ids: Iterable[str]) -> list[RedFlag]:
        """The general signs and those of the plans' sets; one that is gone from the content is told, not fatal."""
        wanted = list(dict.fromkeys(ids))
        gone = [name for name in wanted if name not in self._sets]
        if gone:
            log.error("red_flags_gone", sets=gone)
        return flags_for(self._sets, [name for name in wanted if name in self._sets])


def alerts_in(turns: Sequence[Turn], flags: Sequence[RedFlag], language: str) -> list[HeardAlert]:
    """The signs the patient speaks of, each code once with its highest level, in order of time.

    A sign denied is none ("没有胸痛", "no chest pain"). One that the agent asks about and the patient affirms in the
    next turn counts as the patient's.
    """
    found = [
        alert
        for number, turn in enumerate(turns)
        if turn.channel is Channel.PATIENT
        for alert in _alerts_of(turn, number, turns[number - 1] if number else None, flags, language)
    ]
    first: dict[str, HeardAlert] = {}
    for alert in sorted(found, key=lambda alert: (_LEVEL_ORDER[alert.level], alert.at)):
        first.setdefault(alert.code, alert)
    return sorted(first.values(), key=lambda alert: (alert.at, _LEVEL_ORDER[alert.level], alert.code))


def _alerts_of(
    turn: Turn, number: int, before: Turn | None, flags: Sequence[RedFlag], language: str
) -> Iterator[HeardAlert]:
    text = turn.text.lower().replace("’", "'")
    for hit in _undenied(text, _phrase_hits(text, flags, language), language):
        yield HeardAlert(
            code=hit.flag.code,
            level=hit.flag.level,
            at=_second_of(turn, hit.start / len(text)),
            turn=number,
            heard=text[hit.start : hit.end],
        )
    figures = turn.as_written
    for measured in measurements_in(figures, language):
        for flag in flags:
            if _crosses(flag, measured):
                yield HeardAlert(
                    code=flag.code,
                    level=flag.level,
                    at=_second_of(turn, measured.start / len(figures)),
                    turn=number,
                    heard=f"{measured.quantity} {measured.value:g}",
                )
    if before is not None and before.channel is Channel.AGENT:
        asked = _asked_about(before.text.lower(), flags, language)
        if asked is not None and _AFFIRMED[language].match(text):
            yield HeardAlert(code=asked.code, level=asked.level, at=turn.start, turn=number, heard=text)


def _crosses(flag: RedFlag, measured: Measurement) -> bool:
    limit = flag.measured
    return limit is not None and limit.quantity is measured.quantity and limit.is_crossed_by(measured.value)


def _second_of(turn: Turn, share: float) -> float:
    return round(turn.start + share * (turn.end - turn.start), 2)


_AFFIRMED = {
    "zh": re.compile(r"(?:嗯|呃|啊|哦)*[，,、\s]*(?:有(?!没)|是(?!不)|对|会(?!不)|经常|偶尔|常常|一直)"),
    "en": re.compile(
        r"(?:(?:um|uh|well|oh)\W+)*(?:yes|yeah|yep|i do|i have|i did|it does|it has|sometimes|a little|a bit)\b"
    ),
}
_QUESTION = {
    "zh": re.compile(r"[吗嘛么?？]|有没有|是不是|会不会|能不能"),
    "en": re.compile(r"\?|\b(?:any|do you|have you|did you|are you|is there|does)\b"),
}


def _asked_about(text: str, flags: Sequence[RedFlag], language: str) -> RedFlag | None:
    """The one sign that the agent's last sentence asks about; a question about several is not answered by one yes."""
    sentences = [sentence for sentence in re.split(r"(?<=[。！？.!?])", text) if sentence.strip()]
    if not sentences or not _QUESTION[language].search(sentences[-1]):
        return None
    asked = {hit.flag.code: hit.flag for hit in _phrase_hits(sentences[-1], flags, language)}
    return next(iter(asked.values())) if len(asked) == 1 else None


def _phrase_hits(text: str, flags: Sequence[RedFlag], language: str) -> list[_Hit]:
    find = _chinese_finder(text) if language == "zh" else _english_finder(text)
    hits = [
        _Hit(flag, start, end)
        for flag in flags
        for phrase, by_sound in _phrases(flag, language)
        for start, end in find(phrase, by_sound)
    ]
    return sorted(hits, key=lambda hit: (hit.start, hit.end))


def _phrases(flag: RedFlag, language: str) -> Iterator[tuple[str, bool]]:
    if language == "zh":
        yield from ((phrase, True) for phrase in flag.zh)
        yield from ((phrase, False) for phrase in flag.zh_exact)
    else:
        yield from ((phrase, False) for phrase in flag.en)


_BY_TONE_UP_TO = 2
_RUNS = re.compile("[一-鿿]+|.", re.DOTALL)
_Finder = Callable[[str, bool], Iterator[tuple[int, int]]]


def _english_finder(text: str) -> _Finder:
    def find(phrase: str, _by_sound: bool) -> Iterator[tuple[int, int]]:
        words = r"\W+".join(re.escape(word) for word in phrase.split())
        return (match.span() for match in re.finditer(rf"\b{words}\b", text))

    return find


def _chinese_finder(text: str) -> _Finder:
    """Finds a phrase by its characters or, since models mishear homophones, by its sound.

    One or two syllables have to agree in tone as well: without it too many ordinary words sound the same.
    """
    toned = _syllables(text)
    folded = [_folded(syllable) for syllable in toned]

    def find(phrase: str, by_sound: bool) -> Iterator[tuple[int, int]]:
        by_tone = len(phrase) <= _BY_TONE_UP_TO
        wanted, heard = _sound_of(phrase, by_tone), toned if by_tone else folded
        for start in range(len(text) - len(phrase) + 1):
            end = start + len(phrase)
            if text.startswith(phrase, start) or (by_sound and heard[start:end] == wanted):
                yield start, end

    return find


@cache
def _sound_of(phrase: str, by_tone: bool) -> list[str]:
    toned = _syllables(phrase)
    return toned if by_tone else [_folded(syllable) for syllable in toned]


def _syllables(text: str) -> list[str]:
    """One syllable with its tone's number for each character; what is no Chinese character stands for itself."""
    return [
        syllable
        for run in _RUNS.findall(text)
        for syllable in (
            lazy_pinyin(run, style=Style.TONE3, neutral_tone_with_five=True) if "一" <= run[0] <= "鿿" else [run]
        )
    ]


def _folded(syllable: str) -> str:
    """A syllable without its tone and without what southern speakers do not tell apart: zh/z, ch/c, sh/s, -ng/-n."""
    return re.sub(r"^([zcs])h", r"\1", syllable.rstrip("12345")).replace("ng", "n")


_DENIED = {
    "zh": re.compile(
        r"(?<![是有会能])(?:没有|没|无|未|不)"
        r"(?:再|出现|发生|感觉|感到|觉得|什么|任何|过|太|怎么|明显|是|会|有|到|得|说|特别|想|要|去|那么|很|一点)*$"
    ),
    "en": re.compile(
        r"(?:\b(?:no|not|never|without|nor|denies|deny)|n't)"
        r"(?:\W+(?:any|had|have|having|felt|feel|feeling|been|be|a|an|the|really|more|new|signs?|of|to|get|got|getting"
        r"|noticed|seen|my|that|experienced|experiencing|want|planning|thinking|about))*\W*$"
    ),
}
_BETWEEN_LISTED = {"zh": re.compile(r"[、和或及跟者]*"), "en": re.compile(r"(?:\s*,)?\s*(?:or|nor|,)?\s*(?:any\s+)?")}


def _undenied(text: str, hits: Sequence[_Hit], language: str) -> list[_Hit]:
    """The hits that are not denied by a word just before them, or by one before the list of signs they stand in."""
    denied: dict[int, bool] = {}
    for index, hit in enumerate(hits):
        denied[index] = _DENIED[language].search(text[: hit.start]) is not None
    for (earlier, one), (later, two) in pairwise(enumerate(hits)):
        if denied[earlier] and one.end <= two.start and _BETWEEN_LISTED[language].fullmatch(text[one.end : two.start]):
            denied[later] = True
    return [hit for index, hit in enumerate(hits) if not denied[index]]
