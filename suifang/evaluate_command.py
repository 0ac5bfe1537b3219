"""`suifang transcribe --evaluate FOLDER`: a table of how each model at hand hears the hospital's own samples."""

import json
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.table import Table

from runtime.log import configure_logging
from runtime.settings import Settings
from transcription.audio import UnreadableRecordingError
from transcription.engine_choice import load_transcriber
from transcription.evaluation import Evaluation, Sample, SamplesError, evaluate, read_samples
from transcription.transcriber import SpeechEngineMissingError, Transcriber
from transcription.weights import MODEL_FILE, WeightsError


def run(
    folder: Path,
    settings: Settings,
    *,
    models: Sequence[str],
    as_json: bool,
    language: str,
    out: TextIO | None = None,
    progress: TextIO | None = None,
) -> int:
    """Hear the folder's samples with each model, one process after the other; 0, or 2 with a sentence on stderr."""
    out, progress = out or sys.stdout, progress or sys.stderr
    try:
        samples = read_samples(folder, language)
        evaluations = []
        for model in models or models_at_hand(settings):
            print(f"{model or 'the default model'}: {len(samples)} samples", file=progress)
            evaluations.append(_in_a_process_of_its_own(samples, settings, model))
    except (SamplesError, UnreadableRecordingError, SpeechEngineMissingError, WeightsError) as error:
        print(error, file=progress)
        return 2
    if as_json:
        print(json.dumps([_figures(each) for each in evaluations], ensure_ascii=False), file=out)
    else:
        Console(file=out, soft_wrap=True).print(_table(evaluations))
    return 0


def models_at_hand(settings: Settings) -> list[str]:
    """The model of the settings ("" for the packaged one) and every other that lies in the state folder's models."""
    configured = settings.speech_model or ""
    folder = settings.state_dir / "models"
    # The packaged model is put together there at first use; its folder is no second model.
    others = [
        str(path.parent)
        for path in sorted(folder.glob(f"*/{MODEL_FILE}"))
        if not path.parent.name.startswith("whisper-")
    ]
    return [configured, *(other for other in others if other != configured)]


def _in_a_process_of_its_own(samples: Sequence[Sample], settings: Settings, model: str) -> Evaluation:
    """So that its memory can be told, and is given back."""
    load = partial(_load, settings.model_copy(update={"speech_model": model or None}))
    quiet = settings.model_copy(update={"log_level": "WARNING"})
    with ProcessPoolExecutor(1, get_context("spawn"), configure_logging, (quiet, "suifang")) as process:
        return process.submit(evaluate, samples, load).result()


def _load(settings: Settings) -> Transcriber:
    return load_transcriber(settings)


def _figures(evaluation: Evaluation) -> dict[str, object]:
    return {
        **asdict(evaluation),
        "error": {language: round(rate, 4) for language, rate in evaluation.error_rates().items()},
        "seconds": round(evaluation.seconds, 1),
        "cpu_seconds": round(evaluation.cpu_seconds, 2),
    }


def _table(evaluations: Sequence[Evaluation]) -> Table:
    table = Table(title="models", title_justify="left")
    for column in ("model", "engine", "error", "CPU s", "CPU s per minute", "memory MB"):
        table.add_column(column)
    for each in evaluations:
        errors = ", ".join(f"{language} {100 * rate:.1f} %" for language, rate in each.error_rates().items())
        table.add_row(
            each.model,
            each.engine,
            errors,
            f"{each.cpu_seconds:.1f}",
            f"{60 * each.cpu_seconds / each.seconds:.1f}" if each.seconds else "",
            f"{each.peak_megabytes:.0f}",
        )
    return table
