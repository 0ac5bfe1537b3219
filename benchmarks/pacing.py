"""How busy a survey desk is, and how many patients find nobody: `python -m benchmarks.pacing --json`, or `--quick`.

Every way of pacing plays the same seeded days of eight hours: the nth line and the nth conversation are the same for
all. VICIdial's rule is a restatement of what is published of it, at its defaults and tuned; each is shown, and of those
that keep the limit on every day the busiest is marked as the best. Seeds from 900 on were used to choose our two risks;
the rows show others.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

from benchmarks.pacing_desk import PATIENCE, RING_MEAN, RING_MOST, TALK_MEAN, WRAP_MEAN, Conditions, DayResult
from benchmarks.pacing_peers import OUR_PERIOD, PREVIEW_SECONDS, OneToOne, Oracle, Ours, Peer, Preview, Vicidial
from benchmarks.row import Row, print_rows
from followup.pacing import DEFAULT_LIMIT

AGENTS = (3, 5, 10, 20, 50, 100)
ANSWER_RATES = (0.3, 0.45, 0.6)
SEEDS = tuple(range(1, 6))
SEEDS_OF_MANY = SEEDS[:3]
"""Of 50 agents and more: a day of theirs has as many calls as ten of a small desk."""

MANY = 50
PEERS: tuple[Peer, ...] = (
    Preview(),
    OneToOne(),
    Vicidial(available_only=False, difference=0),
    *(Vicidial(difference=difference, cap=cap) for difference in (0, -1, -2) for cap in (2, 3, 4)),
    Vicidial(difference=-4, cap=6),
    Vicidial(difference=-1, cap=3, method="tapered"),
    Vicidial(difference=0, cap=3, target=0.025),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PacingRow(Row):
    """A row of the general kind with the worst day of both: abandoned calls per call that a person answered."""

    worst_day_abandonment: float
    peer_worst_day_abandonment: float
    best_peer_that_keeps_the_limit: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """All days of one peer in one cell."""

    name: str
    busy: float
    spread: float
    worst: float
    worst_moment: float
    mean: float

    @property
    def keeps(self) -> bool:
        """Whether no day ended over the limit."""
        return self.worst <= DEFAULT_LIMIT


def main(argv: Sequence[str] | None = None) -> int:
    """Play all cells and print their rows; 1 when ours was over the limit on any day."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON list")
    parser.add_argument("--quick", action="store_true", help="few agents, two days: seconds instead of minutes")
    arguments = parser.parse_args(argv)
    agents, seeds = ((3, 10), SEEDS[:1]) if arguments.quick else (AGENTS, SEEDS)
    played = rows(agents, seeds)
    print_rows(played, as_json=arguments.json)
    return int(any(row.worst_day_abandonment > DEFAULT_LIMIT for row in played))


def rows(agents: Sequence[int] = AGENTS, seeds: Sequence[int] = SEEDS) -> list[PacingRow]:
    """Every cell's peers, one row for each; progress goes to stderr."""
    cells = [(many, rate) for many in agents for rate in ANSWER_RATES]
    began = time.monotonic()
    played: list[PacingRow] = []
    with ProcessPoolExecutor(max_workers=min(2, os.cpu_count() or 1)) as pool:
        # The largest first: the others fill the time beside them.
        for (many, rate), days in zip(
            reversed(cells), pool.map(partial(_cell, seeds=seeds), reversed(cells)), strict=True
        ):
            played[:0] = _rows(days, many, rate, len(_seeds(many, seeds)))
            _say(began, many, rate, days)
    return played


def _cell(cell: tuple[int, float], *, seeds: Sequence[int]) -> list[Days]:
    """Ours first, then the oracle, then every peer."""
    many, rate = cell
    plays = [Conditions(agents=many, answer_rate=rate, seed=seed) for seed in _seeds(many, seeds)]
    everybody: tuple[Peer, ...] = (Ours(), Oracle(), *PEERS)
    return [_days(peer.name, [peer.day(each) for each in plays]) for peer in everybody]


def _seeds(many: int, seeds: Sequence[int]) -> Sequence[int]:
    return seeds if many < MANY else [seed for seed in seeds if seed in SEEDS_OF_MANY]


def _days(name: str, days: Sequence[DayResult]) -> Days:
    busy = [day.busy for day in days]
    middle = statistics.median(busy)
    return Days(
        name=name,
        busy=statistics.fmean(busy),
        spread=(max(busy) - min(busy)) / middle if middle else 0.0,
        worst=max(day.abandonment for day in days),
        worst_moment=max(day.worst_moment for day in days),
        mean=statistics.fmean(day.abandonment for day in days),
    )


def _rows(days: Sequence[Days], many: int, rate: float, seeds: int) -> Iterable[PacingRow]:
    ours, oracle, *peers = days
    best = _best(peers)
    for peer in peers:
        words = "" if peer.keeps else "over the limit on at least one day; "
        words += "" if peer.busy else "it dials nothing with so few agents; "
        words += "best peer that keeps the limit; " if peer is best else ""
        yield PacingRow(
            name="pacing.busy",
            unit="share of paid time in talk and wrap-up",
            ours=round(ours.busy, 4),
            peer=peer.name,
            peer_value=round(peer.busy, 4),
            ratio=round(ours.busy / peer.busy, 4) if peer.busy else None,
            bound=round(oracle.busy, 4),
            n=seeds,
            spread=round(ours.spread, 4),
            conditions=f"{words}{many} agents, {rate:g} of lines answered after {RING_MEAN:g} s, others "
            f"{RING_MOST:g} s; talk {TALK_MEAN:g} s, wrap-up {WRAP_MEAN:g} s, patience {PATIENCE:g} s, limit "
            f"{DEFAULT_LIMIT:g}, 8 h; "
            f"ours and 1:1 every {OUR_PERIOD:g} s, preview looks {PREVIEW_SECONDS:g} s; ours mean abandonment "
            f"{ours.mean:.4f}, never above {ours.worst_moment:.4f} after any call; peer mean {peer.mean:.4f}",
            worst_day_abandonment=round(ours.worst, 5),
            peer_worst_day_abandonment=round(peer.worst, 5),
            best_peer_that_keeps_the_limit=peer is best,
        )


def _best(peers: Sequence[Days]) -> Days:
    return max((peer for peer in peers if peer.keeps), key=lambda peer: peer.busy)


def _say(began: float, many: int, rate: float, days: Sequence[Days]) -> None:
    ours, oracle, *peers = days
    best = _best(peers)
    sys.stderr.write(
        f"{time.monotonic() - began:5.0f} s: {many} agents, {rate:g}: ours {ours.busy:.4f} "
        f"(worst day {ours.worst:.4f}), best that keeps the limit {best.name} "
        f"{best.busy:.4f} ({best.worst:.4f}), bound {oracle.busy:.4f}\n"
    )


if __name__ == "__main__":
    raise SystemExit(main())
