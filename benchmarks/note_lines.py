"""How much of what is said in calls the drafter finds, and how much of what it proposes is right.

    python -m benchmarks.note_lines [--json]

On written exchanges (tests/support/talks): text as a perfect engine would hear it. Rules were corrected by `answers`
and `lines`, not by `answers_held_out`.
There is no peer: nothing that reads a call into a form comes with a model that runs here.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runtime.content.library import Content
from runtime.settings import REPOSITORY
from tests.support.spoken_turns import a_talk
from transcription.heard_answers import answers_heard
from transcription.note_words import load_note_words
from transcription.outline import outline_of
from transcription.question_phrases import load_question_phrases

TALKS = REPOSITORY / "tests" / "support" / "talks"
CONTENT = REPOSITORY / "content"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """What was said, what should be found in it, and what was."""

    talk: str
    wanted: frozenset[str]
    found: frozenset[str]

    @property
    def right(self) -> int:
        """How many of the things found were wanted; a wanted line is the beginning of a found one."""
        return sum(any(each.startswith(wish) for each in self.found) for wish in self.wanted)


def _rows(path: Path) -> Iterator[list[str]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        yield line.split("\t")


def answers(language: str, file: str = "answers.tsv") -> list[Exchange]:
    """Questions of forms and their answers."""
    forms, phrases = Content(CONTENT).forms, load_question_phrases(CONTENT / "heard_answers.yaml")
    made = []
    for spoken, form, question, answer, wanted in _rows(TALKS / file):
        if spoken == language:
            talk = f"A: {question}\nP: {answer}"
            heard = answers_heard(a_talk(talk, language), forms[form], {}, phrases, language, at_least=0.7)
            made.append(
                Exchange(
                    talk=talk,
                    wanted=frozenset() if wanted == "-" else frozenset(wanted.split(";")),
                    found=frozenset(f"{one.link_id}={_plain(one.value)}" for one in heard),
                )
            )
    return made


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, (int, float)) else str(value)


def held_out(language: str) -> list[Exchange]:
    """Answers in exchanges that no rule was ever corrected by."""
    return answers(language, "answers_held_out.tsv")


def lines(language: str) -> list[Exchange]:
    """Lines of the outline."""
    words = load_note_words(CONTENT / "note_words" / "words.yaml")
    made = []
    for spoken, talk, wanted in _rows(TALKS / "lines.tsv"):
        if spoken == language:
            turns = a_talk(talk.replace("\\n", "\n"), language)
            outline = outline_of(turns, [], "", words, language)
            made.append(
                Exchange(
                    talk=talk,
                    wanted=frozenset() if wanted == "-" else frozenset(wanted.split(";")),
                    found=frozenset(f"{line.section.value}:{line.text}" for line in outline.lines),
                )
            )
    return made


def measured() -> list[dict[str, object]]:
    """Recall and precision, one row for each kind and language."""
    rows: list[dict[str, object]] = []
    for name, kind in (("answers", answers), ("answers_held_out", held_out), ("lines", lines)):
        for language in ("zh", "en"):
            exchanges = kind(language)
            wanted = sum(len(each.wanted) for each in exchanges)
            found = sum(len(each.found) for each in exchanges)
            right = sum(each.right for each in exchanges)
            for figure, value in (("recall", right / wanted), ("precision", right / found if found else 1.0)):
                rows.append(
                    {
                        "name": f"note_lines.{name}_{figure}_{language}",
                        "unit": "share",
                        "ours": round(value, 3),
                        "peer": None,
                        "peer_value": None,
                        "ratio": None,
                        "bound": 1.0,
                        "n": len(exchanges),
                        "spread": 0.0,
                        "conditions": "written exchanges, text without mishearing; no peer",
                    }
                )
            for each in exchanges:
                if each.wanted != each.found and (each.right < len(each.wanted) or len(each.found) > each.right):
                    sys.stderr.write(f"{each.talk!r}: wanted {sorted(each.wanted)}, found {sorted(each.found)}\n")
    return rows


def main() -> None:
    """Print the figures; what was missed or wrong goes to stderr."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    rows = measured()
    if asked.json:
        sys.stdout.write(f"{json.dumps(rows, ensure_ascii=False)}\n")
    else:
        for row in rows:
            sys.stdout.write(f"{row['name']:36} {row['ours']}\n")


if __name__ == "__main__":
    main()
