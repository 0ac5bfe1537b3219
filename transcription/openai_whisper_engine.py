"""Whisper by openai-whisper (PyTorch): the other engine, an extra of the installation.

It hears the same windows as the default engine and can use the same weights.
"""

import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from transcription.transcriber import (
    WINDOW_SECONDS,
    EngineDescription,
    Samples,
    SpeechEngineMissingError,
    WindowText,
    Word,
)
from transcription.weights import Weights

try:
    import torch
    import whisper
    from whisper.timing import find_alignment, merge_punctuations
    from whisper.tokenizer import get_tokenizer

    from transcription.checkpoint import checkpoint_beside
except ModuleNotFoundError as error:
    raise SpeechEngineMissingError(
        f"the engine openai-whisper needs the package {error.name!r}, which is not installed:"
        " pip install 'suifang[openai-whisper]' (without a GPU install torch's CPU build first),"
        " or set SUIFANG_SPEECH_ENGINE=faster-whisper"
    ) from error

_PREPENDED = "\"'“¿([{-"
_APPENDED = "\"'.。,，!！?？:：”)]}、"
_FRAMES_PER_SECOND = 100


class OpenAIWhisper:
    """A Transcriber that decodes window after window in full precision."""

    def __init__(self, weights: Weights, *, beam_size: int = 5, cpu_threads: int = 1) -> None:
        torch.set_num_threads(cpu_threads)
        self.model = _load(weights)
        self._beam_size = beam_size
        self._description = EngineDescription(
            engine="openai-whisper",
            version=f"{version('openai-whisper')} (torch {torch.__version__})",
            model=weights.name,
            parameters={"compute_type": "float32", "beam_size": beam_size},
        )

    @property
    def description(self) -> EngineDescription:
        """Engine, version, model and parameters."""
        return self._description

    @property
    def packed_seconds(self) -> float:
        """How much speech is best put into one window: as much as fits, since each is padded to the full."""
        return WINDOW_SECONDS

    def language_of(self, windows: Sequence[Samples], among: Sequence[str]) -> str:
        """The likeliest of `among` in the first windows."""
        _, likelihood = self.model.detect_language(self._spectrogram(np.concatenate(list(windows))))
        return max(among, key=lambda language: likelihood.get(language, 0.0))

    def transcribe(self, windows: Sequence[Samples], language: str) -> list[WindowText]:
        """The text of each window."""
        return [self._one(window, language) for window in windows]

    def _one(self, window: Samples, language: str) -> WindowText:
        spectrogram = self._spectrogram(window)
        heard = self.model.decode(
            spectrogram,
            whisper.DecodingOptions(language=language, beam_size=self._beam_size, without_timestamps=True, fp16=False),
        )
        tokenizer = get_tokenizer(
            self.model.is_multilingual, num_languages=self.model.num_languages, language=language, task="transcribe"
        )
        words = find_alignment(
            self.model,
            tokenizer,
            [token for token in heard.tokens if token < tokenizer.eot],
            spectrogram,
            window.size * _FRAMES_PER_SECOND // whisper.audio.SAMPLE_RATE,
        )
        merge_punctuations(words, _PREPENDED, _APPENDED)
        return WindowText(
            words=tuple(
                Word(text=word.word, start=float(word.start), end=float(word.end), probability=float(word.probability))
                for word in words
                if word.word
            ),
            mean_log_probability=float(heard.avg_logprob),
            no_speech_probability=float(heard.no_speech_prob),
            compression_ratio=float(heard.compression_ratio),
        )

    def _spectrogram(self, window: Samples) -> Any:
        mel = whisper.log_mel_spectrogram(window, n_mels=self.model.dims.n_mels, padding=whisper.audio.N_SAMPLES)
        return whisper.pad_or_trim(mel, whisper.audio.N_FRAMES)


def _load(weights: Weights) -> Any:
    """The model on the CPU; by path wherever the weights lie on disk, since a name means a download."""
    if weights.path is None:
        return whisper.load_model(weights.name, device="cpu", download_root=str(weights.download_to))
    if not weights.path.is_dir():
        return whisper.load_model(str(weights.path), device="cpu")
    model = whisper.load_model(str(checkpoint_beside(weights.path)), device="cpu")
    heads = _alignment_heads(weights.path / "config.json")
    if heads:
        mask = torch.zeros(model.dims.n_text_layer, model.dims.n_text_head, dtype=torch.bool)
        for layer, head in heads:
            mask[layer, head] = True
        # Loaded by path, a model takes every head of its upper half for word times instead of the few that align.
        model.register_buffer("alignment_heads", mask.to_sparse(), persistent=False)
    return model


def _alignment_heads(config: Path) -> list[tuple[int, int]]:
    return (
        [(layer, head) for layer, head in json.loads(config.read_text())["alignment_heads"]] if config.is_file() else []
    )
