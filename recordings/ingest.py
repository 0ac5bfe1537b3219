"""From the spool into the vault: one aligned, checksummed file for each call. The file first, then the row."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import structlog

from db.unit_of_work import UnitOfWork
from followup.events import EventKind
from followup.recordings import Recording, RecordingState, RecordingTrigger, next_recording_state
from recordings.audio import SAMPLE_RATE, SPOOL_FILES, CallSound, UnusableRecordingError, read_spool, to_flac
from recordings.object_store import ObjectStore, recording_uri
from recordings.peaks import peaks

log = structlog.get_logger(__name__)

_TO_STORE = (RecordingState.CAPTURED, RecordingState.FAILED)
_IN_VAULT = (RecordingState.STORED, RecordingState.TRANSCRIBED)


def ingest(units_of_work: Callable[[], UnitOfWork], store: ObjectStore, recording_id: str) -> None:
    """Store a captured recording; may run twice, also at the same time, and be killed anywhere.

    The spool is emptied only after the row is committed. What cannot be stored at all is failed with its reason and
    keeps its spool; every other error is the caller's to try again.
    """
    with units_of_work() as uow:
        recording = uow.recordings.get(recording_id)
    if recording is None:
        log.error("recording_unknown", recording=recording_id)
        return
    if recording.state in _IN_VAULT:
        _empty_spool(recording)
    elif recording.state not in _TO_STORE or recording.spool is None or recording.uri is not None:
        log.info("recording_not_to_store", recording=recording_id, state=recording.state.value)
    else:
        try:
            sound = read_spool(Path(recording.spool))
        except UnusableRecordingError as error:
            park(units_of_work, recording_id, str(error))
        else:
            _keep(units_of_work, store, recording, sound)


def park(units_of_work: Callable[[], UnitOfWork], recording_id: str, reason: str) -> None:
    """Fail a recording that is not in the vault yet, with the reason in words; once it is, nothing changes."""
    with units_of_work() as uow:
        recording = uow.recordings.for_update(recording_id)
        if recording is None or recording.state is not RecordingState.CAPTURED:
            return
        uow.emit(recording.fail(reason))
        uow.commit()
    log.error("recording_failed", recording=recording_id, reason=reason)


def _keep(units_of_work: Callable[[], UnitOfWork], store: ObjectStore, recording: Recording, sound: CallSound) -> None:
    flac = to_flac(sound.stereo)
    with units_of_work() as uow:
        started_at = sound.started_at or recording.started_at or uow.now
    uri = recording_uri(recording.id, started_at)
    store.put(uri, flac)
    with units_of_work() as uow:
        row = uow.recordings.for_update(recording.id)
        if row is None or row.state not in _TO_STORE or row.uri is not None:
            return  # another run was faster; its file is this file
        row.state = next_recording_state(row.state, RecordingTrigger.STORE)
        row.reason = sound.remark
        row.uri = uri
        row.sha256 = hashlib.sha256(flac).hexdigest()
        row.size = len(flac)
        row.started_at = started_at
        row.seconds = sound.seconds
        row.channels = sound.stereo.shape[1]
        row.sample_rate = SAMPLE_RATE
        row.peaks = peaks(sound.stereo)
        row.stored_at = uow.now
        uow.emit(row.event(EventKind.RECORDING_STORED))
        uow.commit()
    log.info("recording_stored", recording=recording.id, seconds=round(sound.seconds, 1), size=len(flac))
    _empty_spool(recording)


def _empty_spool(recording: Recording) -> None:
    """Take away what a recorder writes, and the folder if nothing else lies in it."""
    folder = Path(recording.spool or "")
    if recording.spool is None or not folder.is_dir():
        return
    for name in SPOOL_FILES:
        (folder / name).unlink(missing_ok=True)
    if any(folder.iterdir()):
        log.warning("spool_not_empty", recording=recording.id)
    else:
        folder.rmdir()
