"""What a round came to, read from the database: the report of the design, and the follow-up records for a reader."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from db.unit_of_work import UnitOfWork
from followup.attempts import Attempt
from followup.notes import NoteState
from followup.plans import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """One scripted follow-up of a round."""

    task_id: str
    expected: str


def report(
    uow: UnitOfWork, follow_ups: Sequence[FollowUp], *, started_at: datetime, engines: dict[str, str]
) -> dict[str, object]:
    """The report, version 1: every key is always there, null where there is nothing, lists empty."""
    return {
        "version": 1,
        "started_at": _instant(started_at),
        "engines": engines,
        "follow_ups": [_follow_up(uow, follow_up) for follow_up in follow_ups],
    }


def _follow_up(uow: UnitOfWork, follow_up: FollowUp) -> dict[str, object]:
    task = uow.plans.task(follow_up.task_id)
    if task is None:
        raise LookupError(f"task {follow_up.task_id} of this round is not in the database")
    attempts = uow.attempts.of_task(task.id)
    queue = uow.queues.get(task.queue_id)
    patient = uow.patients.get(task.patient_id)
    last = attempts[-1] if attempts else None
    return {
        "patient": task.patient_id,
        "queue": queue.name if queue else None,
        "mode": task.mode.value,
        "language": patient.language if patient else None,
        "expected": follow_up.expected,
        "outcome": last.outcome.value if last and last.outcome else None,
        "task_outcome": task.outcome.value if task.outcome else None,
        "attempts": [_attempt(uow, attempt) for attempt in attempts],
        "note": _note(uow, last),
        "next": _next(task),
    }


def _attempt(uow: UnitOfWork, attempt: Attempt) -> dict[str, object]:
    call = uow.calls.of_attempt(attempt.id)
    recording = uow.recordings.of_call(call.id) if call else None
    transcript = uow.recordings.latest_transcript(recording.id) if recording else None
    note = uow.notes.of_attempt(attempt.id)
    return {
        "id": attempt.id,
        "due_at": _instant(attempt.due_at),
        "invite_at": _instant(call.invite_at if call else None),
        "ringing_at": _instant(call.ringing_at if call else None),
        "answered_at": _instant(call.answered_at if call else None),
        "bridged_at": _instant(call.bridged_at if call else None),
        "ended_at": _instant(call.ended_at if call else None),
        "sip_call_id": call.sip_call_id if call else None,
        "end_reason": call.end_reason.value if call and call.end_reason else None,
        "party": call.party.value if call and call.party else None,
        "recording": {
            "uri": recording.uri,
            "sha256": recording.sha256,
            "started_at": _instant(recording.started_at),
            "seconds": recording.seconds,
            "channels": recording.channels,
            "encrypted": recording.encrypted,
        }
        if recording and recording.uri
        else None,
        "transcript": [
            {
                "channel": turn.channel.value,
                "start": turn.start,
                "end": turn.end,
                "text": turn.text,
                "confidence": turn.confidence,
            }
            for turn in (transcript.turns if transcript else [])
        ],
        "alerts": [
            {"code": alert.code, "level": alert.level.value, "at": alert.at_second}
            for alert in uow.alerts.of_attempt(attempt.id)
        ],
        "digits": (call.digits or None) if call else None,
        "note_id": note.id if note else None,
    }


def _note(uow: UnitOfWork, attempt: Attempt | None) -> dict[str, object] | None:
    note = uow.notes.of_attempt(attempt.id) if attempt else None
    if note is None:
        return None
    return {"id": note.id, "status": "signed" if note.state is NoteState.SIGNED else "draft", "text": note.text}


def _next(task: Task) -> dict[str, object]:
    return {"action": task.next_action, "at": _instant(task.next_at)}


def _instant(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z") if moment else None
