"""Which trunk a call takes now: the cheapest of those that are up, have a free channel and may begin another call."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeVar


class Hindrance(StrEnum):
    """Why a trunk cannot take a call at this moment."""

    DOWN = "down"
    NO_CHANNEL = "no free channel"
    PACE = "its calls per second are used up"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkUse:
    """How a trunk stands at this moment."""

    up: bool
    channels_in_use: int
    tokens: float


class Limits(Protocol):
    """What choosing has to know of a trunk."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def cost(self) -> float:
        """What a minute costs, in any unit that all trunks share."""

    @property
    def channels(self) -> int | None:
        """Calls at once; None without a limit."""


Line = TypeVar("Line", bound=Limits)


def refilled(tokens: float, filled_at: datetime, per_second: float, now: datetime) -> float:
    """The tokens there are now: no more are saved up than one second's, and at least one can be."""
    passed = max(0.0, (now - filled_at).total_seconds())
    return min(full(per_second), tokens + passed * per_second)


def full(per_second: float) -> float:
    """The most tokens a trunk of this pace can have."""
    return max(1.0, per_second)


def hindrance(line: Limits, use: TrunkUse) -> Hindrance | None:
    """Why the trunk cannot take a call now; None when it can."""
    if not use.up:
        return Hindrance.DOWN
    if line.channels is not None and use.channels_in_use >= line.channels:
        return Hindrance.NO_CHANNEL
    if use.tokens < 1:
        return Hindrance.PACE
    return None


def in_cost_order(lines: Iterable[Line]) -> list[Line]:
    """Cheapest first; trunks of one cost stay in the order of the file."""
    return sorted(lines, key=lambda line: line.cost)


def choose(lines: Iterable[Line], look: Callable[[Line], TrunkUse]) -> tuple[Line | None, dict[str, Hindrance]]:
    """The trunk to take and why each before it could not; None when the call has to wait.

    `look` is asked for one trunk after another and never for one behind the chosen one: looking locks its row.
    """
    hindered: dict[str, Hindrance] = {}
    for line in in_cost_order(lines):
        why = hindrance(line, look(line))
        if why is None:
            return line, hindered
        hindered[line.name] = why
    return None, hindered
