"""Call recordings as sound: left is the agent, right is the patient, both at the rate the models hear."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from transcription.transcriber import SAMPLE_RATE, Samples

_FORMATS = frozenset({"WAV", "WAVEX", "RF64", "FLAC"})


class UnreadableRecordingError(ValueError):
    """The file is not a two-channel recording of a call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallAudio:
    """Both sides of a call on one clock."""

    agent: Samples
    patient: Samples

    @property
    def seconds(self) -> float:
        """Length of the recording."""
        return self.agent.size / SAMPLE_RATE


def read_call_audio(source: Path | bytes) -> CallAudio:
    """Read a stereo WAV or FLAC (a path, or the file's bytes); UnreadableRecordingError says what is wrong with it."""
    name = str(source) if isinstance(source, Path) else "the recording"
    if isinstance(source, Path) and not source.is_file():
        raise UnreadableRecordingError(f"{name}: there is no such file")
    try:
        with soundfile.SoundFile(io.BytesIO(source) if isinstance(source, bytes) else str(source)) as file:
            if file.format not in _FORMATS:
                raise UnreadableRecordingError(f"{name} is {file.format}; give a WAV or FLAC file with two channels")
            if file.channels != 2:
                raise UnreadableRecordingError(
                    f"{name} has {file.channels} channel(s); a call recording has two: left = agent, right = patient"
                )
            stereo = file.read(dtype="float32", always_2d=True)
            rate = int(file.samplerate)
    except soundfile.LibsndfileError as error:
        raise UnreadableRecordingError(
            f"{name} cannot be read as sound ({error.error_string}); give a WAV or FLAC file with two channels"
        ) from error
    return call_audio_from(stereo, rate)


def call_audio_from(stereo: npt.NDArray[np.float32], rate: int) -> CallAudio:
    """Both sides out of an array of frames × 2."""
    if stereo.ndim != 2 or stereo.shape[1] != 2:
        raise UnreadableRecordingError(f"the sound has the shape {stereo.shape}; frames × 2 channels are needed")
    return CallAudio(agent=_at_model_rate(stereo[:, 0], rate), patient=_at_model_rate(stereo[:, 1], rate))


def _at_model_rate(channel: npt.NDArray[np.float32], rate: int) -> Samples:
    if rate == SAMPLE_RATE:
        return np.ascontiguousarray(channel, dtype=np.float32)
    resampled: Samples = soxr.resample(np.ascontiguousarray(channel), rate, SAMPLE_RATE).astype(np.float32, copy=False)
    return resampled
