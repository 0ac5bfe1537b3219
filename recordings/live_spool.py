"""The sound of a call that goes on, read from the two files that its recorder is writing: no second tap of the line."""

import os
from pathlib import Path
from typing import BinaryIO

import structlog

from followup.ports import LiveSound
from recordings.audio import AGENT_FILE, PATIENT_FILE, SAMPLE_RATE, START_FILE, read_start
from runtime.wav_repair import NotRepairableError, find_samples

log = structlog.get_logger(__name__)

_SAMPLE_BYTES = 2
_HEADER_BYTES = 4096
_MOST_SECONDS = 30
"""Read at once: whoever fell behind catches up in bounded pieces."""


class SpoolAudio:
    """A LiveAudio over a spool folder. It keeps both files open, so that they can be read when they are moved away."""

    def __init__(self, folder: Path, from_second: float) -> None:
        start = read_start(folder / START_FILE)
        if start.sample_rate != SAMPLE_RATE:
            raise ValueError(f"{folder / START_FILE} tells of {start.sample_rate} Hz, not {SAMPLE_RATE}")
        self._position = max(0, round(from_second * SAMPLE_RATE))
        self._sides: list[_GrowingFile] = []
        try:
            for name, offset in ((AGENT_FILE, start.agent_offset), (PATIENT_FILE, start.patient_offset)):
                self._sides.append(_GrowingFile(folder / name, offset))
        except (OSError, ValueError):
            self.close()
            raise

    @property
    def sample_rate(self) -> int:
        """Samples of each side in a second."""
        return SAMPLE_RATE

    def read(self) -> LiveSound:
        """What both files have more than at the last reading; what only one of them has stays for the next."""
        end = min(*(side.end() for side in self._sides), self._position + _MOST_SECONDS * SAMPLE_RATE)
        if end <= self._position:
            return LiveSound()
        agent, patient = (side.samples(self._position, end) for side in self._sides)
        self._position = end
        return LiveSound(agent=agent, patient=patient)

    def close(self) -> None:
        """Close both files."""
        for side in self._sides:
            side.close()
        self._sides.clear()


class SpoolSource:
    """A LiveAudioSource over the spool folders that this machine's telephony node writes."""

    def open(self, spool: str, from_second: float) -> SpoolAudio | None:
        """The sound of the recording in this folder; None while its recorder has not written its first words."""
        try:
            return SpoolAudio(Path(spool), from_second)
        except (FileNotFoundError, NotRepairableError):
            return None
        except (ValueError, OSError) as error:
            log.warning("live_spool_unreadable", spool=Path(spool).name, reason=str(error))
            return None


class _GrowingFile:
    """One side's WAV; its sample 0 is `offset` samples after the recording's start."""

    def __init__(self, path: Path, offset: int) -> None:
        self._offset = offset
        with path.open("rb") as looked_at:
            self._samples_at, frame = find_samples(path, looked_at.read(_HEADER_BYTES))
        if frame != _SAMPLE_BYTES:
            raise ValueError(f"{path} has {frame} bytes for each sample; recordings have {_SAMPLE_BYTES}, mono")
        self._file: BinaryIO = path.open("rb")

    def end(self) -> int:
        """The sample of the recording's clock up to which the file has sound."""
        size = os.fstat(self._file.fileno()).st_size
        return self._offset + max(0, size - self._samples_at) // _SAMPLE_BYTES

    def samples(self, start: int, end: int) -> bytes:
        """The samples between two points of the recording's clock, silence before the file's first."""
        silence = bytes(max(0, min(end, self._offset) - start) * _SAMPLE_BYTES)
        first = max(start, self._offset) - self._offset
        self._file.seek(self._samples_at + first * _SAMPLE_BYTES)
        wanted = (end - start) * _SAMPLE_BYTES - len(silence)
        read = self._file.read(wanted)
        # Cut meanwhile by whoever mended it: silence keeps both sides on one clock.
        return silence + read + bytes(wanted - len(read))

    def close(self) -> None:
        """Let the file go."""
        self._file.close()
