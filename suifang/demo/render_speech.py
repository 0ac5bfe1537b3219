"""Renders the demo's speech and the shipped prompts, and measures each by what Whisper understands of it.

    python -m suifang.demo.render_speech --kokoro-voices package/voices --measure STATE_DIR

Needs the extra `voices`; the voice vectors are the `voices` folder of `npm pack kokoro-js@1.2.1`. Files that exist
are kept unless named with --only or --all is given.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from suifang.demo.speech_manifest import SPEECH, load_utterances
from telephony.voices.prompts import load_prompts
from telephony.voices.sentences import load_sentences
from telephony.voices.sound import PHONE_RATE, Samples, at_speech_level, phone_band, write_wav
from telephony.voices.synthesis import Synthesizer, Voice
from transcription.error_rate import error_rate
from transcription.faster_whisper_engine import FasterWhisper
from transcription.transcriber import SAMPLE_RATE
from transcription.weights import find_weights

REPOSITORY = Path(__file__).parents[2]
PROMPTS = REPOSITORY / "content" / "prompts"
RECORDED = REPOSITORY / "tests" / "support" / "speech"
TONE_SECONDS = 0.6
FULL_SCALE = 32768
PAUSE_CUT = PHONE_RATE // 4  # of the pause behind the last sentence: what follows begins with one of its own
PIECE_FRAME = PHONE_RATE // 100
PIECE_SILENT_BELOW = 0.02  # of the loudest frame
PIECE_EDGES = (PHONE_RATE * 60 // 1000, PHONE_RATE * 70 // 1000)
"""What is kept in front of a piece and behind it: a 十 or 四 begins with a hiss that is hardly louder than silence."""
PIECE_FADES = (PHONE_RATE * 8 // 1000, PHONE_RATE * 25 // 1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """One file to be made."""

    path: Path
    text: str
    language: str
    voice: str
    speed: float
    piece: bool = False


def renderings() -> Iterator[Rendering]:
    """Every file of both lists."""
    for utterance in load_utterances():
        yield Rendering(
            path=SPEECH / utterance.file,
            text=utterance.text,
            language=utterance.language,
            voice=utterance.voice,
            speed=1.0,
        )
    for prompt in load_prompts(PROMPTS).prompts:
        if prompt.voice.startswith("composed:"):
            continue  # made by a script of its own
        yield Rendering(
            path=PROMPTS / prompt.file,
            text=prompt.text,
            language=prompt.language,
            voice=prompt.voice,
            speed=prompt.speed,
        )
    for pieces in load_sentences(load_prompts(PROMPTS)).piece_sets:
        for key, text in pieces.texts.items():
            yield Rendering(
                path=PROMPTS / pieces.language / "pieces" / f"{key}.wav",
                text=text,
                language=pieces.language,
                voice=pieces.voice,
                speed=pieces.speed,
                piece=True,
            )


def without_silence(samples: Samples) -> Samples:
    """A piece without what is silent around it, faded in and out, at the level of all speech."""
    wave = (samples / FULL_SCALE).astype(np.float32)
    frames = wave[: len(wave) // PIECE_FRAME * PIECE_FRAME].reshape(-1, PIECE_FRAME)
    level = np.sqrt(np.mean(np.square(frames), axis=1))
    loud = np.flatnonzero(level > PIECE_SILENT_BELOW * float(np.max(level, initial=0.0)))
    if not len(loud):
        return samples
    before, behind = PIECE_EDGES
    piece = wave[max(0, int(loud[0]) * PIECE_FRAME - before) : (int(loud[-1]) + 1) * PIECE_FRAME + behind]
    rise, fall = PIECE_FADES
    piece[:rise] *= np.linspace(0, 1, rise, dtype=np.float32)
    piece[-fall:] *= np.linspace(1, 0, fall, dtype=np.float32)
    return at_speech_level(piece)


def render(rendering: Rendering, synthesizer: Synthesizer) -> Samples:
    """The samples of one file, from a person's recording, a synthetic voice or a tone."""
    engine, _, name = rendering.voice.partition(":")
    if engine == "recorded":
        wave, rate = soundfile.read(RECORDED / name, dtype="float32")
        return phone_band(wave, rate)
    if engine == "tone":
        at = np.arange(int(TONE_SECONDS * PHONE_RATE)) / PHONE_RATE
        return at_speech_level(np.sin(2 * np.pi * float(name) * at).astype(np.float32))
    stop = "。" if rendering.piece and rendering.language == "zh" else ""
    spoken = synthesizer.speak(
        rendering.text + stop, language=rendering.language, voice=Voice.parse(rendering.voice), speed=rendering.speed
    )
    return without_silence(spoken) if rendering.piece else spoken[:-PAUSE_CUT]


def measure(engine: FasterWhisper, rendering: Rendering, samples: Samples) -> str:
    """Character (zh) or word (en) error of Whisper's hearing, and what it heard."""
    window = soxr.resample(samples.astype(np.float32) / FULL_SCALE, PHONE_RATE, SAMPLE_RATE)
    heard = engine.transcribe([window], rendering.language)[0].text
    percent = 100 * error_rate(rendering.text, heard, rendering.language)
    return f"{percent:.1f} %\t{rendering.text} -> {heard}"


def main() -> None:
    """Render what is missing or asked for, and print one line per file."""
    parser = argparse.ArgumentParser(description="Render the demo's speech and the shipped prompts.")
    parser.add_argument("--kokoro-voices", type=Path, required=True, help="folder `voices` of npm's kokoro-js 1.2.1")
    parser.add_argument("--measure", type=Path, metavar="STATE_DIR", help="measure with the speech model kept there")
    parser.add_argument("--only", nargs="*", default=[], help="file names to render again")
    parser.add_argument("--all", action="store_true", help="render every file again")
    arguments = parser.parse_args()
    synthesizer = Synthesizer(arguments.kokoro_voices)
    engine = FasterWhisper(find_weights(None, arguments.measure)) if arguments.measure else None
    for rendering in renderings():
        wanted = arguments.all or rendering.path.name in arguments.only
        if rendering.path.is_file() and not wanted:
            continue
        samples = render(rendering, synthesizer)
        write_wav(rendering.path, samples)
        line = f"{rendering.path.relative_to(REPOSITORY)}\t{len(samples) / PHONE_RATE:.1f} s\t{rendering.voice}"
        if engine and rendering.text:
            line += f"\t{measure(engine, rendering, samples)}"
        print(line, flush=True)


if __name__ == "__main__":
    main()
