"""Which speech engine an installation uses."""

from runtime.settings import Settings, SpeechEngine
from transcription.faster_whisper_engine import FasterWhisper
from transcription.transcriber import Transcriber
from transcription.weights import find_weights


def load_transcriber(settings: Settings) -> Transcriber:
    """Load the engine and model of the settings: seconds of work and some hundred megabytes, once per process."""
    weights = find_weights(settings.speech_model, settings.state_dir)
    if settings.speech_engine is SpeechEngine.OPENAI_WHISPER:
        # An extra of the installation: without it this import says in words what to install.
        from transcription.openai_whisper_engine import OpenAIWhisper

        return OpenAIWhisper(weights, beam_size=settings.speech_beam, cpu_threads=settings.speech_threads)
    return FasterWhisper(weights, beam_size=settings.speech_beam, cpu_threads=settings.speech_threads)
