"""A call's two spool files as one stereo FLAC: left is the agent, right is the patient, both on one clock.

Everything goes block by block, so that four hours need no more memory than four seconds.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import structlog

from followup.recordings import Channel, FaultKind, RecordingFault
from recordings.peaks import PeakMeter
from runtime.wav_repair import NotRepairableError, repair_wav

log = structlog.get_logger(__name__)

Mono = npt.NDArray[np.int16]
Stereo = npt.NDArray[np.int16]
"""Frames × 2: agent, patient."""

SAMPLE_RATE = 8000
AGENT_FILE = "agent.wav"
PATIENT_FILE = "patient.wav"
START_FILE = "recording.json"
ORIGINAL_FILE = "original.flac"
"""What the vault takes, made beside the recorder's files; whatever of it a killed run left is written over."""

SPOOL_FILES = (AGENT_FILE, PATIENT_FILE, START_FILE, ORIGINAL_FILE)

BLOCK_FRAMES = 60 * SAMPLE_RATE
LONGEST_OFFSET = 3600 * SAMPLE_RATE
SHORT_SIDE_SECONDS = 2.0
"""Both sides are written by one recorder and end together; one that ends so much earlier has lost something."""

_BYTES_PER_FRAME = 4
_HEADER_BYTES = 256
"""What was never begun is no longer than this."""
_READ_BYTES = 1024 * 1024


class UnusableRecordingError(ValueError):
    """The spool folder holds nothing that could be stored; the sentence says why, and trying again will not help."""


class NoRoomError(OSError):
    """The spool's disk has no room for the file that the vault takes; it may have some later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """When the recording began, and by how many samples each side's file began later than that."""

    started_at: datetime
    agent_offset: int
    patient_offset: int
    sample_rate: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side's file: where it begins on the call's clock and how many samples it has; no path: it is silence."""

    path: Path | None
    offset: int = 0
    samples: int = 0

    @property
    def end(self) -> int:
        """Where the side's sound ends; a side without any ends nowhere."""
        return self.offset + self.samples if self.samples else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSound:
    """Both sides on one clock; `started_at` is None when the recorder left no word of its start."""

    agent: Side
    patient: Side
    started_at: datetime | None
    faults: tuple[RecordingFault, ...] = ()

    @property
    def frames(self) -> int:
        """How many samples each channel has."""
        return max(self.agent.end, self.patient.end)

    @property
    def seconds(self) -> float:
        """Length of the recording."""
        return self.frames / SAMPLE_RATE

    def blocks(self, frames: int = BLOCK_FRAMES) -> Iterator[Stereo]:
        """The sound in order, silence wherever a side has none."""
        with ExitStack() as open_files:
            lanes = [
                (side, open_files.enter_context(soundfile.SoundFile(side.path)) if side.path else None)
                for side in (self.agent, self.patient)
            ]
            for begin in range(0, self.frames, frames):
                block = np.zeros((min(frames, self.frames - begin), 2), dtype=np.int16)
                for channel, (side, file) in enumerate(lanes):
                    first, last = max(begin, side.offset), min(begin + len(block), side.end)
                    if file is None or first >= last:
                        continue
                    read: Mono = file.read(last - first, dtype="int16")
                    if read.size != last - first:
                        raise UnusableRecordingError(
                            f"{side.path} gave {read.size} of {last - first} samples: it changed while it was read"
                        )
                    block[first - begin : last - begin, channel] = read
                yield block


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """The file that the vault takes: proven to hold every sample of the spool."""

    path: Path
    sha256: str
    samples_sha256: str  # of the stereo samples themselves, whatever packs them: 16 bits, little-endian, agent first
    size: int
    peaks: dict[str, object]


def read_spool(folder: Path) -> CallSound:
    """The sound that the recorder left in `folder`, headers mended where it was killed; no sample is read yet.

    A side that has no file, or a file without a beginning, becomes silence: the other side's words are kept.
    """
    if not folder.is_dir():
        raise UnusableRecordingError(
            f"the spool folder {folder} is gone; if the call was recorded on another machine, "
            "this worker must see that machine's spool folder"
        )
    faults: list[RecordingFault] = []
    start: Start | None = None
    try:
        start = read_start(folder / START_FILE)
    except (FileNotFoundError, ValueError) as error:
        faults.append(RecordingFault(kind=FaultKind.START_UNKNOWN))
        log.warning("recording_start_unknown", spool=folder.name, reason=str(error))
    if start is not None and start.sample_rate != SAMPLE_RATE:
        raise UnusableRecordingError(
            f"{folder / START_FILE} tells of {start.sample_rate} Hz; recordings are made at {SAMPLE_RATE} Hz"
        )
    agent = _read_side(folder / AGENT_FILE, Channel.AGENT, start.agent_offset if start else 0, faults)
    patient = _read_side(folder / PATIENT_FILE, Channel.PATIENT, start.patient_offset if start else 0, faults)
    if not agent.samples and not patient.samples:
        raise UnusableRecordingError(f"neither {AGENT_FILE} nor {PATIENT_FILE} in {folder} holds any sound")
    if agent.samples and patient.samples:
        missing = abs(agent.end - patient.end) / SAMPLE_RATE
        if missing > SHORT_SIDE_SECONDS:
            shorter = Channel.AGENT if agent.end < patient.end else Channel.PATIENT
            faults.append(RecordingFault(kind=FaultKind.SIDE_SHORT, channel=shorter, seconds=round(missing, 1)))
    return CallSound(agent=agent, patient=patient, started_at=start.started_at if start else None, faults=tuple(faults))


def read_start(path: Path) -> Start:
    """What the recorder noted at its start; ValueError names what is wrong with it."""
    noted = json.loads(path.read_text(encoding="utf-8"))
    try:
        start = Start(
            started_at=datetime.fromisoformat(noted["started_at"]).astimezone(UTC),
            agent_offset=int(noted["agent_offset_samples"]),
            patient_offset=int(noted["patient_offset_samples"]),
            sample_rate=int(noted["sample_rate"]),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"it lacks {error}") from error
    if not (0 <= start.agent_offset <= LONGEST_OFFSET and 0 <= start.patient_offset <= LONGEST_OFFSET):
        raise ValueError("an offset is below zero or above an hour")
    return start


def write_original(sound: CallSound, folder: Path) -> Original:
    """The sound as FLAC in `folder`, read back and compared sample by sample; the same sound gives the same bytes."""
    free = shutil.disk_usage(folder).free
    if free < sound.frames * _BYTES_PER_FRAME:
        raise NoRoomError(
            f"{folder} has {free // 2**20} MiB of room and {ORIGINAL_FILE} may need "
            f"{sound.frames * _BYTES_PER_FRAME // 2**20 + 1}; make room on the spool's disk"
        )
    path = folder / ORIGINAL_FILE
    said, meter = hashlib.sha256(), PeakMeter()
    try:
        with soundfile.SoundFile(path, "w", SAMPLE_RATE, 2, format="FLAC", subtype="PCM_16") as file:
            for block in sound.blocks():
                file.write(block)
                said.update(block.tobytes())
                meter.hear(block)
    except soundfile.LibsndfileError as error:
        raise NoRoomError(f"{path} cannot be written: {error.error_string}") from error
    if _samples_of(path) != said.hexdigest():
        raise NoRoomError(f"{path} does not hold what was written into it: its disk is full or broken")
    with path.open("rb") as written:
        os.fsync(written.fileno())
    return Original(
        path=path,
        sha256=sha256_of(path),
        samples_sha256=said.hexdigest(),
        size=path.stat().st_size,
        peaks=meter.peaks(),
    )


def _samples_of(path: Path) -> str:
    heard = hashlib.sha256()
    try:
        for block in soundfile.blocks(path, BLOCK_FRAMES, dtype="int16", always_2d=True):
            heard.update(block.tobytes())
    except soundfile.LibsndfileError as error:
        raise NoRoomError(f"{path} cannot be read back: {error.error_string}") from error
    return heard.hexdigest()


def sha256_of(path: Path) -> str:
    """The checksum of a file of any size."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(_READ_BYTES):
            digest.update(part)
    return digest.hexdigest()


def _read_side(path: Path, channel: Channel, offset: int, faults: list[RecordingFault]) -> Side:
    if not path.is_file():
        faults.append(RecordingFault(kind=FaultKind.SIDE_MISSING, channel=channel))
        return Side(path=None)
    try:
        repair_wav(path)
    except NotRepairableError as error:
        if _holds_something(path):
            raise UnusableRecordingError(
                f"{path} has {path.stat().st_size} bytes and no beginning: there may be sound in it; "
                "mend its header, then try the recording again"
            ) from error
        log.warning("recording_side_empty", spool=path.parent.name, channel=channel.value, reason=str(error))
        faults.append(RecordingFault(kind=FaultKind.SIDE_EMPTY, channel=channel))
        return Side(path=None)
    try:
        with soundfile.SoundFile(path) as sound:
            if (sound.samplerate, sound.channels, sound.subtype) != (SAMPLE_RATE, 1, "PCM_16"):
                raise UnusableRecordingError(
                    f"{path} is {sound.samplerate} Hz, {sound.channels} channel(s), {sound.subtype}; "
                    f"recordings are made at {SAMPLE_RATE} Hz, 1 channel, PCM_16"
                )
            samples = sound.frames
    except soundfile.LibsndfileError as error:
        raise UnusableRecordingError(f"{path} cannot be read as sound: {error.error_string}") from error
    if not samples:
        faults.append(RecordingFault(kind=FaultKind.SIDE_EMPTY, channel=channel))
        return Side(path=None)
    return Side(path=path, offset=offset, samples=samples)


def _holds_something(path: Path) -> bool:
    """Whether a file that is no WAV may yet hold sound: more than a header's bytes, and not only zeros."""
    if path.stat().st_size <= _HEADER_BYTES:
        return False
    with path.open("rb") as file:
        while part := file.read(_READ_BYTES):
            if any(part):
                return True
    return False
