"""Signs of danger in what a patient says: words, their homophones and values, from content/red_flags.

A net, never the only one: the models mishear, and a person asks and listens.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Self

import structlog
from pydantic import BaseModel, ConfigDict, model_validator

from care.history import HistoryEntry, groups_of
from followup.alerts import LEVEL_ORDER, AlertLevel
from followup.recordings import Channel, Turn
from runtime.content.documents import ContentError
from transcription.affirmations import (
    is_advice,
    is_affirmed,
    is_plain_yes,
    last_question,
    recap_in,
    takes_back,
)
from transcription.assertion import Told, relative_speaks, told, without_comparison
from transcription.content_file import read_content
from transcription.languages import language_of_turn
from transcription.measurements import Quantity, measurements_in
from transcription.phrase_patterns import (
    ChinesePhrases,
    ChineseText,
    EnglishPhrases,
    EnglishText,
    PatternError,
    plain_text,
    spelled_out,
)
from transcription.weight_gain import Gain, gains_in

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

    @property
    def is_for_low_values(self) -> bool:
        """Whether what is too low raises the flag."""
        return self.at_most is not None or self.below is not None


class GainLimit(_Content):
    """A gain of weight that raises a flag: so many kilograms within so many days; a gain without a time counts too."""

    kilograms: float
    within_days: int

    def is_crossed_by(self, gain: Gain) -> bool:
        """Whether a gain raises the flag."""
        return gain.kilograms >= self.kilograms and (gain.days is None or gain.days <= self.within_days)


class RedFlag(_Content):
    """One sign: phrases by language (`zh_exact` never by sound), a measured value, other signs together, or several.

    Without a level it is only a part of others. Of one family the most urgent sign counts. `counts` names ways of
    speaking in spite of which it is a sign: a wish to die, however long ago.
    """

    code: str
    level: AlertLevel | None = None
    title: dict[str, str]
    family: str = ""
    zh: tuple[str, ...] = ()
    zh_exact: tuple[str, ...] = ()
    en: tuple[str, ...] = ()
    unless_zh: tuple[str, ...] = ()
    unless_en: tuple[str, ...] = ()
    measured: Limit | None = None
    gained: tuple[GainLimit, ...] = ()
    every: tuple[str, ...] = ()  # codes; `one|another` where either does
    counts: frozenset[Told] = frozenset()


class RedFlagSet(_Content):
    """The signs that matter for one kind of patient; `words` are lists that phrases name, the general set's for all."""

    id: str
    version: int
    status: str
    source: str
    title: dict[str, str]
    diagnosis_groups: tuple[str, ...] = ()  # patients with such an illness are listened to with it, whatever their plan
    words: dict[str, dict[str, tuple[str, ...]]] = {}
    flags: tuple[RedFlag, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardAlert:
    """A sign heard in a call: the second, the turn's number, and the words or value that raised it."""

    code: str
    level: AlertLevel
    at: float
    turn: int
    heard: str
    family: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sign:
    """A flag that something in a turn is a sign of; one without a level may still make another complete."""

    flag: RedFlag
    at: float
    turn: int
    heard: str


@dataclass(frozen=True, slots=True)
class _Hit:
    flag: RedFlag
    start: int
    end: int


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
    spelled = {name: _spelled_out(folder / f"{name}.yaml", one, sets[GENERAL].words) for name, one in sets.items()}
    _check_codes(folder, spelled)
    return spelled


def _spelled_out(path: Path, read: RedFlagSet, general: Mapping[str, Mapping[str, Sequence[str]]]) -> RedFlagSet:
    """The set with the lists of words put into its phrases, each of which can be read."""
    words = {**general, **read.words}
    by_language = {
        language: {name: tuple(lists.get(language, ())) for name, lists in words.items()} for language in ("zh", "en")
    }
    flags = []
    for flag in read.flags:
        try:
            changed = {
                field: tuple(spelled_out(each, by_language["en" if field.endswith("en") else "zh"]) for each in phrases)
                for field in ("zh", "zh_exact", "en", "unless_zh", "unless_en")
                if (phrases := getattr(flag, field))
            }
        except PatternError as error:
            raise ContentError(f"{path}: flag {flag.code}: {error}") from error
        flags.append(flag.model_copy(update=changed))
    return read.model_copy(update={"flags": tuple(flags)})


def _check_codes(folder: Path, sets: Mapping[str, RedFlagSet]) -> None:
    """One code is one sign: of one level wherever it stands, so that an alert is never raised twice for it."""
    levels: dict[str, AlertLevel | None] = {}
    for flag in chain.from_iterable(one.flags for one in sets.values()):
        if levels.setdefault(flag.code, flag.level) is not flag.level:
            raise ContentError(f"{folder}: the code {flag.code} has two levels; give one of the two flags another code")
    for name, one in sets.items():
        here = {flag.code for flag in (*sets[GENERAL].flags, *one.flags)}
        for flag in one.flags:
            unknown = sorted({code for part in flag.every for code in part.split("|")} - here)
            if unknown:
                raise ContentError(
                    f"{folder / name}.yaml: flag {flag.code} waits for {', '.join(unknown)}, which neither this set "
                    f"nor {GENERAL}.yaml has"
                )


def flags_for(sets: Mapping[str, RedFlagSet], ids: Iterable[str]) -> list[RedFlag]:
    """The general signs and those of the sets `ids`."""
    wanted = [GENERAL, *(name for name in ids if name != GENERAL)]
    unknown = [name for name in wanted if name not in sets]
    if unknown:
        raise ContentError(f"there is no set of red flags called {', '.join(unknown)}; there are {', '.join(sets)}")
    return [flag for name in wanted for flag in sets[name].flags]


class RedFlagSets:
    """Every set of an installation, and what is listened for in the calls of a patient's plans."""

    def __init__(
        self, sets: Mapping[str, RedFlagSet], diagnosis_groups: Mapping[str, tuple[str, ...]] | None = None
    ) -> None:
        self._sets = sets
        self._diagnosis_groups = diagnosis_groups or {}

    def of(self, ids: Iterable[str]) -> list[RedFlag]:
        """The general signs and those of the sets `ids`; one that is gone from the content is told, not fatal."""
        wanted = list(dict.fromkeys(ids))
        gone = [name for name in wanted if name not in self._sets]
        if gone:
            log.error("red_flags_gone", sets=gone)
        return flags_for(self._sets, [name for name in wanted if name in self._sets])

    def of_history(self, entries: Iterable[HistoryEntry]) -> list[str]:
        """The sets that are listened for with a patient who has such illnesses, whatever the plan."""
        has = groups_of(entries, self._diagnosis_groups)
        return [name for name, one in self._sets.items() if has.intersection(one.diagnosis_groups)]


def alerts_in(
    turns: Sequence[Turn], flags: Sequence[RedFlag], language: str, *, by_relative: bool = False
) -> list[HeardAlert]:
    """The signs the patient speaks of, each code and each family once with its highest level, in order of time.

    For final and live text alike: turns so far; a turn in another language than the call's is read in its own. A sign
    denied, long past, supposed or somebody else's is none (`transcription.assertion`); where a relative speaks for the
    patient, "my father" is the patient. What the agent asks about or repeats and the patient affirms in the next turn
    counts as the patient's.
    """
    by_relative = by_relative or any(
        relative_speaks(plain_text(turn.text), language_of_turn(turn.text, language))
        for turn in turns
        if turn.channel is Channel.PATIENT
    )
    signs = [
        sign
        for number, turn in enumerate(turns)
        if turn.channel is Channel.PATIENT
        for sign in _signs_of(turn, number, turns[number - 1] if number else None, flags, language, by_relative)
    ]
    signs += _together(signs, flags)
    order = {id(flag): position for position, flag in enumerate(flags)}
    first: dict[str, HeardAlert] = {}
    for level, sign in sorted(
        ((sign.flag.level, sign) for sign in signs if sign.flag.level is not None),
        # Of equal ones in a family the special set's counts, which stands behind the general one.
        key=lambda pair: (LEVEL_ORDER[pair[0]], -order[id(pair[1].flag)] if pair[1].flag.family else 0, pair[1].at),
    ):
        alert = HeardAlert(
            code=sign.flag.code, level=level, at=sign.at, turn=sign.turn, heard=sign.heard, family=sign.flag.family
        )
        first.setdefault(alert.family or f"code:{alert.code}", alert)
    return sorted(first.values(), key=lambda alert: (alert.at, LEVEL_ORDER[alert.level], alert.code))


def _together(signs: Sequence[_Sign], flags: Sequence[RedFlag]) -> Iterator[_Sign]:
    """The flags all of whose parts were heard, in the second that made them complete."""
    heard: dict[str, _Sign] = {}
    for sign in sorted(signs, key=lambda sign: sign.at):
        heard.setdefault(sign.flag.code, sign)
    for flag in flags:
        parts = [
            min((heard[code] for code in part.split("|") if code in heard), key=lambda sign: sign.at, default=None)
            for part in flag.every
        ]
        complete = [part for part in parts if part is not None]
        if parts and len(complete) == len(parts):
            last = max(complete, key=lambda sign: sign.at)
            yield _Sign(flag=flag, at=last.at, turn=last.turn, heard=", ".join(part.heard for part in complete))


def _signs_of(
    turn: Turn, number: int, before: Turn | None, flags: Sequence[RedFlag], of_call: str, by_relative: bool
) -> Iterator[_Sign]:
    text = plain_text(turn.text)
    of_turn = language_of_turn(text, of_call)
    for spoken in _languages_in(text, of_turn):
        worst = without_comparison(text if spoken == of_turn else _CHARACTERS.sub(" ", text), spoken)
        around = {spoken: worst} if spoken == of_turn else {spoken: worst, of_turn: text}
        for hit in _phrase_hits(worst, flags, spoken):
            ways = {told(words, hit.start, hit.end, each, by_relative=by_relative) for each, words in around.items()}
            if all(_counts(hit.flag, how) for how in ways):
                yield _Sign(
                    flag=hit.flag, at=_second_of(turn, hit.start, text), turn=number, heard=text[hit.start : hit.end]
                )
    yield from _values_of(turn, number, flags, of_turn, by_relative)
    if before is not None and before.channel is Channel.AGENT:
        yield from _answered(turn, number, plain_text(before.text), text, flags, of_turn, by_relative)


def _languages_in(text: str, of_turn: str) -> tuple[str, ...]:
    """Who calls in one language says a word of the other: 我有chest pain."""
    return ("zh", "en") if of_turn == "zh" and _LETTERS.search(text) else (of_turn,)


_CHARACTERS = re.compile("[\u3400-\u9fff]")
_LETTERS = re.compile("[a-z]{3}")
_BELOW = re.compile(r"(?:不到|没到|没有到|低于|小于|below|under|less than|not even)\s*$")
_NOT_BEYOND = re.compile(
    r"(?:没有?|从没|不)(?:有)?(?:再)?(?:超过|高于|低于|高过)(?:过)?\s*$"
    r"|(?:\b(?:never|not|hardly)|n't)(?: been| gone| was| is| get| got| go| ever)*"
    r" (?:over|above|below|under|more than|less than)\s*$"
)
_BARELY = 0.01


def _values_of(turn: Turn, number: int, flags: Sequence[RedFlag], language: str, by_relative: bool) -> Iterator[_Sign]:
    text = plain_text(turn.written or turn.text)

    def sign(flag: RedFlag, start: int, heard: str) -> _Sign:
        return _Sign(flag=flag, at=_second_of(turn, start, text), turn=number, heard=heard)

    for measured in measurements_in(text, language):
        crossed = [flag for flag in flags if flag.measured and flag.measured.quantity is measured.quantity]
        # 不到九十 denies nothing: it is a value below.
        if _NOT_BEYOND.search(text, 0, measured.start):
            continue
        below = _BELOW.search(text, 0, measured.start)
        value = measured.value - (_BARELY if below else 0.0)
        start = below.start() if below else measured.start
        how = told(text, start, measured.end, language, by_relative=by_relative) if crossed else Told.PRESENT
        for flag in crossed:
            limit = flag.measured
            if limit is None or (below and not limit.is_for_low_values):
                continue
            if limit.is_crossed_by(value) and _counts(flag, how):
                yield sign(flag, measured.start, f"{measured.quantity} {measured.value:g}")
    for gain in gains_in(text, language):
        for flag in flags:
            if any(limit.is_crossed_by(gain) for limit in flag.gained) and _counts(
                flag, told(text, gain.start, gain.end, language, by_relative=by_relative)
            ):
                yield sign(flag, gain.start, text[gain.start : gain.end])


def _counts(flag: RedFlag, how: Told) -> bool:
    return how is Told.PRESENT or how in flag.counts


def _second_of(turn: Turn, position: int, text: str) -> float:
    share = position / len(text) if text else 0.0
    return round(turn.start + share * (turn.end - turn.start), 2)


_SHORT_ANSWER = {"zh": 12, "en": 40}


def _answered(
    turn: Turn,
    number: int,
    question: str,
    answer: str,
    flags: Sequence[RedFlag],
    language: str,
    by_relative: bool,
) -> Iterator[_Sign]:
    """What the patient affirms, or completes: "does your chest feel better? - it still hurts"."""
    asked = last_question(question, language)
    if asked is None:
        recap = recap_in(question, language)
        if recap is not None and is_plain_yes(answer, language):
            for flag in _signs_asked(recap, flags, language, (Told.PRESENT,), by_relative=by_relative):
                yield _Sign(flag=flag, at=turn.start, turn=number, heard=answer)
        return
    hits = _signs_asked(asked, flags, language, _ASKED_OF, by_relative=True)
    # A plain yes to a question about several signs affirms one of them: nobody knows which, so the most urgent.
    if hits and is_affirmed(answer, language) and (len(hits) == 1 or is_plain_yes(answer, language)):
        flag = min(hits, key=lambda flag: LEVEL_ORDER[flag.level] if flag.level else len(LEVEL_ORDER))
        yield _Sign(flag=flag, at=turn.start, turn=number, heard=answer)
    if len(answer) <= _SHORT_ANSWER[language] and not hits:
        topic = asked.rstrip("?？吗嘛么呢 ") + (" " if language == "en" else "")
        for hit in _phrase_hits(topic + answer, flags, language):
            if hit.start < len(topic) < hit.end and not takes_back(answer[: hit.end - len(topic)], language):
                yield _Sign(flag=hit.flag, at=turn.start, turn=number, heard=answer)


_ASKED_OF = (Told.PRESENT, Told.SUPPOSED, Told.OF_OTHERS, Told.OTHERS_NOW)


def _signs_asked(
    asked: str, flags: Sequence[RedFlag], language: str, ways: tuple[Told, ...], *, by_relative: bool
) -> list[RedFlag]:
    """The signs that a sentence of the agent asks about, or repeats."""
    if is_advice(asked, language):
        return []
    return list(
        {
            hit.flag.code: hit.flag
            for hit in _phrase_hits(asked, flags, language)
            if (how := told(asked, hit.start, hit.end, language, by_relative=by_relative)) in ways
            or how in hit.flag.counts
        }.values()
    )


def _phrase_hits(text: str, flags: Sequence[RedFlag], language: str) -> list[_Hit]:
    hits: list[_Hit] = []
    chinese, english = ChineseText(text if language == "zh" else ""), EnglishText(text)
    for flag in flags:
        if language == "zh":
            found, taken = (
                _chinese(flag.zh, flag.zh_exact).find(chinese),
                list(_chinese((), flag.unless_zh).find(chinese)),
            )
        else:
            found, taken = _english(flag.en).find(english), list(_english(flag.unless_en).find(english))
        hits += [
            _Hit(flag, one.start, one.end)
            for one in found
            if not any(other.start <= one.start < other.end for other in taken)
        ]
    return sorted(hits, key=lambda hit: (hit.start, hit.end))


@cache
def _chinese(by_sound: tuple[str, ...], exact: tuple[str, ...]) -> ChinesePhrases:
    return ChinesePhrases(by_sound, exact)


@cache
def _english(patterns: tuple[str, ...]) -> EnglishPhrases:
    return EnglishPhrases(patterns)
