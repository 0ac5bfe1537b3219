"""Files of messages come in by the same door as a connection's: kept first, applied then, as often as you like."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from db.unit_of_work import UnitsOfWork
from interop.hl7.acknowledging import Answer
from interop.hl7.applying import apply_waiting
from interop.hl7.desk import FeedDesk
from interop.hl7.framing import Frame
from interop.hl7.receiving import ReceivingRules, judge, store

_KEPT_AT_ONCE = 200
_BYTES_AT_ONCE = 16_000_000
_APPLIED_EVERY = 1_000
"""Messages that are kept before what waits is applied: a file that is brought in halfway is a record up to there."""


@dataclass(slots=True, kw_only=True)
class Replayed:
    """How far a replay has come."""

    read: int = 0
    new: int = 0  # the others were known, and did nothing
    refused: int = 0  # kept, and of no use: no message, too long, without what tells it from others
    looked_at: int = 0  # by us, of all that waited; another process may apply as well


def replay(
    units: UnitsOfWork,
    frames: Iterable[Frame],
    *,
    peer: str,
    rules: ReceivingRules,
    desk: FeedDesk,
    progress: Callable[[Replayed], None],
) -> Replayed:
    """Keep every message and apply it; a stop in between loses nothing, and the next replay goes on."""
    done = Replayed()
    rest = iter(frames)
    since = 0
    while some := _next(rest):
        judged = [judge(frame, peer=peer, rules=rules, now=datetime.now(UTC)) for frame in some]
        done.read += len(judged)
        done.refused += sum(each.answer is not Answer.ACCEPT for each in judged)
        done.new += store(units, judged, rules)
        progress(done)
        since += len(judged)
        if since >= _APPLIED_EVERY:
            since = 0
            _apply(units, desk, done, progress)
    _apply(units, desk, done, progress)
    return done


def _next(rest: Iterable[Frame]) -> list[Frame]:
    some: list[Frame] = []
    size = 0
    for frame in islice(rest, _KEPT_AT_ONCE):
        some.append(frame)
        size += len(frame.content)
        if size > _BYTES_AT_ONCE:
            break
    return some


def _apply(units: UnitsOfWork, desk: FeedDesk, done: Replayed, progress: Callable[[Replayed], None]) -> None:
    while count := apply_waiting(units, desk):
        done.looked_at += count
        progress(done)
