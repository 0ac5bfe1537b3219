"""How a result moves over the years: the slope that most pairs of points agree on, and how sure it is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import combinations
from statistics import median

FEWEST_POINTS = 3
MOST_POINTS = 400
"""Of more the caller gives the median of each week or month: every pair is looked at."""
_SHORT = timedelta(days=90)
_NINETY_FIVE_PERCENT = 1.96


class Per(StrEnum):
    """In which span the slope is told."""

    WEEK = "week"
    YEAR = "year"

    @property
    def length(self) -> timedelta:
        """The span."""
        return timedelta(days=7) if self is Per.WEEK else timedelta(days=365.2425)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A value at an instant."""

    at: datetime
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Slope:
    """Theil–Sen's slope: the median over all pairs of points, which one slip of the pen does not bend.

    `low` and `high` are Sen's 95 % bounds from Kendall's variance; where they have the same sign the trend is clear.
    """

    per: Per
    value: float
    low: float
    high: float
    points: int

    @property
    def is_clear(self) -> bool:
        """True if chance alone would hardly make such a slope."""
        return self.low > 0 or self.high < 0


def slope_of(points: Sequence[Point]) -> Slope | None:
    """The slope of a series; None with fewer than three instants, of which nobody can say that they go anywhere."""
    if len({point.at for point in points}) < FEWEST_POINTS:
        return None
    if len(points) > MOST_POINTS:
        raise ValueError(f"{len(points)} points: give at most {MOST_POINTS}, the median of each week for example")
    first, last = min(point.at for point in points), max(point.at for point in points)
    per = Per.WEEK if last - first < _SHORT else Per.YEAR
    placed = [((point.at - first) / per.length, point.value) for point in points]
    slopes = sorted(
        (value - other) / (place - elsewhere)
        for (place, value), (elsewhere, other) in combinations(placed, 2)
        if place != elsewhere
    )
    count = len(points)
    spread = _NINETY_FIVE_PERCENT * math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    lower = max(0, round((len(slopes) - spread) / 2) - 1)
    upper = min(len(slopes) - 1, round((len(slopes) + spread) / 2))
    return Slope(per=per, value=median(slopes), low=slopes[lower], high=slopes[upper], points=count)
