"""Whisper by faster-whisper (CTranslate2): the default engine."""

from collections.abc import Sequence
from importlib.metadata import version
from itertools import pairwise

import numpy as np
from faster_whisper import BatchedInferencePipeline, WhisperModel

from transcription.transcriber import SAMPLE_RATE, EngineDescription, Samples, WindowText, Word
from transcription.weights import Weights


class FasterWhisper:
    """A Transcriber that decodes several windows at once with 8-bit weights."""

    def __init__(
        self,
        weights: Weights,
        *,
        beam_size: int = 5,
        cpu_threads: int = 1,
        batch_size: int = 8,
        compute_type: str = "int8",
    ) -> None:
        self._model = WhisperModel(
            str(weights.path or weights.name),
            device="cpu",
            compute_type=compute_type,
            cpu_threads=cpu_threads,
            download_root=str(weights.download_to),
            local_files_only=weights.path is not None,
        )
        self._pipeline = BatchedInferencePipeline(model=self._model)
        self._beam_size = beam_size
        self._batch_size = batch_size
        self._description = EngineDescription(
            engine="faster-whisper",
            version=f"{version('faster-whisper')} (ctranslate2 {version('ctranslate2')})",
            model=weights.name,
            parameters={"compute_type": compute_type, "beam_size": beam_size, "batch_size": batch_size},
        )

    @property
    def description(self) -> EngineDescription:
        """Engine, version, model and parameters."""
        return self._description

    def language_of(self, windows: Sequence[Samples], among: Sequence[str]) -> str:
        """The likeliest of `among` in the first windows."""
        _, _, probabilities = self._model.detect_language(audio=np.concatenate(list(windows)))
        likelihood = dict(probabilities)
        return max(among, key=lambda language: likelihood.get(language, 0.0))

    def transcribe(self, windows: Sequence[Samples], language: str) -> list[WindowText]:
        """The text of each window."""
        if not windows:
            return []
        starts = np.cumsum([0, *(window.size for window in windows)])
        segments, _ = self._pipeline.transcribe(
            np.concatenate(list(windows)),
            language=language,
            beam_size=self._beam_size,
            batch_size=self._batch_size,
            word_timestamps=True,
            condition_on_previous_text=False,
            # The windows were cut at pauses before: giving them as clips keeps the library from cutting anew. It
            # rounds down to samples, so half a sample keeps it at ours.
            clip_timestamps=[
                {"start": (start + 0.5) / SAMPLE_RATE, "end": (end + 0.5) / SAMPLE_RATE}
                for start, end in pairwise(starts)
            ],
        )
        texts = [_NOTHING] * len(windows)
        # `seek` is the beginning of the clip in hundredths of a second, rounded down.
        clip_at = {int(start / SAMPLE_RATE * self._model.frames_per_second): i for i, start in enumerate(starts[:-1])}
        for segment in segments:
            index = clip_at[segment.seek]
            offset = float(starts[index]) / SAMPLE_RATE
            texts[index] = WindowText(
                words=texts[index].words
                + tuple(
                    Word(
                        text=word.word,
                        start=float(word.start) - offset,
                        end=float(word.end) - offset,
                        probability=float(word.probability),
                    )
                    for word in segment.words or ()
                ),
                mean_log_probability=float(segment.avg_logprob),
                no_speech_probability=float(segment.no_speech_prob),
                compression_ratio=max(texts[index].compression_ratio, float(segment.compression_ratio)),
            )
        return texts


_NOTHING = WindowText(words=(), mean_log_probability=0.0, no_speech_probability=1.0, compression_ratio=0.0)
