"""What notes are made with, besides the rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from care.forms import Form
from transcription.note_words import NoteWords
from transcription.question_phrases import QuestionPhrases
from transcription.red_flags import RedFlagSets


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteMaterial:
    """Clock and forms of the hospital, words worth a proposal, how forms' questions are put, and signs of danger."""

    zone: ZoneInfo
    forms: Mapping[str, Form]
    words: NoteWords
    questions: QuestionPhrases
    red_flags: RedFlagSets
