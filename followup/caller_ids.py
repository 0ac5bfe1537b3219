"""Caller IDs: how often the calls that show a number are answered, and when that fell so far that somebody must look.

A number that handsets and carriers have marked as spam shows it here first, days before anybody complains.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from followup.calls import EndReason

NOT_THE_NUMBERS_DOING = frozenset(
    {
        EndReason.INVALID_NUMBER,
        EndReason.CONGESTION,
        EndReason.NETWORK_FAILURE,
        EndReason.CANCELLED,
        EndReason.REFUSED_BY_GATE,
        EndReason.WORKER_LOST,
    }
)
"""Calls that ended so before an answer never asked a person whether he takes a call from this number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerIdDay:
    """One number's calls of one hospital day: those that could have been answered, and those that were."""

    caller_id: str
    day: date
    tries: int
    answered: int

    @property
    def rate(self) -> float | None:
        """The share that was answered; None without calls."""
        return self.answered / self.tries if self.tries else None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRule:
    """When a day's rate counts as fallen."""

    history_days: int = 14
    least_tries: int = 30  # of the day: fewer say nothing
    least_history_tries: int = 100
    z: float = 2.576  # a 99 % interval: one number watched for a year would otherwise cry wolf every month
    largest_share: float = 0.8  # of the usual rate: a difference that is certain but small wakes nobody


@dataclass(frozen=True, slots=True, kw_only=True)
class Fall:
    """A day on which a number was answered far less than it used to be."""

    day: CallerIdDay
    usual_rate: float
    upper_rate: float  # the day's true rate is below this, at the rule's confidence


def wilson_interval(successes: int, tries: int, z: float) -> tuple[float, float]:
    """The Wilson score interval of a share (Wilson 1927): sound for small counts and for shares near 0 or 1."""
    if tries <= 0:
        return 0.0, 1.0
    share = successes / tries
    middle = share + z * z / (2 * tries)
    half = z * math.sqrt(share * (1 - share) / tries + z * z / (4 * tries * tries))
    scale = 1 + z * z / tries
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def fall_of(day: CallerIdDay, history: Sequence[CallerIdDay], rule: AlarmRule) -> Fall | None:
    """The fall that this day is, judged by the number's own days before it; None when there is none to speak of."""
    before = [
        past
        for past in history
        if past.caller_id == day.caller_id and 0 < (day.day - past.day).days <= rule.history_days
    ]
    tries, answered = sum(past.tries for past in before), sum(past.answered for past in before)
    if day.tries < rule.least_tries or tries < rule.least_history_tries or day.rate is None:
        return None
    usual = answered / tries
    _, upper = wilson_interval(day.answered, day.tries, rule.z)
    if upper >= usual or day.rate > usual * rule.largest_share:
        return None
    return Fall(day=day, usual_rate=usual, upper_rate=upper)
