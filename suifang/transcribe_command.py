"""`suifang transcribe FILE`: one recording to turns, as JSON or as lines to read."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from transcription.audio import UnreadableRecordingError, call_seconds
from transcription.pipeline import Progress, TranscribedCall, transcribe_recording
from transcription.transcriber import SpeechEngineMissingError, Transcriber
from transcription.weights import WeightsError


def run(
    file: Path,
    *,
    as_json: bool,
    language: str,
    load_engine: Callable[[], Transcriber],
    out: TextIO | None = None,
    progress: TextIO | None = None,
) -> int:
    """Transcribe `file` and print its turns; the exit status is 0, or 2 with a sentence on stderr.

    The engine is loaded only after the file turned out to be a call's recording.
    """
    out, progress = out or sys.stdout, progress or sys.stderr
    try:
        print(f"{file}: {call_seconds(file):.1f} s, loading the speech model", file=progress)
        call = transcribe_recording(file, load_engine(), language, lambda step: _show(step, progress))
    except (UnreadableRecordingError, SpeechEngineMissingError, WeightsError) as error:
        print(error, file=progress)
        return 2
    print(_as_json(call) if as_json else _as_lines(call), file=out)
    return 0


def _show(step: Progress, progress: TextIO) -> None:
    part = f" from minute {step.begins / 60:.0f} of {step.seconds / 60:.0f} on" if step.begins else ""
    print(f"{step.done} of {step.of} windows{part} done", file=progress)


def _as_json(call: TranscribedCall) -> str:
    """One array; how a number would be written, and what else we keep of a turn, is not part of this contract."""
    turns = [{key: getattr(turn, key) for key in _KEYS} for turn in call.turns]
    return json.dumps(turns, ensure_ascii=False)


_KEYS = ("channel", "start", "end", "text", "confidence")


def _as_lines(call: TranscribedCall) -> str:
    return "\n".join(
        f"{turn.start:7.2f}-{turn.end:7.2f}  {turn.channel:<7}  {turn.text}  ({turn.confidence:.2f})"
        for turn in call.turns
    )
