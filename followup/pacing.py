"""How many lines a desk may dial at once: never so many that the limit on abandoned calls could break."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache
from math import ceil, comb, exp

DEFAULT_LIMIT = 0.03
"""Abandoned calls for each call that a person answered, on one day and in one queue."""

RISK_SPENT, RISK_UNSPENT = 0.02, 0.12
"""A line is placed ahead of an agent while the chance that it finds none, once answered, is no higher: the first where
the limit is used up, the second where nothing of it is. The less is left, the dearer it is sold."""

PATIENCE_SECONDS = 2.0
"""So long an answered patient may wait for an agent."""

BIN_SECONDS = 2
RING_BINS = 32
_ROUNDING = 1e-9


class Held(StrEnum):
    """What held the number of lines back."""

    NOBODY_FREE = "nobody_free"  # no agent is free and nothing may be dialed ahead of one
    BUDGET = "budget"  # one line more could break the limit if all of them were answered now
    RISK = "risk"  # one line more would probably find no agent
    LINES = "lines"  # the queue's own lines are all in use


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictiveRule:
    """What a jurisdiction says of dialing ahead of agents."""

    allowed: bool
    limit: float = DEFAULT_LIMIT
    agents_least: int = 10  # a smaller desk gains nothing that would be worth it
    not_again: timedelta | None = (
        None  # so long an abandoned patient is not dialed ahead; none: for the rest of the day
    )


NOT_AHEAD = PredictiveRule(allowed=False, limit=0.0)
"""Where the law's page says nothing of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCount:
    """What became of a queue's calls on one hospital day: answered by a person (abandoned ones too), and abandoned."""

    answered: int = 0
    abandoned: int = 0

    @property
    def rate(self) -> float:
        """The share of the answered calls that were abandoned; 0 before the first."""
        return self.abandoned / self.answered if self.answered else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """A queue's agents and lines at one moment. Nobody who is on the way to a break is counted as free or busy."""

    free: int
    talking: int = 0
    wrapping: int = 0
    ringing: Sequence[float] = ()  # seconds since each was placed
    answered: int = 0  # answered, and waiting for an agent

    @property
    def lines(self) -> int:
        """Lines that may still want an agent."""
        return len(self.ringing) + self.answered


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """What is expected of lines and agents: hazards by age of ringing, and mean times."""

    answers: tuple[float, ...]  # chance that a line which rings at the start of a bin is answered within it
    ends: tuple[float, ...]  # chance that it ends unanswered within it
    horizon: float  # seconds from placing a line to its answer
    talk_seconds: float
    wrap_seconds: float

    def answered_within(self, age: float, seconds: float) -> float:
        """The chance that a line which has rung so long is answered in the seconds to come."""
        return _answered_within(self, min(int(age // BIN_SECONDS), RING_BINS - 1), round(seconds / BIN_SECONDS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Placing:
    """How many lines to place now, and why not more."""

    lines: int
    held: Held
    most: int  # what the limit alone would allow


@dataclass(slots=True)
class RingCounts:
    """Plain counts of what became of lines, by the bin in which it happened, and of agents' times."""

    answered: Counter[int]
    ended: Counter[int]
    talks: int = 0
    talk_seconds: float = 0.0
    wraps: int = 0
    wrap_seconds: float = 0.0


USUAL_ANSWER = 0.4
USUAL_RING = (10.0, 26.0)  # to the answer, and to the end of a line that nobody answers
USUAL_TALK, USUAL_WRAP = 150.0, 30.0
WEIGHT = 20
"""So many usual calls are counted among the observed ones."""


def new_counts() -> RingCounts:
    """Nothing observed yet."""
    return RingCounts(answered=Counter(), ended=Counter())


def ring_bin(seconds: float) -> int:
    """The bin of an age."""
    return min(int(seconds // BIN_SECONDS), RING_BINS - 1)


def estimated(counts: RingCounts) -> Rates:
    """Rates from counts, shrunk towards the usual ones so that a day's first calls decide nothing by themselves."""
    answered = [float(counts.answered[each]) for each in range(RING_BINS)]
    ended = [float(counts.ended[each]) for each in range(RING_BINS)]
    for each, share in _spread(USUAL_RING[0]):
        answered[each] += WEIGHT * USUAL_ANSWER * share
    for each, share in _spread(USUAL_RING[1]):
        ended[each] += WEIGHT * (1 - USUAL_ANSWER) * share
    alive = sum(answered) + sum(ended)
    answers, ends = [], []
    for here, gone in zip(answered, ended, strict=True):
        answers.append(here / alive if alive > _ROUNDING else 0.0)
        ends.append(gone / alive if alive > _ROUNDING else 1.0)
        alive -= here + gone
    ring = sum((each + 0.5) * BIN_SECONDS * many for each, many in enumerate(answered)) / sum(answered)
    return Rates(
        answers=tuple(answers),
        ends=tuple(ends),
        horizon=ring,
        talk_seconds=(counts.talk_seconds + WEIGHT * USUAL_TALK) / (counts.talks + WEIGHT),
        wrap_seconds=(counts.wrap_seconds + WEIGHT * USUAL_WRAP) / (counts.wraps + WEIGHT),
    )


def _spread(middle: float) -> Iterable[tuple[int, float]]:
    """A bell of four bins around `middle`."""
    centre = ring_bin(middle)
    return ((centre - 1, 0.25), (centre, 0.5), (centre + 1, 0.25))


def most_lines(desk: Desk, day: DayCount, limit: float = DEFAULT_LIMIT) -> int:
    """How many lines may be placed so that the limit holds whatever becomes of them, even if all are answered now.

    With x more, `abandoned + max(0, lines + x - free)` stays within `limit * (answered + lines + x)`. Up to one line
    for each free agent nobody can be abandoned, whatever the day has been so far.
    """
    surely = max(0, desk.free - desk.lines)
    if not 0 <= limit < 1:
        raise ValueError(f"a limit of {limit} is none: it is a share, at least 0 and below 1")
    spare = limit * (day.answered + desk.lines) - day.abandoned - (desk.lines - desk.free)
    return max(surely, int((spare + _ROUNDING) // (1 - limit)) if spare >= 0 else 0)


def agents_to_keep(lines: int, day: DayCount, limit: float = DEFAULT_LIMIT) -> int:
    """How many free agents have to stay for lines in flight, so that the limit holds whatever becomes of these."""
    return max(0, min(lines, ceil(day.abandoned + lines - limit * (day.answered + lines) - _ROUNDING)))


def risk_taken(day: DayCount, limit: float = DEFAULT_LIMIT) -> float:
    """The chance of finding no agent that a line ahead of one may have now."""
    used = min(1.0, day.rate / limit) if limit else 1.0
    return RISK_UNSPENT + (RISK_SPENT - RISK_UNSPENT) * used


def lines_to_place(
    desk: Desk, day: DayCount, rates: Rates, *, limit: float = DEFAULT_LIMIT, most: int | None = None
) -> Placing:
    """How many lines to place now: one for each free agent, and ahead of agents while limit and risk allow it."""
    surely = max(0, desk.free - desk.lines)
    bound = most_lines(desk, day, limit)
    if most is not None and bound >= most:
        bound, edge = most, Held.LINES
    else:
        edge = Held.BUDGET if desk.free else Held.NOBODY_FREE
    if bound <= surely:
        return Placing(lines=bound, held=edge, most=bound)
    lines = _while_likely(desk, rates, risk_taken(day, limit), surely, bound)
    return Placing(lines=lines, held=edge if lines == bound else Held.RISK, most=bound)


def _while_likely(desk: Desk, rates: Rates, risk: float, surely: int, bound: int) -> int:
    """Lines up to `bound` of which each, once answered, finds no agent with a chance of at most `risk`."""
    horizon = rates.horizon
    freeing = _freeing(desk, rates, horizon + PATIENCE_SECONDS)
    cap = desk.free + len(freeing)
    wanting = [1.0]
    for each, many in Counter(ring_bin(age) for age in desk.ringing).items():
        chance = _answered_within(rates, each, round(horizon / BIN_SECONDS))
        wanting = _sum_of(wanting, _binomial(many, round(chance, 3)), cap)
    wanting = _sum_of([0.0] * desk.answered + [1.0], wanting, cap) if desk.answered else wanting
    new = _binomial(1, round(_answered_within(rates, 0, round(horizon / BIN_SECONDS)), 3))
    placed = 0
    while placed < bound:
        if placed >= surely and _nobody_left(wanting, freeing, desk.free) > risk:
            break
        wanting = _sum_of(wanting, new, cap)
        placed += 1
    return placed


def _freeing(desk: Desk, rates: Rates, seconds: float) -> list[float]:
    """How many busy agents will be free within so many seconds: chances of 0, 1, 2 …, cut where they are nothing."""
    wrapping = 1 - exp(-seconds / rates.wrap_seconds)
    talk, wrap = 1 / rates.talk_seconds, 1 / rates.wrap_seconds
    if abs(talk - wrap) < _ROUNDING:
        talking = 1 - exp(-talk * seconds) * (1 + talk * seconds)
    else:
        talking = 1 - (wrap * exp(-talk * seconds) - talk * exp(-wrap * seconds)) / (wrap - talk)
    both = _sum_of(
        _binomial(desk.wrapping, round(wrapping, 3)),
        _binomial(desk.talking, round(talking, 3)),
        desk.wrapping + desk.talking,
    )
    left, kept = 1.0, []
    for chance in both:
        kept.append(chance)
        left -= chance
        if left < 1e-5:
            break
    return kept


def _nobody_left(wanting: Sequence[float], freeing: Sequence[float], free: int) -> float:
    """The chance that at least as many patients want an agent as there are."""
    at_least, chances = 0.0, [0.0] * (len(wanting) + 1)
    for many in range(len(wanting) - 1, -1, -1):
        at_least += wanting[many]
        chances[many] = at_least
    return sum(chance * chances[min(free + many, len(wanting))] for many, chance in enumerate(freeing))


def _sum_of(first: Sequence[float], second: Sequence[float], cap: int) -> list[float]:
    """The chances of a sum; everything from `cap` on is one."""
    chances = [0.0] * (min(cap, len(first) + len(second) - 2) + 1)
    last = len(chances) - 1
    for many, chance in enumerate(first):
        if chance > 0:
            for more, other in enumerate(second):
                where = many + more
                chances[min(last, where)] += chance * other
    return chances


@lru_cache(maxsize=65536)
def _binomial(many: int, chance: float) -> tuple[float, ...]:
    return tuple(comb(many, hits) * chance**hits * (1 - chance) ** (many - hits) for hits in range(many + 1))


@lru_cache(maxsize=8192)
def _answered_within(rates: Rates, first: int, bins: int) -> float:
    alive, answered = 1.0, 0.0
    for each in range(first, min(first + max(bins, 1), RING_BINS)):
        answered += alive * rates.answers[each]
        alive *= 1 - rates.answers[each] - rates.ends[each]
    return min(1.0, max(0.0, answered))
