"""The follow-up record of a patient: every task with its attempts, what came of them, and what comes next."""

from collections import defaultdict

from fastapi import APIRouter, Request

from api import found
from api.edge import Route, Work
from api.fields import Answer, Id, Instant
from api.permissions import CareTeam
from api.problems import Kind, problems
from api.routes.alerts import AlertAnswer, alert_answer
from api.routes.tasks import TaskAnswer
from api.wiring import wiring_of
from followup.attempts import AttemptState
from followup.calls import CallState, EndReason, Party
from followup.notes import NoteState
from followup.outcomes import AttemptOutcome
from followup.recordings import RecordingState

router = APIRouter(tags=["follow-up record"], route_class=Route)


class TriedAnswer(Answer):
    """One attempt with everything that hangs on it."""

    id: str
    ordinal: int
    state: AttemptState
    reserved_at: Instant
    closed_at: Instant | None
    outcome: AttemptOutcome | None
    task_result: str | None
    agent_id: str | None
    call_id: str | None
    call_state: CallState | None
    end_reason: EndReason | None
    party: Party | None
    answered_at: Instant | None
    ended_at: Instant | None
    recording_id: str | None
    recording_state: RecordingState | None
    note_id: str | None
    note_state: NoteState | None
    note_text: str | None
    alerts: list[AlertAnswer]


class NextAnswer(Answer):
    """What was decided after the last attempt."""

    action: str
    at: Instant | None


class FollowUpAnswer(Answer):
    """One task, its attempts (oldest first), and what comes next."""

    task: TaskAnswer
    attempts: list[TriedAnswer]
    alerts: list[AlertAnswer]  # those raised outside a call: by a form that was answered by link
    next: NextAnswer | None


class FollowUpsAnswer(Answer):
    """A patient's follow-up record, latest target first."""

    patient_id: str
    follow_ups: list[FollowUpAnswer]


@router.get("/patients/{patient_id}/follow-ups", responses=problems(Kind.UNKNOWN_PATIENT))
def read_follow_ups(patient_id: Id, caller: CareTeam, request: Request, uow: Work) -> FollowUpsAnswer:
    """The patient's follow-up record."""
    patient = found.patient(uow, patient_id)
    uow.audit.note(
        user_id=caller.user_id,
        action="follow_ups_viewed",
        subject_kind="patient",
        subject=patient.id,
        patient_id=patient.id,
    )
    calls = {call.attempt_id: call for call in reversed(uow.calls.of_patient(patient.id))}
    recordings = {recording.call_id: recording for recording in uow.recordings.of_patient(patient.id)}
    notes = {note.attempt_id: note for note in uow.notes.of_patient(patient.id, limit=500)}
    content = wiring_of(request).content
    alerts = defaultdict(list)
    for alert in reversed(uow.alerts.of_patient(patient.id)):
        alerts[alert.attempt_id or alert.task_id].append(alert_answer(uow, content, alert))
    tried = defaultdict(list)
    for attempt in reversed(uow.attempts.of_patient(patient.id)):
        call = calls.get(attempt.id)
        recording = recordings.get(call.id) if call else None
        note = notes.get(attempt.id)
        tried[attempt.task_id].append(
            TriedAnswer(
                id=attempt.id,
                ordinal=attempt.ordinal,
                state=attempt.state,
                reserved_at=attempt.reserved_at,
                closed_at=attempt.closed_at,
                outcome=attempt.outcome,
                task_result=attempt.task_result,
                agent_id=attempt.agent_id,
                call_id=call.id if call else None,
                call_state=call.state if call else None,
                end_reason=call.end_reason if call else None,
                party=call.party if call else None,
                answered_at=call.answered_at if call else None,
                ended_at=call.ended_at if call else None,
                recording_id=recording.id if recording else None,
                recording_state=recording.state if recording else None,
                note_id=note.id if note else None,
                note_state=note.state if note else None,
                note_text=note.text if note else None,
                alerts=alerts[attempt.id],
            )
        )
    return FollowUpsAnswer(
        patient_id=patient.id,
        follow_ups=[
            FollowUpAnswer(
                task=TaskAnswer.model_validate(task),
                attempts=tried[task.id],
                alerts=alerts[task.id],
                next=NextAnswer(action=task.next_action, at=task.next_at) if task.next_action else None,
            )
            for task in uow.plans.tasks_of_patient(patient.id)
        ],
    )
