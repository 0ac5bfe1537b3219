"""The lines of an outline: what a call is for the rules that make them, and how a line quotes it."""

from collections.abc import Sequence
from dataclasses import dataclass

from followup.notes import NoteSection
from followup.recordings import Channel, Turn
from transcription.note_words import NoteWords
from transcription.statements import Sentence, Standing, holds, standing

_LONGEST_QUOTE = 240


@dataclass(frozen=True, slots=True, kw_only=True)
class OutlineLine:
    """One line that could be added, the words it was made from, and where they were said."""

    section: NoteSection
    text: str
    quote: str
    turns: tuple[int, ...]
    start: float
    end: float
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardCall:
    """The parts of a call that lines are made from; only turns that were understood have sentences."""

    turns: Sequence[Turn]
    patient: Sequence[Sentence]
    agent: Sequence[Sentence]
    note: str
    words: NoteWords
    language: str
    by_relative: bool

    @property
    def chinese(self) -> bool:
        """Whether it was held in Chinese."""
        return self.language == "zh"

    def said(self, sentence: Sentence, start: int, end: int) -> Standing:
        """What the speaker makes of some of a sentence's words."""
        return standing(sentence.lower, start, end, self.language, by_relative=self.by_relative)

    def word(self, pair: tuple[str, str]) -> str:
        """Of two wordings that of the call's language."""
        return pair[0] if self.chinese else pair[1]

    def listed(self, parts: Sequence[str]) -> str:
        """Several things as one list."""
        return ("、" if self.chinese else ", ").join(parts)

    def asked_before(self, sentence: Sentence) -> Turn | None:
        """The agent's turn just before, if this sentence opens the patient's answer to it."""
        if sentence.turn == 0 or self.turns[sentence.turn - 1].channel is not Channel.AGENT:
            return None
        first = next(each for each in self.patient if each.turn == sentence.turn)
        return self.turns[sentence.turn - 1] if first is sentence else None


def line_of(call: HeardCall, section: NoteSection, label: str, what: str, sentence: Sentence) -> OutlineLine:
    """A line that tells what was found and quotes the patient's sentence."""
    words = quoted(sentence.text, call)
    text = f"{label}: {what}。患者原话: {words}" if call.chinese else f"{label}: {what}. Quote: {words}"
    return made_line(section, text, sentence)


def answered_line(
    call: HeardCall, section: NoteSection, what: str, question: Sentence, answer: Sentence
) -> OutlineLine:
    """A line that quotes the agent's question and the patient's answer."""
    asked, said = quoted(question.text, call), quoted(answer.text, call)
    text = f"{what}。问: {asked} 答: {said}" if call.chinese else f"{what}. Asked: {asked} Answer: {said}"
    return made_line(section, text, question, answer)


def made_line(section: NoteSection, text: str, *sentences: Sentence) -> OutlineLine:
    """A line of these sentences, with their seconds and the words as they stand."""
    return OutlineLine(
        section=section,
        text=text,
        quote=" / ".join(_shortened(sentence.text) for sentence in sentences),
        turns=tuple(sentence.turn for sentence in sentences),
        start=min(sentence.start for sentence in sentences),
        end=max(sentence.end for sentence in sentences),
        confidence=round(min(sentence.confidence for sentence in sentences), 3),
    )


def quoted(text: str, call: HeardCall) -> str:
    """A sentence in quotation marks."""
    return f"“{_shortened(text)}”" if call.chinese else f'"{_shortened(text)}"'


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_QUOTE else f"{text[: _LONGEST_QUOTE - 1]}…"


def stands_in(word: str, call: HeardCall) -> bool:
    """Whether the note says it already."""
    return holds((word,), call.note, call.language)
