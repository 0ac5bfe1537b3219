"""A simulated survey desk: lines that ring, patients who answer or do not, agents who talk and write, and a pacer."""

import heapq
import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count, cycle

from followup.pacing import DayCount, Desk, RingCounts, new_counts, ring_bin

DAY_SECONDS = 8 * 3600.0
PATIENCE = 2.0
TALK_MEAN, WRAP_MEAN = 150.0, 30.0
RING_MEAN, RING_SPREAD, RING_MOST = 12.0, 4.0, 26.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """One cell: agents, the share of lines that a person answers, and the day's seed."""

    agents: int
    answer_rate: float
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DayResult:
    """What a day came to. `worst_moment` is the highest share of abandoned calls after any of the day's answers."""

    busy: float
    answered: int
    abandoned: int
    placed: int
    worst_moment: float = 0.0

    @property
    def abandonment(self) -> float:
        """Abandoned calls for each one that a person answered, at the day's end."""
        return self.abandoned / self.answered if self.answered else 0.0


class Fate:
    """What will become of the nth line and the nth conversation: the same for every peer of one seed."""

    def __init__(self, conditions: Conditions) -> None:
        self._lines = random.Random(f"lines {conditions}")  # noqa: S311 - a day that can be played again
        self._talks = random.Random(f"talks {conditions}")  # noqa: S311
        self._rate = conditions.answer_rate

    def line(self) -> tuple[bool, float]:
        """Whether a person answers, and after how many seconds it is answered or over."""
        rng = self._lines
        sort, ring = rng.random(), max(1.0, min(RING_MOST - 1, rng.gauss(RING_MEAN, RING_SPREAD)))
        if sort < self._rate:
            return True, ring
        # One in five of the others is busy, rejected or not in use; the rest ring out.
        return False, (3.0 if sort > 1 - (1 - self._rate) / 5 else RING_MOST)

    def conversation(self) -> tuple[float, float]:
        """Seconds of talk and of wrap-up: skewed, as they are."""
        rng = self._talks
        return rng.gammavariate(2.0, TALK_MEAN / 2), rng.gammavariate(2.0, WRAP_MEAN / 2)


@dataclass(slots=True)
class Hall:
    """The desk at one moment, as a pacer may see it."""

    agents: int
    now: float = 0.0
    free: int = 0
    talking: int = 0
    wrapping: int = 0
    ringing: dict[int, float] = field(default_factory=dict)  # line -> placed at
    waiting: deque[int] = field(default_factory=deque)  # answered lines without an agent, longest first
    answered: int = 0
    abandoned: int = 0
    placed: int = 0
    recent: deque[tuple[float, bool]] = field(default_factory=deque)  # ends of calls in the last minute: abandoned?
    counts: RingCounts = field(default_factory=new_counts)

    def desk(self) -> Desk:
        """What the product's controller is shown."""
        return Desk(
            free=self.free,
            talking=self.talking,
            wrapping=self.wrapping,
            ringing=[self.now - placed for placed in self.ringing.values()],
            answered=len(self.waiting),
        )

    def day(self) -> DayCount:
        """Who waits has been answered, but not yet come to anything: the controller counts him with the lines."""
        return DayCount(answered=self.answered, abandoned=self.abandoned)


Pacer = Callable[[Hall], int]
"""Lines to place now; called after each of `periods` seconds in turn."""


def simulate(
    conditions: Conditions, pacer: Pacer, *, periods: Sequence[float], seconds: float = DAY_SECONDS
) -> DayResult:
    """Play one day."""
    fate, hall = Fate(conditions), Hall(agents=conditions.agents, free=conditions.agents)
    order, steps = count(), cycle(periods)
    events: list[tuple[float, int, str, int]] = [(0.0, next(order), "tick", 0)]
    busy, worst, numbers, agents = 0.0, 0.0, count(), count()
    times: dict[int, tuple[float, float]] = {}

    def later(seconds: float, kind: str, line: int = 0) -> None:
        heapq.heappush(events, (hall.now + seconds, next(order), kind, line))

    def connect() -> None:
        nonlocal busy
        talk, wrap = fate.conversation()
        hall.free -= 1
        hall.talking += 1
        hall.answered += 1
        busy += max(0.0, min(talk + wrap, seconds - hall.now))
        agent = next(agents)
        times[agent] = (talk, wrap)
        later(talk, "talk_over", agent)
        later(talk + wrap, "wrap_over", agent)

    while events:
        at, _, kind, line = heapq.heappop(events)
        if at >= seconds:
            break
        hall.now = at
        if kind == "tick":
            for _ in range(pacer(hall)):
                placed = next(numbers)
                hall.ringing[placed] = at
                hall.placed += 1
                answers, after = fate.line()
                later(after, "answered" if answers else "ended", placed)
            later(next(steps), "tick")
        elif kind == "ended":
            hall.counts.ended[ring_bin(at - hall.ringing.pop(line))] += 1
            hall.recent.append((at, False))
        elif kind == "answered":
            hall.counts.answered[ring_bin(at - hall.ringing.pop(line))] += 1
            if hall.free:
                connect()
                hall.recent.append((at, False))
            else:
                hall.waiting.append(line)
                later(PATIENCE, "impatient", line)
        elif kind == "impatient":
            if line in hall.waiting:
                hall.waiting.remove(line)
                hall.answered += 1
                hall.abandoned += 1
                worst = max(worst, hall.abandoned / hall.answered)
                hall.recent.append((at, True))
        elif kind == "talk_over":
            hall.talking -= 1
            hall.counts.talks += 1
            hall.counts.talk_seconds += times[line][0]
            hall.wrapping += 1
        else:
            hall.wrapping -= 1
            hall.free += 1
            hall.counts.wraps += 1
            hall.counts.wrap_seconds += times.pop(line)[1]
            if hall.waiting:
                hall.waiting.popleft()
                connect()
                hall.recent.append((at, False))
    return DayResult(
        busy=busy / (seconds * conditions.agents),
        answered=hall.answered,
        abandoned=hall.abandoned,
        placed=hall.placed,
        worst_moment=worst,
    )
