"""Watching a round: where each follow-up stands, whether the round is over, and whether it ended as scripted."""

from collections.abc import Sequence
from dataclasses import dataclass

from db.unit_of_work import UnitOfWork
from followup.attempts import Attempt, AttemptState
from followup.notes import NoteState
from followup.recordings import RecordingState
from followup.what_next import NextAction
from suifang.demo.opening import OwedCall

SETTLED_RECORDINGS = frozenset({RecordingState.TRANSCRIBED, RecordingState.FAILED, RecordingState.EXPIRED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where one follow-up stands: a word for each thing that moves, and what is still missing."""

    owed: OwedCall
    attempt: int
    call: str
    outcome: str
    recording: str
    note: str
    next: str
    missing: str | None  # None when this follow-up is over

    @property
    def line(self) -> tuple[str, ...]:
        """What is worth a new line when it changes."""
        return (str(self.attempt), self.call, self.outcome, self.recording, self.note, self.next)


def standing(uow: UnitOfWork, owed: OwedCall) -> Standing:
    """Where a follow-up stands now."""
    task = uow.plans.task(owed.task_id)
    if task is None:
        raise LookupError(f"task {owed.task_id} of this round is not in the database")
    attempts = uow.attempts.of_task(task.id)
    last = attempts[-1] if attempts else None
    call = uow.calls.of_attempt(last.id) if last else None
    recording = uow.recordings.of_call(call.id) if call else None
    note = uow.notes.of_attempt(last.id) if last else None
    return Standing(
        owed=owed,
        attempt=len(attempts),
        call=call.state.value if call else task.state.value,
        outcome=last.outcome.value if last and last.outcome else "",
        recording=recording.state.value if recording else "",
        note=note.state.value if note else "",
        next=task.next_action or "",
        missing=_missing(uow, owed, attempts, task.next_action),
    )


def mismatches(standings: Sequence[Standing]) -> list[str]:
    """Follow-ups that did not end as scripted, in words."""
    found = []
    for at in standings:
        if at.missing is not None:
            found.append(f"{at.owed.script.record_number}: not over, {at.missing}")
        elif at.outcome != at.owed.script.expected.value:
            found.append(
                f"{at.owed.script.record_number}: ended {at.outcome}, scripted was {at.owed.script.expected.value}"
            )
    return found


def _missing(uow: UnitOfWork, owed: OwedCall, attempts: Sequence[Attempt], next_action: str | None) -> str | None:
    if not attempts:
        return "it was never dialed"
    last = attempts[-1]
    if last.state is not AttemptState.CLOSED:
        return f"its attempt is {last.state.value}"
    if last.decided_at is None or next_action is None:
        return "what comes next is not decided"
    if next_action == NextAction.CALL_AGAIN.value:
        return "it waits for its next attempt"
    for attempt in attempts:
        call = uow.calls.of_attempt(attempt.id)
        recording = uow.recordings.of_call(call.id) if call else None
        if recording is not None and recording.state not in SETTLED_RECORDINGS:
            return f"a recording is {recording.state.value}"
        if call is not None and call.answered_at is not None and recording is None:
            return "an answered call has no recording"
    note = uow.notes.of_attempt(last.id)
    if note is None:
        return "it has no note"
    if (
        owed.script.agent is not None
        and last.agent_id is not None
        and last.outcome_by
        and note.state is NoteState.DRAFT
    ):
        return "its note is not signed"
    return None
