"""Renders what machines say at the other end of a line (answer_texts.yaml), for the set of `benchmarks.screening`.

    python -m benchmarks.render_answers --kokoro-voices package/voices FOLDER

Needs the extra `voices`; the voice vectors are the `voices` folder of `npm pack kokoro-js@1.2.1`.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import yaml

TEXTS = Path(__file__).parent / "answer_texts.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerText:
    """One text, who says it and in which voice."""

    kind: str
    language: str
    says: str
    voice: str
    text: str

    def path(self, folder: Path, place: int) -> Path:
        """Where its sound lies."""
        return folder / f"{self.kind}_{place:02}_{self.language}_{self.says}.wav"


def answer_texts() -> list[AnswerText]:
    """Every text in order."""
    return [AnswerText(**entry) for entry in yaml.safe_load(TEXTS.read_text(encoding="utf-8"))["texts"]]


def main() -> None:
    """Render what is missing."""
    from telephony.voices.sound import write_wav
    from telephony.voices.synthesis import Synthesizer, Voice  # only here: the list is read without the extra

    parser = argparse.ArgumentParser(prog="python -m benchmarks.render_answers", description=__doc__)
    parser.add_argument("--kokoro-voices", type=Path, required=True, help="folder `voices` of npm's kokoro-js 1.2.1")
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    synthesizer = Synthesizer(arguments.kokoro_voices)
    for place, text in enumerate(answer_texts()):
        path = text.path(arguments.folder, place)
        if not path.is_file():
            sound = synthesizer.speak(text.text, language=text.language, voice=Voice.parse(text.voice), speed=1.0)
            write_wav(path, sound)
            print(path.name, flush=True)


if __name__ == "__main__":
    main()
