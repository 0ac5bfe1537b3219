"""Who decides how many lines to place: ours, 1:1, preview, and VICIdial's rule restated from what is known of it."""

from collections import deque
from dataclasses import dataclass, field
from typing import Protocol

from benchmarks.pacing_desk import Conditions, DayResult, Fate, Hall, Pacer, simulate
from followup.pacing import DEFAULT_LIMIT, Rates, estimated, lines_to_place

PREVIEW_SECONDS = 15.0
OUR_PERIOD = 1.0
VICIDIAL_STEPS = (1.0, 1.0, 0.5, 0.5, 1.0, 1.0)
"""Its clocks: a sample every second, lines every 2.5 s, the level every 15 s."""


class Peer(Protocol):
    """One way to pace a day."""

    @property
    def name(self) -> str:
        """As the rows call it."""

    def day(self, conditions: Conditions) -> DayResult:
        """Play one day by it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """The product's own controller, asked every second, its rates estimated anew twice a minute."""

    name: str = "ours"

    def day(self, conditions: Conditions) -> DayResult:
        """Play one day by it."""
        rates: list[Rates] = []
        estimated_at = -60.0

        def pacer(hall: Hall) -> int:
            nonlocal estimated_at
            if hall.now - estimated_at >= 30:
                rates[:] = [estimated(hall.counts)]
                estimated_at = hall.now
            return lines_to_place(hall.desk(), hall.day(), rates[0]).lines

        return simulate(conditions, pacer, periods=(OUR_PERIOD,))


@dataclass(frozen=True, slots=True, kw_only=True)
class OneToOne:
    """Progressive: a line for each free agent, at once."""

    name: str = "1:1"

    def day(self, conditions: Conditions) -> DayResult:
        """Play one day by it."""
        return simulate(conditions, lambda hall: max(0, hall.free - len(hall.ringing)), periods=(OUR_PERIOD,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """Each agent looks for a while, then dials her own patient; no answer: she looks at the next."""

    name: str = "preview"

    def day(self, conditions: Conditions) -> DayResult:
        """Play one day by it: agents do not touch each other, so each is played alone."""
        seconds, busy, answered, placed = 8 * 3600.0, 0.0, 0, 0
        fate = Fate(conditions)
        for _ in range(conditions.agents):
            now = 0.0
            while now < seconds:
                now += PREVIEW_SECONDS
                answers, after = fate.line()
                now += after
                placed += 1
                if answers and now < seconds:
                    talk, wrap = fate.conversation()
                    busy += min(talk + wrap, seconds - now)
                    now += talk + wrap
                    answered += 1
        return DayResult(busy=busy / (seconds * conditions.agents), answered=answered, abandoned=0, placed=placed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Oracle:
    """Knows who answers and when each agent is free, and lets the one meet the other: nobody can do better."""

    name: str = "oracle"

    def day(self, conditions: Conditions) -> DayResult:
        """Only the first ring of the day is lost: nobody answers before it."""
        seconds, busy, answered = 8 * 3600.0, 0.0, 0
        fate = Fate(conditions)
        for _ in range(conditions.agents):
            answers, now = fate.line()
            while not answers:
                answers, now = fate.line()
            while now < seconds:
                talk, wrap = fate.conversation()
                busy += min(talk + wrap, seconds - now)
                now += talk + wrap
                answered += 1
        return DayResult(busy=busy / (seconds * conditions.agents), answered=answered, abandoned=0, placed=answered)


@dataclass(slots=True)
class _LevelState:
    level: float = 1.0
    second: float = 0.0
    leveled_at: float = 0.0
    sampled_at: float = -1.0
    ready: deque[int] = field(default_factory=lambda: deque(maxlen=15))
    waiting: deque[int] = field(default_factory=lambda: deque(maxlen=15))
    placed_at: float = -10.0
    minute: tuple[int, int] = (0, 0)
    minute_at: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Vicidial:
    """The dial level integrates idle agents less waiting patients, every 15 s; lines are placed every 2.5 s.

    `method` hard: the level falls to 1 while the day's rate is over the limit; tapered: it shrinks by the hours left.
    """

    available_only: bool = True
    difference: float = -1.0
    cap: float = 3.0
    method: str = "hard"
    target: float = DEFAULT_LIMIT

    @property
    def name(self) -> str:
        """As the rows call it."""
        tally = "available" if self.available_only else "all"
        goal = "" if self.target == DEFAULT_LIMIT else f" target {self.target * 100:g}"
        return f"vicidial {self.method} {tally} {self.difference:+g} cap {self.cap:g}{goal}"

    def day(self, conditions: Conditions) -> DayResult:
        """Play one day by it."""
        return simulate(conditions, self._pacer(), periods=VICIDIAL_STEPS)

    def _pacer(self) -> Pacer:
        state = _LevelState()

        def pacer(hall: Hall) -> int:
            now = hall.now
            if now - state.sampled_at >= 1:
                state.sampled_at = now
                state.ready.append(hall.free)
                state.waiting.append(len(hall.waiting))
            if now - state.minute_at >= 60:
                while hall.recent and hall.recent[0][0] < now - 60:
                    hall.recent.popleft()
                state.minute = (len(hall.recent), sum(abandoned for _, abandoned in hall.recent))
                state.minute_at = now
            if now - state.leveled_at >= 15:
                state.leveled_at = now
                state.level = self._leveled(state, hall)
            if now - state.placed_at < 2.5:
                return 0
            state.placed_at = now
            counted = hall.free if self.available_only else hall.free + hall.talking
            goal = round(state.level * max(0.0, counted + self.difference))
            exist = len(hall.ringing) + len(hall.waiting)
            # With the whole tally the conversations that are up count among the lines that exist.
            exist += 0 if self.available_only else hall.talking
            return max(0, goal - exist)

        return pacer

    def _leveled(self, state: _LevelState, hall: Hall) -> float:
        ready, waiting = sum(state.ready) / len(state.ready), sum(state.waiting) / len(state.waiting)
        aim = ready - waiting + self.difference
        level = max(1.0, min(self.cap, round(state.level * (1 + aim / hall.agents), 3)))
        calls, drops = state.minute
        if calls > 20 and drops / calls > 0.5:
            level /= 2
        if hall.placed > 50 and hall.abandoned > self.target * max(1, hall.answered):
            if self.method == "hard":
                level = 1.0
            elif self.method == "average":
                level /= 2
            else:
                left = 2100 - _clock(hall.now)
                level = 1.0 if left < 0 else level * min(1.0, left / 1000)
        return max(1.0, level)


def _clock(seconds: float) -> int:
    """Hours and minutes as one number, the day beginning at nine."""
    minutes = int(seconds // 60)
    return (9 + minutes // 60) * 100 + minutes % 60
