"""Are recordings whole and kept as they should be: gaps, what waits for the store, what is over, half destructions."""

from datetime import timedelta

from db.unit_of_work import UnitsOfWork
from followup.recording_gaps import GapState
from runtime.settings import Settings
from suifang.findings import Finding, good, note, wrong

_COUNTED = timedelta(days=30)
_LISTED = 500
_STUCK = timedelta(hours=2)


def check_keeping(settings: Settings, units: UnitsOfWork) -> list[Finding]:
    """The list of gaps, the spool, the end of recordings."""
    with units() as uow:
        gaps = len(uow.recording_gaps.page(state=GapState.OPEN, kind=None, since=uow.now - _COUNTED, limit=_LISTED))
        waiting = len(uow.recordings.waiting_for_store(limit=_LISTED))
        due = sum(each.due for each in uow.retention.outlook(now=uow.now, at=uow.now))
        half = [each for each in uow.purges.page(undone=True, limit=_LISTED) if uow.now - each.begun_at > _STUCK]
    found: list[Finding] = []
    if waiting:
        mend = "see why: `suifang recordings failed`; they come in by themselves once the store takes them"
        found.append(wrong("recordings", f"{waiting} wait in their spool: the store or a disk takes nothing", mend))
    if gaps:
        found.append(
            note(
                "recordings",
                f"{gaps} answered calls of the last 30 days have no whole recording and nobody said why",
                "`suifang recordings gaps` lists them; a supervisor says what is known of each",
            )
        )
    if half:
        found.append(
            wrong(
                "destruction",
                f"{len(half)} recordings are half destroyed: {half[0].trouble or 'no worker came to it'}",
                "see that the store can be reached; GET /api/v1/purges?undone=true lists them",
            )
        )
    if due and not settings.retention_purges:
        found.append(
            note(
                "retention",
                f"the time of {due} recordings is over, and nothing is destroyed here",
                "look at `suifang recordings outlook`, then set SUIFANG_RETENTION_PURGES=true",
            )
        )
    return found or [good("recordings", "every answered call of the last 30 days has one, or a word why not")]
