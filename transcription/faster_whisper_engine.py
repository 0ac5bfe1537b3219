"""Whisper by faster-whisper's model and CTranslate2's own calls: the default engine.

faster-whisper pads every window to thirty seconds and encodes a batch at once. Attention grows with the square of the
window and several windows at a time fall out of the processor's cache: windows of twenty seconds, encoded one after
the other and decoded together, cost less than half.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.metadata import version
from typing import Any

import ctranslate2
import numpy as np
import numpy.typing as npt
from faster_whisper import WhisperModel
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import get_compression_ratio, get_suppressed_tokens, merge_punctuations

from transcription.transcriber import SAMPLE_RATE, WINDOW_SECONDS, EngineDescription, Samples, WindowText, Word
from transcription.weights import Weights

PACKED_SECONDS = 20.0
"""How long packed windows are: docs/transcription.md has the trials."""

_STEP_SECONDS = 2
"""Longer stretches are padded to such a step, so that those of about one length are decoded together."""

_FRAMES_PER_SECOND = 100
_PREPENDED = "\"'“¿([{-"
_APPENDED = "\"'.。,，!！?？:：”)]}、"


class FasterWhisper:
    """A Transcriber that decodes several windows at once with 8-bit weights."""

    def __init__(
        self,
        weights: Weights,
        *,
        beam_size: int = 5,
        cpu_threads: int = 1,
        batch_size: int = 4,
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
        self._tokenizer = cache(self._make_tokenizer)
        self._beam_size = beam_size
        self._batch_size = batch_size
        self._description = EngineDescription(
            engine="faster-whisper",
            version=f"{version('faster-whisper')} (ctranslate2 {version('ctranslate2')})",
            model=weights.name,
            parameters={
                "compute_type": compute_type,
                "beam_size": beam_size,
                "batch_size": batch_size,
                "packed_seconds": PACKED_SECONDS,
            },
        )

    @property
    def description(self) -> EngineDescription:
        """Engine, version, model and parameters."""
        return self._description

    @property
    def packed_seconds(self) -> float:
        """How much speech is best put into one window."""
        return PACKED_SECONDS

    def language_of(self, windows: Sequence[Samples], among: Sequence[str]) -> str:
        """The likeliest of `among` in the first windows."""
        _, _, probabilities = self._model.detect_language(audio=np.concatenate(list(windows)))
        likelihood = dict(probabilities)
        return max(among, key=lambda language: likelihood.get(language, 0.0))

    def transcribe(self, windows: Sequence[Samples], language: str) -> list[WindowText]:
        """The text of each window."""
        tokenizer = self._tokenizer(language)
        texts: dict[int, WindowText] = {}
        for frames, batch in self._batches(windows):
            texts |= zip(batch, self._decoded([windows[index] for index in batch], frames, tokenizer), strict=True)
        return [texts[index] for index in range(len(windows))]

    def _batches(self, windows: Sequence[Samples]) -> Iterator[tuple[int, list[int]]]:
        """Windows that are padded to one length, as many as are decoded together."""
        of_length: dict[int, list[int]] = defaultdict(list)
        for index, window in enumerate(windows):
            of_length[_padded_frames(window)].append(index)
        for frames, alike in of_length.items():
            for first in range(0, len(alike), self._batch_size):
                yield frames, alike[first : first + self._batch_size]

    def _decoded(self, windows: Sequence[Samples], frames: int, tokenizer: Tokenizer) -> Iterator[WindowText]:
        encoded = ctranslate2.StorageView.from_array(
            np.concatenate([self._encoded(window, frames) for window in windows])
        )
        prompt = [*tokenizer.sot_sequence, tokenizer.no_timestamps]
        results = self._model.model.generate(
            encoded,
            [prompt] * len(windows),
            beam_size=self._beam_size,
            max_length=self._model.max_length,
            suppress_blank=True,
            suppress_tokens=get_suppressed_tokens(tokenizer, [-1]),
            return_scores=True,
            return_no_speech_prob=True,
        )
        tokens = [[token for token in result.sequences_ids[0] if token < tokenizer.eot] for result in results]
        lengths = [window.size * _FRAMES_PER_SECOND // SAMPLE_RATE for window in windows]
        aligned = self._model.find_alignment(tokenizer, tokens, encoded, lengths)
        for result, said, words in zip(results, tokens, aligned, strict=True):
            merge_punctuations(words, _PREPENDED, _APPENDED)
            steps = len(result.sequences_ids[0])
            text = tokenizer.decode(said).strip()
            yield WindowText(
                words=tuple(_word(word) for word in words if word["word"]),
                mean_log_probability=float(result.scores[0]) * steps / (steps + 1),
                no_speech_probability=float(result.no_speech_prob),
                compression_ratio=float(get_compression_ratio(text)) if text else 0.0,
            )

    def _encoded(self, window: Samples, frames: int) -> npt.NDArray[np.float32]:
        """What the encoder makes of one window; by itself, since several at once would cost more."""
        padded = np.pad(window, (0, max(frames * SAMPLE_RATE // _FRAMES_PER_SECOND - window.size, 0)))
        features = self._model.feature_extractor(padded, padding=0)[None, :, :frames]
        view = ctranslate2.StorageView.from_array(np.ascontiguousarray(features, dtype=np.float32))
        return np.array(self._model.model.encode(view, to_cpu=True))

    def _make_tokenizer(self, language: str) -> Tokenizer:
        return Tokenizer(
            self._model.hf_tokenizer, self._model.model.is_multilingual, task="transcribe", language=language
        )


def _padded_frames(window: Samples) -> int:
    """So many frames a window is heard in: a packed one's, or more where one stretch is longer."""
    step = _STEP_SECONDS * SAMPLE_RATE
    seconds = -(-window.size // step) * _STEP_SECONDS
    return round(min(max(PACKED_SECONDS, seconds), WINDOW_SECONDS) * _FRAMES_PER_SECOND)


def _word(word: dict[str, Any]) -> Word:
    return Word(
        text=word["word"],
        start=float(word["start"]),
        end=float(word["end"]),
        probability=float(word["probability"]),
    )
