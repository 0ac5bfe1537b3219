"""Finishing a wrap-up: the attempt is closed with its outcome, and its note is drafted at once."""

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from api.answers import answered
from care.consent import Purpose
from care.patients import Patient
from db.unit_of_work import UnitOfWork
from followup.attempts import Attempt
from followup.closing import close_attempt
from followup.events import DomainEvent, EventKind
from followup.notes import Note
from followup.outcomes import AttemptOutcome, TaskOutcome
from followup.plans import Task
from runtime.content import Content, Form
from runtime.identifiers import new_id
from transcription.notes import AttemptFacts, FormAnswer, draft_note

_PURPOSES: Mapping[Purpose, tuple[str, str]] = {
    Purpose.CARE: ("随访", "follow-up"),
    Purpose.REMINDER: ("提醒", "reminder"),
    Purpose.SURVEY: ("满意度调查", "survey"),
    Purpose.COMPLAINT: ("投诉回访", "complaint"),
}


def finish(
    uow: UnitOfWork,
    attempt: Attempt,
    *,
    patient: Patient,
    task: Task,
    outcome: AttemptOutcome,
    task_result: TaskOutcome | None,
    spoke_with: str | None,
    words: str | None,
    by: str,
    content: Content,
    zone: ZoneInfo,
) -> Note:
    """Close the attempt, let its agent go, draft the note; the events are written with it."""
    agent = uow.queues.agent_for_update(attempt.agent_id) if attempt.agent_id else None
    closed = close_attempt(attempt, agent, outcome=outcome, task_result=task_result, by=by, now=uow.now)
    form = content.forms.get(task.form) if task.form else None
    facts = _facts(uow, attempt, task, patient, form, outcome=outcome, spoke_with=spoke_with, zone=zone)
    text = draft_note(facts, patient.language)
    if words:
        text = f"{text}\n{words}"
    note = Note(
        id=new_id(),
        attempt_id=attempt.id,
        task_id=attempt.task_id,
        patient_id=attempt.patient_id,
        language=patient.language,
        text=text,
        created_at=uow.now,
    )
    uow.notes.add(note)
    for event in closed:
        uow.emit(event)
    uow.emit(
        DomainEvent(
            kind=EventKind.NOTE_DRAFTED,
            subject=note.id,
            ids={"attempt": attempt.id, "task": attempt.task_id, "patient": attempt.patient_id},
        )
    )
    return note


def _facts(
    uow: UnitOfWork,
    attempt: Attempt,
    task: Task,
    patient: Patient,
    form: Form | None,
    *,
    outcome: AttemptOutcome,
    spoke_with: str | None,
    zone: ZoneInfo,
) -> AttemptFacts:
    call = uow.calls.of_attempt(attempt.id)
    agent = uow.users.get(attempt.agent_id) if attempt.agent_id else None
    dialed_at: datetime = (call.invite_at if call else None) or attempt.reserved_at
    language = patient.language
    answers = answered(form, attempt.answers, language) if form else []
    purpose = _PURPOSES[task.purpose][0 if language == "zh" else 1]
    return AttemptFacts(
        outcome=outcome,
        reason_for_call=form.title.in_language(language) if form else purpose,
        dialed_at=dialed_at,
        answered_at=call.answered_at if call else None,
        ended_at=(call.ended_at if call else None) or uow.now,
        agent=agent.display_name if agent else None,
        zone=zone,
        spoke_with=spoke_with,
        answers=tuple(FormAnswer(question=question, answer=answer) for question, answer in answers),
    )
