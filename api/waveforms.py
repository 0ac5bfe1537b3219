"""The part of a waveform that a player draws: a stretch of it, in so many values as there is room for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

MOST = 4000
"""As many as any screen has points; a whole call of four hours comes in so many unless fewer are asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waveform:
    """Both lanes from a second on, each value the loudest of its span."""

    start: float
    per_second: float
    agent: list[int]
    patient: list[int]


def drawn(peaks: Mapping[str, Any], *, start: float, end: float | None, most: int) -> Waveform:
    """The stretch from `start` to `end`, coarser where it has more than `most` values; no loud moment gets lost."""
    agent, patient, per_second = peaks["agent"], peaks["patient"], float(peaks["per_second"])
    first = min(int(start * per_second), len(agent))
    last = len(agent) if end is None else min(max(first, ceil(end * per_second)), len(agent))
    spans = max(1, -(-(last - first) // most))
    return Waveform(
        start=first / per_second,
        per_second=per_second / spans,
        agent=_loudest(agent[first:last], spans),
        patient=_loudest(patient[first:last], spans),
    )


def _loudest(lane: Sequence[int], spans: int) -> list[int]:
    return [max(lane[at : at + spans]) for at in range(0, len(lane), spans)]
