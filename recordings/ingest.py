"""From the spool into the vault: one aligned, checksummed file for each call. The file first, then the row."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog

from db.unit_of_work import UnitOfWork
from followup.events import EventKind
from followup.ledger import LedgerKind
from followup.recordings import (
    DISK_FULL,
    REASON_LENGTH,
    STORE_AWAY,
    FaultKind,
    RecordingFault,
    RecordingState,
    RecordingTrigger,
    next_recording_state,
)
from recordings.audio import (
    SAMPLE_RATE,
    SPOOL_FILES,
    CallSound,
    NoRoomError,
    Original,
    UnusableRecordingError,
    read_spool,
    write_original,
)
from recordings.object_store import ObjectStoreError, SoundStore, recording_uri
from recordings.wrapping_keys import WrappingKeyError

log = structlog.get_logger(__name__)

_TO_STORE = (RecordingState.CAPTURED, RecordingState.FAILED)
_IN_VAULT = (RecordingState.STORED, RecordingState.TRANSCRIBED)
_TWO_CHANNELS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What the row said of the recording when it was last looked at."""

    state: RecordingState
    in_vault: bool
    spool: Path | None
    started_at: datetime

    @property
    def is_to_store(self) -> bool:
        return self.state in _TO_STORE and not self.in_vault and self.spool is not None


def ingest(units_of_work: Callable[[], UnitOfWork], store: SoundStore, recording_id: str) -> None:
    """Store a captured recording; may run twice, also at the same time, and be killed anywhere.

    The spool is emptied only after the row is committed. What cannot be stored at all is failed with its reason and
    keeps its spool. While the store or the disk takes nothing the recording waits in its spool and says so; every
    other error is the caller's to try again.
    """
    asked = _asked(units_of_work, recording_id)
    if asked is None:
        log.error("recording_unknown", recording=recording_id)
        return
    if asked.spool is not None and asked.spool.is_dir():
        with _alone_in(asked.spool):
            # Whoever was here before may have stored it while this run waited.
            _store(units_of_work, store, recording_id, _asked(units_of_work, recording_id) or asked)
    else:
        _store(units_of_work, store, recording_id, asked)


def park(units_of_work: Callable[[], UnitOfWork], recording_id: str, reason: str) -> None:
    """Fail a recording that is not in the vault yet, with the reason in words; once it is, nothing changes."""
    with units_of_work() as uow:
        recording = uow.recordings.for_update(recording_id)
        if recording is None or recording.state is not RecordingState.CAPTURED:
            return
        uow.emit(recording.fail(reason))
        uow.commit()
    log.error("recording_failed", recording=recording_id, reason=reason)


def _asked(units_of_work: Callable[[], UnitOfWork], recording_id: str) -> _Asked | None:
    with units_of_work() as uow:
        recording = uow.recordings.get(recording_id)
        if recording is None:
            return None
        return _Asked(
            state=recording.state,
            in_vault=recording.uri is not None,
            spool=Path(recording.spool) if recording.spool else None,
            started_at=recording.started_at or uow.now,
        )


def _store(units_of_work: Callable[[], UnitOfWork], store: SoundStore, recording_id: str, asked: _Asked) -> None:
    if asked.spool is not None and asked.state in _IN_VAULT:
        _empty(asked.spool)
        return
    if asked.spool is None or not asked.is_to_store:
        log.info("recording_not_to_store", recording=recording_id, state=asked.state.value)
        return
    try:
        sound = read_spool(asked.spool)
        started_at = sound.started_at or asked.started_at
        uri = recording_uri(recording_id, started_at, sealed=store.seals)
        store.exists(uri)  # a store that is away says so before an hour of sound was packed for it
        original = write_original(sound, asked.spool)
        store.put_file(uri, original.path)
    except UnusableRecordingError as error:
        park(units_of_work, recording_id, str(error))
    except (ObjectStoreError, NoRoomError, WrappingKeyError) as error:
        _wait(units_of_work, recording_id, str(error))
    else:
        _keep(units_of_work, recording_id, sound, original, uri=uri, started_at=started_at, encrypted=store.seals)
        _empty(asked.spool)


def _wait(units_of_work: Callable[[], UnitOfWork], recording_id: str, reason: str) -> None:
    """It stays where it is and is asked for again; whoever looks at it reads why."""
    with units_of_work() as uow:
        recording = uow.recordings.for_update(recording_id)
        if recording is not None and recording.state is RecordingState.CAPTURED:
            recording.reason = f"{STORE_AWAY}: {reason}"[:REASON_LENGTH]
            uow.commit()
    log.error("recording_waits_for_the_store", recording=recording_id, reason=reason)


def _keep(
    units_of_work: Callable[[], UnitOfWork],
    recording_id: str,
    sound: CallSound,
    original: Original,
    *,
    uri: str,
    started_at: datetime,
    encrypted: bool,
) -> None:
    with units_of_work() as uow:
        recording = uow.recordings.for_update(recording_id)
        if recording is not None and recording.state is RecordingState.EXPIRED and recording.uri != uri:
            # Its time ended while it was being stored: what was written is nobody's, and no row would ever name it.
            uow.vault.destroy_key(uri)
            uow.vault.leave(uri)
            uow.commit()
            log.warning("recording_stored_too_late", recording=recording_id)
            return
        if recording is None or recording.state not in _TO_STORE or recording.uri is not None:
            return  # another run was faster; its file is this file
        cut = (RecordingFault(kind=FaultKind.DISK_FULL),) if recording.reason == DISK_FULL else ()
        recording.state = next_recording_state(recording.state, RecordingTrigger.STORE)
        recording.reason = DISK_FULL if cut else ""
        recording.faults = [*cut, *sound.faults]
        recording.uri = uri
        recording.encrypted = encrypted
        recording.sha256 = original.sha256
        recording.samples_sha256 = original.samples_sha256
        recording.size = original.size
        recording.started_at = started_at
        recording.seconds = sound.seconds
        recording.channels = _TWO_CHANNELS
        recording.sample_rate = SAMPLE_RATE
        recording.peaks = original.peaks
        recording.stored_at = uow.now
        uow.vault.enter(LedgerKind.STORED, recording)
        if recording.legal_hold:  # it came under a hold while it lay in the spool
            uow.vault.enter(LedgerKind.HELD, recording)
        uow.emit(recording.event(EventKind.RECORDING_STORED))
        uow.commit()
    log.info(
        "recording_stored",
        recording=recording_id,
        seconds=round(sound.seconds, 1),
        size=original.size,
        faults=[fault.kind.value for fault in sound.faults],
    )


@contextmanager
def _alone_in(spool: Path) -> Iterator[None]:
    """One run at a time in a spool folder; the lock goes with the process that holds it."""
    folder = os.open(spool, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


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
