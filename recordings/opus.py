"""A smaller copy of a recording for listening over thin lines: Opus in Ogg, both channels; the original stays."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import soundfile
import structlog

from db.recording_copies import RecordingCopy
from db.unit_of_work import UnitOfWork
from followup.recordings import RecordingState
from recordings.audio import BLOCK_FRAMES, SAMPLE_RATE, sha256_of
from recordings.object_store import SEALED, SoundStore
from runtime.settings import private_folder

log = structlog.get_logger(__name__)

CODEC = "opus"
_COPIED = (RecordingState.STORED, RecordingState.TRANSCRIBED)
_COMPRESSION = 0.96
"""libsndfile's scale from 0, the most bits, to 1, the fewest: about 30 kbit/s for both channels of a conversation."""


def copy_uri(uri: str) -> str:
    """Where the copy of a recording lies, beside it."""
    sealed = uri.endswith(SEALED)
    return f"{uri.removesuffix(SEALED).removesuffix('.flac')}.opus{SEALED if sealed else ''}"


def make_copy(units_of_work: Callable[[], UnitOfWork], store: SoundStore, recording_id: str, *, work: Path) -> None:
    """Make the copy of a stored recording unless there is one; may run twice."""
    with units_of_work() as uow:
        recording = uow.recordings.get(recording_id)
        if recording is None or recording.uri is None or recording.state not in _COPIED:
            return
        if uow.recording_copies.of_recording(recording_id) is not None:
            return
        uri = recording.uri
    with tempfile.TemporaryDirectory(dir=private_folder(work)) as folder:
        made = Path(folder) / "copy.opus"
        with store.open(uri) as flac:
            _encode(flac, made)
        size = made.stat().st_size
        checksum = sha256_of(made)
        target = copy_uri(uri)
        store.put_file(target, made)
    with units_of_work() as uow:
        recording = uow.recordings.for_update(recording_id)
        known = uow.recording_copies.of_recording(recording_id)
        if recording is not None and recording.state in _COPIED and known is None:
            uow.recording_copies.add(
                RecordingCopy(
                    recording_id=recording_id, uri=target, sha256=checksum, size=size, codec=CODEC, made_at=uow.now
                )
            )
            uow.commit()
            log.info("recording_copied", recording=recording_id, size=size)
            return
    if recording is None or recording.state is RecordingState.EXPIRED:
        store.delete(target)  # its time ended while it was being copied


def _encode(flac: BinaryIO, target: Path) -> None:
    with soundfile.SoundFile(flac) as original:
        if original.samplerate != SAMPLE_RATE:
            raise ValueError(f"the original has {original.samplerate} Hz; recordings are made at {SAMPLE_RATE} Hz")
        with soundfile.SoundFile(
            target,
            "w",
            SAMPLE_RATE,
            original.channels,
            format="OGG",
            subtype="OPUS",
            compression_level=_COMPRESSION,
        ) as copy:
            for block in original.blocks(BLOCK_FRAMES, dtype="int16", always_2d=True):
                copy.write(block)
