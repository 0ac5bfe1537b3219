"""Exceptions of the day: what should not be and waits for a person; zero is the goal. Each has an owner or none yet."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from followup.caller_ids import wilson_interval
from followup.recording_gaps import GapKind

UNSIGNED_AFTER = timedelta(hours=24)
LOOKED_BACK = timedelta(days=14)
"""So far back missed windows and fallen numbers are still told of; what is older belongs to reports."""

WRONG_NUMBERS_OVER = timedelta(days=7)
WRONG_NUMBERS_LIMIT = 0.10
LEAST_TASKS = 30
_Z = 1.96


class DayExceptionKind(StrEnum):
    """What kind of exception; the order is that of urgency."""

    RED_UNACKNOWLEDGED = "red_unacknowledged"
    NO_RECORDING = "no_recording"
    INCOMPLETE_RECORDING = "incomplete_recording"  # a side is empty, or sound is missing at its beginning or end
    FAILED_RECORDING = "failed_recording"  # it is there and could not be stored or written down
    UNSIGNED_NOTE = "unsigned_note"
    WINDOW_MISSED = "window_missed"
    GLASS_UNREVIEWED = "glass_unreviewed"
    WRONG_NUMBERS = "wrong_numbers"  # a queue's share of wrong numbers is surely above the limit
    CALLER_ID_FELL = "caller_id_fell"
    PARKED_TASK = "parked_task"


SETTLED_BY_WORDS = frozenset(
    {DayExceptionKind.WINDOW_MISSED, DayExceptionKind.WRONG_NUMBERS, DayExceptionKind.CALLER_ID_FELL}
)
"""Kinds that nothing else ends: a person says in words what was done. Every other one goes when its cause is mended."""

INCOMPLETE = frozenset({GapKind.SIDE_MISSING, GapKind.SIDE_SHORT, GapKind.CUT_OFF, GapKind.BEGAN_LATE})


@dataclass(frozen=True, slots=True, kw_only=True)
class DayException:
    """One line: ids only, and a code that says more of it where there is one."""

    kind: DayExceptionKind
    subject: str
    since: datetime
    detail: str = ""
    queue_id: str | None = None
    agent_id: str | None = None  # whose work it was
    call_id: str | None = None
    recording_id: str | None = None
    task_id: str | None = None
    numerator: int | None = None
    denominator: int | None = None


@dataclass(kw_only=True, eq=False)
class ExceptionCase:
    """What people did about an exception: who has it, and what was said when it was settled."""

    id: str
    kind: DayExceptionKind
    subject: str
    owner_id: str | None = None
    owned_at: datetime | None = None
    assigned_by: str | None = None
    settled_by: str | None = None
    settled_at: datetime | None = None
    settled_because: str = ""


def too_many_wrong_numbers(wrong: int, tasks: int) -> bool:
    """True if the share is above the limit even at the lower end of its interval, and enough tasks tell of it."""
    return tasks >= LEAST_TASKS and wilson_interval(wrong, tasks, _Z)[0] > WRONG_NUMBERS_LIMIT
