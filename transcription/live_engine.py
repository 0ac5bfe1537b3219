"""Whisper for speech that is still going on: only as much of the encoder as the sound needs, and no beams.

A padded window of 30 seconds costs six times as much for a stretch of five. Cut shorter than two and a half seconds of
silence behind the sound, the models repeat it; what still goes round is heard again in a whole window.
"""

import re
from collections.abc import Sequence
from functools import cache
from typing import Any, Protocol

import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import get_compression_ratio, get_ctranslate2_storage, get_suppressed_tokens

from transcription.transcriber import SAMPLE_RATE, WINDOW_SECONDS, Samples, WindowText, Word
from transcription.weights import Weights

_SILENCE_BEHIND = round(2.56 * SAMPLE_RATE)
_WHOLE_WINDOW = round(WINDOW_SECONDS * SAMPLE_RATE)
_TOKENS_PER_SECOND = 12
_TOKENS_AT_LEAST = 12
_ROUND_AGAIN = re.compile(r"\W*(\w.{2,}?)(?:\W+\1)+\W*", re.IGNORECASE | re.DOTALL)


class LiveTranscriber(Protocol):
    """Hears one stretch of one speaker at once."""

    def hear(self, sound: Samples, language: str, *, whole_window: bool = False) -> WindowText:
        """What is said in it, as one word of the sound's length; with `whole_window` slower and steadier."""

    def language_of(self, sound: Samples, among: Sequence[str]) -> str:
        """The likeliest of the languages `among`."""


class ShortWindowWhisper:
    """A LiveTranscriber over CTranslate2's own calls, with the model and weights of faster-whisper."""

    def __init__(self, weights: Weights, *, cpu_threads: int = 1, compute_type: str = "int8") -> None:
        self._model = WhisperModel(
            str(weights.path or weights.name),
            device="cpu",
            compute_type=compute_type,
            cpu_threads=cpu_threads,
            download_root=str(weights.download_to),
            local_files_only=weights.path is not None,
        )
        self._tokenizer = cache(self._make_tokenizer)

    def hear(self, sound: Samples, language: str, *, whole_window: bool = False) -> WindowText:
        """What is said in the sound."""
        tokenizer = self._tokenizer(language)
        seconds = sound.size / SAMPLE_RATE
        prompt = [*tokenizer.sot_sequence, tokenizer.no_timestamps]
        most = _TOKENS_AT_LEAST + round(seconds * _TOKENS_PER_SECOND)
        result = self._model.model.generate(
            self._encoded(sound, whole_window=whole_window),
            [prompt],
            beam_size=1,
            max_length=min(self._model.max_length, len(prompt) + most),
            suppress_blank=True,
            suppress_tokens=get_suppressed_tokens(tokenizer, [-1]),
            return_scores=True,
            return_no_speech_prob=True,
        )[0]
        tokens = result.sequences_ids[0]
        text = tokenizer.decode(tokens).strip()
        mean = float(result.scores[0]) * len(tokens) / (len(tokens) + 1)
        return WindowText(
            words=(Word(text=text, start=0.0, end=seconds, probability=float(np.exp(mean))),) if text else (),
            mean_log_probability=mean,
            no_speech_probability=float(result.no_speech_prob),
            compression_ratio=float(get_compression_ratio(text)) if text else 0.0,
        )

    def language_of(self, sound: Samples, among: Sequence[str]) -> str:
        """The likeliest of `among` for the sound."""
        told = self._model.model.detect_language(self._encoded(sound, whole_window=True))[0]
        likelihood = {token.strip("<|>"): float(probability) for token, probability in told}
        return max(among, key=lambda language: likelihood.get(language, 0.0))

    def _encoded(self, sound: Samples, *, whole_window: bool) -> Any:
        heard = sound[:_WHOLE_WINDOW]
        length = _WHOLE_WINDOW if whole_window else min(heard.size + _SILENCE_BEHIND, _WHOLE_WINDOW)
        features = self._model.feature_extractor(np.pad(heard, (0, length - heard.size)), padding=0)
        even = features.shape[1] // 2 * 2  # the encoder halves the frames
        return self._model.model.encode(get_ctranslate2_storage(features[None, :, :even]))

    def _make_tokenizer(self, language: str) -> Tokenizer:
        return Tokenizer(
            self._model.hf_tokenizer, self._model.model.is_multilingual, task="transcribe", language=language
        )


def goes_round(text: str) -> bool:
    """Whether a text is nothing but one phrase said again and again: a model that lost the end of a short sound."""
    return _ROUND_AGAIN.fullmatch(text) is not None
