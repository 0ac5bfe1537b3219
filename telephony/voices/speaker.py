"""The voice program that comes with us: Kokoro-82M and Hibari, one text at a time, in a process of its own.

    python -m telephony.voices.speaker --kokoro-voices DIR --voice zh=kokoro:zf_xiaobei@0.9

What it reads and answers is described at `telephony.voices.voice_program`. It ends when its standard input does.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import jieba

from telephony.voices.sound import Samples, write_wav
from telephony.voices.synthesis import SynthesisError, Synthesizer, Voice

ENGINES = "kokoro-82m-int8 hibari-0.2.1 1"  # the number grows when the same text would sound different


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """A voice and how fast it speaks: `kokoro:zf_xiaobei@0.9`."""

    voice: Voice
    speed: float

    @classmethod
    def parse(cls, text: str) -> "Manner":
        voice, _, speed = text.partition("@")
        return cls(voice=Voice.parse(voice), speed=float(speed or "1"))


class Speaker:
    """Voices by language, and the models behind them: half a gigabyte, loaded with the first text and kept."""

    def __init__(self, kokoro_voices: Path, manners: dict[str, Manner]) -> None:
        self._kokoro_voices = kokoro_voices
        self._manners = manners

    @cached_property
    def _synthesizer(self) -> Synthesizer:
        return Synthesizer(self._kokoro_voices)

    def answer(self, line: str) -> dict[str, str]:
        """Speak what the line asks for; the reason when it cannot be. Reasons never hold the text."""
        asked = json.loads(line)
        language, file = asked["language"], Path(asked["file"])
        try:
            samples = self._speak(asked["text"], language)
        except SynthesisError as refused:
            return {"reason": str(refused)}
        except (ArithmeticError, LookupError, RuntimeError, ValueError) as fault:
            return {"reason": f"the voice cannot speak this text ({type(fault).__name__}); word it differently"}
        part = file.with_suffix(".part")
        write_wav(part, samples)
        part.replace(file)
        return {}

    def _speak(self, text: str, language: str) -> Samples:
        manner = self._manners[language]
        return self._synthesizer.speak(text, language=language, voice=manner.voice, speed=manner.speed)


def say(words: Mapping[str, object]) -> None:
    """One line to whoever started us."""
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Say what can be spoken, then answer line for line."""
    parser = argparse.ArgumentParser(description="Speak texts for a telephony node.")
    parser.add_argument("--kokoro-voices", type=Path, required=True, help="folder of Kokoro's voice vectors, NAME.bin")
    parser.add_argument("--voice", action="append", required=True, metavar="LANGUAGE=ENGINE:NAME@SPEED")
    parser.add_argument(
        "--cache", type=Path, help="private folder for jieba's dictionary, which anybody could swap in /tmp"
    )
    arguments = parser.parse_args()
    if arguments.cache is not None:
        jieba.dt.tmp_dir = str(arguments.cache)
    manners = {language: Manner.parse(text) for language, _, text in (one.partition("=") for one in arguments.voice)}
    say({"languages": sorted(manners), "version": " ".join([ENGINES, *sorted(arguments.voice)])})
    speaker = Speaker(arguments.kokoro_voices, manners)
    for line in sys.stdin:
        say(speaker.answer(line))


if __name__ == "__main__":
    main()
