"""A call's two spool files as one stereo FLAC: left is the agent, right is the patient, both on one clock."""

import io
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import structlog

from runtime.wav_repair import NotRepairableError, repair_wav

log = structlog.get_logger(__name__)

Mono = npt.NDArray[np.int16]
Stereo = npt.NDArray[np.int16]
"""Frames × 2: agent, patient."""

SAMPLE_RATE = 8000
AGENT_FILE = "agent.wav"
PATIENT_FILE = "patient.wav"
START_FILE = "recording.json"
SPOOL_FILES = (AGENT_FILE, PATIENT_FILE, START_FILE)


class UnusableRecordingError(ValueError):
    """The spool folder holds nothing that could be stored; the sentence says why, and trying again will not help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """When the recording began, and by how many samples each side's file began later than that."""

    started_at: datetime
    agent_offset: int
    patient_offset: int
    sample_rate: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CallSound:
    """Both sides aligned; `started_at` is None and `remark` says why when the recorder left no word of its start."""

    stereo: Stereo
    started_at: datetime | None
    remark: str = ""

    @property
    def seconds(self) -> float:
        """Length of the recording."""
        return len(self.stereo) / SAMPLE_RATE


def read_spool(folder: Path) -> CallSound:
    """The sound that the recorder left in `folder`, headers mended where it was killed.

    A side that has no file, or a file without a beginning, becomes silence: the other side's words are kept.
    """
    if not folder.is_dir():
        raise UnusableRecordingError(
            f"the spool folder {folder} is gone; if the call was recorded on another machine, "
            "this worker must see that machine's spool folder"
        )
    remark = ""
    start: Start | None = None
    try:
        start = read_start(folder / START_FILE)
    except FileNotFoundError:
        remark = f"{START_FILE} is missing: both sides were taken to begin together"
    except ValueError as error:
        remark = f"{START_FILE} cannot be read ({error}): both sides were taken to begin together"
    if remark:
        log.warning("recording_start_unknown", spool=folder.name)
    if start is not None and start.sample_rate != SAMPLE_RATE:
        raise UnusableRecordingError(
            f"{folder / START_FILE} tells of {start.sample_rate} Hz; recordings are made at {SAMPLE_RATE} Hz"
        )
    sides = {name: _read_side(folder / name) for name in (AGENT_FILE, PATIENT_FILE)}
    if not any(side.size for side in sides.values()):
        raise UnusableRecordingError(f"neither {AGENT_FILE} nor {PATIENT_FILE} in {folder} holds any sound")
    return CallSound(
        stereo=aligned(
            sides[AGENT_FILE],
            sides[PATIENT_FILE],
            agent_offset=start.agent_offset if start else 0,
            patient_offset=start.patient_offset if start else 0,
        ),
        started_at=start.started_at if start else None,
        remark=remark,
    )


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
    if start.agent_offset < 0 or start.patient_offset < 0:
        raise ValueError("an offset is below zero")
    return start


def aligned(agent: Mono, patient: Mono, *, agent_offset: int, patient_offset: int) -> Stereo:
    """Both sides moved back by their offsets, silence wherever a side has no sound."""
    stereo = np.zeros((max(agent_offset + agent.size, patient_offset + patient.size), 2), dtype=np.int16)
    stereo[agent_offset : agent_offset + agent.size, 0] = agent
    stereo[patient_offset : patient_offset + patient.size, 1] = patient
    return stereo


def to_flac(stereo: Stereo) -> bytes:
    """The same samples as FLAC, lossless; the same sound gives the same bytes."""
    file = io.BytesIO()
    soundfile.write(file, stereo, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    return file.getvalue()


def _read_side(path: Path) -> Mono:
    if not path.is_file():
        return np.zeros(0, dtype=np.int16)
    try:
        repair_wav(path)
    except NotRepairableError as error:
        log.warning("recording_side_empty", spool=path.parent.name, channel=path.stem, reason=str(error))
        return np.zeros(0, dtype=np.int16)
    try:
        with soundfile.SoundFile(path) as sound:
            if (sound.samplerate, sound.channels, sound.subtype) != (SAMPLE_RATE, 1, "PCM_16"):
                raise UnusableRecordingError(
                    f"{path} is {sound.samplerate} Hz, {sound.channels} channel(s), {sound.subtype}; "
                    f"recordings are made at {SAMPLE_RATE} Hz, 1 channel, PCM_16"
                )
            samples: Mono = sound.read(dtype="int16")
    except soundfile.LibsndfileError as error:
        raise UnusableRecordingError(f"{path} cannot be read as sound: {error.error_string}") from error
    return samples
