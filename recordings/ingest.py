"""From the spool into the vault: one aligned, checksummed file for each call. The file first, then the row."""

import hashlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import structlog

from db.unit_of_work import UnitOfWork
from followup.events import EventKind
from followup.recordings import DISK_FULL, REASON_LENGTH, RecordingState, RecordingTrigger, next_recording_state
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
        state, uri, started_at = recording.state, recording.uri, recording.started_at or uow.now
        spool = Path(recording.spool) if recording.spool else None
    if spool is not None and state in _IN_VAULT:
        _empty(spool)
    elif spool is None or uri is not None or state not in _TO_STORE:
        log.info("recording_not_to_store", recording=recording_id, state=state.value)
    else:
        try:
            sound = read_spool(spool)
        except UnusableRecordingError as error:
            park(units_of_work, recording_id, str(error))
        else:
            _keep(units_of_work, store, recording_id, sound, sound.started_at or started_at)
            _empty(spool)


def park(units_of_work: Callable[[], UnitOfWork], recording_id: str, reason: str) -> None:
    """Fail a recording that is not in the vault yet, with the reason in words; once it is, nothing changes."""
    with units_of_work() as uow:
        recording = uow.recordings.for_update(recording_id)
        if recording is None or recording.state is not RecordingState.CAPTURED:
            return
        uow.emit(recording.fail(reason))
        uow.commit()
    log.error("recording_failed", recording=recording_id, reason=reason)


def _keep(
    units_of_work: Callable[[], UnitOfWork],
    store: ObjectStore,
    recording_id: str,
    sound: CallSound,
    started_at: datetime,
) -> None:
    flac = to_flac(sound.stereo)
    uri = recording_uri(recording_id, started_at)
    store.put(uri, flac)
    with units_of_work() as uow:
        recording = uow.recordings.for_update(recording_id)
        if recording is None or recording.state not in _TO_STORE or recording.uri is not None:
            return  # another run was faster; its file is this file
        recording.state = next_recording_state(recording.state, RecordingTrigger.STORE)
        before = recording.reason if recording.reason == DISK_FULL else ""
        recording.reason = "; ".join(said for said in (before, sound.remark) if said)[:REASON_LENGTH]
        recording.uri = uri
        recording.sha256 = hashlib.sha256(flac).hexdigest()
        recording.size = len(flac)
        recording.started_at = started_at
        recording.seconds = sound.seconds
        recording.channels = sound.stereo.shape[1]
        recording.sample_rate = SAMPLE_RATE
        recording.peaks = peaks(sound.stereo)
        recording.stored_at = uow.now
        uow.emit(recording.event(EventKind.RECORDING_STORED))
        uow.commit()
    log.info("recording_stored", recording=recording_id, seconds=round(sound.seconds, 1), size=len(flac))


def _empty(spool: Path) -> None:
    """Take away what a recorder writes, and the folder if nothing else lies in it."""
    for name in SPOOL_FILES:
        (spool / name).unlink(missing_ok=True)
    try:
        spool.rmdir()
    except FileNotFoundError:
        return
    except OSError as error:
        log.warning("spool_not_emptied", spool=spool.name, reason=error.strerror)
