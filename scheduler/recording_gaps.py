"""Reconciliation: each answered call has a recording, or stands on a list with the reason within ten minutes."""

from datetime import timedelta

import structlog

from db.unit_of_work import UnitOfWork
from followup.events import DomainEvent, EventKind
from followup.recording_gaps import (
    BY_WISH,
    DETAIL_LENGTH,
    ON_THE_LIST_AFTER,
    GapState,
    RecordedCall,
    RecordingGap,
    gap_in,
)
from runtime.identifiers import new_id
from scheduler.reconcile import Repairs

log = structlog.get_logger(__name__)

_AT_ONCE = 500
RECENT = timedelta(days=1)
LONG_AGO = timedelta(days=120)
"""As far back calls are looked through now and then: a scheduler that was down for weeks misses none."""


def find_recording_gaps(repairs: Repairs) -> int:
    """Answered calls of the last day that lack something of their recording: each comes onto the list once."""
    return _find(repairs, RECENT)


def find_old_recording_gaps(repairs: Repairs) -> int:
    """The same over months, for whatever no scheduler was there to see."""
    return _find(repairs, LONG_AGO)


def _find(repairs: Repairs, since: timedelta) -> int:
    with repairs.units_of_work() as uow:
        after = None
        while page := uow.recording_gaps.open_calls(after=after, limit=_AT_ONCE):
            gaps = uow.recording_gaps.of_calls([call.call_id for call in page])
            for call in page:
                _look_again(uow, call, gaps[call.call_id])
            after = page[-1].call_id
        doubtful = uow.recording_gaps.unlisted(since=uow.now - since, until=uow.now - ON_THE_LIST_AFTER, limit=_AT_ONCE)
        found = sum(_list(uow, call) for call in doubtful)
        uow.commit()
    return found


def _list(uow: UnitOfWork, call: RecordedCall) -> bool:
    kind = gap_in(call)
    if kind is None:
        return False
    by_wish = kind in BY_WISH
    gap = RecordingGap(
        id=new_id(),
        call_id=call.call_id,
        recording_id=call.recording_id,
        kind=kind,
        state=GapState.EXPLAINED if by_wish else GapState.OPEN,
        detail=call.reason[:DETAIL_LENGTH],
        found_at=uow.now,
        settled_at=uow.now if by_wish else None,
    )
    uow.recording_gaps.add(gap)
    if by_wish:
        return False
    uow.emit(DomainEvent(kind=EventKind.RECORDING_GAP_FOUND, subject=gap.id, ids={"call": gap.call_id}))
    log.error("recording_gap_found", gap=gap.id, call=call.call_id, kind=kind.value)
    return True


def _look_again(uow: UnitOfWork, call: RecordedCall, gap: RecordingGap) -> None:
    """What came meanwhile settles the line; another fault than before takes its place."""
    kind = gap_in(call)
    if gap.state is not GapState.OPEN or kind is gap.kind:
        return
    gap.recording_id = call.recording_id
    if kind is None or kind in BY_WISH:
        gap.kind = kind or gap.kind
        gap.state = GapState.RESOLVED if kind is None else GapState.EXPLAINED
        gap.settled_at = uow.now
        uow.emit(DomainEvent(kind=EventKind.RECORDING_GAP_SETTLED, subject=gap.id, ids={"call": gap.call_id}))
        log.info("recording_gap_settled", gap=gap.id, call=call.call_id, kind=gap.kind.value)
    else:
        gap.kind, gap.detail = kind, call.reason[:DETAIL_LENGTH]
        log.info("recording_gap_changed", gap=gap.id, call=call.call_id, kind=kind.value)
