"""Which speech engine and model an installation and its queues use, and how many models a process holds."""

from collections import OrderedDict
from pathlib import Path

import structlog

from runtime.settings import Settings, SpeechEngine, SpeechModel
from transcription.faster_whisper_engine import FasterWhisper
from transcription.transcriber import Transcriber
from transcription.weights import MODEL_FILE, Weights, find_weights

log = structlog.get_logger(__name__)

_BESIDE_MODELS_MB = 500.0
"""Libraries, the sound of a call and the engine's own room."""


class Transcribers:
    """The engines of one process, loaded when they are first asked for.

    Several models share the memory that the settings give them: who was not asked for longest is let go first.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._loaded: OrderedDict[str, tuple[Transcriber, float]] = OrderedDict()

    def __call__(self, name: str | None = None) -> Transcriber:
        """The engine with a queue's model, or the installation's own for no name or one that is not set any more."""
        chosen = self._settings.speech_model_named(name)
        if chosen.name not in self._loaded:
            if name and chosen.name != name:
                log.warning("speech_model_not_set", queue_wants=name, used=chosen.name)
            self._make_room(_megabytes(self._settings, chosen))
            self._loaded[chosen.name] = (load(self._settings, chosen), _megabytes(self._settings, chosen))
        self._loaded.move_to_end(chosen.name)
        return self._loaded[chosen.name][0]

    @property
    def loaded(self) -> tuple[str, ...]:
        """The names of the models in memory, the one asked for last at the end."""
        return tuple(self._loaded)

    def _make_room(self, megabytes: float) -> None:
        while self._loaded and self._taken() + megabytes > self._settings.speech_memory_mb:
            name, _ = self._loaded.popitem(last=False)
            log.info("speech_model_let_go", model=name)

    def _taken(self) -> float:
        return sum(megabytes for _, megabytes in self._loaded.values())


def child_megabytes(settings: Settings) -> float:
    """What a process that hears may grow to before a fresh one takes its place: engines keep what long calls took.

    A process with the base model (145 MB) begins at about 600; it is looked at between calls (docs/transcription.md).
    """
    chosen = (settings.speech_model_named(None), *settings.queue_models)
    models = sorted((_megabytes(settings, each) for each in chosen), reverse=True)
    held = max(models[0], min(sum(models), settings.speech_memory_mb))
    return _BESIDE_MODELS_MB + 2 * held


def load_transcriber(settings: Settings) -> Transcriber:
    """Load the engine and model of the settings: seconds of work and some hundred megabytes, once per process."""
    return load(settings, settings.speech_model_named(None))


def load(settings: Settings, chosen: SpeechModel) -> Transcriber:
    """Load one engine with one model."""
    if chosen.engine is SpeechEngine.ENDPOINT:
        # Only who uses a server needs its client.
        from transcription.endpoint_engine import SpeechEndpoint

        return SpeechEndpoint(
            url=settings.speech_url or "",
            model=chosen.model or "whisper-1",
            key=settings.speech_key.get_secret_value(),
            seconds=settings.speech_seconds,
        )
    weights = find_weights(chosen.model, settings.state_dir)
    if chosen.engine is SpeechEngine.OPENAI_WHISPER:
        # An extra of the installation: without it this import says in words what to install.
        from transcription.openai_whisper_engine import OpenAIWhisper

        return OpenAIWhisper(weights, beam_size=settings.speech_beam, cpu_threads=settings.speech_threads)
    return FasterWhisper(weights, beam_size=settings.speech_beam, cpu_threads=settings.speech_threads)


def _megabytes(settings: Settings, chosen: SpeechModel) -> float:
    """What a model takes, reckoned by its file; none for one on another machine."""
    if chosen.engine is SpeechEngine.ENDPOINT:
        return 0.0
    path = _file_of(find_weights(chosen.model, settings.state_dir))
    return path.stat().st_size / 1e6 if path is not None else 0.0


def _file_of(weights: Weights) -> Path | None:
    if weights.path is None:
        return None
    return weights.path / MODEL_FILE if weights.path.is_dir() else weights.path
