"""Whisper by faster-whisper's model and CTranslate2's own calls: the default engine.

faster-whisper pads every window to thirty seconds and encodes a batch at once. Attention grows with the square of the
window and several windows at a time fall out of the processor's cache: windows of twenty seconds, encoded one after
the other and decoded together, cost less than half.
"""

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

_FRAME_STEP = 20  # the encoder makes one position of two frames

_SURE = -0.15
"""Mean log probability from which a window's neighbors are decoded greedily: no worse there, and a third cheaper."""

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
                "greedy_above": _SURE,
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
        """The text of each window; greedily while the model is sure, which on a clear English line is always."""
        tokenizer = self._tokenizer(language)
        texts: dict[int, WindowText] = {}
        sure = False
        for frames, batch in self._batches(windows):
            lengths = [windows[index].size * _FRAMES_PER_SECOND // SAMPLE_RATE for index in batch]
            encoded = ctranslate2.StorageView.from_array(
                np.concatenate([self._encoded(windows[index], frames) for index in batch])
            )
            results = self._results(encoded, len(batch), tokenizer, 1 if sure else self._beam_size)
            if sure and not _is_sure(results):
                results = self._results(encoded, len(batch), tokenizer, self._beam_size)
            sure = _is_sure(results)
            texts |= zip(batch, self._told(results, encoded, lengths, tokenizer), strict=True)
        return [texts[index] for index in range(len(windows))]

    def _batches(self, windows: Sequence[Samples]) -> Iterator[tuple[int, list[int]]]:
        """Windows of about one length, as many as are decoded together, and how many frames they are padded to."""
        by_length = sorted(range(len(windows)), key=lambda index: windows[index].size)
        for first in range(0, len(by_length), self._batch_size):
            batch = by_length[first : first + self._batch_size]
            yield _padded_frames(windows[batch[-1]].size), batch

    def _results(self, encoded: ctranslate2.StorageView, windows: int, tokenizer: Tokenizer, beam_size: int) -> Any:
        return self._model.model.generate(
            encoded,
            [[*tokenizer.sot_sequence, tokenizer.no_timestamps]] * windows,
            beam_size=beam_size,
            max_length=self._model.max_length,
            suppress_blank=True,
            suppress_tokens=get_suppressed_tokens(tokenizer, [-1]),
            return_scores=True,
            return_no_speech_prob=True,
        )

    def _told(
        self, results: Any, encoded: ctranslate2.StorageView, lengths: list[int], tokenizer: Tokenizer
    ) -> Iterator[WindowText]:
        tokens = [[token for token in result.sequences_ids[0] if token < tokenizer.eot] for result in results]
        aligned = self._model.find_alignment(tokenizer, tokens, encoded, lengths)
        for result, said, words in zip(results, tokens, aligned, strict=True):
            merge_punctuations(words, _PREPENDED, _APPENDED)
            text = tokenizer.decode(said).strip()
            yield WindowText(
                words=tuple(_word(word) for word in words if word["word"]),
                mean_log_probability=_mean_log_probability(result),
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


def _is_sure(results: Any) -> bool:
    return all(_mean_log_probability(result) >= _SURE for result in results)


def _mean_log_probability(result: Any) -> float:
    steps = len(result.sequences_ids[0])
    return float(result.scores[0]) * steps / (steps + 1)


def _padded_frames(longest: int) -> int:
    """So many frames a batch is heard in: a packed window's, or more where one stretch is longer.

    Less silence behind short windows is cheaper, but then the models leave out the last sentence now and then.
    """
    seconds = min(max(PACKED_SECONDS, longest / SAMPLE_RATE), WINDOW_SECONDS)
    return -(-round(seconds * _FRAMES_PER_SECOND) // _FRAME_STEP) * _FRAME_STEP


def _word(word: dict[str, Any]) -> Word:
    return Word(
        text=word["word"],
        start=float(word["start"]),
        end=float(word["end"]),
        probability=float(word["probability"]),
    )
