"""What is said in a few seconds of one side of a call: a SpeechProbe over the loaded speech model."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
import soxr

from transcription.transcriber import SAMPLE_RATE, WINDOW_SECONDS, Samples, Transcriber
from transcription.voice_activity import speech_spans


class WhisperProbe:
    """Hears short mono files; `transcriber` loads the model when it is first called."""

    def __init__(self, transcriber: Callable[[], Transcriber]) -> None:
        self._transcriber = transcriber

    def words(self, sound: Path, language: str) -> str | None:
        """What is said in the file, None when nobody speaks in it."""
        samples = _read(sound)
        spans = speech_spans(samples)
        if not spans:
            return None
        # From the first word to the last, rests included: cut out of their rests, short words are misheard.
        spoken = samples[int(spans[0].start * SAMPLE_RATE) : int(spans[-1].end * SAMPLE_RATE)]
        text = self._transcriber().transcribe([spoken[: int(WINDOW_SECONDS * SAMPLE_RATE)]], language)[0].text
        return text or None


def _read(sound: Path) -> Samples:
    read, rate = soundfile.read(str(sound), dtype="float32", always_2d=True)
    mono = np.ascontiguousarray(read[:, 0], dtype=np.float32)
    return np.asarray(soxr.resample(mono, rate, SAMPLE_RATE), dtype=np.float32)
