"""Two-sided calls to text: processor time and errors beside the engines' own ways, all with the same weights.

Calls are put together from recorded utterances (SUIFANG_SPEECH_DIR, else the tests' speech): agent left, patient right,
a long hold, each side leaking 40 dB down into the other's channel. Every peer gets each channel by itself. Each engine
has a process of its own, so that its memory is its own; they take turns within one run.
"""

import argparse
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
import structlog
from faster_whisper import BatchedInferencePipeline, WhisperModel

from benchmarks.row import Row, print_rows
from followup.recordings import Channel
from tests.support.spoken_calls import RATE, SPEECH, Said, SpokenCall, references, spoken_call
from transcription.audio import CallAudio, call_audio_from
from transcription.error_rate import error_count
from transcription.faster_whisper_engine import FasterWhisper
from transcription.pipeline import transcribe_recording
from transcription.transcriber import WINDOW_SECONDS, Samples, SpeechEngineMissingError
from transcription.weights import Weights, find_weights

_HOLD_SECONDS = 35.0
_CHANNELS = (Channel.AGENT, Channel.PATIENT)
_PEERS = ("openai-whisper", "faster-whisper", "faster-whisper-batched")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Task:
    """A call to write down, with the truth."""

    call: SpokenCall
    audio: CallAudio


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """What writing down all calls cost, and the error rate by language."""

    cpu_seconds: float
    errors: dict[str, float]
    invented: int  # pieces of text where their side says nothing
    missed: int  # utterances without a text
    megabytes: float  # the most that the engine's process held so far
    late: tuple[float, ...]  # how far a text's beginning lies from its utterance's

    @property
    def error(self) -> float:
        """Mean of the languages' rates."""
        return statistics.mean(self.errors.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Heard:
    """A piece of text with its side and seconds."""

    channel: Channel
    start: float
    end: float
    text: str


Hear = Callable[[_Task], list[_Heard]]


def rows(speech: Path, line: str, repeats: int) -> list[Row]:
    """Measure ours and every peer in turn, `repeats` times each."""
    tasks = _tasks(speech, line)
    names = ("ours", *_PEERS)
    with tempfile.TemporaryDirectory(prefix="suifang-benchmark-") as folder, ExitStack() as alive:
        weights = find_weights(None, Path(folder))
        processes = {
            name: alive.enter_context(ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")))
            for name in names
        }
        runs: dict[str, list[_Run]] = {name: [] for name in names}
        refused: dict[str, str] = {}
        for number in range(repeats):
            for name in names:
                run = processes[name].submit(_run_in_child, name, weights, speech, line).result()
                _tell(f"run {number + 1} of {repeats}: {name} {run}")
                if isinstance(run, str):
                    refused[name] = run
                else:
                    runs[name].append(run)
        bound_cpu = _encoder_seconds(weights, tasks)
    return [row for name in _PEERS for row in _compared(runs, name, refused.get(name), tasks, bound_cpu)]


def _run_in_child(name: str, weights: Weights, speech: Path, line: str) -> "_Run | str":
    """One engine's run in its own process, which keeps engine and calls for the next."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    hear = _hear(name, weights)
    return hear if isinstance(hear, str) else _measured(hear, _tasks(speech, line))


@cache
def _hear(name: str, weights: Weights) -> "Hear | str":
    makers: dict[str, Callable[[Weights], Hear | str]] = {
        "ours": _ours,
        "openai-whisper": _openai_whisper,
        "faster-whisper": _faster_whisper,
        "faster-whisper-batched": _faster_whisper_batched,
    }
    return makers[name](weights)


def _compared(
    runs: dict[str, list[_Run]],
    name: str,
    refused: str | None,
    tasks: Sequence[_Task],
    bound_cpu: float,
) -> list[Row]:
    seconds = sum(task.audio.seconds for task in tasks)
    conditions = (
        f"Whisper base, one thread each, {len(tasks)} two-sided calls of {seconds:.0f} s together,"
        f" -40 dB crosstalk, a hold of {_HOLD_SECONDS:.0f} s; peers get each channel by itself with the language"
    )
    if refused is not None:
        conditions = f"{name} cannot run: {refused}"
    minutes = seconds / 60
    cpu = {who: [run.cpu_seconds / minutes for run in runs[who]] for who in ("ours", name)}
    error = {who: [run.error for run in runs[who]] for who in ("ours", name)}
    by_language = "; ".join(
        f"{who} {language} {statistics.median(run.errors[language] for run in runs[who]):.3f}"
        for who in ("ours", name)
        for language in (runs[who][0].errors if runs[who] else ())
    )
    pieces: dict[str, tuple[str, Callable[[_Run], float]]] = {
        "transcription.invented": ("pieces of text where nobody speaks", lambda run: float(run.invented)),
        "transcription.missed": ("utterances without a text", lambda run: float(run.missed)),
        "transcription.peak_mb": ("MB of the engine's process at the highest", lambda run: run.megabytes),
        "transcription.start_p90_s": (
            "s from an utterance's file to its text, nine in ten",
            lambda run: float(np.quantile(run.late, 0.9)) if run.late else float("nan"),
        ),
    }
    return [
        _row(
            "transcription.cpu_s", "CPU-s per minute of call", cpu["ours"], name, cpu[name], bound_cpu / minutes,
            f"{conditions}; bound: the encoder alone on the speech packed without a gap",
        ),
        _row(
            "transcription.error", "mean of WER (en) and CER (zh)", error["ours"], name, error[name], None,
            f"{conditions}; {by_language}",
        ),
        *(
            _row(fixed, unit, [*map(of, runs["ours"])], name, [*map(of, runs[name])], None, conditions)
            for fixed, (unit, of) in pieces.items()
        ),
    ]  # fmt: skip


def _row(
    name: str, unit: str, ours: list[float], peer: str, peers: list[float], bound: float | None, conditions: str
) -> Row:
    own, other = statistics.median(ours), statistics.median(peers) if peers else None
    return Row(
        name=name,
        unit=unit,
        ours=round(own, 4),
        peer=peer,
        peer_value=None if other is None else round(other, 4),
        ratio=_ratio(own, other),
        bound=None if bound is None else round(bound, 4),
        n=len(ours),
        spread=round((max(ours) - min(ours)) / own, 3) if own else None,
        conditions=conditions,
    )


def _ratio(own: float, other: float | None) -> float | None:
    """How many times less ours is; as good as the other where both are nothing."""
    if other is None or own == 0:
        return 1.0 if other == 0 else None
    return round(other / own, 2)


@cache
def _tasks(speech: Path, line: str) -> list[_Task]:
    """One call in each language, out of all utterances that there are."""
    tasks = []
    for language in ("en", "zh"):
        names = [name for name, (spoken, _) in references(speech).items() if spoken == language]
        turns = [(_CHANNELS[number % 2], name) for number, name in enumerate(names)]
        call = spoken_call(turns, hold_after=len(turns) // 2, hold_seconds=_HOLD_SECONDS, line=line, folder=speech)
        tasks.append(_Task(call=call, audio=call_audio_from(call.stereo, RATE)))
    return tasks


def _measured(hear: Hear, tasks: Sequence[_Task]) -> _Run:
    errors: dict[str, float] = {}
    cpu_seconds, invented, missed = 0.0, 0, 0
    late: list[float] = []
    for task in tasks:
        before = time.process_time()
        heard = hear(task)
        cpu_seconds += time.process_time() - before
        texts = {side: " ".join(piece.text for piece in heard if piece.channel is side) for side in _CHANNELS}
        counts = [error_count(task.call.text_of(side), texts[side], task.call.language) for side in _CHANNELS]
        errors[task.call.language] = sum(wrong for wrong, _ in counts) / sum(of for _, of in counts)
        invented += sum(not any(_together(piece, said) for said in task.call.said) for piece in heard)
        for said in task.call.said:
            starts = [abs(piece.start - said.start) for piece in heard if _together(piece, said)]
            missed += not starts
            late += [min(starts)] if starts else []
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    return _Run(
        cpu_seconds=cpu_seconds,
        errors=errors,
        invented=invented,
        missed=missed,
        megabytes=megabytes,
        late=tuple(late),
    )


def _together(piece: _Heard, said: Said) -> bool:
    return piece.channel is said.channel and piece.start < said.end and piece.end > said.start


def _ours(weights: Weights) -> Hear:
    engine = FasterWhisper(weights)

    def hear(task: _Task) -> list[_Heard]:
        found = transcribe_recording(task.audio, engine, task.call.language)
        return [_Heard(channel=turn.channel, start=turn.start, end=turn.end, text=turn.text) for turn in found.turns]

    return hear


def _by_channel(segments_of: Callable[[Samples, str], Iterable[tuple[float, float, str]]]) -> Hear:
    return lambda task: [
        _Heard(channel=side, start=start, end=end, text=text)
        for side, sound in zip(_CHANNELS, (task.audio.agent, task.audio.patient), strict=True)
        for start, end, text in segments_of(sound, task.call.language)
    ]


def _faster_whisper(weights: Weights) -> Hear:
    model = WhisperModel(str(weights.path), device="cpu", compute_type="int8", cpu_threads=1)
    return _by_channel(lambda sound, language: _told(model.transcribe(sound, language=language, vad_filter=True)[0]))


def _faster_whisper_batched(weights: Weights) -> Hear:
    model = BatchedInferencePipeline(WhisperModel(str(weights.path), device="cpu", compute_type="int8", cpu_threads=1))
    return _by_channel(lambda sound, language: _told(model.transcribe(sound, language=language)[0]))


def _told(segments: Any) -> Iterable[tuple[float, float, str]]:
    return ((segment.start, segment.end, segment.text) for segment in segments)


def _openai_whisper(weights: Weights) -> Hear | str:
    """openai-whisper's own function with its defaults, or why it cannot run."""
    try:
        from transcription.openai_whisper_engine import OpenAIWhisper
    except SpeechEngineMissingError as error:
        return str(error)
    model = OpenAIWhisper(weights).model
    return _by_channel(
        lambda sound, language: (
            (segment["start"], segment["end"], segment["text"])
            for segment in model.transcribe(sound, language=language, fp16=False)["segments"]
        )
    )


def _encoder_seconds(weights: Weights, tasks: Sequence[_Task]) -> float:
    """CPU seconds of the encoder alone over windows full of speech: no way with these weights can do without it."""
    speech = sum(said.end - said.start for task in tasks for said in task.call.said)
    windows = int(np.ceil(speech / WINDOW_SECONDS))
    model = WhisperModel(str(weights.path), device="cpu", compute_type="int8", cpu_threads=1)
    frames = int(WINDOW_SECONDS * 100)
    noise = np.random.default_rng(1).normal(0, 0.5, (1, model.feature_extractor.mel_filters.shape[0], frames))
    features = ctranslate2.StorageView.from_array(noise.astype(np.float32))
    model.model.encode(features)
    before = time.process_time()
    for _ in range(windows):
        model.model.encode(features, to_cpu=True)
    return time.process_time() - before


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.transcription", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON list instead of lines to read")
    parser.add_argument("--line", default="ulaw", choices=("clean", "ulaw", "noisy"), help="the telephone line")
    parser.add_argument("--repeats", type=int, default=2, help="runs of each")
    arguments = parser.parse_args()
    speech = Path(os.environ.get("SUIFANG_SPEECH_DIR") or SPEECH)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # stdout is for the rows alone
    _tell(f"speech from {speech}, line {arguments.line}")
    print_rows(rows(speech, arguments.line, arguments.repeats), as_json=arguments.json)


if __name__ == "__main__":
    main()
