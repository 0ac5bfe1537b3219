"""The language model's summary beside a note: asked for after the outline, in a task of its own, marked as its word."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
from celery import Celery

from db.unit_of_work import UnitOfWork, UnitsOfWork
from followup.events import EventKind
from followup.notes import Clarity, Drafter, Note, NoteOutline, NoteSection, Proposal, SummaryState
from followup.recordings import Turn
from runtime.content.redaction import RedactionSigns
from runtime.identifiers import new_id
from runtime.worker_context import provided
from transcription.free_summary import (
    LanguageModel,
    SummaryFailedError,
    SummaryInstructions,
    SummarySentence,
    summarize,
)
from transcription.redaction import redact_turns
from transcription.spoken_names import Known

log = structlog.get_logger(__name__)

SUMMARIZE = "transcription.summarize"
_LONGEST_SECONDS = 600
_MARK = {"zh": "语言模型草拟", "en": "Drafted by a language model"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryParts:
    """What the task works with; without a model it does nothing."""

    units_of_work: UnitsOfWork
    model: LanguageModel | None
    asked: SummaryInstructions
    signs: RedactionSigns
    at_least: float  # how sure of a turn the engine has to be


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    transcript_id: str
    language: str
    turns: Sequence[Turn]  # without names, numbers and addresses


def register(app: Celery) -> None:
    """Make the task known to a worker's application."""
    # Asked once: a model that is away is no reason to ask again and again for what nobody waits for.
    app.task(summarize_note, name=SUMMARIZE, lazy=False, time_limit=_LONGEST_SECONDS)


def summarize_note(note_id: str) -> None:
    """Put a language model's sentences beside a note that was outlined just now."""
    parts = provided(SummaryParts)
    if parts.model is not None:
        add_summary(parts.units_of_work, parts, parts.model, note_id)


def add_summary(
    units_of_work: Callable[[], UnitOfWork], parts: SummaryParts, model: LanguageModel, note_id: str
) -> None:
    """Ask once for each outline; nothing is held while the model thinks, and an outline made meanwhile wins."""
    with units_of_work() as uow:
        work = _begin(uow, parts, model, note_id)
        uow.commit()
    if work is None:
        return
    sentences: Sequence[SummarySentence] = ()
    reason = ""
    try:
        sentences = summarize(work.turns, work.language, model, parts.asked, at_least=parts.at_least)
    except SummaryFailedError as error:
        reason = str(error)
        log.warning("summary_failed", note=note_id, reason=reason)
    with units_of_work() as uow:
        note = uow.notes.for_update(note_id)
        if note is None or note.outline is None or note.outline.transcript_id != work.transcript_id:
            return
        if note.outline.summary is SummaryState.ASKED:
            _keep(uow, note, note.outline, work, sentences, reason)
            uow.commit()


def _begin(uow: UnitOfWork, parts: SummaryParts, model: LanguageModel, note_id: str) -> _Work | None:
    note = uow.notes.for_update(note_id)
    outline = note.outline if note is not None else None
    if note is None or outline is None or outline.summary in (SummaryState.READY, SummaryState.FAILED):
        return None
    if outline.clarity is Clarity.UNCLEAR:
        outline.summary_reason = "too little was clearly heard: listen to the recording"
        return None
    transcript = next(
        (each for each in uow.recordings.transcripts(outline.recording_id) if each.id == outline.transcript_id), None
    )
    if transcript is None:
        return None
    outline.summary, outline.summary_model, outline.summary_reason = SummaryState.ASKED, model.model, ""
    return _Work(
        transcript_id=transcript.id,
        language=transcript.language,
        turns=[
            each.turn for each in redact_turns(transcript.turns, transcript.language, parts.signs, _known(uow, note))
        ],
    )


def _known(uow: UnitOfWork, note: Note) -> Known:
    """The names of whoever may be spoken of: the patient, his relatives, the agent."""
    attempt = uow.attempts.get(note.attempt_id)
    agent = uow.users.get(attempt.agent_id) if attempt is not None and attempt.agent_id else None
    patient = uow.patients.get(note.patient_id)
    names = [relative.name for relative in uow.relatives.of_patient(note.patient_id)]
    names += [patient.name] if patient is not None else []
    names += [agent.display_name] if agent is not None else []
    return Known(names=tuple(dict.fromkeys(names)))


def _keep(
    uow: UnitOfWork,
    note: Note,
    outline: NoteOutline,
    work: _Work,
    sentences: Sequence[SummarySentence],
    reason: str,
) -> None:
    outline.summary = SummaryState.READY if sentences else SummaryState.FAILED
    outline.summary_reason = reason
    language = "zh" if work.language == "zh" else "en"
    for sentence in sentences:
        cited = [work.turns[number] for number in sentence.turns]
        note.proposals.append(
            Proposal(
                id=new_id(),
                note_id=note.id,
                kind=NoteSection.SUMMARY.value,
                text=f"[{_MARK[language]}] {sentence.text}",
                start=min(turn.start for turn in cited),
                end=max(turn.end for turn in cited),
                quote=" / ".join(turn.as_written for turn in cited),
                turns=list(sentence.turns),
                transcript_id=work.transcript_id,
                confidence=min(turn.confidence for turn in cited),
                drafted_by=Drafter.LANGUAGE_MODEL,
            )
        )
    if sentences:
        uow.emit(note.event(EventKind.NOTE_PROPOSALS_READY))
