"""Says the sentences of tests/support/red_flag_phrases in several voices over a telephone line, and what is heard.

    python -m benchmarks.spoken_flags --kokoro-voices package/voices --heard heard.jsonl [--halves held_out]

Needs the extra `voices`; sentences that the file holds already are not said again. `benchmarks.red_flags` judges it.
"""

import argparse
import io
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import islice, zip_longest
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from runtime.settings import load_settings
from telephony.voices.sound import PHONE_RATE, Samples
from telephony.voices.synthesis import Synthesizer, Voice
from tests.support.red_flag_phrases import HALVES, LANGUAGES, Phrase, phrases
from transcription.audio import call_audio_from
from transcription.faster_whisper_engine import FasterWhisper
from transcription.pipeline import transcribe_recording
from transcription.weights import find_weights

VOICES = {
    "zh": ("kokoro:zf_xiaobei", "kokoro:zm_yunxi", "kokoro:zm_yunjian"),  # others are not understood: docs/red-flags.md
    "en": ("kokoro:af_heart", "kokoro:bm_george", "hibari:heart", "kokoro:am_michael"),
}
AGENT = {"zh": "kokoro:zf_xiaoxiao", "en": "kokoro:bf_emma"}
LEAD, BETWEEN, TAIL = 0.6, 0.5, 0.8
HISS = 10 ** (-64 / 20)


def line(samples: Samples, coding: str = "ULAW") -> NDArray[np.float32]:
    """What comes out of a line that carries µ-law or A-law."""
    carried = io.BytesIO()
    soundfile.write(carried, samples, PHONE_RATE, subtype=coding, format="WAV")
    carried.seek(0)
    heard: NDArray[np.float32] = soundfile.read(carried, dtype="float32")[0]
    return heard


def call_of(synthesizer: Synthesizer, phrase: Phrase, voice: str) -> NDArray[np.float32]:
    """A recording of two channels: the agent asks, where there is a question, and the patient says the phrase."""
    said = [(0, phrase.question, AGENT[phrase.language])] if phrase.question else []
    said.append((1, phrase.text, voice))
    pieces: list[NDArray[np.float32]] = [np.zeros((int(LEAD * PHONE_RATE), 2), np.float32)]
    for channel, text, name in said:
        sound = line(synthesizer.speak(text, language=phrase.language, voice=Voice.parse(name)))
        piece = np.zeros((sound.size + int(BETWEEN * PHONE_RATE), 2), np.float32)
        piece[: sound.size, channel] = sound
        pieces.append(piece)
    pieces.append(np.zeros((int(TAIL * PHONE_RATE), 2), np.float32))
    call = np.concatenate(pieces)
    hiss = np.random.default_rng(len(call)).standard_normal(call.shape).astype(np.float32)
    spoken: NDArray[np.float32] = call + HISS * hiss
    return spoken


def wanted(halves: Sequence[str], done: set[str], first: int | None) -> Iterator[tuple[Phrase, str]]:
    """What was not said yet, each sentence in the voice whose turn it is; so many of each half and language at most."""
    for half in halves:
        # Both languages side by side, so that a run that was cut short has heard of each.
        for number, pair in enumerate(zip_longest(*(islice(phrases(half, language), first) for language in LANGUAGES))):
            for phrase in pair:
                if phrase is not None and phrase.key not in done:
                    yield phrase, VOICES[phrase.language][number % len(VOICES[phrase.language])]


def main() -> None:
    """Say and hear what is not in the file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.spoken_flags", description=__doc__)
    parser.add_argument("--state", type=Path, default=load_settings().state_dir, help="where the speech model is kept")
    parser.add_argument("--kokoro-voices", type=Path, required=True, help="folder of Kokoro's voice vectors")
    parser.add_argument("--heard", type=Path, required=True, help="one line of JSON for each sentence; added to")
    parser.add_argument("--halves", nargs="*", default=list(HALVES), choices=HALVES)
    parser.add_argument("--first", type=int, help="only so many sentences of each half and language")
    arguments = parser.parse_args()
    lines = arguments.heard.read_text(encoding="utf-8").splitlines() if arguments.heard.exists() else []
    synthesizer, engine = Synthesizer(arguments.kokoro_voices), FasterWhisper(find_weights(None, arguments.state))
    for phrase, voice in wanted(arguments.halves, {json.loads(each)["key"] for each in lines}, arguments.first):
        audio = call_audio_from(call_of(synthesizer, phrase, voice), PHONE_RATE)
        turns = [asdict(turn) for turn in transcribe_recording(audio, engine, phrase.language).turns]
        with arguments.heard.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"key": phrase.key, "voice": voice, "turns": turns}, ensure_ascii=False) + "\n")
        sys.stderr.write(f"{voice} {phrase.text}\n")


if __name__ == "__main__":
    main()
