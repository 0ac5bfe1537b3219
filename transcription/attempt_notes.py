"""An attempt's note as a row: the draft that stands when nobody wrote one."""

from collections.abc import Callable, Iterator, Mapping
from zoneinfo import ZoneInfo

import structlog

from care.consent import Purpose
from care.forms import Form, FormItem, ItemType
from care.patients import Patient
from db.unit_of_work import UnitOfWork
from followup.attempts import Attempt, AttemptState
from followup.events import EventKind
from followup.notes import Note
from followup.outcomes import AttemptOutcome
from followup.plans import Task
from runtime.identifiers import new_id
from transcription.attempt_proposals import add_proposals
from transcription.languages import LANGUAGES, spoken_language
from transcription.note_material import NoteMaterial
from transcription.notes import AttemptFacts, FormAnswer, draft_note

log = structlog.get_logger(__name__)

_REASONS = {
    Purpose.CARE: ("病情随访", "care follow-up"),
    Purpose.REMINDER: ("提醒", "reminder"),
    Purpose.SURVEY: ("调查", "survey"),
    Purpose.COMPLAINT: ("投诉处理", "complaint"),
    Purpose.MARKETING: ("健康宣传", "promotion"),
    Purpose.RESEARCH: ("研究", "research"),
}
_YES_NO = {True: ("是", "yes"), False: ("否", "no")}
_KEYED = ("患者按键选择:", "The patient chose by key:")
_KEYED_ANSWERS = {
    "confirmed": ("确认", "confirmed"),
    "cancelled": ("取消", "cancelled"),
    "wants_person": ("要求人工", "wants to speak with a person"),
    "no_key": ("未按键", "no key"),
}


def draft_for_attempt(units_of_work: Callable[[], UnitOfWork], material: NoteMaterial, attempt_id: str) -> None:
    """See that a closed attempt has a note, and that what its transcript proposes lies beside it."""
    with units_of_work() as uow:
        attempt = uow.attempts.for_update(attempt_id)
        if attempt is None or attempt.state is not AttemptState.CLOSED:
            log.info("note_not_due", attempt=attempt_id)
            return
        if uow.notes.of_attempt(attempt.id) is None:
            write_draft(uow, attempt, zone=material.zone, forms=material.forms)
        add_proposals(uow, material, attempt)
        uow.commit()


def write_draft(
    uow: UnitOfWork,
    attempt: Attempt,
    *,
    zone: ZoneInfo,
    forms: Mapping[str, Form],
    spoke_with: str | None = None,
    words: str | None = None,
) -> Note:
    """Save the draft of an attempt that has an outcome and no note; `words` are the agent's own and come last."""
    if attempt.outcome is None:
        raise LookupError(f"attempt {attempt.id} has no outcome: nothing can be said of it")
    language, text = drafted_text(
        uow, attempt, attempt.outcome, zone=zone, forms=forms, spoke_with=spoke_with, words=words
    )
    note = Note(
        id=new_id(),
        attempt_id=attempt.id,
        task_id=attempt.task_id,
        patient_id=attempt.patient_id,
        language=language,
        text=text,
        created_at=uow.now,
    )
    uow.notes.add(note)
    uow.emit(note.event(EventKind.NOTE_DRAFTED))
    uow.flush()
    return note


def drafted_text(
    uow: UnitOfWork,
    attempt: Attempt,
    outcome: AttemptOutcome,
    *,
    zone: ZoneInfo,
    forms: Mapping[str, Form],
    spoke_with: str | None = None,
    words: str | None = None,
) -> tuple[str, str]:
    """The note's language, and what it would say if the attempt ended with this outcome; nothing is kept."""
    task = uow.plans.task(attempt.task_id)
    patient = uow.patients.get(attempt.patient_id)
    if task is None or patient is None:
        raise LookupError(f"attempt {attempt.id} has no task or patient: nothing can be said of it")
    language = _language(uow, attempt, patient)
    text = draft_note(_facts(uow, attempt, task, outcome, language, zone, forms, spoke_with), language)
    return language, f"{text}\n{words}" if words else text


def _facts(
    uow: UnitOfWork,
    attempt: Attempt,
    task: Task,
    outcome: AttemptOutcome,
    language: str,
    zone: ZoneInfo,
    forms: Mapping[str, Form],
    spoke_with: str | None,
) -> AttemptFacts:
    call = uow.calls.of_attempt(attempt.id)
    agent = uow.users.get(attempt.agent_id) if attempt.agent_id else None
    form = forms.get(task.form) if task.form else None
    answers = _of_form(attempt, form, language) if form else _of_keys(attempt, language)
    return AttemptFacts(
        outcome=outcome,
        reason_for_call=form.title[language] if form else _in(language, _REASONS[task.purpose]),
        dialed_at=(call.invite_at if call else None) or attempt.reserved_at,
        answered_at=call.answered_at if call else None,
        ended_at=(call.ended_at if call else None) or attempt.closed_at or uow.now,
        agent=agent.display_name if agent else None,
        zone=zone,
        spoke_with=spoke_with,
        answers=tuple(answers),
    )


def _of_form(attempt: Attempt, form: Form, language: str) -> Iterator[FormAnswer]:
    for item in form.questions():
        if item.link_id in attempt.answers:
            answer = _answer(item, attempt.answers[item.link_id], language)
            yield FormAnswer(question=item.text[language], answer=answer)


def _answer(item: FormItem, answer: object, language: str) -> str:
    if item.type is ItemType.BOOLEAN:
        return _in(language, _YES_NO[bool(answer)])
    for option in item.options:
        if option.value == answer:
            return option.text[language]
    return f"{answer} {item.unit}" if item.unit else str(answer)


def _of_keys(attempt: Attempt, language: str) -> Iterator[FormAnswer]:
    keyed = str(attempt.answers.get("answer", ""))
    if keyed:
        wording = _KEYED_ANSWERS.get(keyed, (keyed, keyed))
        yield FormAnswer(question=_in(language, _KEYED), answer=_in(language, wording))


def _language(uow: UnitOfWork, attempt: Attempt, patient: Patient) -> str:
    queue = uow.queues.get(attempt.queue_id)
    language = spoken_language(queue.language if queue else None, patient.language)
    return language if language in LANGUAGES else LANGUAGES[0]


def _in(language: str, wording: tuple[str, str]) -> str:
    return wording[0] if language == "zh" else wording[1]
