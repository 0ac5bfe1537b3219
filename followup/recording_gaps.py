"""Answered calls without a whole recording: what is missing, why, and whether a person has to say something to it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from followup.recordings import DISK_FULL, NEVER_BEGUN, NOBODY_SPOKE, REFUSED_BY_PATIENT, FaultKind, RecordingState

ON_THE_LIST_AFTER = timedelta(minutes=8)
"""So long after its end a call's recording should lie in the vault; with the minute between two looks it is told of
within ten."""

DETAIL_LENGTH = 500
UNTOLD_SECONDS = 5.0
"""A recording may begin and end so much beside its call: it starts with the answer and stops with the line."""


class GapKind(StrEnum):
    """What is missing of a call."""

    NOT_WANTED = "not_wanted"  # the patient wants no recording; none was begun
    REFUSED = "refused"  # he refused it in the call; it was destroyed
    NOBODY_SPOKE = "nobody_spoke"  # nobody of ours came to the line; it was destroyed
    MISSING = "missing"  # there is no recording, and nothing says why
    NEVER_BEGUN = "never_begun"  # disk full, or its folder cannot be written
    DISK_FULL = "disk_full"  # the end is missing
    LOST = "lost"  # it failed; its reason says why
    NOT_STORED = "not_stored"  # it lies in the spool and the vault has not taken it
    SIDE_MISSING = "side_missing"  # one side holds no sound
    SIDE_SHORT = "side_short"  # one side ends before the other
    CUT_OFF = "cut_off"  # both sides end before the call did
    BEGAN_LATE = "began_late"


class GapState(StrEnum):
    """Whether anybody still has to look at it."""

    OPEN = "open"
    EXPLAINED = "explained"  # by the call itself, or by a person in words
    RESOLVED = "resolved"  # the recording came after all


BY_WISH = frozenset({GapKind.NOT_WANTED, GapKind.REFUSED, GapKind.NOBODY_SPOKE})
"""Gaps that are as they should be: they stand on the list for whoever counts, and nobody has to say anything."""

_WHY_FAILED = {
    REFUSED_BY_PATIENT: GapKind.REFUSED,
    NOBODY_SPOKE: GapKind.NOBODY_SPOKE,
    NEVER_BEGUN: GapKind.NEVER_BEGUN,
    DISK_FULL: GapKind.DISK_FULL,
}
_WAITING = frozenset({RecordingState.EXPECTED, RecordingState.RECORDING, RecordingState.CAPTURED})
_FAULTS = {
    FaultKind.DISK_FULL: GapKind.DISK_FULL,
    FaultKind.SIDE_MISSING: GapKind.SIDE_MISSING,
    FaultKind.SIDE_EMPTY: GapKind.SIDE_MISSING,
    FaultKind.SIDE_SHORT: GapKind.SIDE_SHORT,
}
TELLING_FAULTS = tuple(_FAULTS)
"""Faults that make a gap; the others are only doubts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedCall:
    """An answered call that is over, beside what is known of its recording; no state: there is no recording."""

    call_id: str
    wanted: bool
    answered_at: datetime
    ended_at: datetime
    recording_id: str | None = None
    state: RecordingState | None = None
    reason: str = ""
    in_vault: bool = False
    started_at: datetime | None = None
    seconds: float | None = None
    faults: tuple[FaultKind, ...] = ()


@dataclass(kw_only=True, eq=False)
class RecordingGap:
    """One line of the list: a call has one, and it stays when it is settled."""

    id: str
    call_id: str
    recording_id: str | None
    kind: GapKind
    state: GapState
    detail: str  # in words, for whoever mends it
    found_at: datetime
    settled_at: datetime | None = None
    settled_by: str | None = None
    settled_because: str = ""


def gap_in(call: RecordedCall) -> GapKind | None:
    """What is missing of the call, the gravest first; None when its recording is whole."""
    if call.state is None:
        return GapKind.MISSING if call.wanted else GapKind.NOT_WANTED
    if call.state is RecordingState.EXPIRED:
        return None
    if not call.in_vault:
        if call.state in _WAITING:
            return GapKind.NOT_STORED
        return _WHY_FAILED.get(call.reason, GapKind.LOST)
    for fault, kind in _FAULTS.items():
        if fault in call.faults:
            return kind
    return _out_of_step(call)


def _out_of_step(call: RecordedCall) -> GapKind | None:
    if call.started_at is None or call.seconds is None:
        return None
    if (call.started_at - call.answered_at).total_seconds() > UNTOLD_SECONDS:
        return GapKind.BEGAN_LATE
    end = call.started_at + timedelta(seconds=call.seconds)
    return GapKind.CUT_OFF if (call.ended_at - end).total_seconds() > UNTOLD_SECONDS else None
