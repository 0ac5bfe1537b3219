"""Celery tasks from stored sound to text, alerts and the note: shells around the modules that do it."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from celery import Celery, signals

from db.unit_of_work import UnitsOfWork
from followup.keywords import KeywordSet
from followup.ports import RecordingStore
from runtime.task_queue import TRIED_AGAIN
from runtime.worker_context import provided
from transcription.answer_phrases import AnswerPhrases
from transcription.attempt_notes import draft_for_attempt
from transcription.attempt_proposals import propose_from_recording
from transcription.engine_choice import Transcribers
from transcription.keywords import find_keywords
from transcription.note_material import NoteMaterial
from transcription.openings import Part, hear
from transcription.speech_probe import WhisperProbe
from transcription.transcripts import give_up, model_for, transcribe
from transcription.turn_index import TurnIndex

TRANSCRIBE = "transcription.transcribe"
PROPOSE = "transcription.propose"
FIND_KEYWORDS = "transcription.find_keywords"
DRAFT_NOTE = "transcription.draft_note"
INDEX_TURNS = "transcription.index_turns"
HEAR_OPENING = "transcription.hear_opening"
HEAR_EARLY = "transcription.hear_early"

_LONGEST_TRANSCRIPTION_SECONDS = 3 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptionParts:
    """What these tasks work with; `transcriber` loads a queue's model, or the usual one, when it is first asked for."""

    units_of_work: UnitsOfWork
    store: RecordingStore
    transcriber: Transcribers
    notes: NoteMaterial
    phrases: AnswerPhrases
    keywords: Callable[[], Mapping[str, KeywordSet]]
    spool: Path
    names: Collection[str] = ()  # of medicines that look like numbers


def register(app: Celery) -> None:
    """Make the tasks known to a worker's application."""
    task = app.task(
        transcribe_recording,
        name=TRANSCRIBE,
        lazy=False,
        **{**TRIED_AGAIN, "time_limit": _LONGEST_TRANSCRIPTION_SECONDS},
    )
    signals.task_failure.connect(_give_up, sender=task, weak=False)
    app.task(propose, name=PROPOSE, lazy=False, **TRIED_AGAIN)
    app.task(look_for_keywords, name=FIND_KEYWORDS, lazy=False, **TRIED_AGAIN)
    app.task(draft_note, name=DRAFT_NOTE, lazy=False, **TRIED_AGAIN)
    app.task(index_turns, name=INDEX_TURNS, lazy=False, **TRIED_AGAIN)
    # Heard once: what could not be heard at once is of no use a minute later.
    app.task(hear_opening, name=HEAR_OPENING, lazy=False, time_limit=60)
    app.task(hear_early, name=HEAR_EARLY, lazy=False, time_limit=60)


def transcribe_recording(recording_id: str) -> None:
    """Write down what was said in a stored recording."""
    parts = provided(TranscriptionParts)
    transcriber = parts.transcriber(model_for(parts.units_of_work, recording_id))
    transcribe(parts.units_of_work, parts.store, transcriber, parts.notes.red_flags, recording_id, parts.names)


def propose(recording_id: str) -> None:
    """Propose additions to the note from a new transcript."""
    parts = provided(TranscriptionParts)
    propose_from_recording(parts.units_of_work, parts.notes, recording_id)


def look_for_keywords(recording_id: str) -> None:
    """Note where a new transcript holds what supervisors want to hear of."""
    parts = provided(TranscriptionParts)
    find_keywords(parts.units_of_work, parts.keywords(), recording_id)


def index_turns(recording_id: str) -> None:
    """Put a new transcript into the search's index."""
    provided(TurnIndex).bring(recording_id)


def draft_note(attempt_id: str) -> None:
    """Draft the note of a closed attempt that has none, and add what the transcript proposes."""
    parts = provided(TranscriptionParts)
    draft_for_attempt(parts.units_of_work, parts.notes, attempt_id)


def hear_opening(call_id: str) -> None:
    """Look for what only a machine says in the first seconds of an answered call."""
    _hear(call_id, Part.OPENING)


def hear_early(call_id: str) -> None:
    """Look for what a voice of the network said before a call ended without an answer."""
    _hear(call_id, Part.EARLY)


def _hear(call_id: str, part: Part) -> None:
    parts = provided(TranscriptionParts)
    hear(parts.units_of_work, WhisperProbe(parts.transcriber), parts.phrases, parts.spool, call_id, part)


def _give_up(args: tuple[str], exception: Exception, **_: Any) -> None:
    """The last try failed, hung, or took its process down: the recording can be played, and heard when asked for."""
    give_up(provided(TranscriptionParts).units_of_work, args[0], exception)
