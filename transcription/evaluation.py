"""How well and at what cost a model hears a hospital's own samples: sound beside what was really said."""

import csv
import re
import resource
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from followup.recordings import Channel, Turn
from transcription.audio import CallAudio, call_audio_from, read_call_audio
from transcription.error_rate import error_count
from transcription.languages import AUTO, LANGUAGES
from transcription.pipeline import transcribe_recording
from transcription.transcriber import Transcriber

_SOUNDS = (".wav", ".flac")
_MANIFEST = "manifest.tsv"
_LINE = re.compile(r"^\s*(?P<who>agent|patient|医护|护士|患者|病人)\s*[:：]\s*(?P<said>.*)$", re.IGNORECASE)
_AGENT_WORDS = frozenset({"agent", "医护", "护士"})


class SamplesError(ValueError):
    """The folder cannot be used as samples; the sentence says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A sound and what was said in it: by each side, or by `None` where the reference does not tell them apart."""

    file: Path
    language: str
    references: dict[Channel | None, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardSample:
    """What came of one sample."""

    file: str
    language: str
    seconds: float
    errors: int
    of: int  # words (en) or characters (zh) of the reference
    turns: int
    confidence: float  # of its turns, by their length; 0 where nothing was heard
    cpu_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """A model's figures over all samples."""

    engine: str
    model: str
    load_cpu_seconds: float
    peak_megabytes: float
    samples: tuple[HeardSample, ...]

    @property
    def cpu_seconds(self) -> float:
        """Of hearing, without loading."""
        return sum(sample.cpu_seconds for sample in self.samples)

    @property
    def seconds(self) -> float:
        """Of sound."""
        return sum(sample.seconds for sample in self.samples)

    def error_rates(self) -> dict[str, float]:
        """Errors per word (en) or character (zh), by language."""
        rates = {}
        for language in sorted({sample.language for sample in self.samples}):
            own = [sample for sample in self.samples if sample.language == language]
            rates[language] = sum(sample.errors for sample in own) / sum(sample.of for sample in own)
        return rates


def read_samples(folder: Path, language: str) -> list[Sample]:
    """The samples in a folder: those of its manifest.tsv, else each sound with a .txt of the same name beside it."""
    if not folder.is_dir():
        raise SamplesError(f"{folder} is no folder; give one with sounds (WAV, FLAC) and what is said in them")
    manifest = folder / _MANIFEST
    samples = list(_listed(manifest, language) if manifest.is_file() else _beside(folder, language))
    if not samples:
        raise SamplesError(
            f"{folder} holds no sample: put beside each sound (call.wav) a text with what is said in it (call.txt,"
            f" UTF-8), or a {_MANIFEST} with the columns file, language, reference"
        )
    return samples


def _listed(manifest: Path, language: str) -> Iterable[Sample]:
    with manifest.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines, delimiter="\t")
        missing = {"file", "reference"} - set(rows.fieldnames or ())
        if missing:
            raise SamplesError(f"{manifest} has no column {' and '.join(sorted(missing))}")
        for row in rows:
            file = manifest.parent / row["file"]
            if not file.is_file():
                raise SamplesError(f"{manifest} names {row['file']}, which is not in the folder")
            yield _sample(file, row["reference"], row.get("language") or language)


def _beside(folder: Path, language: str) -> Iterable[Sample]:
    for file in sorted(folder.iterdir()):
        text = file.with_suffix(".txt")
        if file.suffix.lower() in _SOUNDS and text.is_file():
            try:
                yield _sample(file, text.read_text(encoding="utf-8-sig"), language)
            except UnicodeDecodeError as error:
                raise SamplesError(f"{text} is not UTF-8; save it as UTF-8") from error


def _sample(file: Path, reference: str, language: str) -> Sample:
    if language not in (*LANGUAGES, AUTO):
        raise SamplesError(f"{file}: the language {language!r} is not one of {', '.join((*LANGUAGES, AUTO))}")
    said: dict[Channel | None, list[str]] = {}
    for line in filter(str.strip, reference.splitlines()):
        told = _LINE.match(line)
        channel = None
        if told:
            channel = Channel.AGENT if told["who"].lower() in _AGENT_WORDS else Channel.PATIENT
        said.setdefault(channel, []).append(told["said"] if told else line)
    if not said:
        raise SamplesError(f"{file}: its reference is empty; write down what is said in it")
    if None in said and len(said) > 1:
        raise SamplesError(
            f"{file}: some lines of its reference begin with agent: or patient: and some do not; use one or the other"
        )
    return Sample(
        file=file, language=language, references={channel: " ".join(lines) for channel, lines in said.items()}
    )


def evaluate(
    samples: Sequence[Sample], load: Callable[[], Transcriber], progress: Callable[[str], None] = lambda _: None
) -> Evaluation:
    """Hear every sample with one model. The memory is this process's highest, so give each model a process."""
    before = time.process_time()
    transcriber = load()
    loaded = time.process_time() - before
    heard = []
    for number, sample in enumerate(samples, start=1):
        heard.append(_heard(sample, transcriber))
        progress(f"{number} of {len(samples)} samples heard")
    return Evaluation(
        engine=f"{transcriber.description.engine} {transcriber.description.version}",
        model=transcriber.description.model,
        load_cpu_seconds=round(loaded, 2),
        peak_megabytes=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        samples=tuple(heard),
    )


def _heard(sample: Sample, transcriber: Transcriber) -> HeardSample:
    audio = _audio(sample.file)
    before = time.process_time()
    call = transcribe_recording(audio, transcriber, sample.language)
    spent = time.process_time() - before
    errors = of = 0
    for channel, reference in sample.references.items():
        said = [turn for turn in call.turns if channel in (None, turn.channel)]
        wrong, words = error_count(reference, " ".join(turn.text for turn in said), call.language)
        errors, of = errors + wrong, of + words
    return HeardSample(
        file=sample.file.name,
        language=call.language,
        seconds=round(audio.seconds, 2),
        errors=errors,
        of=of,
        turns=len(call.turns),
        confidence=_confidence(call.turns),
        cpu_seconds=round(spent, 3),
    )


def _confidence(turns: Sequence[Turn]) -> float:
    length = sum(len(turn.text) for turn in turns)
    return round(sum(turn.confidence * len(turn.text) for turn in turns) / length, 3) if length else 0.0


def _audio(file: Path) -> CallAudio:
    """A call, or one voice alone: then nobody speaks on the agent's side."""
    if soundfile.info(str(file)).channels == 1:
        samples, rate = soundfile.read(str(file), dtype="float32")
        return call_audio_from(np.stack([np.zeros_like(samples), samples], axis=1), int(rate))
    return read_call_audio(file)
