"""Call recordings as sound: left is the agent, right is the patient, both at the rate the models hear."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from transcription.transcriber import SAMPLE_RATE, Samples

Stereo = npt.NDArray[np.float32]
"""Frames × 2: agent, patient."""

PART_SECONDS = 300.0
"""Longer calls are heard in such parts: four hours at once would take six gigabytes."""

_LOOKED_FOR_SECONDS = 60.0
_QUIET_SECONDS = 0.5
_FORMATS = frozenset({"WAV", "WAVEX", "RF64", "FLAC"})
_RATES = (8_000, 192_000)
_LONGEST_SECONDS = 86_400
_LOUDEST = 8.0
"""Samples with a fraction may lie a little over full scale; beyond this they are on another scale."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPart:
    """A part of a call: where it begins, and how long the whole call is."""

    audio: CallAudio
    begins: float
    of_seconds: float


def read_call_audio(source: Path | bytes) -> CallAudio:
    """Read a stereo WAV or FLAC (a path, or the file's bytes); UnreadableRecordingError says what is wrong with it."""
    with _opened(source) as file:
        return call_audio_from(_frames(file, file.frames), int(file.samplerate))


def call_seconds(source: Path | bytes) -> float:
    """How long a call's recording is, as its header says; UnreadableRecordingError if it is none."""
    with _opened(source) as file:
        return float(file.frames) / float(file.samplerate)


def call_parts(source: CallAudio | Path | bytes, seconds: float = PART_SECONDS) -> Iterator[CallPart]:
    """A call in order, in parts of at most so many seconds that end where both sides are quiet.

    Of a file no more than one part is in memory.
    """
    if isinstance(source, CallAudio):
        stereo = np.stack([source.agent, source.patient], axis=1) if source.seconds > seconds else None
        if stereo is None:
            yield CallPart(audio=source, begins=0.0, of_seconds=source.seconds)
            return
        yield from _parts(lambda at, count: stereo[at : at + count], len(stereo), SAMPLE_RATE, seconds)
        return
    with _opened(source) as file:
        yield from _parts(lambda _, count: _frames(file, count), file.frames, int(file.samplerate), seconds)


def _parts(read: Callable[[int, int], Stereo], frames: int, rate: int, seconds: float) -> Iterator[CallPart]:
    longest = round(seconds * rate)
    carried: Stereo = np.zeros((0, 2), np.float32)
    at = 0  # the first frame that is not read yet
    while at < frames or carried.size:
        count = min(longest - len(carried), frames - at)
        part = np.concatenate([carried, read(at, count)]) if count else carried
        begins, at = at - len(carried), at + count
        end = len(part) if at == frames else _quiet_moment(part, rate)
        carried = part[end:].copy()
        yield CallPart(audio=call_audio_from(part[:end], rate), begins=begins / rate, of_seconds=frames / rate)


def _quiet_moment(part: Stereo, rate: int) -> int:
    """The middle of the quietest stretch at a part's end: a pause of both, for a cut word would be two."""
    frame = rate // 20
    tail = part[-round(min(_LOOKED_FOR_SECONDS * rate, len(part) / 2)) :]
    whole = tail[: len(tail) // frame * frame].reshape(-1, frame, 2)
    power = np.mean(np.square(whole), axis=1).max(axis=1)
    stretch = round(_QUIET_SECONDS * rate / frame)
    sums = np.convolve(power, np.ones(stretch), mode="valid")
    return len(part) - len(tail) + (int(np.argmin(sums)) + stretch // 2) * frame


@contextmanager
def _opened(source: Path | bytes) -> Iterator[soundfile.SoundFile]:
    """The file, once its header is that of a call; what turns out to be wrong while it is read is told the same way."""
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
            if not _RATES[0] <= file.samplerate <= _RATES[1]:
                raise UnreadableRecordingError(
                    f"{name} has {file.samplerate} samples a second; speech needs {_RATES[0]} to {_RATES[1]}"
                )
            if not file.frames:
                raise UnreadableRecordingError(
                    f"{name} holds no sound, or its recorder was killed before it wrote the length into the header: "
                    "mend the header first"
                )
            if file.frames > _LONGEST_SECONDS * file.samplerate:
                raise UnreadableRecordingError(f"{name} does not say how long it is; write it anew with its length")
            yield file
    except soundfile.LibsndfileError as error:
        raise UnreadableRecordingError(
            f"{name} cannot be read as sound ({error.error_string}); give a WAV or FLAC file with two channels"
        ) from error


def _frames(file: soundfile.SoundFile, count: int) -> Stereo:
    """The next frames; a file that holds fewer than it promised, or samples that are no sound, is refused."""
    stereo: Stereo = file.read(count, dtype="float32", always_2d=True)
    if len(stereo) != count:
        raise UnreadableRecordingError(
            f"the recording breaks off: {len(stereo)} of {count} samples could be read; it is damaged"
        )
    np.nan_to_num(stereo, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    loudest = float(np.abs(stereo).max(initial=0.0))
    if loudest > _LOUDEST:
        raise UnreadableRecordingError(
            f"the recording is {loudest:.0f} times as loud as a file can be; write its samples between -1 and 1"
        )
    return stereo


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
