"""One measured figure of ours beside one peer's."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`ratio` says how many times better ours is (above 1 is ahead); a peer that cannot run leaves nulls and a reason.

    `bound` is what no program could beat here, `spread` the range of our runs as a share of their median.
    """

    name: str
    unit: str
    ours: float | None
    peer: str
    peer_value: float | None
    ratio: float | None
    bound: float | None
    n: int
    spread: float | None
    conditions: str


def print_rows(rows: Sequence[Row], *, as_json: bool) -> None:
    """Print the rows on stdout, as one JSON list or as lines to read."""
    if as_json:
        json.dump([asdict(row) for row in rows], sys.stdout, ensure_ascii=False, indent=1)
        sys.stdout.write("\n")
        return
    for row in rows:
        print(f"{row.name} ({row.unit}): ours {row.ours}, {_beside(row)}; {row.conditions}")


def _beside(row: Row) -> str:
    if row.peer_value is None:
        return f"{row.peer} cannot run"
    ratio = "no ratio" if row.ratio is None else f"{row.ratio:.2f} times better"
    return f"{row.peer} {row.peer_value}, {ratio}"
