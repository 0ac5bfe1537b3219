"""Which calls are judged: all with a red flag or a complaint, and of the rest a draw by rule, seed, confidence."""

import hashlib
import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from statistics import NormalDist

_WORST = 0.25
"""p(1-p) at its largest: nothing is assumed of how many calls are good."""


class Stratum(StrEnum):
    """By what calls are parted before the draw, so that none is left out."""

    AGENT = "agent"
    QUEUE = "queue"
    PLAN = "plan"  # the plan template: which illness it follows


class Because(StrEnum):
    """Why a call is in a sample."""

    RED_FLAG = "red_flag"
    COMPLAINT = "complaint"
    DRAWN = "drawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A call that could be judged."""

    attempt_id: str
    agent_id: str
    queue_id: str
    plan: str  # template id, empty without a plan
    red_flag: bool = False
    complaint: bool = False

    def part(self, strata: Iterable[Stratum]) -> tuple[str, ...]:
        """The stratum it belongs to."""
        values = {Stratum.AGENT: self.agent_id, Stratum.QUEUE: self.queue_id, Stratum.PLAN: self.plan}
        return tuple(values[each] for each in Stratum if each in strata)


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRule:
    """How a sample is drawn; the same rule on the same calls draws the same ones."""

    seed: int
    strata: frozenset[Stratum] = frozenset({Stratum.AGENT})
    confidence: float = 0.95
    margin: float = 0.10  # half the interval's width, for the share of calls that meet an item
    at_least: int = 5  # of each stratum

    def __post_init__(self) -> None:
        if not 0.5 <= self.confidence < 1 or not 0 < self.margin < 1 or self.at_least < 0:
            raise ValueError("confidence lies from 0.5 below 1, margin between 0 and 1, at_least is not negative")


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnCall:
    """A call of a sample and why it is there."""

    attempt_id: str
    because: Because
    part: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PartStatement:
    """What a sample may claim of one stratum: `drawn` of `population` calls besides those taken for certain."""

    part: tuple[str, ...]
    certain: int
    population: int
    drawn: int
    margin: float | None  # None: nothing to draw from


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The calls in the order of the draw, and what they may claim."""

    calls: tuple[DrawnCall, ...]
    parts: tuple[PartStatement, ...]
    certain: int
    population: int
    drawn: int
    margin: float | None


def needed(population: int, *, confidence: float, margin: float) -> int:
    """How many of so many must be drawn, so that a share is known to within the margin."""
    if population == 0:
        return 0
    endless = _z(confidence) ** 2 * _WORST / margin**2
    return min(population, math.ceil(endless / (1 + (endless - 1) / population)))


def margin_of(parts: Collection[tuple[int, int]], *, confidence: float) -> float | None:
    """The margin that draws of (population, drawn) give together, each stratum weighed by its population."""
    whole = sum(population for population, _ in parts)
    if whole == 0:
        return None
    variance = 0.0
    for population, drawn in parts:
        if population == drawn:
            continue
        if drawn == 0:
            # Nothing is known of this stratum: its share may be anything.
            variance += (population / whole / _z(confidence)) ** 2
            continue
        left = (population - drawn) / (population - 1)
        variance += (population / whole) ** 2 * _WORST / drawn * left
    return min(1.0, _z(confidence) * math.sqrt(variance))


def draw(candidates: Iterable[Candidate], rule: SampleRule) -> Sample:
    """The sample. It does not depend on the order in which the calls are named."""
    certain: list[DrawnCall] = []
    certain_in: dict[tuple[str, ...], int] = defaultdict(int)
    rest: dict[tuple[str, ...], list[Candidate]] = defaultdict(list)
    for each in candidates:
        part = each.part(rule.strata)
        rest.setdefault(part, [])
        if each.red_flag or each.complaint:
            because = Because.RED_FLAG if each.red_flag else Because.COMPLAINT
            certain.append(DrawnCall(attempt_id=each.attempt_id, because=because, part=part))
            certain_in[part] += 1
        else:
            rest[part].append(each)
    sizes = {part: len(calls) for part, calls in rest.items()}
    taken = _allotted(sizes, rule)
    drawn = [
        DrawnCall(attempt_id=each.attempt_id, because=Because.DRAWN, part=part)
        for part, calls in rest.items()
        for each in sorted(calls, key=lambda call: _place(rule.seed, call.attempt_id))[: taken[part]]
    ]
    return Sample(
        calls=tuple(
            sorted(certain, key=lambda call: call.attempt_id)
            + sorted(drawn, key=lambda call: _place(rule.seed, call.attempt_id))
        ),
        parts=tuple(
            PartStatement(
                part=part,
                certain=certain_in[part],
                population=size,
                drawn=taken[part],
                margin=margin_of([(size, taken[part])], confidence=rule.confidence),
            )
            for part, size in sorted(sizes.items())
        ),
        certain=len(certain),
        population=sum(sizes.values()),
        drawn=len(drawn),
        margin=margin_of([(size, taken[part]) for part, size in sizes.items()], confidence=rule.confidence),
    )


def digest_of(candidates: Iterable[Candidate]) -> str:
    """A fingerprint of the calls drawn from, so that a second draw can show that it had the same before it."""
    lines = sorted(f"{each.attempt_id} {each.red_flag:d}{each.complaint:d}" for each in candidates)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _allotted(sizes: Mapping[tuple[str, ...], int], rule: SampleRule) -> dict[tuple[str, ...], int]:
    """In proportion, at least so many of each; more until the margin that was asked for is kept."""
    whole = sum(sizes.values())
    total = needed(whole, confidence=rule.confidence, margin=rule.margin)
    while True:
        taken = {
            part: min(size, max(rule.at_least, math.ceil(total * size / whole))) if size else 0
            for part, size in sizes.items()
        }
        reached = margin_of([(size, taken[part]) for part, size in sizes.items()], confidence=rule.confidence)
        if reached is None or reached <= rule.margin or total >= whole:
            return taken
        total = min(whole, total + max(1, total // 50))


def _place(seed: int, attempt_id: str) -> bytes:
    return hashlib.sha256(f"{seed}:{attempt_id}".encode()).digest()


def _z(confidence: float) -> float:
    return NormalDist().inv_cdf((1 + confidence) / 2)
