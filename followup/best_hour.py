"""When a patient is likeliest to answer: plain counts by part of the day, leaning on his queue's where his are few."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from followup.outcomes import AttemptOutcome
from followup.what_next import AttemptPolicy, part_of

ANSWERED = frozenset({AttemptOutcome.CONNECTED_PATIENT, AttemptOutcome.CONNECTED_PROXY})
MISSED = frozenset(
    {AttemptOutcome.NO_ANSWER, AttemptOutcome.REJECTED, AttemptOutcome.ANSWERED_MACHINE, AttemptOutcome.UNREACHABLE}
)
"""A busy line or a fault of ours tells nothing about the hour."""

LEAN = 4
"""The queue's counts weigh as much as so many attempts of the patient's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartCounts:
    """Attempts in one part of the day: answered, and missed."""

    answered: int = 0
    missed: int = 0


def counts_by_part(
    policy: AttemptPolicy, zone: str, attempts: Iterable[tuple[datetime, AttemptOutcome | None]]
) -> dict[int, PartCounts]:
    """Answered and missed attempts by part of the local day."""
    found: dict[int, PartCounts] = {}
    for at, outcome in attempts:
        if outcome not in ANSWERED and outcome not in MISSED:
            continue
        part = part_of(policy, zone, at)
        before = found.get(part, PartCounts())
        answered = outcome in ANSWERED
        found[part] = PartCounts(answered=before.answered + answered, missed=before.missed + (not answered))
    return found


def chances_by_part(
    policy: AttemptPolicy, own: Mapping[int, PartCounts], queue: Mapping[int, PartCounts]
) -> dict[int, float]:
    """The chance of an answer in each part of the day; even where nothing is known yet."""
    return {
        part: _chance(own.get(part, PartCounts()), queue.get(part, PartCounts()))
        for part in range(len(policy.day_parts))
    }


def _chance(own: PartCounts, queue: PartCounts) -> float:
    # One of each beside what was counted: a part of the day in which nobody was ever called is neither best nor worst.
    usual = (queue.answered + 1) / (queue.answered + queue.missed + 2)
    return (own.answered + LEAN * usual) / (own.answered + own.missed + LEAN)
