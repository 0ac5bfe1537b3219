"""What patients say of danger, and what only sounds like it: to tune with (development, later) and to judge by."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from followup.recordings import Channel, Turn
from transcription.written import written

FOLDER = Path(__file__).parent
HALVES = ("development", "later", "held_out")
LANGUAGES = ("zh", "en")
RELATIVE = "[relative] "
ANSWER = " // "


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrase:
    """One sentence of a patient, or of a relative who speaks for the patient, perhaps after an agent's question."""

    half: str
    language: str
    kind: str  # positive, negative, ordinary
    flag_set: str  # of the sign that a positive speaks of
    code: str
    question: str
    text: str
    by_relative: bool

    @property
    def key(self) -> str:
        """What it is kept under."""
        return f"{self.half}/{self.language}/{self.question}{ANSWER if self.question else ''}{self.text}"

    def turns(self) -> list[Turn]:
        """As a transcript would hold it."""
        asked = [_turn(Channel.AGENT, self.question, 0.0, self.language)] if self.question else []
        return [*asked, _turn(Channel.PATIENT, self.text, 5.0, self.language)]


def phrases(half: str, language: str) -> Iterator[Phrase]:
    """Every sentence of one half in one language."""
    read = yaml.safe_load((FOLDER / f"{half}_{language}.yaml").read_text(encoding="utf-8"))
    for name, texts in read["positive"].items():
        flag_set, code = name.split("/")
        for text in texts:
            yield _phrase(half, language, "positive", flag_set, code, text)
    for kind in ("negative", "ordinary"):
        for text in read[kind]:
            yield _phrase(half, language, kind, "", "", text)


def _phrase(half: str, language: str, kind: str, flag_set: str, code: str, text: str) -> Phrase:
    by_relative = text.startswith(RELATIVE)
    question, _, answer = text.removeprefix(RELATIVE).rpartition(ANSWER)
    return Phrase(
        half=half, language=language, kind=kind, flag_set=flag_set, code=code, question=question, text=answer,
        by_relative=by_relative,
    )  # fmt: skip


def _turn(channel: Channel, text: str, start: float, language: str) -> Turn:
    figures = written(text, language)
    return Turn(channel=channel, start=start, end=start + 4.0, text=text, confidence=0.9, written=figures)
