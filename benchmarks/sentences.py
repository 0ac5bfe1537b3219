"""How many dates, weekdays, hours and weights a listener takes down wrong, of sentences joined from pieces.

    python -m benchmarks.sentences --state /var/lib/suifang [--pieces-only] [--heard heard.tsv]

Beside them the same sentences said whole by the same voices (needs the extra `voices`): what voice and listener allow.
The listener is the packaged Whisper model behind a line of 8 kHz A-law; no person is replaced by it.
"""

import argparse
import io
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from benchmarks.heard_values import misheard, true_values
from benchmarks.row import Row, print_rows
from runtime.settings import REPOSITORY, load_settings
from telephony.voices.prompts import load_prompts
from telephony.voices.sentences import SentenceShelf, load_sentences, slot_of
from telephony.voices.sound import PHONE_RATE, Samples
from telephony.voices.speech import Speech
from telephony.voices.spoken_files import SpokenFiles
from telephony.voices.spoken_values import pieces_of
from transcription.faster_whisper_engine import FasterWhisper
from transcription.transcriber import SAMPLE_RATE
from transcription.weights import find_weights

SEED = 20_261_122
CONTENT = REPOSITORY / "content" / "prompts"
WHOLE_SPEED = 0.9
FULL_SCALE = 32768
AT_ONCE = 4
CACHE_BYTES = 200_000_000
KINDS = ("date", "weekday", "time", "number")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One sentence to be said."""

    key: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How many values were heard wrong, of how many, by kind."""

    wrong: Counter[str]
    of: Counter[str]

    def percent(self, *kinds: str) -> float:
        """Of these kinds; of all where none is named."""
        named = kinds or KINDS
        return 100 * sum(self.wrong[kind] for kind in named) / max(1, sum(self.of[kind] for kind in named))

    def words(self) -> str:
        """Wrong of all for each kind."""
        return ", ".join(f"{kind} {self.wrong[kind]}/{self.of[kind]}" for kind in KINDS)


Say = Callable[[Case, str], Samples]


def cases(appointments: int, weights: int, seed: int) -> list[Case]:
    """Random moments in the hours of a hospital, two thirds of them at a multiple of five minutes, and weights."""
    drawn = random.Random(seed)  # noqa: S311 the same sentences each time, nothing to keep secret
    made = []
    for _ in range(appointments):
        month, day = drawn.randint(1, 12), drawn.randint(1, 31)
        day = min(day, (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1])
        minute = drawn.choice(range(0, 60, 5)) if drawn.random() < 2 / 3 else drawn.randint(1, 59)
        moment = f"2027-{month:02}-{day:02}T{drawn.randint(7, 20):02}:{minute:02}"
        made.append(Case(key="appointment_at", values={"appointment_at": moment}))
    kilograms = [f"{drawn.randint(380, 1300) / 10:.1f}" for _ in range(weights)]
    return made + [Case(key="weight_entered", values={"weight": weight}) for weight in kilograms]


def whole_text(shelf: SentenceShelf, case: Case, language: str) -> str:
    """The sentence as a person would write it, with a comma between its values."""
    comma, space, stop = ("，", "", "。") if language == "zh" else (", ", " ", ".")
    lead, values = [], []
    for part in shelf.sentences[case.key].parts(language):
        slot = slot_of(part)
        if slot is None:
            lead.append(shelf.piece_text(part, language))
        else:
            pieces = pieces_of(case.values[slot[0]], slot[1], language)
            values.append(space.join(shelf.piece_text(piece, language) for piece in pieces))
    return f"{space.join(lead)}{space}{comma.join(values)}{stop}"


def by_pieces(shelf: SentenceShelf, folder: Path) -> Say:
    """As the telephony node joins it."""
    speech = Speech(shelf.trusting_its_pieces(), SpokenFiles(folder=folder, most_bytes=CACHE_BYTES))
    speech.prepare()

    def say(case: Case, language: str) -> Samples:
        samples: Samples = soundfile.read(speech.prompt(case.key, language, case.values), dtype="int16")[0]
        return samples

    return say


def whole(shelf: SentenceShelf, vectors: Path) -> Say:
    """In one breath, by the voices that the pieces were made with."""
    from telephony.voices.synthesis import Synthesizer, Voice  # only here: the pieces are measured without the extra

    synthesizer = Synthesizer(vectors)
    voices = {pieces.language: Voice.parse(pieces.voice) for pieces in shelf.piece_sets}

    def say(case: Case, language: str) -> Samples:
        text = whole_text(shelf, case, language)
        return synthesizer.speak(text, language=language, voice=voices[language], speed=WHOLE_SPEED)

    return say


def on_the_line(samples: Samples) -> Samples:
    """What comes out of a line that carries A-law."""
    line = io.BytesIO()
    soundfile.write(line, samples, PHONE_RATE, subtype="ALAW", format="WAV")
    line.seek(0)
    carried: Samples = soundfile.read(line, dtype="int16")[0]
    return carried


def measured(engine: FasterWhisper, say: Say, said: list[Case], language: str, heard_file: Path | None) -> Count:
    """Let the engine hear every sentence, and compare the values."""
    wrong, of = Counter[str](), Counter[str]()
    lines = []
    for start in range(0, len(said), AT_ONCE):
        some = said[start : start + AT_ONCE]
        windows = [
            soxr.resample(on_the_line(say(case, language)).astype(np.float32) / FULL_SCALE, PHONE_RATE, SAMPLE_RATE)
            for case in some
        ]
        for case, text in zip(some, engine.transcribe(windows, language), strict=True):
            wanted = true_values(case.values)
            missed = misheard(wanted, text.text, language)
            wrong.update(missed)
            of.update(list(wanted))
            lines.append(f"{language}\t{' '.join(case.values.values())}\t{' '.join(missed)}\t{text.text.strip()}\n")
    if heard_file is not None:
        with heard_file.open("a", encoding="utf-8") as file:
            file.writelines(lines)
    return Count(wrong=wrong, of=of)


def rows(
    state: Path, said: list[Case], languages: list[str], content: Path, vectors: Path | None, heard_file: Path | None
) -> list[Row]:
    """One row for each language: the pieces beside the whole sentence."""
    shelf = load_sentences(load_prompts(content))
    engine = FasterWhisper(find_weights(None, state))
    made = []
    with tempfile.TemporaryDirectory(prefix="suifang-sentences-") as folder:
        pieces, breath = by_pieces(shelf, Path(folder)), whole(shelf, vectors) if vectors else None
        for language in languages:
            ours = measured(engine, pieces, said, language, heard_file)
            peer = measured(engine, breath, said, language, heard_file) if breath else None
            of = f"; whole: {peer.words()}" if peer else ""
            made.append(
                Row(
                    name=f"values misheard, {language}",
                    unit="%",
                    ours=round(ours.percent(), 1),
                    peer="the same voice, the sentence whole",
                    peer_value=round(peer.percent(), 1) if peer else None,
                    ratio=round(peer.percent() / ours.percent(), 2) if peer and ours.percent() else None,
                    bound=0.0,
                    n=len(said),
                    spread=None,
                    conditions=f"pieces: {ours.words()}{of}; Whisper base, 8 kHz A-law, seed in the module",
                )
            )
            sys.stderr.write(f"{made[-1].name}: {made[-1].ours} % ({made[-1].peer_value}) {made[-1].conditions}\n")
    return made


def main() -> None:
    """Measure, and print one row for each language."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sentences", description=__doc__)
    parser.add_argument("--state", type=Path, default=load_settings().state_dir, help="where the speech model is kept")
    parser.add_argument("--kokoro-voices", type=Path, default=load_settings().models_dir / "voices")
    parser.add_argument("--pieces-only", action="store_true", help="without the whole sentences and the extra `voices`")
    parser.add_argument("--content", type=Path, default=CONTENT, help="a folder of prompts like content/prompts")
    parser.add_argument("--languages", nargs="*", default=["zh", "en"])
    parser.add_argument("--appointments", type=int, default=26)
    parser.add_argument("--weights", type=int, default=18)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--heard", type=Path, help="append every transcript to this file")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    said = cases(arguments.appointments, arguments.weights, arguments.seed)
    vectors = None if arguments.pieces_only else arguments.kokoro_voices
    found = rows(arguments.state, said, arguments.languages, arguments.content, vectors, arguments.heard)
    print_rows(found, as_json=arguments.json)


if __name__ == "__main__":
    main()
